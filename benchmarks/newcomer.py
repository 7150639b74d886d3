"""A new gate with a list of a million, on a line of 20 Mbit/s: how soon it lets people in.

Central and the gate's sync run in network namespaces of their own, with a shaped line between;
the list is then asked as a gate asks. Needs root and iproute2. Over plain HTTP: what TLS adds to
a download of this size is nothing beside the line.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks import rig
from benchmarks.refund import prepare, started, until, write_device
from edge.store.essentials import EssentialsStore
from edge.store.trust import TrustStore
from edge.store.whitelist import Whitelist
from gatehouse.demo.processes import mosquitto_command
from wire import ticket as gh1

TICKETS, REFUNDED = 1_000_000, 15_000
RATE = "20mbit"
VENUE, PORT, BROKER_PORT = "bench", 8000, 1883
CENTRAL, GATE = "10.213.77.1", "10.213.77.2"
ROUNDS = 3


def measure(folder: Path) -> rig.Report:
    """Start sync on an enrolled gate that has nothing yet, and ask again and again."""
    report = rig.Report()
    gate = (os.urandom(8).hex(), os.urandom(16).hex())
    began = time.perf_counter()
    told = prepare(folder, BROKER_PORT, PORT, [gate], TICKETS, host=CENTRAL)
    report.figure("central sells the house at once, s", round(time.perf_counter() - began, 1))
    shown = _refund_some(told, report)
    root = (folder / "root-pin").read_text()
    begins, first, whole = list[float](), list[float](), list[float]()
    with ExitStack() as stack:
        here, there = stack.enter_context(_line())
        stack.enter_context(_broker(folder, here))
        stack.enter_context(started("central", "--config", str(told), inside=here))
        until(lambda: _listens(here), "central's web server")
        for number in range(ROUNDS):
            device = write_device(folder, f"new-{number}", gate, root, CENTRAL, BROKER_PORT, PORT)
            with started("sync", "--config", str(device / "sync.toml"), inside=there):
                began = time.perf_counter()
                # Its socket is there once Python and its modules are, and before anything is asked.
                until(lambda device=device: (device / "sync.sock").exists(), "sync")  # type: ignore[misc]
                begun = (time.perf_counter() - began) * 1000
                soon, all_of_it = _admitted(device, root, shown, began)
            begins.append(begun)
            first.append(soon)
            whole.append(all_of_it)
    line = f"list of {TICKETS}, {RATE}"
    report.add(rig.row("of what follows: until sync itself has started", [], begins), "CPU × 4-6")
    report.add(
        rig.row(f"new gate admits by signature and revocations, {line}", [], first), "CPU × 4-6"
    )
    report.add(rig.row(f"new gate has its whole list, {line}", [], whole), "2-4 s more")
    return report


def _refund_some(told: Path, report: rig.Report) -> tuple[bytes, gh1.Ticket]:
    """Refund some tickets, build the list; return a good ticket's text and claims."""
    os.environ["GATEHOUSE_CENTRAL_CONFIG"] = str(told)
    os.environ["DJANGO_SETTINGS_MODULE"] = "central.settings"
    import django

    django.setup()
    from central.lists import essentials, snapshots
    from central.venue import issue, keys, models

    kind = models.TicketClass.objects.select_related("event__venue").get()
    gone = models.Ticket.objects.order_by("pk").values_list("pk", flat=True)[: REFUNDED * 60 : 60]
    for start in range(0, len(gone), 500):
        some = list(gone[start : start + 500])
        models.Ticket.objects.filter(pk__in=some).update(standing="refunded")
    began = time.perf_counter()
    made = snapshots.snapshot(kind.event.venue)
    report.figure(
        "central builds the list from its database, s", round(time.perf_counter() - began, 1)
    )
    size = (snapshots.folder() / f"{made.version}.db.zst").stat().st_size
    report.figure("the list on the wire, bytes a ticket", round(size / TICKETS, 2))
    essentials.write(kind.event.venue)
    report.figure("essentials on the wire, kB", round(essentials.path().stat().st_size / 1000, 1))
    last = models.Ticket.objects.select_related("ticket_class__event__venue").latest("pk")
    (text,) = issue.texts([last], *keys.active(kind.event.venue))
    return text.encode(), issue.claims(last)


def _admitted(
    device: Path, root: str, shown: tuple[bytes, gh1.Ticket], began: float
) -> tuple[float, float]:
    """Return after how many milliseconds the ticket is good by essentials, and by the list."""
    text, claims = shown
    soon = 0.0
    while time.perf_counter() - began < 120:
        trust = TrustStore(device, bytes.fromhex(root), VENUE)
        held = EssentialsStore(device, trust).held
        if held and not soon and gh1.verify(text, held.ring) == claims:
            _, event, revoked = held.look_up(claims)
            assert event is not None
            assert not revoked
            soon = (time.perf_counter() - began) * 1000
        if soon and (device / "list" / "current").exists():
            whitelist = Whitelist(device, trust)
            if whitelist.present and whitelist.look_up(claims).entry is not None:
                return soon, (time.perf_counter() - began) * 1000
        time.sleep(0.01)
    raise AssertionError("the new gate never had its list")


@contextmanager
def _line() -> Iterator[tuple[str, str]]:
    """Two namespaces with a shaped line between them; gone with the block."""
    here, there = (f"gh-{end}-{os.getpid()}" for end in ("central", "gate"))
    _run("ip", "netns", "add", here)
    try:
        _run("ip", "netns", "add", there)
        link = (f"ghc{os.getpid() % 10**6}", f"ghg{os.getpid() % 10**6}")
        _run("ip", "link", "add", link[0], "netns", here, "type", "veth",
             "peer", "name", link[1], "netns", there)  # fmt: skip
        for space, name, address in ((here, link[0], CENTRAL), (there, link[1], GATE)):
            _run("ip", "-n", space, "addr", "add", f"{address}/30", "dev", name)
            _run("ip", "-n", space, "link", "set", name, "up")
            _run("ip", "-n", space, "link", "set", "lo", "up")
            _run("tc", "-n", space, "qdisc", "add", "dev", name, "root", "tbf",
                 "rate", RATE, "burst", "64kb", "latency", "200ms")  # fmt: skip
        yield here, there
    finally:
        for space in (here, there):
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)


@contextmanager
def _broker(folder: Path, inside: str) -> Iterator[None]:
    path = folder / "newcomer.conf"
    path.write_text(
        f"listener {BROKER_PORT} {CENTRAL}\nallow_anonymous true\npersistence false\n"
        "max_queued_messages 1000000\nmax_inflight_messages 1000\n"
    )
    command = ["ip", "netns", "exec", inside, mosquitto_command(), "-c", str(path)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _listens(inside: str) -> bool:
    asked = f"import socket; socket.create_connection(('{CENTRAL}', {PORT}), 1)"
    command = ["ip", "netns", "exec", inside, sys.executable, "-c", asked]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _run(*command: str) -> Any:
    return subprocess.run(command, check=True, capture_output=True)
