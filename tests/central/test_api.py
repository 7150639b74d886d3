"""The API as a shop's program meets it: over HTTP, with its key, and with anything else."""

import json
from typing import Any

import pytest
from django.test import Client

from tests.central_messages import EPOCH, take
from tests.trusted import inside
from wire import ticket as gh1
from wire.codec import decode
from wire.delivery import EpochTop, Hello
from wire.entry import Standing, read
from wire.key import KeyRing
from wire.snapshot import Delta

ROLES = ("may_read", "may_issue", "may_refund", "may_undo")


class Shop:
    """A program with a key."""

    def __init__(self, key: str) -> None:
        self._client = Client(headers={"Authorization": f"Bearer {key}"})
        self._asked = 0

    def get(self, path: str, **named: Any) -> tuple[int, Any]:
        given = self._client.get(f"/api/1/{path}", **named)
        return given.status_code, given.json()

    def post(self, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
        self._asked += 1
        given = self._client.post(
            f"/api/1/{path}",
            json.dumps({} if body is None else body),
            content_type="application/json",
            headers={"Idempotency-Key": key or f"key-{self._asked}"},
        )
        return given.status_code, given.json()


def new_key(*roles: str, per_minute: int = 600) -> str:
    from central.api.keys import draw, keep
    from central.api.models import ChannelKey
    from central.venue.models import Venue

    may = {role: role in roles for role in ROLES}
    made = ChannelKey(
        venue=Venue.objects.get(), name="shop", created_at=0, per_minute=per_minute, **may
    )
    text = draw()
    keep(made, text)
    made.save()
    return text


@pytest.fixture
def shop(tickets: list[Any]) -> Shop:
    assert tickets
    take(Hello((EpochTop(EPOCH, 0, bytes(32)),)), kind="hello")
    return Shop(new_key(*ROLES))


def newest_delta() -> Delta:
    from central.lists.models import Change

    return decode(inside(bytes(Change.objects.latest("sequence").body)), Delta)


def opens(text: str) -> gh1.Ticket:
    from central.venue.models import SigningKey

    ring = KeyRing([key.record() for key in SigningKey.objects.all()])
    found = gh1.verify(text.encode(), ring)
    assert isinstance(found, gh1.Ticket)
    return found


ORDER = {"event": "SHOW", "ticket_class": 1}


def test_a_ticket_is_issued_read_and_found_by_its_code(shop: Shop) -> None:
    status, issued = shop.post("tickets", {**ORDER, "quantity": 2})
    assert (status, issued["standing"], issued["quantity"]) == (200, "good", 2)
    assert opens(issued["text"]).cti.hex() == issued["cti"]
    (row,) = newest_delta().tickets
    assert read(row).standing is Standing.GOOD
    by_cti, by_text = (shop.get(f"tickets/{issued[name]}")[1] for name in ("cti", "text"))
    assert by_cti == by_text
    assert (by_cti["uses"], by_cti["last_seen"]) == ([], None)
    assert "text" not in by_cti, "who only reads is given nothing that opens a door"
    assert shop.get(f"tickets/{issued['cti']}/code")[1]["text"] == issued["text"]


def test_a_moving_code_names_its_ticket_too(shop: Shop) -> None:
    from wire import rotating

    issued = shop.post("tickets", ORDER)[1]
    moving = rotating.text(issued["text"], bytes(20), 1_800_000_000)
    assert shop.get(f"tickets/{moving}")[1]["cti"] == issued["cti"]


def test_a_batch_is_issued_whole_or_not_at_all(shop: Shop) -> None:
    from central.venue.models import Ticket

    before = Ticket.objects.count()
    lines = [{**ORDER, "count": 3}, {**ORDER, "count": 1, "quantity": 4}]
    status, made = shop.post("tickets/batch", {"orders": lines})
    assert (status, [one["quantity"] for one in made["tickets"]]) == (200, [1, 1, 1, 4])
    wrong = [{**ORDER, "count": 3}, {"event": "SHOW", "ticket_class": 9}]
    assert shop.post("tickets/batch", {"orders": wrong})[1]["code"] == "no-such-class"
    many = [{**ORDER, "count": 600}, {**ORDER, "count": 600}]
    assert shop.post("tickets/batch", {"orders": many})[1]["code"] == "too-many"
    assert Ticket.objects.count() == before + 4


def test_seats_and_prices_come_with_the_order(shop: Shop) -> None:
    from central.venue.models import Ticket

    seated = {**ORDER, "zone": "A", "row": "7", "price_cents": 28_050}
    line = {**seated, "count": 2, "seats": ["1", "3"]}
    assert shop.post("tickets/batch", {"orders": [line]})[0] == 200
    found = Ticket.objects.filter(area="A", seat_row="7").order_by("pk")
    assert [(one.seat, one.price) for one in found] == [("1", "¥ 280.50"), ("3", "¥ 280.50")]
    assert shop.post("tickets", {**seated, "seat": "5"})[0] == 200
    for wrong in ({"seats": ["1"]}, {"seat": "1"}, {"seats": ["1", "3"], "seat": "1"}):
        status, said = shop.post("tickets/batch", {"orders": [{**seated, "count": 2, **wrong}]})
        assert (status, said["code"]) == (409, "seats-wrong")


def test_how_it_was_paid_is_one_of_a_few_words_or_nothing(shop: Shop) -> None:
    from central.venue.models import Ticket

    assert shop.post("tickets", {**ORDER, "paid": "wechat"})[0] == 200
    assert Ticket.objects.latest("pk").paid == "wechat"
    assert shop.post("tickets", ORDER)[0] == 200
    assert Ticket.objects.latest("pk").paid == ""
    for wrong in ("gold", "", 7):
        status, said = shop.post("tickets", {**ORDER, "paid": wrong})
        assert (status, said["code"]) == (422, "malformed")


def test_asked_again_it_is_answered_alike_and_done_once(shop: Shop) -> None:
    from central.venue.models import Ticket

    first = shop.post("tickets", ORDER, key="order-77")
    count = Ticket.objects.count()
    assert shop.post("tickets", ORDER, key="order-77") == first
    assert Ticket.objects.count() == count
    status, fault = shop.post("tickets", {**ORDER, "quantity": 2}, key="order-77")
    assert (status, fault["code"]) == (409, "idempotency-key-reused")


def test_two_shops_may_choose_the_same_name(shop: Shop) -> None:
    one = shop.post("tickets", ORDER, key="order-77")
    another = Shop(new_key(*ROLES)).post("tickets", ORDER, key="order-77")
    assert one[1]["cti"] != another[1]["cti"]


def test_a_ticket_goes_through_its_life(shop: Shop) -> None:
    ticket = shop.post("tickets", ORDER)[1]
    name = f"tickets/{ticket['cti']}"
    assert shop.post(f"{name}/block", {"why": "phone stolen"})[1]["standing"] == "blocked"
    new = shop.post(f"{name}/reissue")[1]
    assert (new["generation"], opens(new["text"]).generation) == (1, 1)
    assert shop.post(f"{name}/unblock")[1]["standing"] == "good"
    moved = shop.post(f"{name}/reschedule", {"not_before": 1_750_000_000, "expires": 1_760_000_000})
    assert (moved[0], moved[1]["cti"], moved[1]["not_before"]) == (
        200,
        ticket["cti"],
        1_750_000_000,
    )
    other = shop.post(f"{name}/reschedule", {"event": "SHOW"})[1]
    assert (other["replaces"], other["standing"]) == (ticket["cti"], "good")
    old = shop.get(name)[1]
    assert (old["standing"], old["replaced_by"]) == ("rescheduled", other["cti"])
    assert shop.post(f"{name}/refund")[1]["code"] == "already-rescheduled"


def test_a_refund_says_first_what_may_have_happened(shop: Shop) -> None:
    ticket = shop.post("tickets", ORDER)[1]
    name = f"tickets/{ticket['cti']}"
    inquiry = shop.get(f"{name}/refund-inquiry")[1]
    assert (inquiry["finding"], inquiry["confirming_gates"]) == ("not-admitted", 1)
    status, refund = shop.post(f"{name}/refund", {"why": "ill"}, key="r1")
    assert (status, refund["state"], refund["waits_for"]) == (200, "asked", ["Gate 1"])
    assert shop.get(f"refunds/{refund['id']}")[1] == refund
    assert shop.post(f"{name}/refund", {"why": "ill"}, key="r1")[1] == refund
    assert shop.post(f"{name}/refund")[1]["code"] == "already-refunded"
    assert shop.get("refunds?open_only=true")[1] == [refund]
    assert shop.get(f"refunds?after={refund['id']}")[1] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "role"),
    [
        ("get", "tickets/{cti}", None, "may_read"),
        ("get", "tickets/{cti}/code", None, "may_issue"),
        ("post", "tickets", ORDER, "may_issue"),
        ("post", "tickets/batch", {"orders": [ORDER]}, "may_issue"),
        ("post", "tickets/{cti}/reissue", {}, "may_issue"),
        ("post", "tickets/{cti}/reschedule", {"event": "SHOW"}, "may_issue"),
        ("post", "tickets/{cti}/block", {}, "may_refund"),
        ("post", "tickets/{cti}/unblock", {}, "may_refund"),
        ("post", "tickets/{cti}/refund", {}, "may_refund"),
        ("get", "tickets/{cti}/refund-inquiry", None, "may_refund"),
        ("get", "refunds", None, "may_refund"),
        ("get", "refunds/1", None, "may_refund"),
        ("post", "tickets/{cti}/undo", {"admission": "00" * 12, "person": 1}, "may_undo"),
    ],
)
def test_a_key_does_what_its_role_allows_and_no_more(
    tickets: list[Any], method: str, path: str, body: Any, role: str
) -> None:
    take(Hello((EpochTop(EPOCH, 0, bytes(32)),)), kind="hello")
    path = path.format(cti=tickets[0]["cti"])
    without = Shop(new_key(*(other for other in ROLES if other != role)))
    having = Shop(new_key(role))
    refused = without.get(path) if method == "get" else without.post(path, body)
    assert (refused[0], refused[1].get("code")) == (403, "not-allowed")
    allowed = having.get(path) if method == "get" else having.post(path, body)
    assert allowed[0] == 200 or allowed[1]["code"] in ("no-such-use", "no-such-refund")


def test_a_key_sees_its_own_venue_alone(shop: Shop, tickets: list[Any]) -> None:
    from central.api.models import ChannelKey
    from central.venue import keys
    from central.venue.models import Venue

    elsewhere = Venue.objects.create(code="w", name_zh="别处", name_en="Elsewhere")
    keys.make(elsewhere)
    ChannelKey.objects.update(venue=elsewhere)
    assert shop.get(f"tickets/{tickets[0]['cti']}")[1]["code"] == "no-such-ticket"
    assert shop.get(f"tickets/{tickets[0]['text']}")[1]["code"] == "no-such-ticket"
    assert shop.post("tickets", ORDER)[1]["code"] == "no-such-class"


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ghk_wrong", "Basic abc", "Bearer \x00", "Bearer 票"]
)
@pytest.mark.usefixtures("tickets")
def test_without_a_key_nobody_is_told_anything(authorization: str) -> None:
    given = Client(headers={"Authorization": authorization}).get("/api/1/tickets/" + "00" * 16)
    assert (given.status_code, given.json()["code"]) == (401, "who-are-you")


def test_a_revoked_key_opens_nothing(shop: Shop) -> None:
    from central.api.models import ChannelKey

    ChannelKey.objects.update(revoked_at=1)
    assert shop.get("refunds")[0] == 401


def test_only_a_hash_of_a_key_is_kept(tickets: list[Any]) -> None:
    from central.api.models import ChannelKey

    assert tickets
    text = new_key("may_read")
    assert text not in str(ChannelKey.objects.values().get())


def test_a_key_that_asks_too_often_is_told_to_wait(tickets: list[Any]) -> None:
    key = new_key("may_read", per_minute=5)
    client = Client(headers={"Authorization": f"Bearer {key}"})
    path = f"/api/1/tickets/{tickets[0]['cti']}"
    answers = [client.get(path) for _ in range(7)]
    assert [one.status_code for one in answers[:5]] == [200] * 5
    assert answers[-1].status_code == 429
    assert answers[-1].json()["code"] == "too-often"
    assert 0 < int(answers[-1]["Retry-After"]) <= 60


BAD_BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"7",
    b'"x"',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"event": "SHOW"}',
    b'{"event": "SHOW", "ticket_class": 1, "more": 1}',
    b'{"event": "SHOW", "ticket_class": "1"}',
    b'{"event": "SHOW", "ticket_class": 1e400}',
    b'{"event": "SHOW", "ticket_class": NaN}',
    b'{"event": "SHOW", "ticket_class": true}',
    b'{"event": "SHOW", "ticket_class": 1, "quantity": 0}',
    b'{"event": "SHOW", "ticket_class": 1, "quantity": 24}',
    b'{"event": "SHOW", "ticket_class": 1, "quantity": 99999999999999999999999999}',
    b'{"event": "SHOW", "ticket_class": 1, "not_before": 4294967296}',
    b'{"event": "SHOW", "ticket_class": 1, "not_before": 5, "expires": 5}',
    b'{"event": "\\u0000", "ticket_class": 1}',
    b'{"event": "\\ud800", "ticket_class": 1}',
    '{"event": "演出", "ticket_class": 1}'.encode(),
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: repr(body[:50]))
def test_a_body_that_is_no_order_gets_a_sentence(shop: Shop, body: bytes) -> None:
    assert shop
    client = Client(headers={"Authorization": f"Bearer {new_key('may_issue')}"})
    given = client.post(
        "/api/1/tickets",
        body,
        content_type="application/json",
        headers={"Idempotency-Key": "k"},
    )
    assert 400 <= given.status_code < 500
    assert set(given.json()) == {"code", "zh", "en"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/api/1/", 404),
        ("get", "/api/1/nothing", 404),
        ("get", "/api/2/tickets", 404),
        ("delete", "/api/1/tickets", 405),
        ("get", "/api/1/tickets/%00", 404),
        ("get", "/api/1/tickets/00", 404),
        ("get", "/api/1/tickets/GH1AAAA", 404),
        ("get", "/api/1/tickets/GH91234567890", 404),
        ("get", "/api/1/tickets/%E7%A5%A8", 404),
        ("get", "/api/1/tickets/" + "a" * 600, 422),
        ("get", "/api/1/refunds/0", 422),
        ("get", "/api/1/refunds/9223372036854775808", 422),
        ("get", "/api/1/refunds/x", 422),
        ("get", "/api/1/refunds?after=-1", 422),
        ("post", "/api/1/tickets", 400),
    ],
)
def test_whatever_is_asked_gets_a_sentence_in_both_languages(
    shop: Shop, method: str, path: str, status: int
) -> None:
    assert shop
    client = Client(headers={"Authorization": f"Bearer {new_key(*ROLES)}"})
    given = getattr(client, method)(path)
    assert given.status_code == status
    told = given.json()
    assert told["code"]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in told["zh"])
    assert told["en"]


@pytest.mark.parametrize("name", ["", "a b", "票", "x" * 101, "a\tb"])
def test_a_name_of_an_operation_is_plain(shop: Shop, name: str) -> None:
    assert shop
    client = Client(headers={"Authorization": f"Bearer {new_key(*ROLES)}"})
    given = client.post(
        "/api/1/tickets", ORDER, content_type="application/json", headers={"Idempotency-Key": name}
    )
    assert (given.status_code, given.json()["code"]) == (422, "malformed")


def test_a_body_beyond_all_measure_is_refused(shop: Shop) -> None:
    status, fault = shop.post("tickets", {**ORDER, "more": "x" * 6_000_000})
    assert 400 <= status < 500
    assert fault["zh"]


def test_a_venue_without_a_key_to_sign_says_so(shop: Shop) -> None:
    from central.venue.models import SigningKey, Ticket

    SigningKey.objects.all().delete()
    before = Ticket.objects.count()
    status, fault = shop.post("tickets", ORDER)
    assert (status, fault["code"]) == (503, "no-signing-key")
    assert Ticket.objects.count() == before


def test_its_description_can_be_read_without_a_key(shop: Shop) -> None:
    assert shop
    told = Client().get("/api/1/openapi.json").json()
    assert told["openapi"].startswith("3.")
    assert "/api/1/tickets/{ticket}/refund-inquiry" in told["paths"]
    assert told["components"]["securitySchemes"]["ByKey"]["scheme"] == "bearer"


def test_no_log_holds_a_code(
    shop: Shop, tickets: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    code = tickets[0]["text"]
    for path in (code, f"{code}/nothing", f"{code}x", f"{code}/refund-inquiry"):
        shop.get(f"tickets/{path}")
    shop.get(f"tickets/{code}/block")  # Not that way.
    shop.post(f"tickets/{code}/refund", {"more": 1})
    Shop("ghk_wrong").get(f"tickets/{code}")
    assert code not in caplog.text
