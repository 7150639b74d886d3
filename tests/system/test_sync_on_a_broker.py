"""`gatehouse sync` as a process, on a real broker that loses what it had taken."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from edge.runtime.clock import SystemClock
from edge.runtime.intercom import Heard, IntercomClient
from tests.brokers import TestBroker
from tests.device import writing
from tests.system.conftest import (
    DEVICE,
    PATIENCE_SECONDS,
    ROOT,
    Device,
    ListServer,
    OnTheBroker,
    until,
)
from tests.trusted import inside
from wire.codec import decode, encode
from wire.delivery import Ack
from wire.snapshot import Heartbeat


def all_there(device: Device, central: OnTheBroker) -> None:
    """Wait until everything is acknowledged; then compare byte by byte."""
    rows = device.rows()
    until(lambda: device.acknowledged() == len(rows), "everything acknowledged")
    held = central.rows.rows[DEVICE, device.epoch]
    assert [held[seq] for seq in sorted(held)] == rows
    assert central.rows.conflicts == 0


def test_a_broker_that_dies_and_forgets_loses_no_row(
    device: Device, central: OnTheBroker, broker: TestBroker
) -> None:
    device.grow(2000)
    device.start()
    until(lambda: central.count() > 0, "the first rows at central")
    for _ in range(3):
        had = central.count()
        device.grow(3000)
        until(lambda had=had: central.count() > had, "rows on their way")  # type: ignore[misc]
        broker.kill()
        device.grow(50)
        broker.start()
    all_there(device, central)
    assert device.stop() == 0


def test_a_broker_that_hangs_and_is_started_anew_loses_no_row(
    device: Device, central: OnTheBroker, broker: TestBroker
) -> None:
    device.grow(1000)
    device.start()
    until(lambda: central.count() > 0, "the first rows at central")
    broker.freeze()
    device.grow(2000)
    broker.kill()
    broker.start()
    all_there(device, central)
    assert device.stop() == 0


def test_central_away_and_back(device: Device, central: OnTheBroker, broker: TestBroker) -> None:
    device.start()
    until(lambda: device.acknowledged() == 1, "connected")
    central.stop()
    ears = OnTheBroker(broker.port, silent=True)
    ears.start()
    device.grow(1234)
    until(lambda: ears.count() >= 1000, "rows that the broker took, and central never gets")
    ears.stop()
    until(lambda: device.stop() == 0, "sync ends while central is away")
    device.start()
    device.grow(7)
    central.start()
    all_there(device, central)


def test_sync_killed_in_the_middle_goes_on(device: Device, central: OnTheBroker) -> None:
    for _ in range(4):
        had = central.count()
        device.grow(2500)
        device.start()
        until(lambda had=had: central.count() > had, "rows on their way")  # type: ignore[misc]
        device.stop(signal.SIGKILL)
    device.start()
    all_there(device, central)


def test_an_ack_from_an_earlier_life_that_the_broker_kept_is_not_believed(
    device: Device, central: OnTheBroker
) -> None:
    topic = central.rows.topics.ack(DEVICE)
    central.say(topic, encode(Ack(b"earlier!", 60_000)), retain=True)
    central.say(topic, encode(Ack(device.epoch, 700)), retain=True)
    device.grow(800)
    device.start()
    all_there(device, central)


def test_rubbish_on_every_topic_stops_nothing(device: Device, central: OnTheBroker) -> None:
    device.start()
    until(lambda: device.acknowledged() == 1, "connected")
    topics = central.rows.topics
    for topic in (topics.ack(DEVICE), topics.deltas(), topics.heartbeat()):
        for rubbish in (b"", b"\xff" * 50, b"{}", bytes(100_000), encode({"sequence": -1})):
            central.say(topic, rubbish)
    device.grow(10)
    all_there(device, central)
    assert device.stop() == 0


def test_a_snapshot_cut_in_the_middle_is_resumed_and_the_list_followed(
    device: Device, central: OnTheBroker, lists: ListServer
) -> None:
    def sequence() -> int:
        about = writing(device.directory).current
        return about.sequence if about else -1

    lists.cut_after = 10_000
    lists.keeper.change(3)
    device.start()
    until(lambda: sequence() == 3, "the list with its deltas")
    files = [wanted for path, wanted in lists.asked if path.endswith(".zst")]
    assert len(files) == 2
    assert 5_000 < int(files[1].removeprefix("bytes=").rstrip("-")) <= 10_000
    topics = central.rows.topics
    central.say(topics.deltas(), lists.keeper.change())
    until(lambda: sequence() == 4, "a delta by MQTT")
    lists.keeper.change(5)

    async def told() -> Heard:
        client = IntercomClient(device.socket, SystemClock())
        running = asyncio.create_task(client.run())
        async for word in client.words():
            if isinstance(word, Heard):
                said = decode(inside(word.envelope), Heartbeat)
                if said.sequence == 9:
                    running.cancel()
                    return word
        raise AssertionError("the intercom ended")

    async def beating() -> Heard:
        waiting = asyncio.create_task(told())
        while not waiting.done():
            central.say(topics.heartbeat(), lists.keeper.heartbeat(), retain=True)
            await asyncio.wait({waiting}, timeout=0.5)
        return await waiting

    heard = asyncio.run(asyncio.wait_for(beating(), PATIENCE_SECONDS))
    assert abs(SystemClock().now().uptime - heard.uptime) < PATIENCE_SECONDS
    until(lambda: sequence() == 9, "what the heartbeat told of")


def test_a_wrong_configuration_is_a_sentence(tmp_path: Path) -> None:
    told = tmp_path / "sync.toml"
    told.write_text('venue = "v"\n[device]\nid = "zz"\n')
    command = [sys.executable, "-m", "edge.sync", "--config", str(told)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 78
    assert ended.stderr.count("\n") == 1
    assert "sync.toml" in ended.stderr
