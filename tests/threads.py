"""A thread that is none: work runs at once, so that a simulated clock is obeyed."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DirectThread:
    """Stands for edge.runtime.workers.SingleThread."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return work(*args, **kwargs)

    def close(self) -> None:
        pass
