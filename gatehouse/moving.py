"""`gatehouse ticket move`: the moving code (GH9) of a ticket, made by hand as a phone would."""

import argparse
import time
from collections.abc import Callable

from rules.ticket_class import EventRecord
from rules.verdict import Door, Facts, Refuse, judge
from wire import rotating
from wire import ticket as gh1
from wire.event import Rung
from wire.reason import Reason
from wire.rotating import EVENT_KEY_BYTES, KEY_BYTES, MovingCode
from wire.ticket import Ticket
from wire.words import Words

ANYWHERE = Door("", "", b"", Rung.SIGNATURE_ONLY)
"""No list is asked: what the ticket says of itself is all there is."""


def key_of(length: int) -> Callable[[str], bytes]:
    """Return what reads a key of so many bytes in hex; argparse turns its error into a sentence."""

    def read(text: str) -> bytes:
        try:
            key = bytes.fromhex(text)
        except ValueError:
            key = b""
        if len(key) != length:
            raise argparse.ArgumentTypeError(f"a key of {length} bytes is {2 * length} hex digits")
        return key

    return read


event_key = key_of(EVENT_KEY_BYTES)


def add_to(move: argparse.ArgumentParser, moment: Callable[[str], int]) -> None:
    move.add_argument("text", help="the ticket, GH1")
    keys = move.add_mutually_exclusive_group(required=True)
    keys.add_argument("--event-key", type=event_key, help="of the event, 64 hex digits")
    keys.add_argument("--code-key", type=key_of(KEY_BYTES), help="of the ticket, 40 hex digits")
    move.add_argument("--at", type=moment, metavar="TIME", help="default: now")


def move(asked: argparse.Namespace) -> str:
    """Return the code; raise ValueError with what is wrong with the ticket."""
    text = asked.text.strip()
    read = gh1.read(text.encode(errors="surrogateescape"))
    if isinstance(read, Reason):
        raise ValueError(f"this is no GH1 ticket ({read.value})")
    key = asked.code_key or rotating.key_of(read.ticket.cti, asked.event_key)
    return rotating.text(text.upper(), key, int(time.time()) if asked.at is None else asked.at)


def judged(
    ticket: Ticket, code: MovingCode | None, key: bytes | None, wall: int
) -> tuple[Reason, float | None] | None:
    """Return why a genuine ticket is not good at `wall` (Unix seconds), and since or until when.

    Without the event's key of a code that must move only the time is looked at.
    """
    event = EventRecord(ticket.audience, Words("", ""), rotation_key=key) if key else None
    verdict = judge(Facts(ticket, None, None, event, code=code), ANYWHERE, float(wall), 0.0)
    return (verdict.reason, verdict.since) if isinstance(verdict, Refuse) else None
