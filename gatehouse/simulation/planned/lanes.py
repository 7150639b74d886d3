"""What hangs on the gates of a plan, and who sets their lanes to what.

Each is drawn from a chance of its own: so a seed without any of it is the venue that it was.
"""

import random
from dataclasses import replace

from gatehouse.simulation.centrals.tickets import Kind, pool
from gatehouse.simulation.planned.plan_terms import (
    Does,
    Fitting,
    Handling,
    HandlingKind,
    Leaving,
    Plan,
    Visitor,
    Wishes,
)

FIRST_SECONDS = 8.0
"""Before that a gate has not heard of central yet."""
GROUPS_NUMBER = 300_000
"""Of those who come with a group."""
BACK_NUMBER = 400_000
"""Of those who come back."""
WAYS = ((False, False), (True, False), (False, True), (True, True))
BY_ORDER = (HandlingKind.HOLD_OPEN, HandlingKind.FREE_PASS, HandlingKind.OPEN_ONCE)
BY_CARD = (
    HandlingKind.CARD_FREE_PASS,
    HandlingKind.CARD_OUT_OF_SERVICE,
    HandlingKind.CARD_OPEN_ONCE,
)
BY_ORDER_OR_KEY = tuple(kind for kind in HandlingKind if kind not in BY_CARD)


def add(plan: Plan, wishes: Wishes) -> Plan:
    """Return the plan with what its gates are fitted with, and with who comes because of it."""
    chances = (random.Random(f"{plan.seed} {what}") for what in ("keys", "boards", "exits"))
    keys, boards, exits = chances
    handled, grouped = wishes.handlings_a_minute > 0, wishes.groups_a_minute > 0
    leaving = wishes.leaving_a_minute > 0
    fittings = tuple(
        Fitting(
            handled and keys.random() < 0.5,
            grouped and boards.random() < 0.6,
            *(exits.choice(WAYS) if leaving else WAYS[0]),
        )
        for _ in range(plan.gates)
    )
    if any(fitting != Fitting() for fitting in fittings):
        plan = replace(plan, fittings=fittings)
    if handled:
        plan = replace(plan, handlings=_handlings(plan, wishes))
    if wishes.cards_a_minute:
        plan = replace(plan, handlings=_with_cards(plan, wishes))
    if grouped:
        plan = replace(plan, visitors=_with_groups(plan, wishes))
    return _with_leavings(plan, wishes) if leaving else plan


def _with_leavings(plan: Plan, wishes: Wishes) -> Plan:
    """People leave where a gate lets them; of those who came on a ticket, some show it again."""
    chance, rate = random.Random(f"{plan.seed} leavings"), wishes.leaving_a_minute / 60
    leavings, back = list[Leaving](), list[Visitor]()
    for gate in range(plan.gates):
        fitting = plan.fitting(gate)
        ways = [own for own in (False, True) if (fitting.exit if own else fitting.opposite)]
        at = FIRST_SECONDS / 2 + chance.expovariate(rate)
        while at < plan.seconds and ways:
            leavings.append(Leaving(len(leavings), at, gate, chance.choice(ways)))
            came = [one for one in plan.visitors if one.at < at - 2.0 and one.ticket is not None]
            again = at + chance.uniform(2.0, 15.0)
            if came and chance.random() < 0.2 and again < plan.seconds:
                one, number = chance.choice(came), BACK_NUMBER + len(back)
                where = gate if chance.random() < 0.5 else chance.randrange(plan.gates)
                back.append(replace(one, number=number, at=again, gate=where, does=Does.WALKS))
            at += chance.expovariate(rate)
    visitors = sorted((*plan.visitors, *back), key=lambda one: (one.at, one.number))
    leavings.sort(key=lambda one: one.at)
    return replace(plan, visitors=tuple(visitors), leavings=tuple(leavings))


def _with_groups(plan: Plan, wishes: Wishes) -> tuple[Visitor, ...]:
    """More groups, and not every one of them is as many as its ticket allows."""
    chance, tickets = random.Random(f"{plan.seed} groups"), pool(plan.pool).tickets
    held = {one.ticket for one in plan.visitors} | {one.ticket for one in plan.errands}
    fresh = [one for one in tickets if one.kind is Kind.GROUP and one.number not in held]
    chance.shuffle(fresh)
    found = list(plan.visitors)
    for gate in range(plan.gates):
        at = FIRST_SECONDS + chance.expovariate(wishes.groups_a_minute / 60)
        while at < plan.seconds and fresh:
            number, does = GROUPS_NUMBER + len(found), chance.choices(tuple(Does), (90, 4, 3, 3))[0]
            pace = chance.uniform(0.4, 2.0)
            found.append(Visitor(number, at, gate, fresh.pop().number, does, pace))
            at += chance.expovariate(wishes.groups_a_minute / 60)
    for place, one in enumerate(found):
        quantity = 1 if one.ticket is None else tickets[one.ticket].quantity
        if quantity > 1 and chance.random() < 0.6:
            persons = chance.choice((*range(1, quantity), quantity + 1, quantity + 2))
            found[place] = replace(one, persons=persons)
    return tuple(sorted(found, key=lambda one: (one.at, one.number)))


def _with_cards(plan: Plan, wishes: Wishes) -> tuple[Handling, ...]:
    """Staff come with their cards too; whoever takes a lane out of service brings it back."""
    chance, found = random.Random(f"{plan.seed} cards"), list(plan.handlings)
    rate = wishes.cards_a_minute / 60
    at = FIRST_SECONDS + chance.expovariate(rate)
    while at < plan.seconds:
        gate, kind = chance.randrange(plan.gates), chance.choice(BY_CARD)
        seconds = chance.uniform(3.0, 30.0)
        stays = kind is HandlingKind.CARD_FREE_PASS and chance.random() < 0.3
        found.append(Handling(len(found), at, gate, kind, seconds, 0.0 if stays else seconds))
        at += chance.expovariate(rate)
    return tuple(sorted(found, key=lambda one: (one.at, one.number)))


def _handlings(plan: Plan, wishes: Wishes) -> tuple[Handling, ...]:
    chance, found = random.Random(f"{plan.seed} handlings"), list[Handling]()
    rate = wishes.handlings_a_minute / 60
    at = FIRST_SECONDS + chance.expovariate(rate)
    while at < plan.seconds:
        gate = chance.randrange(plan.gates)
        kind = chance.choice(BY_ORDER_OR_KEY if plan.fitting(gate).keys else BY_ORDER)
        seconds = chance.uniform(3.0, 30.0)
        back = chance.uniform(1.0, seconds) if chance.random() < 0.3 else 0.0
        found.append(Handling(len(found), at, gate, kind, seconds, back, chance.random() < 0.5))
        at += chance.expovariate(rate)
    return tuple(found)
