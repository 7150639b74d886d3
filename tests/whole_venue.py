"""Everything that stands at a venue's centre, as real processes: central, nginx, mosquitto.

Between nginx and central stands a `Step`, where a test can hold up one request: whoever asked can
then be killed at exactly that moment.
"""

import contextlib
import html
import http.client
import http.server
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.brokers import free_port
from tests.central_venue import description
from tests.fronts import Front, running_front
from tests.secure_broker import SecureBroker, running_secure_broker
from tests.site_authority import Site

ROOT = Path(__file__).parent.parent
PASSWORD = "a long password"
PATIENCE_SECONDS = 90.0


class Step:
    """Passes each request on to central; holds up the one it is told to, until it is let go."""

    def __init__(self, central_port: int) -> None:
        outer = self
        self._central_port = central_port
        self._hold: tuple[str, str] | None = None
        self._go = threading.Event()
        self.held = threading.Event()
        self.asked: list[str] = []

        class Answer(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self) -> None:
                outer.pass_on(self)

            def do_POST(self) -> None:
                outer.pass_on(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.port = int(self._server.server_port)

    def hold(self, when: str, path: str) -> None:
        """Hold up the next request for `path`, `when`: before central has it, or after."""
        self._go.clear()
        self.held.clear()
        self._hold = (when, path)

    def let_go(self) -> None:
        self._hold = None
        self._go.set()

    def pass_on(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        self._wait("before", request.path)
        body = request.rfile.read(int(request.headers.get("Content-Length", "0")))
        central = http.client.HTTPConnection("127.0.0.1", self._central_port, timeout=60)
        central.request(request.command, request.path, body, dict(request.headers.items()))
        answer = central.getresponse()
        content = answer.read()
        central.close()
        self._wait("after", request.path)
        # Whoever asked may be dead by now.
        with contextlib.suppress(OSError):
            request.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    request.send_header(name, value)
            request.send_header("Content-Length", str(len(content)))
            request.end_headers()
            request.wfile.write(content)

    def close(self) -> None:
        self.let_go()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _wait(self, when: str, path: str) -> None:
        if self._hold == (when, path):
            self.held.set()
            self._go.wait(PATIENCE_SECONDS)


class Admin:
    """Somebody at the admin's pages, over TLS."""

    def __init__(self, url: str, authority: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False  # An authority of the machine's would outrank ours.
        self._session.verify = authority
        self.page("/admin/login/")
        self.post("/admin/login/", username="chief", password=PASSWORD, next="/admin/")

    def add(self, what: str, **told: str) -> None:
        answer = self.post(f"/admin/venue/{what}/add/", **told)
        assert "errornote" not in answer, f"{what} was not added"

    def option(self, what: str, field_name: str, place: int = 1) -> str:
        """Return what a choice of a form stands for."""
        page = self.page(f"/admin/venue/{what}/add/")
        found = re.search(rf'<select name="{field_name}".*?</select>', page, re.S)
        assert found, page
        return str(re.findall(r'<option value="(\d*)"', found[0])[place])

    def settle(self, zone: str, policy: str) -> None:
        """Say what the doors of a zone claim."""
        page = self.page("/admin/claims/zoneclaims/add/")
        found = re.search(rf'<option value="(\d+)"[^>]*>\s*{re.escape(zone)}', page)
        assert found, page
        said = self.post("/admin/claims/zoneclaims/add/", zone=found[1], policy=policy)
        assert "errornote" not in said

    def hub_key(self, name: str) -> tuple[str, str]:
        """Return (where it is taken, the key) of the hub that waits for an admin; "": none does."""
        page = self.page("/admin/claims/hub/")
        (row,) = (one for one in re.findall(r"<tr.*?</tr>", page, re.S) if name in one)
        found = re.search(r'href="(/admin/claims/hub/\d+/accept/)"', row)
        if found is None:
            return "", ""
        key = re.search(r'name="key" value="([0-9a-f]{64})"', self.page(found[1]))
        return (found[1], key[1]) if key else ("", "")

    def take(self, address: str, key: str) -> str:
        """Take a hub's key as the page showed it; return what the page says."""
        return self.post(address, key=key)

    def revoke(self, device: str) -> None:
        self.post(
            "/admin/venue/device/",
            action="revoke",
            _selected_action=self._row(device),
            confirmed="1",
        )

    def code(self, device: str) -> str:
        """Return the text of a new code for the device of that name."""
        row = self._row(device)
        shown = self.post("/admin/venue/device/", action="enrol", _selected_action=row)
        (text,) = set(re.findall(r"GHE1:[A-Z2-7]+", html.unescape(shown)))
        return str(text)

    def _row(self, device: str) -> str:
        """Return what stands for the device of that name in forms."""
        page = self.page("/admin/venue/device/")
        (row,) = (one for one in re.findall(r"<tr.*?</tr>", page, re.S) if device in one)
        key = re.search(r'value="(\d+)"', row)
        assert key, row
        return key[1]

    def page(self, path: str) -> str:
        return str(self._session.get(self._url + path, timeout=60).text)

    def post(self, path: str, **told: str) -> str:
        if "csrftoken" not in self._session.cookies:
            self.page(path)
        form = {**told, "csrfmiddlewaretoken": self._session.cookies.get("csrftoken", "")}
        page = self._url + path
        answer = self._session.post(page, form, headers={"Referer": page}, timeout=60)
        return str(answer.text)


@dataclass
class Centre:
    folder: Path
    front: Front
    broker: SecureBroker
    step: Step
    admin: Admin
    tickets: list[str] = field(default_factory=list)

    def rows(self, device: str) -> int:
        """Return how many rows of a device central has."""
        told = json.loads(_run(self.folder / "central.toml", "totals", "--json"))
        return sum(told["rows"].get(device, {}).values())


@contextmanager
def running_centre(folder: Path, site: Site | None = None) -> Iterator[Centre]:
    """Make a venue `v` with one zone, and run all of it; `site`: whose root stands above it."""
    told, directory, web = folder / "central.toml", folder / "central", free_port()
    (folder / "venue.json").write_text(json.dumps(description(20)))
    (folder / "passphrase").write_text("correct horse battery")
    _tell(told, directory, web, "https://127.0.0.1:1", 1)
    tickets = folder / "tickets"
    _run(told, "prepare", "--file", str(folder / "venue.json"), "--tickets-out", str(tickets))
    if site is None:
        _run(told, "authority", "init", "--passphrase-file", str(folder / "passphrase"))
    else:
        both = site.signed(_run(told, "authority", "request"))
        _run(told, "authority", "adopt", str(both), str(site.list()))
    _run(told, "authority", "server", "127.0.0.1")
    _run(told, "authority", "broker", "127.0.0.1")
    _run(told, "createadmin", "chief", said=PASSWORD)
    with ExitStack() as stack:
        step = Step(web)
        stack.callback(step.close)
        front = stack.enter_context(running_front(folder / "nginx", directory, step.port))
        broker = stack.enter_context(running_secure_broker(folder, directory / "authority"))
        _tell(told, directory, web, front.url, broker.port)
        for daemon in ("web", "ingest", "publish"):
            stack.callback(_end, subprocess.Popen(_command(told, daemon), cwd=ROOT))
        authority = str(directory / "authority/ca.pem")
        _wait_for(f"{front.url}/healthz", authority)
        admin = Admin(front.url, authority)
        choices = {name: admin.option("zone", name) for name in ("venue", "checkpoint")}
        admin.add("zone", name="大厅 Hall", **choices)
        sold = [json.loads(line) for line in tickets.read_text().splitlines()]
        good = [one["text"] for one in sold if one["kind"] == "valid"]
        yield Centre(folder, front, broker, step, admin, good)


def _tell(told: Path, directory: Path, web: int, url: str, broker: int) -> None:
    public = directory / "authority"
    told.write_text(
        f'venue = "v"\ndirectory = "{directory}"\n[web]\nport = {web}\n'
        f'[devices]\nurl = "{url}"\nbroker_port = {broker}\n[broker]\nport = {broker}\n'
        f'tls = {{ authority = "{public}/ca.pem", certificates = "{public}" }}\n'
    )


def _command(told: Path, *task: str) -> list[str]:
    return [sys.executable, "-m", "central", "--config", str(told), *task]


def _run(told: Path, *task: str, said: str = "") -> str:
    command = _command(told, *task)
    return subprocess.run(
        command, input=said, text=True, check=True, stdout=subprocess.PIPE, cwd=ROOT
    ).stdout


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(PATIENCE_SECONDS)


def _wait_for(url: str, authority: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with contextlib.suppress(requests.RequestException):
            if requests.get(url, verify=authority, timeout=10).status_code == 200:
                return
        assert time.monotonic() < deadline, f"never answered: {url}"
        time.sleep(0.2)
