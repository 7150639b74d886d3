"""Who may use a right, where several ask: every rule of a ledger's answers, one by one."""

import random

import pytest
from msgspec import structs

from rules.claim import Held, Standing, merged
from rules.use import Outcome
from tests.small_ledger import SURE, SmallLedger
from wire import event
from wire.claim import Ask as AskWord
from wire.claim import (
    Claim,
    Denied,
    FromDevice,
    FromLedger,
    GiveBack,
    Granted,
    Kind,
    Mine,
    Taken,
    read_said,
    read_told,
    write,
)
from wire.codec import WireError
from wire.event import AnyEvent, Direction, Rung
from wire.paper import Exchanged, PaperReserved, PaperRetracted, PaperUnknown
from wire.reason import Reason

GATE, OTHER, KIOSK = b"gate---1", b"gate---2", b"kiosk--1"
CTI = b"c" * 16


class Ledger(SmallLedger):
    """One that most of these tests ask as the same gate."""

    def __init__(self, standing: Standing = SURE) -> None:
        super().__init__(standing, {KIOSK: "Kiosk 1"})

    def claim(self, asked: Claim, device: bytes = GATE) -> Granted | Denied:
        return super().claim(asked, device)

    def row(self, happened: AnyEvent, device: bytes = GATE) -> None:
        super().row(happened, device)

    def give_back(self, admission: bytes, device: bytes = GATE) -> None:
        super().give_back(admission, device)


def claim(number: int, quantity: int = 1, allowed: int = 1, **more: object) -> Claim:
    told = Claim(name(number), CTI, "hall", allowed, quantity, lane="A1")
    return structs.replace(told, **more)


def exchange(number: int, generation: int = 0) -> Claim:
    return Claim(name(number), CTI, "exchange", 1, generation=generation, kind=Kind.EXCHANGE)


def name(number: int) -> bytes:
    return b"admission%03d" % number


def authorised(number: int, quantity: int = 1, generation: int = 0) -> event.Authorised:
    return event.Authorised(
        lane="A1",
        admission=name(number),
        scan=b"scan",
        cti=CTI,
        checkpoint="hall",
        quantity=quantity,
        direction=Direction.ENTRY,
        generation=generation,
        rung=Rung.FRESH,
        list_sequence=1,
    )


def passed(number: int, person: int = 1) -> event.Passed:
    return event.Passed(admission=name(number), person=person)


def abandoned(number: int, person: int = 1) -> event.Abandoned:
    return event.Abandoned(admission=name(number), person=person)


def reason(said: Granted | Denied) -> Reason | None:
    return said.reason if isinstance(said, Denied) else None


def test_a_right_is_granted_once() -> None:
    ledger = Ledger()
    assert ledger.claim(claim(1)) == Granted(GATE, name(1), 7)
    assert reason(ledger.claim(claim(2), OTHER)) is Reason.BEING_USED


def test_a_claim_said_again_is_the_same_grant_and_takes_nothing_more() -> None:
    ledger = Ledger()
    first = ledger.claim(claim(1, quantity=2, allowed=3))
    assert ledger.claim(claim(1, quantity=2, allowed=3)) == first
    assert ledger.claim(claim(2, quantity=2, allowed=3), OTHER) == Granted(OTHER, name(2), 7, 1)


def test_a_double_is_told_when_and_where() -> None:
    ledger = Ledger()
    ledger.claim(claim(1))
    ledger.row(authorised(1))
    ledger.wall = 2000
    ledger.row(passed(1))
    said = ledger.claim(claim(2), OTHER)
    assert said == Denied(OTHER, name(2), 7, Reason.USED, 1001, "A1"), "an outcome may be late"


def test_a_reservation_whose_holder_is_silent_stays_one() -> None:
    ledger = Ledger()
    ledger.claim(claim(1))
    ledger.wall += 10**9
    said = ledger.claim(claim(2), OTHER)
    assert (reason(said), said.where if isinstance(said, Denied) else "") == (
        Reason.BEING_USED,
        "A1",
    )


def test_what_was_given_back_is_free_again() -> None:
    ledger = Ledger()
    ledger.claim(claim(1))
    ledger.give_back(name(1))
    ledger.give_back(name(1))
    assert reason(ledger.claim(claim(2), OTHER)) is None


def test_nobody_gives_back_what_another_holds() -> None:
    ledger = Ledger()
    ledger.claim(claim(1))
    ledger.give_back(name(1), OTHER)
    ledger.row(abandoned(1), OTHER)
    assert reason(ledger.claim(claim(2), OTHER)) is Reason.BEING_USED


def test_a_give_back_that_overtakes_its_claim_leaves_nothing_reserved() -> None:
    ledger = Ledger()
    ledger.give_back(name(1))
    assert reason(ledger.claim(claim(1))) is Reason.SEE_STAFF
    assert reason(ledger.claim(claim(2), OTHER)) is None


def test_what_was_committed_is_not_given_back_by_a_word() -> None:
    ledger = Ledger()
    ledger.claim(claim(1))
    ledger.row(authorised(1))
    ledger.give_back(name(1))
    assert reason(ledger.claim(claim(2), OTHER)) is Reason.BEING_USED


def test_the_holders_journal_settles_a_claim() -> None:
    ledger = Ledger()
    ledger.claim(claim(1))
    ledger.row(authorised(1))
    ledger.row(abandoned(1))
    assert reason(ledger.claim(claim(2), OTHER)) is None
    ledger.row(event.PassedLate(admission=name(1), person=1))
    assert reason(ledger.claim(claim(3), KIOSK)) is Reason.BEING_USED, "the second holds it"


def test_whom_nobody_let_through_may_come_again_before_the_row_has_arrived() -> None:
    ledger = Ledger()
    ledger.claim(claim(1))
    ledger.row(authorised(1))
    again = claim(2, abandoned=((name(1), 1),))
    assert reason(ledger.claim(again, OTHER)) is Reason.BEING_USED, "not its own"
    assert reason(ledger.claim(again)) is None


def test_the_uncertain_is_for_staff() -> None:
    ledger = Ledger()
    ledger.claim(claim(1))
    ledger.row(authorised(1))
    ledger.row(event.Uncertain(admission=name(1), person=1))
    assert reason(ledger.claim(claim(2), OTHER)) is Reason.SEE_STAFF


def test_an_admission_that_asked_nobody_counts_when_its_row_arrives() -> None:
    ledger = Ledger()
    ledger.row(authorised(1))
    assert reason(ledger.claim(claim(2), OTHER)) is Reason.BEING_USED


def test_an_outcome_that_overtakes_what_it_ended_is_not_lost() -> None:
    ledger = Ledger()
    ledger.row(abandoned(1))
    ledger.row(authorised(1))
    assert reason(ledger.claim(claim(2), OTHER)) is None


def test_a_group_is_granted_what_is_left_of_it() -> None:
    ledger = Ledger()
    ledger.row(authorised(1, quantity=3))
    assert ledger.claim(claim(2, quantity=4, allowed=4), OTHER) == Granted(OTHER, name(2), 7, 1)


def test_what_was_granted_beyond_what_was_authorised_is_given_back() -> None:
    ledger = Ledger()
    ledger.claim(claim(1, quantity=4, allowed=4))
    ledger.row(authorised(1, quantity=2))
    assert ledger.claim(claim(2, quantity=4, allowed=4), OTHER) == Granted(OTHER, name(2), 7, 2)


def test_what_the_claimant_knows_counts_once_and_what_was_undone_not_at_all() -> None:
    ledger = Ledger()
    ledger.row(authorised(1))
    known = ((name(1), 1), (name(9), 1))
    assert reason(ledger.claim(claim(2, allowed=2, known=known), OTHER)) is Reason.BEING_USED
    assert reason(ledger.claim(claim(3, allowed=3, known=known), OTHER)) is None
    undone = ((name(9), 1), (name(1), 1))
    assert reason(ledger.claim(claim(4, allowed=2, known=known, undone=undone), OTHER)) is None


def test_another_checkpoint_has_uses_of_its_own() -> None:
    ledger = Ledger()
    ledger.claim(claim(1))
    assert reason(ledger.claim(claim(2, checkpoint="pier"), OTHER)) is None


def test_a_grant_is_not_firm_before_everybody_was_heard_and_a_denial_is() -> None:
    ledger = Ledger(Standing(7, firm=False))
    said = ledger.claim(claim(1))
    assert isinstance(said, Granted)
    assert not said.firm
    assert reason(ledger.claim(claim(2), OTHER)) is Reason.BEING_USED
    ledger.standing = SURE
    again = ledger.claim(claim(1))
    assert isinstance(again, Granted)
    assert again.firm


def test_a_ledger_of_an_older_term_than_the_claimant_knows_is_not_sure() -> None:
    said = Ledger().claim(claim(1, term=8))
    assert isinstance(said, Granted)
    assert not said.firm


def test_while_a_paper_is_printed_neither_door_nor_kiosk_gets_the_right() -> None:
    ledger = Ledger()
    printed = ledger.claim(exchange(1), KIOSK)
    assert printed == Granted(KIOSK, name(1), 7, kind=Kind.EXCHANGE, generation=1)
    assert ledger.claim(exchange(1), KIOSK) == printed
    at_door = ledger.claim(claim(2))
    assert isinstance(at_door, Denied)
    assert (at_door.reason, at_door.where) == (Reason.BEING_COLLECTED, "Kiosk 1")
    assert reason(ledger.claim(exchange(3), OTHER)) is Reason.BEING_COLLECTED


ENDS: dict[Outcome, AnyEvent] = {
    Outcome.PASSED: Exchanged(paper=name(1), cti=CTI, generation=1),
    Outcome.UNCERTAIN: PaperUnknown(paper=name(1)),
    Outcome.ABANDONED: PaperRetracted(paper=name(1)),
}


def paper(ledger: Ledger, outcome: Outcome) -> None:
    """A paper of generation 1 with this outcome, by the rows of the kiosk's journal."""
    ledger.claim(exchange(1), KIOSK)
    ledger.row(PaperReserved(paper=name(1), cti=CTI, generation=1), KIOSK)
    ledger.row(ENDS[outcome], KIOSK)


def test_once_exchanged_the_phones_code_is_void_and_the_paper_opens() -> None:
    ledger = Ledger()
    paper(ledger, Outcome.PASSED)
    assert reason(ledger.claim(claim(2))) is Reason.SUPERSEDED
    assert reason(ledger.claim(exchange(3), OTHER)) is Reason.COLLECTED
    assert reason(ledger.claim(exchange(4, generation=1), OTHER)) is Reason.COLLECTED
    assert reason(ledger.claim(claim(5, generation=1))) is None


@pytest.mark.parametrize("first", [0, 1])
def test_of_an_unknown_paper_whichever_is_seen_first_kills_the_other(first: int) -> None:
    ledger = Ledger()
    paper(ledger, Outcome.UNCERTAIN)
    assert reason(ledger.claim(exchange(2), OTHER)) is Reason.SEE_STAFF
    assert reason(ledger.claim(claim(3, generation=first, allowed=5))) is None
    second = ledger.claim(claim(4, generation=1 - first, allowed=5), OTHER)
    assert reason(second) is Reason.SUPERSEDED


def test_a_paper_that_was_taken_back_leaves_the_phone_good_and_its_number_used() -> None:
    ledger = Ledger()
    paper(ledger, Outcome.ABANDONED)
    again = Granted(KIOSK, name(2), 7, kind=Kind.EXCHANGE, generation=2)
    assert ledger.claim(exchange(2), KIOSK) == again


def test_a_right_that_was_used_is_not_exchanged() -> None:
    ledger = Ledger()
    ledger.row(authorised(1))
    assert reason(ledger.claim(exchange(2), KIOSK)) is Reason.BEING_USED
    ledger.row(passed(1))
    assert reason(ledger.claim(exchange(3), KIOSK)) is Reason.USED


def test_a_use_that_central_withdrew_is_in_no_papers_way() -> None:
    ledger = Ledger()
    ledger.row(authorised(1))
    ledger.row(passed(1))
    undone = structs.replace(exchange(2), undone=((name(1), 1),))
    assert reason(ledger.claim(undone, KIOSK)) is None


def test_a_paper_that_a_newer_code_has_made_void_is_in_nobodys_way() -> None:
    ledger = Ledger()
    paper(ledger, Outcome.PASSED)
    again = ledger.claim(exchange(2, generation=5), OTHER)
    assert again == Granted(OTHER, name(2), 7, kind=Kind.EXCHANGE, generation=6)


def test_a_paper_has_no_lower_number_than_its_kiosk_and_central_know_of() -> None:
    ledger = Ledger()
    least = structs.replace(exchange(1), paper=4)
    granted = ledger.claim(least, KIOSK)
    assert isinstance(granted, Granted)
    assert granted.generation == 4
    ledger.give_back(name(1), KIOSK)
    higher = ledger.claim(structs.replace(exchange(2), paper=2), OTHER)
    assert isinstance(higher, Granted)
    assert higher.generation == 5, "no number twice"
    ledger.give_back(name(2), OTHER)
    signed = ledger.claim(structs.replace(exchange(3), paper=2, signed=True), KIOSK)
    assert isinstance(signed, Granted)
    assert signed.generation == 2, "central has signed it already"


def test_the_paper_itself_is_let_in_before_its_kiosk_has_said_a_word_of_it() -> None:
    ledger = Ledger()
    ledger.claim(exchange(1), KIOSK)
    assert reason(ledger.claim(claim(2))) is Reason.BEING_COLLECTED
    assert reason(ledger.claim(claim(3, generation=1))) is None
    ledger.row(Exchanged(paper=name(1), cti=CTI, generation=1), KIOSK)
    assert reason(ledger.claim(claim(4), OTHER)) is Reason.SUPERSEDED


def test_what_its_own_kiosk_began_and_never_printed_does_not_keep_it_waiting() -> None:
    """It prints one paper at a time, and its journal is what it goes by."""
    ledger = Ledger()
    ledger.claim(exchange(1), KIOSK)
    assert reason(ledger.claim(exchange(2), OTHER)) is Reason.BEING_COLLECTED
    again = ledger.claim(exchange(3), KIOSK)
    assert isinstance(again, Granted)
    assert again.generation == 2


def test_a_kiosk_that_did_not_wait_for_its_number_is_believed_about_it() -> None:
    ledger = Ledger()
    ledger.claim(exchange(1), KIOSK)
    ledger.give_back(name(1), KIOSK)
    ledger.claim(exchange(2), KIOSK)
    ledger.row(PaperReserved(paper=name(2), cti=CTI, generation=1), KIOSK)
    ledger.row(Exchanged(paper=name(2), cti=CTI, generation=1), KIOSK)
    assert reason(ledger.claim(claim(3, generation=1))) is None
    assert reason(ledger.claim(claim(4, generation=0), OTHER)) is Reason.SUPERSEDED


@pytest.mark.parametrize("generation", [-1, 24])
def test_no_paper_has_a_number_that_no_code_can_carry(generation: int) -> None:
    with pytest.raises(WireError):
        read_said(write(structs.replace(exchange(1), paper=generation)))


def test_records_say_the_same_in_whatever_order_they_are_merged() -> None:
    drawn = random.Random(5)
    about = [(b"", "", ""), (CTI, "hall", "A1")]

    def record() -> Held:
        cti, checkpoint, lane = drawn.choice(about)
        outcome, committed = drawn.choice(list(Outcome)), drawn.random() < 0.5
        walls = drawn.randrange(4)
        more = (cti, checkpoint, Kind.ENTRY, lane, drawn.randrange(2), walls)
        return Held(GATE, name(1), 1, outcome, committed, *more)

    for _ in range(3000):
        one, two, three = record(), record(), record()
        assert merged(one, two) == merged(two, one)
        assert merged(merged(one, two), three) == merged(one, merged(two, three))
        assert merged(merged(one, two), two) == merged(one, two)


SAID: list[FromDevice] = [claim(1, known=((name(2), 1),)), GiveBack(name(1)), Mine(name(1))]
TOLD: list[FromLedger] = [
    Granted(GATE, name(1), 7, 2, ticket="GH1"),
    Denied(GATE, name(1), 7, Reason.USED, 5, "A1"),
    Taken(GATE, name(1)),
    AskWord(GATE, name(1)),
]


@pytest.mark.parametrize("word", SAID)
def test_what_a_device_says_is_read_as_it_was_written(word: FromDevice) -> None:
    assert read_said(write(word)) == word


@pytest.mark.parametrize("word", TOLD)
def test_what_a_ledger_tells_is_read_by_whom_it_is_meant_for(word: FromLedger) -> None:
    assert read_told(write(word), GATE) == word
    with pytest.raises(WireError):
        read_told(write(word), OTHER)


@pytest.mark.parametrize(
    "wrong",
    [
        GiveBack(b"short"),
        claim(1, quantity=0),
        claim(1, quantity=10**6),
        claim(1, allowed=-1),
        claim(1, cti=b"short"),
        claim(1, generation=-1),
        claim(1, term=2**60),
        claim(1, checkpoint="x" * 41),
        claim(1, known=tuple((b"%012d" % n, 1) for n in range(2001))),
    ],
)
def test_what_no_device_of_ours_would_say_is_refused(wrong: FromDevice) -> None:
    with pytest.raises(WireError):
        read_said(write(wrong))


def test_any_bytes_are_read_or_refused() -> None:
    drawn = random.Random(3)
    for word in (write(one) for one in SAID):
        for _ in range(2000):
            broken = bytearray(word)
            for _ in range(drawn.randrange(1, 4)):
                broken[drawn.randrange(len(broken))] = drawn.randrange(256)
            try:
                read_said(bytes(broken))
            except WireError:
                continue
