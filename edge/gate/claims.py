"""The gate's side of claims: asks before a right is used, and gives back what it leaves."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from edge.core.claiming import PATIENCE_SECONDS, Claimed, Policy
from edge.core.decision import Decision
from edge.gate.config import ZoneConfig
from edge.runtime.clock import Clock
from edge.runtime.intercom import Word
from edge.store.claimant import Claimant
from edge.store.journal import JournalUnwritable, Transaction
from wire.claim import Claim, Denied, GiveBack, Kind
from wire.event import Stamp
from wire.signed import Purpose

GIVEN_BACK_MAX = 1000
"""Repeated until the ledger has taken them; beyond, it asks by itself."""
SAID_AGAIN_MAX = 50
"""At once."""

Judged = Callable[[Claimed | None], Awaitable[Decision | Claim]]


class Claiming(Protocol):
    """What a desk needs of claims."""

    @property
    def term(self) -> int:
        """The highest term of a ledger that was heard of."""

    async def before(self, judged: Judged) -> Decision:
        """Return what `judged` decides, having claimed what it wants to be claimed."""

    def configure(self, zone: ZoneConfig) -> None: ...


class Committing(Protocol):
    """What this needs of a desk (edge/gate/desk.py)."""

    async def commit(self, work: Callable[[Transaction, Stamp], bool]) -> bool: ...

    async def unseal(self, envelope: bytes, purpose: Purpose) -> bytes: ...


class NobodyAsked:
    """Where there is nobody to ask: every claim is unanswered."""

    term = 0

    def __init__(self) -> None:
        self._policy = Policy.CONSISTENT

    async def before(self, judged: Judged) -> Decision:
        decision = await judged(None)
        if isinstance(decision, Claim):
            decision = await judged(Claimed(decision, self._policy))
        assert isinstance(decision, Decision)
        return decision

    def configure(self, zone: ZoneConfig) -> None:
        self._policy = zone.claims


class Claims(Claimant):
    kind = Kind.ENTRY

    def __init__(
        self,
        device: bytes,
        desk: Committing,
        zone: ZoneConfig,
        clock: Clock,
        tell: Callable[[Word], None],
        connected: Callable[[], bool] = lambda: True,
        forgets: Callable[[], bool] = lambda: False,
    ) -> None:
        """`tell` says a word to sync; `connected()`: whether it is there.

        `forgets()`: the journal of this device was lost, so what is not in it may have been used.
        """
        super().__init__(device, desk.unseal, clock, tell, connected)
        self._desk = desk
        self._forgets = forgets
        self._given_back: dict[bytes, None] = {}
        """In the order they were; not yet taken."""
        self.configure(zone)

    def configure(self, zone: ZoneConfig) -> None:
        """Go by these settings from now on."""
        self._policy = zone.claims
        self._key = bytes.fromhex(zone.claims_key)

    async def before(self, judged: Judged) -> Decision:
        """Return what `judged` decides, having claimed what it wants to be claimed."""
        claim = await judged(None)
        if isinstance(claim, Decision):
            return claim
        there = self.reachable
        answer = await self.ask(claim, PATIENCE_SECONDS[self._policy]) if there else None
        decision = await judged(Claimed(claim, self._policy, answer))
        assert isinstance(decision, Decision)
        if there and not decision.events and not isinstance(answer, Denied):
            # Not used after all, whatever the ledger says or has yet to say.
            self._give_back(claim.admission)
        return decision

    def look_after(self) -> None:
        """Say again what was given back and not taken yet; to be called every second or so."""
        for admission in list(self._given_back)[:SAID_AGAIN_MAX]:
            self.say(GiveBack(admission))

    async def in_journal(self, name: bytes) -> bool | None:
        """Whether it was used here; None where nobody can tell."""
        try:
            return await self._desk.commit(lambda journal, _: journal.knows(name))
        except JournalUnwritable:
            return None

    async def late(self, name: bytes) -> None:
        """Give back what nobody goes by."""
        if name not in self._given_back and await self.in_journal(name) is False:
            self._give_back(name)

    async def unheard(self, name: bytes) -> None:
        """It was not used here; but a journal that was lost cannot know."""
        if not self._forgets():
            self._give_back(name)

    def taken(self, name: bytes) -> None:
        """Say it no more."""
        self._given_back.pop(name, None)

    def _give_back(self, admission: bytes) -> None:
        self._given_back[admission] = None
        while len(self._given_back) > GIVEN_BACK_MAX:
            del self._given_back[next(iter(self._given_back))]
        self.say(GiveBack(admission))
