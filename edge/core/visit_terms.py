"""The vocabulary of a visit: what a kiosk shows one visitor, what it is told, what it asks for.

How one follows from the other is in `visit` and, for staff, in `visit_staff`.
"""

from dataclasses import dataclass, field
from enum import Enum, StrEnum

from rules.kiosk import Receipts as Receipts
from rules.kiosk import WhenOffline as WhenOffline
from wire.event import AnyEvent
from wire.exchange import Asked, Denied, Found, Offer
from wire.paper import Sort
from wire.reason import Reason

ORDER_CHARACTERS_MAX = 24
DIGITS = 4
IDENTITY_CHARACTERS_MAX = 18
COUNT_DIGITS_MAX = 9


class Page(StrEnum):
    """What is on the screen."""

    ATTRACT = "attract"
    IDENTIFY = "identify"
    ORDER = "order"
    IDENTITY = "identity"
    LOOKING = "looking"
    CHOOSE = "choose"
    CONFIRM = "confirm"
    PRINTING = "printing"
    PAUSED = "paused"  # The printer stopped between two tickets; it goes on with the rest.
    TAKE = "take"
    REFUSED = "refused"
    OUT_OF_ORDER = "out-of-order"
    STAFF = "staff"
    STAFF_WHY = "staff-why"
    STAFF_STATE = "staff-state"
    STAFF_DAY = "staff-day"


@dataclass(frozen=True, slots=True)
class Habits:
    """What the venue chose, and how long each page waits, in seconds."""

    languages: tuple[str, ...] = ("zh", "en")
    when_offline: WhenOffline = WhenOffline.SEE_STAFF
    codes_admit: bool = True
    """The gates take the phone's code: who wants no paper may go straight there."""
    by_order: bool = True
    by_identity: bool = True
    receipts: Receipts = Receipts.NEVER
    roll_tickets: int = 400
    """How many tickets a new roll is good for."""
    identify_seconds: float = 45.0
    typing_seconds: float = 60.0
    looking_seconds: float = 12.0
    choose_seconds: float = 60.0
    confirm_seconds: float = 40.0
    paused_seconds: float = 120.0
    refused_seconds: float = 20.0
    take_seconds: float = 15.0
    staff_seconds: float = 180.0


class Became(Enum):
    """What became of one paper of this visit."""

    DONE = "done"
    NOT_PRINTED = "not-printed"  # Nothing came out: the phone's code is as good as before.
    UNKNOWN = "unknown"
    RETRACTED = "retracted"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Printed:
    """One ticket of this visit, and what became of it."""

    offer: Offer
    became: Became
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    reason: Reason
    since: float | None = None
    """Unix seconds."""
    where: str = ""
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Health:
    """What the kiosk knows of itself."""

    able: bool = False
    """Whether the printer can print now."""
    closed: str = ""
    """Why nobody is served although it could: "closed" by an order, outside its "hours", or
    without its "scanner" where nothing else identifies anybody."""
    fault: str = "silent"
    """Why not, in one word of edge.core.printer_status.Fault."""
    near_end: bool = False
    online: bool = False
    paper_left: int | None = None
    scans: bool = True
    """Whether there is a reader that works, for what is on a phone."""

    @property
    def serves(self) -> bool:
        """Whether the next visitor may begin; whoever is at it goes on."""
        return self.able and not self.closed


@dataclass(frozen=True, slots=True)
class Visit:
    page: Page = Page.ATTRACT
    language: str = "zh"
    voice: bool = False
    """Whether the prompts are read aloud."""
    deadline: float | None = None
    began: float = 0.0
    """When the page's time began to run, for its countdown."""
    typed: str = ""
    digits: str = ""
    on_digits: bool = False
    """Which of the two fields is being typed in."""
    asked: int = 0
    """Number of the newest question; an answer to an older one comes too late."""
    offers: tuple[Offer, ...] = ()
    chosen: frozenset[bytes] = frozenset()
    """By cti."""
    left: tuple[Offer, ...] = ()
    """To be printed, the first one now."""
    done: tuple[Printed, ...] = ()
    stopping: bool = False
    refusal: Refusal | None = None
    come_from: Page = Page.IDENTIFY
    """Where "back" leads."""
    staff: str = ""
    """Who is at the kiosk, by the card that was shown; empty: a visitor."""
    why: str = ""
    """Of staff, for printing anew."""
    test: bool = False
    """What is being printed is no ticket."""
    receipt: Became | None = None
    """What became of this visit's receipt."""
    receipting: bool = False
    """What is being printed is the receipt."""
    health: Health = field(default_factory=Health)

    @property
    def sort(self) -> Sort:
        return Sort.REISSUE if self.staff else Sort.EXCHANGE

    @property
    def out(self) -> tuple[Offer, ...]:
        """Tickets that came out."""
        return tuple(one.offer for one in self.done if one.became is Became.DONE)

    def wants_receipt(self, receipts: Receipts) -> bool:
        """Whether a receipt may still be printed: for whoever got tickets, once."""
        able = receipts is not Receipts.NEVER and self.receipt is None and self.health.able
        return able and not self.staff and bool(self.out)

    @property
    def collectable(self) -> tuple[Offer, ...]:
        """What may be chosen: staff may print anew what a visitor cannot have."""
        return tuple(one for one in self.offers if self.staff or one.reason is None)


# Signals: what the world tells the kiosk.


@dataclass(frozen=True, slots=True)
class Scanned:
    data: bytes


@dataclass(frozen=True, slots=True)
class CardRead:
    """The number of an ID card, from its reader."""

    number: str


@dataclass(frozen=True, slots=True)
class StaffCard:
    by: str


@dataclass(frozen=True, slots=True)
class Touched:
    """A control of the page that is shown; `value` says which of several."""

    what: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """Central's answer to question `number`; None: it could not be asked."""

    number: int
    answer: Found | Denied | None


@dataclass(frozen=True, slots=True)
class Papered:
    """What became of the paper that was asked for last; `denied`: central's reason."""

    became: Became
    denied: Refusal | None = None


class Signal(Enum):
    DUE = "due"  # A deadline has come; see `due`.


AnySignal = Scanned | CardRead | StaffCard | Touched | Looked | Papered | Health | Signal


# Commands: what the visit asks of the world, in order.


@dataclass(frozen=True, slots=True)
class Look:
    """Ask central; answer with Looked of this number."""

    number: int
    asked: Asked


@dataclass(frozen=True, slots=True)
class Print:
    """Exchange one ticket for paper; answer with Papered."""

    offer: Offer
    sort: Sort
    language: str
    by: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class PrintTest:
    """Answer with Papered."""

    by: str


@dataclass(frozen=True, slots=True)
class PrintReceipt:
    """For these tickets; answer with Papered."""

    offers: tuple[Offer, ...]
    language: str


@dataclass(frozen=True, slots=True)
class Record:
    events: tuple[AnyEvent, ...]


Command = Look | Print | PrintTest | PrintReceipt | Record
Step = tuple[Visit, list[Command]]
