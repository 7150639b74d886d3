"""Everything a device can report: facts in the past tense, never edited.

An event is encoded once, with its stamp; those bytes are stored, hashed and sent. A person within
an admission is counted from 1, and (admission, person) names one use of a right.
"""

from enum import StrEnum

import msgspec

from wire.fact import ADMISSION_BYTES as ADMISSION_BYTES
from wire.fact import BOOT_BYTES as BOOT_BYTES
from wire.fact import SCAN_BYTES as SCAN_BYTES
from wire.fact import ClockQuality as ClockQuality
from wire.fact import Event as Event
from wire.fact import Stamp as Stamp
from wire.paper import AnyPaperEvent
from wire.reason import Reason


class Rung(StrEnum):
    """How much a device knew when it decided, best first."""

    FRESH = "fresh"
    STALE = "stale"
    SIGNATURE_AND_REVOCATIONS = "signature-and-revocations"
    SIGNATURE_ONLY = "signature-only"


class Direction(StrEnum):
    ENTRY = "entry"
    EXIT = "exit"


class Distrust(StrEnum):
    """What is wrong with what central, or somebody in its name, said of the list."""

    FORGED = "forged"  # Signed by nobody who may.
    REPLAYED = "replayed"  # Good once, and said again.
    REORDERED = "reordered"  # It does not follow what came before.
    TRUNCATED = "truncated"  # Parts of it are missing.
    SUPPRESSED = "suppressed"  # It exists, central says, and does not come.
    PUT_BACK = "put-back"  # Central itself says less than before: restored from a copy.


class Mode(StrEnum):
    """What a lane is set to, by a person or a command; by itself only back to normal, in time."""

    NORMAL = "normal"
    FREE_PASS = "free-pass"
    OUT_OF_SERVICE = "out-of-service"
    HELD_OPEN = "held-open"  # Until an hour: a wheelchair, a delivery.
    LOCKED = "locked"  # Nobody is let in; whoever leaves is not kept.


class Refused(Event, frozen=True, kw_only=True, omit_defaults=True, tag="refused"):
    """Somebody was told no. Holds a keyed hash of what was shown, never the bytes."""

    reason: Reason
    scan: bytes
    checkpoint: str = ""
    direction: Direction = Direction.ENTRY
    cti: bytes | None = None
    quantity: int = 1
    length: int = 0
    form: str = ""
    digest: bytes = b""
    count: int = 1
    """How often; above 1 for the repeats within a minute, summed into one row."""


class Authorised(Event, frozen=True, kw_only=True, omit_defaults=True, tag="authorised"):
    """Uses 1 to `quantity` are reserved; exactly one outcome follows for each person."""

    admission: bytes
    scan: bytes
    cti: bytes
    checkpoint: str
    quantity: int
    direction: Direction
    generation: int
    rung: Rung
    list_sequence: int
    confirmed: bool = True
    """False: the list did not hold the ticket, or no clock could say whether its moving code was
    fresh; drawn from the offline budget."""
    term: int = 0
    """Of the ledger that granted the claim; 0: it was not asked, or did not answer."""
    unanswered: bool = False
    """The ledger was asked and did not answer: a copy may have been let in elsewhere."""
    code_time: int | None = None
    """Unix seconds of the moving code, where the ticket asked for one."""


class Reopened(Event, frozen=True, kw_only=True, omit_defaults=True, tag="reopened"):
    """The lane opened again for a use that had ended uncertain: the same use, once."""

    admission: bytes
    person: int
    scan: bytes
    cti: bytes
    checkpoint: str


class Outcome(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What became of persons `person` to `person + count - 1` of an admission."""

    admission: bytes
    person: int
    count: int = 1


class Passed(Outcome, frozen=True, kw_only=True, omit_defaults=True, tag="passed"):
    assumed: bool = False
    """No sensor saw it: the lane has none, or its sensor is suspect."""


class PassedLate(Outcome, frozen=True, kw_only=True, omit_defaults=True, tag="passed-late"):
    """Walked through just after the lane had given up: the use is taken again."""


class Abandoned(Outcome, frozen=True, kw_only=True, omit_defaults=True, tag="abandoned"):
    """Nobody walked through in time: the use is given back."""


class Uncertain(Outcome, frozen=True, kw_only=True, omit_defaults=True, tag="uncertain"):
    """Nobody can know: power or fire came between opening and outcome. Counts as spent."""

    why: str = ""


class Undone(Outcome, frozen=True, kw_only=True, omit_defaults=True, tag="undone"):
    """Central withdrew the use."""


class Pulsed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="pulsed"):
    admission: bytes
    person: int


class Left(Event, frozen=True, kw_only=True, omit_defaults=True, tag="left"):
    """Somebody went out by the free exit; counted, never asked for a ticket."""


class Tailgated(Event, frozen=True, kw_only=True, omit_defaults=True, tag="tailgated"):
    """Somebody passed behind an authorised person, unauthorised."""


class Forced(Event, frozen=True, kw_only=True, omit_defaults=True, tag="forced"):
    """Somebody passed while nobody was authorised."""


class WrongWay(Event, frozen=True, kw_only=True, omit_defaults=True, tag="wrong-way"):
    """Somebody passed against the lane's direction."""


class Obstructed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="obstructed"):
    """A beam has stayed broken for longer than a person takes."""


class SensorFault(Event, frozen=True, kw_only=True, omit_defaults=True, tag="sensor-fault"):
    suspect: bool
    """True: no longer believed; False: believed again."""
    why: str = ""


class Released(Event, frozen=True, kw_only=True, omit_defaults=True, tag="released"):
    """The fire contact opened the board."""


class Secured(Event, frozen=True, kw_only=True, omit_defaults=True, tag="secured"):
    heads: int
    """How many were counted through meanwhile."""


class ModeChanged(Event, frozen=True, kw_only=True, omit_defaults=True, tag="mode-changed"):
    mode: Mode
    by: str
    heads: int = 0
    """Counted through in the mode that ended."""


class OpenedByHand(Event, frozen=True, kw_only=True, omit_defaults=True, tag="opened-by-hand"):
    by: str
    why: str = ""


class EpochBegan(Event, frozen=True, kw_only=True, omit_defaults=True, tag="epoch-began"):
    """First row of every epoch: names the one before, so that central sees what it lost."""

    previous_epoch: bytes = b""
    previous_top: int = 0
    previous_last: bytes = b""
    why: str = ""
    without_memory: bool = False


class Started(Event, frozen=True, kw_only=True, omit_defaults=True, tag="started"):
    daemon: str
    version: str = ""


class Stopped(Event, frozen=True, kw_only=True, omit_defaults=True, tag="stopped"):
    daemon: str
    why: str = ""


class ClockStepped(Event, frozen=True, kw_only=True, omit_defaults=True, tag="clock-stepped"):
    seconds: float


class ListApplied(Event, frozen=True, kw_only=True, omit_defaults=True, tag="list-applied"):
    """Which list is gone by, where no admission has said it for a while."""

    sequence: int
    version: str = ""


class ListDistrusted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="list-distrusted"):
    """Something said of the list was not believed; once per kind and ten minutes."""

    what: Distrust
    why: str = ""


class KeySuspected(Event, frozen=True, kw_only=True, omit_defaults=True, tag="key-suspected"):
    """A good signature on a ticket that is neither listed nor new: somebody else may sign."""

    kid: bytes
    cti: bytes


class BudgetUsedUp(Event, frozen=True, kw_only=True, omit_defaults=True, tag="budget-used-up"):
    """So many admissions, or hours, without a list that confirmed them."""

    admissions: int
    hours: float


class CommandAnswered(Event, frozen=True, kw_only=True, omit_defaults=True, tag="command-answered"):
    """A command was obeyed, or not; `counter` 0: none of ours, or one answered before."""

    counter: int
    order: str
    """Kind of the order, as in wire/command.py; empty where it could not be read."""
    by: str = ""
    done: bool = True
    why: str = ""
    highest: int = 0
    """With `counter` 0: the highest one that was ever answered here."""
    count: int = 1  # As with Refused.


class ConfigurationApplied(
    Event, frozen=True, kw_only=True, omit_defaults=True, tag="configuration-applied"
):
    version: int


class ConfigurationRefused(
    Event, frozen=True, kw_only=True, omit_defaults=True, tag="configuration-refused"
):
    """It could not be used, not even in part; the last good one goes on."""

    version: int
    why: str
    count: int = 1  # As with Refused.


class EnrolmentShown(Event, frozen=True, kw_only=True, omit_defaults=True, tag="enrolment-shown"):
    """Somebody showed an enrolment code to a reader of a device that is enrolled."""

    scan: bytes


class RungChanged(Event, frozen=True, kw_only=True, omit_defaults=True, tag="rung-changed"):
    rung: Rung
    why: str = ""


class DriverLost(Event, frozen=True, kw_only=True, omit_defaults=True, tag="driver-lost"):
    driver: str
    why: str = ""


class DriverFound(Event, frozen=True, kw_only=True, omit_defaults=True, tag="driver-found"):
    driver: str


class CabinetOpened(Event, frozen=True, kw_only=True, omit_defaults=True, tag="cabinet-opened"):
    pass


class PowerLost(Event, frozen=True, kw_only=True, omit_defaults=True, tag="power-lost"):
    pass


AnyEvent = (
    Refused
    | Authorised
    | Reopened
    | Passed
    | PassedLate
    | Abandoned
    | Uncertain
    | Undone
    | Pulsed
    | Left
    | Tailgated
    | Forced
    | WrongWay
    | Obstructed
    | SensorFault
    | Released
    | Secured
    | ModeChanged
    | OpenedByHand
    | EpochBegan
    | Started
    | Stopped
    | ClockStepped
    | ListApplied
    | RungChanged
    | ListDistrusted
    | KeySuspected
    | BudgetUsedUp
    | CommandAnswered
    | ConfigurationApplied
    | ConfigurationRefused
    | EnrolmentShown
    | DriverLost
    | DriverFound
    | CabinetOpened
    | PowerLost
    | AnyPaperEvent
)


KINDS = frozenset(str(kind.__struct_config__.tag) for kind in AnyEvent.__args__)


def on_lane(event: AnyEvent, lane: str) -> AnyEvent:
    """Return the event with its lane's name."""
    return msgspec.structs.replace(event, lane=lane)
