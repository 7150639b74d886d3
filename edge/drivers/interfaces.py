"""What the daemons need from hardware: the roles, and what each promises.

Each role has real drivers, `<role>_<technology>.py`, and one simulated one, `<role>_simulated.py`,
beside them. Promises that hold for all of them:

* A driver is made without touching its device and opens it by itself when it is first used.
* A device that goes away is said once (`Lost`), tried again for ever at a calm pace, and said
  once when it is back (`Found`). What was half received before the loss is thrown away.
* Only `DriverError` leaves a driver, and it names the device. Library exceptions never do.
* Nothing blocks the event loop: file descriptors are watched with `loop.add_reader`; a library
  that can only block gets a thread from `edge.runtime.workers`.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.core.notice import Notice
from edge.core.print_job import Result
from edge.core.printer_status import Status
from paper.sheet import Sheet

log = logging.getLogger("drivers")


class DriverError(Exception):
    """The hardware did not do what it was told. The message names the device and what to do."""


class Declined(DriverError):
    """Central was there, and said no: an HTTP status, and its own sentence."""

    def __init__(self, message: str, status: int, why: str = "") -> None:
        super().__init__(message)
        self.status, self.why = status, why


class Deferred(DriverError):
    """Whoever was asked wants to think: the same is to be asked again, so many seconds later."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Impostor(DriverError):
    """Whoever answers in central's place cannot prove to be central."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The device went away; `why` is a sentence for a person."""

    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """The device is there (again)."""


@dataclass(frozen=True, slots=True)
class Code:
    """One code as the reader delivered it, framing removed, nothing else interpreted."""

    data: bytes
    first_byte_uptime: float
    last_byte_uptime: float


@dataclass(frozen=True, slots=True)
class Level:
    """A debounced change of one input. True: contact closed, beam broken, button pressed."""

    active: bool
    uptime: float


@dataclass(frozen=True, slots=True)
class Unwatched:
    """Nobody looked at an input for so long that it may have closed and opened meanwhile."""

    seconds: float


class Reader(Protocol):
    """Reads codes: QR, barcode or card."""

    def codes(self) -> AsyncIterator[Code | Lost | Found]:
        """Yield each code as it is read, for ever. Called once."""


class Relay(Protocol):
    """One output towards the turnstile's board. Off means: no entry granted."""

    async def pulse(self, seconds: float) -> None:
        """Close the contact for `seconds` (0.1 to 1.0), timed by the board where it can.

        Return once the board has taken the command, not when the pulse ends. A pulse while one
        runs is refused: a re-trigger never extends a pulse. Raise DriverError if it was not taken.
        """

    async def hold(self, closed: bool) -> None:
        """Close or open the contact until told otherwise; raise DriverError if not obeyed.

        For lamps and for a board's own free-passage input only, never to let one person pass.
        """

    async def close(self) -> None:
        """Drive the output off and let go of the device. Never raises; may be called twice."""


class Sensor(Protocol):
    """One input: pass contact, beam, fire loop, key switch, cabinet contact."""

    def changes(self) -> AsyncIterator[Level | Lost | Found | Unwatched]:
        """Yield the level first found, then each debounced change, for ever. Called once.

        A contact that closed for its settle time is told of, also late, or `Unwatched` is: what a
        process that stood still has missed is never passed over in silence.
        """


async def held(contact: Sensor) -> AsyncIterator[bool]:
    """Yield whether a contact is held, whenever that changes; one that is lost is not."""
    async for said in contact.changes():
        match said:
            case Level(active, _):
                yield active
            case Lost(why):
                log.error("a contact is lost: %s", why)
                yield False


class Panel(Protocol):
    """What a visitor sees and hears at the lane: lamp, buzzer, words."""

    async def show(self, notice: Notice) -> None:
        """Show `notice`, replacing what was shown. Raise DriverError if it could not be shown."""

    async def close(self) -> None:
        """Dark and silent; never raises."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker has taken the connection and every subscription."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """There is no connection (any more); `why` is a sentence for a person."""

    why: str


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody published. `retained`: before this connection, nobody knows when."""

    topic: str
    payload: bytes
    retained: bool


class Link(Protocol):
    """Messages to and from central, by topic. Nothing is kept across connections."""

    async def run(self) -> None:
        """Connect, and connect again for ever. Never returns; cancel it to disconnect."""

    def messages(self) -> AsyncIterator[Connected | Disconnected | Message]:
        """Yield what comes, for ever. Called once."""

    async def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Return once the broker has taken the message (PUBACK: nobody may ever read it).

        Raise DriverError at once without a connection, or when it ends before the broker answers.
        """


class Fetch(Protocol):
    """Files and answers from central, by path."""

    async def get(self, path: str) -> bytes:
        """Return the whole answer; raise DriverError if there is none, or it is too large.

        Declined and Impostor say more about why there is none.
        """

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Send `body` and return the whole answer; raise as `get` does."""

    async def part(self, path: str, first: int, count: int) -> bytes:
        """Return `count` bytes of a file, from byte `first`; raise DriverError."""

    async def download(self, path: str, target: Path, size_bytes: int) -> None:
        """Make `target` the whole file of `size_bytes`, going on from what is already there.

        Raise DriverError if it could not be finished; what came by then stays for the next try.
        """

    def close(self) -> None:
        """Give up what is under way; never raises."""


class Printer(Protocol):
    """Puts sheets on paper, one at a time, and says what became of each."""

    def looks(self) -> AsyncIterator[Status]:
        """Yield the status first found, then each change of it, for ever. Called once.

        Connecting and looking go on by themselves while somebody waits for the next look. A
        printer that is not there is a status too, and no `Lost`: it is why nothing is printed.
        """

    async def print(self, sheet: Sheet) -> Result:
        """Print and cut `sheet`; return what became of it, at the latest some 30 s after its last
        line could have been printed. Never raises DriverError.

        NOT_PRINTED with `byte` 0: nothing was sent, since the printer was not ready; so it is while
        a sheet stands in its mouth (see `taken`). Nothing is ever sent again by itself, and one
        sheet at a time is taken: a second call waits.
        Cancelling it leaves the outcome unknown, except that nothing more is sent.
        """

    def interrupted(self) -> None:
        """An earlier life broke off in a sheet: what may hang out is no part of the next one.

        The next sheet says so above itself; it is not cut off, since each cut counts as a paper.
        """

    async def taken(self, seconds: float) -> bool | None:
        """Wait until the sheet was taken out of the printer's mouth; False: it was drawn back in.

        None at once where the printer has no mouth with a sensor. After `seconds` it retracts.
        """

    async def close(self) -> None:
        """Let go of the device; never raises; may be called twice."""
