"""Staff cards: made and shown once, told to the gates of their zones, and dead when withdrawn."""

import base64
import logging
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import segno
from django.test import Client

from rules.zone import CardDoes, ZoneConfig
from rules.zone import StaffCard as Told
from rules.zone import read as read_zone
from tests.central.test_admin import admin as admin
from tests.central.test_desired import refresh, report, wanted, write
from tests.central.test_desired import zone as zone
from tests.central.test_orders import device
from wire import staff_card
from wire.event import ConfigurationApplied, ConfigurationRefused

PAGE = "/admin/identity/staffcard/"
BADGE = "04:A2:2B:91"
GROUPS = re.compile(r'<div class="said">(.*?)</div>')
HAN, LATIN = re.compile("[\u4e00-\u9fff]"), re.compile("[a-z]{3}")


def cards() -> Any:
    from central.identity.models import StaffCard

    return StaffCard.objects.order_by("pk")


def add(admin: Client, name: str = "王芳 Wang", **more: Any) -> Any:
    told = {"name": name, "does": "open-once", "minutes": "30", **more}
    return admin.post(f"{PAGE}add/", told)


def code_on(answer: Any) -> str:
    """Return the code that a page shows."""
    assert answer.status_code == 200
    (groups,) = GROUPS.findall(answer.content.decode())
    return re.sub("<[^>]*>", "", groups)


def withdraw(admin: Client, card: Any, **more: str) -> str:
    told = {"action": "withdraw", "_selected_action": card.pk, **more}
    return str(admin.post(PAGE, told, follow=True).content.decode())


def configured(zone: Any) -> ZoneConfig:
    """Return what a gate of the zone makes of its text."""
    from central.identity import configuration

    text = configuration.text(zone)
    assert configuration.fault(zone, text) == ""
    return read_zone(text.encode(), "zone.toml", ZoneInfo).zone


def digests(zone: Any) -> list[str]:
    return [card.digest for card in configured(zone).staff]


def digest(code: str) -> str:
    return staff_card.digest(code.encode())


def another_zone(zone: Any, name: str = "码头 Pier") -> Any:
    from central.venue.models import Zone

    return Zone.objects.create(venue=zone.venue, name=name, checkpoint=zone.checkpoint)


def test_a_card_that_was_made_is_told_to_gates(admin: Client, zone: Any) -> None:
    code = code_on(add(admin, does="free-pass", minutes="45"))
    assert re.fullmatch("GHS[A-Z2-7]{32}", code)
    told = Told("王芳 Wang", digest(code), CardDoes.FREE_PASS, 45.0)
    assert configured(zone).staff == (told,)
    write(zone, 'checkpoint = "hall"\n\n[kiosk]\nreceipts = "never"\n# the end')
    assert configured(zone).staff == (told,)
    assert configured(zone).kiosk.receipts == "never"
    kept = cards().get()
    assert (kept.by, kept.everywhere, kept.withdrawn_at) == ("chief", True, None)


def test_any_name_is_told_as_it_was_written(admin: Client, zone: Any) -> None:
    name = '"""\\ #[[staff]] 王=1 🎫'
    add(admin, name)
    assert [card.name for card in configured(zone).staff] == [name]
    refused = add(admin, "Wang\x7f").content.decode()
    assert "cannot be printed" in refused
    assert cards().count() == 1


def test_a_card_is_good_in_the_zones_it_is_for(admin: Client, zone: Any) -> None:
    pier = another_zone(zone)
    code = code_on(add(admin, zones=[pier.pk]))
    assert (digests(zone), digests(pier)) == ([], [digest(code)])
    pier.delete()
    assert digests(zone) == [], "good nowhere now, and not everywhere"
    page = f"{PAGE}{cards().get().pk}/change/"
    told = {"name": "Wang", "does": "open-once", "minutes": "30"}
    assert "zones it was for were deleted" in admin.post(page, told).content.decode()
    assert digests(zone) == []
    assert admin.post(page, {**told, "zones": [zone.pk]}).status_code == 302
    assert digests(zone) == [digest(code)]
    assert admin.post(page, told).status_code == 302, "none ticked: in all of them"
    assert digests(another_zone(zone)) == [digest(code)]


def test_a_withdrawn_card_is_told_to_nobody_and_stays_as_it_was(admin: Client, zone: Any) -> None:
    from django.contrib.admin.models import LogEntry

    code = code_on(add(admin))
    code_on(add(admin, "Li"))
    first, second = cards()
    asked = withdraw(admin, first)
    assert "Withdraw?" in asked
    assert digest(code) in digests(zone), "asked about, and not yet done"
    done = withdraw(admin, first, confirmed="1")
    assert "Withdrawn: " in done
    assert digests(zone) == [second.digest]
    ended = cards().get(pk=first.pk)
    assert (ended.withdrawn_by, ended.withdrawn_at is None) == ("chief", False)
    assert "作废 withdrawn" in LogEntry.objects.latest("pk").change_message
    page = f"{PAGE}{first.pk}/change/"
    shown = admin.get(page).content.decode()
    assert "✗ 已作废 withdrawn" in shown
    assert "全部 all" in shown
    told = {"name": "Other", "does": "free-pass", "minutes": "9"}
    assert admin.post(page, told).status_code == 403
    assert "withdrawn already" in withdraw(admin, first, confirmed="1")
    assert cards().get(pk=first.pk).withdrawn_at == ended.withdrawn_at
    assert admin.post(f"{PAGE}{first.pk}/delete/", {"post": "yes"}).status_code == 403
    assert cards().get(pk=first.pk).name == first.name


def test_a_card_that_is_withdrawn_while_it_is_changed_stays_withdrawn(
    admin: Client, zone: Any
) -> None:
    """As two admins do it at once: one saves what was read before the other withdrew."""
    from django.contrib.admin import site
    from django.test import RequestFactory

    from central.identity import staff_cards
    from central.identity.models import StaffCard

    add(admin)
    read_before = cards().get()
    staff_cards.withdraw(list(cards()), "other", 5)
    read_before.name = "Li"
    pages = site._registry[StaffCard]  # noqa: SLF001
    pages.save_model(RequestFactory().post(PAGE), read_before, None, change=True)
    assert staff_cards.withdraw(list(cards()), "third", 9) == []
    kept = cards().get()
    assert (kept.name, kept.withdrawn_at, kept.withdrawn_by) == ("Li", 5, "other")
    assert digests(zone) == []


def test_a_good_card_can_be_changed(admin: Client, zone: Any) -> None:
    code = code_on(add(admin))
    page = f"{PAGE}{cards().get().pk}/change/"
    told = {"name": "Li", "does": "out-of-service", "minutes": ""}
    assert admin.post(page, told).status_code == 302
    assert configured(zone).staff == (Told("Li", digest(code), CardDoes.OUT_OF_SERVICE),)


def test_a_sites_own_badge_is_a_card(admin: Client, zone: Any) -> None:
    answer = add(admin, badge=f" {BADGE} ")
    assert answer["Location"] == PAGE
    assert digests(zone) == [digest(BADGE)]
    assert BADGE not in admin.get(PAGE).content.decode()


def test_where_no_device_stands_that_is_said(admin: Client, zone: Any) -> None:
    """A card that nobody knows is else found out at the gate, by whoever holds it."""
    from central.identity.models import Placement

    said = "No device stands in these zones"
    empty = another_zone(zone)
    assert said not in add(admin).content.decode()
    assert said in add(admin, zones=[str(empty.pk)]).content.decode()
    Placement.objects.all().delete()
    assert said in add(admin).content.decode()
    add(admin, badge=BADGE)
    assert said in admin.get(PAGE).content.decode()


@pytest.mark.parametrize("central", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("badge", "why"),
    [
        ("1234567", "a shorter one can be guessed"),
        ("   1234567   ", "a shorter one can be guessed"),
        ("7" * 129, "8–128"),
        ("工牌工牌工牌工牌", "letters A–Z"),
        ("1234\t5678", "letters A–Z"),
    ],
)
def test_a_badge_that_cannot_be_a_card_is_refused(
    admin: Client, zone: Any, badge: str, why: str
) -> None:
    refused = add(admin, badge=badge).content.decode()
    assert why in refused
    assert digests(zone) == []
    assert not cards().exists()


def test_a_code_is_one_card(admin: Client, zone: Any) -> None:
    add(admin, badge=BADGE)
    assert "王芳 Wang&#x27;s staff card already" in add(admin, badge=BADGE).content.decode()
    withdraw(admin, cards().get(), confirmed="1")
    assert "was withdrawn for good" in add(admin, badge=BADGE).content.decode()
    assert (cards().count(), digests(zone)) == (1, [])


def test_a_card_that_an_admin_wrote_by_hand_is_not_made_again(admin: Client, zone: Any) -> None:
    by_hand = f'\n[[staff]]\nname = "Zhao"\ndigest = "{digest(BADGE)}"\n'
    write(zone, 'checkpoint = "hall"\n' + by_hand)
    refused = add(admin, badge=BADGE).content.decode()
    assert "two cards of one code" in refused
    assert "请先改正此区域的设置" in refused
    assert not cards().exists()
    code = code_on(add(admin))
    assert digests(zone) == [digest(BADGE), digest(code)]


def test_more_cards_than_a_zone_has_room_for_are_refused(admin: Client, zone: Any) -> None:
    from central.identity.models import StaffCard

    pier, told = another_zone(zone), {"name": "王" * 40, "made_at": 1, "by": "chief"}
    told |= {"venue": zone.venue, "everywhere": False}
    known = [StaffCard(digest=digest(f"badge {n}"), asked=str(n), **told) for n in range(90)]
    StaffCard.objects.bulk_create(known)
    pier.staffcard_set.set(cards())
    refused = add(admin).content.decode()
    assert "码头 Pier: 放不下更多工作卡" in refused
    assert "withdraw those not used" in refused
    assert cards().count() == len(known)
    code_on(add(admin, zones=[zone.pk]))
    written = admin.post(
        "/admin/identity/zonetext/add/", {"zone": pier.pk, "text": 'checkpoint = "hall"'}
    )
    assert "16384" in written.content.decode(), "its settings are refused with its cards"


def everything_kept() -> str:
    """Return all that stands in the database, sessions opened."""
    from django.contrib.sessions.models import Session
    from django.db import connection

    said = [str(one.get_decoded()) for one in Session.objects.all()]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                said += [
                    bytes(cell).hex() if isinstance(cell, bytes | memoryview) else str(cell)
                    for cell in row
                ]
    return "\n".join(said)


def test_a_code_is_shown_once_and_kept_by_nobody(
    admin: Client, zone: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    form = admin.get(f"{PAGE}add/").content.decode()
    asked = {"asked": re.findall(r'name="asked" value="([0-9a-f]{32})"', form)[0]}
    answer = add(admin, **asked)
    code = code_on(answer)
    page = answer.content.decode()
    assert answer["Cache-Control"].startswith("no-store")
    assert segno.make_qr(code, error="m").svg_inline(border=4, light="white", omitsize=True) in page
    assert "Shown this once" in page
    assert "只显示这一次" in page

    again = admin.post(f"{PAGE}add/", {"name": "Wang", "does": "open-once", **asked}, follow=True)
    assert again.redirect_chain == [(PAGE, 302)]
    assert "made already" in again.content.decode()
    assert digests(zone) == [digest(code)], "a reload makes no second card"

    refresh()
    bare = code.removeprefix(staff_card.PREFIX)
    drawn = base64.b32decode(bare)
    kept = everything_kept()
    assert digest(code) in kept, "all of it was looked at"
    shown = [kept, caplog.text, str(admin.cookies), again.content.decode()]
    shown += [admin.get(f"{PAGE}{end}").content.decode() for end in ("", "1/change/", "1/history/")]
    for place in shown:
        assert bare not in place
        assert drawn.hex() not in place


def test_central_tells_gates_by_itself(admin: Client, zone: Any) -> None:
    refresh()
    code = code_on(add(admin))
    assert refresh() == 1
    assert (wanted().version, digest(code) in wanted().zone) == (2, True)
    assert refresh() == 0
    withdraw(admin, cards().get(), confirmed="1")
    assert refresh() == 1
    assert (wanted().version, digest(code) in wanted().zone) == (3, False)
    assert read_zone(wanted().zone.encode(), "zone.toml", ZoneInfo).zone.staff == ()
    assert zone


def test_where_a_withdrawn_card_may_still_be_good_is_said(admin: Client, zone: Any) -> None:
    still = "may still be good there"

    def said() -> str:
        return str(admin.get(PAGE).content.decode())

    assert still not in said(), "no card was ever made"
    add(admin)
    refresh()
    assert still not in said(), "nobody was enrolled: no device has settings"
    report(ConfigurationApplied(version=1), epoch=b"epoch--0")
    assert still not in said()
    add(admin, "Li")
    assert "… 待下发 to be sent" in said()
    refresh()
    assert "… 未答复 no answer yet" in withdraw(admin, cards()[0])
    report(ConfigurationApplied(version=2))
    assert still not in said()
    assert device().name not in withdraw(admin, cards()[0])
    withdraw(admin, cards()[0], confirmed="1")
    assert still in said()
    refresh()
    report(ConfigurationRefused(version=3, why="?"), epoch=b"epoch--2")
    assert "✗ 被拒绝 refused" in said()
    write(zone, "checkpoint = ")
    refresh()
    assert "! 新设置有误，未下发" in said()


def test_cards_stand_behind_the_hubs_key(zone: Any, admin: Client) -> None:
    from central.claims.models import Hub

    key = Hub.objects.create(venue=zone.venue, name="Hub", key="ab" * 32).key
    code = code_on(add(admin))
    for text in ('checkpoint = "hall"\n', 'checkpoint = "hall"\n[kiosk]\nreceipts = "never"'):
        write(zone, text)
        assert configured(zone).claims_key == key
        assert digests(zone) == [digest(code)]


@pytest.mark.parametrize("central", ["sqlite"], indirect=True)
def test_who_may_only_look_makes_and_withdraws_none(admin: Client, zone: Any) -> None:
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Permission

    add(admin)
    users = get_user_model()
    users.objects.filter(username="guest").delete()
    guest, browser = users.objects.create_user("guest", password="x", is_staff=True), Client()
    browser.force_login(guest)
    assert browser.get(PAGE).status_code == 403
    guest.user_permissions.add(Permission.objects.get(codename="view_staffcard"))
    assert "王芳 Wang" in browser.get(PAGE).content.decode()
    assert browser.get(f"{PAGE}add/").status_code == 403
    assert add(browser).status_code == 403
    card = cards().get()
    withdraw(browser, card, confirmed="1")
    told = {"name": "Li", "does": "free-pass", "minutes": "9"}
    assert browser.post(f"{PAGE}{card.pk}/change/", told).status_code == 403
    assert digests(zone) == [card.digest]
    assert cards().get().name == "王芳 Wang"


@pytest.mark.parametrize("central", ["sqlite"], indirect=True)
def test_every_page_speaks_both_languages(admin: Client, zone: Any) -> None:
    assert zone
    empty = admin.get(PAGE).content.decode()
    assert "还没有工作卡" in empty
    assert "No staff cards yet" in empty
    form = admin.get(f"{PAGE}add/").content.decode()
    shown = add(admin, does="free-pass").content.decode()
    for said in ("自由通行 free passage", "30 min", "工作卡 Staff card", "王芳 Wang"):
        assert said in shown
    asked = withdraw(admin, cards().get())
    for page in (form, shown, asked):
        text = re.sub(r"<(script|style|svg).*?</\1>", "", page, flags=re.S)
        paragraphs = re.findall(r"<p\b[^>]*>(.*?)</p>", text, flags=re.S)
        assert paragraphs
        for paragraph in paragraphs:
            assert HAN.search(paragraph), paragraph
            assert LATIN.search(re.sub("<[^>]*>", "", paragraph)), paragraph
