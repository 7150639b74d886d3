"""A panel that remembers what it showed."""

from edge.core.notice import Notice


class SimulatedPanel:
    def __init__(self) -> None:
        self.shown: list[Notice] = []

    async def show(self, notice: Notice) -> None:
        self.shown.append(notice)

    async def close(self) -> None:
        return
