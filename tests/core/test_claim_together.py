"""Gates, one ledger, a bad network: a right is used no more often than it allows, whatever comes.

A gate here does what a zone that wants certainty does: it commits on a firm grant alone. Messages
are lost, doubled and reordered; gates and ledger lose their memory, the ledger also its disk.
"""

from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from rules import term as terms
from rules.claim import Held, Standing, answer, given_back, heard, merged
from rules.use import Outcome
from tests.device import stamp
from wire import event
from wire.claim import Ask, Claim, Denied, FromDevice, FromLedger, GiveBack, Granted, Mine, Name
from wire.event import Direction, Rung

GATES = (b"gate---1", b"gate---2", b"gate---3")
RIGHTS = {b"r" * 16: 1, b"s" * 16: 2, b"t" * 16: 4}
EPOCH = b"epoch--1"
OUTCOMES = (event.Passed, event.Abandoned, event.Uncertain)
RANKS = {
    event.Passed: Outcome.PASSED,
    event.Abandoned: Outcome.ABANDONED,
    event.Uncertain: Outcome.UNCERTAIN,
}
Row = event.Authorised | event.Passed | event.Abandoned | event.Uncertain


@dataclass
class Gate:
    device: bytes
    rows: list[Row] = field(default_factory=list)
    asking: Claim | None = None
    term: int = 0
    """The highest it has heard of in this life."""

    def uses(self, cti: bytes) -> dict[Name, Outcome]:
        mine = [row for row in self.rows if isinstance(row, event.Authorised) and row.cti == cti]
        found = {
            (row.admission, one): Outcome.RESERVED
            for row in mine
            for one in range(1, row.quantity + 1)
        }
        for row in self.rows:
            if not isinstance(row, event.Authorised) and (row.admission, row.person) in found:
                found[row.admission, row.person] = RANKS[type(row)]
        return found

    def has(self, admission: bytes) -> bool:
        return any(row.admission == admission for row in self.rows)


class Venue(RuleBasedStateMachine):
    said = Bundle("said")
    told = Bundle("told")
    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.gates = {one: Gate(one) for one in GATES}
        self.drawn = 0
        self.uptime = 0.0
        self.records: dict[tuple[bytes, bytes, int], Held] = {}
        self.here: dict[bytes, set[int]] = {}
        self.term = terms.begin(0, 0, 0.0, GATES)

    @initialize()
    def everybody_was_heard(self) -> None:
        for gate in GATES:
            self.hello(gate)
        self.uptime += terms.SETTLING_SECONDS

    # Gates.

    @rule(
        target=said,
        gate=st.sampled_from(GATES),
        cti=st.sampled_from(list(RIGHTS)),
        quantity=st.integers(1, 3),
    )
    def claim(self, gate: bytes, cti: bytes, quantity: int) -> tuple[bytes, FromDevice]:
        here = self.gates[gate]
        self.drawn += 1
        uses = here.uses(cti)
        known = tuple(name for name, outcome in uses.items() if outcome.spends)
        ended = tuple(name for name, outcome in uses.items() if not outcome.spends)
        admission = b"admission%03d" % self.drawn
        asked = Claim(admission, cti, "hall", RIGHTS[cti], quantity, known=known, abandoned=ended)
        here.asking = asked
        return gate, asked

    @rule(target=said, gate=st.sampled_from(GATES))
    def patience_is_over(self, gate: bytes) -> tuple[bytes, FromDevice]:
        here = self.gates[gate]
        asked, here.asking = here.asking, None
        return gate, GiveBack(asked.admission) if asked else Mine(bytes(12))

    @rule(gate=st.sampled_from(GATES))
    def gate_dies(self, gate: bytes) -> None:
        self.gates[gate].asking, self.gates[gate].term = None, 0

    @rule(target=said, word=told)
    def gate_hears(self, word: FromLedger) -> tuple[bytes, FromDevice]:
        here = self.gates[word.device]
        asked, admission = here.asking, word.admission
        if isinstance(word, Granted | Denied):
            stale, here.term = word.term < here.term, max(here.term, word.term)
            if asked and asked.admission == admission:
                here.asking = None
                if isinstance(word, Granted) and word.firm and not stale:
                    self.commit(here, asked, word)
                    return word.device, Mine(admission)
            return word.device, Mine(admission) if here.has(admission) else GiveBack(admission)
        if here.has(admission) or (asked and asked.admission == admission):
            return word.device, Mine(admission)
        return word.device, GiveBack(admission)

    def commit(self, here: Gate, asked: Claim, granted: Granted) -> None:
        row = event.Authorised(
            admission=asked.admission,
            scan=b"scan",
            cti=asked.cti,
            checkpoint="hall",
            quantity=granted.quantity,
            direction=Direction.ENTRY,
            generation=0,
            rung=Rung.FRESH,
            list_sequence=1,
        )
        here.rows.append(row)

    @rule(gate=st.sampled_from(GATES), which=st.integers(0, 50), how=st.sampled_from(OUTCOMES))
    def somebody_walks_or_not(self, gate: bytes, which: int, how: type[event.Passed]) -> None:
        here = self.gates[gate]
        uses = {name: how for cti in RIGHTS for name, how in here.uses(cti).items()}
        waiting = sorted(name for name, so_far in uses.items() if so_far is Outcome.RESERVED)
        if waiting:
            admission, person = waiting[which % len(waiting)]
            here.rows.append(how(admission=admission, person=person))

    @rule(target=sent, gate=st.sampled_from(GATES), which=st.integers(0, 200))
    def row_is_sent(self, gate: bytes, which: int) -> tuple[bytes, int]:
        return gate, which

    # The ledger.

    @rule(target=told, message=said)
    def ledger_hears(self, message: tuple[bytes, FromDevice]) -> FromLedger:
        device, word = message
        own = self.own(device, word.admission)
        if isinstance(word, Claim):
            right = [one for one in self.records.values() if one.cti == word.cti]
            standing = Standing(self.term.number, self.term.firm(self.uptime))
            reply, records = answer(word, device, right, own, standing, 0)
            self.keep(records)
            return reply
        if isinstance(word, GiveBack):
            self.keep(given_back(word.admission, device, own, 0))
        return Ask(device, word.admission)

    @rule(message=sent)
    def row_arrives(self, message: tuple[bytes, int]) -> None:
        device, which = message
        rows = self.gates[device].rows
        if not rows:
            return
        seq = which % len(rows) + 1
        row = rows[seq - 1]
        self.keep(heard(row, stamp(), device, self.own(device, row.admission)))
        self.here.setdefault(device, set()).add(seq)
        self.term = terms.reached(self.term, device, EPOCH, self.upto(device))

    @rule(gate=st.sampled_from(GATES))
    def hello(self, gate: bytes) -> None:
        tops = {EPOCH: len(self.gates[gate].rows)}
        self.term = terms.hello(self.term, gate, tops, {EPOCH: self.upto(gate)})

    @rule(loses_disk=st.booleans())
    def ledger_dies(self, loses_disk: bool) -> None:
        if loses_disk:
            self.records, self.here = {}, {}
        self.term = terms.begin(self.term.number, 0, self.uptime, GATES)

    @rule()
    def time_passes(self) -> None:
        """So much that nobody waits for an answer any more."""
        self.uptime += terms.SETTLING_SECONDS
        for gate in self.gates.values():
            gate.asking = None

    def own(self, device: bytes, admission: bytes) -> list[Held]:
        return [one for name, one in self.records.items() if name[:2] == (device, admission)]

    def upto(self, device: bytes) -> int:
        here, upto = self.here.get(device, set()), 0
        while upto + 1 in here:
            upto += 1
        return upto

    def keep(self, records: tuple[Held, ...]) -> None:
        for one in records:
            name = (one.device, one.admission, one.person)
            self.records[name] = merged(self.records.get(name, one), one)

    # What must be true.

    @invariant()
    def no_right_is_used_more_often_than_it_allows(self) -> None:
        for cti, allowed in RIGHTS.items():
            uses = [out for gate in self.gates.values() for out in gate.uses(cti).values()]
            assert sum(one.spends for one in uses) <= allowed

    def teardown(self) -> None:
        """Once every row has arrived and everybody was asked, the ledger knows what is true."""
        for device, gate in self.gates.items():
            gate.asking = None
            for row in gate.rows:
                self.keep(heard(row, stamp(), device, self.own(device, row.admission)))
        for one in [held for held in self.records.values() if held.is_open]:
            if not self.gates[one.device].has(one.admission):
                own = self.own(one.device, one.admission)
                self.keep(given_back(one.admission, one.device, own, 0))
        for cti in RIGHTS:
            uses = {n: o for gate in self.gates.values() for n, o in gate.uses(cti).items()}
            known = {one.use: one.outcome for one in self.records.values() if one.cti == cti}
            counted = {name for name, outcome in known.items() if outcome.spends}
            assert counted == {name for name, outcome in uses.items() if outcome.spends}
        super().teardown()


def test_a_ledger_that_lost_its_disk_grants_nothing_firm_before_it_has_heard_of_the_use() -> None:
    """The one story that chance seldom tells; and the same, once its journal is there."""
    venue, right = Venue(), next(iter(RIGHTS))

    def tried(gate: bytes) -> None:
        back = venue.gate_hears(venue.ledger_hears(venue.claim(gate, right, 1)))
        venue.ledger_hears(back)
        venue.no_right_is_used_more_often_than_it_allows()

    venue.everybody_was_heard()
    tried(GATES[0])
    assert venue.gates[GATES[0]].rows, "the first is let in"
    venue.ledger_dies(loses_disk=True)
    tried(GATES[1])
    venue.time_passes()
    tried(GATES[1])
    for gate in GATES:
        venue.hello(gate)
    tried(GATES[1])
    venue.row_arrives((GATES[0], 0))
    assert venue.term.firm(venue.uptime)
    tried(GATES[1])
    venue.teardown()


TestVenue = Venue.TestCase
TestVenue.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
