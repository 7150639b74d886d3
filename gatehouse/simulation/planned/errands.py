"""What a plan holds where there are kiosks: who goes there first, and what goes wrong with them.

Drawn by a chance of its own, so that the rest of a seed is what it is without them.
"""

import random
from dataclasses import dataclass, field, replace

from gatehouse.simulation.centrals.tickets import ORDER_TICKETS, Issued, pool
from gatehouse.simulation.planned.plan_terms import (
    Does,
    Errand,
    Fault,
    FaultKind,
    Plan,
    Visitor,
    Wishes,
)

ERRANDS_A_MINUTE = 5.0
NEAR_SECONDS = 20.0
FIRST_NUMBER = 100_000
"""Of those who come to a gate because they were at a kiosk."""
FAULTS = 0.35
"""As often as anything else in the venue, something happens to each kiosk."""
PAGES = ("choose", "confirm", "printing", "take")
WEIGHTS: dict[FaultKind, float] = {
    FaultKind.CUT: 5,
    FaultKind.STORM: 3,
    FaultKind.KIOSK_KILLED: 3,
    FaultKind.KIOSK_POINT: 9,
    FaultKind.SYNC_KILLED: 2,
    FaultKind.SYNC_POINT: 3,
    FaultKind.POWER: 5,
    FaultKind.PAPER_OUT: 3,
    FaultKind.PRINTER: 6,
    FaultKind.CLOCK_STEP: 1,
    FaultKind.CLOCK_LOST: 1,
    FaultKind.SLOW_DISK: 1,
    FaultKind.READER: 1,
    FaultKind.PICTURE: 1,
    FaultKind.RESTORE: 1,
}
POINTS_MAX = 90


def add(plan: Plan, wishes: Wishes) -> Plan:
    """Return the plan with its kiosks, if its seed has any."""
    chance = random.Random(f"{plan.seed} kiosks")
    kiosks = chance.choice(wishes.kiosks)
    if not kiosks:
        return plan
    going = _Going(chance, plan, kiosks)
    going.draw()
    visitors = sorted((*plan.visitors, *going.visitors), key=lambda one: (one.at, one.number))
    return replace(
        plan,
        kiosks=kiosks,
        errands=tuple(sorted(going.errands, key=lambda one: (one.at, one.number))),
        visitors=tuple(visitors),
        faults=(*plan.faults, *_faults(chance, wishes, plan, kiosks)),
    )


@dataclass(slots=True)
class _Going:
    chance: random.Random
    plan: Plan
    kiosks: int
    errands: list[Errand] = field(default_factory=list)
    visitors: list[Visitor] = field(default_factory=list)
    fresh: list[Issued] = field(default_factory=list)
    """Tickets that nobody else in the plan holds."""

    def draw(self) -> None:
        held = {one.ticket for one in self.plan.visitors}
        self.fresh = [
            one for one in pool(self.plan.pool).tickets if one.listed and one.number not in held
        ]
        self.chance.shuffle(self.fresh)
        for kiosk in range(self.kiosks):
            at = self.chance.uniform(6.0, 12.0)
            while at < self.plan.seconds:
                self._goes(kiosk, at)
                at += self.chance.expovariate(ERRANDS_A_MINUTE / 60)

    def _goes(self, kiosk: int, at: float) -> None:
        chance = self.chance
        ticket = self._ticket(at)
        if ticket is None:
            return
        one = Errand(
            *(len(self.errands), at, kiosk, ticket),
            by_order=chance.random() < 0.3,
            staff=chance.random() < 0.1,
            mistypes=chance.random() < 0.05,
            leaves_at=chance.choice(PAGES) if chance.random() < 0.1 else "",
            pace_seconds=chance.uniform(0.2, 1.6),
        )
        self.errands.append(one)
        if chance.random() < 0.2:
            # The other holder of the order, at the same moment, at whichever kiosk.
            at += chance.choice((0.0, 0.05, 1.0))
            twin = replace(
                one, number=len(self.errands), at=at, kiosk=chance.randrange(self.kiosks)
            )
            self.errands.append(replace(twin, staff=False, leaves_at=""))
        self._comes(ticket, at + chance.uniform(6.0, 30.0), paper=True)
        if chance.random() < 0.5:
            self._comes(ticket, at + chance.uniform(0.0, 40.0), paper=False)
        if one.by_order:
            self._family(ticket, at)

    def _ticket(self, at: float) -> int | None:
        near = [
            one.ticket
            for one in self.plan.visitors
            if one.ticket is not None and abs(one.at - at) < NEAR_SECONDS
        ]
        if near and self.chance.random() < 0.35:
            return self.chance.choice(near)
        return self.fresh.pop().number if self.fresh else None

    def _family(self, ticket: int, at: float) -> None:
        """Whoever else has a ticket of that order comes with its paper, perhaps."""
        first = ticket // ORDER_TICKETS * ORDER_TICKETS
        for other in range(first, min(first + ORDER_TICKETS, self.plan.pool)):
            if other != ticket and self.chance.random() < 0.5:
                self._comes(other, at + self.chance.uniform(6.0, 30.0), paper=True)

    def _comes(self, ticket: int, at: float, paper: bool) -> None:
        chance = self.chance
        if at >= self.plan.seconds:
            return
        does = chance.choices(list(Does), weights=[86, 9, 2, 3])[0]
        number = FIRST_NUMBER + len(self.visitors)
        gate, pace = chance.randrange(self.plan.gates), chance.uniform(0.4, 2.0)
        self.visitors.append(Visitor(number, at, gate, ticket, does, pace, paper=paper))


def _faults(chance: random.Random, wishes: Wishes, plan: Plan, kiosks: int) -> tuple[Fault, ...]:
    kinds = [kind for kind in WEIGHTS if kind in wishes.kinds]
    rate = wishes.faults_a_minute * FAULTS / 60
    found: list[Fault] = []
    for kiosk in range(kiosks if kinds and rate > 0 else 0):
        at = chance.expovariate(rate)
        while at < plan.seconds:
            kind = chance.choices(kinds, weights=[WEIGHTS[one] for one in kinds])[0]
            about = (_seconds(chance, kind), _amount(chance, kind))
            found.append(Fault(len(plan.faults) + len(found), at, kind, kiosk, *about, kiosk=True))
            at += chance.expovariate(rate)
    return tuple(found)


def _seconds(chance: random.Random, kind: FaultKind) -> float:
    match kind:
        case FaultKind.CUT | FaultKind.STORM:
            return chance.choice((2.0, 10.0, 40.0)) * chance.uniform(0.5, 1.5)
        case FaultKind.SLOW_DISK:
            return chance.uniform(20.0, 60.0)
        case _:
            return chance.uniform(1.0, 20.0)


def _amount(chance: random.Random, kind: FaultKind) -> float:
    match kind:
        case FaultKind.KIOSK_POINT | FaultKind.SYNC_POINT:
            return float(chance.randrange(1, POINTS_MAX))
        case FaultKind.CLOCK_STEP:
            return chance.choice((-1.0, 1.0)) * chance.choice((5.0, 120.0, 3600.0))
        case FaultKind.CLOCK_LOST:
            return -chance.choice((600.0, 86_400.0))
        case _:
            return chance.random()
