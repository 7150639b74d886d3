"""Gate and sync die by SIGKILL at any moment, and are started again: nothing lost, nobody twice.

What people did at the turnstile is known to the test alone; afterwards the journal is held against
it, and central's ledger against the journal.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.turnstile import Walked
from tests.agreement import agree
from tests.brokers import TestBroker, running_broker
from tests.covered import note
from tests.device import ticket
from tests.dying import dying_at
from tests.system.conftest import DEVICE
from tests.system.doorway import READY, Doorway, doorway, until
from tests.system.test_sync_with_central import Central
from wire.event import (
    Abandoned,
    Authorised,
    Passed,
    PassedLate,
    Pulsed,
    Reopened,
    Started,
    Uncertain,
)

CALLS_MAX = 6000
"""System calls that are counted: a gate's start makes some thousand, a day as many again."""


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


class People:
    """One after another they show their ticket, and walk if they may; each comes up to thrice."""

    def __init__(self, device: Doorway) -> None:
        self._device = device
        self.opened: Counter[int] = Counter()
        """Pulses, by the number of the ticket that was shown before them."""
        self.walked: Counter[int] = Counter()
        self.number = 0

    async def run(self) -> None:
        while True:
            self.number += 1
            for _ in range(3):
                await self._come(self.number)

    async def _come(self, number: int) -> None:
        device = self._device
        before = device.pulses
        await device.show(number)
        for _ in range(30):
            if device.pulses > before:
                break
            await asyncio.sleep(0.05)
        if device.board.is_open():
            walked = await device.board.walk_through(seconds=0.2)
            self.walked[number] += walked is Walked.IN
        await asyncio.sleep(0.3)
        self.opened[number] += device.pulses - before


async def killed(device: Doorway, folder: Path, times: int, seed: int) -> int:
    """Kill, and start again; return how often something that lived was killed."""
    chance, done = random.Random(seed), 0
    while done < times:
        if chance.random() < 0.7:
            await somebody_was_let_in(device)
        await asyncio.sleep(chance.uniform(0.0, 1.5))
        for daemon in chance.choice((("gate",), ("gate",), ("sync",), ("gate", "sync"))):
            died = device.processes[daemon].returncode is not None
            done += died or await device.kill(daemon)
            later = chance.randint(1, CALLS_MAX) if chance.random() < 0.5 else 0
            await device.start(daemon, dying_at(later, folder))
            note(f"kills of {daemon}")
    return done


async def somebody_was_let_in(device: Doorway) -> None:
    """Wait for a pulse; not for ever, for the gate may have died of the call that it was told."""
    before = device.pulses
    for _ in range(300):
        if device.pulses > before or device.processes["gate"].returncode is not None:
            return
        await asyncio.sleep(0.05)


def hold_against(device: Doorway, people: People) -> None:
    """The journal against what people did."""
    numbers = {ticket(number).cti: number for number in range(people.number + 1)}
    admissions: dict[bytes, int] = {}
    opening, kept, given = Counter[int](), Counter[int](), Counter[int]()
    reopened = Counter[int]()
    for event in device.events():
        match event:
            case Authorised(cti=cti, admission=admission):
                admissions[admission] = numbers[cti]
                opening[numbers[cti]] += 1
                kept[numbers[cti]] += 1
            case Reopened(cti=cti):
                opening[numbers[cti]] += 1
                reopened[numbers[cti]] += 1
            case Abandoned(admission=admission):
                given[admissions[admission]] += 1
            case Passed() | PassedLate() | Uncertain() | Pulsed():
                assert not hasattr(event, "admission") or event.admission in admissions
    for number in range(1, people.number + 1):
        assert people.opened[number] <= opening[number], f"ticket {number}: opened without a row"
        assert people.walked[number] <= 1 + reopened[number], f"ticket {number}: twice"
        uses = kept[number] - given[number]
        assert uses <= 1 + given[number], f"ticket {number}: {uses} uses"
        assert reopened[number] <= kept[number], f"ticket {number}: reopened more than once"
        if people.walked[number]:
            assert kept[number] >= 1, f"ticket {number}: walked and not used"
    note("people who walked", sum(people.walked.values()))


def starts(device: Doorway) -> int:
    """Return how often a gate has begun, by its journal."""
    return sum(isinstance(happened, Started) for happened in device.events())


def a_day_of_kills(
    folder: Path, central: Central, broker: TestBroker, times: int, seed: int
) -> None:
    async def day() -> None:
        path = folder / "device"
        async with doorway(path, broker.port) as device:
            people = People(device)
            coming = asyncio.create_task(people.run())
            await killed(device, folder, times, seed)
            coming.cancel()
            for daemon in ("gate", "sync"):
                await device.kill(daemon)
            before = starts(device)
            for daemon in ("gate", "sync"):
                await device.start(daemon)
            # The panel may still show what the one before it said.
            await until(lambda: starts(device) > before and device.title == READY, "ready again")
            assert await device.stop("gate") == 0
            await until(device.delivered, "every row at central")
            assert await device.stop("sync") == 0
            assert sum(people.walked.values()) > 0, "nobody ever walked through"
            hold_against(device, people)
        note("rows compared", agree(central, folder, [(path, DEVICE)]))

    asyncio.run(day())


@pytest.mark.timeout(900)
def test_killed_five_times_nothing_is_lost_and_nobody_is_in_twice(
    tmp_path: Path, central: Central, broker: TestBroker
) -> None:
    a_day_of_kills(tmp_path, central, broker, 5, 1)


@pytest.mark.nightly
@pytest.mark.timeout(4000)
@pytest.mark.parametrize("seed", range(10, 14))
def test_a_night_of_kills(tmp_path: Path, central: Central, broker: TestBroker, seed: int) -> None:
    a_day_of_kills(tmp_path, central, broker, 50, seed)
