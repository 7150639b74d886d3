"""An event is called off: every ticket is refunded once, however often one begins."""

import argparse
import threading
from typing import Any

import pytest

from rules.ticket_class import EventRecord
from tests.central.test_elsewhere import authorised
from tests.central.test_operations import Gate, code, incidents, sequence, silent_since, stored
from tests.trusted import inside
from wire.codec import decode
from wire.entry import Standing, read
from wire.event import ListApplied
from wire.snapshot import Delta


@pytest.fixture
def gate(tickets: list[Any]) -> Gate:
    assert tickets
    made = Gate()
    made.says_hello()
    return made


def call_off(stop_after: int = 99) -> list[tuple[int, int]]:
    """Refund the event, told to stop after so many pieces; return the progress that was said."""
    from central.tickets import called_off
    from central.venue.models import Event

    told, stopping = list[tuple[int, int]](), threading.Event()

    def progress(done: int, of_all: int) -> None:
        told.append((done, of_all))
        if len(told) > stop_after:
            stopping.set()

    called_off.run(Event.objects.get(), "command:chief", "storm", progress, stopping)
    return told


def deltas(after: int) -> list[Delta]:
    from central.lists.models import Change

    found = Change.objects.filter(sequence__gt=after).order_by("sequence")
    return [decode(inside(bytes(one.body)), Delta) for one in found]


def states() -> dict[str, int]:
    from collections import Counter

    from central.tickets.models import Refund

    return dict(Counter(Refund.objects.values_list("state", flat=True)))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    from central.tickets import called_off

    monkeypatch.setattr(called_off, "AT_ONCE", 2)


@pytest.mark.usefixtures("small_pieces")
def test_it_goes_on_where_it_was_stopped(gate: Gate) -> None:
    from central.tickets.models import CalledOff, Refund

    assert gate
    assert call_off(stop_after=1) == [(2, 8), (4, 8)]
    assert Refund.objects.count() == 2
    assert CalledOff.objects.get().ended_at is None
    assert call_off() == [(4, 8), (6, 8), (8, 8)]
    assert Refund.objects.count() == 6, "two of the eight had been refunded before"
    assert CalledOff.objects.get().ended_at
    assert call_off() == [(8, 8)]


@pytest.mark.usefixtures("small_pieces")
def test_it_closes_the_event_first_and_its_changes_are_small(gate: Gate) -> None:
    assert gate
    call_off()
    first, *others = deltas(0)
    ((_, body),) = first.events
    assert (decode(body, EventRecord).closed, len(first.tickets)) == (True, 0)
    assert [len(delta.tickets) for delta in others] == [2, 2, 2]
    assert {read(row).standing for delta in others for row in delta.tickets} == {Standing.REFUNDED}


@pytest.mark.usefixtures("small_pieces")
def test_its_refunds_wait_for_gates_as_every_refund_does(gate: Gate, tickets: list[Any]) -> None:
    silent_since(1000)
    call_off()
    assert states() == {"held": 6}
    gate.wrote(authorised(code(stored(tickets[0]))))
    gate.reports()
    assert states() == {"held": 5, "to-decide": 1}
    gate.wrote(ListApplied(sequence=sequence()))
    gate.reports()
    assert states() == {"settled": 5, "to-decide": 1}
    assert incidents() == ["refund-after-admission"]


def asked(event: str, **told: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"event": event, "by": "chief", "why": "", "yes": True, **told})


def test_the_command_says_what_it_means_and_asks_for_a_yes(
    gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    from central.tickets import command
    from central.tickets.models import Refund

    assert gate
    assert command.run(asked("SHOW", yes=False), threading.Event()) == 0
    assert "refunds 6 tickets; say --yes" in capsys.readouterr().err
    assert Refund.objects.count() == 0
    assert command.run(asked("NONE"), threading.Event()) == 1
    stopped = threading.Event()
    stopped.set()
    assert command.run(asked("SHOW"), stopped) == 75
    assert command.run(asked("SHOW"), threading.Event()) == 0
    assert Refund.objects.count() == 6
