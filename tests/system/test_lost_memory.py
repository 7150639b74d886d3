"""A gate that forgets what it let in, hears of it again from central: real processes, a broker.

Its journal is put back to an older copy, as a restored card has it, and then lost altogether.
"""

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from edge.store.journal import FILE
from tests.brokers import TestBroker
from tests.system.test_gate_process import Stage, until
from tests.system.test_operations import (
    Shop,
    admitted,
    broker,
    central,
    folder,
    gate,
    refused,
    shop,
)
from tests.system.test_sync_with_central import Central

__all__ = ["broker", "central", "folder", "shop"]  # Fixtures.

pytestmark = [pytest.mark.xdist_group("venue"), pytest.mark.timeout(300), pytest.mark.nightly]


async def stopped(stage: Stage) -> None:
    stage.process.terminate()
    await stage.process.wait()


async def started(stage: Stage, boot: str) -> None:
    """Start the gate as after another start of the machine."""
    configuration = str(stage.folder / "gate.toml")
    command = ("-m", "gatehouse", "gate", "--config", configuration, "--boot-id", boot * 32)
    stage.process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stderr=asyncio.subprocess.DEVNULL
    )
    await until(lambda: stage.title == "Show your ticket", "ready")


async def refused_in_the_end(stage: Stage, text: str) -> None:
    """Show a code again and again, until the gate says that it was used; it never opens."""
    before = len(stage.board.pulses)
    for _ in range(15):
        await stage.scanner.present(text.encode())
        for _ in range(100):
            if stage.title.startswith("Used"):
                assert len(stage.board.pulses) == before
                return
            await asyncio.sleep(0.02)
    raise AssertionError(f"never refused: {stage.title}")


def files(folder: Path) -> list[Path]:
    return list(folder.glob(f"{FILE}*"))


def test_what_a_gate_forgot_comes_back_with_the_list(
    tmp_path: Path, central: Central, broker: TestBroker, shop: Shop
) -> None:
    def known(ticket: Any) -> bool:
        uses = shop.get(f"tickets/{ticket['cti']}")["uses"]
        return bool(uses and uses[-1]["outcome"] == "passed")

    def incidents() -> dict[str, Any]:
        told = shop.look("SELECT json_group_object(kind, json(detail)) FROM ledger_incident")
        return dict(json.loads(told[0]))

    async def story() -> None:
        async with gate(tmp_path, central, broker) as stage:
            await until(lambda: stage.title == "Show your ticket", "ready")
            await until(shop.gate_is_heard, "central hears of the gate")
            first, second = shop.issue(), shop.issue()
            await until(shop.gate_is_up_to_date, "the gate has the list")
            await admitted(stage, first["text"])
            await until(lambda: known(first), "central knows the first use")
            await stopped(stage)
            copies = [
                (path, shutil.copy(path, tmp_path / path.name)) for path in files(stage.folder)
            ]
            await started(stage, "1")
            await admitted(stage, second["text"])
            await until(lambda: known(second), "central knows the second use")
            await until(shop.gate_is_up_to_date, "the gate has the list with both")

            await stopped(stage)
            for path in files(stage.folder):
                path.unlink()
            for path, copy in copies:
                shutil.copy(copy, path)
            await started(stage, "2")
            await refused(stage, second["text"], "Used")
            await refused(stage, first["text"], "Used")
            # What it wrote in the life that the copy knows nothing of, central still has.
            await until(lambda: "put-back" in incidents(), "central finds that it was put back")
            assert "gap" not in incidents()

            await stopped(stage)
            for path in files(stage.folder):
                path.unlink()
            await started(stage, "3")
            await until(lambda: "forgot" in incidents(), "central is told that it forgot")
            # Until it has heard from central it asks for a moment, and lets nobody in.
            await refused_in_the_end(stage, first["text"])
            await refused_in_the_end(stage, second["text"])

    asyncio.run(story())
