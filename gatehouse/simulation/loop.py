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
        self._ready: deque[_Turn] = deque()
        self._timers: list[tuple[float, int, _Timer]] = []
        self._order = 0
        self.world = process_loop(self, "world")
        """What runs in no process: people, the network, faults."""

    def soon(self, turn: "_Turn") -> None:
        self._ready.append(turn)

    def at(self, timer: "_Timer") -> None:
        self._order += 1
        heapq.heappush(self._timers, (timer.due, self._order, timer))

    def run_until(self, end: float) -> None:
        """Let everything happen that happens by `end`."""
        before = _get_running_loop()
        try:
            while True:
                self._run_ready()
                if not self._timers or self._timers[0][0] > end:
                    break
                due, _, timer = heapq.heappop(self._timers)
                if timer.gone or timer.loop.dead:
                    continue
                if due > self.now:
                    self.now, self._moved = due, self.turns
                self._ready.append(timer)
            self.now, self._moved = max(self.now, end), self.turns
        finally:
            _set_running_loop(before)

    def _run_ready(self) -> None:
        ready, current, until = self._ready, None, self._moved + SPINNING_TURNS
        while ready:
            if self.turns > until:
                raise Spinning(f"{ready[0].loop.name} goes round and round at {self.now:.3f} s")
            turn = ready.popleft()
            loop = turn.loop
            if turn.gone or loop.dead:
                continue
            if loop is not current:
                _set_running_loop(loop)
                current = loop
            self.turns += 1
            if (context := turn.context) is None:
                turn.callback(*turn.arguments)
            else:
                context.run(turn.callback, *turn.arguments)
        _set_running_loop(None)


class _Turn:
    """One callback; as much of asyncio.Handle as is asked of it."""

    __slots__ = ("arguments", "callback", "context", "gone", "loop")

    def __init__(
        self,
        loop: "ProcessLoop",
        callback: Callable[..., object],
        arguments: tuple[Any, ...],
        context: contextvars.Context | None,
    ) -> None:
        self.loop, self.callback, self.arguments = loop, callback, arguments
        self.context = context
        """Of a task its own; nothing else here has one."""
        self.gone = False

    def cancel(self) -> None:
        self.gone = True

    def cancelled(self) -> bool:
        return self.gone


class _Timer(_Turn):
    __slots__ = ("due",)

    def __init__(
        self,
        due: float,
        loop: "ProcessLoop",
        callback: Callable[..., object],
        arguments: tuple[Any, ...],
        context: contextvars.Context | None,
    ) -> None:
        # Not by way of the class above: half of all turns are timers.
        self.loop, self.callback, self.arguments = loop, callback, arguments
        self.context, self.gone, self.due = context, False, due

    def when(self) -> float:
        return self.due


class ProcessLoop(asyncio.AbstractEventLoop):
    """The loop of one life of one process; what it lacks, a simulated process must not do.

    Made by `process_loop`.
    """

    def __init__(self, scheduler: Scheduler, name: str) -> None:
        self.scheduler = scheduler
        self.name = name
        self.dead = False

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
        turn = _Turn(self, callback, args, context)
        if not self.dead:
            self.scheduler.soon(turn)
        return turn

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> _Timer:
        timer = _Timer(when, self, callback, args, context)
        if not self.dead:
            self.scheduler.at(timer)
        return timer

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> _Timer:
        timer = _Timer(self.scheduler.now + delay, self, callback, args, context)
        if not self.dead:
            self.scheduler.at(timer)
        return timer

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
