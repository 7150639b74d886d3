"""Who sets a lane to what: central by an order, staff by key or card on the spot, offline."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from gatehouse.simulation.machines.device import LANE, Device
from gatehouse.simulation.machines.enrolled import STAFF_CARDS
from gatehouse.simulation.machines.machine import Process
from gatehouse.simulation.planned.plan_terms import Handling, HandlingKind
from gatehouse.simulation.promises import Promise
from rules.zone import CardDoes
from wire.command import AnyCommand, BackToNormal, FreePass, HoldOpen, OpenOnce

if TYPE_CHECKING:
    from gatehouse.simulation.venue import Venue

PRESSED_SECONDS = 0.4
ANSWER_SECONDS = 6.0
SETTLED_SECONDS = 20.0
"""A gate that has been up for so long has heard of central."""
KEYS = {
    HandlingKind.KEY_FREE_PASS: "key_free_pass",
    HandlingKind.KEY_OUT_OF_SERVICE: "key_out_of_service",
}


CARDS = {
    HandlingKind.CARD_OPEN_ONCE: STAFF_CARDS[CardDoes.OPEN_ONCE],
    HandlingKind.CARD_FREE_PASS: STAFF_CARDS[CardDoes.FREE_PASS],
    HandlingKind.CARD_OUT_OF_SERVICE: STAFF_CARDS[CardDoes.OUT_OF_SERVICE],
}


class Handlings:
    def __init__(self, venue: "Venue") -> None:
        self._venue = venue

    def happen(self, handling: Handling) -> None:
        """Let somebody do it to the lane of that gate now."""
        venue, kind = self._venue, handling.kind
        turnstile, device = venue.turnstiles[handling.gate], venue.at_gate[handling.gate]
        venue.truth.tell(device.name, f"{kind.value} for {handling.seconds:.0f} s, somebody says")
        venue.truth.count(f"handled {kind.value}")
        lane = "" if handling.every_lane else LANE
        until = int(venue.central.wall + handling.seconds)
        match kind:
            case HandlingKind.HOLD_OPEN:
                self._order(device, HoldOpen(lane, until))
            case HandlingKind.FREE_PASS:
                self._order(device, FreePass(lane, until))
            case HandlingKind.OPEN_ONCE:
                opens = self._order, device, OpenOnce(lane, "of the simulation")
                venue.people.escort(handling, turnstile, lambda: opens[0](*opens[1:]))
            case HandlingKind.KEY_OPEN_ONCE:
                venue.people.escort(handling, turnstile, lambda: self._press(handling.gate))
            case HandlingKind.KEY_FREE_PASS | HandlingKind.KEY_OUT_OF_SERVICE:
                turnstile.turn(KEYS[kind], True)
                self._later(handling.seconds, turnstile.turn, KEYS[kind], False)
            case HandlingKind.CARD_OPEN_ONCE:
                venue.people.escort(handling, turnstile, lambda: self._show(handling))
            case HandlingKind.CARD_FREE_PASS | HandlingKind.CARD_OUT_OF_SERVICE:
                self._show(handling)
                if handling.taken_back_seconds:
                    self._later(handling.taken_back_seconds, self._show, handling)
        if handling.taken_back_seconds and kind not in KEYS and kind not in CARDS:
            self._later(handling.taken_back_seconds, self._back, handling.gate, lane)

    def _show(self, handling: Handling) -> None:
        turnstile = self._venue.turnstiles[handling.gate]
        turnstile.carded_at = turnstile.scheduler.now
        turnstile.present(CARDS[handling.kind])

    def _press(self, gate: int) -> None:
        turnstile = self._venue.turnstiles[gate]
        turnstile.turn("key_open_once", True)
        self._later(PRESSED_SECONDS, turnstile.turn, "key_open_once", False)

    def _back(self, gate: int, lane: str) -> None:
        self._order(self._venue.at_gate[gate], BackToNormal(lane))

    def _later(self, seconds: float, what: Callable[..., object], *args: object) -> None:
        self._venue.scheduler.world.call_later(seconds, what, *args)

    def _order(self, device: Device, command: AnyCommand) -> None:
        venue = self._venue
        counter = venue.central.order(device.number, command)
        state = self._well(device)
        if counter and state is not None:
            self._later(ANSWER_SECONDS, self._answered, device, counter, state, device.believes)

    def _well(self, device: Device) -> tuple[object, ...] | None:
        """Return what an order goes through, as long as nothing is wrong with any of it."""
        line, processes, now = (
            device.uplink,
            device.machine.processes,
            device.turnstile.scheduler.now,
        )
        alive = [processes.get("gate"), processes.get("sync")]
        well = all(_well(one, now) for one in alive) and self._venue.central.up
        link = line.link
        calm = line.weather is line.calm and not line.cut and not line.late
        if not well or link is None or not calm:
            return None
        return (*alive, link, link.connected, link.connections, line.lost)

    def _answered(
        self, device: Device, counter: int, state: tuple[object, ...], believed: bool
    ) -> None:
        """An order that went through a good line to a gate that is well has an answer.

        `believed`: the gate knew whom to obey when it was last looked at; else the order waits.
        """
        witness = self._venue.witness(device)
        if self._well(device) != state:
            return
        if not believed:
            again = self._answered, device, counter, state, device.believes
            self._later(ANSWER_SECONDS, *again)
            return
        witness.look()
        given = self._venue.central.given[device.number, counter]
        lane, what = self._venue.gate_witness(device).lane, ""
        if counter not in witness.answers:
            what = "has no answer, and nothing was wrong"
        elif lane.passes_over(given, self._venue.scheduler.now - ANSWER_SECONDS):
            what = "was answered, and nothing came of it"
        if what:
            why = f"{device.name}: order {counter} {what}"
            self._venue.truth.violate(Promise.ORDERS_OBEYED, why)


def _well(process: Process | None, now: float) -> bool:
    if process is None or not process.alive or process.points_left:
        return False
    return process.born + SETTLED_SECONDS < now and process.slow_until + SETTLED_SECONDS < now
