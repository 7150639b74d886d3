"""Lets a crowd come to a gate: they show what they brought, read the display, and walk or not.

What a visitor knows is what the display says and whether the arm gives way. The player counts
what they saw, to be held against what the gate wrote.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from edge.core import notice
from gatehouse.demo.stand import LaneStand
from simulators.crowd import EXPECTED, Does, Shows, Visitor
from simulators.turnstile import Coil

LOOK_SECONDS = 0.02
PATIENCE_SECONDS = 30.0
"""After which a visitor without any answer gives up, and the books say so."""
MARGIN_SECONDS = 1.0
"""What a gate waits beyond the turnstile's own window."""


class Answer(Enum):
    GO = "go"
    WAIT = "wait"
    REFUSED = "refused"


@dataclass(slots=True)
class Seen:
    """What the crowd saw, in persons."""

    presented: int = 0
    waited: int = 0
    surprises: list[str] = field(default_factory=list)
    shown: Counter[str] = field(default_factory=Counter)


class Player:
    def __init__(self, entry: LaneStand, way_out: LaneStand, pace: float) -> None:
        self._entry = entry
        self._way_out = way_out
        self._pace = pace
        self.seen = Seen()
        self._walking: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[str]] = set()

    async def play(self, crowd: Sequence[Visitor], progress: Callable[[int], None]) -> None:
        """Let them all come and go; return when the last is through and the lane is at rest."""
        before: Visitor | None = None
        for done, visitor in enumerate(crowd):
            progress(done)
            await asyncio.sleep(visitor.gap_seconds / self._pace)
            await self._entry.left()
            patient = not visitor.impatient or before is None or before.shows is Shows.GROUP
            if patient and self._walking:
                await self._walking
            await self._come(visitor)
            before = visitor
        if self._walking:
            await self._walking
        await asyncio.gather(*self._leaving)
        await asyncio.sleep(self._entry.board.window_seconds + MARGIN_SECONDS + 0.5)
        progress(len(crowd))

    async def _come(self, visitor: Visitor) -> None:
        previous = self._walking
        answer = await self._show(visitor)
        while answer is Answer.WAIT:
            self.seen.waited += 1
            if previous:
                await previous
            answer = await self._show(visitor)
        if answer is None:
            self.seen.surprises.append(f"visitor {visitor.number} ({visitor.shows}): no answer")
            return
        self.seen.presented += visitor.quantity
        self.seen.shown[visitor.shows.value] += 1
        expected = Answer.REFUSED if visitor.shows in EXPECTED else Answer.GO
        if answer is not expected:
            said = " / ".join(self._entry.display.words)
            self.seen.surprises.append(
                f"visitor {visitor.number} ({visitor.shows}): {answer.value}, display: {said}"
            )
        if previous:
            await previous
        if answer is Answer.GO:
            self._walking = asyncio.create_task(self._behave(visitor))

    async def _show(self, visitor: Visitor) -> Answer | None:
        pages = self._entry.display.pages
        await self._entry.scan(visitor.code)
        for _ in range(int(PATIENCE_SECONDS / LOOK_SECONDS)):
            await asyncio.sleep(LOOK_SECONDS)
            if self._entry.display.pages == pages:
                continue
            pages = self._entry.display.pages
            answer = _read(self._entry.display.words)
            if answer:
                return answer
        return None

    async def _behave(self, visitor: Visitor) -> None:
        board = self._entry.board
        await asyncio.sleep(0.4 / self._pace)
        match visitor.does:
            case Does.WALKS:
                for _ in range(visitor.quantity):
                    await self._until_open()
                    await board.walk_through(seconds=1.2)
                self._leave_later(visitor)
            case Does.IS_FOLLOWED:
                await board.walk_two()
            case Does.BACKS_OUT:
                await board.back_out()
                await self._until_given_up()
            case Does.CHANGES_MIND:
                await self._until_given_up()
            case Does.COMES_LATE:
                await asyncio.sleep(max(board.window_seconds - 0.4 / self._pace - 0.3, 0.0))
                # In the arm when it would have closed, through when the gate has given up.
                await board.walk_through(seconds=(MARGIN_SECONDS + 1.2) * self._pace)

    async def _until_open(self) -> None:
        for _ in range(int(PATIENCE_SECONDS / LOOK_SECONDS)):
            if self._entry.board.is_open(Coil.ENTRY):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _until_given_up(self) -> None:
        await asyncio.sleep(self._entry.board.window_seconds + MARGIN_SECONDS + 0.3)

    def _leave_later(self, visitor: Visitor) -> None:
        if visitor.number % 3 == 0:
            leaving = asyncio.create_task(self._leave())
            self._leaving.add(leaving)

    async def _leave(self) -> str:
        await asyncio.sleep(6.0 / self._pace)
        return await self._way_out.walk()


def _read(words: list[str]) -> Answer | None:
    """Return what the display's English title says; None for what is no answer to a code."""
    title = words[1]
    if title in ("", notice.IDLE.title.en):
        return None
    if title == notice.PLEASE_WAIT.title.en:
        return Answer.WAIT
    return Answer.GO if title.startswith(notice.go(1).title.en) else Answer.REFUSED
