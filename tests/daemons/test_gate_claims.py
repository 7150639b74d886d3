"""Claims at the gate: asked before a right is used, waited for so long, given back if left."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace

from edge.core.claiming import Policy
from edge.gate.claims import Claims
from edge.gate.config import LaneConfig, ZoneConfig
from edge.runtime.clock import settle
from edge.runtime.intercom import ClaimSaid, ClaimTold, Word
from rules.claim import Standing
from tests.daemons.test_gate import Stage, device, gate, lists, text
from tests.device import DEVICE, ticket
from tests.small_ledger import SURE, SmallLedger
from tests.trusted import key, sealed
from wire.claim import Ask, Claim, FromDevice, GiveBack, Granted, Mine, Taken, read_said, write
from wire.event import Abandoned, AnyEvent, Authorised, Direction, Passed, Refused, Rung
from wire.reason import Reason
from wire.signed import Purpose, seal

__all__ = ["device", "lists"]

OTHER = b"device-2"
KEY = key("hub")


@dataclass
class Asking:
    """A gate whose zone claims rights, sync and a ledger beside it."""

    stage: Stage
    ledger: SmallLedger
    forgets: bool = False
    answers: bool = True
    said: list[FromDevice] = field(default_factory=list)
    waiting: list[bytes] = field(default_factory=list)
    rows_when_asked: list[list[str]] = field(default_factory=list)

    def carry(self, word: Word) -> None:
        """Sync: what a daemon says to the ledger, and back."""
        assert isinstance(word, ClaimSaid)
        self.said.append(read_said(word.payload))
        self.rows_when_asked.append(self.stage.kinds())
        answer = self.ledger.hear(DEVICE, word.payload)
        if answer:
            self.waiting.append(answer)
            if self.answers:
                asyncio.get_running_loop().call_soon(self._bring)

    def _bring(self) -> None:
        waiting, self.waiting = self.waiting, []
        for envelope in waiting:
            self.brought.append(asyncio.ensure_future(self.claims.hear(ClaimTold(envelope))))

    brought: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def claims(self) -> Claims:
        assert self.stage.desk
        assert isinstance(self.stage.desk.claims, Claims)
        return self.stage.desk.claims

    async def tell(self, envelope: bytes) -> None:
        await self.claims.hear(ClaimTold(envelope))
        await settle()

    async def bring(self) -> None:
        """What the ledger answered comes now."""
        self._bring()
        await settle()

    def used_elsewhere(self, number: int) -> None:
        claim = Claim(b"elsewhere---", ticket(number).cti, "hall", 1, lane="B1")
        self.ledger.claim(claim, OTHER)

    def last(self, kind: type[AnyEvent]) -> AnyEvent:
        return [one for one in self.stage.events() if isinstance(one, kind)][-1]

    @property
    def opened(self) -> int:
        return len(self.stage.relay.pulses)


@asynccontextmanager
async def asking(
    folder: Path,
    policy: Policy,
    claims_key: str = "",
    standing: Standing = SURE,
    lane: LaneConfig | None = None,
) -> AsyncIterator[Asking]:
    zone = ZoneConfig(checkpoint="hall", claims=policy, claims_key=claims_key)
    async with gate(folder, lane, zone=zone) as stage:
        assert stage.desk
        one = Asking(stage, SmallLedger(standing, {OTHER: "Gate 2"}))
        stage.desk.claims = Claims(
            *(DEVICE, stage.desk, zone, stage.clock, one.carry),
            forgets=lambda: one.forgets,
        )
        one.claims.there = True
        yield one


def play(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(story())  # type: ignore[arg-type]


@pytest.mark.parametrize("policy", [Policy.HYBRID, Policy.CONSISTENT])
def test_a_right_is_claimed_then_committed_then_the_gate_opens(
    device: Path, policy: Policy
) -> None:
    async def story() -> None:
        async with asking(device, policy) as one:
            await one.stage.show(1)
            assert one.opened == 1
            (claim,) = one.said
            assert isinstance(claim, Claim)
            assert (claim.allowed, claim.quantity, claim.checkpoint) == (1, 1, "hall")
            assert one.rows_when_asked == [[]], "nothing is committed before it is granted"
            row = one.last(Authorised)
            assert isinstance(row, Authorised)
            assert (row.admission, row.term, row.unanswered) == (claim.admission, 7, False)

    play(story)


def test_a_zone_that_claims_nothing_asks_nobody(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.AVAILABLE) as one:
            await one.stage.show(1)
            assert (one.opened, one.said) == (1, [])

    play(story)


def test_a_ticket_that_the_gate_refuses_by_itself_is_not_claimed(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.CONSISTENT) as one:
            await one.stage.show(99)
            await one.stage.show(b"no ticket at all")
            assert (one.opened, one.said) == (0, [])
            assert one.stage.kinds() == ["refused", "refused"]

    play(story)


def test_a_double_is_told_where_it_is_being_used_and_then_when_it_was(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.HYBRID) as one:
            one.used_elsewhere(1)
            await one.stage.show(1)
            assert one.stage.title == "In use at Gate 2"
            row = Authorised(
                lane="B1",
                admission=b"elsewhere---",
                scan=b"",
                cti=ticket(1).cti,
                checkpoint="hall",
                quantity=1,
                direction=Direction.ENTRY,
                generation=0,
                rung=Rung.FRESH,
                list_sequence=0,
            )
            one.ledger.wall = 1_780_000_000
            one.ledger.row(row, OTHER)
            one.ledger.row(Passed(admission=b"elsewhere---", person=1), OTHER)
            await one.stage.clock.advance(5)
            await one.stage.show(1)
            assert one.stage.title == "Used 05-28 20:26 Gate 2"
            assert one.opened == 0
            refused = one.last(Refused)
            assert isinstance(refused, Refused)
            assert refused.reason is Reason.USED

    play(story)


def test_hybrid_waits_so_long_and_then_goes_on_and_says_so(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.HYBRID) as one:
            one.answers = False
            await one.stage.show(1)
            await one.stage.clock.advance(0.14)
            assert one.opened == 0
            await one.stage.clock.advance(0.02)
            assert one.opened == 1
            row = one.last(Authorised)
            assert isinstance(row, Authorised)
            assert (row.term, row.unanswered) == (0, True)
            await one.bring()
            assert not any(isinstance(word, GiveBack) for word in one.said), "it is in use"

    play(story)


def test_consistent_lets_nobody_in_without_an_answer_and_says_what_to_do(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.CONSISTENT) as one:
            one.answers = False
            await one.stage.show(1)
            await one.stage.clock.advance(1.0)
            assert one.opened == 0
            await one.stage.clock.advance(1.1)
            shown = one.stage.panel.shown[-1]
            assert (shown.title.zh, shown.title.en) == (
                "暂时无法核验此票",
                "Cannot be checked right now",
            )
            assert one.opened == 0
            claims = [word for word in one.said if isinstance(word, Claim)]
            assert len(claims) == 4, "said again while it waits"
            assert len({word.admission for word in claims}) == 1

    play(story)


def test_what_comes_too_late_is_given_back_until_it_is_taken(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.CONSISTENT) as one:
            one.answers = False
            await one.stage.show(1)
            await one.stage.clock.advance(2.1)
            first = one.said[-1]
            assert isinstance(first, GiveBack)
            one.claims.look_after()
            one.claims.look_after()
            assert one.said[-2:] == [first, first]
            await one.bring()
            one.claims.look_after()
            assert one.said.count(first) == 3, "taken, and not said again"
            assert all(not held.counts for held in one.ledger.records.values())

    play(story)


def test_a_late_grant_that_nobody_goes_by_is_given_back(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.CONSISTENT) as one:
            granted = Granted(DEVICE, b"never-asked-", 7)
            await one.tell(sealed(write(granted), Purpose.CLAIM))
            assert one.said == [GiveBack(b"never-asked-")]

    play(story)


@pytest.mark.parametrize(("policy", "opened"), [(Policy.HYBRID, 1), (Policy.CONSISTENT, 0)])
def test_a_grant_that_is_not_firm_is_enough_for_hybrid_alone(
    device: Path, policy: Policy, opened: int
) -> None:
    async def story() -> None:
        async with asking(device, policy, standing=Standing(7, firm=False)) as one:
            await one.stage.show(1)
            assert one.opened == opened
            assert one.ledger.records == {} or all(
                held.counts == bool(opened) for held in one.ledger.records.values()
            )

    play(story)


@pytest.mark.parametrize(("policy", "opened"), [(Policy.HYBRID, 1), (Policy.CONSISTENT, 0)])
def test_without_sync_a_claim_is_unanswered_at_once(
    device: Path, policy: Policy, opened: int
) -> None:
    async def story() -> None:
        async with asking(device, policy) as one:
            one.claims.there = False
            await one.stage.show(1)
            assert (one.opened, one.said) == (opened, [])

    play(story)


FORGERIES: dict[str, Callable[[Granted], bytes]] = {
    "another key": lambda told: seal(write(told), Purpose.CLAIM, key("stranger")),
    "another purpose": lambda told: sealed(write(told), Purpose.COMMAND),
    "another device": lambda told: sealed(write(replace(told, device=OTHER)), Purpose.CLAIM),
    "another claim": lambda told: sealed(write(replace(told, admission=b"x" * 12)), Purpose.CLAIM),
    "an earlier term": lambda told: sealed(write(replace(told, term=6)), Purpose.CLAIM),
    "nobody": write,
    "rubbish": lambda _: b"\xff" * 50,
    "too much": lambda _: b"\xff" * 100_000,
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_replayed_or_outdated_grant_opens_nothing(device: Path, forgery: str) -> None:
    async def story() -> None:
        async with asking(device, Policy.CONSISTENT) as one:
            await one.stage.show(2)
            assert one.opened == 1, "and the term is known"
            await one.stage.walk()
            await one.stage.clock.advance(3)
            one.answers = False
            await one.stage.show(1)
            claim = one.said[-1]
            assert isinstance(claim, Claim)
            await one.tell(FORGERIES[forgery](Granted(DEVICE, claim.admission, 7)))
            assert one.opened == 1
            await one.tell(sealed(write(Granted(DEVICE, claim.admission, 7)), Purpose.CLAIM))
            assert one.opened == 2, "the real one would have"

    play(story)


def test_where_there_is_a_hub_its_key_is_believed_and_no_other(device: Path) -> None:
    async def story() -> None:
        public = KEY.public_key().public_bytes_raw().hex()
        async with asking(device, Policy.CONSISTENT, public) as one:
            one.answers = False
            await one.stage.show(1)
            claim = one.said[-1]
            granted = write(Granted(DEVICE, claim.admission, 7))
            await one.tell(sealed(granted, Purpose.CLAIM))
            assert one.opened == 0
            await one.tell(seal(granted, Purpose.CLAIM, KEY))
            assert one.opened == 1

    play(story)


def test_a_hub_that_grants_everything_opens_no_more_than_the_gate_would_alone(
    device: Path,
) -> None:
    async def story() -> None:
        async with asking(device, Policy.CONSISTENT) as one:
            one.ledger.claim = lambda asked, device: Granted(device, asked.admission, 9, 50)  # type: ignore[method-assign]
            await one.stage.show(1)
            assert one.opened == 1
            row = one.last(Authorised)
            assert isinstance(row, Authorised)
            assert row.quantity == 1
            await one.stage.walk()
            await one.stage.clock.advance(3)
            await one.stage.show(1)
            assert one.stage.title.startswith("Used")
            await one.stage.show(99)
            assert one.opened == 1

    play(story)


def test_asked_what_became_of_a_claim_the_journal_answers(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.HYBRID) as one:
            await one.stage.show(1)
            mine = one.said[-1].admission
            for admission in (mine, b"unheard-of--"):
                await one.tell(sealed(write(Ask(DEVICE, admission)), Purpose.CLAIM))
            assert one.said[-2:] == [Mine(mine), GiveBack(b"unheard-of--")]

    play(story)


def test_a_gate_that_has_lost_its_journal_does_not_say_that_it_used_nothing(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.HYBRID) as one:
            one.forgets = True
            await one.tell(sealed(write(Ask(DEVICE, b"unheard-of--")), Purpose.CLAIM))
            assert one.said == []

    play(story)


def test_asked_while_it_waits_for_the_answer_it_says_nothing_yet(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.CONSISTENT) as one:
            one.answers = False
            await one.stage.show(1)
            said = len(one.said)
            ask = Ask(DEVICE, one.said[-1].admission)
            await one.tell(sealed(write(ask), Purpose.CLAIM))
            assert len(one.said) == said

    play(story)


def test_whom_nobody_let_through_may_come_again(device: Path) -> None:
    """The ledger has not heard the row yet, and goes by the gate's own word."""

    async def story() -> None:
        async with asking(device, Policy.CONSISTENT) as one:
            await one.stage.show(1)
            await one.stage.clock.advance(6.5)
            assert isinstance(one.last(Abandoned), Abandoned)
            await one.stage.show(1)
            assert one.opened == 2

    play(story)


def test_a_group_enters_with_as_many_as_the_ledger_has_left(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.CONSISTENT) as one:
            claim = Claim(b"elsewhere---", ticket(3).cti, "hall", 4, 3, lane="B1")
            one.ledger.claim(claim, OTHER)
            await one.stage.show(text(3, quantity=4))
            row = one.last(Authorised)
            assert isinstance(row, Authorised)
            assert row.quantity == 1

    play(story)


def test_taken_is_no_answer_to_a_claim(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.CONSISTENT) as one:
            one.answers = False
            await one.stage.show(1)
            admission = one.said[-1].admission
            await one.tell(sealed(write(Taken(DEVICE, admission)), Purpose.CLAIM))
            assert one.opened == 0

    play(story)
