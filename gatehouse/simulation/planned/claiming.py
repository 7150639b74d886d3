"""What a plan holds where kiosks claim at the hub what they print, or exchange while central is
away: lines that are cut, and more people who want one ticket's paper at two kiosks at once.

Drawn by a chance of its own, so that the rest of a seed is what it is without them.
"""

import random
from collections.abc import Iterator
from dataclasses import replace

from gatehouse.simulation.planned.plan_terms import (
    Errand,
    Fault,
    FaultKind,
    Plan,
    Revocation,
    Wishes,
)
from rules.zone import Policy

TWINS = 0.35
"""Of those who go to a kiosk: somebody else wants the same ticket's paper at the other one."""
FAULTS = 0.5
"""So often as anything else in the venue, something happens to each kiosk's claims."""
NEAR_SECONDS = (1.0, 5.0)
"""After somebody has come, a claim is under way."""
POINTS_MAX = 40
CLAIMED: dict[FaultKind, float] = {
    FaultKind.HUB_CUT: 5,
    FaultKind.HUB_STORM: 3,
    FaultKind.HUB_POINT: 4,
    FaultKind.HUB_KILLED: 2,
    FaultKind.HUB_POWER: 2,
    FaultKind.HUB_REPLACED: 1,
    FaultKind.KIOSK_POINT: 6,
    FaultKind.POWER: 3,
    FaultKind.CUT: 4,
}
ALONE: dict[FaultKind, float] = {
    FaultKind.CUT: 10,
    FaultKind.CENTRAL_AWAY: 10,
    FaultKind.KIOSK_POINT: 4,
    FaultKind.KIOSK_KILLED: 2,
    FaultKind.POWER: 2,
}
"""Central cannot be asked while somebody is there, or shortly before."""
AWAY = (FaultKind.CUT, FaultKind.CENTRAL_AWAY)
BEFORE_SECONDS, LONG = (0.0, 10.0), (10.0, 50.0)


def add(plan: Plan, wishes: Wishes) -> Plan:
    """Return the plan with its kiosks' claims and keys, if its seed has any."""
    central = random.Random(f"{plan.seed} central claims").choice(wishes.central_claims)
    central = central and plan.claims not in (None, Policy.AVAILABLE)
    plan = replace(plan, central_claims=central)
    chance = random.Random(f"{plan.seed} kiosks claim")
    claims = chance.choice(wishes.kiosks_claim)
    claims = claims and plan.claims is not None and plan.kiosks > 0 and not central
    delegates = random.Random(f"{plan.seed} delegates").choice(wishes.delegates)
    delegates = delegates and plan.kiosks > 0
    if not claims and not delegates:
        return plan
    weights = (CLAIMED if claims else {}) | (ALONE if delegates else {})
    plan = replace(plan, kiosks_claim=claims, delegates=delegates)
    errands = (*plan.errands, *_twins(chance, plan))
    return replace(
        plan,
        errands=tuple(sorted(errands, key=lambda one: (one.at, one.number))),
        faults=(*plan.faults, *_faults(chance, wishes, plan, weights)),
        revocations=tuple(_revocations(wishes, plan)) if delegates else (),
    )


def _revocations(wishes: Wishes, plan: Plan) -> Iterator[Revocation]:
    """Soon after somebody was there, who comes to a gate with what was printed."""
    chance = random.Random(f"{plan.seed} revokes")
    for kiosk in range(plan.kiosks):
        there = [one.at for one in plan.errands if one.kiosk == kiosk]
        if chance.random() < wishes.revokes and there:
            at = chance.choice(there) + chance.uniform(2.0, 20.0)
            yield Revocation(kiosk, min(at, plan.seconds), kiosk)


def _twins(chance: random.Random, plan: Plan) -> list[Errand]:
    found: list[Errand] = []
    for one in plan.errands if plan.kiosks > 1 else ():
        if chance.random() < TWINS and not one.staff:
            other = (one.kiosk + 1 + chance.randrange(plan.kiosks - 1)) % plan.kiosks
            at, number = one.at + chance.choice((0.0, 0.2, 2.0)), len(plan.errands) + len(found)
            found.append(
                replace(one, number=number, at=at, kiosk=other, by_order=False, leaves_at="")
            )
    return found


def _faults(
    chance: random.Random, wishes: Wishes, plan: Plan, weights: dict[FaultKind, float]
) -> list[Fault]:
    kinds = [kind for kind in weights if kind in wishes.kinds]
    found: list[Fault] = []
    likely = wishes.faults_a_minute * FAULTS * plan.seconds / 60 / max(len(plan.errands), 1)
    for one in plan.errands if kinds else ():
        if chance.random() >= likely:
            continue
        at = one.at + chance.uniform(*NEAR_SECONDS)
        if at >= plan.seconds:
            continue
        kind = chance.choices(kinds, weights=[weights[one] for one in kinds])[0]
        amount = float(chance.randrange(1, POINTS_MAX)) if kind in POINTS else chance.random()
        seconds = chance.choice((1.0, 4.0, 15.0)) * chance.uniform(0.5, 1.5)
        if kind in AWAY and plan.delegates:
            at, seconds = max(1.0, at - chance.uniform(*BEFORE_SECONDS)), chance.uniform(*LONG)
        number = len(plan.faults) + len(found)
        found.append(Fault(number, at, kind, one.kiosk, seconds, amount, kiosk=True))
    return found


POINTS = (FaultKind.HUB_POINT, FaultKind.KIOSK_POINT)
