"""The holder's page and the phone's key: once, late, to one phone, and void when it is released."""

import csv
import io
import time
from typing import Any

import pytest
from django.test import Client

from edge.core import credential
from edge.core.credential import Shown
from rules.ticket_class import EventRecord
from rules.use import Outcome
from rules.verdict import Admit, Door, Facts, Refuse, judge
from tests.holder_phone import HolderPhone, point
from tests.trusted import inside
from wire import rotating
from wire.codec import decode
from wire.entry import Row, Standing, read
from wire.key import KeyRing
from wire.reason import Reason
from wire.snapshot import Delta

HOUR = 3600


@pytest.fixture
def ticket(tickets: list[Any]) -> Any:
    """A ticket that must move, of a show that opens in ten hours."""
    from central.lists.changes import save_event
    from central.venue.issue import Order, issue
    from central.venue.models import Event, TicketClass

    assert tickets
    show, now = Event.objects.get(), int(time.time())
    show.rotating = True
    save_event(show)
    order = Order(1, now + 10 * HOUR, now + 20 * HOUR, now)
    (made,) = issue(TicketClass.objects.get(), order)
    return made


@pytest.fixture
def admin() -> Client:
    from django.contrib.auth import get_user_model

    users = get_user_model()
    users.objects.filter(username="chief").delete()
    user = users.objects.create_superuser("chief", password="a long password")
    client = Client()
    client.force_login(user)
    return client


def token_of(ticket: Any) -> str:
    from central.holder import link

    return link.token(link.link_of(ticket))


def ring() -> KeyRing:
    from central.venue.models import SigningKey

    return KeyRing([key.record() for key in SigningKey.objects.all()])


def newest_delta() -> Delta:
    from central.lists.models import Change

    return decode(inside(bytes(Change.objects.latest("sequence").body)), Delta)


def judged(ticket: Any, code: str, wall: float) -> Admit | Refuse:
    """Ask as a gate would that has heard everything."""
    shown = credential.read(code.encode(), ring())
    assert isinstance(shown, Shown)
    ticket.refresh_from_db()
    kind = ticket.ticket_class
    facts = Facts(shown.ticket, ticket.entry(), kind.record(), kind.event.record(), (), shown.code)
    return judge(facts, Door("hall", "A1", b"boot-one"), wall, 100.0)


def move_hours(ticket: Any, opens_in: float) -> None:
    now = time.time()
    ticket.not_before, ticket.expires = int(now + opens_in), int(now + opens_in + 10 * HOUR)
    ticket.save()


def test_the_switch_makes_a_key_for_gates_alone(ticket: Any, admin: Client) -> None:
    from central.venue.models import Event

    ((_, body),) = newest_delta().events
    record = decode(body, EventRecord)
    assert record.rotation_key is not None
    assert len(record.rotation_key) == 32
    assert ticket.must_move
    show = Event.objects.get()
    for rotating_on in (True, False, True):
        show.rotating = rotating_on
        show.save()
        assert show.record().rotation_key == record.rotation_key, "what was sold goes on moving"
    for path in (f"/admin/venue/event/{show.pk}/change/", f"/t/{token_of(ticket)}"):
        body = admin.get(path).content
        assert record.rotation_key.hex().encode() not in body


def test_a_phone_is_given_what_a_gate_believes_and_only_until_it_has_it(ticket: Any) -> None:
    phone = HolderPhone(token_of(ticket))
    status, answer = phone.ask("key")
    assert status == 200
    key = phone.opened(answer)
    assert key == rotating.key_of(
        bytes(ticket.cti), ticket.ticket_class.event.record().rotation_key or b""
    )
    wall = ticket.not_before + 5
    assert judged(ticket, rotating.text(answer["ticket"], key, wall), wall) == Admit(1)
    assert judged(ticket, answer["ticket"], wall) == Refuse(Reason.STATIC_COPY)
    # The answer may have been lost on the way: until the phone says that it has it, once more.
    assert phone.opened(phone.ask("key")[1]) == key
    assert phone.ask("kept") == (200, {})
    status, answer = phone.ask("key")
    assert status == 200
    assert "sealed" not in answer


def test_a_reissued_ticket_comes_to_its_phone_and_to_no_other(ticket: Any) -> None:
    from central.lists.changes import reissue

    phone = HolderPhone(token_of(ticket))
    _, first = phone.ask("key")
    key = phone.opened(first)
    phone.ask("kept")
    reissue(ticket)
    _, second = phone.ask("key")
    assert (first["generation"], second["generation"]) == (0, 1)
    wall = ticket.not_before + 5
    assert judged(ticket, rotating.text(second["ticket"], key, wall), wall) == Admit(1)
    assert HolderPhone(phone.token).ask("key")[0] == 409


def test_after_too_many_moves_it_says_so(ticket: Any) -> None:
    ticket.generation = ticket.code_generation = 23
    ticket.save()
    phone = HolderPhone(token_of(ticket))
    assert phone.ask("key")[0] == 200
    assert phone.ask("release")[1].get("refused") == "too-often"
    assert phone.ask("key")[0] == 200


def test_how_it_stands_is_told_to_whoever_has_the_link(ticket: Any) -> None:
    from central.lists.changes import set_standing

    def told() -> Any:
        return Client().get(f"/t/{token_of(ticket)}/state").json()

    assert (told()["standing"], told()["phone"], told()["used"]) == ("good", "", None)
    phone = HolderPhone(token_of(ticket))
    phone.ask("key")
    assert told()["phone"] == point(phone.signing).hex()
    set_standing([ticket], Standing.REFUNDED)
    assert told()["standing"] == "refunded"


def test_a_ticket_that_was_used_says_when_and_where(ticket: Any) -> None:
    from central.ledger.models import Use
    from central.venue.models import Device

    at = 1_780_000_000_000
    use = {"admission": b"admission-id", "person": 1, "cti": bytes(ticket.cti), "wall_ms": at}
    gate, passed = Device.objects.get(), Outcome.PASSED.value
    Use.objects.create(device=gate, checkpoint="hall", outcome=passed, **use)
    told = Client().get(f"/t/{token_of(ticket)}/state").json()
    assert told["used_up"]
    assert told["used"] == {"zh": "5月29日 周五 04:26 Gate 1", "en": "Fri 29 May, 04:26, Gate 1"}
    Use.objects.update(outcome=Outcome.ABANDONED.value)
    told = Client().get(f"/t/{token_of(ticket)}/state").json()
    assert (told["used_up"], told["used"]) == (False, None)


def test_another_phone_with_the_same_link_is_refused_and_counted(
    ticket: Any, admin: Client
) -> None:
    from central.holder.models import Phone

    mine, theirs = HolderPhone(token_of(ticket)), HolderPhone(token_of(ticket))
    assert mine.ask("key")[0] == 200
    for _ in range(2):
        status, answer = theirs.ask("key")
        assert (status, answer.get("refused")) == (409, "other-phone")
        assert "sealed" not in answer
    assert theirs.ask("tried") == (200, {})
    assert mine.ask("tried") == (200, {}), "which counts nothing"
    assert Phone.objects.get().others_refused == 3
    assert (
        "另有手机尝试 3 次"
        in admin.get(f"/admin/venue/ticket/{ticket.pk}/change/").content.decode()
    )
    assert admin.get("/admin/holder/phone/").status_code == 200
    assert theirs.ask("release")[1] == {"released": False}
    assert mine.ask("key")[0] == 200


@pytest.mark.parametrize("by", ["holder", "admin", "admin with a new link"])
def test_a_released_phone_has_nothing_any_more(ticket: Any, admin: Client, by: str) -> None:
    former = HolderPhone(token_of(ticket))
    _, answer = former.ask("key")
    old, key = answer["ticket"], former.opened(answer)
    assert former.ask("kept")[0] == 200
    if by == "holder":
        assert former.ask("release")[1] == {"released": True}
    else:
        action = "release_phone" if by == "admin" else "new_link"
        asked = {"action": action, "_selected_action": [ticket.pk]}
        assert admin.post("/admin/venue/ticket/", asked).status_code == 302
    (row,) = newest_delta().tickets
    entry = read(Row(*(getattr(row, name) for name in row.__struct_fields__)))
    assert (entry.standing, entry.least_generation) == (Standing.GOOD, 1)
    ticket.link.refresh_from_db()
    assert (token_of(ticket) == former.token) == (by != "admin with a new link")
    if by == "admin with a new link":
        assert Client().get(f"/t/{former.token}").status_code == 404
    new = HolderPhone(token_of(ticket))
    status, answer = new.ask("key")
    assert status == 200
    wall = ticket.not_before + 5
    fresh = rotating.text(answer["ticket"], new.opened(answer), wall)
    assert judged(ticket, fresh, wall) == Admit(1)
    assert judged(ticket, rotating.text(old, key, wall), wall) == Refuse(Reason.SUPERSEDED)


def test_the_key_comes_late(ticket: Any) -> None:
    phone = HolderPhone(token_of(ticket))
    move_hours(ticket, 20 * HOUR + 60)
    assert phone.ask("key")[1].get("refused") == "too-early"
    move_hours(ticket, 20 * HOUR - 60)
    assert phone.ask("key")[0] == 200
    other = HolderPhone(phone.token)
    move_hours(ticket, -10 * HOUR)
    assert other.ask("key")[1].get("refused") == "too-late"


@pytest.mark.parametrize("standing", ["blocked", "refunded", "rescheduled"])
def test_a_ticket_that_is_no_good_gets_no_key(ticket: Any, standing: str) -> None:
    from central.lists.changes import set_standing

    set_standing([ticket], Standing(standing))
    assert HolderPhone(token_of(ticket)).ask("key")[1].get("refused") == standing


def test_a_request_is_the_phone_s_own_and_of_now(ticket: Any) -> None:
    phone, other = HolderPhone(token_of(ticket)), HolderPhone(token_of(ticket))
    good = phone.asked("key")
    for changed in (
        {**good, "agreement": other.asked("key")["agreement"]},
        {**good, "at": good["at"] + 1},
        phone.asked("kept"),
        {**good, "signature": other.asked("key")["signature"]},
    ):
        assert phone.ask("key", changed) == (
            403,
            {"refused": "not-signed", "now": pytest.approx(time.time(), abs=60)},
        )
    for seconds in (-310, 310):
        assert phone.ask("key", at=time.time() + seconds)[1].get("refused") == "clock"
    assert phone.ask("key")[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b"7", b'"x"', b"[" * 1900, b"{" + b" " * 3000 + b"}"),
        b"\xff\xfe",
        b'{"signing": "AAAA", "agreement": "AAAA", "at": 1, "signature": "AAAA"}',
        b'{"signing": 1, "agreement": [], "at": {}, "signature": null}',
        b'{"signing": "!", "agreement": "AA", "at": 1e999, "signature": ""}',
    ],
)
def test_any_request_gets_an_answer(ticket: Any, body: bytes) -> None:
    for verb in ("key", "kept", "release"):
        status, answer = HolderPhone(token_of(ticket)).ask(verb, body or b" ")
        assert (status in (400, 403), answer.get("refused")) == (True, "malformed")


def test_points_that_are_on_no_curve_are_refused(ticket: Any) -> None:
    phone = HolderPhone(token_of(ticket))
    asked = phone.asked("key")
    asked["agreement"] = "BA" + "A" * 86  # 04, and 64 zeros.
    assert phone.ask("key", asked)[1].get("refused") in ("malformed", "not-signed")


def test_no_log_holds_a_link(ticket: Any, caplog: pytest.LogCaptureFixture) -> None:
    phone = HolderPhone(token_of(ticket))
    phone.ask("key", b"{")
    phone.ask("key", at=1)
    Client().get(f"/t/{phone.token[::-1]}")
    Client(enforce_csrf_checks=True).post(f"/t/{phone.token}")
    assert Client().get(f"/t/{phone.token}/").status_code == 404
    assert phone.token not in caplog.text
    assert phone.token[::-1] not in caplog.text


def test_nobody_guesses_a_link_and_the_database_does_not_hold_it(ticket: Any) -> None:
    from central.holder.models import Link

    token = token_of(ticket)
    assert len(token) == 24
    assert Client().get("/t/" + "A" * 24).status_code == 404
    assert Client().get(f"/t/{token}x").status_code == 404
    stored = Link.objects.get()
    assert token not in (stored.token_hash, str(stored))
    assert Client().get(f"/t/{token}").status_code == 200


def test_the_page_talks_to_nobody_else(ticket: Any) -> None:
    answer = Client().get(f"/t/{token_of(ticket)}", headers={"Accept-Language": "en"})
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies
    body = answer.content.decode()
    assert 'lang="en"' in body
    assert "GH1" not in body, "the code of a ticket that must move comes with the key"
    assert "http://" not in body.replace("http://www.w3.org/2000/svg", "")


def test_a_ticket_that_stands_still_shows_its_code(tickets: list[Any]) -> None:
    from central.venue.models import Ticket

    still = Ticket.objects.get(cti=bytes.fromhex(tickets[0]["cti"]))
    assert "<svg" in Client().get(f"/t/{token_of(still)}").content.decode()
    assert HolderPhone(token_of(still)).ask("key")[1].get("refused") == "not-moving"


def test_links_are_exported_for_whoever_sends_them(ticket: Any, admin: Client) -> None:
    from central.holder.link import export

    asked = {"action": "export_links", "_selected_action": [ticket.pk]}
    answer = admin.post("/admin/venue/ticket/", asked)
    assert f"http://testserver/t/{token_of(ticket)}" in answer.content.decode()
    out = io.StringIO()
    export(out, "https://tickets.example", "SHOW")
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert len(rows) == 9
    (row,) = (row for row in rows if row["right"] == bytes(ticket.cti).hex())
    assert row["link"] == f"https://tickets.example/t/{token_of(ticket)}"
    assert all(Client().get(row["link"][23:]).status_code == 200 for row in rows[:2])
    assert (
        token_of(ticket) in admin.get(f"/admin/venue/ticket/{ticket.pk}/change/").content.decode()
    )


def test_whoever_may_not_see_codes_sees_no_link(ticket: Any) -> None:
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Permission

    users = get_user_model()
    users.objects.filter(username="looker").delete()
    looker = users.objects.create_user("looker", password="a long password", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_ticket"))
    client, token = Client(), token_of(ticket)
    client.force_login(looker)
    page = client.get(f"/admin/venue/ticket/{ticket.pk}/change/")
    assert page.status_code == 200
    assert token not in page.content.decode()
    asked = {"action": "export_links", "_selected_action": [ticket.pk]}
    assert token not in client.post("/admin/venue/ticket/", asked).content.decode()


def test_a_shop_is_told_where_to_send_the_holder(ticket: Any) -> None:
    from central.api import answers

    (told,) = answers.of_issued([ticket])
    assert told.page == f"/t/{token_of(ticket)}"


NEXT = {
    "refunded": ("款项由原购票渠道退回", "the money comes back from where you bought it"),
    "rescheduled": ("请打开新票的链接入场", "Open the link of your new ticket"),
    "blocked": ("解冻后本页会自动恢复", "Ask where you bought it, or the staff"),
    "used": ("不是您用的？请马上找入口的工作人员", "Tell the staff at the entrance now"),
    "late": ("请找入口的工作人员", "Ask the staff at the entrance"),
}


@pytest.mark.parametrize(("state", "said"), NEXT.items(), ids=NEXT)
@pytest.mark.parametrize("central", ["sqlite"], indirect=True)
def test_a_ticket_that_opens_nothing_says_what_to_do_next_in_both_languages(
    ticket: Any, state: str, said: tuple[str, str]
) -> None:
    from central.holder import link

    page = Client().get(link.path_of(ticket)).content.decode()
    _, _, note = page.partition(f'<div class="note" data-for="{state}">')
    note, _, _ = note.partition("</div>")
    for language, words in zip(("zh", "en"), said, strict=True):
        assert words in note
        assert f'<p><span lang="{language}">' in note or f'<span lang="{language}">' in note
