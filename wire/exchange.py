"""What a kiosk asks of central, and what it is answered: `POST /device/exchange`, CBOR both ways.

A kiosk finds tickets by what a visitor shows or types, and reserves one paper at a time. The
*handle* of an offer says that this kiosk was shown that ticket, just now; without one, nothing is
reserved. Whatever is asked again under the same paper's name is answered alike.
"""

import msgspec

from wire.claim import Name
from wire.paper import Sort
from wire.reason import Reason
from wire.words import Words

PATH = "/device/exchange"
OFFERS_MAX = 50
"""Of one order; nobody carries more away than that at once."""


class FindCode(msgspec.Struct, frozen=True, tag="code"):
    """A code as it was shown: GH1 or GH9."""

    code: bytes


class FindOrder(msgspec.Struct, frozen=True, tag="order"):
    """An order's number and the last four digits of the phone that bought it."""

    number: str
    digits: str


class FindIdentity(msgspec.Struct, frozen=True, tag="identity"):
    """An ID number: read from the card, or typed."""

    number: str
    card: bool = False


class Reserve(msgspec.Struct, frozen=True, tag="reserve"):
    """The right to print one paper, named by 12 random bytes."""

    paper: bytes
    handle: str
    sort: Sort = Sort.EXCHANGE
    by: str = ""
    why: str = ""
    """Who had it printed anew, and why."""
    held: tuple[tuple[int, str], ...] = ()
    """(generation, its word in rules.exchange.Held) of this kiosk's own papers of the right.

    Its rows may still be on their way: what it says of itself here is newer.
    """


class AskOpen(msgspec.Struct, frozen=True, tag="ask-open"):
    """At start: which papers does central think that this kiosk is printing?

    What it does not know of was never printed: its journal says so, after all else that it has to
    tell.
    """


class AskKeys(msgspec.Struct, frozen=True, tag="ask-keys"):
    """For which events may this kiosk exchange by itself, and by which keys of its own?"""

    held: dict[str, bytes] = {}
    """Audience -> the public half that it has made for it, 32 bytes."""


Asked = FindCode | FindOrder | FindIdentity | Reserve | AskOpen | AskKeys


class Offer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One ticket as the kiosk shows it; `reason`: why it has no paper, if it has none."""

    handle: str
    cti: bytes
    event: Words
    kind: Words
    begins: int
    """Unix seconds."""
    quantity: int = 1
    zone: str = ""
    row: str = ""
    seat: str = ""
    price_cents: int | None = None
    currency: str = ""
    holder: str = ""
    """Masked: enough for its holder to know it."""
    order: str = ""
    venue: Words | None = None
    entrance: Words | None = None
    paid: str = ""
    """How (wire/payment.py), if that is known."""
    reason: Reason | None = None
    since: float | None = None
    where: str = ""


class Found(msgspec.Struct, frozen=True, tag="found"):
    offers: tuple[Offer, ...]


class Granted(msgspec.Struct, frozen=True, tag="granted"):
    """The paper's code, signed; to be printed once."""

    paper: bytes
    text: str
    generation: int
    holder: str = ""
    """In full: whoever showed the ticket reads it on the paper."""
    least: int = 0
    """Of central's: codes and papers of a lower generation are void, whatever a hub knows."""
    undone: tuple[Name, ...] = ()
    """Of central's: uses that it has withdrawn."""


class Denied(msgspec.Struct, frozen=True, tag="denied"):
    reason: Reason
    since: float | None = None
    where: str = ""
    wait_seconds: float = 0.0
    """Before trying again is of any use."""


class OpenPapers(msgspec.Struct, frozen=True, tag="open-papers"):
    papers: tuple[bytes, ...]


class KeysWanted(msgspec.Struct, frozen=True, tag="keys-wanted"):
    """Events for which it may; what was held for one of them stands on the list, or will."""

    events: tuple[str, ...]


Answered = Found | Granted | Denied | OpenPapers | KeysWanted


class Question(msgspec.Struct, frozen=True):
    asked: Asked


class Answer(msgspec.Struct, frozen=True):
    answered: Answered
