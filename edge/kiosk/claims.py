"""A kiosk claims a right at the venue's hub before it prints, whoever signs the paper.

So two kiosks that have both lost central print one paper of a ticket, and what somebody is
entering with gets none. Where there is no hub, or it does not answer in time, the kiosk goes on as
it would without: central's grant, or what the venue chose for that. What is granted and not
printed is given back by the journal's row, which the hub hears like any other; what no row will
ever tell of (the kiosk died in between), it is asked for.
"""

from collections.abc import Callable

from msgspec.structs import replace

from edge.core import exchange
from edge.kiosk.desk import Desk
from edge.runtime.clock import Clock
from edge.runtime.intercom import ClaimTold, LedgerThere, Word
from edge.store.claimant import Claimant, Unseal
from edge.store.journal import JournalUnwritable
from wire.claim import Claim, Denied, Granted, Kind

PATIENCE_SECONDS = 1.0
"""A hub in the same house answers in milliseconds, or hangs."""


class Claims(Claimant):
    kind = Kind.EXCHANGE

    def __init__(
        self,
        device: bytes,
        desk: Desk,
        unseal: Unseal,
        clock: Clock,
        tell: Callable[[Word], None],
        key: str = "",
        connected: Callable[[], bool] = lambda: True,
    ) -> None:
        """`tell` says a word to sync; `connected()`: whether it is there. `key`: the hub's."""
        super().__init__(device, unseal, clock, tell, connected)
        self.configure(key)
        self._desk = desk
        self.under_way = b""
        """The paper that is being had now: its row may not be there yet."""

    @property
    def asks(self) -> bool:
        """Whether there is a hub, and a way to it."""
        return bool(self._key) and self.reachable

    async def before(self, claim: Claim) -> Granted | Denied | None:
        """Return the hub's answer; None: it goes on without one."""
        if not self.asks:
            return None
        self.under_way = claim.admission
        return await self.ask(replace(claim, term=self.term), PATIENCE_SECONDS)

    def configure(self, key: str) -> None:
        """Believe this hub from now on; none, and nobody is asked."""
        self._key = bytes.fromhex(key)

    async def told(self, word: Word) -> None:
        """Take what sync says of the hub, or has from it."""
        match word:
            case ClaimTold():
                await self.hear(word)
            case LedgerThere(there):
                self.there = there
            case _:
                pass

    async def in_journal(self, name: bytes) -> bool | None:
        """Whether that paper was begun here; None where nobody can tell, or not yet."""
        if name == self.under_way:
            return None
        try:
            return await self._desk.commit(lambda journal, _: journal.knows_paper(name))
        except JournalUnwritable:
            return None

    async def late(self, name: bytes) -> None:
        """Whoever stopped waiting has it in the journal already, or will."""

    async def unheard(self, name: bytes) -> None:
        """Say in the journal what became of it: nothing, or, where that was lost, nobody knows."""
        await self._desk.record(exchange.lost(name, self._desk.without_memory))

    def taken(self, name: bytes) -> None:
        """Nothing is given back by a word: rows say it."""
