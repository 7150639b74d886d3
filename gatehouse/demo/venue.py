"""A venue in one folder: its description, every process's configuration, and its devices' lines."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.runtime import identity
from edge.runtime.identity import DeviceIdentity
from rules.zone import CardDoes
from simulators.camera import Camera
from simulators.crowd import Issued, Shows, needed
from wire import staff_card

VENUE, CHECKPOINT, AUDIENCE = "demo", "hall", "DEMO2026"
MOVING_AUDIENCE, MOVING_TICKETS = "LATE2026", 200
ENTRY, EXIT, KIOSK = "A1", "A2", "K1"
ORDER, PHONE = "D2026-01", "1234"
"""An order of four tickets, for who plays with the kiosk."""
SEATS = ["11", "12", "13", "14"]
BAUD = 115200
STAFF_CARD = b"DEMO-STAFF-CARD"
"""The kiosk's."""
LANE_CARDS = {does: staff_card.code(does.encode().ljust(20, b".")) for does in CardDoes}
"""The gate's, by what they do."""
FREE_MINUTES = 2.0
COLUMNS = 32
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Venue:
    """Where everything of one demonstration lies."""

    root: Path
    device: str
    """Device id in hex."""
    token: str
    broker_port: int
    web_port: int
    window_seconds: float
    """How long a turnstile stays open for one person."""
    kiosk_device: str
    kiosk_token: str
    kiosk_port: int
    printer_port: int
    camera: bool = False
    """Before the entry's turnstile there is a camera beside the scanner."""

    @property
    def gate(self) -> Path:
        """The device's own folder."""
        return self.root / "gate-1"

    @property
    def kiosk(self) -> Path:
        """The kiosk's own folder: a device like the gate."""
        return self.root / "kiosk-1"

    @property
    def kiosk_address(self) -> Path:
        """Where the kiosk says to its browser where its page is."""
        return self.kiosk / "page" / "address"

    @property
    def lines(self) -> Path:
        """Where the simulated devices' serial lines appear."""
        return self.root / "lines"

    @property
    def tickets(self) -> Path:
        return self.root / "tickets.jsonl"

    @property
    def root_pin(self) -> Path:
        """Where central writes whom its devices are to believe."""
        return self.root / "root-pin"

    @property
    def film(self) -> Path:
        """Where the simulated camera's hand and its program meet."""
        return self.root / "camera"

    def line(self, lane: str, device: str) -> Path:
        return self.lines / f"{lane}-{device}"


def write(venue: Venue, seed: int, visitors: int) -> None:
    """Write the venue's description and every configuration."""
    for device in (venue.gate, venue.kiosk):
        (device / "config").mkdir(parents=True, exist_ok=True)
    venue.lines.mkdir(exist_ok=True)
    description = _description(venue, seed, visitors)
    text = json.dumps(description, ensure_ascii=False, indent=1)
    (venue.root / "venue.json").write_text(text)
    (venue.root / "central.toml").write_text(_central(venue))
    (venue.gate / "gate.toml").write_text(_gate(venue))
    (venue.gate / "sync.toml").write_text(_sync(venue.gate))
    (venue.kiosk / "kiosk.toml").write_text(_kiosk(venue))
    (venue.kiosk / "sync.toml").write_text(_sync(venue.kiosk))
    (venue.gate / "config" / "zone.toml").write_text(_zone())


def enrol(venue: Venue) -> None:
    """Write what enrolment would leave in the devices' folders, once central has made its keys."""
    devices = (
        (venue.gate, venue.device, venue.token),
        (venue.kiosk, venue.kiosk_device, venue.kiosk_token),
    )
    for place, device, token in devices:
        folder = place / identity.FOLDER
        folder.mkdir(exist_ok=True)
        who = DeviceIdentity(device, VENUE, venue.root_pin.read_text())
        (folder / identity.FILE).write_text(identity.text(who))
        (folder / "link.toml").write_text(_link(venue, token))


def issued(venue: Venue) -> list[Issued]:
    """Return the tickets that central issued, in its order."""
    tickets = [json.loads(line) for line in venue.tickets.read_text().splitlines()]
    return [
        Issued(
            one["text"],
            Shows(one["kind"]),
            one["quantity"],
            bytes.fromhex(one.get("code_key", "")),
        )
        for one in tickets
    ]


def new_identity() -> tuple[str, str]:
    """Draw a device id and its token for central."""
    return os.urandom(8).hex(), os.urandom(16).hex()


def _description(venue: Venue, seed: int, visitors: int) -> dict[str, Any]:
    now = int(time.time())
    counts = needed(visitors)
    past = {"not_before": now - 30 * HOUR, "expires": now - 24 * HOUR}
    future = {"not_before": now + 24 * HOUR, "expires": now + 30 * HOUR}
    adult = [
        {"kind": "valid", "count": counts[Shows.VALID], "standing": "good"},
        {"kind": "refunded", "count": counts[Shows.REFUNDED], "standing": "refunded"},
        {"kind": "blocked", "count": counts[Shows.BLOCKED], "standing": "blocked"},
        {"kind": "expired", "count": counts[Shows.EXPIRED], "standing": "good", **past},
        {"kind": "early", "count": counts[Shows.EARLY], "standing": "good", **future},
        {"kind": "paper", "count": counts[Shows.PAPER], "standing": "good"},
        {"kind": "order", "count": 4, "order": ORDER, "phone": PHONE, "holder": "王小明"}
        | {"zone": "一层 Stalls", "row": "7", "seats": SEATS}
        | {"price_cents": 28_000, "paid": "wechat"},
    ]
    group = [{"kind": "group", "count": counts[Shows.GROUP], "standing": "good", "quantity": 3}]
    classes = [
        _class(1, "成人票", "Adult", adult),
        _class(2, "团体票", "Group", group),
    ]
    times = {"opens": now - HOUR, "closes": now + 12 * HOUR}
    show = {
        "audience": AUDIENCE,
        "name": {"zh": "开门夜 · 室内音乐会", "en": "Opening night · chamber concert"},
        **times,
        "classes": classes,
    }
    moving = [{"kind": "moving", "count": MOVING_TICKETS, "standing": "good"}]
    late_show = {
        "audience": MOVING_AUDIENCE,
        "name": {"zh": "午夜场 · 动态票码", "en": "Late show · moving codes"},
        **times,
        "rotating": True,
        "classes": [_class(1, "成人票", "Adult", moving)],
    }
    return {
        "code": VENUE,
        "name": {"zh": "示范剧场", "en": "Demonstration theatre"},
        "seed": seed,
        "checkpoints": [CHECKPOINT],
        "devices": [
            {"id": venue.device, "name": "1 号闸机 Gate 1", "token": venue.token},
            {"id": venue.kiosk_device, "name": "1 号取票机 Kiosk 1", "token": venue.kiosk_token},
        ],
        "events": [show, late_show],
    }


def _class(code: int, zh: str, en: str, tickets: list[dict[str, Any]]) -> dict[str, Any]:
    name, uses = {"zh": zh, "en": en}, {CHECKPOINT: 1}
    entrance = {"zh": "正门", "en": "Main entrance"}
    return {"code": code, "name": name, "uses": uses, "entrance": entrance, "tickets": tickets}


def _central(venue: Venue) -> str:
    return f"""\
venue = "{VENUE}"
directory = "{venue.root / "central"}"

[web]
host = "127.0.0.1"
port = {venue.web_port}
open_live_page = true

[broker]
host = "127.0.0.1"
port = {venue.broker_port}

[devices]
tokens = true
"""


def _sync(device: Path) -> str:
    return f"""\
directory = "{device}"

[intercom]
path = "{device / "sync.sock"}"
"""


def _link(venue: Venue, token: str) -> str:
    return f"""\
[broker]
port = {venue.broker_port}

[central]
url = "http://127.0.0.1:{venue.web_port}"
token = "{token}"
"""


def _kiosk(venue: Venue) -> str:
    scanner = venue.line(KIOSK, "scanner")
    return f"""\
name = "1 号取票机 Kiosk 1"
directory = "{venue.kiosk}"
intercom = "{venue.kiosk / "sync.sock"}"
when_offline = "go-to-gate"
receipts = "asked"

[page]
port = {venue.kiosk_port}
address_file = "{venue.kiosk_address}"

[printer]
kind = "network"
profile = "epson-80"
host = "127.0.0.1"
port = {venue.printer_port}

[[reader]]
kind = "serial"
path = "{scanner}"
baud = {BAUD}
idle_gap_seconds = 1.0

[[staff]]
name = "值班 Duty"
digest = "{staff_card.digest(STAFF_CARD)}"
"""


def _zone() -> str:
    cards = [
        f'[[staff]]\nname = "值班 Duty"\ndigest = "{staff_card.digest(code.encode())}"\n'
        f'does = "{does}"\nminutes = {FREE_MINUTES}\n'
        for does, code in LANE_CARDS.items()
    ]
    return "\n".join([f'zone = "大厅 Hall"\ncheckpoint = "{CHECKPOINT}"\n', *cards])


def _gate(venue: Venue) -> str:
    return f"""\
directory = "{venue.gate}"
intercom = "{venue.gate / "sync.sock"}"
fire = {_board(venue, ENTRY, "input", 4)}

[[lane]]
name = "{ENTRY}"
direction = "entry"
window_seconds = {venue.window_seconds}
reader = [{_scanner(venue)}{_camera(venue)}]
relay = {_board(venue, ENTRY, "coil", 0)}
hold = {_board(venue, ENTRY, "coil", 6)}
pass_contact = {_board(venue, ENTRY, "input", 0)}
beam = {_board(venue, ENTRY, "input", 2)}
key_open_once = {_board(venue, ENTRY, "input", 5)}
key_free_pass = {_board(venue, ENTRY, "input", 6)}
key_out_of_service = {_board(venue, ENTRY, "input", 7)}
{_panels(venue, ENTRY)}

[[lane]]
name = "{EXIT}"
direction = "exit"
free = true
pass_contact = {_board(venue, EXIT, "input", 1)}
{_panels(venue, EXIT)}
"""


def _board(venue: Venue, lane: str, kind: str, number: int) -> str:
    path = venue.line(lane, "board")
    return f'{{ kind = "modbus", path = "{path}", baud = {BAUD}, {kind} = {number} }}'


def _scanner(venue: Venue) -> str:
    # The simulated one ends each code with CR, and may be held up in its middle by a busy machine.
    path = venue.line(ENTRY, "scanner")
    return f'{{ kind = "serial", path = "{path}", baud = {BAUD}, idle_gap_seconds = 1.0 }}'


def _camera(venue: Venue) -> str:
    if not venue.camera:
        return ""
    return f', {{ kind = "camera", command = {json.dumps(Camera(venue.film).command)} }}'


def _panels(venue: Venue, lane: str) -> str:
    outputs = ", ".join(
        f"{name} = {_board(venue, lane, 'coil', coil)}"
        for name, coil in (("go", 2), ("wait", 3), ("stop", 4), ("buzzer", 5))
    )
    display = f'kind = "serial", path = "{venue.line(lane, "display")}", columns = {COLUMNS}'
    return f'panel = [{{ {display} }}, {{ kind = "lamps", {outputs} }}]'
