"""The crowd: who comes, what they show, and how they behave. All of it fixed by a seed.

A plan is made before anybody arrives, so that the same seed presents the same codes by the same
persons in the same order, however fast the gate answers.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wire import rotating
from wire import ticket as gh1
from wire.reason import Reason


class Shows(StrEnum):
    """What a visitor brings."""

    VALID = "valid"
    GROUP = "group"
    AGAIN = "again"  # A copy of a ticket that somebody has walked in with.
    REFUNDED = "refunded"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    EARLY = "early"
    FORGED = "forged"
    HALF = "half"
    NONSENSE = "nonsense"
    PAYMENT = "payment"
    PAPER = "paper"  # A paper from the kiosk.
    VOID = "void"  # The phone's code of a right that is on paper now.
    ORDER = "order"  # For who plays with the kiosk.
    MOVING = "moving"  # On the simulators' page only: a phone that moves its code.


class Does(StrEnum):
    """What a visitor does once the arm is open."""

    WALKS = "walks"
    CHANGES_MIND = "changes-mind"
    COMES_LATE = "comes-late"  # Hesitates, the lane gives up, and then walks after all.
    IS_FOLLOWED = "is-followed"  # Somebody slips in close behind.
    BACKS_OUT = "backs-out"


EXPECTED: dict[Shows, Reason] = {
    Shows.AGAIN: Reason.USED,
    Shows.REFUNDED: Reason.REFUNDED,
    Shows.BLOCKED: Reason.BLOCKED,
    Shows.EXPIRED: Reason.TOO_LATE,
    Shows.EARLY: Reason.TOO_EARLY,
    Shows.FORGED: Reason.FORGED,
    Shows.HALF: Reason.MALFORMED,
    Shows.NONSENSE: Reason.NOT_A_TICKET,
    Shows.PAYMENT: Reason.PAYMENT_CODE,
    Shows.VOID: Reason.SUPERSEDED,
}

SHARES: dict[Shows, float] = {
    Shows.VALID: 0.72,
    Shows.GROUP: 0.04,
    Shows.AGAIN: 0.07,
    Shows.REFUNDED: 0.03,
    Shows.BLOCKED: 0.015,
    Shows.EXPIRED: 0.015,
    Shows.EARLY: 0.01,
    Shows.FORGED: 0.04,
    Shows.HALF: 0.02,
    Shows.NONSENSE: 0.02,
    Shows.PAYMENT: 0.02,
}

DEEDS: dict[Does, float] = {
    Does.WALKS: 0.93,
    Does.CHANGES_MIND: 0.025,
    Does.COMES_LATE: 0.01,
    Does.IS_FOLLOWED: 0.025,
    Does.BACKS_OUT: 0.01,
}

NONSENSE = (
    b"https://example.com/menu",
    b"WIFI:T:WPA;S:lobby;P:secret;;",
    "今日特价 豆浆 3 元".encode(),
    b"\x00\x1b[2J\x03",
    b"\xff\xfe\x80GH",
    b"6901234567892",
    b"A" * 300,
)


@dataclass(frozen=True, slots=True)
class Issued:
    """One ticket that central issued, as the crowd knows it."""

    text: str
    kind: Shows
    quantity: int
    code_key: bytes = b""
    """What the holder's phone moves its code with, where it must move."""

    def moving(self, wall: float) -> bytes:
        """Return what the phone shows at that time, Unix seconds."""
        return rotating.text(self.text, self.code_key, int(wall)).encode()


@dataclass(frozen=True, slots=True)
class Visitor:
    number: int
    shows: Shows
    code: bytes
    quantity: int
    does: Does
    gap_seconds: float
    """After the visitor before, at a natural pace."""
    impatient: bool
    """Shows the code while the one before is still walking."""


def plan(seed: int, visitors: int, issued: Sequence[Issued], per_minute: float) -> list[Visitor]:
    """Return who comes, in order. Raise ValueError if there are too few tickets of a kind."""
    chance = random.Random(seed)
    stock = {kind: [one for one in issued if one.kind is kind] for kind in Shows}
    forger = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
    walked: list[Issued] = []
    crowd: list[Visitor] = []
    for number in range(visitors):
        shows = _draw(chance, SHARES)
        if shows is Shows.AGAIN and not walked:
            shows = Shows.VALID
        does = _draw(chance, DEEDS)
        code, quantity, spent = _code(chance, shows, stock, walked, forger)
        if shows in (Shows.VALID, Shows.GROUP):
            # Groups walk: what a crowd of half a group does is not this crowd's story.
            does = Does.WALKS if shows is Shows.GROUP else does
            if does in (Does.WALKS, Does.IS_FOLLOWED) and spent:
                walked.append(spent)
        gap = chance.expovariate(per_minute / 60.0)
        impatient = chance.random() < 0.15
        crowd.append(Visitor(number, shows, code, quantity, does, gap, impatient))
    return crowd


def _draw(chance: random.Random, shares: dict[Any, float]) -> Any:
    return chance.choices(list(shares), weights=list(shares.values()))[0]


def _code(
    chance: random.Random,
    shows: Shows,
    stock: dict[Shows, list[Issued]],
    walked: list[Issued],
    forger: Ed25519PrivateKey,
) -> tuple[bytes, int, Issued | None]:
    """Return the bytes shown, for how many persons, and the ticket that is now spent, if any."""
    match shows:
        case Shows.AGAIN:
            copied = chance.choice(walked)
            return copied.text.encode(), copied.quantity, None
        case Shows.FORGED:
            return _forged(chance, stock[Shows.VALID], forger), 1, None
        case Shows.HALF:
            text = chance.choice(stock[Shows.VALID]).text.encode()
            return text[: chance.randrange(10, len(text) - 1)], 1, None
        case Shows.NONSENSE:
            return chance.choice(NONSENSE), 1, None
        case Shows.PAYMENT:
            return b"13" + b"%016d" % chance.randrange(10**16), 1, None
        case _:
            if not stock[shows]:
                raise ValueError(f"no {shows} ticket left for this crowd: issue more")
            taken = stock[shows].pop(0)
            return taken.text.encode(), taken.quantity, taken


def _forged(chance: random.Random, valid: list[Issued], forger: Ed25519PrivateKey) -> bytes:
    """A ticket that is right in everything but the key."""
    genuine = gh1.read(chance.choice(valid).text.encode())
    assert not isinstance(genuine, Reason)
    return gh1.sign(genuine.ticket, genuine.kid, forger).encode()


def needed(visitors: int) -> dict[Shows, int]:
    """Return how many tickets of each kind a venue must issue for `plan` never to run out."""
    enough = visitors + 5
    return {
        Shows.VALID: enough + 20,
        Shows.GROUP: enough // 5 + 5,
        Shows.REFUNDED: enough // 5 + 5,
        Shows.BLOCKED: enough // 5 + 5,
        Shows.EXPIRED: enough // 5 + 5,
        Shows.EARLY: enough // 5 + 5,
        Shows.PAPER: papers(visitors) + 20,
    }


def papers(visitors: int) -> int:
    """Return how many of a crowd go to the kiosk first; three at least."""
    return max(3, visitors // 10)
