"""Admins' work: what they do to a ticket or an event is on the list in the same moment."""

from typing import Any

import pytest
from django.test import Client

from tests.trusted import inside
from wire.codec import decode
from wire.snapshot import Delta


@pytest.fixture
def admin() -> Client:
    from django.contrib.auth import get_user_model

    users = get_user_model()
    users.objects.filter(username="chief").delete()
    user = users.objects.create_superuser("chief", password="a long password")
    client = Client(headers={"Accept-Language": "zh-CN"})
    client.force_login(user)
    return client


def newest_delta() -> Delta:
    from central.lists.models import Change

    return decode(inside(bytes(Change.objects.latest("sequence").body)), Delta)


@pytest.mark.parametrize(
    "page",
    [
        *("", "venue/ticket/", "venue/device/", "venue/event/", "ledger/row/", "ledger/incident/"),
        *("tickets/refund/", "tickets/refund/held/", "tickets/performed/", "tickets/undoneuse/"),
        *("tickets/calledoff/", "api/channelkey/", "api/channelkey/add/"),
    ],
)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_page_opens(admin: Client, tickets: list[Any], page: str, language: str) -> None:
    assert tickets
    answer = admin.get(f"/admin/{page}", headers={"Accept-Language": language})
    assert answer.status_code == 200


def test_a_ticket_is_found_by_its_right(admin: Client, tickets: list[Any]) -> None:
    answer = admin.get("/admin/venue/ticket/", {"q": tickets[3]["cti"]}).content.decode()
    assert tickets[3]["cti"] in answer
    assert tickets[2]["cti"] not in answer


def test_a_show_that_is_put_off_is_published(admin: Client, tickets: list[Any]) -> None:
    from central.venue.models import Event

    assert tickets
    show = Event.objects.get()
    fields = ("audience", "name_zh", "name_en", "opens", "closes", "capacity")
    told = {name: getattr(show, name) for name in fields}
    # As a person types them, by the venue's clock.
    told |= {"opens": "2023-11-15T06:13", "closes": "2030-03-18 01:46:40"}
    answer = admin.post(
        f"/admin/venue/event/{show.pk}/change/",
        {**told, "venue": show.venue_id, "shift_seconds": 7200},
    )
    assert answer.status_code == 302
    assert len(newest_delta().events) == 1
    before, show = show, Event.objects.get()
    assert show.closes == before.closes == 1_900_000_000
    assert show.opens == before.opens - before.opens % 60


def test_who_is_nobody_sees_nothing(tickets: list[Any]) -> None:
    assert tickets
    answer = Client().get("/admin/venue/ticket/")
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/")
