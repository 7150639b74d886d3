"""What goes wrong, done to the venue at its time, and mended again after a while."""

import random
import shutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from edge.core.delivery_terms import HELLO_EVERY_SECONDS
from gatehouse.simulation.goings_on import fire
from gatehouse.simulation.machines.enrolled import Enrolled
from gatehouse.simulation.machines.host import Host
from gatehouse.simulation.machines.hub import Hub
from gatehouse.simulation.machines.kiosk import Kiosk
from gatehouse.simulation.machines.machine import copy_card
from gatehouse.simulation.machines.network import Uplink, Weather
from gatehouse.simulation.machines.printer import VenuePrinter
from gatehouse.simulation.planned.plan import Deed, DeedKind, Fault, FaultKind
from gatehouse.simulation.planned.plan_terms import BOARD_LOST, CONTACT_LOST, Lock
from wire.command import BackToNormal, LockEntry
from wire.entry import Standing

if TYPE_CHECKING:
    from gatehouse.simulation.venue import Venue

STANDINGS = {
    DeedKind.REFUND: Standing.REFUNDED,
    DeedKind.BLOCK: Standing.BLOCKED,
    DeedKind.UNBLOCK: Standing.GOOD,
}


PRINTERS_OWN_PLUG = 0.6
"""So often a kiosk's printer loses its power as well."""
ROLL_END_MM = 150.0
MENDED_SECONDS = 5.0
SAID_SECONDS = 10.0
"""From a device's Hello to the last row that central lacked of it."""


class Faults:
    def __init__(self, venue: "Venue") -> None:
        self._venue = venue
        self.asked_by = 0.0
        """When every device has said to a central that was put back how far its journal goes."""
        self._does: dict[FaultKind, Callable[[Fault, Enrolled], None]] = {
            FaultKind.CUT: self._cut,
            FaultKind.STORM: self._storm,
            FaultKind.BROKER: self._broker,
            FaultKind.CENTRAL_AWAY: self._central_away,
            FaultKind.CENTRAL_DIES: self._central_dies,
            FaultKind.BACKUP: lambda _fault, _device: venue.central.take_backup(),
            FaultKind.PUT_BACK: self._put_back,
            FaultKind.GATE_KILLED: lambda _fault, device: device.kill(device.door),
            FaultKind.KIOSK_KILLED: lambda _fault, device: device.kill(device.door),
            FaultKind.SYNC_KILLED: lambda _fault, device: device.kill("sync"),
            FaultKind.GATE_POINT: lambda fault, device: self._point(fault, device, device.door),
            FaultKind.KIOSK_POINT: lambda fault, device: self._point(fault, device, device.door),
            FaultKind.PAPER_OUT: self._paper_out,
            FaultKind.PRINTER: self._printer,
            FaultKind.SYNC_POINT: lambda fault, device: self._point(fault, device, "sync"),
            FaultKind.POWER: self._power,
            FaultKind.CLOCK_STEP: self._clock_step,
            FaultKind.CLOCK_LOST: self._clock_lost,
            FaultKind.SLOW_DISK: self._slow_disk,
            FaultKind.READER: self._reader,
            FaultKind.CONTACT: self._contact,
            FaultKind.SWAP: self._swap,
            FaultKind.PICTURE: self._picture,
            FaultKind.RESTORE: self._restore,
            FaultKind.FIRE: lambda fault, _device: fire.break_out(venue, fault),
            FaultKind.HUB_CUT: self._hub_cut,
            FaultKind.HUB_STORM: self._hub_storm,
        }
        self._does_to_hub: dict[FaultKind, Callable[[Fault, Hub], None]] = {
            FaultKind.HUB_KILLED: lambda _fault, hub: hub.kill("hub"),
            FaultKind.HUB_POINT: lambda fault, hub: self._point(fault, hub, "hub"),
            FaultKind.HUB_POWER: self._hub_power,
            FaultKind.HUB_REPLACED: self._hub_replaced,
        }

    def happen(self, fault: Fault) -> None:
        """Let it happen to whoever stands at that gate now."""
        venue = self._venue
        places: Sequence[Enrolled] = venue.kiosks.all if fault.kiosk else venue.at_gate
        device = places[fault.gate]
        where = "hub" if fault.kind in self._does_to_hub else device.name
        where = "the venue" if fault.kind in VENUES else where
        lasting = f" for {fault.seconds:.0f} s" if fault.kind in LASTING else ""
        venue.truth.tell(where, f"{fault.kind.value}{lasting}{_amount(fault)}")
        venue.truth.count("faults")
        venue.truth.count(f"fault {fault.kind.value}")
        venue.look()
        if fault.kind not in self._does_to_hub:
            self._does[fault.kind](fault, device)
        elif venue.hub is not None:
            self._does_to_hub[fault.kind](fault, venue.hub)

    def do(self, deed: Deed) -> None:
        """Do something to a ticket, as an admin or a shop would."""
        central = self._venue.central
        if not central.up:
            return
        issued = central.pool.tickets[deed.ticket]
        if not issued.listed:
            return
        self._venue.truth.tell("central", f"{deed.kind.value} of ticket {deed.ticket}")
        self._venue.truth.count(deed.kind.value)
        match deed.kind:
            case DeedKind.UNDO:
                central.undo(issued.cti)
            case DeedKind.REISSUE:
                self._venue.truth.reissued.add(issued.cti)
                central.reissue(issued.cti)
            case _:
                central.set_standing(issued.cti, STANDINGS[deed.kind])

    def lock(self, lock: Lock) -> None:
        """Let central close an entry to all, and open it again after a while."""
        venue = self._venue
        places: Sequence[Enrolled] = venue.kiosks.all if lock.kiosk else venue.at_gate
        device = places[lock.gate]
        venue.truth.tell("central", f"locks {device.name} for {lock.seconds:.0f} s")
        venue.truth.count("locks")
        venue.central.order(device.number, LockEntry())
        self._later(lock.seconds, venue.central.order, device.number, BackToNormal())

    def heal(self) -> None:
        """Put everything right: no fault lasts beyond this moment."""
        venue = self._venue
        venue.central.up, venue.central_dies = True, False
        if venue.hub is not None:
            _at_its_best(venue.hub)
            venue.hub.power_on()
        for device in venue.stations():
            for line in (device.uplink, device.side):
                if line is not None:
                    line.weather = line.calm
                    line.set_cut(False)
            _at_its_best(device)
            device.power_on()
            device.plug(True)
        for turnstile in venue.turnstiles:
            turnstile.look_again()
        for kiosk in venue.kiosks.all:
            kiosk.stand.printer.breaks.clear()
            self._later(MENDED_SECONDS, _put_right, kiosk.stand.printer)

    def _later(self, seconds: float, what: Callable[..., object], *args: object) -> None:
        self._venue.scheduler.world.call_later(seconds, what, *args)

    def _cut(self, fault: Fault, device: Enrolled) -> None:
        self._cut_line(fault, device.uplink)

    def _storm(self, fault: Fault, device: Enrolled) -> None:
        self._storm_on(fault, device.uplink)

    def _hub_cut(self, fault: Fault, device: Enrolled) -> None:
        self._cut_line(fault, device.side)

    def _hub_storm(self, fault: Fault, device: Enrolled) -> None:
        self._storm_on(fault, device.side)

    def _cut_line(self, fault: Fault, line: Uplink | None) -> None:
        if line is not None:
            line.set_cut(True)
            self._later(fault.seconds, line.set_cut, False)

    def _storm_on(self, fault: Fault, line: Uplink | None) -> None:
        if line is None:
            return
        chance = fault.amount
        line.weather = Weather(
            delay_seconds=0.05 + 2.0 * chance**2,
            twice=0.3 * (1 - chance),
            lost=0.2 * chance,
            overtakes=chance > 0.3,
        )
        self._later(fault.seconds, setattr, line, "weather", line.calm)

    def _hub_power(self, fault: Fault, hub: Hub) -> None:
        hub.power_off()
        self._later(fault.seconds, hub.power_on)

    def _hub_replaced(self, fault: Fault, hub: Hub) -> None:
        hub.lose_card()
        self._later(fault.seconds, hub.power_on)

    def _broker(self, fault: Fault, device: Enrolled) -> None:
        del device
        for one in self._venue.stations():
            if not one.uplink.cut:
                one.uplink.set_cut(True)
                self._later(fault.seconds, one.uplink.set_cut, False)

    def _central_away(self, fault: Fault, device: Enrolled) -> None:
        del device
        self._venue.central.stop()
        self._later(fault.seconds, self._venue.central_up)

    def _central_dies(self, fault: Fault, device: Enrolled) -> None:
        del device
        self._venue.central_dies = True
        self._later(fault.seconds, self._venue.central_up)

    def _put_back(self, fault: Fault, device: Enrolled) -> None:
        del device
        central = self._venue.central
        central.stop()
        if central.put_back():
            self._venue.truth.count("put back")
            again = self._venue.scheduler.now + fault.seconds + HELLO_EVERY_SECONDS
            self.asked_by = again + SAID_SECONDS
        self._later(fault.seconds, self._venue.central_up)

    def _point(self, fault: Fault, device: Host, name: str) -> None:
        process = device.machine.processes.get(name)
        if process is not None:
            process.points_left = int(fault.amount)

    def _power(self, fault: Fault, device: Enrolled) -> None:
        device.power_off()
        self._venue.witness(device).after_power()
        self._later(fault.seconds, device.power_on)
        if isinstance(device, Kiosk) and fault.amount < PRINTERS_OWN_PLUG:
            device.stand.printer.power_off()
            self._later(fault.seconds, device.stand.printer.power_on)

    def _paper_out(self, fault: Fault, device: Enrolled) -> None:
        if isinstance(device, Kiosk):
            device.stand.printer.ends(ROLL_END_MM * fault.amount, MENDED_SECONDS + fault.seconds)

    def _printer(self, fault: Fault, device: Enrolled) -> None:
        if isinstance(device, Kiosk):
            chance = random.Random(fault.amount)
            device.stand.printer.breaks_soon(chance, MENDED_SECONDS + fault.seconds)

    def _clock_step(self, fault: Fault, device: Enrolled) -> None:
        device.machine.wall_offset += fault.amount

    def _clock_lost(self, fault: Fault, device: Enrolled) -> None:
        self._power(fault, device)
        device.machine.wall_offset = fault.amount

    def _slow_disk(self, fault: Fault, device: Enrolled) -> None:
        until = self._venue.scheduler.now + fault.seconds
        for process in device.machine.processes.values():
            process.slow_until = until

    def _reader(self, fault: Fault, device: Enrolled) -> None:
        device.plug(False)
        self._later(fault.seconds, device.plug, True)

    def _contact(self, fault: Fault, device: Enrolled) -> None:
        del device
        turnstile = self._venue.turnstiles[fault.gate]
        lost, board = fault.amount < CONTACT_LOST, fault.amount < BOARD_LOST
        if turnstile.look_away(lost, board):
            self._later(fault.seconds, turnstile.look_again)

    def _swap(self, fault: Fault, device: Enrolled) -> None:
        """A spare takes its place; the old one comes on again in the office."""
        device.power_off()
        self._venue.witness(device).after_power()
        self._venue.replace(fault.gate)
        self._later(fault.seconds, device.power_on)

    def _picture(self, fault: Fault, device: Enrolled) -> None:
        """A backup of the card, as somebody takes one: with the power off."""
        witness = self._venue.witness(device)
        picture = device.machine.folder.with_name(f"{device.name}-picture")
        if device.machine.on:
            device.power_off(picture)
        else:
            copy_card(device.machine.folder, picture)
        witness.after_power()
        witness.picture = (witness.last, witness.last_hash)
        device.pictures = [picture]
        self._later(fault.seconds, device.power_on)

    def _restore(self, fault: Fault, device: Enrolled) -> None:
        witness = self._venue.witness(device)
        if not device.pictures or witness.picture is None:
            self._power(fault, device)
            return
        device.power_off()
        folder = device.machine.folder
        shutil.rmtree(folder)
        copy_card(device.pictures[0], folder)
        device.restored += 1
        witness.put_back(*witness.picture)
        self._later(fault.seconds, device.power_on)


LASTING = frozenset(
    {
        FaultKind.CUT,
        FaultKind.STORM,
        FaultKind.BROKER,
        FaultKind.CENTRAL_AWAY,
        FaultKind.CENTRAL_DIES,
        FaultKind.POWER,
        FaultKind.SLOW_DISK,
        FaultKind.READER,
        FaultKind.CONTACT,
        FaultKind.FIRE,
        FaultKind.HUB_CUT,
        FaultKind.HUB_STORM,
        FaultKind.HUB_POWER,
        FaultKind.PAPER_OUT,
    }
)
VENUES = frozenset(
    {
        FaultKind.BROKER,
        FaultKind.CENTRAL_AWAY,
        FaultKind.CENTRAL_DIES,
        FaultKind.FIRE,
        FaultKind.BACKUP,
        FaultKind.PUT_BACK,
    }
)


def _put_right(printer: VenuePrinter) -> None:
    """Mend it, unless somebody is on the way to do so."""
    if printer.mending is None:
        printer.heal()


def _at_its_best(host: Host) -> None:
    for process in host.machine.processes.values():
        process.points_left, process.slow_until = 0, 0.0


def _amount(fault: Fault) -> str:
    match fault.kind:
        case (
            FaultKind.GATE_POINT
            | FaultKind.SYNC_POINT
            | FaultKind.HUB_POINT
            | FaultKind.KIOSK_POINT
        ):
            return f" {fault.amount:.0f}"
        case FaultKind.CLOCK_STEP | FaultKind.CLOCK_LOST:
            return f" {fault.amount:+.0f} s"
        case _:
            return ""
