"""The venue of one plan: built, run to its end, healed, and held against every promise.

Seconds of the simulation cost no time; what costs is what the daemons really do.
"""

import gc
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gatehouse.simulation.books.claimed import Claimed
from gatehouse.simulation.books.gate_books import Witness
from gatehouse.simulation.books.reckoning import reckon
from gatehouse.simulation.books.witness import Reading
from gatehouse.simulation.centrals.central import Central
from gatehouse.simulation.centrals.central_light import LightCentral
from gatehouse.simulation.centrals.central_real import RealCentral
from gatehouse.simulation.centrals.tickets import Issued, pool
from gatehouse.simulation.goings_on.exits import leave
from gatehouse.simulation.goings_on.faults import Faults
from gatehouse.simulation.goings_on.handling import Handlings
from gatehouse.simulation.goings_on.kiosks import Kiosks, generation_of
from gatehouse.simulation.goings_on.people import People
from gatehouse.simulation.machines.device import Device
from gatehouse.simulation.machines.enrolled import Enrolled
from gatehouse.simulation.machines.hardware import Turnstile
from gatehouse.simulation.machines.host import Host
from gatehouse.simulation.machines.hub import Hub
from gatehouse.simulation.machines.loop import Scheduler, Spinning
from gatehouse.simulation.machines.machine import EPOCH
from gatehouse.simulation.planned.plan import Plan, Visitor
from gatehouse.simulation.promises import Promise
from gatehouse.simulation.truth import Told, Truth, Violation
from rules.zone import Policy
from wire import ticket as gh1

BEAT_SECONDS = 2.0
INGEST_SECONDS, ANSWERED_SECONDS = (0.05, 0.5, 2.0), (0.02, 0.02, 0.05, 0.5)
"""How long messages wait, mostly; where gates ask central, not so long."""
SETTLE_SECONDS_MAX = 420.0
UNRESOLVED_SECONDS = 40.0
"""By then, every person let in has an outcome."""
STATIC_EACH = 11
"""Of the tickets whose code moves, so many are shown as one that does not."""
PICTURE_SECONDS, PHONE_SECONDS = 180.0, 7.0
SPARES = 3
"""Devices that may take the place of others, for each gate."""


@dataclass(frozen=True, slots=True)
class Result:
    plan: Plan
    violations: tuple[Violation, ...]
    story: tuple[Told, ...]
    hash: str
    turns: int
    simulated_seconds: float
    counts: dict[str, int]


FILES_MAX = 128
"""Of venues before, when the next begins; each leaves a hundred to the garbage collector."""


def run(plan: Plan, stop_early: bool = True) -> Result:
    """Run a plan in a folder of its own, in memory where there is some; remove it."""
    # Whoever crashes lets go of no file, and `select` knows 1,024, as many as there may usually be.
    if len(list(Path("/proc/self/fd").iterdir())) > FILES_MAX:
        gc.collect()
    with tempfile.TemporaryDirectory(prefix="gatehouse-seed-", dir=memory()) as folder:
        venue = Venue(plan, Path(folder))
        gc.disable()  # What a short life leaves behind is collected at its end.
        try:
            with venue.central.running():
                venue.run(stop_early)
        finally:
            gc.enable()
            venue.close()
        truth = venue.truth
        return Result(
            plan,
            tuple(truth.violations),
            tuple(truth.story),
            truth.hash,
            venue.scheduler.turns,
            venue.scheduler.now,
            dict(sorted(truth.counts.items())),
        )


def memory() -> str | None:
    """Return a folder of which nothing waits for a disk; None: the usual one will do."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


class Venue:
    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self.scheduler = Scheduler()
        self.truth = Truth(self.scheduler)
        self.devices: list[Device] = []
        self.central_dies = False
        chance, gates = self.chance("venue"), plan.gates * (1 + SPARES)
        self.ids = [chance.randbytes(8).hex() for _ in range(gates + plan.kiosks)]
        kind = RealCentral if plan.real_central else LightCentral
        self.central: Central = kind(pool(plan.pool), folder, self.ids)
        self.central.now = lambda: self.scheduler.now
        self.central.send = self._send
        self.turnstiles = [self._turnstile(gate) for gate in range(plan.gates)]
        self.at_gate: list[Device] = []
        self._witnesses: dict[str, Witness] = {}
        """Of gates, by their devices' names."""
        self._readings: dict[str, Reading] = {}
        self.claimed = Claimed(self)
        self.hub: Hub | None = None
        self.central.answers_claims = plan.central_claims
        if plan.claims is not None and not plan.central_claims:
            self.hub = Hub(folder, self.scheduler, self.chance("hub"))
            self.hub.install()
        for gate in range(plan.gates):
            self.at_gate.append(self._device(gate, f"gate {gate + 1}"))
        self.kiosks = Kiosks(self, gates)
        self.claimed.papers.listen()
        self.people = People(self.turnstiles, self.truth)
        self.faults = Faults(self)
        self.handlings = Handlings(self)

    def run(self, stop_early: bool = True) -> None:
        """Let the whole plan happen, and the venue come to rest."""
        try:
            self._run(stop_early)
        except Spinning as spinning:
            self.truth.violate(Promise.NEVER_CRASHES, str(spinning))

    def _run(self, stop_early: bool) -> None:
        self._begin()
        end, scheduler = self.plan.seconds, self.scheduler
        while scheduler.now < end:
            scheduler.run_until(min(scheduler.now + 1.0, end))
            self._check()
            if self.truth.violations and stop_early:
                return
        self.truth.tell("everything", "is put right")
        self.faults.heal()
        for _ in range(int(SETTLE_SECONDS_MAX)):
            scheduler.run_until(scheduler.now + 1.0)
            self._check()
            if self.truth.violations and stop_early:
                return
            if scheduler.now > max(end + 15.0, self.faults.asked_by) and self._at_rest():
                break
        self.look()
        reckon(self)

    def close(self) -> None:
        hosts: list[Host] = [*self.stations(), *([self.hub] if self.hub else [])]
        for host in hosts:
            for name in list(host.machine.processes):
                host.machine.kill(name)
            host.machine.bury()
        self.scheduler.world.kill()
        self.scheduler.world.bury()

    def look(self) -> None:
        for reading in self._readings.values():
            reading.look()

    def stations(self) -> list[Enrolled]:
        """Return every gate, wherever it stands, and every kiosk."""
        return [*self.devices, *self.kiosks.all]

    def watch(self, reading: Reading) -> None:
        """Read a device's journal from now on."""
        self._readings[reading.device.id] = reading

    def gate_witness(self, device: Device) -> Witness:
        return self._witnesses[device.id]

    def witness(self, device: Enrolled) -> Reading:
        return self._readings[device.id]

    def readings(self) -> Iterator[Reading]:
        return iter(self._readings.values())

    def witnesses(self) -> Iterator[Witness]:
        return iter(self._witnesses.values())

    def replace(self, gate: int) -> None:
        """Put a spare at a gate; the device that stood there stands in the office then."""
        old = self.at_gate[gate]
        spares = sum(one.name.startswith(f"gate {gate + 1}") for one in self.devices)
        if spares > SPARES:
            return
        turnstile = old.turnstile
        old.turnstile = Turnstile(self.scheduler, turnstile.sensed, turnstile.fitting)
        self.truth.gates[id(old.turnstile)] = f"{old.name} in the office"
        self._heed(old)
        self.at_gate[gate] = self._device(gate, f"gate {gate + 1}{'abcdef'[spares - 1]}", turnstile)
        self.at_gate[gate].power_on()

    def open_claims(self) -> int:
        """Return how many claims the ledger still waits to hear of, from whoever can know."""
        ledger = self.central if self.plan.central_claims else self.hub
        if ledger is None:
            return 0
        knowing = {bytes.fromhex(one.id) for one in self.stations() if not one.restored}
        return sum(n for device, n in ledger.open_claims().items() if device in knowing)

    def central_up(self) -> None:
        self.central.up = True

    def chance(self, what: str) -> random.Random:
        return random.Random(f"{self.plan.seed} {what}")

    def _turnstile(self, gate: int) -> Turnstile:
        # One gate in four has no pass contact.
        sensed = self.chance(f"turnstile {gate}").random() < 0.75
        turnstile = Turnstile(self.scheduler, sensed, self.plan.fitting(gate))
        self.truth.gates[id(turnstile)] = f"gate {gate + 1}"
        return turnstile

    def _device(self, gate: int, name: str, turnstile: Turnstile | None = None) -> Device:
        number = len(self.devices)
        device = Device(
            name,
            number + 1,
            self.ids[number],
            turnstile or self.turnstiles[gate],
            self.central,
            self.folder,
            self.scheduler,
            self.chance(f"device {name}"),
            self.plan.claims or Policy.AVAILABLE,
            self.hub,
        )
        device.install()
        self.devices.append(device)
        witness = Witness(
            device, self.truth, self.central, lambda cti: self.claimed.touched.add(cti)
        )
        self._witnesses[device.id] = witness
        self.watch(witness)
        self._heed(device)
        return device

    def _heed(self, device: Device) -> None:
        witness = self._witnesses[device.id]
        device.turnstile.on_pulse, device.turnstile.on_show = witness.pulsed, witness.showed
        device.turnstile.on_hold = witness.lane.held
        if device.turnstile.exit is not None:
            device.turnstile.exit.on_show = witness.lane.exits.showed

    def _begin(self) -> None:
        world = self.scheduler.world
        if self.hub is not None:
            self.hub.power_on()
        for device in self.devices:
            device.power_on()
        self.kiosks.begin()
        world.call_later(0.3, self._beat)
        world.call_later(0.5, self._ingest, self.chance("ingest"))
        for visitor in self.plan.visitors:
            world.call_at(visitor.at, self._comes, visitor)
        for fault in self.plan.faults:
            world.call_at(fault.at, self.faults.happen, fault)
        for lock in self.plan.locks:
            world.call_at(lock.at, self.faults.lock, lock)
        for handling in self.plan.handlings:
            world.call_at(handling.at, self.handlings.happen, handling)
        for leaving in self.plan.leavings:
            world.call_at(leaving.at, leave, self, leaving)
        for deed in self.plan.deeds:
            world.call_at(deed.at, self.faults.do, deed)

    def _comes(self, visitor: Visitor) -> None:
        quantity = 1
        if visitor.ticket is not None:
            quantity = self.central.pool.tickets[visitor.ticket].quantity
        visit = self.people.visit(visitor, lambda: self._code(visitor), quantity)
        self.scheduler.world.create_task(visit)

    def _code(self, visitor: Visitor) -> bytes:
        """Return what a visitor holds before the reader at this moment."""
        if visitor.ticket is None:
            found = gh1.read(visitor.noise)
            if isinstance(found, gh1.Signed):  # A flipped bit may be nothing but a small letter.
                self.truth.static.add(found.ticket.cti)
            return visitor.noise
        pool, now = self.central.pool, EPOCH + self.scheduler.now
        issued, number = pool.tickets[visitor.ticket], visitor.number
        paper = self.kiosks.paper_of(issued.cti, number % 3 > 0) if visitor.paper else None
        if paper is not None:
            self.truth.shows(visitor.gate, issued.cti, generation_of(paper))
            return paper.encode()
        code, generation = issued.text, self.central.phone_generation(issued.cti)
        if generation and visitor.copies is None and number % 2:
            code = pool.again(issued, generation)
        else:
            generation = 0
        self.truth.shows(visitor.gate, issued.cti, generation)
        if not issued.moves:
            return code
        if number % STATIC_EACH == 0:
            self.truth.static.add(issued.cti)
            return code
        # Half of the copies are pictures, taken a while ago; phones' clocks are a little off.
        picture = visitor.copies is not None and number % 2 == 0
        age = PICTURE_SECONDS if picture else (number % 5 - 2) * PHONE_SECONDS
        if picture:
            self.truth.pictures.add(issued.cti)
        return pool.moving(issued, code, now - age)

    def phone(self, issued: Issued, number: int) -> bytes:
        """Return what a holder's phone shows at a kiosk at this moment."""
        generation = self.central.phone_generation(issued.cti)
        code = self.central.pool.again(issued, generation) if generation else issued.text
        if not issued.moves:
            return code
        age = (number % 5 - 2) * PHONE_SECONDS
        return self.central.pool.moving(issued, code, EPOCH + self.scheduler.now - age)

    def _send(self, topic: str, payload: bytes) -> None:
        for device in self.stations():
            device.uplink.down(topic, payload)

    def _beat(self) -> None:
        self.central.beat()
        self.scheduler.world.call_later(BEAT_SECONDS, self._beat)

    def _ingest(self, chance: random.Random) -> None:
        dies, self.central_dies = self.central_dies, False
        self.central.ingest(dies)
        within = ANSWERED_SECONDS if self.plan.central_claims else INGEST_SECONDS
        self.scheduler.world.call_later(chance.choice(within), self._ingest, chance)

    def _at_rest(self) -> bool:
        self.look()
        if self.people.here or self.open_claims() or self.kiosks.busy():
            return False
        if any(turnstile.held for turnstile in self.turnstiles):
            return False
        since = self.scheduler.now - UNRESOLVED_SECONDS
        if any(one.undecided(since) for one in self._witnesses.values()):
            return False
        return not any(one.card.owed() for one in self._readings.values())

    def _check(self) -> None:
        if (self.plan.claims is not None and self.claimed.touched) or self.truth.told_used:
            self.look()
            self.claimed.hold()
        if self.plan.fittings or self.plan.handlings:
            for witness in self._witnesses.values():
                witness.lane.hold()
        for process, error, said in self.scheduler.broken:
            why = f"{process}: {said} {error!r}"
            self.truth.violate(Promise.NEVER_CRASHES, why)
        self.scheduler.broken.clear()
