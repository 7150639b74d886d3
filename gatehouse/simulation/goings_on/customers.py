"""People at a kiosk: each waits for the screen, does what the page asks, and takes what comes out.

They know nothing but what they see. What lies in the tray when they come they take as well.
"""

import asyncio
from collections.abc import Callable

from edge.core.visit_terms import Became, Page, Refusal, Visit
from gatehouse.simulation.books.papers import ticket_of
from gatehouse.simulation.centrals.tickets import Issued
from gatehouse.simulation.machines.kiosk import STAFF_CARD, Stand
from gatehouse.simulation.planned.plan_terms import Errand
from gatehouse.simulation.truth import Truth

PATIENCE_SECONDS = 75.0
STEPS_MAX = 60
DARK_SECONDS = 12.0
WHY = "jam"


class Customers:
    """`papers`: right -> the codes on paper that its holder has in hand, in the order they came."""

    def __init__(self, stands: list[Stand], truth: Truth) -> None:
        self.papers: dict[bytes, list[str]] = {}
        self.here = 0
        self.refused: Callable[[Errand, bytes | None, Refusal], None] = lambda *_: None
        """Is told of each no, with the right that was meant, where only one was."""
        self._stands = stands
        self._turns = [asyncio.Lock() for _ in stands]
        self._truth = truth

    async def visit(self, errand: Errand, issued: Issued, phone: Callable[[], bytes]) -> None:
        """Come, and go away again; `phone()` is what the phone shows at that moment."""
        self.here += 1
        try:
            async with self._turns[errand.kiosk]:
                stand = self._stands[errand.kiosk]
                self._truth.tell(f"customer {errand.number}", f"comes with ticket {issued.number}")
                self._truth.count("customers")
                self._take(stand)
                await _Visit(self, stand, errand, issued, phone).run()
                if not errand.leaves_at:
                    self._take(stand)
        finally:
            self.here -= 1

    def _take(self, stand: Stand) -> None:
        for piece in stand.take():
            self._truth.count("papers taken")
            for text in piece.codes:
                ticket = ticket_of(text)
                if ticket is not None:
                    self.papers.setdefault(ticket.cti, []).append(text)

    def count(self, what: str) -> None:
        self._truth.count(what)

    def take_from(self, stand: Stand) -> None:
        self._take(stand)


class _Visit:
    def __init__(
        self,
        customers: Customers,
        stand: Stand,
        errand: Errand,
        issued: Issued,
        phone: Callable[[], bytes],
    ) -> None:
        self._customers, self._stand, self._errand = customers, stand, errand
        self._issued, self._phone = issued, phone
        self._world = stand.scheduler.world
        self._began = False
        """Whether the kiosk knows by now who is there."""
        self._shown = False

    async def run(self) -> None:
        until = self._world.time() + PATIENCE_SECONDS
        for _ in range(STEPS_MAX):
            seen = self._stand.page
            if seen is not None and seen.value == self._errand.leaves_at:
                return
            acts = await self._ready(seen)
            if acts is None or self._world.time() > until:
                return
            if acts and self._stand.page is seen and self._act(seen):
                return
            if not acts or self._stand.page is seen:
                seconds = DARK_SECONDS if self._stand.page is None else 5.0
                if not await self._stand.change(seconds) and self._stand.page is None:
                    return

    async def _ready(self, page: Page | None) -> bool | None:
        """Take the time that a person takes; False: there is nothing to do here but to wait."""
        match page:
            case None | Page.LOOKING | Page.PRINTING | Page.PAUSED:
                if page is Page.PRINTING and self._stand.printer.held is not None:
                    self._customers.take_from(self._stand)
                return False
            case Page.OUT_OF_ORDER:
                return None
            case _:
                await self._world.wait(self._errand.pace_seconds)
                return True

    def _act(self, page: Page | None) -> bool:
        """Do what this page asks for; True: that was all."""
        stand, visit = self._stand, self._stand.visit
        assert visit is not None
        match page:
            case Page.ATTRACT | Page.IDENTIFY if not self._began:
                self._begin(page)
            case Page.ATTRACT:
                return True
            case Page.STAFF if not self._shown:
                self._shown = True
                stand.present(self._phone())
            case Page.STAFF_WHY:
                stand.touch("why", WHY)
            case Page.ORDER if not visit.typed and not self._shown:
                self._shown = self._began = True
                self._type()
            case Page.CHOOSE if self._began and visit.chosen:
                self._look_at(visit)
                stand.touch("next")
            case Page.CONFIRM if self._began:
                stand.touch("print")
            case Page.TAKE if self._began:
                self._count(visit)
                stand.touch("back")
                return True
            case Page.REFUSED if self._began:
                self._hear(visit)
                stand.touch("cancel")
                return True
            case _ if self._began:
                stand.touch("cancel")
                return True
            case _:
                stand.touch("cancel")  # Of whoever stood here before.
        return False

    def _begin(self, page: Page) -> None:
        if self._errand.staff:
            self._began = True
            self._stand.present(STAFF_CARD)
        elif not self._errand.by_order:
            self._began = True
            self._stand.present(self._phone())
        elif page is Page.ATTRACT:
            self._stand.touch("start")
        else:
            self._stand.touch("order")

    def _type(self) -> None:
        digits = self._issued.digits
        digits = f"{(int(digits) + 1) % 10_000:04d}" if self._errand.mistypes else digits
        order = (("key", key) for key in self._issued.order)
        last = (("key", key) for key in digits)
        self._stand.type(*order, ("field", "digits"), *last, ("submit", ""))

    def _look_at(self, visit: Visit) -> None:
        for offer in visit.offers:
            if offer.reason is not None:
                self._customers.refused(
                    self._errand, offer.cti, Refusal(offer.reason, offer.since, offer.where)
                )

    def _hear(self, visit: Visit) -> None:
        if visit.refusal is not None:
            cti = None if self._errand.by_order else self._issued.cti
            self._customers.refused(self._errand, cti, visit.refusal)

    def _count(self, visit: Visit) -> None:
        for one in visit.done:
            self._customers.count(f"paper {one.became.value}")
            if one.became is Became.DENIED and one.reason is not None:
                self._customers.refused(self._errand, one.offer.cti, Refusal(one.reason))
