"""Whether a right may be turned into paper now: one rule for kiosk, hub and central.

A paper is the same right with a higher generation. Whoever grants it has looked at everything
known of the right (its standing, its uses, its earlier papers) inside the transaction that writes
the reservation down.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from rules.ticket_class import EventRecord, TicketClass
from rules.use import Outcome
from rules.verdict import Refuse
from wire.entry import Standing
from wire.reason import Reason
from wire.ticket import SMALL_MAX


class Held(Enum):
    """What is known of an earlier paper of a right."""

    RESERVED = "reserved"  # A kiosk may be printing it at this moment.
    GIVEN_BACK = "given-back"
    UNKNOWN = "unknown"
    RETRACTED = "retracted"
    EXCHANGED = "exchanged"
    REISSUED = "reissued"

    @property
    def stands(self) -> bool:
        """Whether that paper is, or may be, the ticket."""
        return self in (Held.UNKNOWN, Held.EXCHANGED, Held.REISSUED)


@dataclass(frozen=True, slots=True)
class Paper:
    held: Held
    generation: int
    since: float = 0.0
    """Unix seconds."""
    place: str = ""
    """By which kiosk."""
    own: bool = False
    """By the one that asks."""


@dataclass(frozen=True, slots=True)
class Use:
    outcome: Outcome
    since: float | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a right; `shown`: the generation of the code that was shown, if one was."""

    standing: Standing
    generation: int
    """The least that gates still take."""
    closes: float
    """Unix seconds at which it is good for nothing any more."""
    ticket_class: TicketClass | None
    event: EventRecord | None
    given: int = 0
    """The highest that any paper was ever granted."""
    shown: int | None = None
    uses: tuple[Use, ...] = ()
    papers: tuple[Paper, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """A paper of this generation may be printed."""

    generation: int


_STANDINGS = {
    Standing.BLOCKED: Reason.BLOCKED,
    Standing.REFUNDED: Reason.REFUNDED,
    Standing.RESCHEDULED: Reason.RESCHEDULED,
}


def judge(facts: Facts, wall: float) -> Grant | Refuse:
    """Return the grant for a visitor's paper, or why there is none."""
    return (
        _against_venue(facts, wall)
        or against_uses(facts.uses)
        or against_papers(facts.papers, facts.generation)
        or _against_code(facts)
        or next_after(facts.papers, facts.generation, facts.given)
    )


def judge_reissue(facts: Facts, wall: float) -> Grant | Refuse:
    """Return the grant for a paper that staff print anew, whatever became of the one before."""
    refusal = _against_venue(facts, wall) or against_uses(facts.uses)
    busy = next((one for one in facts.papers if one.held is Held.RESERVED and not one.own), None)
    if not refusal and busy:
        refusal = Refuse(Reason.BEING_COLLECTED, busy.since, busy.place)
    return refusal or next_after(facts.papers, facts.generation, facts.given)


def with_own(facts: Facts, held: Iterable[tuple[int, str]]) -> Facts:
    """Return what is known when the kiosk that asks has said what became of its own papers.

    `held`: (generation, a word of Held). Where its rows have come, they count.
    """
    said = {generation: Held(word) for generation, word in held if word in Held._value2member_map_}
    known = tuple(
        replace(one, held=said.pop(one.generation))
        if one.own and one.held is Held.RESERVED and one.generation in said
        else one
        for one in facts.papers
    )
    heard = {one.generation for one in facts.papers if one.own}
    unheard = (Paper(one, number, own=True) for number, one in said.items() if number not in heard)
    return replace(facts, papers=(*known, *unheard))


def _against_venue(facts: Facts, wall: float) -> Refuse | None:
    if facts.event is None:
        return Refuse(Reason.WRONG_EVENT)
    if facts.standing in _STANDINGS:
        return Refuse(_STANDINGS[facts.standing])
    if wall >= facts.closes:
        return Refuse(Reason.TOO_LATE, since=facts.closes)
    if facts.event.closed:
        return Refuse(Reason.SEE_STAFF)
    if facts.ticket_class is None or not facts.ticket_class.exchange:
        return Refuse(Reason.NOT_EXCHANGED)
    return None


def against_uses(uses: Iterable[Use]) -> Refuse | None:
    """A right that somebody has walked in with has no paper any more."""
    spending = [use for use in uses if use.outcome.spends]
    for use in spending:
        if use.outcome is Outcome.RESERVED:
            return Refuse(Reason.BEING_USED, use.since, use.place)
    for use in spending:
        return Refuse(Reason.USED, use.since, use.place)
    return None


def against_papers(papers: Iterable[Paper], least: int) -> Refuse | None:
    """Return which earlier paper is in the way; `least`: the generation that gates still take."""
    for paper in sorted(papers, key=lambda one: -one.generation):
        if paper.held.stands and paper.generation < least:
            continue  # Void: the right was given a new code since.
        match paper.held:
            case Held.EXCHANGED | Held.REISSUED:
                return Refuse(Reason.COLLECTED, paper.since, paper.place)
            case Held.UNKNOWN:
                # Never a silent reprint: whoever looks at the printer decides.
                return Refuse(Reason.SEE_STAFF, paper.since, paper.place)
            case Held.RESERVED if not paper.own:
                return Refuse(Reason.BEING_COLLECTED, paper.since, paper.place)
            case _:
                pass
    return None


def _against_code(facts: Facts) -> Refuse | None:
    if facts.shown is not None and facts.shown < facts.generation:
        return Refuse(Reason.SUPERSEDED)
    return None


def next_after(papers: Iterable[Paper], *given: int) -> Grant | Refuse:
    """No generation is ever given twice, whatever became of the paper that had it."""
    highest = max((*given, *(paper.generation for paper in papers)))
    if highest >= SMALL_MAX:
        return Refuse(Reason.SEE_STAFF)
    return Grant(highest + 1)
