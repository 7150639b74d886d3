"""A revoked device's open connection ends, it cannot come back, and nobody else notices."""

import socket
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests import central_database
from tests.brokers import free_port
from tests.secure_broker import (
    ACCEPTED,
    CONNECT,
    VENUE,
    A,
    B,
    Parties,
    SecureBroker,
    TestAuthority,
    until,
)
from wire.topic import Topics

if TYPE_CHECKING:
    from central.identity.broker import Guard

TOPICS = Topics(VENUE)


@pytest.fixture(autouse=True)
def devices(told: TestAuthority) -> Iterator[None]:
    """Both devices as central knows them, with the certificates they were given."""
    central_database.use("sqlite")
    from central.identity.models import Certificate
    from central.venue.models import Device, Venue

    central_database.empty()
    venue = Venue.objects.create(code=VENUE, name_zh="场馆", name_en="Venue", list_key=bytes(32))
    for name in (A, B):
        device = Device.objects.create(venue=venue, identity=name, name=name)
        certificate = told.device(name)
        Certificate.objects.create(
            device=device,
            serial=f"{certificate.serial_number:x}",
            der=b"",
            not_before=told.now,
            not_after=told.now + 1000,
        )
    yield
    central_database.empty()


def revoke(device: str, now: int) -> int:
    from central.identity import revocation
    from central.venue.models import Device

    return revocation.revoke(list(Device.objects.filter(identity=device)), "admin", now)


@pytest.fixture
def guard(told: TestAuthority, secure_broker: SecureBroker) -> "Iterator[Guard]":
    from central.identity.broker import Guard

    guard = Guard(told.broker(secure_broker.port), VENUE)
    yield guard
    guard.close()


def watched(guard: "Guard", *denied: str) -> None:
    """Let the guard look until the broker holds who is denied."""

    def done() -> bool:
        guard.look()
        return guard.held == frozenset(denied)

    until(done, "the broker knows who is denied")


def test_its_open_connection_ends_and_the_others_lose_nothing(
    parties: Parties, guard: "Guard", told: TestAuthority
) -> None:
    central = parties.central()
    stolen = parties.comes(A).connected().listen(TOPICS.ack(A))
    other = parties.comes(B).connected().listen(TOPICS.ack(B))
    watched(guard)
    for number in range(50):
        other.say(TOPICS.live(B), b"%d" % number)
        if number == 20:
            assert revoke(A, told.now) == 1
        guard.look()
    watched(guard, A)
    until(lambda: stolen.gone, "the end of its connection")
    until(lambda: len(central.heard) == 50, "what the other said")
    central.say(TOPICS.ack(B), b"for B")
    until(lambda: bool(other.heard), "what the other is told")
    assert not other.gone


def test_it_comes_back_deaf_and_dumb_before_the_broker_has_read_the_revocation_list(
    parties: Parties,
    guard: "Guard",
    told: TestAuthority,
) -> None:
    revoke(A, told.now)
    watched(guard, A)
    central = parties.central()
    stolen = parties.comes(A)
    until(lambda: "connected" in stolen.said, "a connection")
    stolen.client.subscribe(TOPICS.ack(A), 1)
    until(lambda: "deaf" in stolen.said, "the answer to SUBSCRIBE")
    stolen.say(TOPICS.live(A), b"forged")
    other = parties.comes(B).connected()
    other.say(TOPICS.live(B), b"true")
    until(lambda: bool(central.heard), "what the other says")
    assert central.heard == [(TOPICS.live(B), b"true")]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_tls_session_of_before_is_no_way_around_the_revocation_list(
    parties: Parties, told: TestAuthority, secure_broker: SecureBroker, version: ssl.TLSVersion
) -> None:
    """A client with a session ticket is let in without its certificate being looked at again."""
    context = ssl.create_default_context(cafile=str(told.public / "ca.pem"))
    context.load_cert_chain(told.public / f"{A}.pem", told.public / f"{A}.key")
    context.maximum_version = version

    def connected(session: ssl.SSLSession | None) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", secure_broker.port), timeout=30)
        secure = context.wrap_socket(plain, server_hostname="127.0.0.1", session=session)
        secure.sendall(CONNECT)
        assert secure.recv(4) == ACCEPTED
        return secure

    with connected(None) as first:
        session = first.session
    with connected(session) as again:
        assert again.session_reused
    revoke(A, told.now)
    secure_broker.reload()

    def refused() -> bool:
        party = parties.comes(A)
        answer = party.refused()
        party.close()
        return answer

    until(refused, "the revocation list is read")
    # A newer OpenSSL is told so later, when the broker has gone already.
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connected(session)


def test_the_broker_remembers_and_one_that_forgot_is_told_again(
    parties: Parties, guard: "Guard", told: TestAuthority,
    secure_broker: SecureBroker,
) -> None:  # fmt: skip
    revoke(A, told.now)
    watched(guard, A)
    for forgets in (False, True):
        secure_broker.kill()
        if forgets:
            secure_broker.denied.unlink()
        secure_broker.start()
        # What it kept is in force before central is back.
        assert parties.comes(A).refused()
        until(lambda: guard.held is None, "the guard has noticed")
        watched(guard, A)


def test_a_device_that_is_enrolled_again_is_let_in_again(
    parties: Parties, guard: "Guard", told: TestAuthority
) -> None:
    revoke(A, told.now)
    watched(guard, A)
    from central.identity.models import Denied

    Denied.objects.all().delete()  # As enrolling does.
    told.device(A)
    watched(guard)
    central = parties.central()
    parties.comes(A).connected().listen(TOPICS.ack(A)).say(TOPICS.live(A), b"back")
    until(lambda: bool(central.heard), "what it says")


def test_a_session_by_a_certificate_that_was_replaced_ends_as_well(
    parties: Parties, guard: "Guard", told: TestAuthority
) -> None:
    """Enrolling again revokes what was there, and denies nobody."""
    from central.identity.models import Certificate

    watched(guard)
    old, other = parties.comes(A).connected(), parties.comes(B).connected()
    older = Certificate.objects.filter(device__identity=A)
    older.update(revoked_at=told.now + 1000)
    guard.look()
    older.update(revoked_at=told.now - 60)

    def ended() -> bool:
        guard.look()
        return old.gone

    until(ended, "the end of the old session")
    watched(guard)
    told.device(A)
    new = parties.comes(A).connected().listen(TOPICS.ack(A))
    parties.central().say(TOPICS.ack(A), b"welcome")
    until(lambda: bool(new.heard), "what the new one is told")
    guard.look()
    assert not other.gone
    assert not new.gone


def test_a_broker_that_is_away_holds_up_nobody(told: TestAuthority) -> None:
    from central.identity.broker import Guard

    guard = Guard(told.broker(free_port()), VENUE)
    guard.look()
    assert guard.held is None
    guard.close()
