"""The `gatehouse` command: a word for each thing it does, loaded only when it is asked for."""

import os
import sys
from dataclasses import dataclass
from importlib import import_module, metadata, util
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class Task:
    """What `gatehouse WORD …` does: `main(argv) -> int` of `module`."""

    module: str
    extra: str
    """What must be installed with it: `gatehouse[extra]`."""
    line: str


TASKS = {
    "gate": Task("edge.gate.__main__", "edge", "run the gate daemon of this device"),
    "kiosk": Task(
        "edge.kiosk.__main__", "edge", "run the ticket kiosk of this device, and its page"
    ),
    "sync": Task("edge.sync.__main__", "edge", "carry list and journal between device and central"),
    "hub": Task("edge.hub.__main__", "edge", "answer claims on rights, for a venue's gates"),
    "central": Task("central.__main__", "central", "run the server that the venue's admins watch"),
    "ticket": Task("gatehouse.ticket", "", "make keys, issue, verify and show tickets"),
    "camera": Task("gatehouse.camera", "edge,camera", "aim and focus a camera that reads tickets"),
    "enrol": Task("gatehouse.enrol", "edge", "make this device one of a venue's, with its code"),
    "journal": Task("gatehouse.journal", "edge", "say what happened at this device"),
    "simulate": Task(
        "gatehouse.simulation.__main__", "edge,central", "play whole venues out of seeds"
    ),
    "demo": Task("gatehouse.demo", "edge,central,simulators", "play a whole venue on this machine"),
    "bench": Task("benchmarks.__main__", "edge,central,simulators", "measure how fast it is here"),
}


def main(argv: list[str] | None = None) -> int:
    """Do what the first word of `argv` names; return the exit status."""
    words = sys.argv[1:] if argv is None else argv
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    if words[0] in ("-V", "--version"):
        print(f"gatehouse {version()}")
        return 0
    task = TASKS.get(words[0])
    if task is None or not is_built(task):
        known = ", ".join(name for name, other in TASKS.items() if is_built(other))
        print(f"gatehouse: there is no '{words[0]}'; it can do: {known}.", file=sys.stderr)
        return 2
    try:
        target = import_module(task.module)
    except ModuleNotFoundError as missing:
        print(why_not(words[0], task, missing), file=sys.stderr)
        return 2
    try:
        status: int = target.main(words[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has read enough (`| head`); nothing is left to be flushed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return status


def overview() -> str:
    lines = [f"  {name:8} {task.line}" for name, task in TASKS.items() if is_built(task)]
    head = f"gatehouse {version()}: the software of a venue's doors"
    return "\n".join([head, "", *lines, "", "gatehouse WORD --help says more about each."])


def version() -> str:
    try:
        return metadata.version("gatehouse")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def is_built(task: Task) -> bool:
    """Whether this distribution has the module at all; imports its packages, not itself."""
    try:
        return util.find_spec(task.module) is not None
    except ModuleNotFoundError as missing:
        # A package of ours that is absent, or one that wants a library that is absent.
        return missing.name is None or not f"{task.module}.".startswith(f"{missing.name}.")


def why_not(word: str, task: Task, missing: ModuleNotFoundError) -> str:
    wanted = f"gatehouse[{task.extra}]" if task.extra else "gatehouse"
    return (
        f"gatehouse {word}: the library {missing.name} is not installed; "
        f"install it with: pip install '{wanted}'"
    )


def run() -> NoReturn:
    sys.exit(main())


if __name__ == "__main__":
    run()
