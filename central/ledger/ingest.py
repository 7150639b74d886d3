"""From MQTT into the ledger: what a device reports becomes rows, once, and is acknowledged then.

Whatever arrived within a moment is committed in one transaction; the acknowledgements go out
after the commit and never before. Nothing a payload holds can stop this: what cannot be read is
put into quarantine.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter

import paho.mqtt.client as mqtt
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from central import life
from central.claims.answering import Ledger
from central.core.flood import Meter
from central.database import kept_trying
from central.exchange import noting
from central.ledger import epochs, findings, footing, rows
from central.ledger.arrivals import Arrivals
from central.ledger.messages import Message, Reader, Rows, Said, read
from central.ledger.models import Incident, Quarantine
from central.ledger.reading import short
from central.link import Program, connect
from central.lists.changes import tell_uses
from central.notices import outbox
from central.orders import reports
from central.orders.desired import owed
from central.tickets import refunds
from central.venue.models import Device
from wire.codec import WireError, encode
from wire.delivery import Hello, Status
from wire.event import AnyEvent, Authorised, EpochBegan, ListApplied
from wire.row import Unknown
from wire.topic import Topics, sender

log = logging.getLogger("central.ingest")

Reading = Callable[[str, bytes], Said]

ASIDE_MAX = 100
"""Messages of one topic, an hour, that are kept though they cannot be read."""
FLOOD_AGAIN_MS = 60_000


@dataclass(slots=True)
class Group:
    """What one transaction holds, and whom to answer afterwards."""

    ledger: Ledger
    """Of claims."""
    answers: list[tuple[str, bytes]] = field(default_factory=list)
    """(topic, payload), to be published after the commit."""
    asked: dict[tuple[str, bytes], tuple[Device, Hello | None]] = field(default_factory=dict)
    """By (device id, epoch): who is to get an Ack, and the hello that asked for it."""
    used: set[bytes] = field(default_factory=set)
    """ctis that were used or given back: every other device is to know."""
    papers: set[bytes] = field(default_factory=set)
    """ctis of which a paper is out: codes of lower generations are void."""
    devices: dict[str, Device | None] = field(default_factory=dict)
    """By id, as far as they were asked for."""
    reported: set[int] = field(default_factory=set)
    """Keys of devices of which rows came."""
    heard: outbox.Heard = field(default_factory=outbox.Heard)
    """What ticket holders may be told of."""

    def device(self, identity: str) -> Device:
        """Return who says it; raise WireError if that is nobody of ours, or not any more."""
        if identity not in self.devices:
            named = Device.objects.filter(identity=identity).select_related("denied")
            self.devices[identity] = named.first()
        device = self.devices[identity]
        if device is None:
            raise WireError("no device of ours")
        if hasattr(device, "denied"):
            raise WireError("this device was revoked")
        return device


def run(stopping: threading.Event) -> None:
    """Take in what devices report until told to stop."""
    topics = Topics(settings.TOLD.venue)
    arrived, aside, ledger, reader = Arrivals(), what_is_aside(), Ledger(topics), Reader()
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
        reader.expect([*messages, *arrived.coming()])
        work = partial(take, messages, topics, aside, ledger, reader)
        answers = kept_trying(work, stopping) if messages else ()
        for topic, payload in (*(answers or ()), *(kept_trying(ledger.ask, stopping) or ())):
            client.publish(topic, payload, qos=1)
    client.loop_stop()
    reader.stop()


def what_is_aside() -> Meter:
    """Return how much of each topic was put aside lately: nothing. The disk is for rows."""
    return Meter(seconds=3600.0, messages_max=ASIDE_MAX)


def take(
    messages: Iterable[Message],
    topics: Topics,
    aside: Meter | None = None,
    ledger: Ledger | None = None,
    reader: Reading = read,
) -> list[tuple[str, bytes]]:
    """Commit what the messages hold; return the (topic, payload)s to answer with.

    What cannot be read is put aside, as long as `aside` has room for more of its topic. `reader`
    may have read the messages before.
    """
    group, aside = Group(ledger or Ledger(topics)), aside or what_is_aside()
    with transaction.atomic():
        for topic, payload in messages:
            try:
                _take_one(topic, payload, group, reader)
            except WireError as error:
                if not aside.beyond(topic, len(payload), time.monotonic()):
                    _put_aside(topic, payload, str(error))
        Device.objects.filter(pk__in=group.reported).update(last_seen=timezone.now())
        for (identity, epoch), (device, hello) in sorted(group.asked.items(), key=itemgetter(0)):
            ack = epochs.acknowledge(device, epoch, hello)
            group.ledger.reached(identity, epoch, ack.upto)
            group.answers.append((topics.ack(identity), encode(ack)))
        if group.papers:
            noting.raise_generations(group.papers)
        if group.used:
            findings.review(group.used)
        if group.used | group.papers:
            tell_uses(group.used | group.papers)
        refunds.heard(group.used, {device.pk for device, _ in group.asked.values()})
        outbox.tell_heard(group.heard, time.time())
    return group.answers


def _take_one(topic: str, payload: bytes, group: Group, reader: Reading) -> None:
    found = sender(topic)
    if found is None or "\0" in topic:
        raise WireError("no topic of ours")
    identity, _ = found
    device = group.device(identity)
    said = reader(topic, payload)
    match said.what:
        case Hello() as hello:
            reported = sum(epoch.top for epoch in hello.epochs)
            now = timezone.now()
            Device.objects.filter(pk=device.pk).update(last_seen=now, reported_rows=reported)
            configured = owed(device, hello.configuration)
            if configured:
                there = Topics(device.venue.code).configuration(identity)
                group.answers.append((there, configured))
            epochs.note_hello(device, hello)
            group.ledger.hello(device, hello)
            for told in hello.epochs:
                group.asked[identity, told.epoch] = device, hello
        case Rows(batch) as told_rows:
            _insert(device, told_rows, said.kind == "live", group)
            group.reported.add(device.pk)
            group.asked.setdefault((identity, batch.epoch), (device, None))
        case Status() as status:
            # Not `last_seen`: refunds go by that, and a status says nothing of what a door did.
            footing.note_list(device.pk, status, round(time.time() * 1000))
        case bytes() as plain if said.kind == "claim":
            group.answers += group.ledger.take(device, plain)
        case bytes() as plain:
            reports.keep_log(device, plain)


def _insert(device: Device, told: Rows, live: bool, group: Group) -> None:
    """Write a batch's rows, and note for the group what they change."""
    batch = told.batch
    new, others = rows.insert(device, batch.epoch, told.rows)
    epochs.note_batch(device, batch, new, others)
    for row in new:
        reports.note(device.pk, row.happened, row.stamp)
        footing.note(device.pk, row.happened, row.stamp)
        group.papers |= noting.note(device.pk, batch.epoch, row.seq, row.happened, row.stamp)
        group.heard.row(device.name, row.happened, row.stamp.wall_ms)
        if isinstance(row.happened, EpochBegan):
            epochs.note_began(device, batch.epoch, row.happened, row.stamp.wall_ms)
    applied = max((_list_of(row.happened) for row in new), default=0)
    if applied > device.list_sequence:
        # Live rows overtake older ones, which then say less.
        older = Device.objects.filter(pk=device.pk, list_sequence__lt=applied)
        older.update(list_sequence=applied)
        device.list_sequence = applied
    if live and new and new[-1].seq == batch.first + len(batch.rows) - 1:
        footing.note_clock(device.pk, new[-1].stamp, new[-1].received_ms)
    group.used |= rows.used_rights(device.pk, new)


def _list_of(happened: AnyEvent | Unknown) -> int:
    """Return the list that a device goes by, as a row has it; 0: it says nothing of it."""
    match happened:
        case ListApplied(sequence=sequence) | Authorised(list_sequence=sequence):
            return sequence
        case _:
            return 0


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
