"""A lane's shell: what its devices say becomes signals, what the core asks becomes deeds.

One consumer owns the lane's state and works at its own pace; every device has a watcher that
only puts signals into the inbox. What happened is written beside it, in its order: a card that
stalls keeps nobody from hearing fire, key or contact. Only who opens waits until all that led to
it is durable.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Protocol, assert_never

from edge.core import contact, passage, scan
from edge.core.decision import Decision
from edge.core.lane import (
    Answer,
    AnySignal,
    CalledOff,
    CardShown,
    Do,
    EndScan,
    Habits,
    Judge,
    Lane,
    Record,
    Scanned,
    Show,
    Signal,
    State,
)
from edge.core.moment import Moment
from edge.core.notice import IDLE, OUT_OF_SERVICE, Notice
from edge.core.scan import Held, Scan
from edge.drivers.interfaces import (
    Code,
    DriverError,
    Found,
    Level,
    Lost,
    Reader,
    Sensor,
    Unwatched,
)
from edge.gate.config import LaneConfig
from edge.gate.hardware import Hardware
from edge.gate.inbox import Inbox
from edge.gate.output import Output
from edge.runtime.clock import Clock
from rules.zone import StaffCard
from wire import staff_card
from wire.event import SCAN_BYTES, AnyEvent, Direction, DriverFound, DriverLost, Mode
from wire.words import Words

log = logging.getLogger("gate.lane")

UNRECORDED_MAX = 1000
"""As much as may happen while the card stalls; then the lane waits for it."""

NO_CARDS: Mapping[str, StaffCard] = MappingProxyType({})

OVERSLEPT_SECONDS = 0.15
"""Beyond, a deadline was looked at late."""

Happened = tuple[tuple[AnyEvent, ...], str, Moment]
"""Events, on which lane, when."""


class Judging(Protocol):
    """What a lane needs of a desk (edge/gate/desk.py)."""

    async def judge(
        self, asked: Judge, lane: LaneConfig, wanted: Callable[[], bool]
    ) -> Decision: ...

    async def record(
        self, events: tuple[AnyEvent, ...], lane: str = "", at: Moment | None = None
    ) -> None: ...

    async def resolve(self, lane: LaneConfig, why: str) -> int: ...


class LaneShell:
    def __init__(
        self,
        config: LaneConfig,
        habits: Habits,
        hardware: Hardware,
        desk: Judging,
        clock: Clock,
        draw: Callable[[int], bytes],
        idle_notice: Notice = IDLE,
        locked: bool = False,
        cards: Mapping[str, StaffCard] = NO_CARDS,
    ) -> None:
        """`idle_notice` is shown where others say "show your ticket".

        `locked`: as an earlier life left it, by somebody's order. `cards`: see `configure`.
        """
        self.config = config
        self.inbox = Inbox(clock)
        self._habits, self._cards = habits, cards
        self._hardware = hardware
        self._desk = desk
        self._clock = clock
        self._draw = draw
        self._lane = Lane(mode=Mode.LOCKED if locked and self.is_entry else Mode.NORMAL)
        self._held: dict[str, Held] = {}
        self._lost: set[str] = set()
        self._resting_at: float | None = None
        self._output = Output(hardware.relay, hardware.hold, clock, self._at_rest, self._relay)
        self._overslept: float | None = None
        """The deadline that was last found to be long past."""
        self._answers: deque[Answer] = deque()
        self._unrecorded: asyncio.Queue[Happened] = asyncio.Queue(UNRECORDED_MAX)
        self._judging: asyncio.Task[None] | None = None
        self._idle_notice = idle_notice
        self._caution: Words | None = None

    @property
    def is_entry(self) -> bool:
        """Whether it asks for tickets."""
        return self.config.direction is Direction.ENTRY and not self.config.free

    @property
    def state(self) -> State:
        return self._lane.state

    @property
    def habits(self) -> Habits:
        return self._habits

    @property
    def mode(self) -> Mode:
        return self._lane.mode

    @property
    def stays_open(self) -> bool:
        return self._lane.stays_open

    @property
    def idle(self) -> bool:
        return not passage.is_open(self._lane)

    def _at_rest(self) -> bool:
        return self._lane.state is not State.OPENED

    async def announce(self, notice: Notice) -> None:
        """Show something that has nothing to do with a visitor, unless one is here."""
        if self.idle and not self._habits.free:
            await self._show(notice)
            self.inbox.nudge()

    async def caution(self, advice: Words | None) -> None:
        """Say this in place of the resting advice from now on; None: nothing is amiss."""
        if advice != self._caution:
            self._caution = advice
            if self.idle and self._resting_at is None:
                await self._show(passage.resting(self._lane, self._habits))

    def configure(self, habits: Habits, cards: Mapping[str, StaffCard]) -> None:
        """Go by these from the next signal on; to be called while the lane is closed.

        `cards` are the staff's, by the digest of their codes.
        """
        self._habits, self._cards = habits, cards

    async def close(self) -> None:
        """Drive every output off and let go of the hardware."""
        await self._hardware.close()

    async def run(self) -> None:
        await self._desk.resolve(self.config, "the gate stopped while the lane was open")
        await self._show(passage.resting(self._lane, self._habits))
        try:
            async with asyncio.TaskGroup() as tasks:
                for name, reader in self._hardware.readers.items():
                    tasks.create_task(self._watch_reader(name, reader))
                for name, sensor in self._hardware.sensors.items():
                    tasks.create_task(self._watch_sensor(name, sensor))
                tasks.create_task(self._drive(tasks))
                tasks.create_task(self._record())
                tasks.create_task(self._output.keep())
        finally:
            while not self._unrecorded.empty():
                await self._desk.record(*self._unrecorded.get_nowait())

    async def _watch_reader(self, name: str, reader: Reader) -> None:
        async for said in reader.codes():
            match said:
                case Code(data, first, last):
                    seen = Scan(self._draw(SCAN_BYTES), name, data, first)
                    self._held[name], due = scan.see(self._held.get(name), seen, last)
                    if due:
                        self._look_at(self._held[name].scan)
                case Lost() | Found():
                    await self._tell(name, said)

    def _look_at(self, shown: Scan) -> None:
        """Obey a card of the staff, once for as long as it is held; have all else judged."""
        said = scan.without_aim(shown.data)[1]
        card = self._cards.get(staff_card.digest(said)) if self._cards else None
        if card is None:
            self.inbox.put(Scanned(shown))
        else:
            self._each_held(lambda held: scan.answered(held, shown.scan))
            self.inbox.put(CardShown(card))

    async def _watch_sensor(self, name: str, sensor: Sensor) -> None:
        first, known = True, None
        async for said in sensor.changes():
            signal: AnySignal | None = None
            match said:
                case Level(active, _):
                    locked = self._lane.mode is Mode.LOCKED
                    news = not first or contact.is_news(name, active, known, locked)
                    signal = contact.signal(name, active) if news else None
                    first, known = False, active
                case Unwatched(seconds):
                    signal = contact.overlooked(name)
                    if signal and not self.idle:
                        log.warning("unwatched for %.2f s lane=%s", seconds, self.config.name)
                case Lost() | Found():
                    first = True
                    signal = contact.found(name, isinstance(said, Found))
                    self._output.doubt()
                    await self._tell(name, said)
            if signal:
                self.inbox.put(signal)

    async def _tell(self, device: str, said: Lost | Found) -> None:
        match said:
            case Lost(why):
                log.warning("lost lane=%s device=%s: %s", self.config.name, device, why)
                self._lost.add(device)
                await self._happened(DriverLost(driver=device, why=why))
            case Found():
                log.info("found lane=%s device=%s", self.config.name, device)
                # Only its coming back is news: every device is found when the gate starts.
                if device in self._lost:
                    self._lost.discard(device)
                    await self._happened(DriverFound(driver=device))
            case _:
                assert_never(said)

    async def _drive(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            signal = await self._next()
            self._lane, commands = passage.step(self._lane, signal, self._clock.now(), self._habits)
            obeyed = True
            for command in commands:
                if isinstance(command, Do):
                    obeyed = await self._switch(command) and obeyed
                elif isinstance(command, Judge):
                    # Beside this: a ledger or a card may take its time, and fire does not wait.
                    assert self._judging is None or self._judging.done()
                    self._judging = tasks.create_task(self._judge(command))
                elif obeyed or not isinstance(command, Show):
                    await self._perform(command)

    async def _record(self) -> None:
        while True:
            await self._desk.record(*await self._unrecorded.get())
            self._unrecorded.task_done()

    async def _happened(self, *events: AnyEvent) -> None:
        """Have it recorded as of now."""
        await self._unrecorded.put((events, self.config.name, self._clock.now()))

    async def _next(self) -> AnySignal:
        """Return an answer of our own first, then what is due, then what arrives."""
        while not self._answers:
            due = passage.due(self._lane, self._habits)
            now = self._clock.now().uptime
            if due is not None and due <= now:
                return Signal.DUE if self._awake(due, now) else Signal.UNSEEN
            if self._resting_at is not None and self._resting_at <= now:
                await self._show(passage.resting(self._lane, self._habits))
                continue
            times = [time for time in (due, self._resting_at) if time is not None]
            signal = await self.inbox.get(min(times, default=None))
            if signal is not None:
                return signal
        return self._answers.popleft()

    def _awake(self, due: float, now: float) -> bool:
        """Whether it looks in time; where it stood still, so did who looks at the contacts."""
        late = due == self._lane.deadline and now - due > OVERSLEPT_SECONDS
        overslept = late and due != self._overslept
        self._overslept = due if overslept else self._overslept
        return not overslept

    async def _judge(self, asked: Judge) -> None:
        """Have it judged by all that happened before, and give the lane the answer."""
        await self._unrecorded.join()
        decision = await self._desk.judge(asked, self.config, lambda: self._wants(asked.scan))
        if not isinstance(decision.answer, CalledOff):
            self._each_held(lambda held: scan.answered(held, asked.scan.scan))
        self._answers.append(decision.answer)
        self.inbox.nudge()

    def _wants(self, judged: Scan) -> bool:
        return passage.wants(self._lane, judged, self._habits)

    async def _perform(self, command: Record | Show | EndScan) -> None:
        match command:
            case Record(events):
                await self._happened(*events)
            case Show(shown):
                await self._show(shown)
            case EndScan(ended):
                self._each_held(lambda held: scan.ended(held, ended))
            case _:
                assert_never(command)

    async def _switch(self, command: Do) -> bool:
        """Return whether the output obeyed; where not, say so instead of "please enter"."""
        if command is not Do.LET_GO:
            await self._unrecorded.join()  # Durable before visible.
        if await self._output.switch(command, self._habits.pulse_seconds):
            return True
        await self._show(OUT_OF_SERVICE)
        return False

    async def _relay(self, said: Lost | Found) -> None:
        self.inbox.put(Signal.RELAY_LOST if isinstance(said, Lost) else Signal.RELAY_FOUND)
        await self._tell("relay", said)

    async def _show(self, shown: Notice) -> None:
        if shown is IDLE:
            advice = self._caution or self._idle_notice.advice
            shown = replace(self._idle_notice, advice=advice)
        after = shown.seconds
        self._resting_at = None if after is None else self._clock.now().uptime + after
        for panel in self._hardware.panels:
            try:
                await panel.show(shown)
            except DriverError as error:
                log.warning("not shown lane=%s: %s", self.config.name, error)

    def _each_held(self, change: Callable[[Held | None], Held | None]) -> None:
        for name, held in self._held.items():
            changed = change(held)
            if changed:
                self._held[name] = changed
