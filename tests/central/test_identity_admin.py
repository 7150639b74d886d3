"""The devices' pages: what to do first, the code, an alarm, and an end that is asked about."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from tests.central.test_admin import admin as admin
from tests.identities import DEVICE, URL, DeviceKey, base64_of, basic, new_authority
from wire import enrolment

PAGE = "/admin/venue/device/"


@pytest.fixture
def issuing(tickets: list[Any]) -> Iterator[Any]:
    assert tickets
    add_zone("Hall")
    with new_authority() as made:
        yield made


def add_zone(name: str) -> Any:
    from central.venue.models import Checkpoint, Venue, Zone

    venue, checkpoint = Venue.objects.get(), Checkpoint.objects.get()
    return Zone.objects.create(venue=venue, name=name, checkpoint=checkpoint)


def gate() -> Any:
    from central.venue.models import Device

    return Device.objects.get(identity=DEVICE)


def act(admin: Client, action: str, **more: str) -> Any:
    told = {"action": action, "_selected_action": gate().pk, **more}
    return admin.post(PAGE, told, follow=True)


def code_on(page: str) -> enrolment.Enrolment:
    (text,) = set(re.findall(r"GHE1:[A-Z2-7]+", page))
    return enrolment.read(text)


@pytest.mark.usefixtures("tickets")
def test_before_anything_can_be_enrolled_it_says_what_to_do(admin: Client) -> None:
    page = admin.get(PAGE).content.decode()
    for told in ("authority init", "authority server", "[devices] url", "证书机构"):
        assert told in page
    assert "/admin/venue/zone/add/" in page
    add_zone("Hall")
    refused = act(admin, "enrol").content.decode()
    assert "无法登记 · Cannot enrol" in refused
    assert "devices: url" in refused


def test_with_no_venue_it_begins_with_the_venue(admin: Client) -> None:
    assert "gatehouse central prepare" in admin.get(PAGE).content.decode()


def test_a_servers_certificate_that_ends_soon_is_said(admin: Client, issuing: Any) -> None:
    from central.identity import authority

    now = int(time.time())
    for left, told in ((19, True), (21, False)):
        made_at = now - (authority.SERVER_DAYS - left) * authority.DAY
        authority.write_server(issuing, ["central.example"], made_at)
        assert ("authority server NAME" in admin.get(PAGE).content.decode()) == told


@pytest.mark.usefixtures("issuing")
def test_a_sites_list_that_runs_out_is_said_before(admin: Client) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    from central.identity import authority, shape

    root, now = authority.certificates()[0], int(time.time())
    for left, told in ((19, True), (21, False)):
        until = shape.moment(now + left * authority.DAY)
        made = shape.revocations(root, now, until, ()).sign(
            ec.generate_private_key(ec.SECP256R1()), SHA256()
        )
        authority.write_public(authority.ROOT_LIST, made.public_bytes(Encoding.PEM))
        assert ("authority adopt" in admin.get(PAGE).content.decode()) == told


@pytest.mark.usefixtures("issuing")
def test_the_code_is_shown_once_and_kept_by_nobody(admin: Client) -> None:
    before = admin.get(f"{PAGE}{gate().pk}/enrol/")
    assert "GHE1" not in before.content.decode(), "looking alone makes no code"
    answer = act(admin, "enrol")
    shown = code_on(answer.content.decode())
    assert (shown.url, shown.identity) == (URL, DEVICE)
    assert answer["Cache-Control"].startswith("no-store")
    assert answer["Refresh"].startswith("900;")
    from central.identity.models import Enrolment

    assert shown.password not in str(Enrolment.objects.values())


@pytest.mark.usefixtures("issuing")
def test_a_device_that_was_added_is_enrolled_next(admin: Client) -> None:
    from central.venue.models import Device

    zone = add_zone("Terrace")
    told = {"venue": gate().venue_id, "name": "Gate 9", "zone": zone.pk}
    added = Device.objects.filter(name="Gate 9")
    answer = admin.post(f"{PAGE}add/", told)
    assert answer["Location"] == f"{PAGE}{added.get().pk}/enrol/"
    shown = code_on(admin.post(answer["Location"]).content.decode())
    assert shown.identity == added.get().identity
    assert added.get().placement.zone == zone
    page = admin.get(f"{PAGE}{added.get().pk}/change/").content.decode()
    assert re.search(rf'value="{zone.pk}" selected', page)


@pytest.mark.usefixtures("issuing")
def test_a_device_of_no_zone_is_given_one_before_its_code(admin: Client) -> None:
    add_zone("Terrace")
    answer = act(admin, "enrol")
    assert answer.redirect_chain == [(f"{PAGE}{gate().pk}/change/", 302)]
    page = answer.content.decode()
    assert "no zone has been chosen" in page
    assert "GHE1" not in page


@pytest.mark.usefixtures("issuing")
def test_somebody_who_may_not_change_devices_makes_no_code() -> None:
    from django.contrib.auth import get_user_model

    users = get_user_model()
    users.objects.filter(username="guest").delete()
    guest = Client()
    guest.force_login(users.objects.create_user("guest", password="x", is_staff=True))
    assert "GHE1" not in guest.post(f"{PAGE}{gate().pk}/enrol/", follow=True).content.decode()
    assert "GHE1" not in Client().post(f"{PAGE}{gate().pk}/enrol/", follow=True).content.decode()


@pytest.mark.usefixtures("issuing")
def test_a_code_that_somebody_else_used_is_an_alarm_on_the_page(admin: Client) -> None:
    shown = code_on(act(admin, "enrol").content.decode())
    headers = {"Authorization": basic(shown.identity, shown.password)}
    for _ in range(2):
        Client(headers=headers).post(
            "/.well-known/est/simpleenroll", base64_of(DeviceKey().request()), "application/pkcs10"
        )
    page = admin.get(PAGE).content.decode()
    assert "⚠ Gate 1" in page
    assert "another device" in page
    assert "有效 enrolled" in page


@pytest.mark.usefixtures("issuing")
def test_revoking_is_asked_about_and_then_done(admin: Client) -> None:
    asked = act(admin, "revoke").content.decode()
    assert "Revoke and deny?" in asked
    assert "未登记 not enrolled" in admin.get(PAGE).content.decode()
    done = act(admin, "revoke", confirmed="1").content.decode()
    assert "已停用 denied" in done


@pytest.mark.usefixtures("issuing")
def test_a_list_that_cannot_be_written_is_said_and_the_device_denied(admin: Client) -> None:
    from central.identity import authority

    shown = code_on(act(admin, "enrol").content.decode())
    Client(headers={"Authorization": basic(shown.identity, shown.password)}).post(
        "/.well-known/est/simpleenroll", base64_of(DeviceKey().request()), "application/pkcs10"
    )
    away = authority.keys() / "issuing.away"
    (authority.keys() / "issuing.pem").rename(away)
    page = act(admin, "revoke", confirmed="1").content.decode()
    assert "the broker does not know" in page
    assert "已停用 denied" in page
    away.rename(authority.keys() / "issuing.pem")


@pytest.mark.usefixtures("issuing")
@pytest.mark.parametrize(
    ("text", "wrong"),
    [("not toml", "TOML"), ('checkpoint = "pier"', "hall"), ('checkpoint = "hall"', "")],
)
def test_a_zones_settings_name_its_checkpoint(admin: Client, text: str, wrong: str) -> None:
    from central.identity.models import ZoneText

    zone = add_zone("Terrace")
    answer = admin.post("/admin/identity/zonetext/add/", {"zone": zone.pk, "text": text})
    assert ZoneText.objects.exists() == (not wrong)
    assert wrong in answer.content.decode()


@pytest.mark.usefixtures("issuing")
@pytest.mark.parametrize("page", ["certificate", "enrolment", "placement", "zonetext", "staffcard"])
def test_every_page_opens(admin: Client, page: str) -> None:
    act(admin, "enrol")
    assert admin.get(f"/admin/identity/{page}/").status_code == 200
