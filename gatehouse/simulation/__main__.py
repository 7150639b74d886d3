"""`gatehouse simulate`: whole venues out of seeds; one that breaks a promise is told as a story."""

import argparse
import json
import sys
import time
from collections import Counter

from gatehouse.simulation import seeds as running
from gatehouse.simulation.planned.plan import FAULTS_A_MINUTE, FaultKind, Wishes, draw
from gatehouse.simulation.seeds import Covered
from gatehouse.simulation.story import told
from gatehouse.simulation.venue import run
from rules.zone import Policy

BAR_CHARACTERS = 24
NO_HUB = "none"
CLAIMS = (NO_HUB, *Policy)
KIOSKS = (0, 1, 2)
LOCKS_A_MINUTE, HANDLINGS_A_MINUTE, GROUPS_A_MINUTE, LEAVING_A_MINUTE = 0.5, 1.0, 1.0, 3.0
CARDS_A_MINUTE = 0.5
REVOKES = 0.25


def main(argv: list[str]) -> int:
    """Run the seeds that are asked for; 1 if any of them broke a promise."""
    asked = _parser().parse_args(argv)
    first, last = asked.seeds
    kinds = tuple(asked.only or FaultKind)
    real = asked.central == "real"
    claims = tuple(asked.claims or CLAIMS)
    policies = tuple(None if one == NO_HUB else Policy(one) for one in claims)
    kiosks = KIOSKS if asked.kiosks is None else (asked.kiosks,)
    wishes = Wishes(
        *(asked.gates, asked.minutes, asked.faults, kinds),
        real_central=real,
        claims=policies,
        kiosks=kiosks,
        kiosks_claim=(False, True),
        delegates=(False, True),
        revokes=REVOKES,
        central_claims=(False, False, True),
        locks_a_minute=LOCKS_A_MINUTE,
        handlings_a_minute=HANDLINGS_A_MINUTE,
        groups_a_minute=GROUPS_A_MINUTE,
        leaving_a_minute=LEAVING_A_MINUTE,
        cards_a_minute=asked.cards,
    )
    running.prepare()
    if asked.story:
        for line in told(run(draw(first, wishes))):
            print(line)
        return 0
    covered, began, everyone = Covered(), time.monotonic(), last - first + 1
    for outcome in running.many(range(first, last + 1), wishes, asked.workers):
        covered.add(outcome)
        if sys.stderr.isatty() or asked.progress:
            _bar(covered, everyone, time.monotonic() - began)
    if sys.stderr.isatty() or asked.progress:
        print(file=sys.stderr)
    elapsed = time.monotonic() - began
    if asked.json:
        print(json.dumps(_figures(covered, wishes, elapsed), ensure_ascii=False, indent=1))
    else:
        _say(covered, wishes, elapsed)
    _tell_failures(covered, wishes, asked.shrink)
    return 1 if covered.failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gatehouse simulate",
        description="Plays whole venues out of seeds, faults and all, and holds every promise.",
    )
    parser.add_argument("--seeds", type=_range, default=(1, 20), metavar="A..B")
    parser.add_argument("--gates", type=int, default=2)
    parser.add_argument("--kiosks", type=int, help="a seed draws none to two")
    parser.add_argument("--minutes", type=float, default=1.0, help="of the venue's time, each")
    parser.add_argument("--faults", type=float, default=FAULTS_A_MINUTE, help="a minute")
    parser.add_argument(
        "--only", type=FaultKind, action="append", metavar="FAULT", help=", ".join(FaultKind)
    )
    parser.add_argument(
        "--central",
        choices=("light", "real"),
        default="light",
        help="real: central's own code, which takes most of the time",
    )
    parser.add_argument(
        "--claims",
        choices=CLAIMS,
        action="append",
        help="what zones ask of a hub, if there is one; a seed draws one of those named, or of all",
    )
    parser.add_argument("--cards", type=float, default=CARDS_A_MINUTE, help="of staff, a minute")
    parser.add_argument("--workers", type=int, help="processes; one for each core")
    parser.add_argument("--story", action="store_true", help="tell all that happens in seed A")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--progress", action="store_true", help="a bar, also without a terminal")
    parser.add_argument("--no-shrink", dest="shrink", action="store_false")
    return parser


def _range(text: str) -> tuple[int, int]:
    first, dots, last = text.partition("..")
    try:
        found = int(first), int(last if dots else first)
    except ValueError:
        raise argparse.ArgumentTypeError("seeds: a number, or A..B") from None
    if found[1] < found[0]:
        raise argparse.ArgumentTypeError("seeds: A is not above B")
    return found


def _figures(covered: Covered, wishes: Wishes, elapsed: float) -> dict[str, object]:
    return {
        "seeds": covered.seeds,
        "gates": wishes.gates,
        "minutes": wishes.minutes,
        "simulated_seconds": round(covered.simulated_seconds),
        "elapsed_seconds": round(elapsed, 2),
        "cpu_seconds": round(covered.cpu_seconds, 2),
        "seeds_per_second": round(covered.seeds / max(elapsed, 1e-9), 2),
        "times_real_time": round(covered.simulated_seconds / max(elapsed, 1e-9), 1),
        "times_real_time_per_core": round(_speed(covered), 1),
        "counts": dict(sorted(covered.counts.items())),
        "failed": {one.seed: list(one.broken[0]) for one in covered.failed},
    }


def _speed(covered: Covered) -> float:
    return covered.simulated_seconds / max(covered.cpu_seconds, 1e-9)


def _bar(covered: Covered, everyone: int, elapsed: float) -> None:
    done = covered.seeds / everyone
    filled = round(done * BAR_CHARACTERS)
    rate = covered.seeds / max(elapsed, 1e-9)
    bar = "█" * filled + "░" * (BAR_CHARACTERS - filled)
    said = f"{covered.seeds}/{everyone} seeds, {rate:.1f}/s, {len(covered.failed)} broken"
    print(f"\r{bar} {said}  ", end="", file=sys.stderr, flush=True)


def _say(covered: Covered, wishes: Wishes, elapsed: float) -> None:
    counts = covered.counts
    hours = covered.simulated_seconds / 3600
    print(
        f"{covered.seeds} seeds of {wishes.gates} gates: {hours:.1f} hours of the venue in "
        f"{elapsed:.1f} s, {covered.seeds / max(elapsed, 1e-9):.2f} seeds a second, "
        f"{covered.simulated_seconds / max(elapsed, 1e-9):.0f} times real time, "
        f"{_speed(covered):.0f} on each core"
    )
    for title, names in (
        ("people", ("shown", "admitted", "walked", "doubles", "reopened", "slipped in")),
        ("outcomes", ("passed", "passed_late", "abandoned", "uncertain")),
        (
            "papers",
            ("customers", "papers cut", "papers torn", "paper row unknown", "opened by paper"),
        ),
        (
            "lanes",
            (
                "heads",
                "left by an exit",
                "left by a turnstile",
                "let in by hand",
                "lane held-open",
                "lane free-pass",
                "lane locked",
            ),
        ),
        (
            "claims",
            (
                *("ledger grants entry", "ledger grants exchange"),
                *("papers signed alone", "papers twice", "leave ended"),
            ),
        ),
        ("rows", ("rows ever", "rows at central")),
    ):
        print(f"  {title}: " + ", ".join(f"{counts[name]} {name}" for name in names))
    faults = Counter({name[6:]: n for name, n in counts.items() if name.startswith("fault ")})
    print("  faults: " + ", ".join(f"{n} {name}" for name, n in faults.most_common()))


def _tell_failures(covered: Covered, wishes: Wishes, shrink: bool) -> None:
    told_of: set[str] = set()
    for failure in sorted(covered.failed, key=lambda one: one.seed):
        promise, at, why = failure.broken[0]
        print(f"seed {failure.seed} BROKE: {promise} ({at:.0f} s): {why}", file=sys.stderr)
        if not shrink or promise in told_of or len(told_of) >= 3:
            continue
        told_of.add(promise)
        _, result, runs = running.smallest(failure.seed, wishes)
        print(f"made small in {runs} runs:", file=sys.stderr)
        for line in told(result):
            print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
