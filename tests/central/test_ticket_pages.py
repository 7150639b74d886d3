"""What admins do to a ticket: each operation shown first, done once, and on record."""

import re
from typing import Any

import pytest
from django.test import Client

from tests.central.test_elsewhere import ADMISSION, authorised
from tests.central.test_operations import Gate, code, silent_since, stored


@pytest.fixture
def gate(tickets: list[Any]) -> Gate:
    assert tickets
    made = Gate()
    made.says_hello()
    return made


def signed_in(*permissions: str) -> Client:
    """A member of staff who may look at tickets and refunds, and what is named."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Permission

    users = get_user_model()
    users.objects.filter(username="staff").delete()
    user = users.objects.create_user("staff", password="a long password", is_staff=True)
    names = ("view_ticket", "view_refund", *permissions)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client(headers={"Accept-Language": "zh-CN"})
    client.force_login(user)
    return client


def logged() -> list[str]:
    from django.contrib.admin.models import LogEntry

    return [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]


def confirm(client: Client, operation: str, ticket: Any, **told: Any) -> Any:
    """Open the page of an operation and press its button."""
    more = "".join(f"&{name}={told.pop(name)}" for name in ("admission", "person") if name in told)
    address = f"/admin/venue/ticket/operate/{operation}/?ticket={ticket.pk}{more}"
    page = client.get(address).content.decode()
    found = re.search(r'name="key" value="([0-9a-f]+)"', page)
    assert found, page
    return client.post(address, {"key": found[1], "why": "asked at the desk", **told})


@pytest.mark.usefixtures("gate")
@pytest.mark.parametrize(
    ("operation", "permission", "standing", "generation"),
    [
        ("block", "block_ticket", "blocked", 0),
        ("refund", "refund_ticket", "refunded", 0),
        ("reissue", "reissue_ticket", "good", 1),
    ],
)
def test_an_operation_is_shown_first_and_then_done(
    tickets: list[Any], operation: str, permission: str, standing: str, generation: int
) -> None:
    ticket = stored(tickets[0])
    client = signed_in(permission)
    client.get(f"/admin/venue/ticket/operate/{operation}/?ticket={ticket.pk}")
    ticket.refresh_from_db()
    assert (ticket.standing, ticket.generation) == ("good", 0), "to look is not to do"
    assert confirm(client, operation, ticket).status_code == 302
    ticket.refresh_from_db()
    assert (ticket.standing, ticket.generation) == (standing, generation)
    assert logged()[-1].endswith("asked at the desk")


@pytest.mark.usefixtures("gate")
@pytest.mark.parametrize(
    "operation", ["block", "unblock", "refund", "reschedule", "reissue", "undo"]
)
def test_without_its_permission_an_operation_is_not_even_shown(
    tickets: list[Any], operation: str
) -> None:
    ticket = stored(tickets[0])
    every = {f"{name}_ticket" for name in ("block", "refund", "reschedule", "reissue", "undo")}
    needed = "block_ticket" if operation == "unblock" else f"{operation}_ticket"
    client = signed_in(*(every - {needed}))
    address = f"/admin/venue/ticket/operate/{operation}/?ticket={ticket.pk}"
    assert client.get(address).status_code == 403
    assert client.post(address, {"key": "k"}).status_code == 403
    page = client.get(f"/admin/venue/ticket/{ticket.pk}/change/").content.decode()
    assert f"/operate/{operation}/" not in page


@pytest.mark.usefixtures("gate")
def test_a_button_pressed_twice_does_it_once(tickets: list[Any]) -> None:
    ticket = stored(tickets[0])
    client = signed_in("reissue_ticket")
    address = f"/admin/venue/ticket/operate/reissue/?ticket={ticket.pk}"
    for _ in range(2):
        client.post(address, {"key": "0123"})
    ticket.refresh_from_db()
    assert ticket.generation == 1


@pytest.mark.usefixtures("gate")
def test_many_are_chosen_in_the_list(tickets: list[Any]) -> None:
    from central.venue.models import Ticket

    chosen = [stored(one).pk for one in tickets[:6]]
    client = signed_in("block_ticket")
    given = client.post("/admin/venue/ticket/", {"action": "block", "_selected_action": chosen})
    assert given.status_code == 302
    page = client.get(given["Location"]).content.decode()
    assert "当前状态下不能这样做" in page, "one of them is refunded"
    client.post(given["Location"], {"key": "k"})
    assert Ticket.objects.filter(standing="blocked").count() == 5


def test_the_page_of_a_refund_says_what_may_have_happened(gate: Gate, tickets: list[Any]) -> None:
    client = signed_in("refund_ticket")
    ticket = stored(tickets[0])
    address = f"/admin/venue/ticket/operate/refund/?ticket={ticket.pk}"
    assert "未入场 · Not admitted" in client.get(address).content.decode()
    silent_since(1000)
    page = client.get(address).content.decode()
    assert "可能已入场：Gate 1 自" in page
    assert "May have been: Gate 1 silent since" in page
    assert "款项将暂缓" in page
    gate.wrote(authorised(code(ticket)))
    gate.reports()
    assert "正在通过" in client.get(address).content.decode()


def test_a_held_refund_is_listed_and_decided_by_whom_may(gate: Gate, tickets: list[Any]) -> None:
    from central.tickets.models import Refund

    client = signed_in("refund_ticket")
    assert "没有暂缓的退款" in client.get("/admin/tickets/refund/held/").content.decode()
    silent_since(1000)
    ticket = stored(tickets[0])
    confirm(client, "refund", ticket)
    refund = Refund.objects.get()
    page = client.get("/admin/tickets/refund/held/").content.decode()
    assert "Waiting for: Gate 1" in page
    assert "decide" not in page
    decide = f"/admin/tickets/refund/{refund.pk}/decide/"
    assert client.get(decide).status_code == 403
    chief = signed_in("decide_refund")
    gate.wrote(authorised(code(ticket)))
    gate.reports()
    assert "正在通过" in chief.get(decide).content.decode()
    chief.post(decide, {"pay": "no", "why": "was inside"})
    refund.refresh_from_db()
    assert (refund.state, refund.ended_by, refund.ended_why) == (
        *("denied", "admin:staff"),
        "was inside",
    )
    assert logged()[-1] == "不退 Deny was inside"
    chief.post(decide, {"pay": "yes"})
    refund.refresh_from_db()
    assert refund.state == "denied", "it was decided"


def test_a_use_is_undone_from_the_page_of_its_ticket(gate: Gate, tickets: list[Any]) -> None:
    from central.ledger.models import Use

    ticket = stored(tickets[0])
    gate.wrote(authorised(code(ticket)))
    gate.reports()
    client = signed_in("undo_ticket")
    page = client.get(f"/admin/venue/ticket/{ticket.pk}/change/").content.decode()
    assert f"admission={ADMISSION.hex()}&amp;person=1" in page
    confirm(client, "undo", ticket, admission=ADMISSION.hex(), person=1)
    assert Use.objects.get().outcome == 5
    page = client.get(f"/admin/venue/ticket/{ticket.pk}/change/").content.decode()
    assert "已撤销 undone" in page


@pytest.mark.usefixtures("gate")
def test_a_ticket_is_rebooked_to_the_class_chosen(tickets: list[Any]) -> None:
    from central.venue.models import Ticket

    ticket = stored(tickets[0])
    confirm(
        signed_in("reschedule_ticket"), "reschedule", ticket, **{"class": ticket.ticket_class_id}
    )
    new = Ticket.objects.get(replaces=ticket)
    page = signed_in().get(f"/admin/venue/ticket/{ticket.pk}/change/").content.decode()
    assert f"/admin/venue/ticket/{new.pk}/change/" in page


@pytest.mark.usefixtures("gate")
def test_who_looks_at_a_code_is_on_record(tickets: list[Any]) -> None:
    ticket = stored(tickets[0])
    address = f"/admin/venue/ticket/{ticket.pk}/code/"
    assert signed_in().get(address).status_code == 403
    assert logged() == []
    given = signed_in("show_ticket").get(address)
    assert tickets[0]["text"] in given.content.decode()
    assert "<svg" in given.content.decode()
    assert "no-store" in given["Cache-Control"]
    assert logged() == ["查看票码 code shown"]


@pytest.mark.usefixtures("gate")
@pytest.mark.parametrize(
    "address",
    [
        "/admin/venue/ticket/operate/nothing/?ticket=1",
        "/admin/venue/ticket/operate/block/",
        "/admin/venue/ticket/operate/block/?ticket=x&ticket=99999999",
        "/admin/venue/ticket/9999999/code/",
        "/admin/tickets/refund/9999999/decide/",
    ],
)
def test_what_does_not_exist_is_not_found(address: str) -> None:
    client = signed_in("block_ticket", "show_ticket", "decide_refund")
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("told", ["", "admission=zz&person=1", "admission=00&person=x"])
@pytest.mark.usefixtures("gate")
def test_an_undo_without_a_use_is_answered(tickets: list[Any], told: str) -> None:
    ticket = stored(tickets[0])
    client = signed_in("undo_ticket")
    address = f"/admin/venue/ticket/operate/undo/?ticket={ticket.pk}&{told}"
    page = client.post(address, {"key": "k"}, follow=True).content.decode()
    assert "没有这次使用记录" in page


def test_a_key_is_shown_once(tickets: list[Any]) -> None:
    from central.api.models import ChannelKey
    from central.venue.models import Venue

    assert tickets
    client = signed_in("add_channelkey", "change_channelkey", "view_channelkey")
    told = {"venue": Venue.objects.get().pk, "name": "shop", "may_read": "on", "per_minute": 60}
    page = client.post("/admin/api/channelkey/add/", told, follow=True).content.decode()
    found = re.search(r"ghk_[\w-]{43}", page)
    assert found
    assert found[0] not in client.get("/admin/api/channelkey/").content.decode()
    asked = Client(headers={"Authorization": f"Bearer {found[0]}"})
    assert asked.get(f"/api/1/tickets/{tickets[0]['cti']}").status_code == 200
    key = ChannelKey.objects.get()
    client.post("/admin/api/channelkey/", {"action": "revoke", "_selected_action": [key.pk]})
    assert asked.get(f"/api/1/tickets/{tickets[0]['cti']}").status_code == 401
