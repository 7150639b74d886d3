"""The words of the API. Times are Unix seconds."""

from typing import Annotated, Literal

from ninja import Schema
from pydantic import BeforeValidator, ConfigDict, Field

from wire.payment import Payment
from wire.ticket import SMALL_MAX

UNIX_MAX = 2**32 - 1
AT_ONCE_MAX = 1000
PERSONS_MAX = SMALL_MAX


def _number(given: object) -> object:
    """Refuse "7" and true, which pydantic would take; 7.0 is 7 in JSON Schema."""
    if isinstance(given, str | bool):
        raise ValueError("a number is expected")
    return given


Number = BeforeValidator(_number)
"""Last in the row, or the bounds before it would not be in the description."""
Unix = Annotated[int, Field(ge=0, le=UNIX_MAX), Number]
Why = Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f]*$")]
Name = Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f]*$")]
Seat = Annotated[str, Field(max_length=12, pattern=r"^[^\x00-\x1f]*$")]
IdNumber = Annotated[str, Field(max_length=40, pattern=r"^[^\x00-\x1f]*$")]
Audience = Annotated[str, Field(pattern=r"^[!-~]{1,8}$")]
ClassCode = Annotated[int, Field(ge=0, le=2**16 - 1), Number]


class Fault(Schema):
    """Why something was not done."""

    code: str
    """One of a fixed set of words, for programs."""
    zh: str
    en: str


class Asked(Schema):
    """Unknown fields are a mistake, and said to be one."""

    model_config = ConfigDict(extra="forbid")


class Because(Asked):
    why: Why = ""


class Contact(Asked):
    """Where a ticket's holder hears of it; empty: not by this channel. Kept sealed, and wiped with
    the names once the event is over."""

    mail: Annotated[str, Field(max_length=254, pattern=r"^[^\x00-\x1f]*$")] = ""
    mobile: Annotated[str, Field(max_length=24, pattern=r"^[^\x00-\x1f]*$")] = ""
    """E.164, as +4915112345678; Chinese numbers also without +86."""
    openid: Annotated[str, Field(pattern=r"^([A-Za-z0-9_-]{20,40})?$")] = ""
    """Of the venue's WeChat service account."""
    language: Literal["zh", "en"] = "zh"


class MaskedContact(Schema):
    """As much of it as its holder would recognise."""

    mail: str
    mobile: str
    openid: str
    language: str


class Order(Asked):
    """Tickets to be issued; without times, those of the event."""

    event: Audience
    ticket_class: ClassCode
    quantity: Annotated[int, Field(ge=1, le=PERSONS_MAX), Number] = 1
    """Persons of one ticket."""
    not_before: Unix | None = None
    expires: Unix | None = None
    holder_name: Name = ""
    """Kept sealed; a door can read it only while the ticket is shown."""
    id_number: IdNumber = ""
    """Kept as two bytes, enough to compare with an ID that is shown, and not to tell it; and as a
    costly digest, by which a kiosk finds the ticket. Both are wiped after the event."""
    order_number: Annotated[str, Field(max_length=40, pattern=r"^[0-9A-Za-z-]*$")] = ""
    """What the buyer types at a kiosk, with the last digits of the phone."""
    phone_digits: Annotated[str, Field(pattern=r"^([0-9]{4})?$")] = ""
    zone: Annotated[str, Field(max_length=40, pattern=r"^[^\x00-\x1f]*$")] = ""
    """Where it lets its holder sit, and what it cost: as it stands on paper."""
    row: Seat = ""
    seat: Seat = ""
    price_cents: Annotated[int, Field(ge=0, le=2**31 - 1), Number] | None = None
    paid: Payment | None = None
    """How, as receipts say it."""
    contact: Contact | None = None
    """Each ticket's holder is told of it from now on, by the channels that the venue has."""

    def seats_of(self) -> tuple[str, ...]:
        """Return the seat of each ticket; nothing where they have none."""
        return (self.seat,) if self.seat else ()


class OrderLine(Order):
    count: Annotated[int, Field(ge=1, le=AT_ONCE_MAX), Number] = 1
    seats: Annotated[tuple[Seat, ...], Field(max_length=AT_ONCE_MAX)] = ()
    """One for each ticket, in place of `seat`."""

    @property
    def seats_fit(self) -> bool:
        """Whether there is a seat for each ticket, or none."""
        seats = self.seats_of()
        return not (self.seats and self.seat) and len(seats) in (0, self.count)

    def seats_of(self) -> tuple[str, ...]:
        return self.seats or super().seats_of()


class Batch(Asked):
    orders: Annotated[list[OrderLine], Field(min_length=1, max_length=100)]


class Reschedule(Asked):
    """To another event or class: the new ticket is another right. Or, without `event`, to other
    times of the same one: right and code stay."""

    event: Audience | None = None
    ticket_class: ClassCode | None = None
    not_before: Unix | None = None
    expires: Unix | None = None
    id_number: IdNumber = ""
    """Of the holder, whose name goes along: nothing that is kept of it fits another ticket."""
    accept_risk: Annotated[bool, Field(strict=True)] = False
    """Go on though silent gates may have admitted it."""
    why: Why = ""


class Undo(Asked):
    """Names one use, as `uses` of the ticket lists it."""

    admission: Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]
    person: Annotated[int, Field(ge=1, le=2**15 - 1), Number]
    why: Why = ""


class Use(Schema):
    admission: str
    person: int
    outcome: str
    """reserved, abandoned, uncertain, passed, passed-late or undone."""
    where: str
    checkpoint: str
    at: int


class Ticket(Schema):
    cti: str
    event: str
    ticket_class: int
    serial: int
    generation: int
    quantity: int
    standing: str
    """good, blocked, refunded or rescheduled."""
    not_before: float
    expires: float
    issued_at: int
    uses: list[Use]
    last_seen: Use | None
    replaces: str | None
    replaced_by: str | None


class Issued(Ticket):
    text: str
    """What its QR code says; where the code must move, this alone opens nothing."""
    page: str
    """Where its holder finds it, below central's own address: to be sent to nobody else."""


class IssuedBatch(Schema):
    tickets: list[Issued]


class SilentGate(Schema):
    gate: str
    since: int | None
    why: str
    """silent, never-heard, rows-missing or rows-lost."""


class Paper(Schema):
    where: str
    at: int


class Inquiry(Schema):
    """What may have happened to a ticket."""

    finding: str
    """not-admitted, admitted or may-have-been."""
    admissions: list[Use]
    silent_gates: list[SilentGate]
    confirming_gates: int
    """In touch, and not asked yet: a refund waits a moment for them."""
    papers: list[Paper]


class Refund(Schema):
    id: int
    cti: str
    state: str
    """asked (a moment), held (for silent gates), to-decide (by a person), settled or denied. The
    money may go when it is settled."""
    inquiry: Inquiry
    """As it was when the refund was asked for."""
    waits_for: list[str]
    """Gates that have not reported everything yet."""
    asked_at: int
    ended_at: int | None
