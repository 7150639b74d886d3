"""What of the journal to send next, and when to send it again.

A row is delivered when central's `Ack` covers it; the broker's PUBACK frees a place in the window
and proves nothing. Each epoch has its own books:

    acknowledged   rows 1 to here are central's, as its newest Ack says
    unsent         rows not sent in this attempt; taken from the front by the backlog lane, and
                   from the end, as soon as they are written, by the live lane
    flights        backlog batches sent and not acknowledged: four at most, one while in doubt

A connection begins with a Hello, said again until central has answered for every epoch; the
backlog waits for that answer, live rows do not. No progress for two seconds, then four, up to
thirty: a new attempt from the end of the prefix. An Ack lower than the last one says that central
was restored from a backup: a new attempt from there.
"""

from dataclasses import replace
from typing import assert_never

from edge.core import ranges
from edge.core.delivery_terms import (
    BACKLOG_ROWS_MAX,
    HELLO_EVERY_SECONDS,
    HOLES_MAX,
    LIVE_ROWS_MAX,
    PATIENCE_MAX_SECONDS,
    PATIENCE_SECONDS,
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
from edge.core.ranges import Ranges
from wire.delivery import Ack


def step(delivery: Delivery, signal: AnySignal, now: Moment) -> tuple[Delivery, list[Command]]:
    """Return the state after `signal`, and the commands to perform in order."""
    delivery, commands = _after(delivery, signal, now)
    if delivery.connected:
        delivery, said = _hello_if_due(delivery, now)
        commands += said
        delivery = _attempt_again_if_due(delivery, now)
        if any(books.unsent for books in delivery.books):  # After most signals there is nothing.
            delivery, sent = _send(delivery, now)
            commands += sent
    return delivery, commands


def due(delivery: Delivery) -> float | None:
    """Return the uptime at which the next `Signal.DUE` is wanted."""
    if not delivery.connected:
        return None
    deadlines = [books.deadline for books in delivery.books]
    if delivery.books:
        deadlines.append(delivery.hello_at)
    return min((deadline for deadline in deadlines if deadline is not None), default=None)


def unacknowledged(delivery: Delivery) -> int:
    """Return how many rows central has not acknowledged."""
    return sum(books.top - books.acknowledged for books in delivery.books)


def _after(delivery: Delivery, signal: AnySignal, now: Moment) -> tuple[Delivery, list[Command]]:
    match signal:
        case Signal.CONNECTED:
            books = tuple(_begin(one, answered=False) for one in delivery.books)
            return _asking(replace(delivery, books=books, connected=True, publishing=()), now), []
        case Signal.DISCONNECTED:
            return replace(delivery, connected=False, publishing=()), []
        case Signal.DUE:
            return delivery, []
        case Tops(epochs):
            return _grown(delivery, epochs, now), []
        case Acked(ack):
            return _acknowledge(delivery, ack, now)
        case Sent(number, through):
            return _sent(delivery, number, through, now), []
        case Failed(number):
            return _sent(delivery, number, None, now), []
        case _:
            assert_never(signal)


def _begin(books: Books, answered: bool) -> Books:
    """Begin an attempt: all that is not acknowledged is to be sent, from the front."""
    unsent = ranges.span(books.acknowledged + 1, books.top)
    return replace(
        books,
        unsent=unsent,
        live_from=books.top,
        flights=(),
        answered=answered,
        patience_seconds=PATIENCE_SECONDS,
        deadline=None,
    )


def _asking(delivery: Delivery, now: Moment) -> Delivery:
    return replace(delivery, hello_at=now.uptime, hello_patience_seconds=PATIENCE_SECONDS)


def _grown(delivery: Delivery, epochs: tuple[Known, ...], now: Moment) -> Delivery:
    had = {books.epoch: books for books in delivery.books}
    books: list[Books] = []
    for known in epochs:
        old = had.get(known.epoch)
        if old is None:
            acknowledged = min(known.acknowledged, known.top)
            old = Books(known.epoch, known.top, acknowledged, live_from=known.top)
            books.append(_begin(old, answered=False))
        elif known.top <= old.top:
            books.append(old)
        else:
            unsent = ranges.union(old.unsent, ranges.span(old.top + 1, known.top))
            books.append(replace(old, top=known.top, unsent=unsent))
    delivery = replace(delivery, books=tuple(books))
    return _asking(delivery, now) if {one.epoch for one in books} - had.keys() else delivery


def _acknowledge(delivery: Delivery, ack: Ack, now: Moment) -> tuple[Delivery, list[Command]]:
    books = _find(delivery, ack.epoch)
    if books is None:
        return _refuse(delivery, "an Ack names an epoch that this journal does not have")
    if not 0 <= ack.upto <= books.top:
        return _refuse(delivery, "an Ack goes beyond what this journal has")
    commands: list[Command] = []
    if ack.upto != books.acknowledged:
        commands.append(Save(books.epoch, ack.upto))
    if ack.upto < books.acknowledged:
        books = _begin(replace(books, acknowledged=ack.upto), answered=True)
    elif ack.upto > books.acknowledged:
        books = replace(
            books,
            acknowledged=ack.upto,
            unsent=ranges.without(books.unsent, 1, ack.upto),
            flights=tuple(flight for flight in books.flights if flight.last > ack.upto),
            patience_seconds=PATIENCE_SECONDS,
        )
        books = _wait_again(books, now)
    unsent = books.unsent
    if unsent:
        unsent = ranges.intersection(unsent, _lacking(ack, books.top))
    return _replaced(delivery, replace(books, answered=True, unsent=unsent)), commands


def _lacking(ack: Ack, top: int) -> Ranges:
    """Return which rows above the prefix central may lack: all, less those it says it holds."""
    holes = [hole for hole in ack.want[:HOLES_MAX] if ack.upto < hole[0] <= hole[1] <= top]
    if not holes or holes[0][0] != ack.upto + 1:
        # The row after the prefix is lacking by definition; a list that says otherwise is wrong.
        return ranges.span(ack.upto + 1, top)
    # The row after a hole is held, by what a hole is; of those after the last, nothing is said.
    return ranges.union(holes, ranges.span(holes[-1][1] + 2, top))


def _refuse(delivery: Delivery, sentence: str) -> tuple[Delivery, list[Command]]:
    if sentence in delivery.refused:
        return delivery, []
    return replace(delivery, refused=delivery.refused | {sentence}), [Say(sentence)]


def _sent(delivery: Delivery, number: int, through: int | None, now: Moment) -> Delivery:
    """Free the place of flight `number`; what did not fit into it is to be sent again."""
    flight = next((one for one in delivery.publishing if one.number == number), None)
    if flight is None:
        return delivery
    left = tuple(one for one in delivery.publishing if one is not flight)
    delivery = replace(delivery, publishing=left)
    books = _find(delivery, flight.epoch)
    if books is None or through is None:
        return delivery
    if through < flight.last:
        rest = ranges.span(max(through, books.acknowledged) + 1, flight.last)
        shortened = (
            replace(one, last=through) if one.number == number else one for one in books.flights
        )
        kept = tuple(one for one in shortened if one.last > books.acknowledged)
        books = replace(books, unsent=ranges.union(books.unsent, rest), flights=kept)
    elif flight.lane is Lane.LIVE:
        return delivery
    if flight.lane is Lane.BACKLOG:
        # Only now could central have it; steady live traffic, though, must not put it off for ever.
        books = _wait_again(books, now)
    return _replaced(delivery, books)


def _wait_again(books: Books, now: Moment) -> Books:
    """Give central its time again, if it still owes an answer for rows sent."""
    owes = ranges.count(books.unsent) < books.top - books.acknowledged
    return replace(books, deadline=now.uptime + books.patience_seconds if owes else None)


def _hello_if_due(delivery: Delivery, now: Moment) -> tuple[Delivery, list[Command]]:
    if delivery.hello_at is None or delivery.hello_at > now.uptime or not delivery.books:
        return delivery, []
    if all(books.answered for books in delivery.books):
        again = replace(delivery, hello_at=now.uptime + HELLO_EVERY_SECONDS)
        return again, [SayHello()]
    patience = delivery.hello_patience_seconds
    return replace(
        delivery,
        hello_at=now.uptime + patience,
        hello_patience_seconds=min(patience * 2, PATIENCE_MAX_SECONDS),
    ), [SayHello()]


def _attempt_again_if_due(delivery: Delivery, now: Moment) -> Delivery:
    if all(one.deadline is None or one.deadline > now.uptime for one in delivery.books):
        return delivery
    publishing = {one.epoch for one in delivery.publishing if one.lane is Lane.BACKLOG}
    books = []
    for one in delivery.books:
        if one.deadline is None or one.deadline > now.uptime:
            books.append(one)
        elif one.epoch in publishing:
            # The link has not taken it yet: sending it twice would only slow it down.
            books.append(_wait_again(one, now))
        else:
            patience = min(one.patience_seconds * 2, PATIENCE_MAX_SECONDS)
            books.append(replace(_begin(one, one.answered), patience_seconds=patience))
    return replace(delivery, books=tuple(books))


def _send(delivery: Delivery, now: Moment) -> tuple[Delivery, list[Command]]:
    """Fill both lanes as far as their windows allow."""
    commands: list[Command] = []
    while flight := _next_live(delivery) or _next_backlog(delivery):
        commands.append(Send(flight))
        books = _find(delivery, flight.epoch)
        assert books is not None
        unsent = ranges.without(books.unsent, flight.first, flight.last)
        if flight.lane is Lane.LIVE:
            # Of a burst the newest went at once; the rest is cheaper in large batches.
            books = replace(books, unsent=unsent, live_from=flight.last)
        else:
            books = replace(books, unsent=unsent, flights=(*books.flights, flight))
        if books.deadline is None:
            books = _wait_again(books, now)
        delivery = replace(
            delivery,
            books=_with(delivery, books),
            number=flight.number,
            publishing=(*delivery.publishing, flight),
        )
    return delivery, commands


def _next_live(delivery: Delivery) -> Flight | None:
    """The newest rows, at most 20, of those that were written since the attempt began."""
    if _publishing(delivery, Lane.LIVE) >= WINDOW:
        return None
    for books in reversed(delivery.books):
        if books.unsent and books.unsent[-1][1] > books.live_from:
            first, last = books.unsent[-1]
            first = max(first, books.live_from + 1, last - LIVE_ROWS_MAX + 1)
            return Flight(delivery.number + 1, books.epoch, first, last, Lane.LIVE)
    return None


def _next_backlog(delivery: Delivery) -> Flight | None:
    """The oldest rows of the first epoch whose turn it is.

    An epoch in doubt has a window of one to itself, so that it holds up no other.
    """
    if _publishing(delivery, Lane.BACKLOG) >= WINDOW:
        return None
    shared = sum(len(books.flights) for books in delivery.books if not books.in_doubt)
    for books in delivery.books:
        free = not books.flights if books.in_doubt else shared < WINDOW
        if books.answered and books.unsent and free:
            first, last = books.unsent[0]
            last = min(last, first + BACKLOG_ROWS_MAX - 1)
            return Flight(delivery.number + 1, books.epoch, first, last, Lane.BACKLOG)
    return None


def _publishing(delivery: Delivery, lane: Lane) -> int:
    return sum(flight.lane is lane for flight in delivery.publishing)


def _find(delivery: Delivery, epoch: bytes) -> Books | None:
    return next((books for books in delivery.books if books.epoch == epoch), None)


def _replaced(delivery: Delivery, changed: Books) -> Delivery:
    return replace(delivery, books=_with(delivery, changed))


def _with(delivery: Delivery, changed: Books) -> tuple[Books, ...]:
    return tuple(changed if one.epoch == changed.epoch else one for one in delivery.books)
