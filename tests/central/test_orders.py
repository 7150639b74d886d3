"""Orders at central: counted, sealed, sent once, and shown with what became of them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from paho.mqtt.client import Client as Connection
from paho.mqtt.enums import CallbackAPIVersion

from tests.brokers import KINDS, running_broker
from tests.central_messages import DEVICE, TOPICS, chained, rows, take
from wire import command as wire
from wire.codec import decode
from wire.command import Logs
from wire.event import AnyEvent, CommandAnswered
from wire.signed import Purpose

NOW = 1_790_000_000
OPEN = wire.OpenOnce("A1", "wheelchair")


@pytest.fixture
def chief() -> Client:
    from django.contrib.auth import get_user_model

    users = get_user_model()
    users.objects.filter(username__in=("chief", "guard")).delete()
    client = Client(headers={"Accept-Language": "zh-CN"})
    client.force_login(users.objects.create_superuser("chief", password="a long password"))
    return client


def device() -> Any:
    from central.venue.models import Device

    return Device.objects.get(identity=DEVICE)


def give(command: wire.AnyCommand = OPEN, now: int | None = None) -> Any:
    from central.orders.giving import give as given

    return given(device(), command, "chief", now)


def report(*events: AnyEvent) -> None:
    take(*chained(rows(*events)))


def answered(counter: int, done: bool = True, why: str = "", highest: int = 0) -> CommandAnswered:
    return CommandAnswered(counter=counter, order="open-once", done=done, why=why, highest=highest)


def standing(order: Any, now: float | None = None) -> str:
    from central.orders.words import standing as stands

    order.refresh_from_db()
    return stands(order.done, order.sent_at, order.expires, time.time() if now is None else now)


def test_an_order_is_sealed_for_its_device_alone(tickets: list[Any]) -> None:
    from central.venue.models import RolesVersion
    from wire.signed import pin, pinned_trust

    assert tickets
    order = give(now=NOW)
    bundled = bytes(RolesVersion.objects.get().bundle)
    trust = pinned_trust(bundled, pin(bundled))
    sealed = decode(trust.unseal(bytes(order.envelope), Purpose.COMMAND), wire.Order)
    assert sealed == wire.Order(bytes.fromhex(DEVICE), 1, NOW, NOW + 60, "chief", OPEN)
    assert sealed.expires - sealed.issued_at <= wire.COMMAND_SECONDS_MAX


def test_counters_grow_by_one_and_never_come_back(tickets: list[Any]) -> None:
    from central.orders.models import Order

    assert tickets
    assert [give().counter for _ in range(3)] == [1, 2, 3]
    Order.objects.all().delete()  # Central is put back to the day before.
    report(answered(0, False, "replayed", highest=3))
    assert give().counter == 4
    Order.objects.all().delete()
    take(*chained(rows(answered(9)), b"epoch--2"))
    assert give().counter == 10


def test_a_device_that_lies_about_its_counter_stops_nobody(tickets: list[Any]) -> None:
    assert tickets
    report(answered(2**63 - 1), answered(-5), answered(2**62, highest=2**63 - 1))
    assert give().counter == 1


def test_what_became_of_an_order(tickets: list[Any]) -> None:
    assert tickets
    first, second, third, late = give(), give(), give(wire.LockEntry()), give(now=NOW)
    assert standing(first) == "unsent"
    first.sent_at = int(time.time())
    first.save()
    assert standing(first) == "waiting"
    assert standing(first, first.expires + 1) == "unanswered"
    assert standing(late) == "expired"
    report(answered(1), answered(2, False, "已过期 · expired 3 s ago"), answered(3))
    assert [standing(one) for one in (first, second, third)] == ["done", "refused", "done"]
    assert second.answer == "已过期 · expired 3 s ago"
    # Fire overtook the third; whatever the order in which the two rows come.
    take(*chained(rows(answered(3, False, "fire"), answered(3)), b"epoch--2"))
    assert standing(third) == "refused"


@contextmanager
def connected(port: int, name: str) -> Iterator[Connection]:
    client = Connection(CallbackAPIVersion.VERSION2, client_id=name)
    client.connect("127.0.0.1", port)
    client.loop_start()
    until(client.is_connected)
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def until(what: Any) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_an_order_is_sent_once_and_not_kept_by_the_broker(
    tickets: list[Any], tmp_path: Path, kind: str
) -> None:
    from central.orders.sending import send_orders

    assert tickets
    venue = device().venue
    with running_broker(tmp_path, kind) as broker, connected(broker.port, "device") as heard:
        came: list[tuple[bytes, bool]] = []
        heard.on_message = lambda _c, _d, one: came.append((bytes(one.payload), one.retain))
        subscribed: list[int] = []
        heard.on_subscribe = lambda *_: subscribed.append(1)
        heard.subscribe(TOPICS.command(DEVICE), 1)
        until(lambda: subscribed)
        give(now=NOW)  # Expired long ago.
        order = give()
        with connected(broker.port, "central") as client:
            assert send_orders(client, TOPICS, venue) == 1
            assert send_orders(client, TOPICS, venue) == 0
            until(lambda: came)
            assert came == [(bytes(order.envelope), False)]
            with connected(broker.port, "late") as late:
                found, there = list[bytes](), list[int]()
                late.on_message = lambda _c, _d, one: found.append(bytes(one.payload))
                late.on_subscribe = lambda *_: there.append(1)
                late.subscribe(TOPICS.command(DEVICE), 1)
                until(lambda: there)
                client.publish(TOPICS.command(DEVICE), b"last")
                until(lambda: found)
                assert found == [b"last"], "nothing had been kept for whoever comes later"
        assert standing(order) == "waiting"
        waiting = give()
        with connected(broker.port, "central") as client:
            client.disconnect()
            until(lambda: not client.is_connected())
            assert send_orders(client, TOPICS, venue) == 0
        assert standing(waiting) == "unsent"


PAGE = "/admin/venue/device/"


def ask(admin: Client, **told: object) -> Any:
    chosen = {"action": "give_order", "_selected_action": [device().pk]}
    return admin.post(PAGE, {**chosen, **told})


def test_an_admin_gives_an_order_and_sees_what_became_of_it(
    chief: Client, tickets: list[Any]
) -> None:
    from django.contrib.admin.models import LogEntry

    from central.orders.models import Order

    assert tickets
    page = chief.get("/admin/orders/order/").content.decode()
    assert "还没有下达过指令" in page
    assert "No order was given yet" in page
    form = ask(chief).content.decode()
    assert "Gate 1" in form
    assert "暂停入场 Lock entry" in form
    answer = ask(chief, kind="open-once", lane="A1", why="wheelchair")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/orders/order/")
    order = Order.objects.get()
    assert (order.kind, order.lane, order.why, order.by) == (
        *("open-once", "A1", "wheelchair"),
        "chief",
    )
    assert "order 1: open-once A1 wheelchair" in LogEntry.objects.latest("pk").change_message
    page = chief.get("/admin/orders/order/").content.decode()
    assert "待发出 to be sent" in page
    assert "location.reload" in page
    report(answered(1, False, "A1 正有人通过 · A1 is open or in use"))
    page = chief.get("/admin/orders/order/").content.decode()
    assert "被拒绝 refused" in page
    assert "A1 is open or in use" in page
    assert "location.reload" not in page
    assert chief.get(f"/admin/orders/order/{order.pk}/change/").status_code == 200


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"kind": "open-once", "why": "x"}, "Say which lane"),
        ({"kind": "open-once", "lane": "A1"}, "Say why"),
        ({"kind": "free-pass", "lane": "A1"}, "Say for how long"),
        ({"kind": "hold-open", "minutes": "100000"}, 'class="error"'),
        ({"kind": "explode"}, 'class="error"'),
    ],
)
def test_a_form_that_is_wrong_gives_nothing_and_says_why(
    chief: Client, tickets: list[Any], told: dict[str, str], said: str
) -> None:
    from central.orders.models import Order

    assert tickets
    assert said in ask(chief, **told).content.decode()
    assert not Order.objects.exists()


def test_every_order_can_be_given(chief: Client, tickets: list[Any]) -> None:
    from central.orders.models import Order
    from central.orders.words import KINDS

    assert tickets
    for kind in KINDS:
        ask(chief, kind=kind, lane="A1", why="test", minutes="30")
    assert list(Order.objects.order_by("counter").values_list("kind", flat=True)) == list(KINDS)
    assert set(KINDS) == {str(one.__struct_config__.tag) for one in wire.AnyCommand.__args__}


def test_without_the_permission_nobody_gives_an_order(chief: Client, tickets: list[Any]) -> None:
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Permission

    from central.orders.models import Order

    assert tickets
    guard = get_user_model().objects.create_user("guard", password="a long one", is_staff=True)
    names = ("view_device", "change_device", "view_order")
    guard.user_permissions.set(Permission.objects.filter(codename__in=names))
    chief.force_login(guard)
    assert "give_order" not in chief.get(PAGE).content.decode()
    ask(chief, kind="open-once", lane="A1", why="let me in")
    assert not Order.objects.exists()
    guard.user_permissions.add(Permission.objects.get(codename="give"))
    ask(chief, kind="open-once", lane="A1", why="let me in")
    assert Order.objects.count() == 1


def test_a_devices_log_is_kept_and_shown(chief: Client, tickets: list[Any]) -> None:
    from central.orders.models import LogTail

    assert tickets
    assert "还没有日志" in chief.get("/admin/orders/logtail/").content.decode()
    for number in range(7):
        take(Logs("gate", (f"INFO gate line {number}", "<b>\0</b>")), kind="log")
    take(b"\xff", kind="log")  # Any bytes: put aside.
    kept = list(LogTail.objects.order_by("pk"))
    assert [one.lines.partition("\n")[0] for one in kept] == [
        f"INFO gate line {number}" for number in range(2, 7)
    ]
    page = chief.get(f"/admin/orders/logtail/{kept[-1].pk}/change/").content.decode()
    assert "INFO gate line 6" in page
    assert "&lt;b&gt;" in page
    take(Logs("sync", ("INFO sync connected",)), kind="log")
    assert LogTail.objects.filter(daemon="gate").count() == 5, "each daemon has its own"
    for number in range(60):
        take(Logs(f"none of ours {number}", ()), kind="log")
    assert LogTail.objects.count() == 40


def test_a_log_that_was_ordered_is_its_answer(chief: Client, tickets: list[Any]) -> None:
    """A hub has no journal to answer in."""
    from central.orders.models import Order

    assert tickets
    ask(chief, kind="send-logs")
    ask(chief, kind="identify")
    take(Logs("hub", ("INFO hub connected",)), kind="log")
    assert not Order.objects.filter(done=True).exists(), "what was not sent asked for no log"
    Order.objects.update(sent_at=int(time.time()))
    take(Logs("hub", ("INFO hub connected",)), kind="log")
    assert list(Order.objects.filter(done=True).values_list("kind", flat=True)) == ["send-logs"]


def test_the_longest_order_is_not_too_long(tickets: list[Any]) -> None:
    """An order with everything at its longest is one that a device still reads."""
    from edge.core.obedience import ORDER_BYTES_MAX

    assert tickets
    long = give(wire.OpenOnce("通" * 40, "因" * 100))
    assert len(long.envelope) < ORDER_BYTES_MAX
