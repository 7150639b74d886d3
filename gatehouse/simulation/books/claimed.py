"""Whether rights were used more often than they allow across all gates, where a hub is asked first.

`consistent`: never. Else: only if somebody was let in without the hub's answer, or by two terms
of it, of which the later one had not heard all yet. Each gate by itself keeps to what it knows
(books.py), so that a right is used once more at each gate at most.
"""

from typing import TYPE_CHECKING

from gatehouse.simulation.books.claimed_papers import ClaimedPapers
from gatehouse.simulation.promises import Promise
from gatehouse.simulation.truth import Name
from rules.use import Outcome
from rules.zone import Policy

if TYPE_CHECKING:
    from gatehouse.simulation.books.gate_books import Person
    from gatehouse.simulation.venue import Venue


class Claimed:
    """`touched` are rights that somebody was let in on since they were last held against this."""

    def __init__(self, venue: "Venue") -> None:
        self._venue = venue
        self._told: set[bytes] = set()
        self.touched: set[bytes] = set()
        self.papers = ClaimedPapers(venue)

    def hold(self) -> None:
        """Hold what was touched against the hub's promise; every journal was just read."""
        touched, self.touched = self.touched, set()
        for cti in sorted(touched) if self._venue.plan.claims is not None else ():
            self._hold(cti)
            self.papers.hold(cti)
        truth = self._venue.truth
        told_used, truth.told_used = truth.told_used, set()
        for cti in sorted(told_used):
            if not any(one.by_right.get(cti) for one in self._venue.witnesses()):
                number = self._venue.central.pool.by_cti[cti].number
                why = f"ticket {number} is told that it is used, and nobody was ever let in on it"
                truth.violate(Promise.NOBODY_ROBBED, why)

    def hold_all(self) -> None:
        """At the end: every right that anybody was let in on."""
        self.touched = {cti for one in self._venue.witnesses() for cti in one.by_right}
        self.hold()

    def _hold(self, cti: bytes) -> None:
        venue = self._venue
        issued = venue.central.pool.by_cti[cti]
        counted = [person for _, person in self.uses(cti)]
        if len(counted) <= issued.quantity or cti in self._told:
            return
        terms = {person.term for person in counted}
        unsure = 0 in terms or len(terms) > 1
        if venue.plan.claims is not Policy.CONSISTENT and unsure:
            venue.truth.count("let in unasked beyond")
            return
        self._told.add(cti)
        why = f"ticket {issued.number}: {len(counted)} uses, in terms {sorted(terms)} of the hub"
        venue.truth.violate(Promise.CLAIMED_ONCE, why)

    def uses(self, cti: bytes) -> "list[tuple[Name, Person]]":
        """Return the uses that count: by every journal, and not withdrawn by central."""
        told = self._venue.central.told.get(cti, ())
        undone = frozenset().union(*(one.undone for one in told))
        return [
            (name, witness.persons[name])
            for witness in self._venue.witnesses()
            for name in witness.by_right.get(cti, ())
            if name not in undone | witness.forgotten
            # Given back, granted to somebody else, and then it was a passage after all: told.
            and Outcome.PASSED_LATE is not witness.persons[name].outcome
            and witness.persons[name].outcome.spends
        ]
