"""Central as it stands at a venue: nginx in front, certificates, an admin's browser, strangers."""

import asyncio
import html
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
import zxingcpp
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from edge.drivers.catalog import Catalog, CentralConfig, TlsConfig
from edge.drivers.interfaces import Fetch
from edge.runtime import config, identity
from edge.runtime.clock import SimulatedClock, SystemClock
from edge.runtime.workers import SingleThread, Workers
from edge.store.identity_folder import IdentityFolder
from edge.sync.config import LinkConfig, link_path
from edge.sync.enrolment import Enroller
from edge.sync.renewal import Renewal
from tests.brokers import free_port
from tests.central_venue import description
from tests.fronts import Front, running_front
from tests.identities import DEVICE, DeviceKey, base64_of, basic, certificate_in, escaped, foreign
from tests.secure_broker import ACCEPTED, CONNECT, SecureBroker, running_secure_broker
from wire import enrolment
from wire.codec import decode
from wire.enrolment import Configuration

QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)

T = TypeVar("T")
DAY = 86_400
PASSWORD = "a long password"
PATIENCE_SECONDS, PATIENCE_MS = 45.0, 45_000
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SECOND = "1112131415161718"

pytestmark = [pytest.mark.xdist_group("central-over-tls"), pytest.mark.timeout(300)]


@dataclass
class Central:
    """A running central behind a running nginx."""

    folder: Path
    web: int
    front: Front
    pid: int
    """Of the process behind nginx."""

    @property
    def root(self) -> str:
        return str(self.folder / "central/authority/ca.pem")

    def ask(self, path: str, device: "Device | None" = None, **more: Any) -> requests.Response:
        shown = device.files if device else None
        url = self.front.url + path
        return requests.get(url, verify=self.root, cert=shown, headers=more, timeout=90)

    def post(
        self, path: str, body: bytes, device: "Device | None" = None, **more: Any
    ) -> requests.Response:
        shown = device.files if device else None
        url = self.front.url + path
        return requests.post(url, body, verify=self.root, cert=shown, headers=more, timeout=90)

    def issuing(self) -> "tuple[x509.Certificate, DeviceKey]":
        """Return the issuing authority, for certificates that it never gave out."""
        _, certificate = x509.load_pem_x509_certificates(Path(self.root).read_bytes())
        made = DeviceKey("issuing")
        key = load_pem_private_key((self.folder / "central/keys/issuing.pem").read_bytes(), None)
        made.key = key  # type: ignore[assignment]
        return certificate, made


class Fetches:
    """What the device's enrolment is given, as its daemon assembles it."""

    def __init__(self, catalog: Catalog, thread: SingleThread) -> None:
        self._catalog, self._thread = catalog, thread

    def unverified(self, url: str) -> Fetch:
        return self._catalog.unverified_fetch(url, self._thread)

    def verified(self, url: str, authority: Path, pair: Path | None) -> Fetch:
        tls = TlsConfig(str(authority), str(pair) if pair else None)
        return self._catalog.fetch(CentralConfig(url, tls=tls), self._thread)


class Device:
    """A device's key and certificate, in files."""

    def __init__(self, folder: Path, key: DeviceKey, certificate: x509.Certificate) -> None:
        name = f"{certificate.serial_number:x}"
        self.certificate, self.key = certificate, key
        chain, private = folder / f"{name}.pem", folder / f"{name}.key"
        chain.write_bytes(certificate.public_bytes(Encoding.PEM))
        private.write_bytes(key.pem())
        self.files = (str(chain), str(private))


class Admin:
    """Somebody at a browser, over TLS."""

    def __init__(self, central: Central) -> None:
        self._central, self.session = central, requests.Session()
        self.session.trust_env = False  # An authority of the machine's would outrank ours.
        self.session.verify = central.root
        page = self._url("/admin/login/?next=/admin/venue/device/")
        self.session.get(page, timeout=90)
        told = {"username": "chief", "password": PASSWORD, "next": "/admin/venue/device/"}
        self.answer = self._post(page, told)

    def act(self, action: str, identity: str) -> str:
        """Run one of the devices' actions; return the page that comes of it."""
        page = self._url("/admin/venue/device/")
        found = self.session.get(page, params={"q": identity}, timeout=90).text
        rows = re.findall(r"<tr.*?</tr>", found, re.S)
        (row,) = (one for one in rows if "_selected_action" in one)
        key = re.search(r'name="_selected_action"[^>]*value="(\d+)"|value="(\d+)"', row)
        assert key, row
        chosen = {"action": action, "_selected_action": key[1] or key[2], "confirmed": "1"}
        return self._post(page, chosen).text

    def code(self, identity: str) -> enrolment.Enrolment:
        """Return what the enrolment page shows."""
        page = html.unescape(self.act("enrol", identity))
        (text,) = set(re.findall(r"GHE1:[A-Z2-7]+", page))
        return enrolment.read(text)

    def _url(self, path: str) -> str:
        return self._central.front.url + path

    def _post(self, page: str, told: dict[str, str]) -> requests.Response:
        form = {**told, "csrfmiddlewaretoken": self.session.cookies.get("csrftoken", "")}
        return self.session.post(page, form, headers={"Referer": page}, timeout=90)


def enrol(central: Central, admin: Admin, identity: str = DEVICE) -> Device:
    shown, key = admin.code(identity), DeviceKey(identity)
    answer = central.post(
        "/.well-known/est/simpleenroll",
        base64_of(key.request()).encode(),
        Authorization=basic(shown.identity, shown.password),
    )
    assert answer.status_code == 200, answer.text
    return Device(central.folder, key, certificate_in(answer.content))


ZONE = """
import django
django.setup()
from central.venue.models import Checkpoint, Venue, Zone
Zone.objects.create(venue=Venue.objects.get(), name="Hall", checkpoint=Checkpoint.objects.get())
"""


SNAPSHOT = """
import django
django.setup()
from central.lists.snapshots import snapshot
from central.venue.models import Venue
print(snapshot(Venue.objects.get()).version)
"""


def environment(folder: Path) -> dict[str, str]:
    """For a script on central's models."""
    told = {"GATEHOUSE_CENTRAL_CONFIG": str(folder / "central.toml")}
    return {**os.environ, **told, "DJANGO_SETTINGS_MODULE": "central.settings"}


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    folder, web = tmp_path_factory.mktemp("tls"), free_port()
    told = folder / "central.toml"
    venue = description()
    venue["devices"].append({"id": SECOND, "name": "Gate 2", "token": "t2"})
    (folder / "venue.json").write_text(json.dumps(venue))
    (folder / "passphrase").write_text("correct horse battery")

    def run(*task: str, said: str = "") -> None:
        command = [sys.executable, "-m", "central", "--config", str(told), *task]
        subprocess.run(command, input=said, text=True, check=True, capture_output=True)

    url = "https://127.0.0.1:1"
    configuration = 'venue = "v"\ndirectory = "{}"\n[web]\nport = {}\n[devices]\nurl = "{}"\n'
    told.write_text(configuration.format(folder / "central", web, url))
    run("prepare", "--file", str(folder / "venue.json"))
    script = [sys.executable, "-c", ZONE]
    subprocess.run(script, env=environment(folder), check=True)
    run("authority", "init", "--passphrase-file", str(folder / "passphrase"))
    run("authority", "server", "127.0.0.1", "central.example")
    run("createadmin", "chief", said=PASSWORD)
    quick = {"client_header_timeout 10s": "client_header_timeout 3s"}
    with running_front(folder / "nginx", folder / "central", web, quick) as front:
        told.write_text(configuration.format(folder / "central", web, front.url))
        command = [sys.executable, "-m", "central", "--config", str(told), "web"]
        process = subprocess.Popen(command)
        try:
            made = Central(folder, web, front, process.pid)
            deadline = time.monotonic() + 150
            while not _healthy(made):
                assert process.poll() is None, "central ended"
                assert time.monotonic() < deadline, front.said.read_text()
                time.sleep(0.2)
            yield made
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _healthy(central: Central) -> bool:
    try:
        return central.ask("/healthz").status_code == 200
    except requests.RequestException:
        return False


@pytest.fixture(scope="module")
def admin(central: Central) -> Admin:
    return Admin(central)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def gate(central: Central, admin: Admin) -> Device:
    return enrol(central, admin)


def test_an_admin_logs_in_over_tls(central: Central, admin: Admin) -> None:
    assert admin.answer.status_code == 200, "CSRF and the cookies hold behind nginx"
    assert "Gate 1" in admin.answer.text
    assert all(cookie.secure for cookie in admin.session.cookies)
    assert admin.answer.headers["Strict-Transport-Security"].startswith("max-age=")
    page = "/admin/login/"
    form = {"csrfmiddlewaretoken": admin.session.cookies["csrftoken"]}
    elsewhere = admin.session.post(central.front.url + page, form, timeout=90)
    assert elsewhere.status_code == 403, "a form of nobody's page: Django knows it is on https"
    assert "nginx/" not in admin.answer.headers["Server"]


def test_what_the_page_shows_enrols_a_device_that_is_then_let_in(
    central: Central, admin: Admin
) -> None:
    shown = admin.code(SECOND)
    assert shown.url == central.front.url
    cacerts = central.ask("/.well-known/est/cacerts")
    assert cacerts.status_code == 200
    device = enrol(central, admin, SECOND)
    assert central.ask("/device/trust", device).status_code == 200
    told = decode(central.post("/device/configuration", b"", device).content, Configuration)
    assert (told.venue, told.central_url) == ("v", central.front.url)
    assert 'checkpoint = "hall"' in told.zone


def test_the_devices_own_enroller_is_enrolled_by_what_the_page_shows(
    admin: Admin, tmp_path: Path
) -> None:
    """The device's side and central's, and no small central between them."""
    clock, thread = SystemClock(), Workers().single("enrolment")
    opens, told = Fetches(Catalog(clock), thread), list[object]()
    text = enrolment.compose(admin.code(SECOND))
    try:
        enroller = Enroller(tmp_path, opens, lambda: 0, told.append, told.append)
        ended, changed = apart(enroller.enrol(text))
        assert (ended.done, changed) == (True, True), ended.said
        who = identity.load(tmp_path)
        assert (who.id, who.venue) == (SECOND, "v")
        link = config.load(link_path(tmp_path), LinkConfig)
        assert apart(Catalog(clock).fetch(link.central, thread).get("/device/trust?after=0"))
    finally:
        thread.close()


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
def test_an_admin_adds_a_device_and_its_code_can_be_read(
    central: Central, browser: Browser, tmp_path: Path, language: str
) -> None:
    page = browser.new_page(
        locale=language, ignore_https_errors=True, viewport={"width": 1280, "height": 1000}
    )
    page.goto(central.front.url + "/admin/login/?next=/admin/venue/device/add/")
    page.locator("input[name=username]").fill("chief")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.locator("input[name=name]").fill("3 号闸机 Gate 3")
    page.locator("select[name=venue]").select_option(index=1, force=True)
    page.locator("[name=_save]").click()
    expect(page.get_by_text("Once it is enrolled")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="显示二维码 Show the code").click()
    expect(page.get_by_text("Hold the device's service contact")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("按住设备的维护触点")).to_be_visible()
    said = page.locator("pre").inner_text()
    picture = tmp_path / "code.png"
    page.locator("#code").screenshot(path=picture)
    page.close()
    (found,) = zxingcpp.read_barcodes(Image.open(picture), QR)
    assert said == f"gatehouse enrol {found.text}"
    shown = enrolment.read(found.text)
    assert (shown.url, len(shown.root)) == (central.front.url, 32)
    key = DeviceKey(shown.identity)
    answer = central.post(
        "/.well-known/est/simpleenroll",
        base64_of(key.request()).encode(),
        Authorization=basic(shown.identity, shown.password),
    )
    assert answer.status_code == 200


def test_without_a_certificate_nothing_of_a_device_is_given(central: Central) -> None:
    for path in ("trust", "list/manifest", "list/deltas", "list/a.db.zst", "configuration", "new"):
        answer = central.ask(f"/device/{path}")
        assert (answer.status_code, "certificate" in answer.text) == (401, True), path
    token = central.ask("/device/trust", Authorization="Bearer token-of-gate-1")
    assert token.status_code == 401
    straight = requests.get(
        f"http://127.0.0.1:{central.web}/device/trust",
        headers={"Authorization": "Bearer token-of-gate-1"},
        timeout=90,
    )
    assert straight.status_code == 401, "central takes no tokens here either"


@pytest.mark.parametrize("header", ["X-Client-Cert", "x-client-cert", "X_Client_Cert"])
def test_a_strangers_certificate_header_is_not_handed_on(
    central: Central, gate: Device, header: str
) -> None:
    stolen: dict[str, Any] = {header: escaped(gate.certificate)}
    assert central.ask("/device/trust", **stolen).status_code == 401
    # On a path that needs none from nginx: what reaches central then has no certificate in it.
    body = base64_of(gate.key.request()).encode()
    answer = central.post("/.well-known/est/simplereenroll", body, **stolen)
    assert (answer.status_code, "certificate" in answer.text) == (401, True)


def test_a_device_cannot_ask_as_another(central: Central, admin: Admin, gate: Device) -> None:
    other = enrol(central, admin, SECOND)
    forged: dict[str, Any] = {"X-Client-Cert": escaped(other.certificate)}
    assert central.ask("/device/trust", gate, **forged).status_code == 200
    body = base64_of(DeviceKey(SECOND).request()).encode()
    # The other one's certificate is due: whoever is taken for it gets the next.
    subprocess.run(
        [sys.executable, "-c", AGED.replace(".update", f".filter({OF_SECOND}).update")],
        env=environment(central.folder),
        check=True,
    )
    renewing = central.post("/.well-known/est/simplereenroll", body, gate, **forged)
    assert (renewing.status_code, "too early" in renewing.text) == (403, True), "judged as gate 1"


def test_rogue_and_expired_certificates_are_refused(central: Central, gate: Device) -> None:
    from central.identity.authority import Issuing, device_certificate

    now, key, other = int(time.time()), DeviceKey(), DeviceKey()
    issuing, signer = central.issuing()
    ours = Issuing(signer.key, issuing, issuing)
    expired = device_certificate(ours, DEVICE, key.key.public_key(), now - 100 * DAY)
    rogue = {
        "self-signed with the right name": foreign(DEVICE, key, now),
        "of another authority of our name": foreign(DEVICE, key, now, issuer=other),
        "expired": expired,
    }
    for what, certificate in rogue.items():
        device = Device(central.folder, key, certificate)
        for path in ("/device/trust", "/.well-known/est/cacerts", "/live/"):
            answer = central.ask(path, device)
            assert (answer.status_code, "expired" in answer.text) == (403, True), what
    never_kept = device_certificate(ours, DEVICE, key.key.public_key(), now)
    assert central.ask("/device/trust", Device(central.folder, key, never_kept)).status_code == 401
    assert central.ask("/device/trust", gate).status_code == 200


def test_a_certificate_without_its_key_opens_nothing(central: Central, gate: Device) -> None:
    thief = Device(central.folder, DeviceKey(), gate.certificate)
    with pytest.raises((requests.exceptions.SSLError, OSError)):
        central.ask("/device/trust", thief)
    # What he can do is to say that it is his.
    said: dict[str, Any] = {"X-Client-Cert": escaped(gate.certificate)}
    assert central.ask("/device/trust", **said).status_code == 401
    Device(central.folder, gate.key, gate.certificate)  # Its files again.


def test_a_servers_certificate_is_no_devices(central: Central) -> None:
    public = central.folder / "central/authority"
    answer = requests.get(
        central.front.url + "/device/trust",
        verify=central.root,
        cert=(str(public / "server.pem"), str(public / "server.key")),
        timeout=90,
    )
    assert answer.status_code == 403


def test_a_revoked_device_is_out_at_once_and_at_nginx_after_its_next_reload(
    central: Central, admin: Admin
) -> None:
    device = enrol(central, admin, SECOND)
    assert central.ask("/device/trust", device).status_code == 200
    admin.act("revoke", SECOND)
    behind = central.ask("/device/trust", device)
    assert (behind.status_code, "revoked" in behind.text) == (403, True)
    central.front.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "expired" not in (answer := central.ask("/live/", device)).text:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)
    assert answer.status_code == 403


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_is_resumed(central: Central, gate: Device, version: ssl.TLSVersion) -> None:
    """One that is would not be verified again, and what was revoked since would be let in."""
    context = ssl.create_default_context(cafile=central.root)
    context.load_cert_chain(*gate.files)
    context.minimum_version = context.maximum_version = version

    def connected(session: ssl.SSLSession | None) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", central.front.port), timeout=90)
        made = context.wrap_socket(plain, server_hostname="127.0.0.1", session=session)
        made.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        while made.recv(4096):
            continue
        return made

    first = connected(None)
    second = connected(first.session)
    assert not second.session_reused
    first.close()
    second.close()


def test_plain_http_gives_the_time_and_nothing_else(central: Central) -> None:
    def plain(path: str) -> requests.Response:
        url = f"http://127.0.0.1:{central.front.plain}{path}"
        return requests.get(url, allow_redirects=False, timeout=90)

    assert plain("/device/trust").status_code == 403
    assert plain("/.well-known/est/cacerts").status_code == 403
    page = plain("/live/")
    assert (page.status_code, page.headers["Location"]) == (301, "https://127.0.0.1/live/")
    assert plain("/device/time").status_code != 403, "this one reaches central"
    assert central.ask("/device/time").status_code == plain("/device/time").status_code


@pytest.fixture(scope="module")
def listed(central: Central) -> Path:
    """Return the file of a list that central made."""
    run = [sys.executable, "-c", SNAPSHOT]
    told = environment(central.folder)
    said = subprocess.run(run, env=told, check=True, capture_output=True, text=True).stdout
    return next(central.folder.glob(f"central/*/{said.strip()}.db.zst"))


def test_a_list_is_given_in_ranges(central: Central, gate: Device, listed: Path) -> None:
    path = f"/device/list/{listed.name}"
    whole = central.ask(path, gate).content
    assert whole == listed.read_bytes()
    rest = central.ask(path, gate, Range="bytes=100-")
    assert (rest.status_code, rest.content) == (206, whole[100:])


def test_who_reads_a_list_slowly_costs_central_no_memory(
    central: Central, gate: Device, listed: Path
) -> None:
    """Behind nginx, as another process of this machine could: nginx itself would read at once."""

    def resident() -> int:
        status = Path(f"/proc/{central.pid}/status").read_text()
        (kilobytes,) = re.findall(r"VmRSS:\s+(\d+)", status)
        return int(kilobytes) // 1024

    content = listed.read_bytes()
    os.truncate(listed, 64 << 20)
    before, shown = resident(), {"X-Client-Cert": escaped(gate.certificate)}
    url = f"http://127.0.0.1:{central.web}/device/list/{listed.name}"
    try:
        asked = [requests.get(url, headers=shown, stream=True, timeout=60) for _ in range(4)]
        for one in asked:
            assert one.raw.read(1 << 20)
        assert resident() - before < 64, "MiB, of four times 64"
        for one in asked:
            one.close()
    finally:
        listed.write_bytes(content)


def test_what_happens_is_seen_as_it_happens(central: Central, admin: Admin) -> None:
    url = central.front.url + "/live/events"
    with admin.session.get(url, stream=True, timeout=60) as answer:
        first = next(answer.iter_lines())
    assert first.startswith(b"data: {")


def test_an_oversized_body_stops_at_nginx(central: Central, gate: Device) -> None:
    body = b"A" * 9000
    small = central.post("/.well-known/est/simpleenroll", body)
    assert (small.status_code, "nginx" in small.text) == (413, True), "central has not even seen it"
    large = central.post("/device/configuration", b"A" * (6 << 20), gate)
    assert large.status_code == 413


def test_an_oversized_header_is_refused(central: Central) -> None:
    assert central.ask("/healthz", Authorization="A" * 40_000).status_code == 400


def test_guessing_codes_is_slowed_down(central: Central, gate: Device) -> None:
    """After a burst, one a second and address; devices that are enrolled do not notice."""
    body = base64_of(DeviceKey().request()).encode()
    wrong: dict[str, Any] = {"Authorization": basic("ffffffffffffffff", "00" * 16)}
    answers = [
        central.post("/.well-known/est/simpleenroll", body, **wrong).status_code for _ in range(60)
    ]
    assert answers.count(429) >= 10
    assert central.ask("/device/trust", gate).status_code == 200


class Slow:
    """Connections that send a byte each half second, from the header on or in a body."""

    HEADER = b"GET /device/trust HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "
    BODY = b"POST /device/configuration HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 8000\r\n\r\n"

    def __init__(self, central: Central, count: int) -> None:
        context = ssl.create_default_context(cafile=central.root)
        self._open: list[socket.socket] = []
        for number in range(count):
            connection = socket.create_connection(("127.0.0.1", central.front.port), timeout=10)
            if number % 3:
                connection = context.wrap_socket(connection, server_hostname="127.0.0.1")
                connection.sendall(self.HEADER if number % 3 == 1 else self.BODY)
            self._open.append(connection)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._drip)
        self._thread.start()

    def _drip(self) -> None:
        while not self._stopping.wait(0.5):
            for connection in list(self._open):
                try:
                    # Without TLS, these are the first bytes of a handshake that never ends.
                    connection.sendall(b"\x16" if type(connection) is socket.socket else b"a")
                    connection.settimeout(0.001)
                    if not connection.recv(4096):
                        raise ConnectionError
                except (TimeoutError, ssl.SSLWantReadError):
                    continue
                except OSError:
                    self._open.remove(connection)
                    connection.close()

    @property
    def left(self) -> int:
        return len(self._open)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        for connection in self._open:
            connection.close()


def test_slow_clients_do_not_stop_a_device_and_are_cut_off(central: Central, gate: Device) -> None:
    slow = Slow(central, 450)
    try:
        for _ in range(10):
            assert central.ask("/device/trust", gate).status_code == 200
        deadline = time.monotonic() + PATIENCE_SECONDS
        # Of bodies that do move, an address may send a hundred.
        while slow.left > 100:
            assert time.monotonic() < deadline, f"{slow.left} are still there"
            assert central.ask("/device/trust", gate).status_code == 200
    finally:
        slow.stop()


# A new issuing authority. Last: it ends what the others go by.


OF_SECOND = f"device__identity='{SECOND}'"
AGED = """
import django
django.setup()
from django.db.models import F
from central.identity.models import Certificate
days = 70 * 86400
Certificate.objects.update(not_before=F("not_before") - days, not_after=F("not_after") - days)
"""


@dataclass
class Servers:
    """nginx and mosquitto, and somebody who believes the authorities of `before`."""

    central: Central
    broker: SecureBroker
    before: str

    def let_in(self, files: tuple[str, str]) -> tuple[bool, bool]:
        """At nginx and central, and at the broker."""
        url = self.central.front.url + "/device/trust"
        answer = requests.get(url, verify=self.before, cert=files, timeout=90)
        return answer.status_code == 200, self.at_the_broker(files)

    def at_the_broker(self, files: tuple[str, str]) -> bool:
        context = ssl.create_default_context(cafile=self.before)
        context.load_cert_chain(*files)
        try:
            plain = socket.create_connection(("127.0.0.1", self.broker.port), timeout=30)
            with plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                secure.sendall(CONNECT)
                return secure.recv(4) == ACCEPTED
        except (ssl.SSLError, ConnectionError):
            return False

    def read_again(self) -> None:
        """As systemd has them do when the files change."""
        self.broker.reload()
        self.central.front.process.send_signal(signal.SIGHUP)

    def come_to(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not what():
            assert time.monotonic() < deadline
            time.sleep(0.2)


def apart(work: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own: the browser's loop may be at work in this one."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()


def authority_task(central: Central, *task: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "central", "--config", str(central.folder / "central.toml")]
    if task[0] in ("replace", "retire"):
        task = (*task, "--passphrase-file", str(central.folder / "passphrase"))
    return subprocess.run([*command, "authority", *task], capture_output=True, text=True)


def newest_authority(central: Central) -> x509.Certificate:
    return x509.load_pem_x509_certificates(Path(central.root).read_bytes())[1]


def replaced(central: Central) -> None:
    """Make a new issuing authority, and see that the servers show it."""
    other = str(central.folder / "central/keys/issuing.pem")
    assert "issuing.pem" in authority_task(central, "replace", "--root", other).stderr
    said = authority_task(central, "replace")
    assert said.returncode == 0, said.stderr
    assert "issuing  until" in said.stdout
    assert re.search(r"^older .* [2-9] devices$", said.stdout, re.M)
    for server in ("server.pem", "broker.pem", "central-ingest.pem"):
        content = (central.folder / "central/authority" / server).read_bytes()
        shown = x509.load_pem_x509_certificates(content)[0]
        shown.verify_directly_issued_by(newest_authority(central))


def renewed(central: Central, folder: Path, opens: Fetches) -> bool:
    """Let the device in `folder` come to its time and renew; whether it is the new one's."""
    subprocess.run([sys.executable, "-c", AGED], env=environment(central.folder), check=True)
    later = SimulatedClock(time.time() + 70 * DAY)
    told = (SECOND, central.front.url, opens, later, lambda: 0.5, lambda _: None)
    assert apart(Renewal(IdentityFolder(folder), *told).renew_if_due())
    mine, *issuer = x509.load_pem_x509_certificates((folder / "identity/device.pem").read_bytes())
    mine.verify_directly_issued_by(newest_authority(central))
    return issuer == [newest_authority(central)]


def test_devices_move_to_a_new_issuing_authority_and_the_old_one_ends(
    central: Central, admin: Admin, tmp_path: Path
) -> None:
    thread, ignored = Workers().single("enrolment"), list[object]()
    opens = Fetches(Catalog(SystemClock()), thread)
    enroller = Enroller(tmp_path, opens, lambda: 0, ignored.append, ignored.append)
    assert apart(enroller.enrol(enrolment.compose(admin.code(SECOND))))[0].done
    moving, stays = (str(tmp_path / "identity/device.pem"),) * 2, enrol(central, admin)
    before = tmp_path / "before.pem"
    before.write_bytes((tmp_path / "identity/ca.pem").read_bytes())
    assert authority_task(central, "broker", "127.0.0.1").returncode == 0
    with running_secure_broker(tmp_path, central.folder / "central/authority") as broker:
        servers = Servers(central, broker, str(before))
        assert servers.let_in(moving) == servers.let_in(stays.files) == (True, True)

        older = newest_authority(central)
        replaced(central)
        servers.read_again()
        both = (True, True)
        servers.come_to(lambda: servers.let_in(moving) == servers.let_in(stays.files) == both)
        assert renewed(central, tmp_path, opens)
        servers.come_to(lambda: servers.let_in(moving) == servers.let_in(stays.files) == both)

        refused = authority_task(central, "retire")
        assert (refused.returncode, "Gate 1" in refused.stderr) == (1, True)
        assert "Gate 2" not in refused.stderr
        assert authority_task(central, "retire", "--now").returncode == 0
        said = (central.folder / "central/authority/root.crl.pem").read_bytes()
        ended = x509.load_pem_x509_crl(said).get_revoked_certificate_by_serial_number
        assert ended(older.serial_number), "whoever still has a list of its, believes it no more"
        assert not servers.let_in(stays.files)[0], "central itself, whatever nginx has read"
        servers.read_again()
        servers.come_to(lambda: not servers.at_the_broker(stays.files))
        servers.come_to(lambda: "expired" in central.ask("/live/", stays).text)
        assert servers.let_in(moving) == both
        assert "older" not in authority_task(central, "show").stdout
    thread.close()
