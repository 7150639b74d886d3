"""The power goes at any moment of a device's day: nothing promised is lost, nothing is invented.

The file operations of the real store are recorded while it works; at every cut the folder is built
as a disk could have left it, and the real store opens it again. `kill -9` alone cannot find what
this finds: the kernel keeps what a dead process wrote.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.covered import note
from tests.store.power_loss import listing
from tests.store.power_loss.becoming import left_by
from tests.store.power_loss.disk import Disk, Operation, read
from tests.store.power_loss.promises import Kept, Promised, examine

HERE = Path(__file__).parent
CUTS, CUTS_AT_NIGHT = 150, 3000


@pytest.fixture(scope="session")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("recorder") / "recorder.so"
    command = ["gcc", "-shared", "-fPIC", "-O2", "-o", str(library), str(HERE / "recorder.c")]
    subprocess.run([*command, "-ldl", "-lpthread"], check=True)
    return library


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where what a cut left is opened again: nothing there waits for a disk."""
    in_memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=in_memory if in_memory.is_dir() else tmp_path) as folder:
        yield Path(folder)


def recorded(recorder: Path, folder: Path, story: str, *told: int) -> list[Operation]:
    device = folder / "device"
    device.mkdir()
    module = f"tests.store.power_loss.{story}"
    subprocess.run(
        [sys.executable, "-m", module, str(device), *map(str, told)],
        check=True,
        cwd=HERE.parents[2],
        env={
            **os.environ,
            "LD_PRELOAD": str(recorder),
            "GATEHOUSE_RECORD_ROOT": str(device),
            "GATEHOUSE_RECORD_FILE": str(folder / "recording"),
        },
    )
    return read(folder / "recording")


def cuts(
    operations: list[Operation], folder: Path, count: int, chance: random.Random, disk: Disk
) -> Iterator[tuple[int, Promised, Kept]]:
    """Yield, for cuts spread over the day, where it was and what the store then found."""
    at = sorted(chance.choices(range(1, len(operations) + 1), k=count))
    promised, took = Promised(), 0.0
    for number, operation in enumerate(operations, 1):
        if operation.op == "K":
            promised.note(operation.name)
        else:
            disk.do(operation)
        while at and at[0] == number:
            at.pop(0)
            began = time.process_time()
            disk.leave(folder, chance)
            kept = examine(folder, promised)
            took += time.process_time() - began
            yield number, promised, kept
    note("cuts", count)
    note("at most ms of CPU a cut", round(1000 * took / count, 1))


def where(seed: int, number: int, operations: list[Operation]) -> str:
    return f"seed {seed}, cut after operation {number} of {len(operations)}"


def honest(recorder: Path, folder: Path, memory: Path, seed: int, count: int) -> Counter[str]:
    operations = recorded(recorder, folder, "day", seed, 160)
    met: Counter[str] = Counter()
    for number, promised, kept in cuts(
        operations, memory / "after", count, random.Random(seed), Disk()
    ):
        at = where(seed, number, operations)
        for epoch, upto in kept.acknowledged.items():
            # An epoch whose rows were all pruned is no longer told of.
            assert epoch not in kept.tops or upto <= kept.tops[epoch], (
                f"{at}: central would be believed to have more"
            )
        # A journal that was cut while it was being made, and had promised nothing, says so.
        if promised.epochs:
            assert not kept.opened.without_memory, f"{at}: {kept.opened.why}"
        assert not kept.lost, f"{at}: {kept.lost}"
        assert not kept.unlike, f"{at}: {kept.unlike}"
        # What was under way may be there: it was not promised, and it was not refused either.
        assert len(kept.robbed) <= 1, f"{at}: {kept.robbed}"
        met["cuts"] += 1
        met["with a row under way"] += bool(kept.robbed)
        met["promised rows"] = max(met["promised rows"], promised.rows)
    return met


@pytest.mark.parametrize("seed", [1, 2])
def test_on_an_honest_disk_every_promise_is_kept(
    recorder: Path, tmp_path: Path, memory: Path, seed: int
) -> None:
    met = honest(recorder, tmp_path, memory, seed, CUTS)
    assert met["cuts"] == CUTS
    assert met["with a row under way"], "no cut fell between a commit and its promise"


def lying(recorder: Path, folder: Path, memory: Path, seed: int, count: int) -> Counter[str]:
    """Cut where the disk has stopped to sync at some moment of the day, and said nothing."""
    operations = recorded(recorder, folder, "day", seed, 160)
    met, chance = Counter[str](), random.Random(seed)
    for _ in range(count // 10):
        disk = Disk(lies_from=chance.randrange(len(operations)))
        for number, promised, kept in cuts(operations, memory / "after", 10, chance, disk):
            at = where(seed, number, operations)
            met["cuts"] += 1
            said = kept.opened.without_memory
            met["said to be damaged"] += said
            met["lost something"] += bool(kept.lost)
            # Whatever is lost is lost as a whole: no row without its use, no use without its row.
            assert not kept.unlike, f"{at}: {kept.unlike}"
            if said or not promised.epochs or kept.began is None:
                continue
            # What is lost without a trace is the end: the new epoch tells central where it hangs,
            # and central, which has acknowledged more, sees the gap.
            last = kept.began.previous_epoch
            assert kept.began.previous_top == kept.tops.get(last, 0), at
            seen = any(
                upto > kept.tops.get(epoch, 0) for epoch, upto in promised.acknowledged.items()
            )
            met["seen by central"] += seen
            met["nobody can know"] += bool(kept.lost) and not seen
    return met


@pytest.mark.parametrize("seed", [3])
def test_a_disk_that_lies_is_found_out(
    recorder: Path, tmp_path: Path, memory: Path, seed: int
) -> None:
    met = lying(recorder, tmp_path, memory, seed, CUTS)
    assert met["lost something"], "the disk did not lie"
    assert met["said to be damaged"] + met["seen by central"], met


def test_whoever_a_device_is_becoming_it_is_one_or_the_other(
    recorder: Path, tmp_path: Path, memory: Path
) -> None:
    operations = recorded(recorder, tmp_path, "becoming")
    disk, chance, promised = Disk(), random.Random(1), list[str]()
    for number, operation in enumerate(operations, 1):
        if operation.op == "K":
            promised.append(operation.name)
            continue
        disk.do(operation)
        for _ in range(4):
            disk.leave(memory / "after", chance)
            wrong = left_by(memory / "after", promised)
            assert not wrong, f"cut after {number} of {len(operations)} ({operation}): {wrong}"
    assert promised[-1] == "renewed 3"
    note("cuts", 4 * (len(operations) - len(promised)))


def test_the_list_is_the_one_before_or_the_next_and_lacks_no_change(
    recorder: Path, tmp_path: Path, memory: Path
) -> None:
    operations = recorded(recorder, tmp_path, "listing")
    disk, chance, promised, met = Disk(), random.Random(1), list[str](), Counter[str]()
    for number, operation in enumerate(operations, 1):
        if operation.op == "K":
            promised.append(operation.name)
            continue
        disk.do(operation)
        disk.leave(memory / "after", chance)
        wrong = listing.left_by(memory / "after", promised)
        assert not wrong, f"cut after {number} of {len(operations)} ({operation}): {wrong}"
        link = memory / "after" / "list" / "current"
        met[link.readlink().name if link.is_symlink() else "none"] += 1
    assert promised[-1] == f"applied {listing.LAST}"
    note("cuts", len(operations) - len(promised))
    assert set(met) == {"none", "v1", "v2", "v3"}


@pytest.mark.nightly
@pytest.mark.timeout(900)  # 600 cuts, on a machine that may be doing something else.
@pytest.mark.parametrize("seed", range(100, 110))
def test_a_night_of_cuts(recorder: Path, tmp_path: Path, memory: Path, seed: int) -> None:
    for folder in ("honest", "lying"):
        (tmp_path / folder).mkdir()
    met = honest(recorder, tmp_path / "honest", memory, seed, CUTS_AT_NIGHT // 10)
    met += lying(recorder, tmp_path / "lying", memory, seed, CUTS_AT_NIGHT // 10)
    assert met["cuts"] == 2 * (CUTS_AT_NIGHT // 10)
