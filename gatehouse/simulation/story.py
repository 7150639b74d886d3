"""What happened, to be read by a person: the time, who, and what, one thing a line."""

from collections.abc import Iterator

from gatehouse.simulation.venue import Result

LINES_MAX = 120


def told(result: Result) -> Iterator[str]:
    """Yield the story of a run: how large it was, what happened last, and what was broken."""
    plan = result.plan
    yield (
        f"seed {plan.seed}: {plan.gates} gate{'s' if plan.gates > 1 else ''}, "
        f"{plan.kiosks} kiosk{'s' if plan.kiosks != 1 else ''}, "
        f"{plan.seconds:.0f} s, {len(plan.visitors)} visitors, {len(plan.faults)} faults, "
        f"{len(plan.deeds)} deeds at central; trace {result.hash}"
    )
    lines = result.story
    if len(lines) > LINES_MAX:
        yield f"  … {len(lines) - LINES_MAX} lines before"
        lines = lines[-LINES_MAX:]
    for line in lines:
        minutes, seconds = divmod(line.at, 60)
        yield f"  {int(minutes):02d}:{seconds:06.3f}  {line.who:<14} {line.what}"
    for broken in result.violations[:5]:
        yield f"BROKEN at {broken.at:.1f} s: {broken.promise}: {broken.why}"
