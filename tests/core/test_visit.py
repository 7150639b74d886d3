"""One visitor at a kiosk: whatever is touched, scanned, answered and broken, in any order."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.core.moment import Moment
from edge.core.visit import due, step
from edge.core.visit_staff import WHYS
from edge.core.visit_terms import (
    AnySignal,
    Became,
    CardRead,
    Habits,
    Health,
    Look,
    Looked,
    Page,
    Papered,
    Print,
    PrintReceipt,
    PrintTest,
    Receipts,
    Refusal,
    Scanned,
    Signal,
    StaffCard,
    Touched,
    Visit,
)
from wire.exchange import Denied, Found, Offer
from wire.paper import Sort
from wire.reason import Reason
from wire.words import Words

TOUCHES = (
    *("start", "order", "identity", "submit", "erase", "next", "all", "print", "more", "back"),
    *("cancel", "voice", "test", "paper", "state", "day", "receipt", "nonsense", ""),
)
REST = {Page.ATTRACT, Page.OUT_OF_ORDER, Page.PRINTING}


def offer(number: int, reason: Reason | None = None) -> Offer:
    words = Words("演出", "Show")
    return Offer(str(number), b"%016d" % number, words, words, 0, reason=reason)


class AnyVisitor(RuleBasedStateMachine):
    habits = Habits(receipts=Receipts.ASKED)

    def __init__(self) -> None:
        super().__init__()
        self.visit, self.now = Visit(health=Health(able=True, fault="")), 100.0
        self.printing = 0
        """Papers asked for and not answered."""
        self.asked: list[int] = []
        self.of_visitors: set[bytes] = set()
        """Rights that a visitor has a paper of."""

    def tell(self, signal: AnySignal) -> None:
        self.visit, commands = step(self.visit, signal, Moment(self.now, self.now), self.habits)
        for command in commands:
            match command:
                case Print(asked, sort):
                    self.printing += 1
                    assert (sort is Sort.REISSUE) is bool(command.by)
                    assert command.by or asked.reason is None, "no paper for what was refused"
                case PrintTest():
                    self.printing += 1
                case PrintReceipt(offers):
                    self.printing += 1
                    assert offers == tuple(
                        one.offer for one in self.visit.done if one.became is Became.DONE
                    )
                    assert offers, "a receipt for nothing"
                    assert self.visit.receipt is None, "a second receipt"
                    assert not self.visit.staff
                case Look(number):
                    self.asked.append(number)
                case _:
                    pass
        assert self.printing <= 1, "one paper at a time"

    @rule(what=st.sampled_from(TOUCHES), value=st.text(max_size=2))
    def touches(self, what: str, value: str) -> None:
        self.tell(Touched(what, value))

    @rule(key=st.sampled_from("AZ09-x王"))
    def types(self, key: str) -> None:
        self.tell(Touched("key", key))

    @rule(number=st.integers(1, 4))
    def toggles(self, number: int) -> None:
        self.tell(Touched("toggle", (b"%016d" % number).hex()))

    @rule(language=st.sampled_from(["zh", "en", "xx"]))
    def chooses_a_language(self, language: str) -> None:
        self.tell(Touched("language", language))

    @rule(why=st.sampled_from(WHYS))
    def says_why(self, why: str) -> None:
        self.tell(Touched("why", why))

    @rule(data=st.binary(max_size=4))
    def scans(self, data: bytes) -> None:
        self.tell(Scanned(data))

    @rule()
    def lays_a_card_down(self) -> None:
        self.tell(CardRead("110"))

    @rule()
    def staff_come(self) -> None:
        self.tell(StaffCard("李"))

    @rule(
        numbers=st.sets(st.integers(1, 4)),
        reason=st.sampled_from([None, Reason.COLLECTED]),
        late=st.booleans(),
    )
    def central_finds(self, numbers: set[int], reason: Reason | None, late: bool) -> None:
        asked = self.asked[:1] if late else self.asked[-1:]
        for number in asked:
            self.tell(Looked(number, Found(tuple(offer(n, reason) for n in sorted(numbers)))))

    @rule(answer=st.sampled_from([None, Denied(Reason.NO_SUCH_ORDER)]))
    def central_says_no_or_nothing(self, answer: Denied | None) -> None:
        for number in self.asked[-1:]:
            self.tell(Looked(number, answer))

    @rule(became=st.sampled_from(Became))
    def the_printer_is_done(self, became: Became) -> None:
        if self.printing:
            self.printing -= 1
            denied = Refusal(Reason.BEING_USED) if became is Became.DENIED else None
            self.tell(Papered(became, denied))

    @rule(able=st.booleans())
    def the_printer_changes(self, able: bool) -> None:
        self.tell(Health(able=able, fault="" if able else "jam"))

    @rule(seconds=st.floats(0, 200))
    def time_goes_by(self, seconds: float) -> None:
        until = self.now + seconds
        while (at := due(self.visit)) is not None and at <= until:
            self.now = max(self.now, at)
            self.tell(Signal.DUE)
        self.now = until

    @invariant()
    def every_page_but_those_at_rest_ends_by_itself(self) -> None:
        assert (self.visit.deadline is None) is (self.visit.page in REST)

    @invariant()
    def nothing_of_a_visitor_is_left_for_the_next(self) -> None:
        if self.visit.page in (Page.ATTRACT, Page.OUT_OF_ORDER):
            assert not self.visit.offers
            assert not self.visit.typed
            assert not self.visit.staff

    @invariant()
    def what_is_printed_is_on_the_page(self) -> None:
        assert (self.visit.page is Page.PRINTING) is bool(self.printing)


class AnyVisitorWithReceipts(AnyVisitor):
    habits = Habits(receipts=Receipts.ALWAYS)


AnyVisitor.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
AnyVisitorWithReceipts.TestCase.settings = settings(max_examples=20, stateful_step_count=40)
TestAnyVisitor = AnyVisitor.TestCase
TestAnyVisitorWithReceipts = AnyVisitorWithReceipts.TestCase
