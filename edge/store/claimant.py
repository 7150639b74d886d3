"""A device's side of claims: asks the ledger, waits so long, and says what became of a claim.

Sync carries the words and is believed in nothing: an answer is the ledger's, by its signature, or
none. A missing sync is an unanswered claim. Everything here runs on the event loop, but for the
looks into the journal.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

from edge.core.claiming import AGAIN_SECONDS
from edge.runtime.clock import Clock
from edge.runtime.intercom import ClaimSaid, ClaimTold, Word
from wire import claim as wire
from wire.claim import Ask, Claim, Denied, FromDevice, Granted, Kind, Mine, Taken
from wire.codec import WireError
from wire.signed import Purpose, unsealed_by

log = logging.getLogger("claims")

ENVELOPE_BYTES_MAX = 4096

Unseal = Callable[[bytes, Purpose], Awaitable[bytes]]
"""Returns what central sealed; raises WireError."""


class Claimant(ABC):
    """Of one daemon, which claims rights for one kind of use."""

    kind: Kind

    def __init__(
        self,
        device: bytes,
        unseal: Unseal,
        clock: Clock,
        tell: Callable[[Word], None],
        connected: Callable[[], bool],
    ) -> None:
        """`tell` says a word to sync; `connected()`: whether it is there."""
        self._device = device
        self._unseal = unseal
        self._clock = clock
        self._tell = tell
        self._connected = connected
        self._waiting: dict[bytes, asyncio.Future[Granted | Denied]] = {}
        self._key = b""
        """The hub's, where there is one; else central answers."""
        self.there = False
        """Whether the way to the ledger is open, as sync says."""
        self.term = 0
        """The highest of a ledger that was heard of."""

    @abstractmethod
    async def in_journal(self, name: bytes) -> bool | None:
        """Whether what was claimed under `name` was used here; None where nobody can tell."""

    @abstractmethod
    async def late(self, name: bytes) -> None:
        """`name` was granted when nobody waited for it any more."""

    @abstractmethod
    async def unheard(self, name: bytes) -> None:
        """The ledger asks about `name`, of which the journal knows nothing."""

    @abstractmethod
    def taken(self, name: bytes) -> None:
        """The ledger has heard that `name` is not used."""

    async def hear(self, told: ClaimTold) -> None:
        """What sync brought: the ledger's word, or somebody's who says it is."""
        try:
            word = wire.read_told(await self._unsealed(told.envelope), self._device)
        except WireError as error:
            log.warning("not the ledger's word: %s", error)
            return
        match word:
            case Denied():
                await self._answered(word)
            case Granted(kind=kind) if kind is self.kind:
                await self._answered(word)
            case Taken(admission=name):
                self.taken(name)
            case Ask(admission=name, kind=kind) if kind is self.kind:
                await self._asked(name)
            case _:
                pass  # Another daemon's.

    async def ask(self, claim: Claim, seconds: float) -> Granted | Denied | None:
        """Return the ledger's answer; None: there was none within `seconds`."""
        answered: asyncio.Future[Granted | Denied] = asyncio.get_running_loop().create_future()
        self._waiting[claim.admission] = answered
        until = self._clock.now().uptime + seconds
        try:
            while not answered.done() and (left := until - self._clock.now().uptime) > 0:
                self.say(claim)
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

    def say(self, word: FromDevice) -> None:
        """Say it to the ledger, if the way there is open."""
        self._tell(ClaimSaid(wire.write(word)))

    @property
    def reachable(self) -> bool:
        """Whether there is any use in asking."""
        return self.there and self._connected()

    async def _answered(self, word: Granted | Denied) -> None:
        if word.term < self.term:
            log.warning("an answer of term %d, which is over", word.term)
            return
        self.term = word.term
        waiting = self._waiting.get(word.admission)
        if waiting is not None:
            if not waiting.done():
                waiting.set_result(word)
        elif isinstance(word, Granted):
            await self.late(word.admission)

    async def _asked(self, name: bytes) -> None:
        if name in self._waiting:
            return  # It is asked again.
        here = await self.in_journal(name)
        if here:
            self.say(Mine(name))
        elif here is False:
            await self.unheard(name)

    async def _unsealed(self, envelope: bytes) -> bytes:
        if len(envelope) > ENVELOPE_BYTES_MAX:
            raise WireError(f"{len(envelope)} bytes")
        if self._key:
            return unsealed_by(envelope, Purpose.CLAIM, self._key)
        return await self._unseal(envelope, Purpose.CLAIM)
