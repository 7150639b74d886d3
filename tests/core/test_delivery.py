"""What is sent when: by hand, every state with every signal, and against a link that loses all."""

from dataclasses import replace
from itertools import pairwise, product

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.core import delivery as core
from edge.core import ranges
from edge.core.delivery_terms import (
    WINDOW,
    Acked,
    AnySignal,
    Books,
    Command,
    Delivery,
    Failed,
    Flight,
    Known,
    Lane,
    Save,
    Say,
    SayHello,
    Send,
    Sent,
    Signal,
    Tops,
)
from edge.core.moment import Moment
from wire.delivery import Ack

OLD, NOW, OTHER = b"epoch-01", b"epoch-02", b"epoch-99"


def at(uptime: float) -> Moment:
    return Moment(1_780_000_000.0 + uptime, uptime)


def walk(*signals: AnySignal, start: Delivery | None = None) -> tuple[Delivery, list[Command]]:
    """Return the state after `signals`, a tenth of a second apart, and all commands."""
    delivery, performed = start or Delivery(), list[Command]()
    for index, signal in enumerate(signals):
        delivery, commands = core.step(delivery, signal, at(100.0 + index / 10))
        performed += commands
    return delivery, performed


def sends(commands: list[Command]) -> list[tuple[Lane, int, int]]:
    return [
        (one.flight.lane, one.flight.first, one.flight.last)
        for one in commands
        if isinstance(one, Send)
    ]


def tops(top: int, acknowledged: int = 0) -> Tops:
    return Tops((Known(NOW, top, acknowledged),))


def acked(upto: int, *want: tuple[int, int], epoch: bytes = NOW) -> Acked:
    return Acked(Ack(epoch, upto, want))


def test_hello_comes_first_and_the_backlog_waits_for_the_answer() -> None:
    asking, commands = walk(tops(1200), Signal.CONNECTED)
    assert commands == [SayHello()]
    _, commands = walk(acked(0), start=asking)
    assert sends(commands) == [
        (Lane.BACKLOG, 1, 500),
        (Lane.BACKLOG, 501, 1000),
        (Lane.BACKLOG, 1001, 1200),
    ]


def test_a_new_row_goes_at_once_before_central_has_answered() -> None:
    _, commands = walk(tops(1200), Signal.CONNECTED, tops(1201))
    assert sends(commands) == [(Lane.LIVE, 1201, 1201)]


def test_new_rows_overtake_a_long_backlog() -> None:
    behind, _ = walk(tops(5000), Signal.CONNECTED, acked(0))
    _, commands = walk(tops(5003), start=behind)
    assert sends(commands) == [(Lane.LIVE, 5001, 5003)]


def test_of_a_burst_the_newest_go_first_and_the_rest_in_one_batch() -> None:
    ready, _ = walk(tops(10, 10), Signal.CONNECTED, acked(10))
    _, commands = walk(tops(60), start=ready)
    assert sends(commands) == [(Lane.LIVE, 41, 60), (Lane.BACKLOG, 11, 40)]


def test_only_what_central_lacks_is_sent() -> None:
    _, commands = walk(tops(100), Signal.CONNECTED, acked(10, (11, 20), (31, 40)))
    assert sends(commands) == [
        (Lane.BACKLOG, 11, 20),
        (Lane.BACKLOG, 31, 40),
        (Lane.BACKLOG, 42, 100),
    ]


def test_a_list_of_holes_that_cannot_be_true_is_not_believed() -> None:
    _, commands = walk(tops(100), Signal.CONNECTED, acked(10, (50, 60)))
    assert sends(commands) == [(Lane.BACKLOG, 11, 100)]


def test_so_many_batches_are_on_their_way_until_central_acknowledges() -> None:
    full, commands = walk(tops(5000), Signal.CONNECTED, acked(0))
    assert len(sends(commands)) == WINDOW
    on_their_way = range(1, WINDOW + 1)
    full, commands = walk(*(Sent(number, 500 * number) for number in on_their_way), start=full)
    assert not sends(commands), "a PUBACK proves nothing"
    _, commands = walk(acked(500), start=full)
    assert Save(NOW, 500) in commands
    assert sends(commands) == [(Lane.BACKLOG, 500 * WINDOW + 1, 500 * WINDOW + 500)]


def test_what_did_not_fit_is_sent_next() -> None:
    _, commands = walk(tops(500), Signal.CONNECTED, acked(0), Sent(1, 320))
    assert sends(commands) == [(Lane.BACKLOG, 1, 500), (Lane.BACKLOG, 321, 500)]


def test_silence_is_answered_by_sending_again_with_growing_patience() -> None:
    delivery, commands = walk(tops(800), Signal.CONNECTED, acked(0), Sent(1, 500), Sent(2, 800))
    waits, now = [], 101.0
    for _ in range(6):
        deadline = delivery.books[0].deadline
        assert deadline is not None
        waits.append(round(deadline - now))
        now = deadline
        delivery, commands = core.step(delivery, Signal.DUE, at(now))
        assert sends(commands) == [(Lane.BACKLOG, 1, 500)], "in doubt one batch is enough"
        delivery, _ = core.step(delivery, Sent(delivery.number, 500), at(now))
    assert waits[1:] == [4, 8, 16, 30, 30]


def test_live_traffic_does_not_put_a_lost_row_off_for_ever() -> None:
    delivery, _ = walk(tops(10, 10), Signal.CONNECTED, acked(10), tops(11), Sent(1, 11))
    resent, now = list[tuple[Lane, int, int]](), 101.0
    for top in range(12, 40):
        now += 0.5
        delivery, commands = core.step(delivery, tops(top), at(now))
        resent += [one for one in sends(commands) if one[1] == 11]
        delivery, _ = core.step(delivery, Sent(delivery.number, top), at(now))
        delivery, commands = core.step(delivery, acked(10, (11, 11)), at(now))
    assert resent


def test_a_central_restored_from_a_backup_is_sent_the_rows_again() -> None:
    done, _ = walk(tops(100, 100), Signal.CONNECTED, acked(100))
    _, commands = walk(acked(40), start=done)
    assert commands == [Save(NOW, 40), Send(Flight(1, NOW, 41, 100, Lane.BACKLOG))]


def test_hello_is_said_again_until_answered_then_now_and_then() -> None:
    delivery, _ = walk(tops(3, 3), Signal.CONNECTED)
    said = []
    for _ in range(6):
        deadline = core.due(delivery)
        assert deadline is not None
        delivery, commands = core.step(delivery, Signal.DUE, at(deadline))
        assert commands == [SayHello()]
        said.append(round(deadline))
    assert [b - a for a, b in pairwise(said)] == [4, 8, 16, 30, 30]
    delivery, commands = core.step(delivery, acked(3), at(250.0))
    deadline = core.due(delivery)
    assert deadline is not None
    delivery, commands = core.step(delivery, Signal.DUE, at(deadline))
    assert commands == [SayHello()]
    repeated = core.due(delivery)
    assert repeated is not None
    assert round(repeated - deadline) == 60


@pytest.mark.parametrize("refused", [acked(4), acked(-1), acked(1, epoch=OTHER)])
def test_an_ack_that_cannot_be_true_is_refused_and_said_once(refused: Acked) -> None:
    before, _ = walk(tops(3), Signal.CONNECTED, acked(0))
    after, commands = walk(refused, refused, start=before)
    assert len(commands) == 1
    assert isinstance(commands[0], Say)
    assert after.books == before.books


def test_an_epoch_in_doubt_holds_up_no_other() -> None:
    both = Tops((Known(OLD, 500 * WINDOW + 1000, 0), Known(NOW, 700, 0)))
    delivery, _ = walk(both, Signal.CONNECTED, acked(0, epoch=OLD), acked(0))
    for number in range(1, WINDOW + 1):
        delivery, _ = core.step(delivery, Sent(number, 500 * number), at(101.0))
    _, commands = core.step(delivery, Signal.DUE, at(110.0))
    flights = [one.flight for one in commands if isinstance(one, Send)]
    assert [(one.epoch, one.first) for one in flights] == [(OLD, 1), (NOW, 1), (NOW, 501)]


def test_an_empty_journal_asks_for_nothing() -> None:
    delivery, commands = walk(Signal.CONNECTED, Signal.DUE)
    assert commands == []
    assert core.due(delivery) is None


# Every state with every signal.

STATES = {
    "new": walk()[0],
    "empty": walk(Signal.CONNECTED)[0],
    "cut off": walk(tops(700), Signal.DISCONNECTED)[0],
    "asking": walk(tops(700), Signal.CONNECTED)[0],
    "asking, with live rows": walk(tops(700), Signal.CONNECTED, tops(705))[0],
    "sending": walk(tops(5000), Signal.CONNECTED, acked(0))[0],
    "waiting": walk(tops(50), Signal.CONNECTED, acked(0), Sent(1, 50))[0],
    "filling holes": walk(tops(900), Signal.CONNECTED, acked(9, (10, 20), (40, 50)))[0],
    "done": walk(tops(50, 50), Signal.CONNECTED, acked(50))[0],
    "two epochs": walk(Tops((Known(OLD, 9, 9), Known(NOW, 9, 0))), Signal.CONNECTED, acked(0))[0],
    "in doubt": walk(
        tops(900), Signal.CONNECTED, acked(0), Sent(1, 500), Sent(2, 900), *[Signal.DUE] * 40
    )[0],
}
SIGNALS: list[AnySignal] = [
    *Signal,
    tops(0),
    tops(1000),
    Tops(()),
    Tops((Known(OLD, 5, 0), Known(NOW, 60, 3))),
    acked(0),
    acked(50),
    acked(9, (10, 20)),
    acked(9, (30, 20), (-4, 10**9), (9, 9)),
    acked(10**9),
    acked(1, epoch=OTHER),
    Sent(1, 50),
    Sent(1, 0),
    Sent(1, 10**6),
    Sent(77, 1),
    Failed(1),
]


@pytest.mark.parametrize(("name", "signal", "later"), list(product(STATES, SIGNALS, (0.0, 99.0))))
def test_every_state_takes_every_signal(name: str, signal: AnySignal, later: float) -> None:
    before = STATES[name]
    after, commands = core.step(before, signal, at(120.0 + later))
    if not after.connected:
        assert not [one for one in commands if isinstance(one, Send | SayHello)]
    for lane in Lane:
        assert sum(flight.lane is lane for flight in after.publishing) <= WINDOW
    for books in after.books:
        assert 0 <= books.acknowledged <= books.top
        assert books.unsent == ranges.intersection(
            books.unsent, ranges.span(books.acknowledged + 1, books.top)
        )
        assert len(books.flights) <= WINDOW
    for one in commands:
        if isinstance(one, Send):
            top = next(books.top for books in after.books if books.epoch == one.flight.epoch)
            assert 1 <= one.flight.first <= one.flight.last <= top
    deadline = core.due(after)
    assert deadline is None or deadline > 120.0 + later or signal is Signal.DUE, "no busy loop"


@pytest.mark.parametrize("deadlines", [(5.0, 3.0), (3.0, 5.0), (None, 3.0), (3.0, None)])
def test_what_comes_first_is_due_first(deadlines: tuple[float | None, ...]) -> None:
    books = tuple(
        Books(epoch, 1, 0, live_from=1, deadline=one)
        for epoch, one in zip((OLD, NOW), deadlines, strict=True)
    )
    waiting = Delivery(books, connected=True, hello_at=4.0)
    assert core.due(waiting) == 3.0
    assert core.due(replace(waiting, hello_at=2.0)) == 2.0
    assert core.due(replace(waiting, connected=False)) is None


class LossyVenue(RuleBasedStateMachine):
    """A device and central, and between them a link that loses, doubles and reorders."""

    def __init__(self) -> None:
        super().__init__()
        self.delivery = Delivery()
        self.uptime = 100.0
        self.tops = {OLD: 0}
        self.saved: dict[bytes, int] = {}
        self.held: dict[bytes, set[int]] = {OLD: set(), NOW: set()}
        self.to_central: list[Flight | SayHello] = []
        self.to_device: list[Ack] = []
        self.unpublished: list[Flight] = []

    def tell(self, signal: AnySignal) -> None:
        self.delivery, commands = core.step(self.delivery, signal, at(self.uptime))
        for command in commands:
            match command:
                case SayHello():
                    self.to_central.append(command)
                case Send(flight):
                    self.unpublished.append(flight)
                case Save(epoch, upto):
                    self.saved[epoch] = upto
                case Say():
                    pass

    def tell_tops(self) -> None:
        known = [Known(epoch, top, self.saved.get(epoch, 0)) for epoch, top in self.tops.items()]
        self.tell(Tops(tuple(known)))

    def prefix(self, epoch: bytes) -> int:
        upto = 0
        while upto + 1 in self.held[epoch]:
            upto += 1
        return upto

    def ack(self, epoch: bytes) -> Ack:
        upto = self.prefix(epoch)
        top = max(self.held[epoch], default=0)
        lacking = [(row, row) for row in range(upto + 1, top) if row not in self.held[epoch]]
        return Ack(epoch, upto, ranges.union(lacking))

    def arrive(self, message: Flight | SayHello) -> None:
        if isinstance(message, SayHello):
            self.to_device += [self.ack(epoch) for epoch in self.tops]
        else:
            self.held[message.epoch].update(range(message.first, message.last + 1))
            self.to_device.append(self.ack(message.epoch))

    @rule(rows=st.integers(1, 900))
    def grow(self, rows: int) -> None:
        epoch = list(self.tops)[-1]
        self.tops[epoch] += rows
        self.tell_tops()

    @precondition(lambda self: len(self.tops) == 1)
    @rule()
    def begin_epoch(self) -> None:
        self.tops[NOW] = 1
        self.tell_tops()

    @precondition(lambda self: not self.delivery.connected)
    @rule()
    def connect(self) -> None:
        self.tell(Signal.CONNECTED)

    @precondition(lambda self: self.delivery.connected)
    @rule(broker_kept=st.booleans())
    def disconnect(self, broker_kept: bool) -> None:
        self.unpublished.clear()
        if not broker_kept:
            self.to_central.clear()
            self.to_device.clear()
        self.tell(Signal.DISCONNECTED)

    @rule()
    def restart_sync(self) -> None:
        """The process died: what it saved is all it knows."""
        self.unpublished.clear()
        self.delivery = Delivery(number=self.delivery.number)
        self.tell_tops()

    @precondition(lambda self: self.unpublished)
    @rule(cut=st.integers(0, 400), reaches=st.booleans())
    def publish(self, cut: int, reaches: bool) -> None:
        """A batch that holds fewer rows than wanted; PUBACKed, and then perhaps lost."""
        flight = self.unpublished.pop(0)
        through = max(flight.last - cut, flight.first)
        if reaches:
            self.to_central.append(replace(flight, last=through))
        self.tell(Sent(flight.number, through))

    @precondition(lambda self: self.unpublished)
    @rule()
    def publish_fails(self) -> None:
        self.tell(Failed(self.unpublished.pop().number))

    @precondition(lambda self: self.to_central)
    @rule(index=st.integers(0, 20), keep=st.booleans(), lose=st.booleans())
    def central_receives(self, index: int, keep: bool, lose: bool) -> None:
        message = self.to_central[index % len(self.to_central)]
        if not keep:
            self.to_central.remove(message)
        if not lose:
            self.arrive(message)

    @precondition(lambda self: self.to_device)
    @rule(index=st.integers(0, 20), keep=st.booleans(), lose=st.booleans())
    def device_receives(self, index: int, keep: bool, lose: bool) -> None:
        ack = self.to_device[index % len(self.to_device)]
        if not keep:
            self.to_device.remove(ack)
        if not lose:
            self.tell(Acked(ack))

    @rule(seconds=st.floats(0.0, 40.0))
    def time_passes(self, seconds: float) -> None:
        self.uptime += seconds
        self.tell(Signal.DUE)

    @invariant()
    def nothing_is_called_acknowledged_that_central_lacks(self) -> None:
        for books in self.delivery.books:
            assert books.acknowledged <= self.prefix(books.epoch)
        for epoch, upto in self.saved.items():
            assert upto <= self.prefix(epoch)

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.delivery.publishing) <= 2 * WINDOW
        assert all(len(books.flights) <= WINDOW for books in self.delivery.books)

    def teardown(self) -> None:
        """From now on the link is good: in the end everything is acknowledged."""
        if not self.delivery.connected:
            self.tell(Signal.CONNECTED)
        for _ in range(2000):
            while self.unpublished or self.to_central or self.to_device:
                while self.unpublished:
                    flight = self.unpublished.pop(0)
                    self.to_central.append(flight)
                    self.tell(Sent(flight.number, flight.last))
                if self.to_central:
                    self.arrive(self.to_central.pop(0))
                if self.to_device:
                    self.tell(Acked(self.to_device.pop(0)))
            if not core.unacknowledged(self.delivery):
                break
            deadline = core.due(self.delivery)
            assert deadline is not None, "rows are left and nothing will happen"
            self.uptime = max(self.uptime, deadline)
            self.tell(Signal.DUE)
        assert core.unacknowledged(self.delivery) == 0
        self.nothing_is_called_acknowledged_that_central_lacks()


TestLossyVenue = LossyVenue.TestCase
TestLossyVenue.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
