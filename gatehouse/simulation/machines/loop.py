"""Time and turns: one scheduler for the venue, and an event loop for each process in it.

A process that dies takes its loop with it: nothing that was scheduled there ever runs, no `finally`
and no timer, as with `kill -9`. Callbacks run in the order of their time and, at the same time, in
the order they were asked for; so the seed decides everything.
"""

import asyncio
import contextvars
import gc
import heapq
import sys
from asyncio.events import _get_running_loop, _set_running_loop
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


SPINNING_TURNS = 200_000


class Spinning(Exception):
    """Callbacks follow each other without end, and no time passes."""


class Scheduler:
    """`now` is seconds since the simulation began."""

    def __init__(self) -> None:
        self.now = 0.0
        self.turns = 0
        """How many callbacks have run: two runs of one seed take the same."""
        self._moved = 0
        """How many had run when time passed last."""
        self.broken: list[tuple[str, BaseException | None, str]] = []
        """(process, exception, what asyncio says): nobody caught it."""
        self.ready: deque[_Turn] = deque()
        self.timers: list[tuple[float, int, _Turn]] = []
        """(when, in which order they were asked for, what)."""
        self.order = 0
        self.world = process_loop(self, "world")
        """What runs in no process: people, the network, faults."""

    def run_until(self, end: float) -> None:
        """Let everything happen that happens by `end`."""
        before = _get_running_loop()
        ready, timers = self.ready, self.timers
        try:
            while True:
                self._run_ready()
                if not timers or timers[0][0] > end:
                    break
                due, _, turn = heapq.heappop(timers)
                if not turn or turn[0].dead:
                    continue
                if due > self.now:
                    self.now, self._moved = due, self.turns
                ready.append(turn)
            self.now, self._moved = max(self.now, end), self.turns
        finally:
            _set_running_loop(before)

    def _run_ready(self) -> None:
        ready, current, until = self.ready, None, self._moved + SPINNING_TURNS
        while ready:
            turn = ready.popleft()
            if not turn:
                continue
            loop, callback, arguments, context = turn
            if loop.dead:
                continue
            if self.turns > until:
                raise Spinning(f"{loop.name} goes round and round at {self.now:.3f} s")
            if loop is not current:
                _set_running_loop(loop)
                current = loop
            self.turns += 1
            if context is None:
                callback(*arguments)
            else:
                context.run(callback, *arguments)
        _set_running_loop(None)


class _Turn(list[Any]):
    """One callback: [loop, callback, arguments, a task's context or None]; empty: cancelled.

    As much of asyncio.Handle as is asked of it. A list, since it is made as often as anything
    happens, and a list is made without a function of ours.
    """

    __slots__ = ()

    cancel = list.clear

    def cancelled(self) -> bool:
        return not self


class ProcessLoop(asyncio.AbstractEventLoop):
    """The loop of one life of one process; what it lacks, a simulated process must not do.

    Made by `process_loop`.
    """

    def __init__(self, scheduler: Scheduler, name: str) -> None:
        self.scheduler = scheduler
        self.name = name
        self.dead = False
        self._soon = scheduler.ready.append

    def time(self) -> float:
        return self.scheduler.now

    get_debug = staticmethod(bool)
    """False. Every future asks at its birth, and this is no function of ours to be called."""

    def is_running(self) -> bool:
        return not self.dead

    def is_closed(self) -> bool:
        return self.dead

    def call_soon(  # type: ignore[override]
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> _Turn:
        turn = _Turn((self, callback, args, context))
        if not self.dead:
            self._soon(turn)
        return turn

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> _Turn:
        turn = _Turn((self, callback, args, context))
        if not self.dead:
            scheduler = self.scheduler
            scheduler.order += 1
            heapq.heappush(scheduler.timers, (when, scheduler.order, turn))
        return turn

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> _Turn:
        turn = _Turn((self, callback, args, context))
        if not self.dead:
            # Not by way of the function above: half of all turns are timers.
            scheduler = self.scheduler
            scheduler.order += 1
            heapq.heappush(scheduler.timers, (scheduler.now + delay, scheduler.order, turn))
        return turn

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override, unused-ignore]  # Typed otherwise before Python 3.12.
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[T]:
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if self.dead:
            return  # Nobody is there to be told.
        said = str(context.get("message", ""))
        self.scheduler.broken.append((self.name, context.get("exception"), said))

    async def wait(self, seconds: float) -> None:
        """Return when `seconds` have passed; at once, but after everybody else, for none."""
        woken = self.create_future()
        if seconds <= 0:
            turn = self.call_soon(_wake, woken)
        else:
            turn = self.call_later(seconds, _wake, woken)
        try:
            await woken
        finally:
            turn.cancel()

    def kill(self) -> None:
        """End the process this moment, wherever it is."""
        self.dead = True

    def bury(self) -> None:
        """Let go of what a dead process held.

        Its threads and links are dead as well: what its coroutines do on their way out reaches
        nobody, and what they raise is not heard.
        """
        said, sys.unraisablehook = sys.unraisablehook, lambda _unraisable: None
        try:
            self._close_all()
            gc.collect(0)
        finally:
            sys.unraisablehook = said

    def _close_all(self) -> None:
        for task in sorted(asyncio.all_tasks(self), key=lambda one: one.get_name()):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
            coroutine = task.get_coro()
            if coroutine is not None:  # None: an eager task of Python 3.12 that ended at once.
                with suppress(BaseException):
                    coroutine.close()


def aside(work: Callable[P, T]) -> Callable[P, T]:
    """Let a function run as in a process that has no loop: Django asks who is running."""

    @wraps(work)
    def done(*args: P.args, **kwargs: P.kwargs) -> T:
        running = _get_running_loop()
        _set_running_loop(None)
        try:
            return work(*args, **kwargs)
        finally:
            _set_running_loop(running)

    return done


def process_loop(scheduler: Scheduler, name: str) -> ProcessLoop:
    """Return a loop for one life of a process."""
    return ProcessLoop(scheduler, name)  # type: ignore[abstract]


def _wake(woken: asyncio.Future[Any]) -> None:
    if not woken.done():
        woken.set_result(None)
