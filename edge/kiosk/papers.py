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
from edge.kiosk.claims import Claims
from edge.kiosk.desk import LANE, Desk
from edge.kiosk.questions import Questions
from edge.kiosk.sheets import Sheets
from edge.runtime.clock import Clock
from edge.runtime.intercom import Word
from edge.store.journal import JournalUnwritable
from paper.sheet import Sheet
from wire.claim import Claim, Kind
from wire.claim import Denied as Refused
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
from wire.paper import PAPER_BYTES, PaperGivenBack, Sort
from wire.reason import Reason

log = logging.getLogger("kiosk.papers")

RESERVE_SECONDS = 8.0
SETTLE_AGAIN_SECONDS = 15.0
KEYS_AGAIN_SECONDS = 60.0
SYNC_AGAIN_SECONDS = 0.3
"""A question that nobody carries would be waited for in vain, and visitors behind it."""


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
        claims: Claims | None = None,
    ) -> None:
        """`alone`: what exchanges while central is away, where the venue chose that.

        `claims`: the way to the venue's hub, where there may be one.
        """
        self.alone = alone
        self.claims = claims
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
            try:
                return await self._exchange(asked)
            finally:
                if self.claims:
                    self.claims.under_way = b""

    async def _exchange(self, asked: Print) -> Papered:
        name = self._draw(PAPER_BYTES)
        alone = self.alone if asked.offer.handle.startswith(HANDLE) else None
        answer = await (self._by_itself(alone, name, asked) if alone else self._asked(name, asked))
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

    async def _asked(self, name: bytes, asked: Print) -> Answered | None:
        """Return central's answer, and the hub's, where central grants a visitor's paper."""
        try:
            own = await self._desk.papers_of(asked.offer.cti)
        except JournalUnwritable as unwritable:
            log.error("nothing is asked for: %s", unwritable)
            return Denied(Reason.NO_RECORD)
        held = tuple((one.generation, one.held.value) for one in own)
        told = Reserve(name, asked.offer.handle, asked.sort, asked.by, asked.why, held)
        answer = await self._questions.ask(told, RESERVE_SECONDS)
        # What staff have printed anew is for them to judge.
        if not isinstance(answer, Granted) or asked.sort is not Sort.EXCHANGE or not self.claims:
            return answer
        claimed = await self.claims.before(
            Claim(
                *(name, asked.offer.cti, "", 1),
                generation=answer.least,
                kind=Kind.EXCHANGE,
                lane=LANE,
                undone=answer.undone,
                paper=answer.generation,
                signed=True,
            )
        )
        if isinstance(claimed, Refused):
            await self._desk.record(PaperGivenBack(paper=name, why="hub"))
            return _denied(claimed)
        return answer

    async def _by_itself(self, alone: Alone, name: bytes, asked: Print) -> Granted | Denied:
        """Return what the hub lets this kiosk sign, or, where there is none, what it may."""
        if asked.sort is not Sort.EXCHANGE:
            # Staff decide with all that central knows; a kiosk by itself does not.
            return Denied(Reason.NO_NETWORK)
        wanted = await alone.claim(name, asked.offer.handle)
        if isinstance(wanted, Denied):
            return wanted
        asks = self.claims is not None and self.claims.asks
        claimed = await self.claims.before(wanted) if self.claims else None
        if isinstance(claimed, Refused):
            return _denied(claimed)
        generation = claimed.generation if claimed else 0
        granted = await alone.grant(name, asked.offer.handle, generation)
        if asks and isinstance(granted, Denied):
            await self._desk.record(PaperGivenBack(paper=name, why="not-signed"))
        return granted

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

    async def told(self, word: Word) -> None:
        """Sync says something; what is not of claims is a gate's, or of a newer sync."""
        if self.claims:
            await self.claims.told(word)

    async def settle(self) -> None:
        """Ask central, once it can be reached, what it thinks is open here; nothing of it is.

        What the journal does not know of was never printed; where it was lost, nobody knows.
        """
        while True:
            await self._sync_there()
            async with self._one:
                answer = await self._questions.ask(AskOpen(), RESERVE_SECONDS)
                if isinstance(answer, OpenPapers) and await self._ended(answer.papers):
                    return
            await self._clock.wait(SETTLE_AGAIN_SECONDS)

    async def keep_keys(self) -> None:
        """Have the keys by which this kiosk may exchange alone, as central allows them."""
        while True:
            if alone := self.alone:
                await self._sync_there()
                held = await alone.publics()
                answer = await self._questions.ask(AskKeys(held), RESERVE_SECONDS)
                if isinstance(answer, KeysWanted) and await alone.make(answer.events):
                    continue  # To be published at once.
            await self._clock.wait(KEYS_AGAIN_SECONDS)

    async def _sync_there(self) -> None:
        while not self._questions.connected():
            await self._clock.wait(SYNC_AGAIN_SECONDS)

    async def _ended(self, papers: tuple[bytes, ...]) -> bool:
        try:
            unheard = await self._desk.unheard(papers)
        except JournalUnwritable as unwritable:
            log.error("what central thinks is open is asked again: %s", unwritable)
            return False
        forgot = self._desk.without_memory
        await self._desk.record(*(exchange.lost(name, forgot) for name in unheard))
        return True

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


def _denied(said: Refused) -> Denied:
    """Return a hub's no as central would say it."""
    return Denied(said.reason, None if said.since is None else float(said.since), said.where)
