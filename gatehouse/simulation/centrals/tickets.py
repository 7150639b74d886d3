"""The tickets that exist in the simulated venue: the same for every seed, made once.

What a seed decides is who holds which of them, who has copied one, and what is done to them.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from gatehouse.simulation.machines.machine import EPOCH
from wire import rotating
from wire import ticket as gh1
from wire.entry import Entry, Row, key_of, row
from wire.ticket import FLAG_ROTATION_REQUIRED, Ticket
from wire.words import Words

VENUE, AUDIENCE, CHECKPOINT = "sim", "SHOW", "hall"
LIST_KEY = hashlib.sha256(b"list key of the simulated venue").digest()
DAY = 86_400


class Kind(StrEnum):
    GOOD = "good"
    GROUP = "group"
    EXPIRED = "expired"  # A day ago.
    EARLY = "early"  # Good from tomorrow on.
    ENDING = "ending"  # Its time runs out while the simulation runs.
    UNLISTED = "unlisted"  # Signed a month ago, and the list does not hold it.
    NEW = "new"  # Sold this minute, and the list does not hold it yet.


PATTERN = (
    *(Kind.GOOD,) * 13,
    *(Kind.GROUP, Kind.EXPIRED, Kind.EARLY, Kind.ENDING, Kind.UNLISTED, Kind.NEW),
)
"""Ticket n is of kind n modulo its length."""
QUANTITIES = (2, 3, 4)
ORDER_TICKETS = 3
"""So many tickets were bought together."""
KIND_NAME, SHOW_NAME = Words("成人票", "Adult"), Words("演出", "Show")
VENUE_NAME = Words("场馆", "Venue")
MOVING = (3, 9)
"""Of the good ones, modulo the same: their codes move, a picture of one is soon worth nothing."""
ROTATION_KEY = hashlib.sha256(b"rotation key of the simulated venue").digest()


@dataclass(frozen=True, slots=True)
class Issued:
    number: int
    kind: Kind
    ticket: Ticket
    text: bytes
    """As it is shown."""

    @property
    def cti(self) -> bytes:
        return self.ticket.cti

    @property
    def serial(self) -> int:
        return self.ticket.serial

    @property
    def quantity(self) -> int:
        return self.ticket.quantity

    @property
    def moves(self) -> bool:
        return bool(self.ticket.flags & FLAG_ROTATION_REQUIRED)

    @property
    def order(self) -> str:
        """The number of the order that it was bought in."""
        return f"N{self.number // ORDER_TICKETS:04d}"

    @property
    def digits(self) -> str:
        """The last ones of the buyer's phone."""
        return f"{7 * (self.number // ORDER_TICKETS) % 10_000:04d}"

    @property
    def listed(self) -> bool:
        return self.kind not in (Kind.UNLISTED, Kind.NEW)


@dataclass(frozen=True, slots=True)
class Pool:
    kid: bytes
    key: Ed25519PrivateKey
    tickets: tuple[Issued, ...]
    by_cti: dict[bytes, Issued]
    rows: dict[bytes, Row]
    """Of those that are listed, unused and untouched, as the list holds them."""

    def again(self, issued: Issued, generation: int) -> bytes:
        """Return the code of a ticket that was issued again."""
        return gh1.sign(replace(issued.ticket, generation=generation), self.kid, self.key).encode()

    def paper(self, issued: Issued, generation: int) -> str:
        """Return the code of a paper: the same right, which on paper cannot move."""
        flags = issued.ticket.flags & ~FLAG_ROTATION_REQUIRED
        made = replace(issued.ticket, generation=generation, flags=flags)
        return gh1.sign(made, self.kid, self.key)

    def moving(self, issued: Issued, static: bytes, at: float) -> bytes:
        """Return what a phone shows of a code that moves at a time, Unix seconds."""
        key = rotating.key_of(issued.cti, ROTATION_KEY)
        return rotating.text(static.decode(), key, int(at)).encode()


@lru_cache(maxsize=4)
def pool(count: int) -> Pool:
    """Return `count` tickets."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"ticket key").digest())
    tickets = tuple(_issued(number, key) for number in range(count))
    rows = {one.cti: row(key_of(one.cti, LIST_KEY), Entry(1)) for one in tickets if one.listed}
    return Pool(b"s1", key, tickets, {one.cti: one for one in tickets}, rows)


def _issued(number: int, key: Ed25519PrivateKey) -> Issued:
    kind = PATTERN[number % len(PATTERN)]
    now = int(EPOCH)
    opens, closes, issued_at = now - DAY, now + DAY, now - 30 * DAY
    match kind:
        case Kind.EXPIRED:
            opens, closes = now - 3 * DAY, now - DAY
        case Kind.EARLY:
            opens, closes = now + DAY, now + 2 * DAY
        case Kind.ENDING:
            closes = now + 60 + 47 * number % 900
        case Kind.NEW:
            issued_at = now - 5
        case _:
            pass
    quantity = QUANTITIES[number // len(PATTERN) % len(QUANTITIES)] if kind is Kind.GROUP else 1
    cti = hashlib.sha256(b"right %d" % number).digest()[:16]
    flags = FLAG_ROTATION_REQUIRED if number % len(PATTERN) in MOVING else 0
    named = {"flags": flags, "serial": number, "quantity": quantity}
    ticket = Ticket(cti, AUDIENCE, opens, closes, issued_at, 1, **named)
    return Issued(number, kind, ticket, gh1.sign(ticket, b"s1", key).encode())
