"""Somebody at the demonstration's kiosk: shows a code, touches the page, takes the paper.

Does over HTTP what the kiosk's browser does, with the page that any browser would get.
"""

import asyncio
import re
from pathlib import Path

import requests

from gatehouse.demo.kiosk_stand import KioskStand
from gatehouse.demo.processes import DemoError
from gatehouse.demo.venue import STAFF_CARD

LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 60.0
STATE = re.compile(r'data-page="([a-z-]+)" data-number="(\d+)"')


class KioskVisitor:
    def __init__(self, stand: KioskStand, address_file: Path) -> None:
        self._stand = stand
        self._address_file = address_file
        self._session = requests.Session()
        self._url = ""

    async def enter(self) -> str:
        """Open the page; return its address for a person."""
        address = ""
        for _ in range(int(PATIENCE_SECONDS / LOOK_SECONDS)):
            if self._address_file.exists():
                address = self._address_file.read_text().strip()
                break
            await asyncio.sleep(LOOK_SECONDS)
        self._url = address.partition("/enter/")[0]
        await asyncio.to_thread(self._session.get, address, timeout=10)
        return address

    async def collect(self, code: bytes) -> bytes:
        """Turn a code into a paper; return what the code on it says."""
        await self.until("attract")
        before = self._stand.cuts
        await self._stand.present(code)
        await self.until("choose")
        await self.touch("next")
        await self.touch("print")
        await self.until("take")
        await self.touch("back")
        if self._stand.cuts != before + 1:
            raise DemoError(f"the kiosk's printer cut {self._stand.cuts - before} papers, not one")
        return self._stand.code_on(before)

    async def collect_in_vain(self, code: bytes) -> None:
        """As `collect`, where the printer fails in the midst of it; staff print it anew."""
        await self.until("attract")
        await self._stand.present(code)
        await self.until("choose")
        await self.touch("next")
        await self._stand.staff("jam")
        await self.touch("print")
        await self.until("take")
        await self.touch("back")
        await self._stand.staff("mend")

    async def staff(self) -> None:
        """Show the staff card: the menu opens."""
        await self.until("attract")
        await self._stand.present(STAFF_CARD)
        await self.until("staff")

    async def test(self) -> None:
        await self.staff()
        await self.touch("test")
        await self.until("staff")
        await self.touch("back")

    async def reissue(self, code: bytes) -> bytes:
        """Have staff print a ticket anew; return what the code on it says."""
        await self.staff()
        before = self._stand.cuts
        await self._stand.present(code)
        await self.until("choose")
        await self.touch("next")
        await self.touch("why", "jam")
        await self.touch("print")
        await self.until("take")
        await self.touch("back")
        return self._stand.code_on(before)

    async def end_day(self, cut: int) -> None:
        """Close the day with the printer's own count."""
        await self.staff()
        await self.touch("day")
        for digit in str(cut):
            await self.touch("key", digit)
        await self.touch("submit")
        await self.touch("back")

    async def touch(self, what: str, value: str = "") -> str:
        """Touch a control of the page as it is; return the page that follows."""
        page, number = await self._state()
        told = {"what": what, "value": value, "at": number}
        body = await asyncio.to_thread(self._post, told)
        found = STATE.search(body)
        return found[1] if found else page

    async def until(self, page: str) -> None:
        """Wait until a page is shown; raise DemoError in the end."""
        shown = ""
        for _ in range(int(PATIENCE_SECONDS / LOOK_SECONDS)):
            shown, _ = await self._state()
            if shown == page:
                return
            await asyncio.sleep(LOOK_SECONDS)
        raise DemoError(f"the kiosk shows {shown!r} and not {page!r}")

    async def _state(self) -> tuple[str, str]:
        answer = await asyncio.to_thread(self._session.get, f"{self._url}/screen", timeout=10)
        found = STATE.search(answer.text)
        return (found[1], found[2]) if found else ("", "0")

    def _post(self, told: dict[str, str]) -> str:
        headers = {"Origin": self._url}
        answer = self._session.post(f"{self._url}/touch", told, headers=headers, timeout=10)
        return answer.text
