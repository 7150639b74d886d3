"""Whether a ledger of claims can be sure: it is, once it has heard in this term whoever may have
used a right without asking it.

A ledger begins a term whenever it starts: what devices admitted while it was away is in their
journals, and each says with its first words how far those go. Until all of that is here, grants
are not firm: a zone that wants certainty admits nobody on them. A ledger that was replaced may
have granted something that its successor has never heard of; a claimant goes by a grant for a few
seconds only, so for longer than that nothing is firm either.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from heapq import nsmallest
from types import MappingProxyType
from typing import TypeVar

PATIENCE_SECONDS_MAX = 5.0
"""How long after asking any claimant would go by a grant."""
SETTLING_SECONDS = 2 * PATIENCE_SECONDS_MAX
ASK_AGAIN_SECONDS = 5.0
ASKED_AT_ONCE_MAX = 20
"""Each question is signed by whoever answers doors: one that is away with hundreds of claims must
not keep the others waiting."""

N = TypeVar("N")

NOTHING: Mapping[bytes, int] = MappingProxyType({})
UNHEARD: Mapping[bytes, int] = MappingProxyType({b"": 1})


@dataclass(frozen=True, slots=True)
class Term:
    number: int
    roster: frozenset[bytes] = frozenset()
    """Devices that may use rights of this venue, as far as they are known."""
    lacking: Mapping[bytes, Mapping[bytes, int]] = field(default_factory=dict)
    """Of devices that have spoken: how far each epoch has to be here, where it is not yet."""

    told: bool = False
    """Whether somebody has said who they all are: those who spoke need not be everybody."""
    sure_at: float = 0.0
    """Uptime from which no earlier ledger's grant is taken any more."""

    def firm(self, uptime: float) -> bool:
        """Whether everybody was heard."""
        return self.told and not self.awaited and uptime >= self.sure_at

    @property
    def awaited(self) -> frozenset[bytes]:
        """Devices that have not spoken in this term, or not told all yet."""
        return frozenset(one for one in self.roster if self.lacking.get(one, UNHEARD))


def begin(previous: int, wall: float, uptime: float, roster: Iterable[bytes]) -> Term:
    """Return a new term: above the last one here, and above those of a ledger that was replaced.

    `wall`: Unix seconds, as far as they are known. `roster`: whoever is known to be of the venue;
    empty on a ledger that was replaced, until somebody says who they are.
    """
    number, known = max(previous + 1, int(wall)), frozenset(roster)
    return Term(number, known, told=bool(known), sure_at=uptime + SETTLING_SECONDS)


def joined(term: Term, devices: Iterable[bytes]) -> Term:
    """Devices more are part of the venue; what they did before, nobody has heard."""
    return replace(term, roster=term.roster | frozenset(devices))


def only(term: Term, devices: Iterable[bytes]) -> Term:
    """These are the devices of the venue, and no others."""
    return replace(term, roster=frozenset(devices), told=True)


def hello(term: Term, device: bytes, tops: Mapping[bytes, int], here: Mapping[bytes, int]) -> Term:
    """A device says how far its epochs go; `here`: how far the ledger has each without a hole."""
    if device in term.lacking:
        # Whoever lost its connection since admitted nobody meanwhile, or goes on without answers,
        # and there a ledger promises nothing.
        return term
    missing = {epoch: top for epoch, top in tops.items() if here.get(epoch, 0) < top}
    return replace(term, lacking={**term.lacking, device: missing})


def reached(term: Term, device: bytes, epoch: bytes, upto: int) -> Term:
    """The rows of an epoch are here without a hole up to `upto`."""
    known = term.lacking.get(device, NOTHING)
    if epoch not in known or upto < known[epoch]:
        return term
    left = {other: top for other, top in known.items() if other != epoch}
    return replace(term, lacking={**term.lacking, device: left})


def to_ask(waiting: Mapping[N, float], uptime: float) -> list[N]:
    """Return of which claims the holders are to be asked now: those first that are due longest.

    `waiting` says when each is due.
    """
    due = (name for name, at in waiting.items() if at <= uptime)
    return nsmallest(ASKED_AT_ONCE_MAX, due, key=waiting.__getitem__)
