"""A site's own EST server: what libest's answered, recorded, and what it may put off.

The bytes are those of cisco/libest's `estserver`, asked over TLS by this enroller and renewal
(tests/vectors/est_answers.json); only who asks is played here.
"""

import asyncio
import http.server
import json
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.core import certificate
from edge.drivers.fetch_http import LATER_SECONDS, HttpFetch
from edge.drivers.interfaces import Deferred
from edge.runtime.clock import SimulatedClock, SystemClock
from edge.store.identity_folder import IdentityFolder
from edge.sync import keys
from edge.sync.renewal import Renewal
from tests.authority import DAY
from tests.daemons.test_enrolling import WHO, Device
from tests.small_enroller import URL, SmallEnroller
from tests.threads import DirectThread

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/est_answers.json").read_text())


@pytest.mark.parametrize("answer", VECTORS["answers"], ids=lambda one: one["what"])
def test_what_a_foreign_server_answers_is_read_as_central_s_is(answer: dict[str, str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = keys.read_pkcs7(answer["cacerts"].encode())
        authority = certificate.chain(shown, bytes.fromhex(VECTORS["root"]))
        for kind in ("simpleenroll", "simplereenroll"):
            (made,) = keys.read_pkcs7(answer[kind].encode())
            key: Any = made.public_key()
            assert certificate.own([made], authority, key, VECTORS["identity"]) == made
    assert len(authority) == 1, "of two roots the one that the text names, which signs itself"


class Puts(http.server.BaseHTTPRequestHandler):
    later = ""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(VECTORS["deferred"]["status"])
        for name, value in {**VECTORS["deferred"]["headers"], "Retry-After": self.later}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(VECTORS["deferred"]["body"].encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Puts) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (VECTORS["deferred"]["headers"]["Retry-After"], 3600.0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 1.0),
        ("Fri, 31 Dec 2100 23:59:59 GMT", DAY),
        ("9" * 400, DAY),
        ("soon", LATER_SECONDS),
        ("-5", LATER_SECONDS),
        ("", LATER_SECONDS),
    ],
)
def test_when_to_ask_again_is_said_in_seconds_or_as_a_date(
    url: str, said: str, seconds: float
) -> None:
    Puts.later = said
    fetch = HttpFetch(url, DirectThread(), SystemClock(), token="t")
    with pytest.raises(Deferred) as put_off:
        asyncio.run(fetch.post("/.well-known/est/simpleenroll", b"x", {}))
    assert put_off.value.seconds == seconds


def test_put_off_it_says_when_and_the_same_code_later_asks_with_the_same_key(
    tmp_path: Path,
) -> None:
    device = Device(tmp_path / "device", SmallEnroller(deferred=2))
    for _ in range(2):
        ended = device.enrol()
        assert not ended.done
        assert "show the same code again later (60 min)" in ended.said.en
        assert "稍后再出示" in ended.said.zh
    assert device.enrol().done
    assert all(key == device.central.asked_by[0] for key in device.central.asked_by)


def test_a_renewal_that_is_put_off_waits_as_long_as_it_was_told_and_keeps_its_key(
    tmp_path: Path,
) -> None:
    device = Device(tmp_path / "device", SmallEnroller())
    assert device.enrol().done
    central, done = device.central, list[str]()
    central.deferred, central.now = 2, central.now + 70 * DAY
    first = len(central.asked_by)

    async def story() -> None:
        clock = SimulatedClock(central.now)
        renewal = Renewal(
            *(IdentityFolder(device.folder), WHO, URL, central, clock),
            lambda: 0.0,
            done.append,
        )
        running = asyncio.create_task(renewal.run())
        await clock.advance(1.0)
        for asked in (1, 2, 3):
            assert len(central.asked_by) - first == asked
            await clock.advance(3598.0)
            assert len(central.asked_by) - first == asked, "not before it was told to"
            await clock.advance(2.0)
        assert done
        running.cancel()

    asyncio.run(story())
    assert all(key == central.asked_by[first] for key in central.asked_by[first:])
