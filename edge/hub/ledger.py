"""The hub's ledger: what devices say, many at once in one transaction, and what they are answered.

Used on the store's thread. What was committed is on disk before any of its answers goes out; where
it cannot be, nobody is answered.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.core import ranges
from edge.core.moment import Moment
from edge.core.ranges import Ranges
from edge.hub import reading
from edge.hub.reading import Said
from edge.store.claims import Books, ClaimsDamaged, ClaimStore, ClaimsUnwritable
from rules import claim as rules
from rules import term as terms
from rules.claim import Standing
from rules.term import ASK_AGAIN_SECONDS, SETTLING_SECONDS, Term
from wire import claim as wire
from wire.claim import Ask, Claim, FromLedger, GiveBack, Kind, Taken
from wire.codec import encode
from wire.delivery import Ack, Batch, Hello
from wire.signed import Purpose, seal
from wire.topic import Topics

log = logging.getLogger("hub.ledger")

ASK_SECONDS = SETTLING_SECONDS
"""After so long without a word of it, whoever holds a claim is asked what became of it."""
HELD_RANGES_MAX = 200
"""Holes in an epoch that are remembered; beyond, rows come again."""

Answer = tuple[str, bytes]
"""(topic, payload)"""


@dataclass(slots=True)
class _Group:
    """What one transaction holds, and what is true once it is committed."""

    term: Term
    answers: list[Answer] = field(default_factory=list)
    asked: dict[tuple[bytes, bytes], Ranges] = field(default_factory=dict)
    """(device, epoch)s that are to get an Ack, with the rows that came."""
    held: dict[tuple[bytes, bytes], Ranges] = field(default_factory=dict)
    granted: set[tuple[bytes, bytes, Kind]] = field(default_factory=set)
    over: set[tuple[bytes, bytes]] = field(default_factory=set)


class Ledger:
    def __init__(
        self,
        store: ClaimStore,
        key: Ed25519PrivateKey,
        topics: Topics,
        now: Moment,
        names: Mapping[bytes, str] | None,
    ) -> None:
        """`names`: of the devices of this venue, for people; None: whoever the broker lets in.

        Raise ClaimsUnwritable.
        """
        self._store = store
        self._key = key
        self._topics = topics
        self._open = names is None
        self._names = names or {}
        self._held: dict[tuple[bytes, bytes], Ranges] = {}
        """Rows that are here, by device and epoch; beyond the prefix in memory alone."""
        self._waiting: dict[tuple[bytes, bytes, Kind], float] = {}
        """Claims granted and not heard of: uptime at which the holder is asked."""
        self._term = self._begun(now)

    @property
    def term(self) -> Term:
        return self._term

    @property
    def open_claims(self) -> int:
        """How many were granted and not heard of since."""
        return len(self._waiting)

    def know(self, names: Mapping[bytes, str]) -> None:
        """These are the devices of the venue from now on, and no other is heard.

        Who was of it before is still to be heard, if it was not; who is new to this ledger may
        have used something without asking from its first word on.
        """
        known = self._term.roster & names.keys() if self._term.told else names
        self._term = terms.only(self._term, known)
        self._open, self._names = False, names

    def take(self, said: Iterable[Said], now: Moment) -> list[Answer]:
        """Commit what was said; return the answers. Raise ClaimsUnwritable: there are none."""
        group = _Group(self._term)
        heard = [one for one in said if self._open or one.device in self._names]

        def commit(books: Books) -> None:
            for one in heard:
                self._take(one, books, group, now)
            for (device, epoch), came in group.asked.items():
                self._advance(device, epoch, came, books, group)

        try:
            self._store.transact(commit)
        except ClaimsDamaged as error:
            log.error("%s; the claims are put aside and begun again", error)
            self._store.put_aside()
            self._held, self._waiting = {}, {}
            self._term = self._begun(now)
            return []
        self._term = group.term
        self._held |= group.held
        for name in group.granted:
            self._waiting.setdefault(name, now.uptime + ASK_SECONDS)
        if group.over:
            self._waiting = {
                name: due for name, due in self._waiting.items() if name[:2] not in group.over
            }
        return group.answers

    def ask(self, now: Moment) -> list[Answer]:
        """Return questions that are due to holders of claims, a few at a time."""
        asked = terms.to_ask(self._waiting, now.uptime)
        for name in asked:
            self._waiting[name] = now.uptime + ASK_AGAIN_SECONDS
        return [self._told(Ask(*name)) for name in asked]

    def _begun(self, now: Moment) -> Term:
        def begin(books: Books) -> tuple[Term, tuple[rules.Held, ...]]:
            roster = frozenset(self._names) or books.devices()
            made: list[Term] = []

            def number(previous: int) -> int:
                made.append(terms.begin(previous, now.wall, now.uptime, roster))
                return made[0].number

            books.begin(number, now.wall)
            return made[0], books.open()

        try:
            term, left = self._store.transact(begin)
        except ClaimsDamaged:
            self._store.put_aside()
            term, left = self._store.transact(begin)
        for one in left:
            self._waiting[one.device, one.admission, one.kind] = now.uptime + ASK_SECONDS
        log.info("term %d, %d devices to be heard", term.number, len(term.roster))
        return term

    def _take(self, said: Said, books: Books, group: _Group, now: Moment) -> None:
        device = said.device
        match said.word:
            case Claim():
                self._claim(said.word, device, books, group, now)
            case GiveBack(admission=admission):
                own = books.own(device, admission)
                books.put(rules.given_back(admission, device, own, int(now.wall)))
                group.over.add((device, admission))
                group.answers.append(self._told(Taken(device, admission)))
            case Hello():
                self._greet(said.word, device, books, group)
            case Batch():
                for body in said.word.rows:
                    self._hear(body, device, books, group)
                last = said.word.first + len(said.word.rows) - 1
                name = (device, said.word.epoch)
                came = ranges.span(said.word.first, last)
                group.asked[name] = ranges.union(group.asked.get(name, ()), came)
            case _:
                pass  # Its rows will say.

    def _claim(self, asked: Claim, device: bytes, books: Books, group: _Group, now: Moment) -> None:
        own, right = books.own(device, asked.admission), books.right(asked.cti)
        standing = Standing(group.term.number, group.term.firm(now.uptime))
        told, records = rules.answer(
            *(asked, device, right, own, standing, int(now.wall)), self._names
        )
        books.put(records)
        if records:
            group.granted.add((device, asked.admission, asked.kind))
        group.answers.append(self._told(told))

    def _hear(self, body: bytes, device: bytes, books: Books, group: _Group) -> None:
        found = reading.row(body)
        if found is None:
            return
        happened, stamp = found
        admission = rules.admission_of(happened)
        books.put(rules.heard(happened, stamp, device, books.own(device, admission)))
        group.over.add((device, admission))

    def _greet(self, hello: Hello, device: bytes, books: Books, group: _Group) -> None:
        here = books.heard(device)
        for epoch in hello.epochs:
            # Rows that were pruned can come no more; they are older than any claim.
            gone = ranges.span(1, epoch.first - 1)
            name = (device, epoch.epoch)
            group.asked[name] = ranges.union(group.asked.get(name, ()), gone)
            here[epoch.epoch] = max(here.get(epoch.epoch, 0), epoch.first - 1)
        tops = {epoch.epoch: epoch.top for epoch in hello.epochs}
        if device not in group.term.roster:
            group.term = terms.joined(group.term, (device,))
        group.term = terms.hello(group.term, device, tops, here)

    def _advance(
        self, device: bytes, epoch: bytes, came: Ranges, books: Books, group: _Group
    ) -> None:
        """Move the prefix of an epoch as far as it goes, and acknowledge it."""
        before = books.heard(device).get(epoch, 0)
        held = ranges.union(self._held.get((device, epoch), ()), came, ranges.span(1, before))
        upto = held[0][1] if held and held[0][0] == 1 else 0
        if upto != before:
            books.hear(device, epoch, upto)
        group.held[device, epoch] = held[:HELD_RANGES_MAX]
        group.term = terms.reached(group.term, device, epoch, upto)
        ack = Ack(epoch, upto)
        group.answers.append((self._topics.ack(device.hex()), encode(ack)))

    def _told(self, word: FromLedger) -> Answer:
        envelope = seal(wire.write(word), Purpose.CLAIM, self._key)
        return self._topics.claim_answer(word.device.hex()), envelope


__all__ = ["Answer", "ClaimsUnwritable", "Ledger"]
