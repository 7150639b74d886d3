"""Fire: the contact acts on every board by wire, arms drop, and whoever is inside walks out.

Gatehouse only observes and counts. So while a lane is released nobody is let in by it, no relay
moves, and the heads it tells of afterwards are those that went through.
"""

import random
from typing import TYPE_CHECKING

from gatehouse.simulation.planned.plan import Fault
from gatehouse.simulation.promises import Promise

if TYPE_CHECKING:
    from gatehouse.simulation.machines.hardware import Turnstile
    from gatehouse.simulation.venue import Venue

NOTICED_SECONDS = 3.0
OUTWARD = 0.7
"""So many go the other way, where a turnstile has one."""
LEAVING_SECONDS = (0.4, 2.0)


def break_out(venue: "Venue", fault: Fault) -> None:
    """Let it burn for as long as the plan says, once the last one is over in every journal."""
    venue.look()
    released = any(venue.gate_witness(one).lane.released for one in venue.at_gate)
    if released or any(one.burning for one in venue.turnstiles):
        return
    world = venue.scheduler.world
    serving = {}
    for gate, turnstile in enumerate(venue.turnstiles):
        venue.truth.muddle(turnstile)
        turnstile.burn(True)
        serving[gate] = turnstile.served_by
        chance = random.Random(f"{venue.plan.seed} fire {fault.number} {gate}")
        world.call_later(1.0, _leave, venue, turnstile, chance)
    world.call_later(fault.seconds, _put_out, venue, serving, fault.seconds)


def _leave(venue: "Venue", turnstile: "Turnstile", chance: random.Random) -> None:
    if turnstile.burning:
        if turnstile.opposite is not None and chance.random() < OUTWARD:
            turnstile.leave(own_lane=False)
        else:
            turnstile.contact()
        turnstile.leave(own_lane=True)
        world = venue.scheduler.world
        world.call_later(chance.uniform(*LEAVING_SECONDS), _leave, venue, turnstile, chance)


def _put_out(venue: "Venue", serving: dict[int, object], seconds: float) -> None:
    venue.look()
    for gate, turnstile in enumerate(venue.turnstiles):
        witness = venue.gate_witness(venue.at_gate[gate])
        process = turnstile.served_by
        # One that has just begun, or sits on a slow disk, may not have written it down yet.
        told = witness.lane.released or seconds < NOTICED_SECONDS or turnstile.well_in_fire is None
        if process is not None and process is serving[gate] and not told:
            why = f"{witness.device.name}: fire has released it, and no row says so"
            venue.truth.violate(Promise.FIRE_FREE, why)
        turnstile.burn(False)
        venue.truth.muddle(turnstile)
