"""Draw the state machines of `edge/core` into docs/state-machines.md, from the code itself.

Every signal is tried in every state (`explore`), so that picture and table cannot drift from what
runs. `python tools/diagrams.py` writes the page; with `--check` it exits 1 if the page is stale.
A machine is added by an entry in MACHINES.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from edge.core.lane import Do, EndScan, Judge, Lane, Record, Show, WhenSuspect  # noqa: E402
from tools import list_states  # noqa: E402
from tools.delivery_states import START, delivery_moves, phase  # noqa: E402
from tools.explore import Move, explore  # noqa: E402
from tools.lane_states import BRIEF, lane_moves  # noqa: E402

PAGE = ROOT / "docs" / "state-machines.md"
STATES_MAX = 1500
AnyMove = Move[Any, Any]


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine: what it is, all its moves, and how its states and commands are called."""

    title: str
    about: str
    moves: Callable[[], Iterable[AnyMove]]
    state: Callable[[Any], str]
    deed: Callable[[Any], list[str]]


def lanes() -> Iterator[AnyMove]:
    for habits in (BRIEF, replace(BRIEF, board_counts=True, when_suspect=WhenSuspect.CLOSE)):
        yield from explore(Lane(), lambda lane, h=habits: lane_moves(lane, h), STATES_MAX)  # type: ignore[misc]


def lane_deed(command: object) -> list[str]:
    match command:
        case Do():
            return [f"**{command.value}**"]
        case Judge():
            return ["**judge**"]
        case Record(events):
            return [str(event.__struct_config__.tag) for event in events]
        case Show() | EndScan():
            return []
    raise TypeError(command)


MACHINES = (
    Machine(
        "A lane",
        "`edge/core/passage.py`: one direction of one lane. JUDGING lasts as long as a claim "
        "and a commit, and the lane hears everything meanwhile; the board opens on a pulse and "
        "closes by itself. Drawn for a lane with a sensor, with and without a board that counts "
        "groups.",
        lanes,
        lambda lane: str(lane.state.value),
        lane_deed,
    ),
    Machine(
        "Delivery",
        "`edge/core/delivery.py`: which rows of the journal go to central next. The state keeps "
        "books per epoch; drawn is what they amount to, for a journal of three rows.",
        lambda: explore(START, delivery_moves, STATES_MAX),
        phase,
        lambda command: [f"**{type(command).__name__}**"],
    ),
    Machine(
        "The list's update",
        "`edge/core/list_update.py`: one thing at a time, so that never two downloads run. Drawn "
        "for a list of two versions and a strange one.",
        lambda: explore(list_states.START, list_states.list_moves, STATES_MAX),
        lambda update: str(update.doing.value),
        lambda command: [f"**{list_states.deed(command)}**"],
    ),
)


def page() -> str:
    """Return the whole page."""
    head = (
        "# State machines\n\n"
        "Drawn from the code by `python tools/diagrams.py`, which tries every signal in every "
        "state that can be reached; a test fails when this page is stale. In the tables: where a "
        "signal may lead (· the state stays), **commands**, and the events that may be recorded. "
        "An empty cell: nothing happens.\n"
    )
    return "\n".join([head, *(section(machine) for machine in MACHINES)])


def section(machine: Machine) -> str:
    arrows: dict[tuple[str, str], list[str]] = defaultdict(list)
    cells: dict[tuple[str, str], Cell] = defaultdict(Cell)
    states: list[str] = []
    for move in machine.moves():
        before, after = machine.state(move.before), machine.state(move.after)
        states += [state for state in (before, after) if state not in states]
        labels = arrows[(before, after)]
        if before != after and move.label not in labels:
            labels.append(move.label)
        cell = cells[(move.label, before)]
        if before != after:
            cell.leads_to.setdefault(after)
        elif move.after != move.before or move.commands:
            cell.leads_to.setdefault("·")
        for command in move.commands:
            cell.deeds.update(dict.fromkeys(machine.deed(command)))
    picture = [
        f"    {before} --> {after}: {' / '.join(labels)}"
        for (before, after), labels in arrows.items()
        if labels
    ]
    start = states[0]
    return "\n".join(
        [
            f"## {machine.title}\n",
            f"{machine.about}\n",
            "```mermaid",
            "stateDiagram-v2",
            f"    [*] --> {start}",
            *sorted(picture),
            "```\n",
            *table(states, cells),
            "",
        ]
    )


class Cell:
    """What a signal may do in a state, each thing once, in the order it was found."""

    def __init__(self) -> None:
        self.leads_to: dict[str, None] = {}
        self.deeds: dict[str, None] = {}

    def __str__(self) -> str:
        deeds = sorted(self.deeds, key=lambda deed: (not deed.startswith("*"), deed))
        where = " or ".join(sorted(self.leads_to, key=lambda state: (state == "·", state)))
        return " ".join(filter(None, [where, ", ".join(deeds)]))


def table(states: list[str], cells: dict[tuple[str, str], Cell]) -> list[str]:
    labels = list(dict.fromkeys(label for label, _ in cells))
    lines = [
        f"| signal | {' | '.join(states)} |",
        f"|---|{'---|' * len(states)}",
    ]
    for label in labels:
        row = [str(cells[(label, state)]) if (label, state) in cells else "" for state in states]
        lines.append(f"| {label} | {' | '.join(row)} |")
    return lines


def main(words: list[str]) -> int:
    drawn = page()
    if words == ["--check"]:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == drawn:
            return 0
        print(f"{PAGE.relative_to(ROOT)} is stale: run python tools/diagrams.py", file=sys.stderr)
        return 1
    PAGE.write_text(drawn, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
