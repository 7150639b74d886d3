"""The list central makes: its snapshot, its chain, and how devices fetch it."""

import hashlib
import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from django.db import transaction
from django.test import Client

from tests.central_messages import chained, rows, take, together
from tests.central_venue import TOKEN, description
from tests.device import authorised
from tests.trusted import inside
from wire import ticket as gh1
from wire.codec import decode, encode, loads
from wire.entry import Entry, Row, Standing, key_of, read, row
from wire.essentials import Essentials, Revocations, revoked, unpack
from wire.key import KeyRing
from wire.signed import Purpose
from wire.snapshot import About, Delta, Heartbeat, Manifest, head_after


def venue() -> Any:
    from central.venue.models import Venue

    return Venue.objects.get()


def made() -> tuple[Manifest, bytes]:
    from central.lists.snapshots import folder, snapshot

    manifest = decode(inside(bytes(snapshot(venue()).manifest)), Manifest)
    packed = (folder() / f"{manifest.version}.db.zst").read_bytes()
    return manifest, packed


def get(path: str, token: str = TOKEN, **headers: str) -> Any:
    return Client(headers={"Authorization": f"Bearer {token}", **headers}).get(path)


def test_what_was_prepared_is_signed_by_a_key_that_is_published(tickets: list[Any]) -> None:
    from central.venue.models import SigningKey

    ring = KeyRing([key.record() for key in SigningKey.objects.all()])
    for one in tickets:
        ticket = gh1.verify(one["text"].encode(), ring)
        assert isinstance(ticket, gh1.Ticket)
        assert (ticket.cti.hex(), ticket.quantity) == (one["cti"], one["quantity"])
    serials = [gh1.verify(one["text"].encode(), ring).serial for one in tickets]  # type: ignore[union-attr]
    assert len(set(serials)) == len(serials)


def test_prepared_again_nothing_is_issued_twice(tmp_path: Path, tickets: list[Any]) -> None:
    from central.venue.models import Ticket
    from central.venue.prepare import prepare

    assert len(tickets) == 8
    (tmp_path / "again.json").write_text(json.dumps(description(50)))
    assert prepare(tmp_path / "again.json", None) == 0
    assert Ticket.objects.count() == 8


def test_a_snapshot_holds_every_ticket_and_says_what_it_is(
    tmp_path: Path, tickets: list[Any]
) -> None:
    manifest, packed = made()
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    assert hashlib.sha256(packed).digest() == manifest.compressed_sha256
    assert hashlib.sha256(plain).digest() == manifest.file_sha256
    assert (len(packed), len(plain), manifest.rows) == (
        manifest.compressed_bytes,
        manifest.file_bytes,
        8,
    )
    (tmp_path / "list.db").write_bytes(plain)
    database = sqlite3.connect(tmp_path / "list.db")
    (said,) = database.execute("SELECT value FROM meta").fetchone()
    about = decode(said, About)
    assert about.venue == "v"
    entries = {row[0]: read(Row(*row)) for row in database.execute("SELECT * FROM ticket")}
    standings = [
        entries[key_of(bytes.fromhex(one["cti"]), about.list_key)].standing for one in tickets
    ]
    assert standings == [Standing.GOOD] * 5 + [Standing.REFUNDED] * 2 + [Standing.GOOD]
    assert all(bytes.fromhex(one["cti"]) not in plain for one in tickets), "no cti is in a list"


def test_changes_are_a_chain_and_carry_whole_rows(tickets: list[Any]) -> None:
    from central.lists.changes import reissue, save_event, set_standing
    from central.lists.models import Change
    from central.venue.models import Event, Ticket

    assert tickets
    first, second = Ticket.objects.order_by("pk")[:2]
    set_standing([first, second], Standing.BLOCKED)
    reissue(first)
    show = Event.objects.get()
    show.shift_seconds = 3600
    save_event(show)
    sequence, head = 0, bytes(32)
    deltas = []
    for change in Change.objects.order_by("sequence"):
        delta = decode(inside(bytes(change.body)), Delta)
        assert (delta.sequence, delta.previous) == (sequence + 1, head)
        sequence, head = delta.sequence, head_after(delta)
        assert bytes(change.head) == head
        deltas.append(delta)
    assert [len(delta.tickets) for delta in deltas] == [2, 1, 0]
    assert len(deltas[2].events) == 1
    (again,) = deltas[1].tickets
    entry = read(Row(*(getattr(again, name) for name in again.__struct_fields__)))
    assert (entry.standing, entry.least_generation) == (Standing.BLOCKED, 1)
    manifest, _ = made()
    assert (manifest.sequence, manifest.head) == (sequence, head)


def test_only_a_device_gets_the_list(tickets: list[Any]) -> None:
    assert tickets
    made()
    assert get("/device/list/manifest", "wrong").status_code == 401
    assert Client().get("/device/list/manifest").status_code == 401
    assert get("/device/list/deltas?after=0", "").status_code == 401
    assert get("/device/list/manifest").status_code == 200


def test_a_download_can_be_resumed(tickets: list[Any]) -> None:
    assert tickets
    manifest, packed = made()
    path = f"/device/list/{manifest.version}.db.zst"
    whole = get(path)
    assert (whole.status_code, b"".join(whole.streaming_content)) == (200, packed)
    rest = get(path, Range="bytes=100-")
    assert rest.status_code == 206
    assert rest["Content-Range"] == f"bytes 100-{len(packed) - 1}/{len(packed)}"
    assert b"".join(rest.streaming_content) == packed[100:]
    assert b"".join(get(path, Range="bytes=5-9").streaming_content) == packed[5:10]
    assert get(path, Range=f"bytes={len(packed)}-").status_code == 416
    assert get("/device/list/none.db.zst").status_code == 404
    assert get("/device/list/..%2fsecret.db.zst").status_code == 404


def test_missed_changes_are_fetched_as_they_were_published(tickets: list[Any]) -> None:
    from central.lists.changes import set_standing
    from central.lists.models import Change
    from central.venue.models import Ticket

    assert tickets
    for ticket in Ticket.objects.order_by("pk")[:3]:
        set_standing([ticket], Standing.REFUNDED)
    bodies = loads(get("/device/list/deltas?after=1").content)
    assert bodies == [bytes(one.body) for one in Change.objects.order_by("sequence")[1:]]
    assert get("/device/list/deltas?after=x").status_code == 400


def test_a_page_of_changes_stays_below_what_a_device_accepts(tickets: list[Any]) -> None:
    from central.lists.device import ANSWER_BYTES_MAX
    from central.lists.models import Change

    assert tickets
    for sequence in range(1, 9):
        Change.objects.create(
            venue=venue(), sequence=sequence, body=bytes(1_000_000), head=bytes(32)
        )
    bodies = loads(get("/device/list/deltas?after=0").content)
    assert 0 < sum(map(len, bodies)) <= ANSWER_BYTES_MAX
    assert loads(get(f"/device/list/deltas?after={len(bodies)}").content)


@pytest.mark.parametrize("path", ["/device/list/deltas", "/device/trust"])
@pytest.mark.parametrize("after", ["-1", "x", "%C2%B2", "9" * 30])
def test_a_number_that_is_none_is_refused(tickets: list[Any], path: str, after: str) -> None:
    assert tickets
    assert get(f"{path}?after={after}").status_code == 400


def test_essentials_hold_keys_classes_events_and_what_is_revoked(tickets: list[Any]) -> None:
    from central.lists import essentials
    from central.lists.changes import set_standing
    from central.lists.heartbeat import Pulse
    from central.venue.models import SigningKey, Ticket

    assert tickets
    essentials.path().unlink(missing_ok=True)
    assert get("/device/essentials").status_code == 404
    assert essentials.write(venue()) == 1
    first = read_essentials()
    assert (first.venue, first.number, first.sequence) == ("v", 1, 0)
    assert len(first.classes) == len(first.events) == 1
    assert [kid for kid, _ in first.signing_keys] == [bytes(SigningKey.objects.get().kid)]
    (gone,) = first.revocations
    refunded = Ticket.objects.filter(standing="refunded").values_list("serial", flat=True)
    assert _serials(gone) == sorted(refunded)
    one = Ticket.objects.filter(standing="good").first()
    assert one is not None
    set_standing([one], Standing.BLOCKED)
    pulse = Pulse()
    beat = decode(inside(pulse.beat(venue())), Heartbeat)
    assert beat.essentials == read_essentials().number == 2
    assert _serials(read_essentials().revocations[0]) == sorted([*refunded, one.serial])
    set_standing([one], Standing.GOOD)
    again = decode(inside(pulse.beat(venue())), Heartbeat)
    assert again.essentials == 2, "not at every change"
    assert again.wall > beat.wall


def read_essentials() -> Essentials:
    return decode(inside(get("/device/essentials").content), Essentials)


def _serials(revocations: Revocations) -> list[int]:
    bits = unpack(revocations)
    return [serial for serial in range(len(bits) * 8) if revoked(bits, serial)]


def test_one_refund_is_small_on_the_wire(tickets: list[Any]) -> None:
    from central.lists.changes import set_standing
    from central.lists.models import Change
    from central.venue.models import Ticket

    assert tickets
    set_standing([Ticket.objects.filter(standing="good")[0]], Standing.REFUNDED)
    assert len(bytes(Change.objects.get().body)) <= 200


@pytest.mark.parametrize("name", ["Gate 1", "East entrance 3", "东入口三号闸机", "East Wing " * 6])
def test_so_is_one_use(tickets: list[Any], name: str) -> None:
    from central.lists.models import Change
    from central.venue.models import Device, TicketClass

    Device.objects.update(name=name)
    # As many changes have been as in a year.
    Change.objects.create(venue=venue(), sequence=50_000_000, body=b"", head=bytes(32))
    used = msgspec.structs.replace(authorised(1), cti=bytes.fromhex(tickets[0]["cti"]))
    take(together(chained(rows(used))))
    body = bytes(Change.objects.order_by("sequence").last().body)  # type: ignore[union-attr]
    # The number of its class stands in it twice; it grows with every class a venue ever had.
    grown = 2 * (len(encode(65_535)) - len(encode(TicketClass.objects.latest("pk").pk)))
    assert len(body) + grown <= 200
    (changed,) = decode(inside(body), Delta).tickets
    (use,) = read(changed).elsewhere
    place = use.place.removesuffix("~")
    assert name.startswith(place)
    assert len(place) >= min(len(name), 5)


def test_a_list_takes_at_most_twenty_bytes_a_ticket_on_the_wire(tmp_path: Path) -> None:
    from central.lists.build import Contents, build

    count = 60_000
    kind, show = b"k" * 90, b"e" * 120  # Names and rules of 12 classes; they hardly count.
    contents = Contents(
        About(1, "v", bytes(32), 7, bytes(32), 1_780_000_000),
        tuple((number, kind) for number in range(12)),
        (("SHOW", show),),
        ((b"k1", b"s" * 60),),
    )
    keys = (key_of(number.to_bytes(16, "big"), bytes(32)) for number in range(count))
    refunded = (Entry(3, standing=Standing.REFUNDED), Entry(3))
    lines = (
        row(key, refunded[number % 60 > 0] if number % 5 == 0 else Entry(number % 12))
        for number, key in enumerate(keys)
    )
    manifest = build(tmp_path, "big", contents, lines)
    assert manifest.rows == count
    assert manifest.compressed_bytes <= 20 * count


@pytest.mark.parametrize("name_bytes", [0, 1_000])
def test_a_large_change_is_split_into_what_a_device_takes(
    tickets: list[Any], name_bytes: int
) -> None:
    from central.lists.changes import DELTA_BYTES_MAX, DELTA_ROWS_MAX, publish_change
    from central.lists.models import Change
    from central.venue.models import Event, Ticket

    first = Ticket.objects.get(cti=bytes.fromhex(tickets[0]["cti"]))
    made = [
        Ticket(
            cti=number.to_bytes(16, "big"), ticket_class=first.ticket_class, serial=10**6 + number,
            not_before=1, expires=2, issued_at=1, sealed_name=bytes(name_bytes) or None,
        )
        for number in range(1201)
    ]  # fmt: skip
    Ticket.objects.bulk_create(made)
    with transaction.atomic():
        last = publish_change(venue(), tickets=Ticket.objects.all(), events=Event.objects.all())
    found, end = list[Delta](), (0, bytes(32))
    for change in Change.objects.order_by("sequence"):
        delta = decode(inside(bytes(change.body)), Delta)
        assert (delta.sequence - 1, delta.previous) == end
        assert 0 < len(delta.tickets) <= DELTA_ROWS_MAX
        assert len(bytes(change.body)) < DELTA_BYTES_MAX + 2000
        end = delta.sequence, head_after(delta)
        found.append(delta)
    assert (last.sequence, bytes(last.head)) == end
    assert [len(delta.events) for delta in found] == [1] + [0] * (len(found) - 1)
    keys = [one.key for delta in found for one in delta.tickets]
    assert len(set(keys)) == len(keys) == Ticket.objects.count()
    assert len(found) == (3 if not name_bytes else 10)


def test_a_change_that_cannot_be_signed_is_not_half_there(
    tickets: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from central.lists import changes
    from central.lists.models import Change
    from central.venue import trust
    from central.venue.models import Ticket

    assert tickets
    monkeypatch.setattr(changes, "DELTA_ROWS_MAX", 3)
    left = iter([trust.sealed])

    def once(payload: bytes, purpose: Purpose) -> bytes:
        found = next(left, None)
        if found is None:
            raise trust.TrustMissing("the key is gone")
        return found(payload, purpose)

    monkeypatch.setattr(trust, "sealed", once)
    with pytest.raises(trust.TrustMissing):
        changes.set_standing(list(Ticket.objects.all()), Standing.BLOCKED)
    assert not Change.objects.exists()
    assert not Ticket.objects.filter(standing="blocked").exists()


def test_a_snapshot_is_made_when_the_chain_has_grown_long(
    tickets: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from central.lists import snapshots
    from central.lists.models import Change, Snapshot

    assert tickets
    building = snapshots.Building(venue(), threading.Event())

    def looked() -> int:
        building.look()
        building.join()
        return Snapshot.objects.count()

    def change(count: int, size: int) -> None:
        sequence = (Change.objects.count() and Change.objects.latest("sequence").sequence) + 1
        Change.objects.bulk_create(
            Change(venue=venue(), sequence=sequence + one, body=bytes(size), head=bytes(32))
            for one in range(count)
        )

    assert looked() == 1, "the first"
    change(10, snapshots.CHAIN_BYTES_MAX // 20)
    monkeypatch.setattr(snapshots, "AGAIN_SECONDS", 0.0)
    assert looked() == 1
    change(11, snapshots.CHAIN_BYTES_MAX // 20)
    monkeypatch.setattr(snapshots, "AGAIN_SECONDS", 600.0)
    assert looked() == 1, "not so soon after the last"
    monkeypatch.setattr(snapshots, "AGAIN_SECONDS", 0.0)
    assert looked() == 2, "many bytes"
    change(snapshots.CHANGES_MAX, 1)
    assert looked() == 2
    change(1, 1)
    assert looked() == 3, "many changes"
    assert snapshots.newest(venue()).sequence == 21 + 5001  # type: ignore[union-attr]


def test_the_heartbeat_says_how_far_the_newest_snapshot_goes(tickets: list[Any]) -> None:
    from central.lists.changes import set_standing
    from central.lists.heartbeat import Pulse
    from central.lists.snapshots import forget_from_now, snapshot
    from central.venue.models import Ticket

    assert tickets
    set_standing(list(Ticket.objects.all()[:1]), Standing.BLOCKED)
    snapshot(venue())
    set_standing(list(Ticket.objects.all()[:1]), Standing.GOOD)
    forget_from_now(venue())
    said = decode(inside(Pulse().beat(venue())), Heartbeat)
    assert (said.sequence, said.snapshot, said.forget) == (2, 1, 2)


def test_where_the_next_change_is_gone_nothing_is_given(tickets: list[Any]) -> None:
    from central.lists.changes import set_standing
    from central.lists.models import Change
    from central.venue.models import Ticket

    assert tickets
    for ticket in Ticket.objects.order_by("pk")[:4]:
        set_standing([ticket], Standing.REFUNDED)
    Change.objects.filter(sequence__lt=3).delete()
    assert loads(get("/device/list/deltas?after=1").content) == []
    assert len(loads(get("/device/list/deltas?after=2").content)) == 2


def test_heartbeats_grow_also_when_the_clock_was_set_back(
    tickets: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from central.lists.heartbeat import Pulse

    assert tickets
    walls = []
    for now in (2e9, 2e9 + 1, 1.9e9, 1.9e9 + 1):
        # A new run each time: nothing but the file remembers.
        monkeypatch.setattr("central.lists.heartbeat.time.time", lambda now=now: now)
        walls.append(decode(inside(Pulse().beat(venue())), Heartbeat).wall)
    assert walls == sorted(set(walls))


@pytest.mark.usefixtures("tickets")
def test_a_capacity_changed_while_selling_draws_no_serial_twice() -> None:
    from django.core.exceptions import ValidationError

    from central.venue.issue import Order, issue
    from central.venue.models import Ticket, TicketClass

    kind = TicketClass.objects.first()
    assert kind is not None
    kind.event.capacity = 20
    kind.event.serial_bits = None
    kind.event.save()
    Ticket.objects.filter(ticket_class__event=kind.event).delete()
    some = Order(count=20, not_before=1, expires=2, issued_at=1)
    issue(kind, some)
    kind.event.refresh_from_db()
    kind.event.capacity = 64
    kind.event.full_clean()
    kind.event.save()
    issue(kind, some)
    serials = Ticket.objects.filter(ticket_class__event=kind.event).values_list("serial", flat=True)
    assert len(set(serials)) == 40
    with pytest.raises(ValueError, match="no serials are left"):
        issue(kind, Order(count=25, not_before=1, expires=2, issued_at=1))
    kind.event.capacity = 65
    with pytest.raises(ValidationError, match="at most 64 now"):
        kind.event.full_clean()


@pytest.mark.usefixtures("tickets")
def test_a_house_sold_at_once_is_as_one_sold_ticket_by_ticket() -> None:
    from central.venue import issue
    from central.venue.models import Ticket, TicketClass

    kind = TicketClass.objects.select_related("event__venue").first()
    assert kind is not None
    kind.event.rotating = True
    order = issue.Order(7, 10, 20, 5, 3, Standing.BLOCKED, order_number="D1", phone_digits="1234")

    def sold(by: Any) -> list[dict[str, Any]]:
        Ticket.objects.all().delete()
        by(kind, order)
        by(kind, order)
        rights = {bytes(cti) for cti in Ticket.objects.values_list("cti", flat=True)}
        assert len(rights) == 14
        rows = Ticket.objects.order_by("pk").values()
        return [{name: of for name, of in row.items() if name not in ("id", "cti")} for row in rows]

    assert sold(issue.stock) == sold(issue.issue)
    with pytest.raises(ValueError, match="one by one"):
        issue.stock(kind, issue.Order(1, 10, 20, 5, holder="李"))
