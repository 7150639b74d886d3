"""The vocabulary of a lane: its states, its habits, what it is told and what it asks for.

How one follows from the other is in `passage`.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

import msgspec

from edge.core.notice import Notice
from edge.core.scan import Scan
from rules.zone import StaffCard
from rules.zone import WhenSuspect as WhenSuspect
from wire.event import AnyEvent, Direction, Mode


class State(Enum):
    CLOSED = "closed"
    JUDGING = "judging"
    OPENED = "opened"
    RELEASED = "released"


class CalledOffBy(Enum):
    """What makes whoever is being judged unwanted, for good."""

    FIRE = "fire"
    MODE = "mode"
    HAND = "hand"  # They are let in without.


STAYS_OPEN: Final = frozenset({Mode.FREE_PASS, Mode.HELD_OPEN})
"""Modes in which the contact is held, and whoever passes is a head that is counted."""
TIME_OUT = "time-out"
"""Who ends a mode that was set until an hour."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What kind of lane this is, in seconds where it is about time."""

    direction: Direction = Direction.ENTRY
    sensor: bool = True
    free: bool = False
    """Needs no ticket: whoever passes is counted (an exit)."""
    board_counts: bool = False
    """The board lets a group through while the contact is held, and counts it."""
    free_opposite: bool = False
    """Passing the other way is a free exit, not an incident."""
    window_seconds: float = 5.0
    """How long the board stays open for one person."""
    margin_seconds: float = 1.0
    late_seconds: float = 3.0
    tail_seconds: float = 3.0
    patience_seconds: float = 3.0
    """How long a visitor who scans while the lane is busy is held before being told to wait."""
    pulse_seconds: float = 0.3
    gap_seconds: float = 0.5
    unsensed_seconds: float = 3.0
    """Between two persons where nothing tells that the first has passed."""
    beam_seconds: float = 10.0
    when_suspect: WhenSuspect = WhenSuspect.SPEND


class Admission(msgspec.Struct, frozen=True):
    """What was committed: persons `first` to `last` of an admission may walk through."""

    admission: bytes
    scan: bytes
    first: int = 1
    last: int = 1
    assumed: bool = False
    """Their passing was committed with it; no outcome is to follow."""


@dataclass(frozen=True, slots=True)
class Pending:
    scan: Scan
    deadline: float


@dataclass(frozen=True, slots=True)
class Late:
    """Whom the lane has just given up on."""

    admission: bytes
    person: int
    until: float


@dataclass(frozen=True, slots=True)
class Beacon:
    """Somebody looks for this device: it blinks and beeps while nobody needs the panel."""

    until: float
    blink_at: float
    lit: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    state: State = State.CLOSED
    mode: Mode = Mode.NORMAL
    mode_until: float | None = None
    """When the mode ends by itself; None: when somebody ends it."""
    ready: bool = True
    """What the board says of itself."""
    judged: Scan | None = None
    """Given to judge, and no answer has come yet. A lane that closes meanwhile is JUDGING."""
    called_off: CalledOffBy | None = None
    """Whoever is `judged` is not to be let in, whatever the answer will be."""
    decided: bytes = b""
    """The scan last given to judge; told of it again, the lane does nothing."""
    admission: Admission | None = None
    """Of an OPENED lane; None where it was opened by hand."""
    person: int = 0
    """The next of `admission` to walk through."""
    deadline: float | None = None
    pulse_at: float | None = None
    """When the next person's pulse is due, where it must wait for the gap."""
    pulse_until: float = 0.0
    """When the last pulse and its gap are over."""
    pending: Pending | None = None
    late: Late | None = None
    tail_until: float = 0.0
    abandoned: int = 0
    """Admissions in a row that nobody walked through."""
    relay_lost: bool = False
    """Nothing would open, and a use that was committed would be gone."""
    suspect: bool = False
    blind: bool = False
    """The pass contact is lost: nobody is seen to pass."""
    unseen: bool = False
    """Since it OPENED there was a moment in which nobody would have been seen."""
    beam_since: float | None = None
    heads: int = 0
    """Counted through while released or staying open."""
    heads_before: int = 0
    """Of a lane that stayed open when fire released it: counted through until then."""
    beacon: Beacon | None = None

    @property
    def stays_open(self) -> bool:
        return self.mode in STAYS_OPEN


# Signals: what the world tells the lane.


@dataclass(frozen=True, slots=True)
class Scanned:
    scan: Scan


class Authorised(msgspec.Struct, frozen=True):
    """The uses are committed."""

    admission: Admission
    shown: Notice


@dataclass(frozen=True, slots=True)
class Refused:
    """The scan was judged, and nothing is to open."""

    shown: Notice


@dataclass(frozen=True, slots=True)
class CalledOff:
    """The scan was not judged: the lane did not want it any more (see `passage.wants`).

    Nothing is committed.
    """


@dataclass(frozen=True, slots=True)
class ModeSet:
    """A person at the key switch, or a verified command."""

    mode: Mode
    by: str
    until: float | None = None
    """Uptime at which the lane goes back to normal by itself."""


@dataclass(frozen=True, slots=True)
class OpenOnce:
    by: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class CardShown:
    """Somebody of the staff, at the lane's own reader."""

    card: StaffCard


@dataclass(frozen=True, slots=True)
class Identify:
    """Blink and beep for so long."""

    seconds: float


class Signal(Enum):
    PASSED = "passed"  # The board's pass contact, or the beams in the right order.
    PASSED_OPPOSITE = "passed-opposite"
    UNSEEN = "unseen"  # For a moment nobody looked at the pass contact.
    CONTACT_LOST = "contact-lost"  # The pass contact's.
    CONTACT_FOUND = "contact-found"
    RELAY_LOST = "relay-lost"
    RELAY_FOUND = "relay-found"
    BEAM_BROKEN = "beam-broken"
    BEAM_CLEAR = "beam-clear"
    NOT_READY = "not-ready"
    READY = "ready"
    FIRE = "fire"
    SECURED = "secured"
    DUE = "due"  # A deadline has come; see `due`.


Answer = Authorised | Refused | CalledOff
AnySignal = Scanned | Answer | ModeSet | OpenOnce | CardShown | Identify | Signal


# Commands: what the lane asks of the world, in order.


class Do(Enum):
    PULSE = "pulse"
    HOLD = "hold"  # Keep the free-passage (or group) contact closed.
    LET_GO = "let-go"


@dataclass(frozen=True, slots=True)
class Judge:
    """Judge this scan now and commit, if it is still wanted; answer with an Answer.

    One at a time: no other is asked for before the answer came.
    """

    scan: Scan
    assume: bool
    """Commit the passing with the use: nothing here can see it."""


@dataclass(frozen=True, slots=True)
class Record:
    events: tuple[AnyEvent, ...]


@dataclass(frozen=True, slots=True)
class Show:
    notice: Notice


@dataclass(frozen=True, slots=True)
class EndScan:
    """Whoever showed this scan has walked through: held on, it counts as a new one."""

    scan: bytes


Command = Do | Judge | Record | Show | EndScan
