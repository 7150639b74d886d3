"""From a credential to what is written down and what the lane is told, in one step.

Everything that was known comes in; the shell runs this inside the transaction that commits its
events, so that a right judged unspent is spent before anybody else can ask. Where the zone claims
rights beforehand, the first answer is the claim to make; with what came of it, it is asked again.
"""

from dataclasses import dataclass, replace
from datetime import tzinfo

import msgspec
from msgspec import structs

from edge.core import claiming, notice
from edge.core.claiming import Claimed, Policy
from edge.core.credential import digest, form
from edge.core.lane import Admission, Answer, Authorised, CalledOff, Refused
from edge.core.moment import Moment
from edge.core.scan import Scan
from rules.verdict import Admit, Door, Facts, Refuse, judge
from wire import event
from wire.claim import Claim
from wire.event import AnyEvent, ClockQuality, Direction
from wire.reason import Reason


@dataclass(frozen=True, slots=True)
class Place:
    """Where the decision is made, and how its refusals are blurred."""

    door: Door
    direction: Direction
    digest_key: bytes
    time_zone: tzinfo | None = None
    claims: Policy = Policy.AVAILABLE


class Decision(msgspec.Struct, frozen=True):
    """`events` are to be committed at once; `refused` goes through the summing of refusals."""

    events: tuple[AnyEvent, ...]
    refused: event.Refused | None
    answer: Answer


NOT_WANTED = Decision((), None, CalledOff())
"""Of a scan that its lane called off before anything was committed."""


def decide(
    facts: Facts,
    scan: Scan,
    place: Place,
    admission: bytes,
    assume: bool,
    list_sequence: int,
    now: Moment,
    claimed: Claimed | None = None,
    term: int = 0,
) -> Decision | Claim:
    """Judge a ticket, or say what to claim first.

    `admission` is a fresh id, or the claim's; `assume` also commits that all walk through. `term`:
    the highest that was heard of here.
    """
    door = _at(place.door, now)
    verdict = judge(facts, door, now.wall, now.uptime)
    if claimed and isinstance(verdict, Admit) and not verdict.reopen:
        verdict = claiming.applied(verdict, claimed)
    if isinstance(verdict, Refuse):
        return refuse(scan, place, verdict.reason, facts, verdict.since, verdict.where)
    shown = notice.go(verdict.quantity, facts.ticket_class.name if facts.ticket_class else None)
    if verdict.reopen:
        again, person = verdict.reopen
        opened = Admission(again, scan.scan, person, person, assume)
        return Decision(_reopened(facts, scan, place, opened), None, Authorised(opened, shown))
    opened = Admission(admission, scan.scan, 1, verdict.quantity, assume)
    authorised = _authorised(facts, scan, place, opened, verdict, list_sequence)
    if claimed is None and place.claims is not Policy.AVAILABLE:
        return claiming.claim_for(facts, verdict, authorised, term)
    if claimed:
        granted = claimed.granted.term if claimed.granted else 0
        authorised = structs.replace(authorised, term=granted, unanswered=not granted)
    return Decision((authorised, *_assumed(place, opened)), None, Authorised(opened, shown))


def refuse(
    scan: Scan,
    place: Place,
    reason: Reason,
    facts: Facts | None = None,
    since: float | None = None,
    where: str = "",
) -> Decision:
    """Say no. A group's ticket refuses all its persons."""
    refused = event.Refused(
        lane=place.door.lane,
        reason=reason,
        scan=scan.scan,
        checkpoint=place.door.checkpoint,
        direction=place.direction,
        cti=facts.ticket.cti if facts else None,
        quantity=facts.ticket.quantity if facts else 1,
        length=len(scan.data),
        form=form(scan.data),
        digest=digest(scan.data, place.digest_key),
    )
    shown = notice.refused(reason, since, where, place.time_zone)
    return Decision((), refused, Refused(shown))


def _at(door: Door, now: Moment) -> Door:
    """Return the door with what the clock is worth this moment."""
    if now.quality is ClockQuality.SUSPECT:
        earliest = door.floor if now.earliest is None else now.earliest
        latest = door.latest if now.latest is None else now.latest
        return replace(door, clock=now.quality, floor=earliest, latest=latest)
    return door if now.quality is door.clock else replace(door, clock=now.quality)


def _authorised(
    facts: Facts, scan: Scan, place: Place, opened: Admission, verdict: Admit, list_sequence: int
) -> event.Authorised:
    return event.Authorised(
        lane=place.door.lane,
        admission=opened.admission,
        scan=scan.scan,
        cti=facts.ticket.cti,
        checkpoint=place.door.checkpoint,
        quantity=opened.last,
        direction=place.direction,
        generation=facts.ticket.generation,
        rung=place.door.rung,
        list_sequence=list_sequence,
        confirmed=verdict.confirmed,
        code_time=facts.code.time if facts.must_move and facts.code else None,
    )


def _reopened(facts: Facts, scan: Scan, place: Place, opened: Admission) -> tuple[AnyEvent, ...]:
    reopened = event.Reopened(
        lane=place.door.lane,
        admission=opened.admission,
        person=opened.first,
        scan=scan.scan,
        cti=facts.ticket.cti,
        checkpoint=place.door.checkpoint,
    )
    return reopened, *_assumed(place, opened)


def _assumed(place: Place, opened: Admission) -> tuple[AnyEvent, ...]:
    if not opened.assumed:
        return ()
    passed = event.Passed(
        lane=place.door.lane,
        admission=opened.admission,
        person=opened.first,
        count=opened.last - opened.first + 1,
        assumed=True,
    )
    return (passed,)
