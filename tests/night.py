"""One part of a night, which can be resumed: `python -m tests.night PART`.

A part is a list of steps. What a step has done is noted in build/nightly/<part>.json as soon as
it is done, for the commit at hand; begun again, the part goes on behind it. After 70 minutes
(MINUTES says others) no step is begun any more, and the exit status is 75: run it again. What was
tried until then stands in docs/nightly.json and in the table of docs/promises.md, with the share
of the whole that it is. SHARE=0.01 does a hundredth of what is counted.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import covered

ROOT = Path(__file__).parent.parent
STATE = ROOT / "build" / "nightly"
FIGURES = ROOT / "docs" / "nightly.json"
PROMISES = ROOT / "docs" / "promises.md"
BEGIN, END = "<!-- figures: written by the nightly run -->\n", "<!-- end of figures -->\n"
MINUTES = 70.0
AGAIN = 75
INPUTS, SEEDS = 10_000_000, 10_000
SEEDS_AT_ONCE = 250
HARSH, HARSH_AT_ONCE, HARSH_FROM = 300, 30, 50_001
HARSHLY = ("--gates", "3", "--minutes", "4", "--faults", "15")
"""How the seeds are played, after all others, that find what an easy day does not."""
INPUTS_AT_ONCE = 50_000

TESTS: dict[str, list[str]] = {
    "cuts": ["tests/store/power_loss", "tests/store/test_bit_rot.py"],
    "kills": ["tests/system/test_kills.py"],
    "faults": [
        "tests/system/test_faults.py",
        "tests/system/test_cable.py",
        "tests/system/test_small_disk.py",
        "tests/system/test_stepped_clock.py",
    ],
}
PARTS = (*TESTS, "fuzz", "seeds", "breaks")
Tried = dict[str, float]


class Failed(Exception):
    """A step broke a promise; what it said is on the terminal."""


@dataclass
class Part:
    name: str
    share: float
    done: dict[str, Tried] = field(default_factory=dict)
    """Step -> what it tried."""
    seconds: float = 0.0

    @property
    def _path(self) -> Path:
        return STATE / f"{self.name}.json"

    def load(self) -> None:
        """Go on with what was done of this commit, at this share."""
        if self._path.exists():
            told = json.loads(self._path.read_text())
            if (told["commit"], told["share"]) == (commit(), self.share):
                self.done, self.seconds = told["done"], told["seconds"]

    def keep(self, step: str, tried: Tried, seconds: float) -> None:
        self.done[step] = tried
        self.seconds += seconds
        STATE.mkdir(parents=True, exist_ok=True)
        told = {"commit": commit(), "share": self.share, "seconds": self.seconds, "done": self.done}
        self._path.write_text(json.dumps(told, indent=1) + "\n")

    def sums(self) -> Tried:
        total: Tried = {}
        for tried in self.done.values():
            for what, count in tried.items():
                covered.add(total, what, count)
        return dict(sorted(total.items()))

    def write_down(self, done: float) -> None:
        """Write what was tried, which is so much of the part."""
        figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
        figures[self.name] = {
            "commit": commit(),
            "day": time.strftime("%Y-%m-%d", time.gmtime()),
            "minutes": round(self.seconds / 60, 1),
            "share": round(self.share * done, 4),
            "tried": self.sums(),
        }
        FIGURES.write_text(json.dumps(dict(sorted(figures.items())), indent=1) + "\n")
        write_table(figures)

    def forget(self) -> None:
        self._path.unlink()


def commit() -> str:
    command = ["git", "-c", "safe.directory=*", "rev-parse", "--short", "HEAD"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return said.stdout.strip()


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in PARTS:
        sys.stderr.write(f"usage: python -m tests.night {'|'.join(PARTS)}\n")
        return 64
    part, began = Part(arguments[0], float(os.environ.get("SHARE", "1"))), time.monotonic()
    part.load()
    seconds_max = 60 * float(os.environ.get("MINUTES", MINUTES))
    try:
        steps = list({"fuzz": fuzz, "seeds": seeds, "breaks": breaks}.get(part.name, tests)(part))
        for name, step in steps:
            if name in part.done:
                continue
            if time.monotonic() - began > seconds_max:
                part.write_down(len(part.done) / len(steps))
                say(f"{part.name}: not over; run it again to go on. So far {told(part)}")
                return AGAIN
            at = time.monotonic()
            tried = step()
            part.keep(name, tried, time.monotonic() - at)
            say(f"{part.name}: {name}: {covered.sentence(tried)}")
    except Failed as failed:
        say(f"{part.name}: FAILED: {failed}")
        return 1
    part.write_down(1.0)
    part.forget()
    say(f"{part.name}: good: {told(part)}")
    return 0


def say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def told(part: Part) -> str:
    return covered.sentence(part.sums()) or "nothing"


Steps = Iterator[tuple[str, Callable[[], Tried]]]


def tests(part: Part) -> Steps:
    """A step for each test of a part, nightly or not."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-n", "0", *TESTS[part.name]]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    names = [line for line in listed.stdout.splitlines() if "::" in line]
    if listed.returncode or not names:
        raise Failed(f"the tests cannot be listed: {listed.stdout[-500:]}")
    wanted = names[: max(1, round(len(names) * part.share))] if part.share < 1 else names
    for name in wanted:
        yield name, lambda name=name: _test(part.name, name)  # type: ignore[misc]


def _test(part: str, name: str) -> Tried:
    noted = STATE / f"{part}.tried"
    STATE.mkdir(parents=True, exist_ok=True)
    noted.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", name]
    environment = {**os.environ, covered.VARIABLE: str(noted)}
    played = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if played.returncode:
        say(played.stdout[-8000:])
        raise Failed(name)
    skipped = " skipped" in played.stdout
    return {"tests skipped" if skipped else "tests": 1, **covered.total(noted)}


def fuzz(part: Part) -> Steps:
    """Inputs for each harness, by its share; those led by coverage first, where atheris is."""
    from tests.fuzz.every import HARNESSES

    led = _atheris()
    weights = {one.name: one.share / (20 if one.slow else 1) for one in HARNESSES.values()}
    whole = sum(weights.values())
    pieces: list[tuple[str, int, int]] = []
    for name, weight in weights.items():
        left, piece = round(INPUTS * part.share * weight / whole) + 1, 0
        while left > 0:
            count = min(left, INPUTS_AT_ONCE)
            pieces.append((name, count, piece))
            left, piece = left - count, piece + 1
    # Two at a time: a step is a pair of pieces, so that both cores are used.
    for first, second in zip(pieces[::2], [*pieces[1::2], None], strict=False):
        pair = [one for one in (first, second) if one]
        name = " and ".join(f"{one[0]} {one[2]}" for one in pair)
        yield name, lambda pair=pair: _inputs(pair, led)  # type: ignore[misc]


def _atheris() -> Path | None:
    """Return where atheris is, installed for the night alone; None where there is none."""
    site = ROOT / "build" / "fuzz" / "site"
    if not site.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--target", str(site), "atheris>=3,<4"]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            say("fuzz: atheris is not to be had for this machine; inputs are changed at random")
            return None
    return site


def _inputs(pieces: list[tuple[str, int, int]], led: Path | None) -> Tried:
    with ThreadPoolExecutor(2) as threads:
        total: Tried = {}
        for tried in threads.map(lambda one: _piece(one[0], one[1], one[2], led), pieces):
            for what, count in tried.items():
                total[what] = total.get(what, 0) + count
    return total


def _piece(name: str, count: int, piece: int, led: Path | None) -> Tried:
    """Play a piece: the first of each harness led by coverage, the rest at random, and faster."""
    fuzzer = [sys.executable, "-m", "tests.fuzz"]
    folder = ROOT / "build" / "fuzz" / name
    if led and piece == 0:
        environment = {**os.environ, "PYTHONPATH": str(led)}
        some = min(count, 5000)
        command = [*fuzzer, "led", name, str(some), str(folder)]
        _played(name, command, environment)
        told = json.loads((folder / "played.json").read_text())
        random = json.loads(_played(name, [*fuzzer, "play", name, str(count - some), "0"]))
    else:
        told = {"inputs": 0, "through": 0}
        random = json.loads(_played(name, [*fuzzer, "play", name, str(count), str(piece)]))
    through = told["through"] + random["through"]
    return {
        "inputs": told["inputs"] + random["inputs"],
        "inputs led by coverage": told["inputs"],
        "inputs through the whole of it": through,
        "inputs through full verification": through if name.startswith("ticket") else 0,
    }


def _played(name: str, command: list[str], environment: dict[str, str] | None = None) -> str:
    played = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if played.returncode:
        say(played.stderr[-8000:])
        raise Failed(name)
    return played.stdout.strip().rpartition("\n")[2]


def seeds(part: Part) -> Steps:
    """The simulated venue, so many seeds at once."""
    everything = max(1, round(SEEDS * part.share))
    for first in range(1, everything + 1, SEEDS_AT_ONCE):
        last = min(first + SEEDS_AT_ONCE - 1, everything)
        yield f"{first}..{last}", lambda first=first, last=last: _seeds(first, last)  # type: ignore[misc]
    beyond = HARSH_FROM + max(1, round(HARSH * part.share))
    for first in range(HARSH_FROM, beyond, HARSH_AT_ONCE):
        last = min(first + HARSH_AT_ONCE, beyond) - 1
        yield (
            f"{first}..{last}, harshly",
            lambda first=first, last=last: _seeds(first, last, HARSHLY),  # type: ignore[misc]
        )


def _seeds(first: int, last: int, wishes: tuple[str, ...] = ()) -> Tried:
    command = [
        sys.executable,
        "-m",
        "gatehouse",
        "simulate",
        "--json",
        "--seeds",
        f"{first}..{last}",
        *wishes,
    ]
    played = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if played.returncode:
        say(played.stdout[-4000:] + played.stderr[-4000:])
        raise Failed(f"seeds {first}..{last}")
    told: dict[str, Any] = json.loads(played.stdout)
    return {"seeds": told["seeds"], "simulated hours": round(told["simulated_seconds"] / 3600, 2)}


def breaks(part: Part) -> Steps:
    """Countermeasures taken out, and the tests of docs/security.md that have to notice."""
    from tests.countermeasures import night

    for name, step in night.steps(part.share):
        yield name, lambda step=step: _told_weak(step)  # type: ignore[misc]


def _told_weak(step: Callable[[], tuple[str, Tried]]) -> Tried:
    wrong, tried = step()
    if wrong:
        say(wrong)
        raise Failed(wrong.partition("\n")[0])
    return tried


def table(figures: dict[str, Any]) -> str:
    """Return the table of docs/promises.md."""
    lines = ["| part | day, commit | minutes | tried, and no promise broken |", "|---|---|---|---|"]
    for name, one in sorted(figures.items()):
        share = "" if one["share"] == 1 else f", {one['share']:.6g} of a night"
        when = f"{one['day']}, `{one['commit']}`{share}"
        lines.append(f"| `{name}` | {when} | {one['minutes']} | {covered.sentence(one['tried'])} |")
    return "\n".join(lines) + "\n"


def write_table(figures: dict[str, Any]) -> None:
    before, begin, rest = PROMISES.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise Failed(f"{PROMISES} has lost the marks of its table")
    PROMISES.write_text(before + begin + table(figures) + end + after)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
