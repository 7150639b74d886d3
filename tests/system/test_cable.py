"""A device's cable is drawn, and its line made narrow and slow, in networks of the test's own."""

import random
import time
from pathlib import Path

import pytest

from edge.sync.config import link_path
from tests.agreement import agree
from tests.brokers import running_broker
from tests.covered import note
from tests.enrolled import write_identity
from tests.fault_proxy import faulty
from tests.namespaces import HERE, own_network
from tests.system.conftest import DEVICE, TOKEN, Device, until
from tests.system.test_sync_with_central import Central

NARROW = ("tbf", "rate", "256kbit", "burst", "4kb", "latency", "200ms")
LOSSY = ("netem", "delay", "150ms", "50ms", "loss", "10%")

pytestmark = pytest.mark.timeout(900)


def played(folder: Path, cuts: int, seed: int) -> None:
    chance = random.Random(seed)
    # The broker listens on the loopback alone; the proxy is the router in front of it.
    with (
        own_network() as cable,
        running_broker(folder) as broker,
        faulty(broker.port, listen=HERE) as router,
    ):
        central = Central(folder, broker.port)
        device = Device(folder, router.port, "http://127.0.0.1:1")
        write_identity(device.directory, DEVICE)
        link_path(device.directory).write_text(
            f'[broker]\nhost = "{HERE}"\nport = {router.port}\n'
            f'[central]\nurl = "http://127.0.0.1:1"\ntoken = "{TOKEN}"\n'
        )
        try:
            central.start("ingest")
            device.grow(300)
            device.start(*cable.there)
            until(lambda: device.acknowledged() > 0, "the first rows")
            for _ in range(cuts):
                cable.cut()
                device.grow(chance.randint(1, 300))
                time.sleep(chance.uniform(0.2, 2.0))
                had = device.acknowledged()
                assert had < len(device.rows()), "rows went through a cable that is drawn"
                cable.mend()
                shaped = cable.shape(*chance.choice((NARROW, LOSSY))) or cable.shape(*NARROW)
                assert shaped, "this kernel can make no line narrow"
                device.grow(chance.randint(1, 300))
                until(lambda had=had: device.acknowledged() > had, "rows", 240.0)  # type: ignore[misc]
                cable.unshape()
                note("cables cut")
            until(lambda: device.acknowledged() == len(device.rows()), "all", 240.0)
            note("rows compared", agree(central, folder, [(device.directory, DEVICE)]))
            assert device.stop() == 0
        finally:
            device.close()
            central.close()


@pytest.mark.nightly
def test_a_cable_is_drawn_and_the_line_is_narrow(tmp_path: Path) -> None:
    played(tmp_path, 1, 1)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_a_night_of_cables(tmp_path: Path) -> None:
    played(tmp_path, 25, 2)
