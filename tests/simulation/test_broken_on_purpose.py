"""Each promise is broken once in the real code, and a seed notices.

A promise that no seed could find broken would be held by nobody. What is broken stands in
`breaking`; a few are tried always, the rest at night.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf

import pytest

from gatehouse.simulation.planned.plan import FaultKind, Wishes, draw
from gatehouse.simulation.promises import Promise
from gatehouse.simulation.venue import run
from rules.zone import Policy
from tests.simulation.breaking import (
    Patch,
    acknowledges_over_holes,
    answers_and_does_nothing,
    asks_nobody,
    believes_its_clock,
    calls_everything_collected,
    calls_everything_used,
    calls_good_tickets_refunded,
    calls_unknown_papers_printed,
    cannot_read_everything,
    commits_nothing,
    counts_no_heads,
    counts_no_uses,
    counts_nobody_who_leaves,
    does_not_hear_of_fire,
    drops_what_is_long,
    forgets_heads,
    forgets_its_own_papers,
    forgets_what_it_granted,
    forgets_who_is_inside,
    gives_back_whole_groups,
    gives_nothing_back,
    goes_on_after_a_pause,
    grants_a_second_paper,
    grants_papers_beside_entries,
    grants_whatever_is_asked,
    ignores_the_list,
    is_always_fresh,
    is_sure_at_once,
    leaves_papers_open,
    lets_in_while_locked,
    lets_phones_in_beside_papers,
    locks_exits_too,
    loses_what_is_older,
    never_looks_away,
    never_sends_again,
    obeys_again_and_again,
    obeys_keys_that_nobody_turned,
    opens_again_and_again,
    opens_by_any_picture,
    opens_by_revoked_keys,
    prints_before_it_writes,
    raises_no_generation,
    says_it_once,
    says_nothing_of_age,
    says_nothing_of_lost_papers,
    starts_empty,
    stays_open_for_ever,
    takes_arrival_for_use,
    takes_counted_groups_for_pulsed_ones,
    takes_older_codes,
    tells_of_no_conflict,
    writes_passed_for_nobody,
)

CALM = Wishes(gates=1, minutes=1.0, faults_a_minute=0.0)
KILLS = (FaultKind.GATE_KILLED, FaultKind.GATE_POINT, FaultKind.POWER)
CRASHES = replace(CALM, faults_a_minute=8.0, kinds=KILLS)
STORMS = replace(CALM, faults_a_minute=6.0, kinds=(FaultKind.STORM, FaultKind.BROKER))
OVERLOOKED = replace(CALM, faults_a_minute=60.0, kinds=(FaultKind.CONTACT,))
BURNING = replace(CALM, faults_a_minute=60.0, kinds=(FaultKind.FIRE,))
COPIED = replace(
    CALM,
    gates=2,
    faults_a_minute=6.0,
    kinds=(FaultKind.CUT,),
    copies=0.6,
    claims=(Policy.CONSISTENT,),
)
"""Tickets that many have copies of, and gates that do not hear of each other by way of central."""
CENTRAL = replace(COPIED, faults_a_minute=12.0, central_claims=(True,), real_central=True)
LOCKED = replace(CALM, locks_a_minute=4.0)
HANDLED = replace(CALM, handlings_a_minute=4.0)
CUT_OFF = replace(HANDLED, faults_a_minute=12.0, kinds=(FaultKind.POWER, FaultKind.CONTACT))
LEAVING = replace(CALM, leaving_a_minute=6.0)
GROUPS = replace(CALM, groups_a_minute=4.0)
KIOSKS = replace(CALM, kiosks=(2,))
CLAIMING = replace(KIOSKS, claims=(Policy.CONSISTENT,), kiosks_claim=(True,))
AWAY = (FaultKind.CUT, FaultKind.CENTRAL_AWAY)
DYING = (*AWAY, FaultKind.KIOSK_POINT, FaultKind.KIOSK_KILLED)
ALONE = replace(KIOSKS, minutes=3.0, faults_a_minute=10.0, delegates=(True,))
PAPERS = (FaultKind.KIOSK_KILLED, FaultKind.KIOSK_POINT, FaultKind.PAPER_OUT, FaultKind.PRINTER)
REPLACED = (FaultKind.HUB_REPLACED, FaultKind.HUB_STORM, FaultKind.CUT)
SEEDS_MAX = 24


@dataclass(frozen=True, slots=True)
class Break:
    how: Callable[[Patch], None]
    promise: Promise
    wishes: Wishes
    always: bool = False
    on_the_way: bool = False
    """It is noticed at the step that broke it, and not only by the reckoning at the end."""


BREAKS = (
    Break(commits_nothing, Promise.DURABLE_FIRST, CALM, always=True, on_the_way=True),
    Break(forgets_who_is_inside, Promise.ONE_OUTCOME, CRASHES),
    Break(starts_empty, Promise.NOTHING_LOST, CRASHES),
    Break(loses_what_is_older, Promise.NOTHING_LOST, CALM),
    Break(
        opens_by_any_picture,
        Promise.PICTURES_WORTHLESS,
        replace(COPIED, claims=(None,)),
        on_the_way=True,
    ),
    Break(does_not_hear_of_fire, Promise.FIRE_FREE, BURNING),
    Break(counts_no_heads, Promise.FIRE_FREE, BURNING),
    Break(counts_no_uses, Promise.NOBODY_TWICE, CALM, always=True, on_the_way=True),
    Break(opens_again_and_again, Promise.ONE_RETRY, CRASHES, on_the_way=True),
    Break(
        tells_of_no_conflict,
        Promise.DOUBLES_FOUND,
        replace(STORMS, gates=2, kinds=(FaultKind.CUT,), copies=0.6, real_central=True),
    ),
    Break(calls_good_tickets_refunded, Promise.NOBODY_ROBBED, CALM, on_the_way=True),
    Break(ignores_the_list, Promise.LIST_OBEYED, replace(CALM, minutes=2.0), on_the_way=True),
    Break(
        is_always_fresh,
        Promise.AGE_BOUNDED,
        replace(CALM, minutes=6.0, faults_a_minute=1.0, kinds=(FaultKind.CUT,), deed_seconds=240.0),
    ),
    Break(
        says_nothing_of_age,
        Promise.AGE_BOUNDED,
        replace(CALM, minutes=4.0, faults_a_minute=1.5, kinds=(FaultKind.CUT,)),
    ),
    Break(
        believes_its_clock,
        Promise.CLOCK_TOLD,
        replace(CALM, faults_a_minute=6.0, kinds=(FaultKind.CLOCK_STEP, FaultKind.CLOCK_LOST)),
        on_the_way=True,
    ),
    Break(drops_what_is_long, Promise.ANY_BYTES, CALM),
    Break(cannot_read_everything, Promise.NEVER_CRASHES, CALM),
    Break(never_sends_again, Promise.DRAINS, replace(STORMS, kinds=(FaultKind.STORM,))),
    Break(acknowledges_over_holes, Promise.LEDGER_EQUAL, STORMS),
    Break(writes_passed_for_nobody, Promise.OUTCOME_TRUE, CALM, always=True),
    Break(says_it_once, Promise.ORDERS_OBEYED, CUT_OFF, on_the_way=True),
    Break(never_looks_away, Promise.OUTCOME_TRUE, OVERLOOKED),
    Break(grants_whatever_is_asked, Promise.CLAIMED_ONCE, COPIED),
    Break(calls_everything_used, Promise.NOBODY_ROBBED, COPIED, on_the_way=True),
    Break(
        is_sure_at_once,
        Promise.CLAIMED_ONCE,
        replace(COPIED, minutes=2.0, faults_a_minute=4.0, copies=0.9, kinds=REPLACED),
    ),
    Break(
        gives_nothing_back,
        Promise.CLAIMS_SETTLED,
        replace(COPIED, kinds=(FaultKind.HUB_STORM,), claims=(Policy.CONSISTENT,)),
    ),
    Break(
        forgets_what_it_granted,
        Promise.CLAIMED_ONCE,
        replace(CENTRAL, kinds=(FaultKind.GATE_POINT, FaultKind.STORM)),
    ),
    Break(
        asks_nobody,
        Promise.CLAIMS_SETTLED,
        replace(CENTRAL, kinds=(FaultKind.GATE_POINT, FaultKind.GATE_KILLED, FaultKind.STORM)),
    ),
    Break(lets_phones_in_beside_papers, Promise.PAPER_CLAIMED, CLAIMING, on_the_way=True),
    Break(
        grants_papers_beside_entries,
        Promise.PAPER_CLAIMED,
        replace(CLAIMING, minutes=2.0, faults_a_minute=4.0, kinds=(FaultKind.CUT,)),
        on_the_way=True,
    ),
    Break(
        says_nothing_of_lost_papers,
        Promise.CLAIMS_SETTLED,
        replace(ALONE, claims=(Policy.CONSISTENT,), kiosks_claim=(True,), kinds=DYING),
    ),
    Break(
        opens_by_revoked_keys,
        Promise.LIST_OBEYED,
        replace(ALONE, faults_a_minute=6.0, kinds=(FaultKind.CENTRAL_AWAY,), revokes=1.0),
        on_the_way=True,
    ),
    Break(forgets_its_own_papers, Promise.ONE_PAPER, replace(ALONE, kinds=AWAY)),
    Break(takes_arrival_for_use, Promise.DOUBLES_TOLD, replace(ALONE, kinds=AWAY)),
    Break(
        takes_arrival_for_use,
        Promise.DOUBLES_TOLD,
        replace(COPIED, minutes=3.0, claims=(None,)),
    ),
    Break(
        takes_older_codes, Promise.SUPERSEDED_DEAD, replace(KIOSKS, minutes=3.0), on_the_way=True
    ),
    Break(
        prints_before_it_writes,
        Promise.PAPER_RESERVED_FIRST,
        KIOSKS,
        always=True,
        on_the_way=True,
    ),
    Break(
        calls_unknown_papers_printed,
        Promise.PAPER_TRUE,
        replace(KIOSKS, faults_a_minute=16.0, kinds=PAPERS),
        on_the_way=True,
    ),
    Break(
        goes_on_after_a_pause,
        Promise.PAPER_TRUE,
        replace(KIOSKS, faults_a_minute=20.0, kinds=(FaultKind.PAPER_OUT, FaultKind.PRINTER)),
        on_the_way=True,
    ),
    Break(
        leaves_papers_open,
        Promise.PAPERS_COUNTED,
        replace(KIOSKS, faults_a_minute=16.0, kinds=PAPERS),
    ),
    Break(lets_in_while_locked, Promise.ORDERS_OBEYED, LOCKED, on_the_way=True),
    Break(
        obeys_again_and_again,
        Promise.ORDERS_OBEYED,
        replace(LOCKED, faults_a_minute=6.0, kinds=(FaultKind.STORM,)),
    ),
    Break(stays_open_for_ever, Promise.ORDERS_OBEYED, HANDLED),
    Break(answers_and_does_nothing, Promise.ORDERS_OBEYED, HANDLED, on_the_way=True),
    Break(forgets_heads, Promise.HEADS_COUNTED, HANDLED, on_the_way=True),
    Break(
        obeys_keys_that_nobody_turned,
        Promise.ORDERS_OBEYED,
        replace(CRASHES, handlings_a_minute=8.0, locks_a_minute=6.0),
    ),
    Break(counts_nobody_who_leaves, Promise.EXIT_FREE, LEAVING, on_the_way=True),
    Break(
        locks_exits_too, Promise.EXIT_FREE, replace(LEAVING, locks_a_minute=4.0), on_the_way=True
    ),
    Break(gives_back_whole_groups, Promise.ONE_OUTCOME, GROUPS, on_the_way=True),
    Break(
        takes_counted_groups_for_pulsed_ones,
        Promise.OUTCOME_TRUE,
        replace(CRASHES, groups_a_minute=4.0),
    ),
    Break(grants_a_second_paper, Promise.ONE_PAPER, KIOSKS),
    Break(raises_no_generation, Promise.EXCHANGE_KEPT, replace(KIOSKS, real_central=True)),
    Break(calls_everything_collected, Promise.NOBODY_ROBBED, KIOSKS, on_the_way=True),
)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(one, id=one.how.__name__, marks=() if one.always else (pytest.mark.nightly,))
        for one in BREAKS
    ],
)
def test_a_seed_notices(broken: Break, monkeypatch: Patch) -> None:
    broken.how(monkeypatch)
    found: set[str] = set()
    for seed in range(1, SEEDS_MAX + 1):
        plan = draw(seed, broken.wishes)
        until = plan.seconds if broken.on_the_way else inf
        result = run(plan, stop_early=False)
        found |= {violation.promise for violation in result.violations if violation.at <= until}
        if broken.promise in found:
            return
    pytest.fail(f"{SEEDS_MAX} seeds, and nobody noticed; noticed instead: {sorted(found)}")


def test_each_promise_is_broken_by_one() -> None:
    assert {one.promise for one in BREAKS} == set(Promise)
