"""What sync only carries: orders at a person's pace, and logs."""

import asyncio
from pathlib import Path

import pytest

from edge.core.obedience import ORDER_BYTES_MAX
from edge.drivers.fetch_simulated import SimulatedFetch
from edge.drivers.interfaces import Message
from edge.drivers.link_simulated import SimulatedLink
from edge.runtime.clock import SimulatedClock, settle
from edge.runtime.intercom import Logged, LogsWanted, Ordered, Word
from edge.store.trust import TrustStore
from edge.sync.carrier import ORDERS_AT_ONCE, Carrier
from edge.sync.roles import RolesFollower
from tests import trusted
from wire.codec import decode
from wire.command import COMMAND_SECONDS_MAX, Logs
from wire.signed import Purpose, pin, seal
from wire.topic import Topics

DEVICE = "00112233445566aa"
TOPICS = Topics("venue")
OURS = trusted.sealed(b"an order", Purpose.COMMAND)
NEXT = seal(b"an order", Purpose.COMMAND, trusted.key("next command"))
"""By a key that only the second roles name."""


def message(payload: bytes, retained: bool = False) -> Message:
    return Message(TOPICS.command(DEVICE), payload, retained)


@pytest.fixture
def trust(tmp_path: Path) -> TrustStore:
    """Of a device that was enrolled and has heard nothing yet."""
    return TrustStore(tmp_path, pin(trusted.roles()), "venue")


@pytest.fixture
def new(trust: TrustStore) -> RolesFollower:
    return RolesFollower(SimulatedFetch(), trust, "venue", SimulatedClock())


@pytest.fixture
def roles(trust: TrustStore, new: RolesFollower) -> RolesFollower:
    """Of a device that has heard all there is."""
    trust.add(trusted.roles())
    new.newest(1)
    return new


def test_an_order_waits_until_a_new_device_has_heard_whose_orders_to_obey(
    trust: TrustStore, new: RolesFollower
) -> None:
    told: list[Word] = []
    carrier = Carrier(SimulatedLink(), told.append, SimulatedClock(), TOPICS, DEVICE, new)
    carrier.order(message(OURS))
    carrier.order(message(NEXT))
    carrier.look_again()
    assert told == [], "the doors would call both forged"
    trust.add(trusted.roles())
    new.newest(2)
    carrier.look_again()
    assert told == [Ordered(OURS)], "the other may be one of the second roles', which are to come"
    carrier.order(message(OURS))
    assert told == [Ordered(OURS)] * 2, "what is known waits for nothing"
    trust.add(trusted.next_roles(2, "next command", Purpose.COMMAND))
    carrier.look_again()
    assert told == [Ordered(OURS)] * 2 + [Ordered(NEXT)]
    carrier.look_again()
    assert len(told) == 3, "once"


def test_who_has_heard_the_newest_roles_doubts_nobody(
    trust: TrustStore, new: RolesFollower
) -> None:
    told: list[Word] = []
    carrier = Carrier(SimulatedLink(), told.append, SimulatedClock(), TOPICS, DEVICE, new)
    trust.add(trusted.roles())
    carrier.order(message(NEXT))
    assert told == [], "no heartbeat has said in this life whether there are newer roles"
    new.newest(1)
    carrier.look_again()
    carrier.order(message(NEXT))
    assert told == [Ordered(NEXT)] * 2, "forged, and the doors say so"


def test_an_order_waits_no_longer_than_it_lives_and_strangers_take_little_room(
    new: RolesFollower,
) -> None:
    async def story() -> None:
        told: list[Word] = []
        clock = SimulatedClock()
        carrier = Carrier(SimulatedLink(), told.append, clock, TOPICS, DEVICE, new)
        carrier.order(message(OURS))
        await clock.advance(COMMAND_SECONDS_MAX - 1.0)
        carrier.look_again()
        assert told == []
        for _ in range(20):
            carrier.order(message(NEXT))
        assert told == [Ordered(NEXT)], "as many wait as come at once, and no more"
        carrier.order(message(OURS, retained=True))
        carrier.order(message(b"no order"))
        await clock.advance(1.0)
        carrier.look_again()
        assert told[-1] == Ordered(OURS), "expired, and the doors say so"

    asyncio.run(story())


def test_an_order_is_carried_as_it_came(roles: RolesFollower) -> None:
    told: list[Word] = []
    clock = SimulatedClock()
    carrier = Carrier(SimulatedLink(), told.append, clock, TOPICS, DEVICE, roles)
    carrier.order(message(b"sealed"))
    carrier.order(message(b"kept", retained=True))
    carrier.order(message(bytes(4_000_000)))
    assert told[:2] == [Ordered(b"sealed"), Ordered(b"kept", True)]
    assert isinstance(told[2], Ordered)
    assert len(told[2].envelope) == ORDER_BYTES_MAX + 1, "too long to be one, and not longer"


def test_a_flood_of_orders_comes_through_at_a_persons_pace(roles: RolesFollower) -> None:
    async def story() -> None:
        told: list[Word] = []
        clock = SimulatedClock()
        carrier = Carrier(SimulatedLink(), told.append, clock, TOPICS, DEVICE, roles)
        for _ in range(10_000):
            carrier.order(message(b"x"))
        assert len(told) == ORDERS_AT_ONCE
        assert carrier.dropped == 10_000 - ORDERS_AT_ONCE
        await clock.advance(1.0)
        for _ in range(100):
            carrier.order(message(b"y"))
        assert len(told) == ORDERS_AT_ONCE + 5

    asyncio.run(story())


def test_logs_go_to_central(roles: RolesFollower) -> None:
    async def story() -> None:
        link = SimulatedLink()
        carrier = Carrier(link, lambda _: None, SimulatedClock(), TOPICS, DEVICE, roles)
        link.connect()
        carrier.logs(Logged("gate", ("one", "two")))
        await settle()
        ((topic, payload),) = link.published
        assert topic == TOPICS.log(DEVICE)
        assert decode(payload, Logs) == Logs("gate", ("one", "two"))

    asyncio.run(story())


def test_syncs_own_log_goes_along_and_every_daemon_is_asked_for_its_own(
    roles: RolesFollower,
) -> None:
    async def story() -> None:
        link, told = SimulatedLink(), list[Word]()
        carrier = Carrier(link, told.append, SimulatedClock(), TOPICS, DEVICE, roles)
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
