"""The gate's side of claims: asks before a right is used, waits so long, gives back what it leaves.

Sync carries the words and is believed in nothing: an answer is the ledger's, by its signature, or
none. A missing sync is an unanswered claim. Everything here runs on the event loop, but for the
looks into the journal.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from edge.core.claiming import AGAIN_SECONDS, PATIENCE_SECONDS, Claimed, Policy
from edge.core.decision import Decision
from edge.gate.config import ZoneConfig
from edge.runtime.clock import Clock
from edge.runtime.intercom import ClaimSaid, ClaimTold, Word
from edge.store.journal import JournalUnwritable, Transaction
from wire import claim as wire
from wire.claim import Ask, Claim, Denied, FromDevice, GiveBack, Granted, Kind, Mine, Taken
from wire.codec import WireError
from wire.event import Stamp
from wire.signed import Purpose, unsealed_by

log = logging.getLogger("gate.claims")

ENVELOPE_BYTES_MAX = 4096
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


class Claims:
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
        self._device = device
        self._desk = desk
        self._clock = clock
        self._tell = tell
        self._connected = connected
        self._forgets = forgets
        self._waiting: dict[bytes, asyncio.Future[Granted | Denied]] = {}
        self._given_back: dict[bytes, None] = {}
        """In the order they were; not yet taken."""
        self.there = False
        """Whether the way to the ledger is open, as sync says."""
        self.term = 0
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
        there = self.there and self._connected()
        answer = await self._ask(claim) if there else None
        decision = await judged(Claimed(claim, self._policy, answer))
        assert isinstance(decision, Decision)
        if there and not decision.events and not isinstance(answer, Denied):
            # Not used after all, whatever the ledger says or has yet to say.
            self._give_back(claim.admission)
        return decision

    async def hear(self, told: ClaimTold) -> None:
        """What sync brought: the ledger's word, or somebody's who says it is."""
        try:
            word = wire.read_told(await self._unsealed(told.envelope), self._device)
        except WireError as error:
            log.warning("not the ledger's word: %s", error)
            return
        match word:
            case Denied() | Granted(kind=Kind.ENTRY):
                await self._answered(word)
            case Taken(admission=admission):
                self._given_back.pop(admission, None)
            case Ask(admission=admission, kind=Kind.ENTRY):
                await self._asked(admission)
            case _:
                pass  # A kiosk's.

    def look_after(self) -> None:
        """Say again what was given back and not taken yet; to be called every second or so."""
        for admission in list(self._given_back)[:SAID_AGAIN_MAX]:
            self._say(GiveBack(admission))

    async def _ask(self, claim: Claim) -> Granted | Denied | None:
        """Return the ledger's answer; None: there was none within the zone's patience."""
        answered: asyncio.Future[Granted | Denied] = asyncio.get_running_loop().create_future()
        self._waiting[claim.admission] = answered
        until = self._clock.now().uptime + PATIENCE_SECONDS[self._policy]
        try:
            while not answered.done() and (left := until - self._clock.now().uptime) > 0:
                self._say(claim)
                due = asyncio.ensure_future(self._clock.wait(min(left, AGAIN_SECONDS)))
                either: set[asyncio.Future[Any]] = {answered, due}
                try:
                    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    due.cancel()
        finally:
            del self._waiting[claim.admission]
        # Stopped for long on the way, this process may have missed that it was asked meanwhile.
        in_time = answered.done() and self._clock.now().uptime <= until
        return answered.result() if in_time else None

    async def _answered(self, word: Granted | Denied) -> None:
        if word.term < self.term:
            log.warning("an answer of term %d, which is over", word.term)
            return
        self.term = word.term
        waiting = self._waiting.get(word.admission)
        if waiting is not None:
            if not waiting.done():
                waiting.set_result(word)
        elif isinstance(word, Denied) or word.admission in self._given_back:
            return
        elif await self._in_journal(word.admission) is False:
            self._give_back(word.admission)

    async def _asked(self, admission: bytes) -> None:
        if admission in self._waiting:
            return  # It is asked again.
        here = await self._in_journal(admission)
        if here:
            self._say(Mine(admission))
        elif here is False and not self._forgets():
            self._give_back(admission)

    async def _in_journal(self, admission: bytes) -> bool | None:
        """Whether it was used here; None where nobody can tell."""
        try:
            return await self._desk.commit(lambda journal, _: journal.knows(admission))
        except JournalUnwritable:
            return None

    def _give_back(self, admission: bytes) -> None:
        self._given_back[admission] = None
        while len(self._given_back) > GIVEN_BACK_MAX:
            del self._given_back[next(iter(self._given_back))]
        self._say(GiveBack(admission))

    def _say(self, word: FromDevice) -> None:
        self._tell(ClaimSaid(wire.write(word)))

    async def _unsealed(self, envelope: bytes) -> bytes:
        if len(envelope) > ENVELOPE_BYTES_MAX:
            raise WireError(f"{len(envelope)} bytes")
        if self._key:
            return unsealed_by(envelope, Purpose.CLAIM, self._key)
        return await self._desk.unseal(envelope, Purpose.CLAIM)
