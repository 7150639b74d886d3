"""`gatehouse enrol`: the text of an enrolment code, typed on the device instead of shown to it.

Whoever may speak to sync's socket (root, group `gatehouse`) may do this; sync does the work. A
device that is enrolled already is only made somebody else when that is said.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from edge.runtime import config, identity
from edge.runtime.clock import SystemClock
from edge.runtime.config import ConfigError
from edge.runtime.intercom import EnrolmentEnded, EnrolmentRead, IntercomClient
from edge.sync.config import SyncConfig
from wire import enrolment
from wire.codec import WireError

CONNECT_SECONDS = 5.0
PATIENCE_SECONDS = 120.0


class Trouble(Exception):
    """One sentence for the person who typed the command: what is wrong, and what to do."""


def main(argv: list[str]) -> int:
    """Return 0 if the device is enrolled, 1 if not, 2 if the command cannot be done."""
    parser = argparse.ArgumentParser(prog="gatehouse enrol", description=__doc__)
    parser.add_argument("text", nargs="?", default="-", help="what the code says; - reads stdin")
    parser.add_argument("--config", type=Path, default=Path("/etc/gatehouse/sync.toml"))
    parser.add_argument(
        "--again", action="store_true", help="also if this device is enrolled already"
    )
    asked = parser.parse_args(argv)
    text = sys.stdin.read(enrolment.TEXT_MAX + 1) if asked.text == "-" else asked.text
    try:
        told = config.load(asked.config, SyncConfig)
        _check(text.strip(), Path(told.directory), asked.again)
        ended = asyncio.run(_ask(text.strip(), Path(told.intercom.path)))
    except (Trouble, ConfigError) as error:
        print(f"gatehouse enrol: {error}", file=sys.stderr)
        return 2
    print(f"{ended.said.zh}\n{ended.said.en}")
    return 0 if ended.done else 1


def _check(text: str, directory: Path, again: bool) -> None:
    try:
        read = enrolment.read(text)
    except WireError as error:
        raise Trouble(f"{error}; copy it from central once more.") from None
    try:
        enrolled = identity.enrolled(directory)
    except OSError as error:
        raise Trouble(f"{directory}: {error.strerror}; run this with sudo.") from None
    if enrolled and not again:
        raise Trouble(
            f"this device is enrolled already; to make it {read.identity}, add --again."
            " 本机已登记；如需更换身份，请加 --again。"
        )


async def _ask(text: str, path: Path) -> EnrolmentEnded:
    clock = SystemClock()
    intercom = IntercomClient(path, clock)
    running = asyncio.create_task(intercom.run())
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            while not intercom.connected:
                await clock.wait(0.05)
        intercom.tell(EnrolmentRead(text))
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for word in intercom.words():
                if isinstance(word, EnrolmentEnded):
                    return word
    except TimeoutError:
        pass
    finally:
        running.cancel()
    raise Trouble(
        f"sync does not answer at {path}; see: systemctl status gatehouse-sync."
        " 同步服务没有回应，请检查 gatehouse-sync。"
    )
