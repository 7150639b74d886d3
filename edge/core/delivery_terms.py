"""What delivery knows, what it is told, and what it asks for; `edge.core.delivery` decides."""

from dataclasses import dataclass
from enum import Enum

from edge.core.ranges import Ranges
from wire.delivery import Ack

LIVE_ROWS_MAX = 20
BACKLOG_ROWS_MAX = 500
WINDOW = 6
"""Backlog batches, and apart from them live messages, on their way at once.

Central commits two such batches at a time: the next are there when it has done so."""
PATIENCE_SECONDS = 2.0
PATIENCE_MAX_SECONDS = 30.0
HELLO_EVERY_SECONDS = 60.0
"""Said while all is quiet, so that a central restored from a backup is noticed."""
HOLES_MAX = 200
"""Holes beyond are not looked at: rows after them may be sent a second time."""


class Lane(Enum):
    LIVE = "live"
    BACKLOG = "backlog"


@dataclass(frozen=True, slots=True)
class Flight:
    """Rows `first` to `last` of an epoch, on their way; `number` is never used again."""

    number: int
    epoch: bytes
    first: int
    last: int
    lane: Lane


@dataclass(frozen=True, slots=True)
class Books:
    """One epoch's."""

    epoch: bytes
    top: int
    acknowledged: int
    live_from: int
    """Rows above were written since the attempt began, and after the last live ones sent."""
    unsent: Ranges = ()
    flights: tuple[Flight, ...] = ()
    answered: bool = False
    """Central has said, on this connection, what it has."""
    patience_seconds: float = PATIENCE_SECONDS
    deadline: float | None = None
    """Uptime at which no progress means: again."""

    @property
    def in_doubt(self) -> bool:
        return self.patience_seconds > PATIENCE_SECONDS


@dataclass(frozen=True, slots=True)
class Delivery:
    books: tuple[Books, ...] = ()
    """Oldest epoch first; the last one is the current one."""
    connected: bool = False
    publishing: tuple[Flight, ...] = ()
    """Handed to the link, PUBACK not yet seen."""
    hello_at: float | None = None
    hello_patience_seconds: float = PATIENCE_SECONDS
    number: int = 0
    refused: frozenset[str] = frozenset()
    """What was said about Acks that cannot be true; each once."""


# Signals: what the world tells.


class Signal(Enum):
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    DUE = "due"


@dataclass(frozen=True, slots=True)
class Known:
    """An epoch as the journal has it, and what was saved as acknowledged."""

    epoch: bytes
    top: int
    acknowledged: int


@dataclass(frozen=True, slots=True)
class Tops:
    """How far the journal goes, oldest epoch first."""

    epochs: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class Acked:
    ack: Ack


@dataclass(frozen=True, slots=True)
class Sent:
    """PUBACK of flight `number`, which held rows up to `through` (it had no room for more)."""

    number: int
    through: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Flight `number` was not taken by the link."""

    number: int


AnySignal = Signal | Tops | Acked | Sent | Failed

# Commands: what the world is asked to do, in order.


@dataclass(frozen=True, slots=True)
class SayHello:
    pass


@dataclass(frozen=True, slots=True)
class Send:
    flight: Flight


@dataclass(frozen=True, slots=True)
class Save:
    """Keep on disk that central has rows 1 to `upto`."""

    epoch: bytes
    upto: int


@dataclass(frozen=True, slots=True)
class Say:
    """For the log: an Ack was refused."""

    sentence: str


Command = SayHello | Send | Save | Say
