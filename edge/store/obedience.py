"""Orders from central, as sync passes them on: verified here, and answered in the journal.

The answer and its counter are committed in one transaction, and only then is anything done: what
could not be written is not obeyed. Sync is believed in nothing; it only carries the bytes.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from edge.core import obedience, strays
from edge.core.obedience import Addressed, Situation
from edge.core.strays import Stray, Strays, TurnedAway
from edge.runtime.clock import Clock
from edge.runtime.intercom import Ordered
from edge.store.journal import JournalUnwritable, Transaction
from wire.codec import WireError
from wire.command import Order
from wire.event import CommandAnswered, Stamp
from wire.signed import Purpose, Untrusted

log = logging.getLogger("orders")

T = TypeVar("T")
Unseal = Callable[[bytes, Purpose], Awaitable[bytes]]
"""Returns what central sealed; raises Untrusted, or WireError if it is no envelope."""


class Desk(Protocol):
    async def commit(self, work: Callable[[Transaction, Stamp], T]) -> T:
        """Run `work` in a transaction of its own, stamped now; raise JournalUnwritable."""
        ...


async def read(ordered: Ordered, device: bytes, unseal: Unseal) -> Order | Addressed | Stray:
    """Return the order in what sync passed on, or as much of it as we understand."""
    if ordered.retained:
        return Stray.RETAINED
    if len(ordered.envelope) > obedience.ORDER_BYTES_MAX:
        return Stray.UNREADABLE
    try:
        payload = await unseal(ordered.envelope, Purpose.COMMAND)
    except Untrusted:
        return Stray.FORGED
    except WireError:
        return Stray.UNREADABLE
    return obedience.read(payload, device)


class Obedience:
    """Everything but the commits runs on the event loop."""

    def __init__(self, device: bytes, desk: Desk, unseal: Unseal, clock: Clock) -> None:
        self._device = device
        self._desk = desk
        self._unseal = unseal
        self._clock = clock
        self._strays = Strays()

    async def hear(
        self, ordered: Ordered, situation: Callable[[Order | Addressed], Situation]
    ) -> tuple[Order, Situation, CommandAnswered] | None:
        """Answer one order, whatever it is; return what is to be obeyed now, if anything."""
        order = await read(ordered, self._device, self._unseal)
        if isinstance(order, Stray):
            await self._turn_away(None, order)
            return None
        found = situation(order)
        answer = await self._answer(order, found)
        if isinstance(answer, Stray):
            await self._turn_away(order, answer)
        elif answer is not None and answer.done and isinstance(order, Order):
            log.info("obeying order %d of %s: %s", answer.counter, answer.by, answer.order)
            return order, found, answer
        elif answer is not None:
            log.warning("order %d refused: %s: %s", answer.counter, answer.order, answer.why)
        return None

    async def look_after(self) -> None:
        """Write what strangers sent in the minute that is over."""
        self._strays, rows = strays.close(self._strays, self._clock.now().uptime)
        if rows:
            await self._write(rows)

    async def note(self, stray: Stray, row: TurnedAway) -> None:
        """Write down what was turned away, or count it with its like."""
        self._strays, first = strays.add(self._strays, stray, row, self._clock.now().uptime)
        if first:
            await self._write([first])

    async def _answer(
        self, order: Order | Addressed, situation: Situation
    ) -> CommandAnswered | Stray | None:
        """Commit the answer; None: it could not be written, and nothing is done."""

        def commit(transaction: Transaction, stamp: Stamp) -> CommandAnswered | Stray:
            answer = obedience.judge(order, transaction.answered(), situation)
            if isinstance(answer, CommandAnswered):
                transaction.append(answer, stamp)
            return answer

        try:
            return await self._desk.commit(commit)
        except JournalUnwritable as unwritable:
            log.error("order %d not obeyed, nothing can be recorded: %s", order.counter, unwritable)
            return None

    async def _turn_away(self, order: Order | Addressed | None, stray: Stray) -> None:
        answered = await self._highest()
        await self.note(stray, obedience.turned_away(order, stray, answered))

    async def _highest(self) -> int:
        try:
            return await self._desk.commit(lambda transaction, _: transaction.answered())
        except JournalUnwritable:
            return 0

    async def _write(self, rows: list[TurnedAway]) -> None:
        def commit(transaction: Transaction, stamp: Stamp) -> None:
            if transaction.room_for_refusals:
                for row in rows:
                    transaction.append(row, stamp)

        for row in rows:
            log.warning("turned away: %s", row.why)
        try:
            await self._desk.commit(commit)
        except JournalUnwritable as unwritable:
            log.error("what was turned away is not written: %s", unwritable)
