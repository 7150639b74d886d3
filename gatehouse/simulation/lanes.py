"""What hangs on the gates of a plan, and who sets their lanes to what.

Each is drawn from a chance of its own: so a seed without any of it is the venue that it was.
"""

import random
from dataclasses import replace

from gatehouse.simulation.plan_terms import Fitting, Handling, HandlingKind, Plan, Wishes

FIRST_SECONDS = 8.0
"""Before that a gate has not heard of central yet."""
BY_ORDER = (HandlingKind.HOLD_OPEN, HandlingKind.FREE_PASS, HandlingKind.OPEN_ONCE)


def add(plan: Plan, wishes: Wishes) -> Plan:
    """Return the plan with what its gates are fitted with, and with who handles them."""
    keys = random.Random(f"{plan.seed} keys")
    handled = wishes.handlings_a_minute > 0
    fittings = tuple(Fitting(keys=handled and keys.random() < 0.5) for _ in range(plan.gates))
    if not any(fitting != Fitting() for fitting in fittings):
        fittings = ()
    plan = replace(plan, fittings=fittings)
    return replace(plan, handlings=_handlings(plan, wishes)) if handled else plan


def _handlings(plan: Plan, wishes: Wishes) -> tuple[Handling, ...]:
    chance, found = random.Random(f"{plan.seed} handlings"), list[Handling]()
    rate = wishes.handlings_a_minute / 60
    at = FIRST_SECONDS + chance.expovariate(rate)
    while at < plan.seconds:
        gate = chance.randrange(plan.gates)
        kind = chance.choice(list(HandlingKind) if plan.fitting(gate).keys else BY_ORDER)
        seconds = chance.uniform(3.0, 30.0)
        back = chance.uniform(1.0, seconds) if chance.random() < 0.3 else 0.0
        found.append(Handling(len(found), at, gate, kind, seconds, back, chance.random() < 0.5))
        at += chance.expovariate(rate)
    return tuple(found)
