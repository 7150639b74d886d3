"""`python -m tests.fuzz seed|play|led …`: make the corpus, or play many inputs to a harness.

    seed                        write corpus/<name>.hex for harnesses that have none
    play NAME COUNT SEED        changes of the corpus at random; prints what was played as JSON
    led NAME COUNT FOLDER       changes led by coverage (atheris), kept in FOLDER and gone on with
    keep NAME FOLDER            put what FOLDER has learned into the corpus, the shortest first

An input that breaks a promise ends the process with its traceback and its bytes.
"""

import json
import sys
import time
from pathlib import Path

from tests.fuzz.harness import CORPUS, STORY_BYTES_MAX, Harness, changed, corpus, inputs

KEPT_MAX, KEPT_BYTES_MAX = 60, 24 * 1024
TOLD_EVERY = 500


def main(arguments: list[str]) -> None:
    match arguments:
        case ["seed"]:
            for harness in _every().values():
                if not corpus(harness.name):
                    write(harness.name, list(harness.seeds()))
        case ["play", name, count, seed]:
            from tests.fuzz.reported import central

            with central():
                play(_every()[name], int(count), int(seed))
        case ["led", name, count, folder]:
            led(name, int(count), Path(folder))
        case ["keep", name, folder]:
            learned = sorted((one.read_bytes() for one in Path(folder).glob("kept/*")), key=len)
            write(name, corpus(name) + learned)
        case _:
            sys.exit(__doc__)


def _every() -> dict[str, Harness]:
    from tests.fuzz.every import HARNESSES

    return HARNESSES


def write(name: str, found: list[bytes]) -> None:
    """Write a corpus: the first of the inputs that fit."""
    CORPUS.mkdir(exist_ok=True)
    kept: list[bytes] = []
    for one in dict.fromkeys(found):
        if len(kept) < KEPT_MAX and sum(map(len, kept)) + len(one) <= KEPT_BYTES_MAX:
            kept.append(one)
    (CORPUS / f"{name}.hex").write_text("".join(f"{one.hex()}\n" for one in kept))


def play(harness: Harness, count: int, seed: int) -> None:
    began, through = time.monotonic(), 0
    for data in inputs(harness.name, count, seed, harness.values):
        through += _played(harness, data)
    seconds = time.monotonic() - began
    said = {"inputs": count, "through": through, "seconds": round(seconds, 1)}
    sys.stdout.write(json.dumps(said) + "\n")


def led(name: str, count: int, folder: Path) -> None:
    """Play `count` inputs; atheris ends the process, so that what was played is told on the way."""
    import random

    import atheris

    with atheris.instrument_imports(include=["wire", "rules", "edge", "central"]):
        from tests.fuzz.reported import central

        harness = _every()[name]
    told, known = folder / "played.json", corpus(name)
    (folder / "found").mkdir(parents=True, exist_ok=True)
    (folder / "kept").mkdir(exist_ok=True)
    for number, one in enumerate(known):
        (folder / "kept" / f"seed-{number}").write_bytes(one)
    played = {"inputs": 0, "through": 0}

    def one_input(data: bytes) -> None:
        played["inputs"] += 1
        played["through"] += _played(harness, data)
        if played["inputs"] % TOLD_EVERY == 0:
            told.write_text(json.dumps(played))

    def mutate(data: bytes, size_max: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if harness.values and chance.random() < 0.6:
            return changed(data, chance, True, known)[:size_max]
        return bytes(atheris.Mutate(data, size_max))

    longest = max(STORY_BYTES_MAX, *map(len, known))
    options = [
        f"-runs={count}",
        f"-max_len={longest}",
        "-timeout=60",
        "-print_final_stats=0",
        "-verbosity=0",
    ]
    options += [f"-artifact_prefix={folder}/found/", str(folder / "kept")]
    atheris.Setup(["fuzz", *options], one_input, custom_mutator=mutate)
    with central():
        atheris.Fuzz()


def _played(harness: Harness, data: bytes) -> bool:
    try:
        return harness.play(data)
    except Exception as error:
        error.add_note(f"played to {harness.name}: {data.hex()}")
        raise


if __name__ == "__main__":
    main(sys.argv[1:])
