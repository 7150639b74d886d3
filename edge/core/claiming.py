"""A claim on a right, before it is used: when a door asks, and what follows from the answer.

    available    nobody is asked
    hybrid       asked, 150 ms waited for; without an answer on it goes, and says so in its row
    consistent   asked; without a firm answer nobody is let in

An answer only ever takes away from what the door's own list and journal allow.
"""

from dataclasses import dataclass

from msgspec import structs

from rules.term import PATIENCE_SECONDS_MAX
from rules.use import spent
from rules.verdict import Admit, Facts, Refuse
from rules.zone import Policy as Policy
from wire.claim import Claim, Denied, Granted
from wire.event import Authorised
from wire.reason import Reason

PATIENCE_SECONDS = {Policy.AVAILABLE: 0.0, Policy.HYBRID: 0.15, Policy.CONSISTENT: 2.0}
AGAIN_SECONDS = 0.5
"""A claim without an answer is said again after so long."""
assert max(PATIENCE_SECONDS.values()) < PATIENCE_SECONDS_MAX


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim that was made, and what came of it; None: no answer in time."""

    claim: Claim
    policy: Policy
    answer: Granted | Denied | None = None

    @property
    def granted(self) -> Granted | None:
        """The grant that this policy goes by, if there is one."""
        if not isinstance(self.answer, Granted):
            return None
        firm = self.answer.firm or self.policy is Policy.HYBRID
        return self.answer if firm else None


def claim_for(facts: Facts, verdict: Admit, authorised: Authorised, term: int) -> Claim:
    """Return the claim on what a verdict would use. `term`: the highest that was heard of here."""
    counted = spent(facts.uses, facts.entry)
    at = authorised.checkpoint
    elsewhere = facts.entry.elsewhere if facts.entry else ()
    others = {(use.admission, use.person) for use in elsewhere if use.checkpoint != at}
    kind = facts.ticket_class
    per_person = kind.uses.get(at, 0) if kind else 1
    return Claim(
        authorised.admission,
        authorised.cti,
        at,
        per_person * facts.ticket.quantity,
        verdict.quantity,
        authorised.generation,
        lane=authorised.lane,
        known=tuple(sorted(counted - others)),
        undone=tuple(sorted(facts.entry.undone)) if facts.entry else (),
        abandoned=tuple(use.name for use in facts.uses if not use.outcome.spends),
        term=term,
    )


def applied(verdict: Admit, claimed: Claimed) -> Admit | Refuse:
    """Return what is left of a verdict after the ledger was asked."""
    match claimed.answer:
        case Denied() as denied:
            since = None if denied.since is None else float(denied.since)
            return Refuse(denied.reason, since, denied.where)
        case Granted() if claimed.granted:
            quantity = min(verdict.quantity, claimed.answer.quantity)
            return structs.replace(verdict, quantity=quantity)
        case _ if claimed.policy is Policy.CONSISTENT:
            return Refuse(Reason.NO_ANSWER)
        case _:
            return verdict
