"""The kiosk's page on its port: what a life of the daemon leaves to the next."""

import asyncio
import contextlib
import http.client
import os
from pathlib import Path

from edge.kiosk.config import PageConfig
from edge.kiosk.serving import Page
from edge.kiosk.showing import Showing
from tests.brokers import free_port


class Quiet(Showing):
    async def touch(self, what: str, value: str, at: int) -> None:
        pass


def test_the_next_life_gets_the_port_while_a_browser_listens(tmp_path: Path) -> None:
    told = PageConfig(port=free_port(), address_file=str(tmp_path / "address"))

    async def life() -> None:
        page = Page(told, Quiet(), dict, os.urandom)
        serving = asyncio.create_task(page.serve())
        for _ in range(2000):
            if (tmp_path / "address").exists():
                break
            await asyncio.sleep(0.01)
        _, _, token = (tmp_path / "address").read_text().strip().rpartition("/")
        status, listening = await asyncio.to_thread(_listen, told.port, token)
        assert status == 200
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        listening.close()
        (tmp_path / "address").unlink()

    for _ in range(3):
        asyncio.run(life())


def _listen(port: int, token: str) -> tuple[int, http.client.HTTPConnection]:
    """Open the line of changes as a browser does, and leave it open."""
    browser = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    browser.request("GET", "/events", headers={"Cookie": f"gatehouse-kiosk={token}"})
    return browser.getresponse().status, browser
