"""Many seeds: on every core, with a bar, and the first failure of each kind made small."""

import logging
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from gatehouse.simulation.machines.remembering import remember
from gatehouse.simulation.planned import plan as planning
from gatehouse.simulation.planned.plan import Plan, Wishes
from gatehouse.simulation.planned.shrink import Shrinking
from gatehouse.simulation.venue import Result, run


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed came to; small enough to be handed from process to process."""

    seed: int
    hash: str
    turns: int
    simulated_seconds: float
    cpu_seconds: float
    broken: tuple[tuple[str, float, str], ...]
    """(promise, when, why)."""
    counts: dict[str, int]


@dataclass(slots=True)
class Covered:
    """What many seeds came to."""

    seeds: int = 0
    simulated_seconds: float = 0.0
    cpu_seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.seeds += 1
        self.simulated_seconds += outcome.simulated_seconds
        self.cpu_seconds += outcome.cpu_seconds
        self.counts.update(outcome.counts)
        if outcome.broken:
            self.failed.append(outcome)


def prepare() -> None:
    """Leave out what costs time and changes nothing; once in each process that runs seeds."""
    # The daemons' logs would be most of the time, and all of the screen.
    logging.disable(logging.CRITICAL)
    remember()


def one(seed: int, wishes: Wishes) -> Outcome:
    """Run one seed."""
    began = time.process_time()
    try:
        result = run(planning.draw(seed, wishes))
    except Exception as error:
        error.add_note(f"in seed {seed} of the simulated venue, with {wishes}")
        raise
    return _outcome(seed, result, time.process_time() - began)


def many(seeds: range, wishes: Wishes, workers: int | None = None) -> Iterator[Outcome]:
    """Run seeds on every core; yield them as they are done."""
    count = min(workers or os.cpu_count() or 1, len(seeds))
    if count <= 1:
        prepare()
        for seed in seeds:
            yield one(seed, wishes)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(count, initializer=prepare) as processes:
        yield from processes.imap_unordered(_one, ((seed, wishes) for seed in seeds))


def smallest(seed: int, wishes: Wishes) -> tuple[Plan, Result, int]:
    """Make the failing plan of a seed small; return it, its run, and how many runs it took."""
    plan = planning.draw(seed, wishes)
    first = run(plan)
    if not first.violations:
        return plan, first, 1
    shrinking = Shrinking(_fails)
    small = shrinking.shrink(plan, first.violations[0].promise)
    return small, run(small), shrinking.runs


def _fails(plan: Plan) -> tuple[str, float] | None:
    violations = run(plan).violations
    return (violations[0].promise, violations[0].at) if violations else None


def _one(asked: tuple[int, Wishes]) -> Outcome:
    return one(*asked)


def _outcome(seed: int, result: Result, cpu_seconds: float) -> Outcome:
    broken = tuple((str(one.promise), one.at, one.why) for one in result.violations)
    return Outcome(
        *(seed, result.hash, result.turns, result.simulated_seconds, cpu_seconds),
        *(broken, result.counts),
    )
