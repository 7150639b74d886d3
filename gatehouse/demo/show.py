"""Starts a venue, lets the crowd come, and ends everything it started."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from edge.store.outbox import JournalReader
from gatehouse.demo import books, venue
from gatehouse.demo.kiosk_crowd import through_the_kiosk, with_papers
from gatehouse.demo.kiosk_stand import KioskStand
from gatehouse.demo.kiosk_visitor import KioskVisitor
from gatehouse.demo.offers import offered
from gatehouse.demo.play import Player
from gatehouse.demo.processes import (
    Broker,
    Children,
    DemoError,
    free_port,
    gatehouse,
    listening,
)
from gatehouse.demo.stand import LaneStand
from gatehouse.demo.venue import Venue
from simulators.crowd import Issued, Shows, Visitor, papers, plan
from simulators.page import Stand, application
from wire.event import AnyEvent
from wire.reason import Reason
from wire.row import Unknown, decode_row

PER_MINUTE = 24.0
"""Visitors at a natural pace; a busy lane takes 40."""
READY_SECONDS = 40.0
DRAIN_SECONDS = 60.0
CONSOLE = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Options:
    visitors: int
    seed: int
    pace: float
    break_broker: bool
    camera: bool = False
    """The way in is read by a camera, too."""


@dataclass(frozen=True, slots=True)
class Running:
    """A venue at work."""

    venue: Venue
    broker: Broker
    children: Children
    entry: LaneStand
    way_out: LaneStand
    kiosk: KioskStand


async def once(root: Path, options: Options) -> tuple[dict[str, Any], list[str]]:
    """Play the crowd to its end; return the report, and what in it does not agree."""
    async with running(root, options) as stage:
        player = Player(stage.entry, stage.way_out, options.pace)
        tickets = venue.issued(stage.venue)
        crowd = plan(options.seed, options.visitors, tickets, PER_MINUTE)
        at_kiosk = [one for one in tickets if one.kind is Shows.PAPER][: papers(options.visitors)]
        visitor = KioskVisitor(stage.kiosk, stage.venue.kiosk_address)
        with _progress() as progress:
            task = progress.add_task("观众入场 · The crowd comes", total=len(crowd))
            half = asyncio.Event()

            def advance(done: int) -> None:
                progress.update(task, completed=done)
                if done >= len(crowd) // 2:
                    half.set()

            breaking = asyncio.create_task(_break(stage, half, options.break_broker))
            playing = asyncio.create_task(_both(player, crowd, advance, visitor, at_kiosk))
            watching = asyncio.create_task(_watch(stage.children))
            await asyncio.wait({playing, watching}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                playing.cancel()
                watching.result()
            watching.cancel()
            await playing
            await breaking
        return await _settle(stage, player)


async def _both(
    player: Player,
    crowd: Sequence[Visitor],
    advance: Callable[[int], None],
    kiosk: KioskVisitor,
    tickets: Sequence[Issued],
) -> None:
    """A part of the crowd goes to the kiosk first, and comes to the gate with paper."""
    collecting = asyncio.create_task(through_the_kiosk(kiosk, tickets))
    await player.play(crowd, advance)
    await player.play(with_papers(len(crowd), await collecting), lambda _: None)


async def show(root: Path, options: Options) -> None:
    """Run until a person presses Ctrl-C."""
    async with running(root, options) as stage:
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        tickets = venue.issued(stage.venue)
        crowd = plan(options.seed, options.visitors, tickets, PER_MINUTE)
        central = f"http://127.0.0.1:{stage.venue.web_port}/live/"
        held = await _holders_page(stage.venue)
        page_of_kiosk = await KioskVisitor(stage.kiosk, stage.venue.kiosk_address).enter()
        port = free_port()
        lanes: list[Stand] = [stage.entry, stage.way_out]
        page = application(lanes, offered(tickets), central, stopping, stage.kiosk, page_of_kiosk)
        server = _QuietServer(uvicorn.Config(page, port=port, log_level="warning"))
        serving = asyncio.create_task(server.serve())
        player = Player(stage.entry, stage.way_out, options.pace)
        playing = asyncio.create_task(player.play(crowd, lambda _: None))
        CONSOLE.print(
            "\n[bold green]✓[/] 场馆已开门 · The venue is open\n"
            f"  中央服务器 Central’s live page      [bold]{central}[/]\n"
            f"  模拟现场   The simulated turnstiles [bold]http://127.0.0.1:{port}/[/]\n"
            f"  持票人页面 A holder’s moving code   [bold]{held}[/]\n"
            f"  取票机     The kiosk’s screen       [bold]{page_of_kiosk}[/]\n"
            f"             订单 order {venue.ORDER}，手机尾号 phone {venue.PHONE}\n"
            "  按 Ctrl-C 结束 · Ctrl-C ends everything\n"
        )
        watching = asyncio.create_task(_watch(stage.children))
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({stopped, watching}, return_when=asyncio.FIRST_COMPLETED)
        stopping.set()
        playing.cancel()
        server.should_exit = True
        await serving
        if watching.done():
            watching.result()
        watching.cancel()
        CONSOLE.print("正在结束 · Ending …")


class _QuietServer(uvicorn.Server):
    """Ctrl-C belongs to the demonstration, not to its page."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def running(root: Path, options: Options) -> AsyncIterator[Running]:
    """Start everything, in order; end everything, in reverse."""
    device, token = venue.new_identity()
    children = Children(root / "log")
    broker = Broker(children, root)
    # A turnstile's own timers are not people: at any pace it stays open for a second at least.
    window = max(1.0, round(5.0 / options.pace, 2))
    ports = (free_port(), free_port())
    own = (device, token, broker.port, free_port(), window)
    place = Venue(root, *own, *venue.new_identity(), *ports, camera=options.camera)
    venue.write(place, options.seed, options.visitors)
    entry, way_out = (LaneStand(place, name, options.pace) for name in (venue.ENTRY, venue.EXIT))
    kiosk = KioskStand(place, paced=options.pace <= 1)
    stands = (entry, way_out, kiosk)
    hardware = [asyncio.create_task(stand.run()) for stand in stands]
    try:
        with CONSOLE.status("正在开门 · Opening the venue") as status:
            await _open(place, broker, children, lambda text: status.update(text))
            await _ready(entry, place, children)
        yield Running(place, broker, children, entry, way_out, kiosk)
    finally:
        await children.stop()
        for task in hardware:
            task.cancel()
        await asyncio.gather(*hardware, return_exceptions=True)


async def _open(
    place: Venue, broker: Broker, children: Children, say: Callable[[str], None]
) -> None:
    say("消息服务 · broker")
    await broker.start()
    settings = str(place.root / "central.toml")
    say("建场馆、出票 · venue and tickets")
    await _prepare(place, settings)
    say("中央服务器 · central")
    central = await children.start("central", gatehouse("central", "--config", settings))
    await listening(place.web_port, central)
    say("闸机 · gate and sync")
    await children.start("sync", gatehouse("sync", "--config", str(place.gate / "sync.toml")))
    await children.start("gate", gatehouse("gate", "--config", str(place.gate / "gate.toml")))
    say("取票机 · kiosk")
    kiosk = place.kiosk
    await children.start("sync-k", gatehouse("sync", "--config", str(kiosk / "sync.toml")))
    await children.start("kiosk", gatehouse("kiosk", "--config", str(kiosk / "kiosk.toml")))


async def _prepare(place: Venue, settings: str) -> None:
    await _output(
        *gatehouse("central", "--config", settings, "prepare"),
        *("--file", str(place.root / "venue.json"), "--tickets-out", str(place.tickets)),
        *("--root-out", str(place.root_pin)),
    )
    venue.enrol(place)


async def _holders_page(place: Venue) -> str:
    """Return the address of a ticket that no button hands out: the last of the late show."""
    settings = str(place.root / "central.toml")
    asked = gatehouse("central", "--config", settings, "links", "--event", venue.MOVING_AUDIENCE)
    return (await _output(*asked)).decode().splitlines()[-1].rpartition(",")[2]


async def _output(*command: str) -> bytes:
    """Run a command to its end; raise DemoError with its last words if it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    if process.returncode:
        words = (err or out).decode(errors="replace").strip().splitlines()[-8:]
        raise DemoError(f"{' '.join(command[2:5])} failed:\n" + "\n".join(words))
    return out


async def _ready(entry: LaneStand, place: Venue, children: Children) -> None:
    """Wait until the gate shows its idle words and has the list."""
    current = place.gate / "list" / "current"
    for _ in range(int(READY_SECONDS / 0.1)):
        fallen = children.fallen()
        if fallen:
            raise DemoError(f"{fallen.name} ended at once:\n{fallen.last_words()}")
        if entry.display.words[1] and current.exists():
            return
        await asyncio.sleep(0.1)
    raise DemoError(f"the gate did not become ready; see the logs in {place.root / 'log'}")


async def _watch(children: Children) -> None:
    """Raise DemoError when a process ends by itself."""
    while True:
        fallen = children.fallen()
        if fallen:
            raise DemoError(f"{fallen.name} ended by itself:\n{fallen.last_words()}")
        await asyncio.sleep(0.5)


async def _break(stage: Running, half: asyncio.Event, wanted: bool) -> None:
    if not wanted:
        return
    await half.wait()
    await stage.broker.kill()
    await asyncio.sleep(2.0)
    await stage.broker.start()


async def _settle(stage: Running, player: Player) -> tuple[dict[str, Any], list[str]]:
    """Wait until central has every row, then lay the books side by side."""
    settings = str(stage.venue.root / "central.toml")
    reader = JournalReader(stage.venue.gate, bytes.fromhex(stage.venue.device))
    kiosk = JournalReader(stage.venue.kiosk, bytes.fromhex(stage.venue.kiosk_device))
    totals: dict[str, Any] = {}
    with CONSOLE.status("等中央服务器收齐 · Central catches up"):
        for _ in range(int(DRAIN_SECONDS)):
            totals = json.loads(
                await _output(*gatehouse("central", "--config", settings, "totals", "--json"))
            )
            lacking = _missing(kiosk, totals, stage.venue.kiosk_device)
            if _missing(reader, totals, stage.venue.device) + lacking == 0:
                break
            await asyncio.sleep(1.0)
    report = _report(reader, kiosk, totals, player, stage)
    walked_in = stage.entry.board.truth
    heads = sum(one.deed.value == "walked-in" for one in walked_in)
    return report, books.disagreements(report, heads, player.seen.surprises)


def _report(
    reader: JournalReader,
    kiosk: JournalReader,
    totals: dict[str, Any],
    player: Player,
    stage: Running,
) -> dict[str, Any]:
    ledger = books.count(_events(reader))
    answered = stage.entry.answer_ms
    shares = {"p50": 0.5, "p99": 0.99}
    return {
        "presented": player.seen.presented,
        "waited": player.seen.waited,
        "admitted": ledger.admitted,
        "refused": dict(sorted(ledger.refused.items())),
        "passed": ledger.passed,
        "abandoned": ledger.abandoned,
        "uncertain": ledger.uncertain,
        "tailgated": ledger.tailgated,
        "left": ledger.left,
        "central": {
            name: totals[name]
            for name in ("admitted", "refused", "passed", "abandoned", "uncertain")
        },
        "lost": _missing(reader, totals, stage.venue.device)
        + _missing(kiosk, totals, stage.venue.kiosk_device),
        "doubles": totals["doubles"],
        "papers": books.papers(stage.kiosk.cuts, totals["papers"]),
        "papers_admitted": ledger.papers,
        "superseded_refused": ledger.refused[Reason.SUPERSEDED.value],
        "decision_ms": {name: books.percentile(answered, share) for name, share in shares.items()},
    }


def _missing(reader: JournalReader, totals: dict[str, Any], device: str) -> int:
    """Return how many rows of the journal central does not hold."""
    held = totals["rows"].get(device, {})
    return sum(epoch.top - held.get(epoch.epoch.hex(), 0) for epoch in reader.epochs())


def _events(reader: JournalReader) -> list[AnyEvent | Unknown]:
    happened: list[AnyEvent | Unknown] = []
    for epoch in reader.epochs():
        first = 1
        while batch := reader.batch(epoch.epoch, first, 1000):
            happened += [decode_row(body)[0] for body in batch.rows]
            first += len(batch.rows)
    return happened


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=CONSOLE, disable=not sys.stderr.isatty())
