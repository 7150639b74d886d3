"""What a zone's settings are to a gate: applied in place, between passages."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from edge.core.lane import State
from edge.core.strays import Stray, TurnedAway
from edge.gate.config import cards, habits, settings_of
from edge.gate.desk import Desk
from edge.gate.lane import LaneShell
from edge.runtime.workers import SingleThread
from edge.store.configuring import Configuring, Habitat
from rules.zone import Settings
from wire.event import ConfigurationRefused


def configuring(
    device: bytes,
    directory: Path,
    desk: Desk,
    lanes: tuple[LaneShell, ...],
    thread: SingleThread,
    note: Callable[[Stray, TurnedAway], Awaitable[None]],
) -> Configuring[Settings]:
    def check(zone: str, _: str, name: str) -> Settings:
        return settings_of(zone.encode(), name)

    def at_rest() -> bool:
        return all(lane.state is State.CLOSED for lane in lanes)

    def use(settings: Settings) -> None:
        """Between two signals of every lane: none is judging, none is open."""
        desk.configure(settings.zone, settings.time_zone)
        for lane in lanes:
            lane.configure(habits(lane.config, settings.zone), cards(settings.zone))

    async def record(row: ConfigurationRefused) -> None:
        await desk.record((row,))

    habitat = Habitat(check, at_rest, use)
    return Configuring(device, directory, desk, desk.unseal, habitat, thread, note, record)
