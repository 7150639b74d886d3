"""Sync's own clock: a machine that nobody sets learns the day from central, and renews in time."""

import asyncio
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from edge.core.certificate import dates_count
from edge.drivers.fetch_simulated import SimulatedFetch
from edge.runtime.clock import SimulatedClock, TrustedClock
from edge.runtime.intercom import Heard, Word
from edge.store.trust import TrustStore
from edge.sync.own_time import OwnTime
from tests.small_enroller import ROOT_KEY, roles
from wire.codec import encode
from wire.event import ClockQuality
from wire.signed import Purpose, pin, seal
from wire.signed_time import TimeAnswer
from wire.snapshot import Heartbeat

WALL = 1_795_600_000.0


class SaysTheTime(SimulatedFetch):
    def __init__(self, purpose: Purpose = Purpose.TIME) -> None:
        super().__init__()
        self._purpose = purpose

    async def get(self, path: str) -> bytes:
        (nonce,) = parse_qs(urlsplit(path).query)["nonce"]
        answer = TimeAnswer(bytes.fromhex(nonce), WALL)
        return seal(encode(answer), self._purpose, ROOT_KEY)


def kept(folder: Path, fetch: SimulatedFetch) -> tuple[TrustedClock, SimulatedClock, list[Word]]:
    """Run it for a minute on a machine in 1970 that hears a heartbeat."""
    machine, told = SimulatedClock(wall=100.0, uptime=100.0), list[Word]()
    clock = TrustedClock(machine, 0.0)
    bundle = roles("venue")
    trust = TrustStore(folder, pin(bundle), "venue")
    trust.add(bundle)

    async def story() -> None:
        own = OwnTime(clock, fetch, trust, lambda count: bytes(count), told.append)
        running = asyncio.create_task(own.run())
        beat = Heartbeat("venue", 0, bytes(32), WALL)
        own.tell(Heard(seal(encode(beat), Purpose.HEARTBEAT, ROOT_KEY), 100.0))
        await machine.advance(60)
        running.cancel()

    asyncio.run(story())
    return clock, machine, told


def test_a_machine_in_1970_learns_the_day_and_can_judge_dates(tmp_path: Path) -> None:
    clock, _, told = kept(tmp_path, SaysTheTime())
    assert clock.now().quality is ClockQuality.SIGNED
    assert abs(clock.now().wall - WALL) < 120
    assert dates_count(clock.now())
    assert len(told) == 1, "the doors hear the heartbeat as well"


def test_a_time_that_was_not_signed_as_one_is_not_believed(tmp_path: Path) -> None:
    clock, _, _ = kept(tmp_path, SaysTheTime(Purpose.LIST))
    assert clock.now().quality is not ClockQuality.SIGNED
    assert not dates_count(clock.now())
