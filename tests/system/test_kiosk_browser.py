"""The kiosk's browser under the policies that are installed for it: a real Chromium obeys them.

`/etc/chromium` is this test's own, in mounts that nobody else sees. Read by DevTools, which the
policies refuse as well: what is left out of them for that is asserted first.
"""

import contextlib
import http.server
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, Page, sync_playwright

from tests.demos import CHROMIUM
from tests.namespaces import holding

POLICIES = Path(__file__).resolve().parents[2] / "provisioning/chromium-policy.json"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--lang=en-US"]
DEBUGGING = ("RemoteDebuggingAllowed", "DeveloperToolsAvailability")
BLOCKED = "This page is blocked"

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts of a test's own need root"),
]


class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<h1>here</h1>")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(address: str) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer((address, 0), Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{address}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def obeying(folder: Path, policies: dict[str, Any]) -> Iterator[Page]:
    """Run a Chromium that finds these policies where an installed one does."""
    (folder / "gatehouse.json").write_text(json.dumps(policies))
    mounted = (
        "mount -t tmpfs none /etc/chromium && mkdir -p /etc/chromium/policies/managed"
        f" && cp {folder}/gatehouse.json /etc/chromium/policies/managed/"
    )
    with holding("--mount", first=mounted) as holder:
        started = folder / "chromium"
        started.write_text(f'#!/bin/sh\nexec nsenter -t {holder} -m -r {CHROMIUM} "$@"\n')
        started.chmod(0o755)
        with sync_playwright() as playwright:
            # As at a kiosk: a profile of its own, since the policies allow no incognito window.
            context = playwright.chromium.launch_persistent_context(
                folder / "profile", executable_path=started, args=ARGUMENTS
            )
            yield context.pages[0]
            context.close()


def read_policies() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(POLICIES.read_text())
    return told


def opened(page: Page, address: str) -> str:
    """Lead the browser to an address; return what it shows, its own page of errors as well."""
    with contextlib.suppress(Error):
        page.goto(address, wait_until="commit", timeout=20_000)
    page.wait_for_timeout(700)
    return f"{page.url} {page.locator('body').inner_text()}"


def test_a_real_browser_takes_every_policy_without_a_word(tmp_path: Path) -> None:
    told = read_policies()
    assert told["RemoteDebuggingAllowed"] is False
    assert told["DeveloperToolsAvailability"] == 2
    looked_at = {**told, "URLAllowlist": [*told["URLAllowlist"], "chrome://policy"]}
    for refused in DEBUGGING:
        del looked_at[refused]
    with obeying(tmp_path, looked_at) as page:
        page.goto("chrome://policy/", wait_until="load")
        page.wait_for_timeout(1000)
        shown = page.evaluate(ALL_ROWS)
    known = {name: (status, source) for name, status, source in shown}
    lacking = looked_at.keys() - known.keys()
    assert not lacking, f"this browser does not know: {lacking}"
    # What is deprecated is obeyed, and an older browser knows nothing else.
    good = ("", "OK", "Deprecated")
    wrong = {name: known[name] for name in looked_at if known[name][0] not in good}
    assert not wrong


ALL_ROWS = """
() => {
  const found = [];
  const walk = root => {
    for (const one of root.querySelectorAll('*')) {
      if (one.tagName === 'POLICY-ROW') {
        const text = of => one.shadowRoot.querySelector(of)?.textContent.trim() ?? '';
        found.push([text('.name'), text('.messages'), text('.source')]);
      }
      if (one.shadowRoot) walk(one.shadowRoot);
    }
  };
  walk(document);
  return found;
}
"""


def test_nothing_but_the_page_of_this_machine_is_opened(tmp_path: Path) -> None:
    told = {name: one for name, one in read_policies().items() if name not in DEBUGGING}
    with served("127.0.0.1") as own, served("127.0.0.2") as other, obeying(tmp_path, told) as page:
        assert "here" in opened(page, own)
        for address in (
            *(other, own.replace("127.0.0.1", "localhost"), "file:///etc/passwd"),
            *("chrome://settings/", "chrome://policy/", "view-source:" + own, "https://127.0.0.1/"),
        ):
            assert BLOCKED in opened(page, address), address
        page.goto(own)
        page.evaluate("address => { location.href = address }", other)
        page.wait_for_timeout(1500)
        assert "here" not in page.locator("body").inner_text(), "led away by a page"
