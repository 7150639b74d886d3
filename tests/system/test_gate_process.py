"""The gate as a process, on ptys: killed, unplugged, badly configured."""

import asyncio
import contextlib
import json
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.store.outbox import JournalReader
from simulators.camera import Camera
from simulators.display import Display
from simulators.pty_line import PtyLine
from simulators.scanner import Scanner
from simulators.turnstile import Board, Coil, Input, Walked
from tests.device import KEY, ListMaker, ticket, writing
from tests.enrolled import write_identity
from wire import ticket as gh1
from wire.row import decode_row

BAUD = 115200
PATIENCE_SECONDS = 30.0

CONFIGURATION = """
directory = "{folder}"
intercom = "{folder}/sync.sock"
[[lane]]
name = "A1"
window_seconds = 1.0
reader = [{{ kind = "serial", path = "{folder}/scanner", baud = 115200, idle_gap_seconds = 1.0 }}]
relay = {{ kind = "modbus", path = "{folder}/board", baud = 115200, coil = 0 }}
pass_contact = {{ kind = "modbus", path = "{folder}/board", baud = 115200, input = 0 }}
key_free_pass = {{ kind = "modbus", path = "{folder}/board", baud = 115200, input = 6 }}
panel = [{{ kind = "serial", path = "{folder}/display", columns = 32 }}]
"""


@dataclass
class Stage:
    folder: Path
    scanner: Scanner
    board: Board
    display: Display
    process: asyncio.subprocess.Process

    @property
    def title(self) -> str:
        return self.display.words[1]

    def kinds(self) -> list[str]:
        reader = JournalReader(self.folder, bytes.fromhex("0102030405060708"))
        kinds: list[str] = []
        for epoch in reader.epochs():
            batch = reader.batch(epoch.epoch, 1, 10_000)
            assert batch
            for body in batch.rows:
                happened, _ = decode_row(body)
                kinds.append(str(happened.__struct_config__.tag))
        reader.close()
        return kinds

    async def show(self, number: int) -> None:
        await self.scanner.present(gh1.sign(ticket(number), b"k1", KEY).encode())


async def until(true: Callable[[], bool], what: str) -> None:
    for _ in range(int(PATIENCE_SECONDS / 0.02)):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"never: {what}")


async def start(folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gatehouse", "gate", "--config", str(folder / "gate.toml")),
        stderr=asyncio.subprocess.DEVNULL,
    )


@asynccontextmanager
async def gate(tmp_path: Path, camera: Camera | None = None) -> AsyncIterator[Stage]:
    """A gate of one lane, read by a scanner, or by `camera`."""
    folder, made = tmp_path / "d", tmp_path / "made"
    made.mkdir()
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "zone.toml").write_text('checkpoint = "hall"\n')
    told = CONFIGURATION.format(folder=folder)
    if camera:
        watched = f'reader = [{{ kind = "camera", command = {json.dumps(list(camera.command))} }}]'
        told = re.sub("(?m)^reader = .*$", lambda _: watched, told)
    (folder / "gate.toml").write_text(told)
    write_identity(folder, "0102030405060708")
    one = ListMaker(made).make("v1", range(20))
    writing(folder).install("v1", one.path, one.sealed)
    lines = [PtyLine(folder / name) for name in ("scanner", "board", "display")]
    for line in lines:
        line.plug()
    board, display = Board(lines[1], window_seconds=1.0), Display(lines[2])
    playing = [asyncio.create_task(board.run()), asyncio.create_task(display.run())]
    stage = Stage(folder, Scanner(lines[0], BAUD), board, display, await start(folder))
    try:
        await until(lambda: stage.title == "Show your ticket", "ready")
        yield stage
    finally:
        if stage.process.returncode is None:
            stage.process.terminate()
            await stage.process.wait()
        for task in playing:
            task.cancel()


def test_killed_over_an_open_lane_it_knows_and_lets_the_same_ticket_in(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate(tmp_path) as stage:
            await stage.show(1)
            await until(lambda: len(stage.board.pulses) == 1, "the pulse")
            stage.process.kill()
            await stage.process.wait()
            assert "authorised" in stage.kinds(), "it was on disk before the pulse"
            stage.process = await start(stage.folder)
            await until(lambda: "uncertain" in stage.kinds(), "uncertain")
            await until(lambda: stage.title == "Show your ticket", "ready again")
            await asyncio.sleep(1.6)
            await stage.show(1)
            await until(lambda: len(stage.board.pulses) == 2, "reopened")
            await stage.board.walk_through(seconds=0.3)
            await until(lambda: stage.kinds()[-1] == "passed", "passed")
            await stage.show(1)
            await until(lambda: stage.title.startswith("Used"), "refused")
        assert stage.kinds().count("authorised") == 1

    asyncio.run(story())


@pytest.mark.parametrize("stands_still_seconds", [0.0, 3.0])
def test_who_walks_while_the_process_stands_still_has_not_got_the_use_back(
    tmp_path: Path, stands_still_seconds: float
) -> None:
    """As where memory ran out and its pages come from a slow card: nobody polls the board."""

    async def story() -> None:
        async with gate(tmp_path) as stage:
            await stage.show(1)
            await until(lambda: len(stage.board.pulses) == 1, "the pulse")
            stage.process.send_signal(signal.SIGSTOP)
            assert await stage.board.walk_through(seconds=0.3) is Walked.IN
            await asyncio.sleep(stands_still_seconds)
            stage.process.send_signal(signal.SIGCONT)
            await until(lambda: stage.kinds()[-1] not in ("authorised", "pulsed"), "an outcome")
            assert stage.kinds()[-1] == "uncertain"

    asyncio.run(story())


def test_a_board_that_outlives_the_gate_is_not_held_open_for_ever(tmp_path: Path) -> None:
    """Its coil stays closed where the gate is gone, and where it answers nothing for a while."""

    async def story() -> None:
        async with gate(tmp_path) as stage:

            def held() -> bool:
                return stage.board.coils[Coil.ENTRY]

            stage.board.contact(Input.KEY_FREE_PASS, True)
            await until(held, "held open by the key")
            stage.process.kill()
            await stage.process.wait()
            stage.board.contact(Input.KEY_FREE_PASS, False)
            assert held(), "the board knows nothing of it"
            stage.process = await start(stage.folder)
            await until(lambda: not held(), "let go")
            stage.board.contact(Input.KEY_FREE_PASS, True)
            await until(held, "held open again")
            stage.board.mute = True
            stage.board.contact(Input.KEY_FREE_PASS, False)
            await until(lambda: stage.kinds()[-1] == "driver-lost", "said to be lost")
            stage.board.mute = False
            await until(lambda: not held(), "let go when it answers again")
            await until(lambda: stage.title == "Show your ticket", "ready")
            await stage.show(1)
            await until(lambda: len(stage.board.pulses) > 2, "the pulse")

    asyncio.run(story())


def test_cables_are_drawn_and_put_back(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate(tmp_path) as stage:
            for line in (stage.scanner.line, stage.board.line, stage.display.line):
                line.unplug()
            await until(lambda: stage.kinds().count("driver-lost") >= 2, "said to be lost")
            for line in (stage.scanner.line, stage.board.line, stage.display.line):
                line.plug()
            await until(lambda: stage.kinds().count("driver-found") >= 2, "found again")
            await stage.show(2)
            await until(lambda: len(stage.board.pulses) == 1, "the pulse")
            await until(lambda: stage.title == "Please enter", "words")
            await stage.board.walk_through(seconds=0.3)
            await until(lambda: "passed" in stage.kinds(), "passed")

    asyncio.run(story())


def test_told_to_stop_it_ends_and_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate(tmp_path) as stage:
            stage.process.send_signal(signal.SIGTERM)
            assert await stage.process.wait() == 0
            assert stage.kinds()[-1] == "stopped"

    asyncio.run(story())


def test_lines_off_lets_go_of_every_relay(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate(tmp_path) as stage:
            stage.process.kill()
            await stage.process.wait()
            stage.board.coils[Coil.ENTRY] = True
            command = (sys.executable, "-m", "gatehouse", "gate", "--lines-off")
            process = await asyncio.create_subprocess_exec(
                *command, "--config", str(stage.folder / "gate.toml")
            )
            assert await process.wait() == 0
            assert stage.board.coils[Coil.ENTRY] is False

    asyncio.run(story())


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("gate.toml", "gate.toml: window: no such key"),
        ("zone.toml", "zone.toml: checkpoint: expected str, got int"),
    ],
)
def test_a_bad_configuration_is_one_sentence_and_78(
    tmp_path: Path, broken: str, sentence: str
) -> None:
    async def story() -> None:
        (tmp_path / "config").mkdir()
        gate_toml = CONFIGURATION.format(folder=tmp_path)
        zone_toml = 'checkpoint = "hall"\n'
        if broken == "gate.toml":
            gate_toml = "window = 3\n" + gate_toml
        else:
            zone_toml = "checkpoint = 7\n"
        write_identity(tmp_path, "0102030405060708")
        (tmp_path / "gate.toml").write_text(gate_toml)
        (tmp_path / "config" / "zone.toml").write_text(zone_toml)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gatehouse", "gate"),
            *("--config", str(tmp_path / "gate.toml")),
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        assert process.returncode == 78
        assert said.decode().count("\n") == 1
        assert said.decode().strip().endswith(sentence)

    asyncio.run(story())


def test_a_ticket_held_before_a_camera_opens_and_the_camera_may_come_and_go(tmp_path: Path) -> None:
    camera = Camera(tmp_path / "camera")

    def hold(number: int) -> None:
        camera.hold(gh1.sign(ticket(number), b"k1", KEY).encode())

    async def story() -> None:
        camera.plug()
        async with gate(tmp_path, camera) as stage:
            hold(1)
            await until(lambda: len(stage.board.pulses) == 1, "the pulse")
            await stage.board.walk_through(seconds=0.3)
            await until(lambda: "passed" in stage.kinds(), "passed")
            # Still held, it has had its answer; its owner has gone through with it.
            await until(lambda: stage.title.startswith("Used"), "held on behind the gate")
            camera.unplug()
            await until(lambda: "driver-lost" in stage.kinds(), "the camera is lost")
            camera.show()
            camera.plug()
            await until(lambda: "driver-found" in stage.kinds(), "the camera is back")
            hold(2)
            await until(lambda: len(stage.board.pulses) == 2, "the second pulse")
        await until(lambda: not _with(camera), "nobody watches it when the gate has ended")
        assert stage.kinds().count("authorised") == 2

    asyncio.run(story())


def _with(camera: Camera) -> list[str]:
    """Return the processes that have to do with a camera."""
    found = list[str]()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes()
            found += [entry.name] if camera.command[-1].encode() in words else []
    return found
