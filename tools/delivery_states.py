"""Delivery of a journal of at most three rows, told everything it can be told."""

from collections.abc import Iterator
from dataclasses import replace

from edge.core import delivery
from edge.core.delivery_terms import (
    Acked,
    AnySignal,
    Books,
    Command,
    Delivery,
    Failed,
    Flight,
    Known,
    Sent,
    Signal,
    Tops,
)
from edge.core.moment import Moment
from tools.explore import Move
from wire.delivery import Ack

EPOCH, ROWS_MAX = b"epoch-01", 3
START = Delivery()


def delivery_moves(state: Delivery) -> Iterator[Move[Delivery, Command]]:
    """Yield one move for each signal now, and one for waiting until something is due."""
    told = [(label, signal, 0.0) for label, signal in _signals(state)]
    due = delivery.due(state)
    if due is not None:
        told.append(("time-out", Signal.DUE, max(due, 0.0)))
    for label, signal, now in told:
        after, commands = delivery.step(state, signal, Moment(1_783_000_000.0 + now, now))
        yield Move(state, label, signal, now, after, tuple(commands), _settle(after, now))


def _signals(state: Delivery) -> list[tuple[str, AnySignal]]:
    top = state.books[-1].top if state.books else 0
    told: list[tuple[str, AnySignal]] = [
        ("connected", Signal.CONNECTED),
        ("disconnected", Signal.DISCONNECTED),
    ]
    if top < ROWS_MAX:
        told.append(("journal grew", Tops((Known(EPOCH, top + 1, 0),))))
    told += [("acknowledged", Acked(Ack(EPOCH, upto))) for upto in range(top + 1)]
    for flight in state.publishing[:1]:
        told.append(("taken by the broker", Sent(flight.number, flight.last)))
        told.append(("not taken", Failed(flight.number)))
    return told


def _settle(state: Delivery, now: float) -> Delivery:
    """Return the state as it would be were it now uptime 0, with flights numbered from 1."""
    flights = {one.number for books in state.books for one in books.flights}
    flights |= {one.number for one in state.publishing}
    numbers = {number: index for index, number in enumerate(sorted(flights), start=1)}

    def renumbered(of: tuple[Flight, ...]) -> tuple[Flight, ...]:
        return tuple(replace(one, number=numbers[one.number]) for one in of)

    def later(time: float | None) -> float | None:
        return None if time is None else max(round(time - now, 3), 0.0)

    def settled(books: Books) -> Books:
        flights = renumbered(books.flights)
        return replace(books, deadline=later(books.deadline), flights=flights)

    return replace(
        state,
        books=tuple(settled(books) for books in state.books),
        publishing=renumbered(state.publishing),
        hello_at=later(state.hello_at),
        number=len(numbers),
    )


def phase(state: Delivery) -> str:
    """Return in one word what delivery is doing; the state itself keeps books, not phases."""
    if not state.connected:
        return "offline"
    if not all(books.answered for books in state.books):
        return "asking"
    return "sending" if delivery.unacknowledged(state) else "level"
