"""From a refund's commit at central to its refusal at gates: the real server, broker and sync.

Four gates are real (`gatehouse sync` on a folder each, asked as a door asks); the others are
sockets that take every change and acknowledge it. All of them, and the server, share this
machine's cores: a venue has a core or more for each.
"""

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import rig
from benchmarks.broker import Broker, connected, packet, running, text
from edge.runtime import identity
from edge.runtime.identity import DeviceIdentity
from edge.store.trust import TrustStore
from edge.store.whitelist import Whitelist
from gatehouse.demo.processes import free_port
from wire.entry import Standing
from wire.ticket import Ticket
from wire.topic import Topics

REAL = 4
ROUNDS = {200: 100, 2000: 30}
VENUE = "bench"
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.25
"""Between two refunds; longer than one takes, and no multiple of the heartbeat."""


def measure(folder: Path) -> rig.Report:
    """Refund tickets with 200 and with 2 000 gates connected."""
    report = rig.Report()
    with ExitStack() as stack:
        broker = stack.enter_context(running(folder, secure=False))
        gates = [(os.urandom(8).hex(), os.urandom(16).hex()) for _ in range(REAL)]
        port = free_port()
        count = sum(ROUNDS.values()) + 10
        told = prepare(folder, broker.port, port, gates, count)
        stack.enter_context(started("central", "--config", str(told)))
        until(lambda: _answers(port), "central's web server")
        root = (folder / "root-pin").read_text()
        devices = [
            write_device(folder, f"refund-{number}", one, root, "127.0.0.1", broker.port, port)
            for number, one in enumerate(gates)
        ]
        for device in devices:
            stack.enter_context(started("sync", "--config", str(device / "sync.toml")))
        lists = [_list(device, root) for device in devices]
        for gate in lists:
            until(lambda gate=gate: gate.refresh() or gate.present, "a list at every gate")  # type: ignore[misc]
        tickets = iter(_tickets(told))
        for count, rounds in ROUNDS.items():
            with _crowd(broker, count - REAL) as crowd:
                took = [ms for _ in range(rounds) for ms in _refunded(next(tickets), lists)]
            assert crowd.taken >= rounds * (count - REAL), "a gate of the crowd missed a change"
            name = f"refund to refusal, {count} gates connected"
            report.add(rig.row(name, [], took), "the same, and the network's own delay")
    return report


def prepare(
    folder: Path,
    broker: int,
    port: int,
    gates: list[tuple[str, str]],
    tickets: int,
    host: str = "127.0.0.1",
    database: str = "sqlite",
) -> Path:
    """Make central's folder with a venue, its gates and tickets; return its central.toml."""
    now = int(time.time())
    kind = {"code": 1, "name": {"zh": "成人", "en": "Adult"}, "uses": {"hall": 1}}
    event = {
        "audience": "BENCH",
        "name": {"zh": "演出", "en": "Show"},
        "opens": now - 3600,
        "closes": now + 36_000,
        "classes": [{**kind, "tickets": [{"count": tickets}]}],
    }
    venue = {
        "code": VENUE,
        "name": {"zh": "场馆", "en": "Venue"},
        "checkpoints": ["hall"],
        "devices": [{"id": one, "name": one, "token": token} for one, token in gates],
        "events": [event],
    }
    (folder / "venue.json").write_text(json.dumps(venue))
    told = folder / "central.toml"
    told.write_text(
        f'venue = "{VENUE}"\ndirectory = "{folder / f"central-{port}"}"\n'
        f'database = "{database}"\n'
        f'[web]\nhost = "{host}"\nport = {port}\nhosts = ["{host}", "127.0.0.1"]\n'
        f'[broker]\nhost = "{host}"\nport = {broker}\n[devices]\ntokens = true\n'
    )
    command = [sys.executable, "-m", "gatehouse", "central", "--config", str(told), "prepare"]
    files = ("--file", str(folder / "venue.json"), "--root-out", str(folder / "root-pin"))
    subprocess.run([*command, *files], check=True, capture_output=True)
    return told


def write_device(
    folder: Path,
    name: str,
    gate: tuple[str, str],
    root: str,
    host: str,
    broker: int,
    port: int,
) -> Path:
    """Write what enrolment and installation leave in a device's folder; return that folder."""
    device = folder / name
    (device / identity.FOLDER).mkdir(parents=True)
    who = DeviceIdentity(gate[0], VENUE, root)
    (device / identity.FOLDER / identity.FILE).write_text(identity.text(who))
    (device / identity.FOLDER / "link.toml").write_text(
        f'[broker]\nhost = "{host}"\nport = {broker}\n[central]\n'
        f'url = "http://{host}:{port}"\ntoken = "{gate[1]}"\n'
    )
    (device / "sync.toml").write_text(
        f'directory = "{device}"\n[intercom]\npath = "{device}/sync.sock"\n'
    )
    return device


def _list(device: Path, root: str) -> Whitelist:
    return Whitelist(device, TrustStore(device, bytes.fromhex(root), VENUE))


def _tickets(told: Path) -> list[Any]:
    os.environ["GATEHOUSE_CENTRAL_CONFIG"] = str(told)
    os.environ["DJANGO_SETTINGS_MODULE"] = "central.settings"
    import django

    django.setup()
    from central.venue import models

    return list(models.Ticket.objects.select_related("ticket_class__event__venue"))


def _refunded(ticket: Any, lists: list[Whitelist]) -> list[float]:
    """Refund at central; return after how many milliseconds each gate knew."""
    from central.lists.changes import set_standing

    shown = Ticket(bytes(ticket.cti), "BENCH", 0, 2**31, 0, 1)
    set_standing([ticket], Standing.REFUNDED)
    began = time.perf_counter()
    took: list[float] = []
    waiting = list(lists)
    while waiting:
        for gate in tuple(waiting):
            gate.refresh()
            entry = gate.look_up(shown).entry
            if entry and entry.standing is Standing.REFUNDED:
                took.append((time.perf_counter() - began) * 1000)
                waiting.remove(gate)
        time.sleep(0.0005)
        assert time.perf_counter() - began < PATIENCE_SECONDS, "a refund never came"
    time.sleep(PAUSE_SECONDS)
    return took


@dataclass
class Crowd:
    taken: int = 0
    """Changes, by all of them together."""


@contextmanager
def _crowd(broker: Broker, count: int) -> Iterator[Crowd]:
    """So many gates more, which take every change and acknowledge it."""
    crowd = Crowd()
    topic, stopping = Topics(VENUE).deltas(), threading.Event()
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for number in range(count):
            gate = stack.enter_context(connected(broker, f"crowd-{number}"))
            gate.sendall(packet(0x82, b"\0\1" + text(topic) + b"\1"))
            gate.recv(64)
            gate.setblocking(False)
            selector.register(gate, selectors.EVENT_READ)
        reading = threading.Thread(target=_take, args=(selector, topic, stopping, crowd))
        reading.start()
        try:
            yield crowd
        finally:
            stopping.set()
            reading.join()


def _take(
    selector: selectors.BaseSelector, topic: str, stopping: threading.Event, crowd: Crowd
) -> None:
    place = 2 + len(text(topic))
    while not stopping.is_set():
        for key, _ in selector.select(0.1):
            gate = key.fileobj
            assert isinstance(gate, socket.socket)
            with suppress(BlockingIOError):
                read = gate.recv(65536)
                # The length takes one byte or two (MQTT 3.1.1, 2.2.3).
                at = place + (1 if read[1] & 0x80 else 0)
                gate.sendall(b"\x40\x02" + read[at : at + 2])
                crowd.taken += 1


@contextmanager
def started(*arguments: str, inside: str = "") -> Iterator[None]:
    """Run a `gatehouse` command until the block ends, in network namespace `inside` if any."""
    space = ["ip", "netns", "exec", inside] if inside else []
    command = [*space, sys.executable, "-m", "gatehouse", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def until(true: Callable[[], object], what: str) -> None:
    """Wait until it is true; raise AssertionError after a minute."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)
