"""What sync only carries: orders at a person's pace, and logs."""

import asyncio

from edge.core.obedience import ORDER_BYTES_MAX
from edge.drivers.interfaces import Message
from edge.drivers.link_simulated import SimulatedLink
from edge.runtime.clock import SimulatedClock, settle
from edge.runtime.intercom import Logged, LogsWanted, Ordered, Word
from edge.sync.carrier import ORDERS_AT_ONCE, Carrier
from wire.codec import decode
from wire.command import Logs
from wire.topic import Topics

DEVICE = "00112233445566aa"
TOPICS = Topics("venue")


def message(payload: bytes, retained: bool = False) -> Message:
    return Message(TOPICS.command(DEVICE), payload, retained)


def test_an_order_is_carried_as_it_came() -> None:
    told: list[Word] = []
    clock = SimulatedClock()
    carrier = Carrier(SimulatedLink(), told.append, clock, TOPICS, DEVICE)
    carrier.order(message(b"sealed"))
    carrier.order(message(b"kept", retained=True))
    carrier.order(message(bytes(4_000_000)))
    assert told[:2] == [Ordered(b"sealed"), Ordered(b"kept", True)]
    assert isinstance(told[2], Ordered)
    assert len(told[2].envelope) == ORDER_BYTES_MAX + 1, "too long to be one, and not longer"


def test_a_flood_of_orders_comes_through_at_a_persons_pace() -> None:
    async def story() -> None:
        told: list[Word] = []
        clock = SimulatedClock()
        carrier = Carrier(SimulatedLink(), told.append, clock, TOPICS, DEVICE)
        for _ in range(10_000):
            carrier.order(message(b"x"))
        assert len(told) == ORDERS_AT_ONCE
        assert carrier.dropped == 10_000 - ORDERS_AT_ONCE
        await clock.advance(1.0)
        for _ in range(100):
            carrier.order(message(b"y"))
        assert len(told) == ORDERS_AT_ONCE + 5

    asyncio.run(story())


def test_logs_go_to_central() -> None:
    async def story() -> None:
        link = SimulatedLink()
        carrier = Carrier(link, lambda _: None, SimulatedClock(), TOPICS, DEVICE)
        link.connect()
        carrier.logs(Logged("gate", ("one", "two")))
        await settle()
        ((topic, payload),) = link.published
        assert topic == TOPICS.log(DEVICE)
        assert decode(payload, Logs) == Logs("gate", ("one", "two"))

    asyncio.run(story())


def test_syncs_own_log_goes_along_and_every_daemon_is_asked_for_its_own() -> None:
    async def story() -> None:
        link, told = SimulatedLink(), list[Word]()
        carrier = Carrier(link, told.append, SimulatedClock(), TOPICS, DEVICE)
        link.connect()
        carrier.logs_wanted(100)
        assert told == [LogsWanted(100)]
        for name in ("gate", "kiosk", "gate"):
            carrier.logs(Logged(name, (f"a line of {name}",)))
        await settle()
        sent = [decode(payload, Logs).daemon for _, payload in link.published]
        assert sent == ["sync", "gate", "kiosk"], "each once, however often it says so at once"
        for number in range(1000):
            carrier.logs(Logged(f"who {number}", ()))
        await settle()
        assert len(link.published) <= 3 + 8

    asyncio.run(story())
