"""Incidents on their pages: told in the language one reads, attended to, and what to do first."""

from typing import Any

import msgspec
import pytest
from django.test import Client

from tests.central_messages import chained, passed, register_device, rows, take, together
from tests.device import authorised
from wire.event import Abandoned, Left, Rung, RungChanged
from wire.row import encode_row

INCIDENTS = "/admin/ledger/incident/"


@pytest.fixture
def chief() -> Client:
    return person("chief")


def person(name: str, *permissions: str) -> Client:
    """Return the browser of an admin; with permissions named, of one who has no others."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Permission

    users = get_user_model()
    users.objects.filter(username=name).delete()
    user = users.objects.create_user(name, password="a long password", is_staff=True)
    user.is_superuser = not permissions
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client(headers={"Accept-Language": "zh-CN"})
    client.force_login(user)
    return client


def read(client: Client, address: str, language: str = "zh-CN") -> str:
    answer = client.get(address, headers={"Accept-Language": language})
    assert answer.status_code == 200
    return answer.content.decode()


def used_twice(tickets: list[Any]) -> Any:
    """A ticket that came in at two lanes, the second time without a fresh list."""
    from central.venue.models import Ticket

    ticket = Ticket.objects.get(cti=bytes.fromhex(tickets[0]["cti"]))
    cti = bytes(ticket.cti)
    first = msgspec.structs.replace(authorised(1), cti=cti)
    copy = msgspec.structs.replace(
        first, admission=b"admission777", lane="B2", rung=Rung.SIGNATURE_ONLY
    )
    stale = RungChanged(rung=Rung.SIGNATURE_ONLY, why="<b>no list</b>")
    take(together(chained(rows(first, passed(1), stale, copy))))
    return ticket


@pytest.mark.parametrize(
    ("language", "title", "explained", "to_do"),
    [
        ("zh-CN", "一张票在“hall”用了 2 次，只允许 1 次", "当时得不到最新名单", "冻结此票"),
        ("en", "A ticket was used 2 times at “hall”; it allows 1", "no fresh list", "Block the"),
    ],
)
def test_a_conflict_is_told_to_the_minute_and_the_lane(
    chief: Client, tickets: list[Any], language: str, title: str, explained: str, to_do: str
) -> None:
    ticket = used_twice(tickets)
    page = read(chief, INCIDENTS, language)
    for said in (title, explained, to_do, "2026-05-29 04:26", "Gate 1 · A1", "Gate 1 · B2"):
        assert said in page
    assert f"{INCIDENTS}ticket/{ticket.pk}/" in page


def test_who_attends_to_an_incident_is_on_record_and_it_can_be_opened_again(
    chief: Client, tickets: list[Any]
) -> None:
    from central.ledger.models import Incident

    used_twice(tickets)
    one = Incident.objects.get()
    address = f"{INCIDENTS}{one.pk}/change/"
    assert chief.post(address, {"note": "called them"}).status_code == 302
    one.refresh_from_db()
    assert (one.seen_by, one.note) == ("chief", "called them")
    assert "没有待处理的异常" in read(chief, INCIDENTS)
    assert "called them" in read(chief, f"{INCIDENTS}?shown=seen")
    chief.post(address, {"seen": "no"})
    one.refresh_from_db()
    assert (one.seen_at, one.seen_by) == (None, "")


def test_only_who_may_attends_to_them_and_only_who_may_looks(tickets: list[Any]) -> None:
    from central.ledger.models import Incident

    used_twice(tickets)
    address = f"{INCIDENTS}{Incident.objects.get().pk}/change/"
    clerk = person("clerk", "view_incident")
    assert "已处理</button>" not in read(clerk, address)
    assert clerk.post(address).status_code == 403
    assert clerk.get(f"{INCIDENTS}ticket/1/").status_code == 403
    assert clerk.get(f"{INCIDENTS}device/1/").status_code == 403
    assert person("nobody", "view_venue").get(INCIDENTS).status_code == 403
    assert person("manager", "view_incident", "attend_incident").post(address).status_code == 302


def test_an_empty_page_says_what_to_do_first(chief: Client) -> None:
    assert "还没有设备" in read(chief, INCIDENTS)
    register_device()
    assert "Start a gate, show it a ticket" in read(chief, INCIDENTS, "en")
    take(together(chained(rows(authorised(1)))))
    assert "没有待处理的异常。最近一条记录收到于" in read(chief, INCIDENTS)
    assert "没有符合这些条件的异常" in read(chief, f"{INCIDENTS}?kind=gap")


@pytest.mark.parametrize("query", ["shown=<b>", "kind=x", "device=x", "device=9", "page=-1"])
def test_any_question_gets_a_page(chief: Client, tickets: list[Any], query: str) -> None:
    used_twice(tickets)
    assert "<b>" not in read(chief, f"{INCIDENTS}?{query}").replace("<b>现在怎么办</b>", "")


@pytest.mark.parametrize("address", ["ticket/9999/", "device/9999/", "9999/change/"])
def test_what_is_not_there_is_not_found(chief: Client, address: str) -> None:
    assert chief.get(f"{INCIDENTS}{address}").status_code == 404


def test_the_track_of_a_ticket_has_everything_in_its_order(
    chief: Client, tickets: list[Any]
) -> None:
    from central.tickets.operations import Asked, block, refund
    from central.tickets.operations import unblock as unblocked

    ticket = used_twice(tickets)
    other = Abandoned(lane="A1", admission=b"admission999", person=1)
    take(together(chained(rows(other), b"epoch--2")))
    for number, do in enumerate((block, unblocked, refund)):
        do(ticket, Asked("admin:chief", str(number), 1_790_000_000 + number, "a <i>reason</i>"))
    page = read(chief, f"{INCIDENTS}ticket/{ticket.pk}/", "en")
    said = ["Issued", "Admitted", "Walked in", "Blocked", "Unblocked", "Refund asked"]
    # From central's own clock, which is another day here.
    assert "Central found: Ticket used too often" in page
    places = [page.index(f"<b>{one}") for one in said[1:]]
    assert places == sorted(places)
    assert "signature only" in page
    assert "a &lt;i&gt;reason" in page
    assert "Did not walk in" not in page, "that was another ticket's"


def test_the_track_of_a_device_names_its_holes_and_goes_on_to_older_rows(
    chief: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from central.stories import tracks
    from central.venue.models import Device

    register_device()
    address = f"{INCIDENTS}device/{Device.objects.get().pk}/"
    assert "还没有送到任何记录" in read(chief, address)
    batches = chained(rows(*[Left(lane=f"L{number}") for number in range(1, 9)]))
    take(*batches[:3], batches[6])
    page = read(chief, address, "en")
    assert "Rows 4–6 have not come yet" in page
    assert page.index("Gate 1 · L7") < page.index("Rows 4–6") < page.index("Gate 1 · L3")
    monkeypatch.setattr(tracks, "PAGE_ROWS", 2)
    seen, until = [], ""
    for _ in range(4):
        made = tracks.of_device(Device.objects.get(), until)
        seen += [line.where or line.words.en for line in made.lines]
        until = made.older
        if not until:
            break
    assert [one.removeprefix("Gate 1 · ") for one in seen] == [
        *("L7", "Rows 4–6 have not come yet", "L3", "L2", "L1")
    ]


def test_a_row_that_nobody_can_read_is_on_the_track(chief: Client) -> None:
    from central.venue.models import Device
    from wire.chain import GENESIS
    from wire.delivery import Batch

    register_device()
    body = encode_row(authorised(1), msgspec.structs.replace(stamp_far(), wall_ms=2**62))
    take(Batch(b"epoch--1", 1, GENESIS, (b"\xff", body)))
    page = read(chief, f"{INCIDENTS}device/{Device.objects.get().pk}/")
    assert "读不懂的记录" in page
    assert "?</time>" in page


def stamp_far() -> Any:
    from tests.device import stamp

    return stamp(1.0)


def test_every_kind_of_incident_has_a_name_and_a_story() -> None:
    from central.ledger.models import Incident
    from central.stories.telling import KINDS, TELLERS, tell
    from central.venue.models import Device

    assert KINDS.keys() == TELLERS.keys()
    register_device()
    unknown = Incident(kind="of tomorrow", device=Device.objects.get(), detail={}, received_ms=1)
    assert "of tomorrow" in tell(unknown).title.en
