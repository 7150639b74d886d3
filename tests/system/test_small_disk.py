"""The card fills up, or its file system goes read-only under the running device.

On a real ext4 of the test's own. Nobody is let in without a row; what was written stays; and when
there is room again, or the machine has booted again, the same ticket opens and central gets all.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import pytest

from tests.agreement import agree
from tests.brokers import TestBroker, running_broker
from tests.covered import note
from tests.namespaces import Disk, small_disk
from tests.system.conftest import DEVICE
from tests.system.doorway import READY, Doorway, doorway, until
from tests.system.test_sync_with_central import Central

SIZE_BYTES = 128 * 1024 * 1024
"""More than what is kept for spending, 64 MiB."""
SPENDING_BYTES = 64 * 1024 * 1024

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "device", SIZE_BYTES) as disk:
        yield disk


@pytest.fixture
def broker(tmp_path: Path, disk: Disk) -> Iterator[TestBroker]:
    assert disk
    with running_broker(tmp_path) as broker:
        yield broker


@pytest.fixture
def central(tmp_path: Path, broker: TestBroker) -> Iterator[Central]:
    central = Central(tmp_path, broker.port)
    central.start("ingest")
    yield central
    central.close()


def play(
    disk: Disk,
    broker: TestBroker,
    central: Central,
    story: Callable[[Doorway], Coroutine[None, None, None]],
) -> None:
    """Run a device on the disk; compare ledger and journal when the story is over."""

    async def whole() -> None:
        path = disk.path
        async with doorway(path, broker.port) as device:
            await story(device)
            await until(device.delivered, "every row at central")
        note("rows compared", agree(central, path.parent, [(disk.path, DEVICE)]))

    asyncio.run(whole())


async def walks_in(device: Doorway, number: int) -> None:
    before, passed = device.pulses, device.kinds().count("passed")
    await until(lambda: device.title == READY, "ready")
    for _ in range(10):  # Until the scanner's line is opened, nobody reads a code.
        await device.show(number)
        with contextlib.suppress(AssertionError):
            await until(lambda: device.pulses > before, "the pulse", 8.0)
            break
    assert device.pulses == before + 1
    await device.board.walk_through(seconds=0.3)
    await until(lambda: device.kinds().count("passed") == passed + 1, "passed")


async def stays_out(device: Doorway, number: int) -> None:
    """Show a ticket that nobody could write down: the lane says so, and does not open."""
    before = device.pulses
    await until(lambda: device.title == READY, "ready")
    await device.show(number)
    await until(lambda: device.title != READY, "words")
    await until(lambda: device.title == READY, "ready again")
    assert device.pulses == before, "a pulse without a row"


def fill(disk: Disk, left_bytes: int) -> Path:
    """Write a file that leaves so much, as a log that nobody rotates does."""
    path = disk.path / "filled"
    with path.open("ab") as file:
        while (more := disk.free_bytes() - left_bytes) > 0:
            try:
                file.write(bytes(min(more, 1 << 20)))
                file.flush()
            except OSError:
                break
    return path


def test_a_full_disk_lets_nobody_in_and_loses_nothing(
    disk: Disk, broker: TestBroker, central: Central
) -> None:
    async def story(device: Doorway) -> None:
        await walks_in(device, 1)
        filled = fill(disk, SPENDING_BYTES // 2)
        refused = device.kinds().count("refused")
        await device.scanner.present(b"nonsense")
        await until(lambda: device.title != READY, "refused")
        await walks_in(device, 2)
        assert device.kinds().count("refused") == refused, "a refusal takes what is kept to spend"
        fill(disk, 0)
        await stays_out(device, 3)
        filled.unlink()
        await walks_in(device, 3)
        await device.show(3)
        await until(lambda: device.title.startswith("Used"), "used")

    play(disk, broker, central, story)


@pytest.mark.nightly
def test_a_file_system_that_goes_read_only_lets_nobody_in_and_loses_nothing(
    disk: Disk, broker: TestBroker, central: Central
) -> None:
    async def story(device: Doorway) -> None:
        await walks_in(device, 1)
        disk.break_down()
        await stays_out(device, 2)
        for daemon in ("gate", "sync"):
            await device.kill(daemon)
        disk.repair()
        for daemon in ("gate", "sync"):
            await device.start(daemon)
        await walks_in(device, 2)
        await device.show(1)
        await until(lambda: device.title.startswith("Used"), "used")

    play(disk, broker, central, story)
