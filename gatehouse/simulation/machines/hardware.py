"""A turnstile, a reader and a panel, as they stand in the hall; `board` has the drivers.

The board times itself: once pulsed it stays open for one person or five seconds, whatever becomes
of the gate. Its pass contact closes when somebody has walked through. It has power of its own: what
it holds closed when the device loses its power it goes on holding, and its line may be cut.
"""

import asyncio
from collections.abc import Callable
from math import inf

from edge.core.notice import FREE, HELD_OPEN, Notice
from edge.drivers.reader_simulated import SimulatedReader
from edge.drivers.sensor_simulated import SimulatedSensor
from edge.runtime.clock import Clock
from gatehouse.simulation.goings_on.exits import CONTACT_SECONDS, WayOut
from gatehouse.simulation.machines.loop import Scheduler
from gatehouse.simulation.machines.machine import Process
from gatehouse.simulation.planned.plan_terms import PLAIN, Fitting

WINDOW_SECONDS = 5.0
HELD_SECONDS = 4.0
SLOW_SECONDS = 10.0
FOUND_SECONDS = 10.0
"""A board that hears again is told all it should have heard by then."""
FIRE_PIN = 5
KEYS = {6: "key_open_once", 7: "key_free_pass", 8: "key_out_of_service"}
"""Pin -> what the key switch on it is for."""


class Turnstile:
    """What stands in the hall. `sensed`: whether it tells when somebody has walked through."""

    def __init__(self, scheduler: Scheduler, sensed: bool, fitting: Fitting = PLAIN) -> None:
        self.scheduler = scheduler
        self.sensed = sensed
        self.fitting = fitting
        self.open_until = -1.0
        self.pulses = 0
        self.notice: Notice | None = None
        self.notices = 0
        self.plugged = True
        self.holds_on = False
        """Whether what is shown is what was shown a moment before: one scan, to a gate."""
        self._shown, self._shown_at = b"", -HELD_SECONDS
        self.on_pulse: Callable[[], None] = lambda: None
        self.on_show: Callable[[Notice], None] = lambda _notice: None
        self._reader: tuple[SimulatedReader, Process] | None = None
        self._contact: tuple[SimulatedSensor, Process] | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self.burning = False
        self._heads: list[float] = []
        """When somebody went through since fire released it."""
        self._burnt_at = -inf
        self._fire: tuple[SimulatedSensor, Process] | None = None
        self._closed_until = -inf
        self._away_since: float | None = None
        """Since when nobody sees its pass contact."""
        self._holder: Process | None = None
        """Who holds its contact closed; whoever is killed lets go, as the unit sees to."""
        self._outlives = self._contact_lost = self.board_lost = False
        """It holds its contact for a device without power; it says nothing; it hears nothing."""
        self._lost_until = -inf
        self.on_hold: Callable[[], None] = lambda: None
        self.passages: list[float] = []
        """When its pass contact closed and a gate was there to see it, but for fire."""
        self.turned_at = self.carded_at = -inf
        """When somebody last turned a key, or showed a staff card."""
        self._keys: dict[str, tuple[SimulatedSensor, Process]] = {}
        self._turned: set[str] = set()
        self.opposite = WayOut(scheduler) if fitting.opposite else None
        self.exit = WayOut(scheduler) if fitting.exit else None
        self.fires: list[float] = []
        """When fire came or went."""

    @property
    def counts(self) -> bool:
        """Whether its board lets a group through while the contact is held."""
        return self.fitting.counts and self.sensed

    @property
    def held(self) -> bool:
        return self._holder is not None and (self._holder.alive or self._outlives)

    @property
    def open_to_all(self) -> bool:
        """Whether anybody may walk, as somebody sees who stands there."""
        return self.held and self.notice in (FREE, HELD_OPEN)

    @property
    def served(self) -> bool:
        """Whether a living gate looks at it."""
        return self._reader is not None and self._reader[1].alive

    @property
    def served_by(self) -> Process | None:
        """The gate that looks at it, where one does."""
        return self._reader[1] if self.served and self._reader else None

    @property
    def is_open(self) -> bool:
        return self.burning or self.scheduler.now < self.open_until or self.held

    def burn(self, burning: bool) -> None:
        """The fire contact closes, or opens again."""
        self.burning, self._burnt_at = burning, self.scheduler.now
        self.fires.append(self.scheduler.now)
        if burning:
            self._heads.clear()
        if self._fire is not None and self._fire[1].alive:
            self._fire[0].drive(burning)
        self._wake()

    def leave(self, own_lane: bool) -> None:
        """Somebody goes out, by the exit of its own or the other way."""
        way = self.exit if own_lane else self.opposite
        left = way.leave() if way is not None else None
        if way is not None and left is not None:
            if self.burning and not own_lane:
                self._heads.append(left.at)
            else:
                way.left.append(left)

    def heads(self, since: float) -> int:
        """Return how many went through while fire had released it, that time or the last."""
        return sum(at >= since for at in self._heads)

    def wire_fire(self, clock: Clock, process: Process) -> SimulatedSensor:
        self._fire = SimulatedSensor(clock, self.burning), process
        return self._fire[0]

    def wire_key(self, key: str, clock: Clock, process: Process) -> SimulatedSensor:
        sensor = SimulatedSensor(clock, key in self._turned)
        self._keys[key] = sensor, process
        return sensor

    def turn(self, key: str, on: bool) -> None:
        """Turn a key, or turn it back."""
        (self._turned.add if on else self._turned.discard)(key)
        self.turned_at = self.scheduler.now
        sensor, process = self._keys.get(key, (None, None))
        if sensor is not None and process is not None and process.alive:
            sensor.drive(on)

    def hold(self, process: Process | None) -> None:
        """Somebody holds its contact closed; None: nobody does any more."""
        again = process is self._holder
        self._holder, self._outlives = process, False
        if process is not None and not again:
            self.pulses += 1
            self.on_hold()
        self._wake()

    def hang(self, reader: SimulatedReader, process: Process) -> SimulatedReader:
        self._reader = reader, process
        return reader

    def wire(self, clock: Clock, process: Process) -> SimulatedSensor:
        contact = SimulatedSensor(clock, plugged=not self._contact_lost)
        self._contact = contact, process
        return contact

    def present(self, code: bytes) -> None:
        """Hold a code before the reader."""
        if self._reader is not None and self._reader[1].alive:
            self._reader[0].present(code)
        now = self.scheduler.now
        again = code == self._shown and now < self._shown_at + HELD_SECONDS
        self._shown, self._shown_at, self.holds_on = code, now, again

    @property
    def well(self) -> object:
        """What serves it, if that is to answer within seconds; None otherwise."""
        now = self.scheduler.now
        if self.burning or now < self._burnt_at + SLOW_SECONDS or not self.obeys:
            return None
        return self.well_in_fire if self.plugged else None

    @property
    def well_in_fire(self) -> object:
        """What serves it, if it is to notice within seconds that fire has released it."""
        if self._reader is None:
            return None
        process = self._reader[1]
        slow = process.slow_until + SLOW_SECONDS > self.scheduler.now
        return process if process.alive and not slow else None

    def plug(self, there: bool) -> None:
        """Pull out the reader, or put it back."""
        self.plugged = there
        if self._reader is not None and self._reader[1].alive:
            (self._reader[0].find if there else self._reader[0].lose)()

    def opened(self) -> None:
        self.pulses += 1
        self.open_until = self.scheduler.now + WINDOW_SECONDS
        self.on_pulse()
        self._wake()

    def showed(self, notice: Notice) -> None:
        self.notice = notice
        self.notices += 1
        self.on_show(notice)
        self._wake()

    def walk(self) -> bool:
        """Somebody goes through; False: against a closed arm, or by the one before."""
        was_open = self.is_open
        self.open_until = -1.0
        self.contact()
        return was_open

    def contact(self) -> None:
        """The pass contact closes, and opens again."""
        if self._contact is not None and self._contact[1].alive:
            contact, process = self._contact
            if self.scheduler.now < self._closed_until:
                return  # Two at once are one, to a contact.
            if self._away_since is not None:
                return
            self._closed_until = self.scheduler.now + CONTACT_SECONDS
            (self._heads if self.burning else self.passages).append(self.scheduler.now)
            contact.drive(True)
            process.loop.call_later(CONTACT_SECONDS, contact.drive, False)

    def outlive(self) -> None:
        """The device is about to lose its power."""
        self._outlives = self.held

    @property
    def obeys(self) -> bool:
        """Whether its board hears, and has for so long that the gate must know it."""
        return not self.board_lost and self.scheduler.now > self._lost_until + FOUND_SECONDS

    def look_away(self, lost: bool, board: bool = False) -> bool:
        """Nobody sees the pass contact from now on; return whether anybody did until now.

        `board`: nor does the relay obey.
        """
        if self._away_since is not None:
            return False
        self._away_since, self._contact_lost = self.scheduler.now, lost
        self.board_lost = board
        if lost and self._contact is not None and self._contact[1].alive:
            self._contact[0].lose()
        return True

    def look_again(self) -> None:
        if self._away_since is None:
            return
        seconds, lost = self.scheduler.now - self._away_since, self._contact_lost
        self._away_since, self._contact_lost = None, False
        if self.board_lost:
            self.board_lost, self._lost_until = False, self.scheduler.now
        if self._contact is not None and self._contact[1].alive:
            if lost:
                self._contact[0].find()
            else:
                self._contact[0].overlook(seconds)

    async def change(self, seconds: float) -> bool:
        """Wait for a pulse or a notice; False if none came."""
        world = self.scheduler.world
        woken = world.create_future()
        self._waiting.append(woken)
        timer = world.call_later(seconds, _give_up, woken)
        try:
            return bool(await woken)
        finally:
            timer.cancel()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(True)  # type: ignore[arg-type]


def _give_up(woken: "asyncio.Future[object]") -> None:
    if not woken.done():
        woken.set_result(False)
