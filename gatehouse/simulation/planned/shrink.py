"""A failing plan made small: fewer faults, deeds and visitors, a shorter time, as long as it fails.

What is left out changes nothing else, since every part of a plan has its own time, and every part
of the venue its own chance.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from gatehouse.simulation.planned.plan import Deed, Errand, Fault, Plan, Visitor
from gatehouse.simulation.planned.plan_terms import Handling, Leaving
from gatehouse.simulation.promises import Promise

MARGIN_SECONDS = 12.0
RUNS_MAX = 400


class Shrinking:
    """`fails(plan)` returns the first promise that is broken and when, or None."""

    def __init__(self, fails: Callable[[Plan], tuple[str, float] | None]) -> None:
        self._fails = fails
        self.runs = 0

    def shrink(self, plan: Plan, promise: Promise | str) -> Plan:
        """Return a smaller plan that breaks the same promise."""
        plan = self._shorter(plan, promise)
        before = None
        while before != plan and self.runs < RUNS_MAX:
            before = plan
            plan = self._fewer(plan, promise, "faults")
            plan = self._fewer(plan, promise, "deeds")
            plan = self._fewer(plan, promise, "visitors")
            plan = self._fewer(plan, promise, "errands")
            plan = self._fewer(plan, promise, "locks")
            plan = self._fewer(plan, promise, "revocations")
            plan = self._fewer(plan, promise, "handlings")
            plan = self._fewer(plan, promise, "leavings")
            plan = self._shorter(plan, promise)
        return plan

    def _still(self, plan: Plan, promise: str) -> tuple[str, float] | None:
        if self.runs >= RUNS_MAX:
            return None
        self.runs += 1
        found = self._fails(plan)
        return found if found is not None and found[0] == promise else None

    def _shorter(self, plan: Plan, promise: str) -> Plan:
        found = self._still(plan, promise)
        if found is None:
            return plan
        parts: list[Visitor | Fault | Deed | Errand | Handling | Leaving] = [
            *plan.visitors,
            *plan.faults,
            *plan.deeds,
            *plan.errands,
            *plan.handlings,
            *plan.leavings,
        ]
        last = max((one.at for one in parts), default=0.0)
        end = min(plan.seconds, found[1] + 1.0, last + MARGIN_SECONDS)
        shorter = replace(
            plan,
            seconds=end,
            visitors=tuple(one for one in plan.visitors if one.at <= end),
            faults=tuple(one for one in plan.faults if one.at <= end),
            deeds=tuple(one for one in plan.deeds if one.at <= end),
            errands=tuple(one for one in plan.errands if one.at <= end),
            locks=tuple(one for one in plan.locks if one.at <= end),
            handlings=tuple(one for one in plan.handlings if one.at <= end),
            leavings=tuple(one for one in plan.leavings if one.at <= end),
        )
        return shorter if self._still(shorter, promise) else plan

    def _fewer(self, plan: Plan, promise: str, what: str) -> Plan:
        """Leave out ever smaller pieces of one list (Zeller's ddmin, without its complements)."""
        parts: Sequence[object] = getattr(plan, what)
        size = max(1, len(parts) // 2)
        while parts:
            at = 0
            while at < len(parts):
                left = tuple(parts[:at]) + tuple(parts[at + size :])
                smaller = replace(plan, **{what: left})  # type: ignore[arg-type]
                if self._still(smaller, promise):
                    plan, parts = smaller, left
                else:
                    at += size
            if size == 1 or self.runs >= RUNS_MAX:
                break
            size = max(1, size // 2)
        return plan
