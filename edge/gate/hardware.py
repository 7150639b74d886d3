"""What hangs on one lane, opened; the catalog makes it of the configuration."""

from edge.drivers.interfaces import Panel, Reader, Relay, Sensor


class Hardware:
    """The opened drivers of one lane; a missing one is None."""

    def __init__(
        self,
        readers: dict[str, Reader] | None = None,
        relay: Relay | None = None,
        hold: Relay | None = None,
        sensors: dict[str, Sensor] | None = None,
        panels: tuple[Panel, ...] = (),
    ) -> None:
        self.readers = readers or {}
        self.relay = relay
        self.hold = hold or relay
        self.sensors = sensors or {}
        self.panels = panels

    async def close(self) -> None:
        for output in (self.relay, self.hold):
            if output:
                await output.close()
        for panel in self.panels:
            await panel.close()
