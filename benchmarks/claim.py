"""A claim answered by the hub: the real hub and mosquitto, eight gates that ask at once.

The gates are sockets of this process: from a claim's last byte sent to its answer's last byte. Each
asks for a right that nobody has used, waits a moment, and asks for the next, so that now and then
several ask together. Beside it a control: what two fdatasyncs take on the same disk meanwhile.
"""

import os
import random
import selectors
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import rig
from benchmarks.broker import Broker, connected, packet, running, text
from benchmarks.refund import started, until
from edge.runtime import identity
from edge.runtime.identity import DeviceIdentity
from wire.claim import Claim, Granted, read_told, write
from wire.signed import Purpose, unsealed_by
from wire.topic import Topics

VENUE, HUB = "bench", "00" * 8
GATES, CLAIMS = 8, 3000
PAUSE_SECONDS = (0.02, 0.08)
PATIENCE_SECONDS = 30.0
CONTROL = """\
import os, sys, time
file = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
os.pwrite(file, bytes(4096 * 4000), 0); os.fsync(file)
while True:
    took = -time.perf_counter()
    for _ in range(2):
        os.pwrite(file, os.urandom(4096), 4096 * int.from_bytes(os.urandom(2), "big") % 16380000)
        os.fdatasync(file)
    print((took + time.perf_counter()) * 1000, flush=True)
    time.sleep(0.02)
"""


@dataclass
class Gate:
    device: bytes
    link: socket.socket
    claim: bytes = b""
    began: float = 0.0
    due: float = 0.0
    read: bytearray = field(default_factory=bytearray)


def measure(folder: Path) -> rig.Report:
    """Ask for 3 000 rights from eight gates; once on a quiet disk, beside the control."""
    report = rig.Report()
    with ExitStack() as stack:
        broker = stack.enter_context(running(folder, secure=False))
        public = _hub(folder, broker)
        stack.enter_context(started("hub", "--config", str(folder / "hub.toml")))
        gates = [_gate(broker, number) for number in range(GATES)]
        for gate in gates:
            stack.callback(gate.link.close)
        until(lambda: _answers(gates[0], public), "an answer of the hub")
        took, control = _asked(gates, public, folder)
    row = rig.row("a claim answered by the hub, 8 gates", [], took)
    report.add(row, f"{rig.SLOWER}, {rig.DISK}")
    beside = report.add(rig.row("control: two fdatasyncs, meanwhile", [], control), rig.DISK)
    beyond = round(row.wall_ms_p99 - beside.wall_ms_p99, 3)
    report.figure("claim: p99 beyond the control, ms", beyond)
    return report


def _hub(folder: Path, broker: Broker) -> bytes:
    """Write what a hub is told; return its public key."""
    directory = folder / "hub-device"
    (directory / identity.FOLDER).mkdir(parents=True)
    who = DeviceIdentity(HUB, VENUE, "00" * 32)
    (directory / identity.FOLDER / identity.FILE).write_text(identity.text(who))
    told = folder / "hub.toml"
    told.write_text(f'directory = "{directory}"\n[broker]\nport = {broker.port}\n')
    command = [sys.executable, "-m", "gatehouse", "hub", "--config", str(told), "--key"]
    key = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return bytes.fromhex(key.strip())


def _gate(broker: Broker, number: int) -> Gate:
    device = os.urandom(8)
    link = connected(broker, f"gate-{number}")
    topic = Topics(VENUE).claim_answer(device.hex())
    link.sendall(packet(0x82, b"\0\1" + text(topic) + b"\0"))
    assert link.recv(64)[0] == 0x90
    link.setblocking(False)
    return Gate(device, link)


def _asked(gates: list[Gate], public: bytes, folder: Path) -> tuple[list[float], list[float]]:
    """Return how long each claim took, and each pair of syncs beside them, in milliseconds."""
    command = [sys.executable, "-c", CONTROL, str(folder / "control-claims")]
    beside = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    took: list[float] = []
    with selectors.DefaultSelector() as selector:
        for gate in gates:
            selector.register(gate.link, selectors.EVENT_READ, gate)
        while len(took) < CLAIMS:
            now = time.perf_counter()
            for gate in gates:
                if not gate.claim and gate.due <= now:
                    _ask(gate)
                assert not gate.claim or now - gate.began < PATIENCE_SECONDS, "no answer"
            next_due = min((gate.due for gate in gates if not gate.claim), default=now + 0.05)
            for key, _ in selector.select(min(max(next_due - now, 0.0), 0.05)):
                gate = key.data
                if _answered(gate, public):
                    took.append((time.perf_counter() - gate.began) * 1000)
                    gate.claim = b""
                    gate.due = time.perf_counter() + random.uniform(*PAUSE_SECONDS)
    beside.terminate()
    said, _ = beside.communicate()
    return took, [float(line) for line in said.split()]


def _ask(gate: Gate) -> None:
    claim = Claim(os.urandom(12), os.urandom(16), "hall", 1, lane="A1")
    topic = Topics(VENUE).claim(gate.device.hex())
    gate.claim = claim.admission
    message = packet(0x32, text(topic) + b"\0\1" + write(claim))
    gate.began = time.perf_counter()
    gate.link.sendall(message)


def _answers(gate: Gate, public: bytes) -> bool:
    """Whether the hub is there."""
    _ask(gate)
    deadline = time.perf_counter() + 1.0
    while time.perf_counter() < deadline:
        if _answered(gate, public):
            gate.claim = b""
            return True
        time.sleep(0.01)
    return False


def _answered(gate: Gate, public: bytes) -> bool:
    """Read what there is; return whether the claim under way was granted."""
    try:
        gate.read += gate.link.recv(65536)
    except BlockingIOError:
        return False
    granted = False
    while (whole := _packet(gate.read)) is not None:
        kind, body = whole
        if kind & 0xF0 == 0x30:
            place = 2 + int.from_bytes(body[:2], "big")
            told = read_told(unsealed_by(body[place:], Purpose.CLAIM, public), gate.device)
            granted |= isinstance(told, Granted) and told.admission == gate.claim
    return granted


def _packet(read: bytearray) -> tuple[int, bytes] | None:
    """Take a whole packet (MQTT 3.1.1, 2.2) from the front, if there is one."""
    if len(read) < 3:
        return None
    size, at = read[1] & 0x7F, 2
    if read[1] & 0x80:
        size, at = size + (read[2] << 7), 3
    if len(read) < at + size:
        return None
    kind, body = read[0], bytes(read[at : at + size])
    del read[: at + size]
    return kind, body
