"""The claims part of the light central: its rules are central's, its tables are dictionaries.

What `central.claims` does between the rules is repeated here; the test that holds both centrals
against each other has a venue whose ledger of claims is central, too.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from central.core.papers import Step
from gatehouse.simulation.centrals.keys import sealed
from gatehouse.simulation.centrals.ledger import Ledger
from gatehouse.simulation.centrals.office import Office
from rules import claim as rules
from rules import term as terms
from rules.claim import Held, Standing, merged
from rules.exchange import Use
from rules.term import SETTLING_SECONDS
from rules.use import Outcome
from wire import claim as wire
from wire.claim import Ask, Claim, FromLedger, GiveBack, Kind, Taken
from wire.delivery import Hello
from wire.signed import Purpose
from wire.topic import Topics

ASK_AGAIN_SECONDS, LOOK_SECONDS = 5.0, 1.0
PAPERS = {
    Step.RESERVED: Outcome.RESERVED,
    Step.PRINTED: Outcome.RESERVED,
    Step.CONFIRMED: Outcome.RESERVED,
    Step.UNKNOWN: Outcome.UNCERTAIN,
    Step.EXCHANGED: Outcome.PASSED,
    Step.REISSUED: Outcome.PASSED,
}
USES = "SELECT device_id, admission, person, outcome, cti, checkpoint, generation, wall_ms"
Message = tuple[str, bytes]
Name = tuple[bytes, bytes]
"""(device, admission)"""


@dataclass(slots=True)
class Granted:
    """What is in the database of claims."""

    claims: dict[tuple[bytes, bytes, int], Held] = field(default_factory=dict)
    term: int = 0
    seen: set[bytes] = field(default_factory=set)
    """Devices that have ever said anything."""

    def copy(self) -> "Granted":
        return Granted(dict(self.claims), self.term, set(self.seen))


class Claims:
    """`now()` is the time that passes, `wall()` the time of day."""

    def __init__(
        self,
        topics: Topics,
        ledger: Ledger,
        office: Office,
        identities: list[str],
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.granted = Granted()
        self._topics, self._ledger, self._office = topics, ledger, office
        self._ids = [bytes.fromhex(one) for one in identities]
        self._now, self._wall = now, wall
        self.begin()

    def begin(self) -> None:
        """Another life of ingest begins."""
        self._term = terms.Term(0)
        self._begun = False
        self._waiting: dict[Name, float] = {}
        self._looked_at = 0.0

    # As central.claims.answering.

    def take(self, device: int, payload: bytes) -> list[Message]:
        """Answer what a device says; raise WireError."""
        word, name = wire.read_said(payload), self._id(device)
        self._begin()
        own, wall = self._own(device, word.admission), int(self._wall())
        match word:
            case Claim(kind=Kind.ENTRY):
                term = terms.only(self._term, self.granted.seen)
                standing = Standing(term.number, term.firm(self._now()))
                told, records = rules.answer(word, name, self._right(word.cti), own, standing, wall)
                self._put(records)
                return self._told(told)
            case GiveBack(admission=admission):
                self._put(rules.given_back(admission, name, own, wall))
                self._waiting.pop((name, admission), None)
                return self._told(Taken(name, admission))
            case _:
                return []

    def hears(self, device: int) -> None:
        """A device has said anything but a claim."""
        self.granted.seen.add(self._id(device))

    def hello(self, device: int, hello: Hello, here: dict[bytes, int]) -> None:
        """A device says how far its journal goes."""
        self._begin()
        name, tops = self._id(device), {one.epoch: one.top for one in hello.epochs}
        if name not in self._term.roster:
            self._term = terms.joined(self._term, (name,))
        self._term = terms.hello(self._term, name, tops, here)

    def reached(self, device: int, epoch: bytes, upto: int) -> None:
        self._term = terms.reached(self._term, self._id(device), epoch, upto)

    def ask(self) -> list[Message]:
        """Return the questions that are due to holders of claims."""
        now = self._now()
        if not self._begun or now - self._looked_at < LOOK_SECONDS:
            return []
        self._looked_at = now
        unheard = self.unheard()
        asked_at = {name: self._waiting.get(name, now + SETTLING_SECONDS) for name in unheard}
        due = [name for name, at in asked_at.items() if at <= now]
        self._waiting = asked_at | dict.fromkeys(due, now + ASK_AGAIN_SECONDS)
        return [answer for name in due for answer in self._told(Ask(*name))]

    def _begin(self) -> None:
        if self._begun:
            return
        roster = self.granted.seen
        self._term = terms.begin(self.granted.term, self._wall(), self._now(), roster)
        self.granted.term, self._begun = self._term.number, True

    def _told(self, word: FromLedger) -> list[Message]:
        envelope = sealed(wire.write(word), Purpose.CLAIM)
        return [(self._topics.claim_answer(word.device.hex()), envelope)]

    # As central.claims.knowing.

    def claimed(self, cti: bytes) -> tuple[Use, ...]:
        """Return what was claimed of a right and no row speaks of yet, whoever asks for a paper."""
        held = (one for one in self.granted.claims.values() if one.cti == cti)
        found = (one for one in held if not self._spoken(one.device, one.admission))
        return tuple(Use(one.outcome, float(one.wall)) for one in found)

    def unheard(self) -> list[Name]:
        """Return the (device, admission)s that were granted and not heard of since."""
        named = {
            (one.device, one.admission): None
            for one in self.granted.claims.values()
            if one.outcome is Outcome.RESERVED
        }
        return sorted(name for name in named if not self._spoken(*name))

    def _right(self, cti: bytes) -> tuple[Held, ...]:
        found = self._ledger.query(f"{USES} FROM ledger_use WHERE cti = ?", (cti,))
        claims = (one for one in self.granted.claims.values() if one.cti == cti)
        papers = [
            (name, row)
            for name, row in self._office.books.papers.items()
            if row.cti == cti and row.step in PAPERS
        ]
        return (
            *(self._used(*use) for use in found),
            *(one for one in claims if not self._spoken(one.device, one.admission)),
            *(
                Held(
                    *(self._id(device), paper, 1, PAPERS[row.step], True),
                    kind=Kind.EXCHANGE,
                    generation=row.generation,
                    wall=row.wall_ms // 1000 or row.granted_at,
                )
                for (device, paper), row in papers
            ),
        )

    def _own(self, device: int, admission: bytes) -> tuple[Held, ...]:
        asked = f"{USES} FROM ledger_use WHERE device_id = ? AND admission = ?"
        uses = [self._used(*one) for one in self._ledger.query(asked, (device, admission))]
        name = (self._id(device), admission)
        claims = self.granted.claims.items()
        return tuple(uses or (held for key, held in claims if key[:2] == name))

    def _put(self, records: Iterable[Held]) -> None:
        claims = self.granted.claims
        for one in records:
            name = (one.device, one.admission, one.person)
            claims[name] = merged(claims[name], one) if name in claims else one

    def _used(
        self,
        device: int,
        admission: bytes,
        person: int,
        outcome: int,
        cti: bytes | None,
        checkpoint: str | None,
        generation: int | None,
        wall_ms: int,
    ) -> Held:
        about = (cti or b"", checkpoint or "", Kind.ENTRY, "", generation or 0, wall_ms // 1000)
        return Held(self._id(device), admission, person, Outcome(outcome), True, *about)

    def _spoken(self, device: bytes, admission: bytes) -> bool:
        number = self._ids.index(device) + 1
        asked = "SELECT 1 FROM ledger_use WHERE device_id = ? AND admission = ? LIMIT 1"
        return bool(self._ledger.query(asked, (number, admission)))

    def _id(self, device: int) -> bytes:
        return self._ids[device - 1]
