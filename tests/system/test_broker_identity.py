"""The venue's broker as provisioning configures it: who gets in, what they may say, whom they hear,
and what becomes of the others meanwhile. Real mosquitto, real TLS, certificates of our own."""

import contextlib
import os
import socket
import ssl
import threading
from typing import Any

from cryptography import x509

from central.identity import access, authority, renewing
from central.link import Program, connect
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

TOPICS = Topics(VENUE)


# Who gets in.


def test_a_device_of_ours_is_heard_and_hears(parties: Parties) -> None:
    central = parties.central()
    device = parties.comes(A).connected()
    for topic in (TOPICS.ack(A), TOPICS.deltas(), TOPICS.heartbeat()):
        device.listen(topic)
    for topic in (TOPICS.live(A), TOPICS.backlog(A), TOPICS.hello(A), TOPICS.log(A)):
        device.say(topic, b"mine")
    device.say(TOPICS.claim(A), b"mine")
    until(lambda: len(central.heard) == 5, "what the device said")
    central.say(TOPICS.ack(A), b"ack")
    publisher = parties.comes("central-publish").connected()
    for topic in (TOPICS.deltas(), TOPICS.heartbeat(), TOPICS.command(A), TOPICS.configuration(A)):
        publisher.say(topic, b"word")
    until(lambda: len(device.heard) == 3, "what central said")


def test_without_a_certificate_nobody_gets_in(
    parties: Parties, secure_broker: SecureBroker
) -> None:
    assert parties.comes(None).refused()
    plain = socket.create_connection(("127.0.0.1", secure_broker.port), timeout=30)
    with plain, contextlib.suppress(ConnectionError):
        plain.sendall(CONNECT)
        assert plain.recv(4) != ACCEPTED


def test_a_certificate_of_another_authority_is_none(parties: Parties, told: TestAuthority) -> None:
    told.stranger(A)
    assert parties.comes(f"{A}-stranger").refused()


def test_an_expired_certificate_is_none(parties: Parties, told: TestAuthority) -> None:
    told.device(A, now=told.now - (authority.DEVICE_DAYS + 1) * authority.DAY)
    assert parties.comes(A).refused()
    told.device(A, now=told.now - (authority.DEVICE_DAYS - 1) * authority.DAY)
    parties.comes(A).connected()


def test_the_certificate_of_a_server_makes_nobody_a_client(parties: Parties) -> None:
    assert parties.comes("broker").refused()


def test_a_revoked_certificate_is_none_once_the_broker_has_read_the_list(
    parties: Parties, told: TestAuthority, secure_broker: SecureBroker
) -> None:
    stolen = told.device(A)
    parties.comes(A).connected().close()
    central, other = parties.central(), parties.comes(B).connected()
    authority.write_revocations(told.issuing, [(stolen.serial_number, told.now)], told.now)
    secure_broker.reload()

    def refused() -> bool:
        party = parties.comes(A)
        answer = party.refused()
        party.close()
        return answer

    until(refused, "the list is read")
    other.say(TOPICS.live(B), b"still here")
    until(lambda: bool(central.heard), "what another says, on the connection it had")
    assert not other.gone
    secure_broker.kill()
    secure_broker.start()
    assert parties.comes(A).refused()
    told.device(A)
    parties.comes(A).connected()


def test_what_the_broker_reads_is_public_and_keys_are_not_whatever_the_umask(
    told: TestAuthority,
) -> None:
    before = os.umask(0o077)
    try:
        authority.write_revocations(told.issuing, [], told.now)
        access.write(["broker.example"], VENUE, told.now)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in told.public.iterdir()}
    assert {modes[name] for name in ("ca.pem", "crl.pem", "broker.acl", "broker.pem")} == {0o644}
    assert {modes[f"{name}.key"] for name in ("broker", "central-publish")} == {0o600}


def test_certificates_of_our_own_that_run_out_are_said_in_time(told: TestAuthority) -> None:
    assert access.running_out(told.now) == []
    soon = told.now + (authority.SERVER_DAYS - 10) * authority.DAY
    names = {path.name for path in access.running_out(soon)}
    assert names == {"broker.pem", *(f"{program}.pem" for program in Program)}
    (told.public / "broker.pem").write_text("cannot be read")
    assert [path.name for path in access.running_out(told.now)] == ["broker.pem"]


def test_a_renewed_certificate_is_shown_after_the_broker_reads_it_again(
    told: TestAuthority, secure_broker: SecureBroker
) -> None:
    def shown() -> bytes:
        context = ssl.create_default_context(cafile=str(told.public / "ca.pem"))
        context.load_cert_chain(told.public / f"{A}.pem", told.public / f"{A}.key")
        plain = socket.create_connection(("127.0.0.1", secure_broker.port), timeout=30)
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
            return secure.getpeercert(binary_form=True) or b""

    before = shown()
    assert told.public / "broker.pem" in renewing.renew_due(told.now + 61 * authority.DAY)
    # Not good yet by our own clock, which is not what is asked here: as of today.
    renewed = x509.load_pem_x509_certificates((told.public / "broker.pem").read_bytes())[0]
    authority.write_renewed(told.issuing, told.public / "broker.pem", renewed, told.now)
    secure_broker.reload()
    until(lambda: shown() != before, "the new certificate")


def test_a_program_of_central_shows_what_is_in_its_file_by_then(
    told: TestAuthority, secure_broker: SecureBroker
) -> None:
    """Renewed while it runs, it is shown at the next connection, and a stranger's would be too."""
    client = connect(told.broker(secure_broker.port), Program.INGEST, VENUE)
    try:
        until(client.is_connected, "a connection")
        pem, key = (told.public / f"central-ingest.{end}" for end in ("pem", "key"))
        ours = pem.read_bytes(), key.read_bytes()
        told.stranger("central-ingest")
        for path, end in ((pem, "pem"), (key, "key")):
            path.write_bytes((told.public / f"central-ingest-stranger.{end}").read_bytes())
        failed = threading.Event()
        client.on_connect_fail = lambda *_: failed.set()
        client.on_disconnect = lambda *_: failed.set()
        secure_broker.kill()
        secure_broker.start()
        until(failed.is_set, "the broker is gone")
        failed.clear()
        until(failed.is_set, "an answer to a stranger")
        assert not client.is_connected()
        pem.write_bytes(ours[0])
        key.write_bytes(ours[1])
        until(client.is_connected, "a connection again")
    finally:
        client.disconnect()
        client.loop_stop()


# Who is who.


def test_whoever_takes_the_client_id_of_another_throws_nobody_off(parties: Parties) -> None:
    victim = parties.comes(A).connected().listen(TOPICS.ack(A))
    rogue = parties.comes(B, client_id=A).connected().listen(TOPICS.ack(A))
    central = parties.central()
    central.say(TOPICS.ack(A), b"for A")
    until(lambda: victim.heard == [(TOPICS.ack(A), b"for A")], "A is still there")
    central.say(TOPICS.ack(B), b"for B")
    assert not victim.gone
    assert rogue.heard == []


def test_a_device_cannot_speak_for_another_nor_for_central(
    parties: Parties, told: TestAuthority, secure_broker: SecureBroker
) -> None:
    central = parties.central()
    victim = parties.comes(A).connected()
    for topic in (TOPICS.ack(A), TOPICS.command(A), TOPICS.deltas(), TOPICS.heartbeat()):
        victim.listen(topic)
    rogue = parties.comes(B).connected()
    forged = [getattr(TOPICS, kind)(A) for kind in ("live", "backlog", "hello", "log")]
    forged += [TOPICS.ack(A), TOPICS.command(A), TOPICS.ack(B), TOPICS.deltas()]
    forged += [TOPICS.heartbeat(), f"gh/1/{VENUE}/up/{B}/live/deeper", f"gh/1/other/up/{B}/live"]
    for topic in forged:
        rogue.say(topic, b"forged")
        rogue.say(topic, b"forged and kept", retain=True)
    rogue.say(TOPICS.live(B), b"its own")
    until(lambda: bool(central.heard), "what it may say")
    assert central.heard == [(TOPICS.live(B), b"its own")]
    # Whoever comes later finds nothing that was kept.
    with (told.public / "broker.acl").open("a") as allowed:
        allowed.write("\nuser central-publish\ntopic read gh/#\n")
    secure_broker.reload()
    later = parties.comes("central-publish").connected()

    def sees_everything() -> bool:
        later.listen("gh/#")
        central.say(TOPICS.command(B), b"true")
        return bool(later.heard)

    until(sees_everything, "it may hear all, what is kept first")
    newcomer = parties.comes(A).connected().listen(TOPICS.heartbeat()).listen(TOPICS.ack(A))
    central.say(TOPICS.ack(A), b"true")
    until(lambda: bool(newcomer.heard), "what central says")
    assert newcomer.heard == [(TOPICS.ack(A), b"true")]
    assert [one for one in victim.heard if one[1] != b"true"] == []
    until(lambda: (TOPICS.ack(A), b"true") in later.heard, "all that was before it")
    assert {payload for _, payload in later.heard} == {b"true"}


def test_a_device_hears_nothing_that_is_said_to_another(parties: Parties) -> None:
    central = parties.central()
    rogue = parties.comes(B).connected()
    for topic in (TOPICS.ack(A), TOPICS.command(A), TOPICS.everything_up(), "#", "$SYS/#"):
        rogue.listen(topic)
    rogue.listen(f"gh/1/{VENUE}/down/+/+")
    device = parties.comes(A).connected().listen(TOPICS.ack(A))
    central.say(TOPICS.ack(A), b"secret")
    device.say(TOPICS.live(A), b"secret")
    until(lambda: bool(device.heard and central.heard), "those it was meant for")
    central.say(TOPICS.ack(B), b"for B")
    until(lambda: bool(rogue.heard), "what is said to B")
    assert {payload for topic, payload in rogue.heard if not topic.startswith("$SYS")} == {b"for B"}


def test_a_device_cannot_say_who_is_denied(parties: Parties) -> None:
    rogue = parties.comes(B).connected().listen("$CONTROL/#")
    rogue.say(
        "$CONTROL/dynamic-security/v1",
        b'{"commands":[{"command":"createClient","username":"%s"}]}' % A.encode(),
    )
    rogue.say(
        "$CONTROL/dynamic-security/v1",
        b'{"commands":[{"command":"disableClient","username":"central-ingest"}]}',
    )
    central = parties.central()
    device = parties.comes(A).connected().listen(TOPICS.ack(A))
    device.say(TOPICS.live(A), b"here")
    until(lambda: bool(central.heard), "what nobody may keep it from saying")
    assert "deaf" not in device.said
    assert rogue.heard == []


# What one can do to the rest.


def test_an_oversized_message_ends_the_connection_of_who_sent_it(parties: Parties) -> None:
    central = parties.central()
    device = parties.comes(A).connected()
    device.say(TOPICS.live(A), bytes(256 * 1024))
    until(lambda: len(central.heard) == 1, "the largest that is allowed")
    rogue = parties.comes(B).connected()
    rogue.client.publish(TOPICS.live(B), bytes(300 * 1024), 1)
    until(lambda: rogue.gone, "the end of its connection")
    device.say(TOPICS.live(A), b"next")
    until(lambda: len(central.heard) == 2, "the next of another")
    assert central.heard[1] == (TOPICS.live(A), b"next")


def test_a_central_that_is_busy_for_a_while_is_told_everything(parties: Parties) -> None:
    """As mosquitto comes, it drops what is beyond a thousand, and acknowledges it all the same."""
    central, ready = parties.central(), threading.Event()
    hear = central.client.on_message

    def busy(*told: Any) -> None:
        ready.wait()
        assert hear
        hear(*told)

    central.client.on_message = busy
    device = parties.comes(A).connected()
    try:
        for number in range(3000):
            device.client.publish(TOPICS.live(A), number.to_bytes(4, "big") * 500, 1)
        until(lambda: len(device.puback) == 3000, "every PUBACK")
    finally:
        ready.set()
    until(lambda: len(central.heard) == 3000, "all of it")
