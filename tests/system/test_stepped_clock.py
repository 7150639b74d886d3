"""The wall clock of a device is stepped, far and often, while people come: gate and sync go on.

Nobody is in twice because of it, and what was written is at central in the order of the journal.
"""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agreement import agree
from tests.brokers import TestBroker, running_broker
from tests.covered import note
from tests.system.conftest import DEVICE
from tests.system.doorway import Doorway, doorway, until
from tests.system.test_kills import People, hold_against
from tests.system.test_sync_with_central import Central

DAY = 86_400.0
STEPS = (3600.0, -3600.0, DAY, -DAY, 400 * DAY, -1_795_000_000.0, 5.0, -5.0)

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[TestBroker]:
    with running_broker(tmp_path) as broker:
        yield broker


@pytest.fixture
def central(tmp_path: Path, broker: TestBroker) -> Iterator[Central]:
    central = Central(tmp_path, broker.port)
    central.start("ingest")
    yield central
    central.close()


def stepped(folder: Path, central: Central, broker: TestBroker, times: int, seed: int) -> None:
    chance, clock = random.Random(seed), folder / "clock"
    clock.write_text("0")

    async def day() -> None:
        async with doorway(folder / "device", broker.port, clock) as device:
            people = People(device)
            coming = asyncio.create_task(people.run())
            for _ in range(times):
                set_clock(clock, chance.choice(STEPS))
                await more_people(device, people)
                note("steps of a clock")
            set_clock(clock, 0.0)
            await more_people(device, people)
            coming.cancel()
            assert await device.stop("gate") == 0
            await until(device.delivered, "every row at central")
            assert await device.stop("sync") == 0
            assert "clock-stepped" in device.kinds()
            assert sum(people.walked.values()) > 0
            hold_against(device, people)
        note("rows compared", agree(central, folder, [(folder / "device", DEVICE)]))

    asyncio.run(day())


def set_clock(clock: Path, off: float) -> None:
    """In one rename, since it is read at every moment."""
    fresh = clock.with_suffix(".fresh")
    fresh.write_text(str(off))
    fresh.replace(clock)


async def more_people(device: Doorway, people: People) -> None:
    number = people.number
    await until(lambda: people.number > number + 1, "another visitor, whatever the time")
    for daemon, process in device.processes.items():
        assert process.returncode is None, f"{daemon} did not survive a step of the clock"


@pytest.mark.nightly
def test_a_clock_that_jumps_lets_nobody_in_twice(
    tmp_path: Path, central: Central, broker: TestBroker
) -> None:
    stepped(tmp_path, central, broker, 2, 1)


@pytest.mark.nightly
def test_a_night_of_steps(tmp_path: Path, central: Central, broker: TestBroker) -> None:
    stepped(tmp_path, central, broker, 40, 2)
