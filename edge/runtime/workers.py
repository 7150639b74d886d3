"""Threads, made in one place and handed in, so that a simulation can replace them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class SingleThread(Protocol):
    """One thread that owns what only one thread may touch; calls run in the order they came."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` on the thread and return what it returned or raise what it raised."""

    def close(self) -> None:
        """Let the work under way finish and end the thread."""


class _Single:
    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        done = self._executor.submit(work, *args, **kwargs)
        # Shielded: cancelling whoever waits must not undo what the thread is about to commit.
        waited = asyncio.wrap_future(done)
        try:
            return await asyncio.shield(waited)
        except asyncio.CancelledError:
            waited.add_done_callback(_unheard)
            raise

    def close(self) -> None:
        self._executor.shutdown(wait=True)


def _unheard(waited: "asyncio.Future[Any]") -> None:
    """Whoever asked has gone: what it raised is nobody's trouble, and no traceback in the log."""
    if not waited.cancelled():
        waited.exception()


class Workers:
    """Makes real threads."""

    def single(self, name: str) -> SingleThread:
        return _Single(name)
