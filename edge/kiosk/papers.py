"""Turns one ticket into one paper: reserve, print, confirm, commit, each durable before the next.

One at a time. A process that ends in the middle leaves rows that the next start ends
(edge/core/exchange.py); whatever happens, nothing is printed a second time.
"""

import asyncio
import logging
from collections.abc import Callable

from edge.core import exchange
from edge.core.exchange import Paper
from edge.core.print_job import Result
from edge.core.visit_terms import Became, Papered, Print, Refusal
from edge.drivers.interfaces import Printer
from edge.kiosk.alone import HANDLE, Alone
from edge.kiosk.desk import Desk
from edge.kiosk.questions import Questions
from edge.kiosk.sheets import Sheets
from edge.runtime.clock import Clock
from edge.store.journal import JournalUnwritable
from paper.sheet import Sheet
from wire.event import AnyEvent
from wire.exchange import (
    Answered,
    AskKeys,
    AskOpen,
    Denied,
    Granted,
    KeysWanted,
    Offer,
    OpenPapers,
    Reserve,
)
from wire.paper import PAPER_BYTES, PaperGivenBack, PaperUnknown, Sort
from wire.reason import Reason

log = logging.getLogger("kiosk.papers")

RESERVE_SECONDS = 8.0
SETTLE_AGAIN_SECONDS = 15.0
KEYS_AGAIN_SECONDS = 60.0


class Papers:
    def __init__(
        self,
        desk: Desk,
        questions: Questions,
        printer: Printer,
        sheets: Sheets,
        clock: Clock,
        draw: Callable[[int], bytes],
        take_seconds: float,
        alone: Alone | None = None,
    ) -> None:
        """`alone`: what exchanges while central is away, where the venue chose that."""
        self.alone = alone
        self._desk = desk
        self._questions = questions
        self._printer = printer
        self._sheets = sheets
        self._clock = clock
        self._draw = draw
        self._take_seconds = take_seconds
        self._one = asyncio.Lock()

    def configure(self, sheets: Sheets, alone: Alone | None) -> None:
        """Print like this from now on; to be called while nobody is at the kiosk."""
        self._sheets, self.alone = sheets, alone

    async def exchange(self, asked: Print) -> Papered:
        """Have one paper printed; return what became of it."""
        async with self._one:
            return await self._exchange(asked)

    async def _exchange(self, asked: Print) -> Papered:
        name = self._draw(PAPER_BYTES)
        told = Reserve(name, asked.offer.handle, asked.sort, asked.by, asked.why)
        if self.alone and told.handle.startswith(HANDLE):
            # Staff decide with all that central knows; a kiosk by itself does not.
            by_staff = asked.sort is not Sort.EXCHANGE
            answer: Answered | None = (
                Denied(Reason.NO_NETWORK) if by_staff else await self.alone.grant(name, told.handle)
            )
        else:
            answer = await self._questions.ask(told, RESERVE_SECONDS)
        match answer:
            case Granted(paper=granted) if granted == name:
                return await self._granted(asked, answer)
            case Denied():
                refusal = Refusal(answer.reason, answer.since, answer.where, answer.wait_seconds)
                return Papered(Became.DENIED, refusal)
            case _:
                # Central may have granted it all the same: it hears that it is not wanted.
                await self._desk.record(PaperGivenBack(paper=name, why="no-answer"))
                return Papered(Became.DENIED, Refusal(Reason.NO_NETWORK))

    async def test(self, by: str) -> Papered:
        """Print a test; it needs nobody's leave, and is in the books like any other paper."""
        paper = Paper(self._draw(PAPER_BYTES), Sort.TEST, by=by)
        async with self._one:
            return await self._print(paper, self._sheets.test(by))

    async def receipt(self, offers: tuple[Offer, ...], language: str) -> Papered:
        """Print a receipt for tickets that came out; it opens nothing, and nobody is asked."""
        paper = Paper(self._draw(PAPER_BYTES), Sort.RECEIPT)
        async with self._one:
            return await self._print(paper, self._sheets.receipt(offers, language))

    async def settle(self) -> None:
        """Ask central, once it can be reached, what it thinks is open here; nothing of it is.

        What the journal does not know of was never printed; where it was lost, nobody knows.
        """
        while True:
            async with self._one:
                answer = await self._questions.ask(AskOpen(), RESERVE_SECONDS)
                if isinstance(answer, OpenPapers) and await self._ended(answer.papers):
                    return
            await self._clock.wait(SETTLE_AGAIN_SECONDS)

    async def keep_keys(self) -> None:
        """Have the keys by which this kiosk may exchange alone, as central allows them."""
        while True:
            if alone := self.alone:
                held = await alone.publics()
                answer = await self._questions.ask(AskKeys(held), RESERVE_SECONDS)
                if isinstance(answer, KeysWanted) and await alone.make(answer.events):
                    continue  # To be published at once.
            await self._clock.wait(KEYS_AGAIN_SECONDS)

    async def _ended(self, papers: tuple[bytes, ...]) -> bool:
        try:
            unheard = await self._desk.unheard(papers)
        except JournalUnwritable as unwritable:
            log.error("what central thinks is open is asked again: %s", unwritable)
            return False
        await self._desk.record(*map(self._lost, unheard))
        return True

    def _lost(self, name: bytes) -> AnyEvent:
        if self._desk.without_memory:
            return PaperUnknown(paper=name, why="journal lost")
        return PaperGivenBack(paper=name, why="interrupted")

    async def _granted(self, asked: Print, granted: Granted) -> Papered:
        offer: Offer = asked.offer
        paper = Paper(
            granted.paper,
            asked.sort,
            offer.cti,
            granted.generation,
            by=asked.by,
            why=asked.why,
        )
        return await self._print(paper, self._sheets.ticket(offer, granted, asked))

    async def _print(self, paper: Paper, sheet: Sheet) -> Papered:
        try:
            await self._desk.write(exchange.reserved(paper))
        except JournalUnwritable as unwritable:
            log.error("nothing is printed: %s", unwritable)
            await self._desk.record(PaperGivenBack(paper=paper.paper, why="no-record"))
            return Papered(Became.DENIED, Refusal(Reason.NO_RECORD))
        result: Result = await self._printer.print(sheet)
        events, became = exchange.printed(paper, result)
        await self._desk.record(*events)
        if became is not Became.DONE:
            log.error("paper %s: %s (%s)", paper.paper.hex(), became.value, result)
            return Papered(became)
        if await self._printer.taken(self._take_seconds) is False:
            await self._desk.record(exchange.retracted(paper))
            return Papered(Became.RETRACTED)
        await self._desk.record(exchange.committed(paper))
        return Papered(Became.DONE)
