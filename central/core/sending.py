"""What becomes of a message: decided from the channel's answer, the tries, and the time.

    WAITING --taken--> SENDING --taken by the provider--> SENT
                          |---the address, or the words, are refused--> FAILED
                          |---another time--> WAITING (later and later) --too often--> FAILED
                          |---the channel is down--> WAITING, no try is counted, the channel pauses
                          |---nobody knows--> WAITING where twice does no harm, else UNCLEAR
    WAITING --of no use any more--> GIVEN_UP

Twice does no harm where the provider itself knows a message by its name. No module here asks for
the time or draws a number.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from central.core.notice import Kind


class State(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    GIVEN_UP = "given-up"
    UNCLEAR = "unclear"


OPEN = (State.WAITING, State.SENDING)


class Why(StrEnum):
    """Why something was not sent; the pages say each in words, and what to do about it."""

    NO_ADDRESS = "no-address"  # Taken away since, or wiped.
    UNREADABLE = "unreadable"  # Sealed under another secret than central has now.
    TOO_LATE = "too-late"
    OVERTAKEN = "overtaken"  # What it says is not so any more.
    NOT_SPOKEN = "not-spoken"  # The channel, or its template, is not configured any more.
    ADDRESS_REFUSED = "address-refused"
    MESSAGE_REFUSED = "message-refused"
    TEMPLATE_REFUSED = "template-refused"
    HOLDER_REFUSED = "holder-refused"
    LIMITED = "limited"  # So many a day to one number.
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    CREDENTIALS = "credentials"
    UNSAFE = "unsafe"  # No TLS, or not who it should be.
    SENDER_REFUSED = "sender-refused"
    QUOTA = "quota"
    MONEY = "money"
    GARBLED = "garbled"
    SILENT = "silent"  # It took the message, and no answer came.
    DIED = "died"  # The sender ended between sending and writing it down.


@dataclass(frozen=True, slots=True)
class Taken:
    """The provider has it, and calls it so."""

    reference: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """This message will never go."""

    why: Why
    said: str = ""


@dataclass(frozen=True, slots=True)
class Later:
    """This message may go another time; in `pause_seconds` at the earliest."""

    why: Why
    said: str = ""
    pause_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Down:
    """Nothing goes by this channel now, and this message has not gone."""

    why: Why
    said: str = ""
    pause_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Unclear:
    """It may have gone, and nobody knows."""

    why: Why
    said: str = ""


Answer = Taken | Refused | Later | Down | Unclear


@dataclass(frozen=True, slots=True)
class Next:
    """What a message is afterwards."""

    state: State
    tries: int
    due_at: float | None = None
    """None: it is over."""
    why: Why | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """How a channel is: failures in a row, and until when nothing is sent by it."""

    failures: int = 0
    until: float = 0.0
    why: Why | None = None
    said: str = ""


GOOD = Line()
AGAIN_SECONDS = (60.0, 300.0, 900.0, 3600.0, 3 * 3600.0, 6 * 3600.0, 12 * 3600.0)
"""Pauses after each try of a message; together a day."""
TRIES_MAX = len(AGAIN_SECONDS) + 1
PAUSE_SECONDS = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0)
"""Pauses of a channel, by failures in a row."""
HOUR = 3600.0
USEFUL_SECONDS = {
    # About money: it matters whenever the event was.
    Kind.REFUND_WAITS: 7 * 24 * HOUR,
    Kind.REFUNDED: 7 * 24 * HOUR,
    Kind.REFUND_DENIED: 7 * 24 * HOUR,
    Kind.CALLED_OFF: 7 * 24 * HOUR,
    Kind.ADMITTED: 2 * HOUR,
}
"""From when it was written; all else until its ticket opens no door any more."""


def next_of(answer: Answer, tries: int, twice_is_harmless: bool, now: float) -> Next:
    """Return what becomes of a message that was tried `tries` times, this one among them."""
    match answer:
        case Taken():
            return Next(State.SENT, tries, said=answer.reference)
        case Refused():
            return Next(State.FAILED, tries, why=answer.why, said=answer.said)
        case Later():
            return _again(answer.why, answer.said, tries, now, answer.pause_seconds)
        case Down():
            # As soon as the channel is there again, and as if it had not been tried.
            return Next(State.WAITING, max(tries - 1, 0), now, answer.why, answer.said)
        case Unclear():
            if twice_is_harmless:
                return _again(answer.why, answer.said, tries, now, 0.0)
            return Next(State.UNCLEAR, tries, why=answer.why, said=answer.said)
    assert_never(answer)


def line_of(answer: Answer, before: Line, now: float) -> Line:
    """Return how the channel is after an answer."""
    match answer:
        case Taken() | Refused() | Later():
            return GOOD
        case Down() | Unclear():
            failures = before.failures + 1
            pause = PAUSE_SECONDS[min(failures, len(PAUSE_SECONDS)) - 1]
            if isinstance(answer, Down):
                pause = max(pause, answer.pause_seconds)
            return Line(failures, now + pause, answer.why, answer.said)
    assert_never(answer)


def found_sending(tries: int, twice_is_harmless: bool) -> Next | None:
    """Return what becomes of a message whose sender died with it; None: it is sent again.

    Its try was counted when it was taken, so one that ends its sender each time ends, too.
    """
    if not twice_is_harmless:
        return Next(State.UNCLEAR, tries, why=Why.DIED)
    if tries >= TRIES_MAX:
        return Next(State.FAILED, tries, why=Why.DIED)
    return None


def is_useless(kind: Kind, written_at: float, closes: float, now: float) -> bool:
    """Tell whether a message is no use any more: the event is over, or it has become old news."""
    useful = USEFUL_SECONDS.get(kind)
    return now > (closes if useful is None else written_at + useful)


def _again(why: Why, said: str, tries: int, now: float, least_seconds: float) -> Next:
    if tries >= TRIES_MAX:
        return Next(State.FAILED, tries, why=why, said=said)
    pause = max(AGAIN_SECONDS[max(tries, 1) - 1], least_seconds)
    return Next(State.WAITING, tries, now + pause, why, said)
