"""What admins see of messages and contacts, and who may change what."""

import time
from typing import Any

import pytest
from django.test import Client

from tests.central.notices import (
    MAIL,
    MOBILE,
    OPENID,
    issued,
    mail_told,
    only,
    rows,
    shop,
    tell_by,
)

LIST = "/admin/notices/notice/"


@pytest.fixture
def chief(tickets: list[Any]) -> Client:
    assert tickets
    return somebody("chief", superuser=True)


def somebody(name: str, *permissions: str, superuser: bool = False) -> Client:
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Permission

    users = get_user_model()
    users.objects.filter(username=name).delete()
    make = users.objects.create_superuser if superuser else users.objects.create_user
    user = make(name, password="a long password")
    user.is_staff = True
    user.save()
    for one in permissions:
        app, _, codename = one.partition(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    client = Client(headers={"Accept-Language": "zh-CN"})
    client.force_login(user)
    return client


@pytest.fixture
def by_mail(monkeypatch: pytest.MonkeyPatch) -> Any:
    return tell_by(monkeypatch, mail=mail_told())


def page(client: Client, address: str, **asked: str) -> str:
    answer = client.get(address, asked)
    assert answer.status_code == 200, address
    return answer.content.decode()


def contact_of(ticket: Any) -> str:
    return f"/admin/venue/ticket/{ticket.pk}/contact/"


def ended(row: Any, state: str, why: str = "", said: str = "") -> None:
    from central.notices.models import Notice

    Notice.objects.filter(pk=row.pk).update(
        state=state, why=why, said=said, ended_at=int(time.time()), due_at=None, tries=1
    )


def test_an_empty_page_says_what_comes_first(
    chief: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings

    from central.config import Devices

    told = page(chief, LIST)
    assert "还没有消息" in told
    assert "[notices.mail]" in told
    tell_by(monkeypatch, mail=mail_told())
    told = page(chief, LIST)
    assert "[notices.mail]" not in told
    assert "[devices] url" in told
    monkeypatch.setattr(settings, "DEVICES", Devices(url="https://c.example"))
    assert "出票时带上 contact" in page(chief, LIST)
    issued(shop())
    assert "请先完成" not in page(chief, LIST)


@pytest.mark.usefixtures("by_mail")
def test_each_state_has_sign_words_and_colour_and_what_to_do(chief: Client) -> None:
    from central.core.sending import State, Why
    from central.notices import words

    ticket = issued(shop())
    row = only()
    for state in State:
        ended(row, state.value, "address-refused", "550 5.1.1 no")
        look = words.STATES[state]
        told = page(chief, LIST)
        assert look.said in told
        assert look.colour in told
        assert look.sign in told
    assert len({(look.sign, look.said) for look in words.STATES.values()}) == len(State)
    for why in Why:
        ended(row, "failed", why.value)
        told = page(chief, f"{LIST}{row.pk}/change/")
        assert words.WHY[why].said.replace("’", "’") in told
        assert words.WHY[why].todo in told
    shown = page(chief, f"/admin/venue/ticket/{ticket.pk}/change/")
    assert words.STATES[State.FAILED].said in shown
    assert "Z***@example.com" in shown
    assert "138****5678" in shown
    for secret in (MAIL, "Zoe.Li", MOBILE, "12345678", OPENID):
        assert secret not in shown


@pytest.mark.usefixtures("by_mail")
def test_messages_are_found_by_ticket_and_state(chief: Client) -> None:
    first, second = issued(shop()), issued(shop())
    ended(rows(ticket=first)[0], "failed", "address-refused")
    for asked in (first.number.lower(), bytes(first.cti).hex()):
        told = page(chief, LIST, q=asked)
        assert first.number in told
        assert second.number not in told
    told = page(chief, LIST, state__exact="failed")
    assert first.number in told
    assert second.number not in told
    assert "没有符合条件的内容" in page(chief, LIST, q="OTHER 012 345")


@pytest.mark.usefixtures("by_mail")
def test_what_is_over_is_sent_again_by_a_new_name_by_who_may(chief: Client) -> None:
    issued(shop())
    row = only()
    asked = {"action": "send_again", "_selected_action": [str(row.pk)], "index": "0"}
    told = chief.post(LIST, asked, follow=True).content.decode()
    assert "所选的都还在发送" in told
    ended(row, "failed", "address-refused", "550")
    watcher = somebody("watcher", "notices.view_notice")
    assert "重新发送" not in page(watcher, LIST)
    watcher.post(LIST, asked, follow=True)
    assert only().state == "failed"
    told = chief.post(LIST, asked, follow=True).content.decode()
    assert "1 条等待发送" in told
    again = only()
    assert (again.state, again.tries, again.why, again.said) == ("waiting", 0, "", "")
    assert again.name != row.name
    assert again.due_at <= time.time()


@pytest.mark.usefixtures("by_mail")
def test_a_contact_is_changed_and_removed_masked_and_by_who_may(chief: Client) -> None:
    from central.notices import contacts
    from central.notices.models import Contact

    ticket = issued(shop())
    address = contact_of(ticket)
    told = page(chief, address)
    assert "Z***@example.com" in told
    for secret in (MAIL, "Zoe.Li", "12345678", OPENID):
        assert secret not in told
    new = {"key": "a1", "mail": "li@example.com", "language": "en"}
    assert chief.post(address, new).status_code == 302
    known = contacts.of(ticket)
    assert (known.mail, known.mobile, known.language) == ("li@example.com", "+8613812345678", "en")
    removed = {"key": "a2", "remove-sms": "yes", "remove-wechat": "yes", "language": "zh"}
    assert chief.post(address, removed).status_code == 302
    known = contacts.of(ticket)
    assert (known.mail, known.mobile, known.openid) == ("li@example.com", "", "")
    told = chief.post(address, {"key": "a3", "sms": "110"}).content.decode()
    assert "手机号无效" in told
    assert 'value="110"' in told
    bad = {"key": "a4", "mail": '"><script>x</script>@b\r\nBcc: c@d.example'}
    assert "<script>x" not in chief.post(address, bad).content.decode()
    assert contacts.of(ticket).mail == "li@example.com"
    assert chief.post(address, {"key": "a5", "remove-mail": "yes"}).status_code == 302
    assert not Contact.objects.exists()
    watcher = somebody("watcher", "venue.view_ticket")
    assert watcher.get(address).status_code == 403
    assert watcher.post(address, new).status_code == 403
    assert chief.get("/admin/venue/ticket/999999/contact/").status_code == 404


@pytest.mark.usefixtures("by_mail")
def test_who_changed_a_contact_is_on_record_and_not_to_what(chief: Client) -> None:
    from django.contrib.admin.models import LogEntry

    from central.tickets.models import Performed

    ticket = issued(shop())
    chief.post(contact_of(ticket), {"key": "a1", "mail": "secret@example.com"})
    done = Performed.objects.get(kind="contact")
    assert done.by == "admin:chief"
    entry = LogEntry.objects.latest("pk")
    for kept in (str(vars(done)), str(vars(entry))):
        assert "secret@" not in kept


def test_a_channel_that_stands_still_and_one_that_is_no_more(
    chief: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from central.notices.models import Line

    tell_by(monkeypatch, mail=mail_told())
    issued(shop())
    Line.objects.create(
        channel="mail", failures=3, until=time.time() + 600, why="unreachable", said="refused <b>"
    )
    told = page(chief, LIST)
    assert "暂停 paused" in told
    assert "连不上服务商" in told
    assert "refused &lt;b&gt;" in told
    tell_by(monkeypatch)
    told = page(chief, LIST)
    assert "没有配置这种方式或模板" in told
    assert "1 条待发" in told


@pytest.mark.usefixtures("by_mail")
def test_the_chart_counts_each_hour_of_the_last_day() -> None:
    from central.notices.chart import HOUR_SECONDS, HOURS, chart
    from central.notices.models import Notice

    now = 1_800_000_000.0
    told = [("sent", 0), ("sent", 0), ("failed", 0), ("unclear", 5), ("sent", 30), ("given-up", 1)]
    ticket = issued(shop())
    Notice.objects.all().delete()
    for number, (state, hours_ago) in enumerate(told):
        Notice.objects.create(
            ticket=ticket,
            kind="issued",
            about=str(number),
            channel="mail",
            name="a",
            state=state,
            written_at=0,
            ended_at=int(now - hours_ago * HOUR_SECONDS),
        )
    made = chart(now)
    assert (made.sent, made.failed, made.most, len(made.bars)) == (2, 2, 3, HOURS)
    last, earlier = made.bars[-1], made.bars[-6]
    assert (last.sent_height, last.failed_height) == (64, 32)
    assert (earlier.sent_height, earlier.failed_height) == (0, 32)


@pytest.fixture(autouse=True)
def _prepared(tickets: list[Any]) -> None:
    assert tickets
