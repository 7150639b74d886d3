"""A holder hears of it by SMS: to a provider that checks Aliyun's signature by its own reading."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import providers
from tests.authority import TestAuthority
from tests.central.notices import (
    due_now,
    issued,
    logged,
    mended,
    only,
    rows,
    run_through,
    sender_of,
    shop,
    sms_told,
    tell_by,
)
from tests.providers import Aliyun, running

pytestmark = pytest.mark.usefixtures("tickets")


@pytest.fixture
def aliyun() -> Iterator[Aliyun]:
    with running(Aliyun()) as provider:
        yield provider


@pytest.fixture
def sender(aliyun: Aliyun, monkeypatch: pytest.MonkeyPatch) -> Any:
    return sender_of("sms", tell_by(monkeypatch, sms=sms_told(aliyun.url)), aliyun.secret)


def test_the_signature_is_that_of_the_documents_own_example() -> None:
    from central.notices.sms import authorization

    query = {
        "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
        "RegionId": "cn-shanghai",
    }
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": empty,
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    signed = authorization(query, headers, "YourAccessKeyId", "YourAccessKeySecret")
    assert signed.endswith(
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )
    assert signed.startswith("ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;")


def test_what_is_issued_arrives_as_variables_of_a_template(aliyun: Aliyun, sender: Any) -> None:
    from central.holder import link
    from central.venue.models import Event

    Event.objects.update(name_zh="【加场】演出 🎉\n http://x.example " + "长" * 40)
    ticket = issued(shop())
    run_through(sender)
    (sent,) = aliyun.sent
    assert (sent["PhoneNumbers"], sent["TemplateCode"]) == ("13812345678", "SMS_100")
    assert sent["SignName"] == "某某场馆"
    assert sent["variables"]["code"] == link.path_of(ticket).rpartition("/")[2]
    assert sent["variables"]["number"] == ticket.number
    assert sent["variables"]["event"].startswith("[加场]演出 x.example 长")
    assert set(sent["variables"]) == {"event", "number", "opens", "code"}
    row = only()
    assert (row.state, row.said, sent["OutId"]) == ("sent", "biz1^0", row.name)


def test_a_foreign_number_and_a_language_with_a_template_of_its_own(
    aliyun: Aliyun, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"zh": {"issued": "SMS_1", "refunded": "SMS_2"}, "en": {"issued": "SMS_3"}}
    config = tell_by(monkeypatch, sms=sms_told(aliyun.url, templates=names))
    sender = sender_of("sms", config, aliyun.secret)
    issued(shop(), mobile="+49 151 12345678", language="en")
    run_through(sender)
    (sent,) = aliyun.sent
    assert (sent["PhoneNumbers"], sent["TemplateCode"]) == ("4915112345678", "SMS_3")
    assert sent["variables"]["event"] == "Show"


@pytest.mark.parametrize(
    ("code", "state", "why", "paused"),
    [
        ("isv.MOBILE_NUMBER_ILLEGAL", "failed", "address-refused", False),
        ("isv.SMS_TEMPLATE_ILLEGAL", "failed", "template-refused", False),
        ("isv.SMS_SIGNATURE_ILLEGAL", "failed", "template-refused", False),
        ("isv.BLACK_KEY_CONTROL_LIMIT", "failed", "message-refused", False),
        ("isv.BUSINESS_LIMIT_CONTROL", "waiting", "limited", False),
        ("isv.DAY_LIMIT_CONTROL", "waiting", "quota", True),
        ("isv.AMOUNT_NOT_ENOUGH", "waiting", "money", True),
        ("InvalidAccessKeyId.NotFound", "waiting", "credentials", True),
        ("Throttling.User", "waiting", "busy", True),
        ("isp.SYSTEM_ERROR", "waiting", "busy", True),
        ("Something.New", "waiting", "busy", False),
    ],
)
def test_what_each_answer_means(
    aliyun: Aliyun, sender: Any, code: str, state: str, why: str, paused: bool
) -> None:
    from central.notices.models import Line

    aliyun.answers = [{"Code": code, "Message": "no: 13812345678", "RequestId": "1"}]
    issued(shop())
    sender.step(threading.Event())
    row = only()
    assert (row.state, row.why) == (state, why)
    assert row.tries == (0 if paused else 1)
    assert "13812345678" not in row.said
    assert code in row.said
    assert Line.objects.filter(failures__gt=0).exists() is paused
    if state == "waiting":
        due_now()
        mended(sender)
        run_through(sender)
        assert only().state == "sent"


@pytest.mark.parametrize(
    ("fault", "state", "why"),
    [
        (providers.html, "unclear", "garbled"),
        (providers.nothing, "unclear", "silent"),
        (providers.half_a_body, "unclear", "silent"),
        (providers.bad_header, "unclear", "garbled"),
        (providers.elsewhere, "waiting", "garbled"),
        (providers.silence, "unclear", "silent"),
        (providers.drip, "unclear", "garbled"),
        ({"what": 1}, "unclear", "garbled"),
        ({"Code": 7}, "unclear", "garbled"),
    ],
)
def test_what_may_have_gone_is_not_sent_again_by_itself(
    aliyun: Aliyun,
    sender: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: Any,
    state: str,
    why: str,
) -> None:
    from central.notices import asking
    from central.notices.models import Line

    monkeypatch.setattr(asking, "READ_SECONDS", 0.5)
    monkeypatch.setattr(asking, "WHOLE_SECONDS", 1.0)
    aliyun.answers = [fault]
    issued(shop())
    issued(shop())
    with logged(caplog) as said:
        sender.step(threading.Event())
    first, second = rows()
    assert (first.state, first.why) == (state, why)
    assert (second.state, second.tries) == ("waiting", 0), "the channel pauses, and it waits"
    assert Line.objects.get().failures == 1
    for secret in ("13812345678", "PhoneNumbers", "Credential"):
        assert secret not in "\n".join([*said, first.said])
    due_now(state="waiting")
    mended(sender)
    run_through(sender)
    assert [row.state for row in rows()] == ["sent" if state == "waiting" else state, "sent"]


def test_a_sender_that_died_in_between_sends_no_second_one(
    aliyun: Aliyun, sender: Any, monkeypatch: pytest.MonkeyPatch
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
    due_now()
    run_through(sender)
    assert (len(aliyun.sent), only().state, only().why) == (1, "unclear", "died")


@pytest.mark.parametrize("fault", ["nobody listens", "other name", "other authority"])
def test_nothing_goes_to_whom_it_should_not(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    authority = TestAuthority()
    name = "elsewhere.example" if fault == "other name" else "127.0.0.1"
    pair = authority.write_pair(tmp_path / "pair.pem", name)
    believed = TestAuthority(name="other") if fault == "other authority" else authority
    with running(Aliyun(pair=pair)) as aliyun:
        endpoint = "https://127.0.0.1:1" if fault == "nobody listens" else aliyun.url
        told = sms_told(endpoint, authority=str(believed.write(tmp_path)))
        sender = sender_of("sms", tell_by(monkeypatch, sms=told), aliyun.secret)
        issued(shop())
        with logged(caplog) as said:
            sender.step(threading.Event())
        row = only()
        for secret in ("13812345678", "PhoneNumbers"):
            assert secret not in "\n".join([*said, row.said])
        why = "unreachable" if fault == "nobody listens" else "unsafe"
        assert (row.state, row.why, row.tries) == ("waiting", why, 0)
        assert aliyun.asked == []


def test_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = TestAuthority()
    pair = authority.write_pair(tmp_path / "pair.pem", "127.0.0.1")
    with running(Aliyun(pair=pair)) as aliyun:
        told = sms_told(aliyun.url, authority=str(authority.write(tmp_path)))
        sender = sender_of("sms", tell_by(monkeypatch, sms=told), aliyun.secret)
        issued(shop())
        run_through(sender)
        assert (only().state, len(aliyun.sent)) == ("sent", 1)


def test_no_more_a_minute_than_the_venue_says(
    aliyun: Aliyun, monkeypatch: pytest.MonkeyPatch
) -> None:
    from central.core.address import Channel
    from central.notices.sender import Sender
    from central.notices.sms import Texts

    config = tell_by(monkeypatch, sms=sms_told(aliyun.url))
    sender = Sender(Channel.SMS, Texts(config.sms, aliyun.secret), 2)
    for _ in range(4):
        issued(shop())
    before = time.monotonic()
    stopping = threading.Event()
    while len(aliyun.sent) < 2:
        sender.step(stopping)
    waits = sender.step(stopping)
    assert (len(aliyun.sent), waits > 0) == (2, True)
    assert waits <= 30 + time.monotonic() - before
