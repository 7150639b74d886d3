"""An admin's order opens a gate: a browser's form, central, a broker, sync, gate, a board on a pty.

And what else central tells a device: how it is to be configured, whose card it is to obey, and to
send its log.
"""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge.store.configuration import zone_path
from simulators.display import Display
from simulators.pty_line import PtyLine
from simulators.scanner import Scanner
from simulators.turnstile import Board
from tests.brokers import TestBroker
from tests.daemons.test_gate import recorded_by
from tests.enrolled import write_identity, write_link
from tests.system.conftest import DEVICE, ROOT, TOKEN, until
from tests.system.test_gate_process import BAUD
from tests.system.test_sync_with_central import Central
from wire import event, staff_card
from wire.event import AnyEvent, Rung
from wire.reason import Reason
from wire.topic import Topics

GATE = """
directory = "{folder}"
intercom = "{folder}/sync.sock"
[[lane]]
name = "A1"
window_seconds = 1.0
reader = [{{ kind = "serial", path = "{folder}/scanner", baud = 115200, idle_gap_seconds = 1.0 }}]
relay = {{ kind = "modbus", path = "{folder}/board", baud = 115200, coil = 0 }}
pass_contact = {{ kind = "modbus", path = "{folder}/board", baud = 115200, input = 0 }}
panel = [{{ kind = "serial", path = "{folder}/display", columns = 32 }}]
"""
SYNC = """
directory = "{folder}"
[intercom]
path = "{folder}/sync.sock"
"""
PASSWORD = "a long password"


class Admin:
    """Somebody with a browser."""

    def __init__(self, central: Central) -> None:
        central.ask("createadmin", "chief", "--password", PASSWORD)
        self._url = f"http://127.0.0.1:{central.port}/admin/"
        self._session = requests.Session()
        self._session.headers["Accept-Language"] = "zh-CN"
        self.post("login/", {"username": "chief", "password": PASSWORD, "next": "/admin/"})

    def page(self, path: str) -> str:
        answer = self._session.get(self._url + path, timeout=30)
        assert answer.status_code == 200
        return answer.text

    def post(self, path: str, told: dict[str, str]) -> str:
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', self.page(path))
        assert token
        form = {**told, "csrfmiddlewaretoken": token[1]}
        answer = self._session.post(self._url + path, form, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.text

    def order(self, kind: str, **told: str) -> str:
        """Give the first device an order; return the page that is shown then."""
        chosen = {"action": "give_order", "_selected_action": "1"}
        return self.post("venue/device/", {**chosen, "kind": kind, **told})


@dataclass
class Gate:
    folder: Path
    board: Board
    display: Display
    scanner: Scanner
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def title(self) -> str:
        return self.display.words[1]

    def events(self) -> list[AnyEvent]:
        return recorded_by(self.folder, bytes.fromhex(DEVICE))

    def answers(self) -> list[tuple[int, str, bool]]:
        found = self.events()
        return [
            (one.counter, one.order, one.done)
            for one in found
            if isinstance(one, event.CommandAnswered)
        ]


@asynccontextmanager
async def gate(folder: Path, central: Central, broker_port: int) -> AsyncIterator[Gate]:
    """A gate and its sync as processes, its board and display on ptys."""
    (folder / "config").mkdir(parents=True)
    zone_path(folder).write_text('checkpoint = "hall"\n')
    (folder / "gate.toml").write_text(GATE.format(folder=folder))
    (folder / "sync.toml").write_text(SYNC.format(folder=folder))
    write_identity(folder, DEVICE, root=central.root)
    write_link(folder, broker_port, f"http://127.0.0.1:{central.port}", TOKEN)
    lines = [PtyLine(folder / name) for name in ("board", "display", "scanner")]
    for line in lines:
        line.plug()
    board, display = Board(lines[0], window_seconds=1.0), Display(lines[1])
    made = Gate(folder, board, display, Scanner(lines[2], BAUD))
    playing = [asyncio.create_task(made.board.run()), asyncio.create_task(made.display.run())]
    try:
        for daemon in ("sync", "gate"):
            told = str(folder / f"{daemon}.toml")
            command = (sys.executable, "-m", "gatehouse", daemon, "--config", told)
            made.processes.append(await asyncio.create_subprocess_exec(*command, cwd=ROOT))
        yield made
    finally:
        for process in made.processes:
            process.terminate()
            await process.wait()
        for task in playing:
            task.cancel()


@pytest.fixture
def central(tmp_path: Path, broker: TestBroker) -> Iterator[Central]:
    central = Central(tmp_path, broker.port)
    central.start("web", "ingest", "publish")
    try:
        until(central.answers, "central's pages")
        yield central
    finally:
        central.close()


def eavesdropping(port: int, came: list[bytes]) -> Client:
    """Somebody at the broker who keeps every order for later."""
    client = Client(CallbackAPIVersion.VERSION2, client_id="eavesdropper")
    client.on_message = lambda _c, _d, one: came.append(bytes(one.payload))
    client.on_connect = lambda told, *_: told.subscribe(Topics("venue").command(DEVICE))
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


ZONE = """
from central.venue.models import Checkpoint, Venue, Zone
from central.identity.models import Placement, ZoneText
from central.venue.models import Device
hall = Checkpoint.objects.get(code="hall")
zone, _ = Zone.objects.get_or_create(venue=Venue.objects.get(), checkpoint=hall, name="Hall")
from django.db import transaction
with transaction.atomic():  # Seen in between, the first version would be of a zone without a text.
    Placement.objects.update_or_create(device=Device.objects.first(), defaults={"zone": zone})
    ZoneText.objects.update_or_create(zone=zone, defaults={"text": %r})
"""


def test_an_admins_order_opens_the_gate_and_is_answered(
    tmp_path: Path, broker: TestBroker, central: Central
) -> None:
    admin, kept = Admin(central), list[bytes]()
    spy = eavesdropping(broker.port, kept)

    async def story(made: Gate) -> None:
        async def seen(what: object, why: str) -> None:
            await asyncio.to_thread(until, what, why)  # type: ignore[arg-type]

        def fresh() -> bool:
            moves = [one for one in made.events() if isinstance(one, event.RungChanged)]
            return bool(moves) and moves[-1].rung is Rung.FRESH

        await seen(fresh, "a signed heartbeat")
        shown = await asyncio.to_thread(admin.order, "open-once", lane="A1", why="wheelchair")
        assert "开一次 Open once" in shown
        await seen(lambda: len(made.board.pulses) == 1, "the pulse")
        assert made.answers() == [(1, "open-once", True)], "on disk before the pulse"
        await seen(lambda: "✓ 已执行 done" in admin.page("orders/order/"), "the answer")

        await asyncio.to_thread(spy.publish, Topics("venue").command(DEVICE), kept[0], 1)
        await seen(lambda: len(made.answers()) == 2, "the replay, recorded")
        assert made.answers()[1] == (0, "open-once", False)
        assert len(made.board.pulses) == 1

        await asyncio.to_thread(admin.order, "lock-entry")
        await seen(lambda: made.title == "Entry is paused", "the panel")
        await asyncio.to_thread(admin.order, "send-logs")
        await seen(lambda: len(logs(admin)) == 2, "the logs of both its daemons")
        assert "obeying order 1 of chief: open-once" in logs(admin)["gate"]
        assert "INFO sync connected" in logs(admin)["sync"]

        good = 'checkpoint = "hall"\npatience_seconds = 7.0\n'
        await asyncio.to_thread(central.run, ZONE % good)
        await seen(lambda: "✓ 已生效 in use" in admin.page("orders/desired/"), "in use")
        assert zone_path(made.folder).read_text() == f"# version 1, as central wants it\n{good}"
        await asyncio.to_thread(central.run, ZONE % f"{good}sesame = 1\n")
        sentence = "zone.toml: sesame: no such key"
        await seen(lambda: sentence in admin.page("orders/desired/"), "what the gate would say")
        assert zone_path(made.folder).read_text().endswith(good), "the last good one stays"

    async def told() -> None:
        async with gate(tmp_path / "device", central, broker.port) as made:
            await story(made)

    try:
        asyncio.run(told())
    finally:
        spy.disconnect()
        spy.loop_stop()


def test_a_staff_card_is_made_works_the_gate_and_is_withdrawn(
    tmp_path: Path, central: Central
) -> None:
    admin = Admin(central)
    central.run(ZONE % 'checkpoint = "hall"\n[kiosk]\nreceipts = "asked"\n')

    async def story(made: Gate) -> None:
        async def seen(what: object, why: str) -> None:
            await asyncio.to_thread(until, what, why)  # type: ignore[arg-type]

        def by_hand() -> list[str]:
            return [one.by for one in made.events() if isinstance(one, event.OpenedByHand)]

        def in_use(version: int) -> bool:
            applied = event.ConfigurationApplied
            return any(isinstance(one, applied) and one.version == version for one in made.events())

        await seen(lambda: in_use(1), "the zone's settings")
        asked = {"name": "李 Li", "does": "open-once", "minutes": "30", "badge": ""}
        page = await asyncio.to_thread(admin.post, "identity/staffcard/add/", asked)
        said = page.partition('<div class="said">')[2].partition("</div>")[0]
        code = re.sub("<[^>]*>", "", said).encode()
        assert code.startswith(staff_card.PREFIX.encode())
        await seen(lambda: in_use(2), "the card, in the zone's settings")
        await made.scanner.present(code)
        await seen(lambda: len(made.board.pulses) == 1, "the pulse")
        assert by_hand() == ["card: 李 Li"], "on disk before the pulse"
        await made.board.walk_through(seconds=0.3)

        chosen = {"action": "withdraw", "_selected_action": "1", "confirmed": "1"}
        shown = await asyncio.to_thread(admin.post, "identity/staffcard/", chosen)
        assert "✗ 已作废 withdrawn" in shown
        await seen(lambda: in_use(3), "settings without it")
        await made.scanner.present(code)
        await seen(lambda: made.title.startswith("This staff card is not"), "refused")
        assert (len(made.board.pulses), len(by_hand())) == (1, 1)
        refused = made.events()[-1]
        assert isinstance(refused, event.Refused)
        assert refused.reason is Reason.STAFF_CARD

    async def told() -> None:
        async with gate(tmp_path / "device", central, central.broker_port) as made:
            await story(made)

    asyncio.run(told())


def logs(admin: Admin) -> dict[str, str]:
    """Return the page of each log that a device sent, by daemon."""
    told = dict[str, str]()
    for number in re.findall(r"/admin/orders/logtail/(\d+)/change/", admin.page("orders/logtail/")):
        page = admin.page(f"orders/logtail/{number}/change/")
        (daemon,) = (one for one in ("gate", "sync") if f"gate {one}" in page)
        told[daemon] = page
    return told
