"""What happens to a venue's network, broker and central on a bad day, done for real.

Whatever it was: after it is healed, central's ledger is the union of the journals, row for row.
The fault proxy stands between sync and the broker, TLS within it, as at a venue.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.sync.config import link_path
from tests.agreement import agree
from tests.clusters import running_cluster
from tests.covered import note
from tests.dying import dying_at
from tests.enrolled import write_identity
from tests.fault_proxy import FaultProxy, faulty
from tests.secure_broker import A, SecureBroker, TestAuthority
from tests.system.conftest import PATIENCE_SECONDS, TOKEN, Device, until
from tests.system.test_sync_with_central import Central

pytestmark = pytest.mark.timeout(900)


@dataclass
class Venue:
    folder: Path
    central: Central
    broker: SecureBroker
    proxy: FaultProxy
    device: Device

    def has_all(self) -> None:
        """Wait until central has acknowledged every row there is, and compare."""
        device = self.device
        until(lambda: device.acknowledged() == len(device.rows()), "everything acknowledged", 240.0)
        note("rows compared", agree(self.central, self.folder, [(device.directory, A)]))


@contextmanager
def running(
    folder: Path, told: TestAuthority, broker: SecureBroker, database: str = "sqlite"
) -> Iterator[Venue]:
    tls = told.tls()
    programs = f'{{ authority = "{tls.authority}", certificates = "{tls.certificates}" }}'
    central = Central(folder, broker.port, programs, database)
    with faulty(broker.port) as proxy:
        device = connected(folder, told, central, proxy.port)
        try:
            central.start("ingest")
            device.start()
            yield Venue(folder, central, broker, proxy, device)
        finally:
            device.close()
            central.close()


@pytest.fixture
def venue(tmp_path: Path, told: TestAuthority, secure_broker: SecureBroker) -> Iterator[Venue]:
    with running(tmp_path, told, secure_broker) as venue:
        yield venue


def connected(
    folder: Path, told: TestAuthority, central: Central, port: int, host: str = "127.0.0.1"
) -> Device:
    """Return a device that reaches its broker by that host and port, and no central but by it."""
    device = Device(folder, port, "http://127.0.0.1:1")
    write_identity(device.directory, A, root=central.root)
    mine = f'certificate = "{told.public}/{A}.pem", key = "{told.public}/{A}.key"'
    link_path(device.directory).write_text(
        f'[broker]\nhost = "{host}"\nport = {port}\n'
        f'tls = {{ authority = "{told.public}/ca.pem", {mine} }}\n'
        f'[central]\nurl = "http://127.0.0.1:1"\ntoken = "{TOKEN}"\n'
    )
    return device


@pytest.mark.nightly
def test_a_bad_line_and_a_broker_that_forgets_lose_no_row(venue: Venue) -> None:
    device, proxy = venue.device, venue.proxy
    device.grow(50)
    until(lambda: device.acknowledged() > 0, "the first rows")
    proxy.flips = 3
    device.grow(200)
    until(lambda: proxy.done["flipped"] > 5, "flipped bits")
    proxy.heal()
    proxy.latency_seconds = 0.2
    device.grow(50)
    until(lambda: device.acknowledged() == len(device.rows()), "all over a slow line")
    proxy.heal()
    proxy.half_close()
    device.grow(100)
    until(lambda: device.acknowledged() == len(device.rows()), "all after a half-closed line")
    proxy.swallows = True
    device.grow(100)
    until(lambda: proxy.done["swallowed"] > 0, "something lost in the hole")
    proxy.reset()
    proxy.refuses = True
    until(lambda: proxy.done["refused"] > 0, "somebody refused")
    venue.broker.kill()
    device.grow(10)
    venue.broker.start()
    proxy.heal()
    proxy.resets_after = 6_000  # A handshake takes half of them.
    before = proxy.done["reset"]

    def breaks_again() -> bool:
        device.grow(20)
        return proxy.done["reset"] >= before + 2

    until(breaks_again, "a line that breaks again and again")
    proxy.heal()
    venue.has_all()
    assert device.stop() == 0


def torn(venue: Venue, seed: int, seconds: float) -> None:
    """One fault a second, whichever comes."""
    chance, proxy, device = random.Random(seed), venue.proxy, venue.device
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        device.grow(chance.randint(1, 400))
        match chance.randrange(8):
            case 0:
                proxy.latency_seconds = chance.choice((0.0, 0.05, 0.5))
            case 1:
                proxy.flips = chance.choice((0, 2, 20))
            case 2:
                proxy.swallows = not proxy.swallows
            case 3:
                proxy.reset()
            case 4:
                proxy.half_close()
            case 5:
                proxy.resets_after = chance.choice((None, 5_000, 100_000))
            case 6:
                proxy.refuses = not proxy.refuses
            case _:
                venue.broker.kill()
                venue.broker.start()
        note("network faults")
        time.sleep(chance.uniform(0.2, 2.0))
    proxy.heal()


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(1, 5))
def test_a_night_of_bad_lines(venue: Venue, seed: int) -> None:
    torn(venue, seed, 180)
    venue.has_all()
    assert venue.device.stop() == 0
    assert len(venue.proxy.done) >= 5, venue.proxy.done


def killed_mid_commit(venue: Venue, seed: int, times: int) -> None:
    """Ingest dies in a system call of its own, and is started again, with more to take in."""
    chance, central, device = random.Random(seed), venue.central, venue.device
    died = 0
    for _ in range(times):
        central.kill("ingest")
        # Its start makes some dozen of them, and so does a batch.
        dies = dying_at(chance.randint(20, 600), venue.folder)
        central.start("ingest", environment=dies)
        growing = time.monotonic() + PATIENCE_SECONDS
        while central.lives("ingest") and time.monotonic() < growing:
            device.grow(chance.randint(1, 20))
            time.sleep(0.1)
        died += not central.lives("ingest")
    assert died > times // 2, "it was hardly ever killed"
    note("kills of central", died)
    central.kill("ingest")
    central.start("ingest")
    venue.has_all()


def test_central_dies_in_the_middle_of_a_commit(venue: Venue) -> None:
    killed_mid_commit(venue, 1, 2)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(2, 4))
def test_central_dies_often(venue: Venue, seed: int) -> None:
    killed_mid_commit(venue, seed, 25)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_central_dies_in_the_middle_of_a_commit_into_postgresql(
    tmp_path: Path, told: TestAuthority, secure_broker: SecureBroker
) -> None:
    with (
        running_cluster() as cluster,
        running(tmp_path, told, secure_broker, cluster.url("postgres")) as venue,
    ):
        killed_mid_commit(venue, 9, 25)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_postgresql_itself_is_killed(
    tmp_path: Path, told: TestAuthority, secure_broker: SecureBroker
) -> None:
    chance = random.Random(4)
    with (
        running_cluster() as cluster,
        running(tmp_path, told, secure_broker, cluster.url("postgres")) as venue,
    ):
        for _ in range(10):
            venue.device.grow(chance.randint(100, 2000))
            time.sleep(chance.uniform(0.0, 1.5))
            cluster.stop(at_once=True)
            venue.device.grow(50)
            cluster.start()
            note("kills of PostgreSQL")
        venue.has_all()
