"""A venue under a site's own root: central, nginx and mosquitto go by it, and so does a gate."""

import asyncio
import hashlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.boxes import box, typed
from tests.site_authority import Site
from tests.whole_venue import running_centre
from wire import enrolment

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(400)]


def test_a_device_that_is_shown_the_sites_root_opens_a_gate(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    root = x509.load_pem_x509_certificate(site.root.read_bytes())
    (tmp_path / "centre").mkdir()

    async def story() -> None:
        with running_centre(tmp_path / "centre", site) as centre:
            async with box(tmp_path / "gate") as one:
                centre.admin.add(
                    "device", name="Gate 2", venue=centre.admin.option("device", "venue")
                )
                text = centre.admin.code("Gate 2")
                shown = enrolment.read(text).ca
                assert shown == hashlib.sha256(root.public_bytes(Encoding.DER)).digest()
                answer = await asyncio.to_thread(typed, one.told, text)
                assert answer.returncode == 0, answer
                await one.until(lambda: "Show your ticket" in one.said, "at work")
                await one.show(
                    centre.tickets[0], lambda: bool(one.board.pulses), "the ticket opens"
                )

    asyncio.run(story())
