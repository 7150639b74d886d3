"""The exchange part of the light central: its rules are central's, its tables are dictionaries.

What `central.exchange` does between the rules is repeated here; the test that holds both centrals
against each other has kiosks too.
"""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from msgspec import structs

from central.core import lockout
from central.core.lockout import Tries
from central.core.papers import STEP_OF, Step
from gatehouse.simulation.centrals.central import DELEGATED_FROM, DELEGATED_UNTIL
from gatehouse.simulation.centrals.tickets import (
    AUDIENCE,
    KIND_NAME,
    ROTATION_KEY,
    SHOW_NAME,
    VENUE_NAME,
    Issued,
    Pool,
)
from rules import exchange
from rules.exchange import Facts, Grant, Held
from rules.ticket_class import EventRecord, TicketClass
from wire import delegated, event, rotating
from wire import paper as wire
from wire import ticket as gh1
from wire.entry import Standing
from wire.event import AnyEvent, Stamp
from wire.exchange import (
    Answered,
    Asked,
    AskKeys,
    AskOpen,
    Denied,
    FindCode,
    FindIdentity,
    FindOrder,
    Found,
    Granted,
    KeysWanted,
    Offer,
    OpenPapers,
    Reserve,
)
from wire.key import KID_BYTES_MAX, PUBLIC_BYTES, KeyRecord, KeyRing, Role, Status
from wire.paper import PaperEvent, Sort
from wire.reason import Reason
from wire.row import Unknown

STEPS_APART_MAX = 2
CURRENCY = "¥"
OUT = (Step.EXCHANGED, Step.REISSUED)
OPEN = (Step.RESERVED, Step.PRINTED)
HELD = {
    Step.RESERVED: Held.RESERVED,
    Step.GIVEN_BACK: Held.GIVEN_BACK,
    Step.PRINTED: Held.RESERVED,
    Step.CONFIRMED: Held.EXCHANGED,
    Step.UNKNOWN: Held.UNKNOWN,
    Step.EXCHANGED: Held.EXCHANGED,
    Step.REISSUED: Held.REISSUED,
    Step.RETRACTED: Held.RETRACTED,
}
Name = tuple[int, bytes]
"""(device, paper)"""


@dataclass(frozen=True, slots=True)
class Right:
    standing: Standing = Standing.GOOD
    generation: int = 0
    given: int = 0
    """The highest that a paper was ever given."""
    code: int = 0
    """Of the code that phones show."""

    @property
    def following(self) -> int:
        return max(self.generation, self.given) + 1


@dataclass(frozen=True, slots=True)
class PaperRow:
    cti: bytes
    sort: Sort
    generation: int
    step: Step
    granted_at: int = 0
    wall_ms: int = 0
    seen: bool = False


@dataclass(slots=True)
class Books:
    """What is in the database besides the ledger and the list."""

    rights: dict[bytes, Right] = field(default_factory=dict)
    papers: dict[Name, PaperRow] = field(default_factory=dict)
    tries: dict[str, Tries] = field(default_factory=dict)
    keys: dict[bytes, KeyRecord] = field(default_factory=dict)
    """Those that were delegated, by kid."""
    delegated: dict[int, bytes] = field(default_factory=dict)
    """Kiosk -> the kid of its key."""
    ended: set[int] = field(default_factory=set)
    """Kiosks whose leave was taken back."""

    def copy(self) -> "Books":
        known = (dict(self.rights), dict(self.papers), dict(self.tries))
        return Books(*known, dict(self.keys), dict(self.delegated), set(self.ended))

    def right(self, cti: bytes) -> Right:
        return self.rights.get(cti, Right())


class Office:
    """`uses(cti)` says what the ledger knows of a right's uses, in the order of their times."""

    def __init__(
        self, pool: Pool, kind: TicketClass, show: EventRecord, wall: Callable[[], float]
    ) -> None:
        self.books = Books()
        self.uses: Callable[[bytes], tuple[exchange.Use, ...]] = lambda _cti: ()
        self.publish: Callable[[Sequence[KeyRecord]], None] = lambda _records: None
        """Puts keys on the list."""
        self._pool, self._kind, self._show, self._wall = pool, kind, show, wall
        public = pool.key.public_key().public_bytes_raw()
        self._ring = KeyRing([KeyRecord(pool.kid, public)])

    def answer(self, device: int, asked: Asked) -> Answered:
        match asked:
            case FindCode(code):
                return self._by_code(device, code)
            case FindOrder(number, digits):
                return self._by_order(device, number, digits)
            case FindIdentity():
                return Denied(Reason.NO_SUCH_ORDER)  # Nobody's ID is known here.
            case Reserve():
                return self._reserve(device, asked)
            case AskOpen():
                names = [name for (_, name), row in self._papers(device) if row.step in OPEN]
                return OpenPapers(tuple(names))
            case AskKeys():
                return self.keys_of(device, asked, ())
            case _:
                assert_never(asked)

    # As central.exchange.delegating.

    def keys_of(self, device: int, asked: AskKeys, allowed: Sequence[int]) -> KeysWanted:
        """Publish what a kiosk holds, if it is one of those that have leave."""
        if device not in allowed or device in self.books.ended:
            return KeysWanted(())
        public, books = asked.held.get(AUDIENCE, b""), self.books
        before = books.keys.get(books.delegated.get(device, b""))
        if len(public) == PUBLIC_BYTES and (before is None or before.public != public):
            if before is not None:
                self._publish(structs.replace(before, status=Status.RETIRED))
            number = allowed.index(device) + 1
            kid = hashlib.sha256(public + number.to_bytes(8, "big")).digest()[:KID_BYTES_MAX]
            told = KeyRecord(kid, public, role=Role.EXCHANGE, audiences=(AUDIENCE,))
            hours = {"valid_from": DELEGATED_FROM, "valid_until": DELEGATED_UNTIL}
            books.delegated[device] = kid
            self._publish(structs.replace(told, **hours))
        return KeysWanted((AUDIENCE,))

    def revoke_key(self, device: int) -> None:
        books = self.books
        if device not in books.ended:
            books.ended.add(device)
            before = books.keys.get(books.delegated.get(device, b""))
            if before is not None:
                self._publish(structs.replace(before, status=Status.REVOKED))

    def _publish(self, record: KeyRecord) -> None:
        self.books.keys[record.kid] = record
        self.publish((record,))

    # As central.exchange.finding.

    def _by_code(self, device: int, data: bytes) -> Found | Denied:
        bare, code = data.strip(b" \t\r\n"), None
        if bare[: len(rotating.PREFIX)].upper() == rotating.PREFIX.encode():
            moving = rotating.read(bare)
            if isinstance(moving, Reason):
                return Denied(moving)
            bare, code = moving
        ring = KeyRing([*self._ring.records(), *self.books.keys.values()])
        by_itself = bare[: len(delegated.PREFIX)].upper() == delegated.PREFIX.encode()
        shown = delegated.verify(bare, ring) if by_itself else gh1.verify(bare, self._ring)
        if isinstance(shown, Reason):
            return Denied(shown)
        if shown.cti not in self._pool.rows:
            return Denied(Reason.UNKNOWN)
        refused = self._against_copy(shown, code)
        if refused:
            return Denied(refused)
        return Found((self._offer(self._pool.by_cti[shown.cti], device, shown.generation),))

    def _against_copy(self, shown: gh1.Ticket, code: rotating.MovingCode | None) -> Reason | None:
        if not shown.flags & gh1.FLAG_ROTATION_REQUIRED:
            return None
        if code is None:
            return Reason.STATIC_COPY
        if not rotating.genuine(code, shown.cti, ROTATION_KEY):
            return Reason.FORGED
        apart = abs(code.step - int(self._wall()) // rotating.STEP_SECONDS)
        return None if apart <= STEPS_APART_MAX else Reason.CODE_TOO_OLD

    def _by_order(self, device: int, number: str, digits: str) -> Found | Denied:
        number, now = number.strip().upper(), self._wall()
        subjects = (f"kiosk {device}", f"order {number}")
        tries = self.books.tries
        if wait := max(lockout.locked(tries.get(one, Tries()), now) for one in subjects):
            return Denied(Reason.TOO_MANY_TRIES, wait_seconds=wait)
        found = [
            one
            for one in self._pool.tickets
            if one.listed and one.order == number and one.digits == digits
        ]
        if not found:
            for one in subjects:
                tries[one] = lockout.failed(tries.get(one, Tries()), now)
            return Denied(Reason.NO_SUCH_ORDER)
        return Found(tuple(self._offer(one, device, None) for one in found))

    def _offer(self, issued: Issued, device: int, shown: int | None) -> Offer:
        answer = exchange.judge(self._facts(issued, device, shown), self._wall())
        refused = None if isinstance(answer, Grant) else answer
        return Offer(
            handle=f"{device} {issued.number} {'' if shown is None else shown}",
            cti=issued.cti,
            event=SHOW_NAME,
            kind=KIND_NAME,
            begins=issued.ticket.not_before,
            quantity=issued.quantity,
            currency=CURRENCY,
            order=issued.order,
            venue=VENUE_NAME,
            reason=refused.reason if refused else None,
            since=refused.since if refused else None,
            where=refused.where if refused else "",
        )

    def _facts(self, issued: Issued, device: int, shown: int | None) -> Facts:
        right = self.books.right(issued.cti)
        return Facts(
            standing=right.standing,
            generation=right.generation,
            given=right.given,
            closes=issued.ticket.expires,
            ticket_class=self._kind,
            event=self._show,
            shown=shown,
            uses=self.uses(issued.cti),
            papers=tuple(
                exchange.Paper(
                    HELD[row.step],
                    row.generation,
                    row.wall_ms / 1000 if row.wall_ms else float(row.granted_at),
                    f"gate {owner}",
                    owner == device,
                )
                for (owner, _), row in self.books.papers.items()
                if row.cti == issued.cti and row.step in HELD
            ),
        )

    # As central.exchange.granting.

    def _reserve(self, device: int, asked: Reserve) -> Granted | Denied:
        owner, number, told = asked.handle.split(" ")
        if int(owner) != device:
            return Denied(Reason.SEE_STAFF)
        issued, shown = self._pool.tickets[int(number)], int(told) if told else None
        before = self.books.papers.get((device, asked.paper))
        if before is not None:
            if before.cti != issued.cti or before.step is not Step.RESERVED:
                return Denied(Reason.SEE_STAFF)
            return self._granted(asked.paper, issued, before.generation)
        judge = exchange.judge_reissue if asked.sort is Sort.REISSUE else exchange.judge
        known = exchange.with_own(self._facts(issued, device, shown), asked.held)
        answer = judge(known, self._wall())
        if not isinstance(answer, Grant):
            return Denied(answer.reason, answer.since, answer.where)
        given = answer.generation
        self.books.rights[issued.cti] = replace(self.books.right(issued.cti), given=given)
        row = PaperRow(issued.cti, asked.sort, given, Step.RESERVED, int(self._wall()))
        self.books.papers[device, asked.paper] = row
        return self._granted(asked.paper, issued, given)

    def _granted(self, paper: bytes, issued: Issued, generation: int) -> Granted:
        return Granted(paper, self._pool.paper(issued, generation), generation)

    def _papers(self, device: int) -> list[tuple[Name, PaperRow]]:
        return [(name, row) for name, row in self.books.papers.items() if name[0] == device]

    # As central.exchange.noting.

    def note(self, device: int, happened: AnyEvent | Unknown, stamp: Stamp) -> set[bytes]:
        """Keep what a new row says; return the rights whose paper is out, or was seen."""
        match happened:
            case PaperEvent():
                return self._note(device, happened, stamp)
            case event.Authorised(generation=generation) if generation:
                return self._seen(happened.cti, generation)
            case _:
                return set()

    def _seen(self, cti: bytes, generation: int) -> set[bytes]:
        papers = self.books.papers
        seen = [
            name for name, row in papers.items() if row.cti == cti and row.generation == generation
        ]
        for name in seen:
            papers[name] = replace(papers[name], seen=True)
        return {cti} if seen else set()

    def _note(self, device: int, happened: PaperEvent, stamp: Stamp) -> set[bytes]:
        name, step = (device, happened.paper), STEP_OF[type(happened)]
        cti = getattr(happened, "cti", b"")
        cti = cti if cti in self._pool.rows else b""
        generation = getattr(happened, "generation", 0)
        sort = happened.sort if isinstance(happened, wire.PaperReserved) else Sort.EXCHANGE
        fresh = PaperRow(cti, sort, generation, step, wall_ms=stamp.wall_ms)
        row = self.books.papers.get(name, fresh)
        if not row.cti and cti:
            row = replace(row, cti=cti, generation=generation)
        if cti and generation > self.books.right(cti).given:
            self.books.rights[cti] = replace(self.books.right(cti), given=generation)
        if step >= row.step:
            row = replace(row, step=step, wall_ms=stamp.wall_ms)
        self.books.papers[name] = row
        return {row.cti} if row.cti and row.step in OUT else set()

    def raise_generations(self, rights: Collection[bytes]) -> None:
        for cti in rights:
            right = self.books.right(cti)
            out = [
                row.generation
                for row in self.books.papers.values()
                if row.cti == cti and (row.step in OUT or row.seen)
            ]
            if out and max(out) > right.generation:
                self.books.rights[cti] = replace(right, generation=max(out))
