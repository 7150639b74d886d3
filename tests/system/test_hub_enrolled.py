"""A hub is enrolled like any other device: nothing on it, or on a gate, is typed but its text.

Everything is real: central, nginx, two mosquittos with TLS, gates and the hub's machine as
processes. What the zone asks is "consistent": a gate opens on the hub's own signature alone.
"""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge.runtime import identity
from edge.store.outbox import JournalReader
from tests.boxes import PATIENCE_SECONDS, Box, box, typed
from tests.brokers import free_port
from tests.hub_machine import HubMachine, hub_machine
from tests.whole_venue import Centre, running_centre
from wire.event import Authorised
from wire.row import decode_row

pytestmark = [pytest.mark.xdist_group("hub-enrolled"), pytest.mark.timeout(600)]


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    (tmp_path / "centre").mkdir()
    with running_centre(tmp_path / "centre") as made:
        made.admin.settle("大厅 Hall", "consistent")
        yield made


async def until(true: Callable[[], bool], what: str) -> None:
    for _ in range(int(PATIENCE_SECONDS / 0.2)):
        if await asyncio.to_thread(true):
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"never: {what}")


def enrolled(centre: Centre, told: Path, name: str, **role: str) -> None:
    """Add a device as an admin does, and type its text on it."""
    centre.admin.add("device", name=name, venue=centre.admin.option("device", "venue"), **role)
    answer = typed(told, centre.admin.code(name))
    assert answer.returncode == 0, answer


def admitted(one: Box) -> list[Authorised]:
    reader = JournalReader(one.folder, identity.load(one.folder).device)
    batches = (reader.batch(epoch.epoch, 1, 10_000) for epoch in reader.epochs())
    rows = [decode_row(body)[0] for batch in batches if batch for body in batch.rows]
    reader.close()
    return [row for row in rows if isinstance(row, Authorised)]


async def opens(one: Box, ticket: str) -> Authorised:
    """Show a ticket until it opens; return what was written of it."""
    before = len(one.board.pulses)
    await one.show(ticket, lambda: len(one.board.pulses) > before, "the ticket opens")
    await one.board.walk_through(seconds=0.3)
    return admitted(one)[-1]


def believes(one: Box, key: str) -> bool:
    """Whether what this gate's doors go by names that key."""
    return key in (one.folder / "config/zone.toml").read_text()


async def hub_is_taken(centre: Centre, hub: HubMachine) -> str:
    """Compare the key that central shows with the machine's own, and take it; return it."""
    await until(lambda: centre.admin.hub_key("Hub")[1] != "", "the hub says its key")
    address, key = await asyncio.to_thread(centre.admin.hub_key, "Hub")
    assert key == await asyncio.to_thread(hub.key)
    await asyncio.to_thread(centre.admin.take, address, key)
    assert await asyncio.to_thread(centre.admin.hub_key, "Hub") == ("", "")
    return key


def test_a_gate_that_was_there_before_goes_to_a_hub_that_is_enrolled(
    centre: Centre, tmp_path: Path
) -> None:
    async def story() -> None:
        port = free_port()
        async with box(tmp_path / "gate") as gate:
            await asyncio.to_thread(enrolled, centre, gate.told, "Gate A")
            async with hub_machine(tmp_path / "hub", port) as hub:
                where = {"role": "hub", "host": f"127.0.0.1:{port}"}
                await asyncio.to_thread(enrolled, centre, hub.told, "Hub", **where)
                key = await hub_is_taken(centre, hub)
                await gate.until(lambda: believes(gate, key), "told whom to believe")
                row = await opens(gate, centre.tickets[0])
                assert row.term
                assert not row.unanswered

    asyncio.run(story())


def turned_away(hub: HubMachine, one: Box) -> bool:
    """Whether the hub's broker lets nobody in by the certificate of that gate."""
    folder, said, over = one.folder / "identity", list[bool](), threading.Event()

    def told(let_in: bool) -> None:
        said.append(let_in)
        over.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, "x", protocol=mqtt.MQTTv311)
    pair = str(folder / "device.pem")
    client.tls_set(str(folder / "ca.pem"), pair, pair, tls_version=ssl.PROTOCOL_TLS_CLIENT)
    client.on_connect = lambda _c, _d, _f, reason, _p: told(not reason.is_failure)
    client.on_connect_fail = lambda *_: told(False)
    client.on_disconnect = lambda *_: told(False)
    client.connect_async("127.0.0.1", hub.broker.port, keepalive=20)
    client.loop_start()
    over.wait(20)
    client.disconnect()
    client.loop_stop()
    return said[:1] == [False]


@pytest.mark.nightly
def test_a_day_of_a_hub_that_is_enrolled_hears_of_devices_and_is_replaced(
    centre: Centre, tmp_path: Path
) -> None:
    async def story() -> None:
        port = free_port()
        where = {"role": "hub", "host": f"127.0.0.1:{port}"}
        async with box(tmp_path / "gate-a") as first, box(tmp_path / "gate-b") as second:
            async with hub_machine(tmp_path / "hub", port) as hub:
                await asyncio.to_thread(enrolled, centre, hub.told, "Hub", **where)
                key = await hub_is_taken(centre, hub)
                # Enrolled after the hub, one after the other: each is heard, and their uses.
                await asyncio.to_thread(enrolled, centre, first.told, "Gate A")
                await first.until(lambda: believes(first, key), "told whom to believe")
                assert not (await opens(first, centre.tickets[0])).unanswered
                await asyncio.to_thread(enrolled, centre, second.told, "Gate B")
                await second.until(lambda: believes(second, key), "told whom to believe")
                assert not (await opens(second, centre.tickets[1])).unanswered
                await second.show(centre.tickets[0], lambda: "Gate A" in second.said, "told where")
                # Revoked at central, a gate is nobody's at the hub either.
                assert not await asyncio.to_thread(turned_away, hub, second)
                reloads = hub.reloads
                await asyncio.to_thread(centre.admin.revoke, "Gate B")
                await until(lambda: hub.reloads > reloads, "the broker reads its lists again")
                await until(lambda: turned_away(hub, second), "turned away")
                assert not await asyncio.to_thread(turned_away, hub, first)
            await replaced(first, key, port)

    async def replaced(gate: Box, before: str, port: int) -> None:
        """Another machine in its place: the code of the same device, and its key is taken."""
        async with hub_machine(tmp_path / "another", port) as other:
            text = await asyncio.to_thread(centre.admin.code, "Hub")
            answer = await asyncio.to_thread(typed, other.told, text)
            assert answer.returncode == 0, answer
            await until(lambda: centre.admin.hub_key("Hub")[1] != "", "it says its key")
            # Whoever enrolled it: nobody believes it yet, and the gate lets nobody in by it.
            await asyncio.sleep(10)
            assert believes(gate, before)
            key = await hub_is_taken(centre, other)
            assert key != before
            await gate.until(lambda: believes(gate, key), "told whom to believe")
            row = await opens(gate, centre.tickets[2])
            assert row.term
            assert not row.unanswered

    asyncio.run(story())
