"""Kiosks and gates, one ledger, a bad network: of one right one paper, and one way in.

A kiosk here prints on a grant alone, one paper at a time; a gate opens on a grant alone. Messages
are lost, doubled and reordered; kiosks die between grant and print, the ledger is restarted.
"""

from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from rules import exchange
from rules.claim import Held, Standing, admission_of, answer, given_back, heard, merged
from tests.device import stamp
from wire import event, paper
from wire.claim import Ask, Claim, Denied, FromDevice, FromLedger, GiveBack, Granted, Kind, Mine
from wire.event import AnyEvent, Direction, Rung

KIOSKS = (b"kiosk--1", b"kiosk--2")
GATES = (b"gate---1", b"gate---2")
RIGHTS = (b"r" * 16,)
"""One is enough: they know nothing of each other, and the more of it comes to pass."""
PHONE = 0
ENDS: dict[str, type[paper.PaperEvent]] = {
    "exchanged": paper.Exchanged,
    "unknown": paper.PaperUnknown,
    "given-back": paper.PaperGivenBack,
    "retracted": paper.PaperRetracted,
}
HELD = {
    paper.PaperReserved: exchange.Held.RESERVED,
    paper.Exchanged: exchange.Held.EXCHANGED,
    paper.PaperUnknown: exchange.Held.UNKNOWN,
    paper.PaperGivenBack: exchange.Held.GIVEN_BACK,
    paper.PaperRetracted: exchange.Held.RETRACTED,
}


@dataclass
class Device:
    device: bytes
    rows: list[AnyEvent] = field(default_factory=list)
    asking: Claim | None = None

    def papers(self, cti: bytes) -> dict[bytes, exchange.Paper]:
        """Return its papers of a right by name, each as its last row says."""
        found: dict[bytes, exchange.Paper] = {}
        for row in self.rows:
            if isinstance(row, paper.PaperReserved) and row.cti == cti:
                found[row.paper] = exchange.Paper(exchange.Held.RESERVED, row.generation, own=True)
            elif isinstance(row, paper.PaperEvent) and row.paper in found:
                generation = found[row.paper].generation
                found[row.paper] = exchange.Paper(HELD[type(row)], generation, own=True)
        return found

    def entries(self, cti: bytes) -> dict[bytes, tuple[int, bool]]:
        """Return (generation shown, whether it counts) of its admissions of a right."""
        found: dict[bytes, tuple[int, bool]] = {}
        for row in self.rows:
            if isinstance(row, event.Authorised) and row.cti == cti:
                found[row.admission] = (row.generation, True)
            elif isinstance(row, event.Abandoned) and row.admission in found:
                found[row.admission] = (found[row.admission][0], False)
        return found

    def has(self, name: bytes) -> bool:
        begun = (event.Authorised, paper.PaperReserved)
        return any(isinstance(row, begun) and admission_of(row) == name for row in self.rows)


class Venue(RuleBasedStateMachine):
    said = Bundle("said")
    told = Bundle("told")

    def __init__(self) -> None:
        super().__init__()
        self.devices = {one: Device(one) for one in (*KIOSKS, *GATES)}
        self.records: dict[tuple[bytes, bytes, int], Held] = {}
        self.drawn, self.term = 0, 1

    def name(self) -> bytes:
        self.drawn += 1
        return b"admission%03d" % self.drawn

    @rule(target=said, kiosk=st.sampled_from(KIOSKS), cti=st.sampled_from(RIGHTS))
    def somebody_wants_paper(self, kiosk: bytes, cti: bytes) -> tuple[bytes, FromDevice]:
        here = self.devices[kiosk]
        own = tuple(here.papers(cti).values())
        granted = exchange.against_papers(own, 0) or exchange.next_after(own, 0)
        busy = any(one.held is exchange.Held.RESERVED for one in own)
        if busy or not isinstance(granted, exchange.Grant):
            return kiosk, Mine(bytes(12))
        name, number = self.name(), granted.generation
        here.asking = Claim(name, cti, "", 1, kind=Kind.EXCHANGE, lane="kiosk", paper=number)
        return kiosk, here.asking

    @rule(
        target=said,
        gate=st.sampled_from(GATES),
        cti=st.sampled_from(RIGHTS),
        paper_shown=st.booleans(),
    )
    def somebody_wants_in(
        self, gate: bytes, cti: bytes, paper_shown: bool
    ) -> tuple[bytes, FromDevice]:
        """With the phone, or with a paper that is out, or may be."""
        out = [one.generation for one in self.out(cti)]
        shown = max(out, default=PHONE) if paper_shown else PHONE
        here = self.devices[gate]
        ended = tuple((name, 1) for name, (_, counts) in here.entries(cti).items() if not counts)
        here.asking = Claim(self.name(), cti, "hall", 1, generation=shown, abandoned=ended)
        return gate, here.asking

    @rule(target=said, word=told)
    def device_hears(self, word: FromLedger) -> tuple[bytes, FromDevice]:
        here = self.devices[word.device]
        asked, name = here.asking, word.admission
        mine = asked is not None and asked.admission == name
        if asked is not None and mine and isinstance(word, Granted):
            here.asking = None
            self.begin(here, asked, word)
        elif mine and isinstance(word, Denied):
            here.asking = None
        elif isinstance(word, Ask | Granted) and not mine and not here.has(name):
            if word.device in GATES:
                return word.device, GiveBack(name)
            here.rows.append(paper.PaperGivenBack(paper=name, why="interrupted"))
        return word.device, Mine(name)

    @rule(kiosk=st.sampled_from(KIOSKS), cti=st.sampled_from(RIGHTS))
    def paper_without_delay(self, kiosk: bytes, cti: bytes) -> None:
        self.device_hears(self.ledger_hears(self.somebody_wants_paper(kiosk, cti)))

    @rule(gate=st.sampled_from(GATES), cti=st.sampled_from(RIGHTS), paper_shown=st.booleans())
    def entry_without_delay(self, gate: bytes, cti: bytes, paper_shown: bool) -> None:
        self.device_hears(self.ledger_hears(self.somebody_wants_in(gate, cti, paper_shown)))

    def begin(self, here: Device, asked: Claim, granted: Granted) -> None:
        if asked.kind is Kind.EXCHANGE:
            number = max(granted.generation, asked.paper)
            about = {"paper": asked.admission, "cti": asked.cti, "generation": number}
            here.rows.append(paper.PaperReserved(**about))  # type: ignore[arg-type]
            return
        here.rows.append(
            event.Authorised(
                admission=asked.admission,
                scan=b"scan",
                cti=asked.cti,
                checkpoint="hall",
                quantity=1,
                direction=Direction.ENTRY,
                generation=asked.generation,
                rung=Rung.FRESH,
                list_sequence=1,
            )
        )

    @rule(kiosk=st.sampled_from(KIOSKS), how=st.sampled_from(list(ENDS)))
    def printed_or_not(self, kiosk: bytes, how: str) -> None:
        here = self.devices[kiosk]
        for cti in RIGHTS:
            for name, one in here.papers(cti).items():
                if one.held is exchange.Held.RESERVED:
                    more = {"cti": cti, "generation": one.generation} if how == "exchanged" else {}
                    here.rows.append(ENDS[how](paper=name, **more))  # type: ignore[arg-type]

    @rule(gate=st.sampled_from(GATES), walks=st.booleans())
    def walks_in_or_not(self, gate: bytes, walks: bool) -> None:
        here = self.devices[gate]
        ended = {row.admission for row in here.rows if isinstance(row, event.Outcome)}
        begun = {row.admission for row in here.rows if isinstance(row, event.Authorised)}
        how = event.Passed if walks else event.Abandoned
        here.rows += [how(admission=name, person=1) for name in sorted(begun - ended)]

    @rule(device=st.sampled_from((*KIOSKS, *GATES)))
    def device_dies(self, device: bytes) -> None:
        """Whatever it was asking for is forgotten; a paper under way is unknown."""
        here = self.devices[device]
        here.asking = None
        if device in KIOSKS:
            self.printed_or_not(device, "unknown")

    # The ledger.

    @rule(target=told, message=said)
    def ledger_hears(self, message: tuple[bytes, FromDevice]) -> FromLedger:
        device, word = message
        own = self.own(device, word.admission)
        if isinstance(word, Claim):
            right = [one for one in self.records.values() if one.cti == word.cti]
            reply, records = answer(word, device, right, own, Standing(self.term), 0)
            self.keep(records)
            return reply
        if isinstance(word, GiveBack):
            self.keep(given_back(word.admission, device, own, 0))
        kind = Kind.ENTRY if device in GATES else Kind.EXCHANGE
        return Ask(device, word.admission, kind)

    @rule(device=st.sampled_from((*KIOSKS, *GATES)), which=st.integers(0, 200))
    def row_arrives(self, device: bytes, which: int) -> None:
        rows = self.devices[device].rows
        if rows:
            self.hear(device, rows[which % len(rows)])

    @rule()
    def all_journals_arrive(self) -> None:
        for device, here in self.devices.items():
            for row in here.rows:
                self.hear(device, row)

    @rule()
    def ledger_is_restarted(self) -> None:
        self.term += 1

    def hear(self, device: bytes, row: AnyEvent) -> None:
        self.keep(heard(row, stamp(), device, self.own(device, admission_of(row))))

    def own(self, device: bytes, name: bytes) -> list[Held]:
        return [one for key, one in self.records.items() if key[:2] == (device, name)]

    def keep(self, records: tuple[Held, ...]) -> None:
        for one in records:
            name = (one.device, one.admission, one.person)
            self.records[name] = merged(self.records.get(name, one), one)

    # What must be true.

    def out(self, cti: bytes) -> list[exchange.Paper]:
        """Return the papers of a right that somebody holds, or may."""
        free = (exchange.Held.GIVEN_BACK, exchange.Held.RETRACTED)
        papers = (self.devices[one].papers(cti).values() for one in KIOSKS)
        return [one for few in papers for one in few if one.held not in free]

    def used(self, cti: bytes) -> list[int]:
        """Return the generation that was shown for each use of a right that counts."""
        entries = (self.devices[one].entries(cti).values() for one in GATES)
        return [shown for few in entries for shown, counts in few if counts]

    @invariant()
    def one_paper_and_one_use(self) -> None:
        for cti in RIGHTS:
            assert len(self.out(cti)) <= 1
            assert len(self.used(cti)) <= 1

    @invariant()
    def phone_and_paper_are_not_both_good(self) -> None:
        """Unless nobody knows whether there is a paper."""
        for cti in RIGHTS:
            sure = [one for one in self.out(cti) if one.held is not exchange.Held.UNKNOWN]
            assert not (sure and PHONE in self.used(cti))

    @invariant()
    def no_number_twice(self) -> None:
        for cti in RIGHTS:
            papers = (self.devices[one].papers(cti).values() for one in KIOSKS)
            numbers = [one.generation for few in papers for one in few]
            assert len(numbers) == len(set(numbers))

    def teardown(self) -> None:
        """Once all is heard and nobody waits, whoever holds a paper, and nobody else, is let in."""
        for here in self.devices.values():
            here.asking = None
        self.all_journals_arrive()
        for one in [held for held in self.records.values() if held.is_open]:
            assert not self.devices[one.device].has(one.admission)
            own = self.own(one.device, one.admission)
            self.keep(given_back(one.admission, one.device, own, 0))
        for cti in RIGHTS:
            if self.used(cti):
                continue
            sure = [one for one in self.out(cti) if one.held is exchange.Held.EXCHANGED]
            right = [one for one in self.records.values() if one.cti == cti]
            for shown in {PHONE, *(one.generation for one in sure)}:
                asked = Claim(self.name(), cti, "hall", 1, generation=shown)
                reply, _ = answer(asked, GATES[0], right, (), Standing(self.term), 0)
                printing = any(one.held is exchange.Held.RESERVED for one in self.out(cti))
                assert isinstance(reply, Granted) is (shown != PHONE or (not sure and not printing))
        super().teardown()


def test_what_one_kiosk_gave_back_another_prints_under_another_number() -> None:
    """A story that chance seldom tells."""
    venue, right = Venue(), RIGHTS[0]
    venue.paper_without_delay(KIOSKS[0], right)
    venue.paper_without_delay(KIOSKS[1], right)
    venue.one_paper_and_one_use()
    venue.printed_or_not(KIOSKS[0], "given-back")
    venue.all_journals_arrive()
    venue.paper_without_delay(KIOSKS[1], right)
    (paper_out,) = venue.out(right)
    assert paper_out.generation == 2
    venue.no_number_twice()
    venue.teardown()


TestVenue = Venue.TestCase
TestVenue.settings = settings(
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
