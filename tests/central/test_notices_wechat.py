"""A holder hears of it in WeChat: token, template and subscription messages of a small account."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests import providers
from tests.central.notices import (
    FIELDS,
    OPENID,
    due_now,
    issued,
    logged,
    mended,
    only,
    rows,
    run_through,
    sender_of,
    shop,
    tell_by,
    wechat_told,
)
from tests.providers import WeChat, running

pytestmark = pytest.mark.usefixtures("tickets")
SEND, SUBSCRIBED = "/cgi-bin/message/template/send", "/cgi-bin/message/subscribe/bizsend"


@pytest.fixture
def wechat() -> Iterator[WeChat]:
    with running(WeChat()) as provider:
        yield provider


@pytest.fixture
def sender(wechat: WeChat, monkeypatch: pytest.MonkeyPatch) -> Any:
    config = tell_by(monkeypatch, wechat=wechat_told(wechat.url))
    return sender_of("wechat", config, wechat.secret)


@pytest.fixture
def subscribed(wechat: WeChat, monkeypatch: pytest.MonkeyPatch) -> Any:
    template = {"id": "T-issued", "fields": FIELDS, "subscribed": True}
    told = wechat_told(wechat.url, templates={"issued": template})
    return sender_of("wechat", tell_by(monkeypatch, wechat=told), wechat.secret)


def test_what_is_issued_arrives_in_fields_that_fit(wechat: WeChat, sender: Any) -> None:
    from central.holder import link
    from central.venue.models import Event

    Event.objects.update(name_zh="一场名字很长\n又有表情 🎉 的演出，长到放不下一行")
    ticket = issued(shop())
    run_through(sender)
    (sent,) = wechat.sent
    assert (sent["touser"], sent["template_id"]) == (OPENID, "T-issued")
    assert sent["url"].endswith(link.path_of(ticket))
    event = sent["data"]["thing1"]["value"]
    assert (len(event), event[:6], event[-1]) == (20, "一场名字很长", "…")
    assert sent["data"]["character_string2"]["value"] == ticket.number
    assert sent["data"]["time3"]["value"] == "2023年11月15日 06:13"
    assert sent["data"]["thing4"]["value"] == "电子票已出票"
    row = only()
    assert (row.state, row.said, sent["client_msg_id"]) == ("sent", "1001", row.name)


def test_a_token_is_asked_for_once_and_again_when_it_ends(wechat: WeChat, sender: Any) -> None:
    for _ in range(3):
        issued(shop())
    run_through(sender)
    assert (len(wechat.sent), wechat.tokens) == (3, 1)
    kept = sender._carrier  # noqa: SLF001
    now = kept._token.until  # noqa: SLF001
    assert kept._token_for(now - 1) == "token-0"  # noqa: SLF001
    assert wechat.tokens == 1
    kept._token_for(now + 1)  # noqa: SLF001
    assert wechat.tokens == 2
    kept._token_for(now - 100_000)  # noqa: SLF001
    assert wechat.tokens == 3, "a clock that was set back makes no token last"
    assert wechat.forced == 0


@pytest.mark.parametrize("code", [40001, 40014, 42001])
def test_a_token_that_is_not_taken_is_replaced_and_the_message_goes(
    wechat: WeChat, sender: Any, code: int
) -> None:
    issued(shop())
    run_through(sender)
    wechat.answers = [{"errcode": code, "errmsg": "invalid credential"}]
    issued(shop())
    run_through(sender)
    assert [row.state for row in rows()] == ["sent", "sent"]
    assert wechat.forced == 1, "asked for again it was the same, so it was renewed by force"
    assert len(wechat.sent) == 2
    assert rows()[1].tries == 1


def test_a_token_that_somebody_else_renewed_is_not_renewed_by_force(
    wechat: WeChat, sender: Any
) -> None:
    issued(shop())
    run_through(sender)
    wechat.token = "of somebody else"
    issued(shop())
    run_through(sender)
    assert [row.state for row in rows()] == ["sent", "sent"]
    assert (wechat.forced, wechat.tokens) == (0, 2)


def test_a_token_that_is_never_taken_pauses_the_channel(wechat: WeChat, sender: Any) -> None:
    wechat.answers = []
    refused = {"errcode": 40001, "errmsg": "invalid credential"}
    issued(shop())
    run_through(sender)
    for _ in range(2):
        issued(shop())
    for _ in range(2):
        wechat.answers = [refused, {"access_token": "token-0", "expires_in": 7200}, refused]
        if sender._carrier._forced_at is None:  # noqa: SLF001
            wechat.answers.insert(2, {"access_token": "token-1", "expires_in": 7200})
        sender.step(threading.Event())
        mended(sender)
    assert [(row.state, row.why, row.tries) for row in rows()[1:]] == [
        ("waiting", "credentials", 0)
    ] * 2


@pytest.mark.parametrize(
    ("code", "state", "why", "paused"),
    [
        (40003, "failed", "address-refused", False),
        (40037, "failed", "template-refused", False),
        (47003, "failed", "template-refused", False),
        (43004, "failed", "holder-refused", False),
        (43101, "failed", "holder-refused", False),
        (45009, "waiting", "quota", True),
        (48001, "waiting", "credentials", True),
        (-1, "waiting", "busy", True),
        (99999, "waiting", "busy", False),
    ],
)
def test_what_each_answer_means(
    wechat: WeChat, sender: Any, code: int, state: str, why: str, paused: bool
) -> None:
    from central.notices.models import Line

    issued(shop())
    run_through(sender)
    said = f"openid {OPENID} rid: 65a1-0b2c"
    wechat.answers = [{"errcode": code, "errmsg": said}]
    issued(shop())
    sender.step(threading.Event())
    row = rows()[1]
    assert (row.state, row.why, row.tries) == (state, why, 0 if paused else 1)
    assert OPENID not in row.said
    assert Line.objects.filter(failures__gt=0).exists() is paused
    if code == 45009:
        assert Line.objects.get().until - row.written_at > 3000


@pytest.mark.parametrize(
    "fault", [providers.html, providers.nothing, providers.half_a_body, {"errcode": "0"}, {}]
)
def test_what_may_have_gone_is_sent_again_by_its_name_and_delivered_once(
    wechat: WeChat, sender: Any, fault: Any
) -> None:
    issued(shop())
    run_through(sender)

    def delivered_and(asked: Any) -> None:
        """It was taken, and then the answer went wrong."""
        wechat.sent.append(asked.body)
        fault(asked)

    wechat.answers = [delivered_and if callable(fault) else fault]
    issued(shop())
    sender.step(threading.Event())
    assert rows()[1].state == "waiting"
    due_now()
    mended(sender)
    run_through(sender)
    assert rows()[1].state == "sent"
    assert len(wechat.sent) == 2


def test_a_subscription_message_has_no_name_and_is_not_sent_again(
    wechat: WeChat, subscribed: Any
) -> None:
    issued(shop())
    run_through(subscribed)
    (sent,) = wechat.sent
    assert wechat.asked[-1]["path"] == SUBSCRIBED
    assert "client_msg_id" not in sent
    assert "/t/" in sent["page"]
    wechat.answers = [providers.nothing]
    issued(shop())
    subscribed.step(threading.Event())
    assert (rows()[1].state, rows()[1].why) == ("unclear", "silent")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"errcode": 40125, "errmsg": "invalid appsecret wechat secret"}, "credentials"),
        ({"errcode": 40164, "errmsg": "invalid ip 1.2.3.4, not in whitelist"}, "credentials"),
        ({"errcode": 45009, "errmsg": "reach max api daily quota limit"}, "quota"),
        ({"access_token": 7, "expires_in": 7200}, "garbled"),
        ({}, "garbled"),
        (providers.html, "garbled"),
        (providers.nothing, "silent"),
    ],
)
def test_without_a_token_nothing_has_gone_and_no_try_is_counted(
    wechat: WeChat,
    sender: Any,
    caplog: pytest.LogCaptureFixture,
    answer: Any,
    why: str,
) -> None:
    wechat.answers = [answer]
    issued(shop())
    with logged(caplog) as said:
        sender.step(threading.Event())
    row = only()
    assert (row.state, row.why, row.tries) == ("waiting", why, 0)
    for secret in (wechat.secret, OPENID, "access_token="):
        assert secret not in "\n".join([*said, row.said])
    due_now()
    mended(sender)
    run_through(sender)
    assert only().state == "sent"
