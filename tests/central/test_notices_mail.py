"""A holder hears of it by mail: from what is done at central to a real SMTP server."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.authority import TestAuthority
from tests.central.notices import (
    MAIL,
    due_now,
    issued,
    logged,
    mail_told,
    mended,
    only,
    rows,
    run_through,
    sender_of,
    shop,
    tell_by,
)
from tests.mail_server import BEFORE_FULL_STOP, HANG_UP, SILENCE, MailServer, running_mail_server

pytestmark = pytest.mark.usefixtures("tickets")
TO = "Zoe.Li@example.com"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with running_mail_server() as running:
        yield running


@pytest.fixture
def sender(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    config = tell_by(monkeypatch, mail=mail_told(server.port))
    made = sender_of("mail", config)
    yield made
    made._carrier.close()  # noqa: SLF001


def test_what_is_issued_arrives_with_its_link(server: MailServer, sender: Any) -> None:
    from central.holder import link

    ticket = issued(shop())
    run_through(sender)
    (taken,) = server.taken
    page = f"http://127.0.0.1:8000{link.path_of(ticket)}"
    assert (taken.sender, taken.to) == ("tickets@venue.example", [TO])
    assert page in taken.text
    assert f'href="{page}"' in taken.html
    assert ticket.number in taken.text
    assert taken.message["Subject"] == "您的电子票：演出"
    assert str(taken.message["From"]).startswith("场馆 Venue <")
    row = only()
    assert (row.state, row.tries, row.said) == ("sent", 1, "250 2.0.0 queued as ABC")
    assert row.ended_at
    run_through(sender)
    assert len(server.taken) == 1


def test_it_is_said_in_the_holders_language(server: MailServer, sender: Any) -> None:
    issued(shop(), language="en")
    run_through(sender)
    (taken,) = server.taken
    assert taken.message["Subject"] == "Your ticket: Show"
    assert '<html lang="en">' in taken.html
    assert "Doors open" in taken.text


def test_names_of_events_make_no_headers_and_no_markup(server: MailServer, sender: Any) -> None:
    from central.venue.models import Event

    name = "演出\r\nBcc: all@example.com\n<script>x</script> 🎉"
    Event.objects.update(name_zh=name[:120])
    issued(shop())
    run_through(sender)
    (taken,) = server.taken
    assert "Bcc" not in taken.message
    assert taken.to == [TO]
    subject = str(taken.message["Subject"])
    assert subject == "您的电子票：演出 Bcc: all@example.com <script>x</script> 🎉"
    assert "<script>" not in taken.html
    assert "&lt;script&gt;" in taken.html


def test_an_address_that_is_refused_is_final_and_not_in_the_database(
    server: MailServer, sender: Any
) -> None:
    server.replies["RCPT"] = [f"550 5.1.1 <{TO}>: no such user {TO}"]
    issued(shop())
    issued(shop())
    run_through(sender)
    first, second = rows()
    assert (first.state, first.why) == ("failed", "address-refused")
    assert "5.1.1" in first.said
    assert "Zoe" not in first.said
    assert second.state == "sent", "the next one goes by the same connection"
    assert [line[:4] for line in server.heard].count("ehlo") == 1


@pytest.mark.parametrize(
    ("verb", "reply", "state", "why", "paused"),
    [
        ("RCPT", "450 4.2.0 greylisted", "waiting", "busy", False),
        ("RCPT", "554 5.7.1 Relay access denied", "waiting", "sender-refused", True),
        ("MAIL", "553 5.7.1 not your address", "waiting", "sender-refused", True),
        ("DATA", "451 later", "waiting", "busy", False),
        (BEFORE_FULL_STOP, "552 5.3.4 too big", "failed", "message-refused", False),
        (BEFORE_FULL_STOP, "452 4.3.1 no room", "waiting", "busy", False),
        ("CONNECT", "421 too many connections", "waiting", "unreachable", True),
        ("CONNECT", HANG_UP, "waiting", "unreachable", True),
        ("CONNECT", "hello", "waiting", "unreachable", True),
        ("EHLO", HANG_UP, "waiting", "unreachable", True),
        ("RCPT", HANG_UP, "waiting", "unreachable", True),
        ("RCPT", "421 4.3.2 going down", "waiting", "busy", True),
        (BEFORE_FULL_STOP, HANG_UP, "waiting", "silent", True),
    ],
)
def test_what_a_refusal_means_depends_on_the_step(
    server: MailServer, sender: Any, verb: str, reply: str, state: str, why: str, paused: bool
) -> None:
    from central.notices.models import Line

    server.replies[verb] = [reply]
    issued(shop())
    sender.step(threading.Event())
    row = only()
    assert (row.state, row.why) == (state, why)
    assert Line.objects.filter(failures__gt=0).exists() is paused
    # Where it did not count, the channel was down; where nobody knows, it did.
    counted = not paused or why == "silent"
    assert row.tries == (1 if counted else 0)
    if state == "waiting":
        due_now()
        mended(sender)
        run_through(sender)
        assert only().state == "sent"
        assert Line.objects.get().failures == 0 if paused else not Line.objects.exists()


def test_nobody_listens_and_the_message_waits_without_a_try(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from central.notices.models import Line

    config = tell_by(monkeypatch, mail=mail_told(1))
    sender = sender_of("mail", config)
    issued(shop())
    for failures in (1, 2, 3):
        sender.step(threading.Event())
        assert Line.objects.get().failures == failures
        assert sender.step(threading.Event()) > 10, "it pauses as a whole"
        mended(sender)
    row = only()
    assert (row.state, row.why, row.tries) == ("waiting", "unreachable", 0)
    assert server.taken == []


def test_a_message_whose_answer_was_lost_comes_again_under_the_same_name(
    server: MailServer, sender: Any
) -> None:
    server.replies[BEFORE_FULL_STOP] = [HANG_UP]
    issued(shop())
    sender.step(threading.Event())
    assert only().why == "silent"
    due_now()
    mended(sender)
    run_through(sender)
    first, second = (str(one.message["Message-ID"]) for one in server.taken)
    assert first == second == f"<{only().name}@venue.example>"
    assert only().state == "sent"


def test_a_sender_that_died_in_between_sends_again_under_the_same_name(
    server: MailServer, sender: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from central.notices import sender as module

    issued(shop())

    def die(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_down", die)
        with pytest.raises(SystemExit):
            sender.step(threading.Event())
    assert only().state == "sending"
    run_through(sender)
    assert len(server.taken) == 1, "its lease is not over"
    due_now()
    run_through(sender)
    assert len({str(one.message["Message-ID"]) for one in server.taken}) == 1
    assert (len(server.taken), only().state, only().tries) == (2, "sent", 2)


def test_two_senders_share_an_outbox_and_send_nothing_twice(
    server: MailServer, sender: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connection

    other = sender_of("mail", tell_by(monkeypatch, mail=mail_told(server.port)))
    for _ in range(12):
        issued(shop())
    stopping = threading.Event()

    def send(one: Any) -> None:
        try:
            while len(server.taken) < 12 and not stopping.wait(0.01):
                one.step(stopping)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(one,)) for one in (sender, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    stopping.set()
    names = [str(one.message["Message-ID"]) for one in server.taken]
    assert len(names) == len(set(names)) == 12
    assert {row.state for row in rows()} == {"sent"}
    other._carrier.close()  # noqa: SLF001


def test_it_is_tried_for_a_day_and_then_given_up(server: MailServer, sender: Any) -> None:
    server.replies["RCPT"] = ["450 4.2.0 later"] * 20
    issued(shop())
    waits = list[float]()
    for _ in range(20):
        before = time.time()
        sender.step(threading.Event())
        row = only()
        if row.state != "waiting":
            break
        waits.append(row.due_at - before)
        due_now()
    assert (row.state, row.why, row.tries) == ("failed", "busy", 8)
    assert waits == sorted(waits)
    assert 80_000 < sum(waits) < 100_000


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_over_tls_with_a_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    authority = TestAuthority()
    pair = authority.write_pair(tmp_path / "pair.pem", "127.0.0.1")
    login = ("tickets", "pass word")
    with running_mail_server(MailServer(security=security, login=login, pair=pair)) as server:
        safe = {"security": security, "username": login[0], "password": "mail-password"}
        ca = str(authority.write(tmp_path))
        config = tell_by(monkeypatch, mail=mail_told(server.port, authority=ca, **safe))
        sender = sender_of("mail", config, login[1])
        issued(shop())
        run_through(sender)
        assert only().state == "sent"
        assert not [line for line in server.clear if line[:4] not in ("ehlo", "STAR")]


@pytest.mark.parametrize("fault", ["other name", "other authority", "no tls", "cut"])
def test_without_a_safe_connection_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    authority = TestAuthority()
    name = "mail.elsewhere.example" if fault == "other name" else "127.0.0.1"
    pair = authority.write_pair(tmp_path / "pair.pem", name)
    believed = TestAuthority(name="other") if fault == "other authority" else authority
    server = MailServer(security="starttls", login=("tickets", "secret"), pair=pair)
    server.offers_starttls = fault != "no tls"
    with running_mail_server(server):
        server.replies["STAR"] = ["454 not now"] if fault == "cut" else []
        safe = {"security": "starttls", "username": "tickets", "password": "mail-password"}
        ca = str(believed.write(tmp_path))
        config = tell_by(monkeypatch, mail=mail_told(server.port, authority=ca, **safe))
        sender = sender_of("mail", config, "secret")
        issued(shop())
        sender.step(threading.Event())
        assert only().state == "waiting"
        assert only().why == ("unreachable" if fault == "cut" else "unsafe")
        assert server.taken == []
        assert not [line for line in server.heard if line[:4].upper() in ("AUTH", "MAIL", "RCPT")]


def test_a_wrong_password_pauses_the_channel_for_a_quarter_of_an_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from central.notices.models import Line

    with running_mail_server(MailServer(login=("tickets", "right"))) as server:
        safe = {"username": "tickets", "password": "mail-password"}
        config = tell_by(monkeypatch, mail=mail_told(server.port, **safe))
        sender = sender_of("mail", config, "wrong")
        issued(shop())
        before = time.time()
        sender.step(threading.Event())
        line = Line.objects.get()
        assert (only().state, line.why) == ("waiting", "credentials")
        assert line.until - before >= 900


def test_neither_address_nor_link_is_ever_logged(
    server: MailServer, sender: Any, caplog: pytest.LogCaptureFixture
) -> None:
    from central.holder import link

    server.replies["RCPT"] = [f"450 <{TO}> later", f"550 5.1.1 {TO} unknown", "250 ok"]
    with logged(caplog) as said:
        ticket = issued(shop())
        for _ in range(3):
            sender.step(threading.Event())
            due_now()
        issued(shop())
        run_through(sender)
    everything = "\n".join([*said, *(row.said for row in rows())])
    assert said
    assert len(server.taken) == 1
    for secret in (TO, MAIL, "Zoe", "13812345678", link.path_of(ticket)):
        assert secret.lower() not in everything.lower()


def test_a_server_that_keeps_silent_is_left(
    server: MailServer, sender: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from central.notices import mail

    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.3)
    server.replies["CONNECT"] = [SILENCE]
    issued(shop())
    sender.step(threading.Event())
    assert (only().state, only().why) == ("waiting", "unreachable")
