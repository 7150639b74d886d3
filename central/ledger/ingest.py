"""From MQTT into the ledger: what a device reports becomes rows, once, and is acknowledged then.

Whatever arrived within a moment is committed in one transaction; the acknowledgements go out
after the commit and never before. Nothing a payload holds can stop this: what cannot be read is
put into quarantine.
"""

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

import paho.mqtt.client as mqtt
import zstandard
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from central import life
from central.core.flood import Meter
from central.core.prefix import advance
from central.database import kept_trying
from central.exchange import noting
from central.ledger import footing, sql_postgresql, sql_sqlite
from central.ledger.arrivals import Arrivals, Message
from central.ledger.models import Incident, Prefix, Quarantine, Row
from central.ledger.reading import check_batch, check_hello, columns, read_row, short
from central.ledger.uses import rights_of
from central.link import Program, connect
from central.lists.changes import tell_uses
from central.orders import reports
from central.orders.desired import owed
from central.tickets import refunds
from central.venue.models import Device
from rules.use import Outcome
from wire import event
from wire.chain import link
from wire.codec import MESSAGE_BYTES_MAX, WireError, decode, encode
from wire.delivery import Ack, Batch, EpochTop, Hello
from wire.event import AnyEvent, Stamp
from wire.row import Unknown
from wire.topic import Topics, sender

log = logging.getLogger("central.ingest")

ZSTD = bytes.fromhex("28B52FFD")
ASIDE_MAX = 100
"""Messages of one topic, an hour, that are kept though they cannot be read."""
FLOOD_AGAIN_MS = 60_000
HELD_MAX = 5000
"""Rows beyond a prefix that are looked at to find its holes."""

OUTCOMES: dict[type[event.Outcome], Outcome] = {
    event.Abandoned: Outcome.ABANDONED,
    event.Uncertain: Outcome.UNCERTAIN,
    event.Passed: Outcome.PASSED,
    event.PassedLate: Outcome.PASSED_LATE,
    event.Undone: Outcome.UNDONE,
}


@dataclass(slots=True)
class Group:
    """What one transaction holds, and whom to answer afterwards."""

    answers: list[tuple[str, bytes]] = field(default_factory=list)
    """(topic, payload), to be published after the commit."""
    asked: set[tuple[int, str, bytes]] = field(default_factory=set)
    """(device key, device id, epoch)s that are to get an Ack."""
    used: set[bytes] = field(default_factory=set)
    """ctis that were used or given back: every other device is to know."""
    papers: set[bytes] = field(default_factory=set)
    """ctis of which a paper is out: codes of lower generations are void."""


def run(stopping: threading.Event) -> None:
    """Take in what devices report until told to stop."""
    topics = Topics(settings.TOLD.venue)
    arrived, aside = Arrivals(), what_is_aside()
    client = connect(settings.TOLD.broker, Program.INGEST, topics.venue)

    def on_connect(connected: mqtt.Client, *_: object) -> None:
        connected.subscribe(topics.everything_up(), qos=1)

    def on_message(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        arrived.put(message.topic, bytes(message.payload))

    client.on_connect = on_connect
    client.on_message = on_message
    if client.is_connected():
        on_connect(client)
    life.ready()
    while not stopping.is_set():
        life.alive()
        messages = arrived.gather()
        for device in arrived.flooders():
            kept_trying(partial(note_flood, device), stopping)
        if messages:
            for topic, payload in (
                kept_trying(partial(take, messages, topics, aside), stopping) or ()
            ):
                client.publish(topic, payload, qos=1)
    client.loop_stop()


def what_is_aside() -> Meter:
    """Return how much of each topic was put aside lately: nothing. The disk is for rows."""
    return Meter(seconds=3600.0, messages_max=ASIDE_MAX)


def take(
    messages: Iterable[Message], topics: Topics, aside: Meter | None = None
) -> list[tuple[str, bytes]]:
    """Commit what the messages hold; return the (topic, payload)s to answer with.

    What cannot be read is put aside, as long as `aside` has room for more of its topic.
    """
    group, aside = Group(), aside or what_is_aside()
    with transaction.atomic():
        for topic, payload in messages:
            try:
                _take_one(topic, payload, group)
            except WireError as error:
                if not aside.beyond(topic, len(payload), time.monotonic()):
                    _put_aside(topic, payload, str(error))
        for device, identity, epoch in sorted(group.asked):
            ack = _advance(device, epoch)
            group.answers.append((topics.ack(identity), encode(ack)))
        if group.papers:
            noting.raise_generations(group.papers)
        if group.used | group.papers:
            tell_uses(group.used | group.papers)
        refunds.heard(group.used, {device for device, _, _ in group.asked})
    return group.answers


def _take_one(topic: str, payload: bytes, group: Group) -> None:
    found = sender(topic)
    if found is None or "\0" in topic:
        raise WireError("no topic of ours")
    identity, kind = found
    device = Device.objects.filter(identity=identity).select_related("denied").first()
    if device is None:
        raise WireError("no device of ours")
    if hasattr(device, "denied"):
        raise WireError("this device was revoked")
    plain = _unpacked(payload)
    if kind == "hello":
        hello = decode(plain, Hello)
        check_hello(hello)
        reported = sum(epoch.top for epoch in hello.epochs)
        Device.objects.filter(pk=device.pk).update(last_seen=timezone.now(), reported_rows=reported)
        configured = owed(device, hello.configuration)
        if configured:
            there = Topics(device.venue.code).configuration(identity)
            group.answers.append((there, configured))
        for epoch in hello.epochs:
            _note_gap(device, epoch)
            group.asked.add((device.pk, identity, epoch.epoch))
    elif kind == "log":
        reports.keep_log(device, plain)
    elif kind in ("live", "backlog"):
        batch = decode(plain, Batch)
        check_batch(batch)
        _insert(device, batch, kind == "live", group)
        Device.objects.filter(pk=device.pk).update(last_seen=timezone.now())
        group.asked.add((device.pk, identity, batch.epoch))
    else:
        raise WireError(f"no message is called {kind}")


def _unpacked(payload: bytes) -> bytes:
    if not payload.startswith(ZSTD):
        return payload
    try:
        # Bounded: a few bytes could otherwise claim to be a disk full of zeros.
        return zstandard.ZstdDecompressor().decompress(
            payload, max_output_size=MESSAGE_BYTES_MAX, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise WireError(f"not zstd: {error}") from None


def _insert(device: Device, batch: Batch, live: bool, group: Group) -> None:
    """Write a batch's rows, and note for the group what they change."""
    sql = sql_postgresql if connection.vendor == "postgresql" else sql_sqlite
    received_ms = round(time.time() * 1000)
    previous, identity = batch.previous, bytes.fromhex(device.identity)
    with connection.cursor() as cursor:
        for seq, body in enumerate(batch.rows, batch.first):
            happened, stamp = read_row(body, received_ms)
            previous = link(previous, identity, batch.epoch, seq, body)
            name = (device.pk, batch.epoch, seq)
            kind, lane, reason, persons = columns(happened)
            values = (previous, body, kind, lane, reason, persons, stamp.wall_ms, received_ms)
            cursor.execute(sql.INSERT_ROW, (*name, *values))
            if cursor.rowcount == 0:
                _compare(device, batch.epoch, seq, body)
                continue
            _project(cursor, sql, device.pk, happened, stamp)
            reports.note(device.pk, happened, stamp)
            _note_state(device, happened)
            footing.note(device.pk, happened, stamp, received_ms)
            if live and seq == batch.first + len(batch.rows) - 1:
                footing.note_clock(device.pk, stamp, received_ms)
            group.used |= _touched(device.pk, happened)
            group.papers |= noting.note(device.pk, batch.epoch, seq, happened, stamp)


def _note_state(device: Device, happened: AnyEvent | Unknown) -> None:
    match happened:
        case event.ListApplied(sequence=sequence):
            # Live rows overtake older ones, which then say less.
            older = Device.objects.filter(pk=device.pk, list_sequence__lt=sequence)
            older.update(list_sequence=sequence)
        case event.EpochBegan(previous_epoch=before, previous_top=top) if before:
            _note_told(device, before, top)
        case _:
            pass


def _note_told(device: Device, epoch: bytes, top: int) -> Prefix:
    """Remember how many rows of an epoch the device has."""
    prefix, _ = Prefix.objects.get_or_create(device=device, epoch=epoch)
    if top > prefix.told:
        prefix.told = top
        prefix.save(update_fields=["told"])
    return prefix


def _touched(device: int, happened: AnyEvent | Unknown) -> set[bytes]:
    """Return the cti that is now more or less used; that it was passed says nothing new."""
    match happened:
        case event.Authorised():
            return {happened.cti}
        case event.Abandoned() | event.PassedLate() | event.Undone():
            return rights_of(device, happened.admission)
        case _:
            return set()


def _compare(device: Device, epoch: bytes, seq: int, body: bytes) -> None:
    """The same row again is nothing; another one under its name is somebody's mistake, or worse."""
    held = Row.objects.get(device=device, epoch=epoch, seq=seq)
    if bytes(held.body) == body:
        return
    # Hashes, since PostgreSQL's indexes hold no long values; what came is put aside.
    hashes = {"held": sha256(held.body).hexdigest(), "came": sha256(body).hexdigest()}
    _, new = Incident.objects.get_or_create(
        kind="conflict",
        device=device,
        detail={"epoch": epoch.hex(), "seq": seq, **hashes},
        defaults={"received_ms": round(time.time() * 1000)},
    )
    if new:
        _put_aside(f"{device.identity} {epoch.hex()} {seq}", body, "another row has this name")


def _project(
    cursor: object, sql: object, device: int, happened: AnyEvent | Unknown, stamp: Stamp
) -> None:
    execute = cursor.execute  # type: ignore[attr-defined]
    match happened:
        case event.Authorised():
            for person in range(1, happened.quantity + 1):
                right = (happened.cti, short(happened.checkpoint), stamp.wall_ms)
                execute(sql.UPSERT_RIGHT, (device, happened.admission, person, *right))  # type: ignore[attr-defined]
        case event.Outcome():
            outcome = int(OUTCOMES[type(happened)])
            for person in range(happened.person, happened.person + happened.count):
                name = (device, happened.admission, person)
                execute(sql.UPSERT_OUTCOME, (*name, outcome, stamp.wall_ms))  # type: ignore[attr-defined]
        case _:
            pass


def _advance(device: int, epoch: bytes) -> Ack:
    """Move the prefix of an epoch as far as it goes, and name the holes behind it."""
    prefix, _ = Prefix.objects.get_or_create(device_id=device, epoch=epoch)
    end = prefix.upto
    told = prefix.told
    holes: tuple[tuple[int, int], ...] = ()
    while True:
        held = list(
            Row.objects.filter(device_id=device, epoch=epoch, seq__gt=end)
            .order_by("seq")
            .values_list("seq", flat=True)[:HELD_MAX]
        )
        before = end
        told = max(told, end, *held[-1:])
        end, holes = advance(end, held)
        if len(held) < HELD_MAX or holes or end == before:
            break
    if (end, told) != (prefix.upto, prefix.told):
        prefix.upto, prefix.told = end, told
        prefix.save(update_fields=["upto", "told"])
    return Ack(epoch, end, holes)


def _note_gap(device: Device, epoch: EpochTop) -> None:
    """Rows that the device has pruned and central has lost can come no more: say so, go on."""
    prefix = _note_told(device, epoch.epoch, epoch.top)
    if epoch.first <= prefix.upto + 1:
        return
    detail = {"epoch": epoch.epoch.hex(), "first": prefix.upto + 1, "last": epoch.first - 1}
    log.error("gap device=%s rows=%s-%s", device.identity, detail["first"], detail["last"])
    Incident.objects.get_or_create(
        kind="gap",
        device=device,
        detail=detail,
        defaults={"received_ms": round(time.time() * 1000)},
    )
    prefix.upto = epoch.first - 1
    prefix.save(update_fields=["upto"])


def note_flood(identity: str) -> None:
    """Say that a device talks without end; whoever guards the broker puts it off for a while."""
    device = Device.objects.filter(identity=identity).first()
    now_ms = round(time.time() * 1000)
    said = Incident.objects.filter(kind="flood", device=device)
    if device is None or said.filter(received_ms__gt=now_ms - FLOOD_AGAIN_MS).exists():
        return
    log.error("flood device=%s", identity)
    detail = {"at_ms": now_ms}
    Incident.objects.create(kind="flood", device=device, detail=detail, received_ms=now_ms)


def _put_aside(topic: str, payload: bytes, why: str) -> None:
    log.warning("quarantine topic=%s why=%s", topic, why)
    Quarantine.objects.create(
        topic=short(topic, 200),
        payload=payload[:65536],
        why=short(why, 300),
        received_ms=round(time.time() * 1000),
    )
