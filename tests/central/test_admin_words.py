"""What admins read: times by the venue's clock, names that people use, and what to do first."""

import html
import re
import time
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from tests.central_messages import chained, rows, take, together
from tests.device import authorised

NOW = int(time.time())
UNIX = re.compile(r"\b1[6-9]\d{8}(\d{3})?\b")
"""Seconds or milliseconds of these years."""
LABEL = re.compile(r"<label[^>]*>(.*?)</label>", re.DOTALL)
HAN = re.compile("[\u4e00-\u9fff]")
ENGLISH_BESIDE = ("English name", "Entrance, as it is printed")
"""Fields for the English word, beside the one for the Chinese."""


@pytest.fixture
def chief() -> Client:
    from django.contrib.auth import get_user_model

    users = get_user_model()
    users.objects.filter(username="chief").delete()
    client = Client(headers={"Accept-Language": "zh-CN"})
    client.force_login(users.objects.create_superuser("chief", password="a long password"))
    return client


def delegated(device: Any, ticket: Any) -> None:
    from central.exchange.models import Delegation

    event = ticket.ticket_class.event
    Delegation.objects.create(device=device, event=event, valid_from=NOW, valid_until=NOW)


def carded(venue: Any) -> None:
    from central.identity.models import StaffCard

    told = {"venue": venue, "made_at": NOW, "by": "chief"}
    ended = {"withdrawn_at": NOW, "withdrawn_by": "chief"}
    StaffCard.objects.create(name="Wang", digest="ab" * 32, asked="a", **ended, **told)
    StaffCard.objects.create(name="Li", digest="cd" * 32, asked="b", **told)


def told_of(ticket: Any) -> None:
    """A shop sold it, and its holder was told, or not."""
    from central.api.models import ChannelKey
    from central.notices.models import Notice

    venue = ticket.ticket_class.event.venue
    keyed = {"created_at": NOW, "last_used_at": NOW, "revoked_at": NOW}
    ChannelKey.objects.create(venue=venue, name="shop", **keyed)
    over = {"state": "failed", "why": "address-refused", "ended_at": NOW}
    Notice.objects.create(ticket=ticket, kind="issued", channel="mail", written_at=NOW, **over)


@pytest.fixture
def busy(tickets: list[Any]) -> Any:
    """A venue in which something of every kind has happened; returns a ticket."""
    from central.claims.models import Hub, ZoneClaims
    from central.holder.models import Phone
    from central.identity.models import Certificate, Denied, Enrolment, Placement, ZoneText
    from central.ledger.models import Incident, Quarantine
    from central.orders.models import Desired, LogTail, Order
    from central.tickets import operations
    from central.tickets.models import CalledOff
    from central.tickets.operations import Asked
    from central.venue.models import Checkpoint, Device, Ticket, Venue, Zone

    venue, device = Venue.objects.get(), Device.objects.get()
    ticket = Ticket.objects.get(cti=bytes.fromhex(tickets[0]["cti"]))
    used = authorised(1)
    take(together(chained(rows(used))))
    zone = Zone.objects.create(venue=venue, name="大厅 Hall", checkpoint=Checkpoint.objects.get())
    Placement.objects.create(device=device, zone=zone)
    ZoneText.objects.create(zone=zone, text="")
    Hub.objects.create(venue=venue, name="Hub", key="ab" * 32)
    ZoneClaims.objects.create(zone=zone)
    gap = {"epoch": "ab" * 8, "first": 1, "last": 2}
    Incident.objects.create(kind="gap", device=device, detail=gap, received_ms=NOW * 1000)
    Phone.objects.create(ticket=ticket, signing=b"s" * 65, agreement=b"a" * 65)
    Certificate.objects.create(
        device=device, serial="ab", der=b"", not_before=NOW, not_after=NOW, revoked_at=NOW
    )
    made = {"created_at": NOW, "expires_at": NOW, "used_at": NOW}
    Enrolment.objects.create(device=device, code_hash="x", by="chief", **made)
    times = {"issued_at": NOW, "expires": NOW, "sent_at": NOW, "answered_at": NOW, "until": NOW}
    Order.objects.create(device=device, counter=1, kind="hold-open", envelope=b"", **times)
    Desired.objects.create(device=device, version=1, text="", envelope=b"", made_at=NOW)
    LogTail.objects.create(device=device, daemon="gate", lines="x", received_at=NOW)
    Quarantine.objects.create(topic="t", payload=b"", why="w", received_ms=NOW * 1000)
    CalledOff.objects.create(event=ticket.ticket_class.event, by="c", began_at=NOW, ended_at=NOW)
    operations.refund(ticket, Asked("admin:chief", "1", NOW, "ill"))
    from central.tickets.models import UndoneUse

    UndoneUse.objects.create(ticket=ticket, admission=b"a" * 12, person=1, at=NOW, by="chief")
    Denied.objects.create(device=device, at=NOW, by="chief")
    carded(venue)
    told_of(ticket)
    delegated(device, ticket)
    return ticket


def lists() -> list[Any]:
    """Return central's own models that admins have a page for."""
    return [model for model in admin.site._registry if model.__module__.startswith("central.")]  # noqa: SLF001


def page_of(model: Any) -> str:
    told = model._meta  # noqa: SLF001
    return f"/admin/{told.app_label}/{told.model_name}/"


@pytest.mark.parametrize("central", ["sqlite"], indirect=True)
def test_no_page_shows_seconds_since_1970(chief: Client, busy: Any) -> None:
    assert busy
    seen = 0
    for model in lists():
        name = page_of(model)
        addresses = [name, *(f"{name}{one.pk}/change/" for one in model.objects.all()[:1])]
        for address in addresses:
            answer = chief.get(address)
            assert answer.status_code == 200, address
            found = UNIX.search(
                re.sub(r"<script.*?</script>", "", answer.content.decode(), flags=re.S)
            )
            assert found is None, (address, found)
            seen += 1
    assert seen > 2 * len(lists()) - 4, "nearly every model had something to show"


@pytest.mark.parametrize("central", ["sqlite"], indirect=True)
def test_every_field_is_called_in_both_languages(chief: Client, busy: Any) -> None:
    assert busy
    seen = 0
    for model in lists():
        name = page_of(model)
        for address in (f"{name}add/", *(f"{name}{one.pk}/change/" for one in model.objects.all())):
            page = chief.get(address).content.decode()
            for label in LABEL.findall(page):
                said = html.unescape(re.sub(r"<[^>]*>", "", label)).strip(" :*\n")
                seen += 1
                assert HAN.search(said) or said in ENGLISH_BESIDE, (address, said)
    assert seen > 100


@pytest.mark.parametrize("central", ["sqlite"], indirect=True)
def test_an_empty_page_says_what_comes_first_in_both_languages(chief: Client) -> None:
    for model in lists():
        told = chief.get(page_of(model)).content.decode()
        assert "No results found" not in told
        assert "This page yielded" not in told
    page = chief.get("/admin/tickets/refund/").content.decode()
    assert "还没有退款：在门票页退票。 No refunds yet: refund a ticket on its page." in page


@pytest.mark.parametrize("central", ["sqlite"], indirect=True)
def test_a_ticket_is_called_and_found_as_its_holder_reads_it_out(chief: Client, busy: Any) -> None:
    serial = f"{busy.serial:06d}"
    assert busy.number == f"SHOW {serial[:-3]} {serial[-3:]}"
    for address in ("tickets/refund/", "tickets/performed/", "holder/phone/", "tickets/undoneuse/"):
        assert busy.number in chief.get(f"/admin/{address}").content.decode(), address
    found = chief.get("/admin/venue/ticket/", {"q": busy.number.lower()}).content.decode()
    assert busy.number in found
    assert bytes(busy.cti).hex() in found
    nothing = chief.get("/admin/venue/ticket/", {"q": "OTHER 012 345"}).content.decode()
    assert "没有符合条件的内容" in nothing


@pytest.mark.parametrize(
    ("unix", "said"), [(None, "–"), (0, "1970-01-01 08:00:00"), (2**62, "?"), (-(2**62), "?")]
)
@pytest.mark.parametrize("central", ["sqlite"], indirect=True)
def test_any_time_is_said(unix: int | None, said: str) -> None:
    from central.times import second

    assert second(unix) == said
