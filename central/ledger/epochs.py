"""How far each epoch of a device is here, and what its next ones say became of it.

An epoch is a life of a device's journal; each names the one before and that one's last row. So
rows that are not here and can come no more are found, and so is a device that knows less than it
has reported: a journal that was lost, or an older copy that was put in its place.
"""

import logging
from collections.abc import Sequence

from central.core.prefix import advance
from central.ledger import findings
from central.ledger.messages import SaidRow
from central.ledger.models import OtherRow, Prefix, Row
from central.ledger.reading import read_row
from central.venue.models import Device
from wire.chain import link
from wire.delivery import Ack, Batch, Hello
from wire.event import EpochBegan

log = logging.getLogger("central.ingest")

HELD_MAX = 5000
"""Rows beyond a prefix that are looked at to find its holes."""


def note_hello(device: Device, hello: Hello) -> None:
    """Find what of a device's journal can come no more, and what it has forgotten."""
    for told in hello.epochs:
        prefix = _note_told(device, told.epoch, told.top)
        if told.first > prefix.upto + 1:
            _lose(device, prefix, told.first - 1)
    if not hello.epochs:
        return
    # Heard of before the newest that it has, and not there any more: its rows went with it.
    newest = Prefix.objects.get(device=device, epoch=hello.epochs[-1].epoch)
    listed = [told.epoch for told in hello.epochs]
    gone = Prefix.objects.filter(device=device, pk__lt=newest.pk).exclude(epoch__in=listed)
    for prefix in gone:
        if prefix.told > prefix.upto:
            _lose(device, prefix, prefix.told)


def _lose(device: Device, prefix: Prefix, last: int) -> None:
    """Say that rows up to `last` can come no more, as far as they are not here, and go on."""
    detail = {"epoch": bytes(prefix.epoch).hex(), "first": prefix.upto + 1, "last": last}
    log.error("gap device=%s rows=%s-%s", device.identity, detail["first"], detail["last"])
    findings.find(findings.GAP, device.pk, detail)
    prefix.upto = last
    prefix.save(update_fields=["upto"])


def note_began(device: Device, epoch: bytes, began: EpochBegan, wall_ms: int) -> None:
    """Remember what a new epoch says of the one before it; `wall_ms` is when it began."""
    if began.without_memory:
        before = began.previous_epoch.hex()
        findings.find(findings.FORGOT, device.pk, {"epoch": epoch.hex(), "previous": before})
    if not began.previous_epoch:
        return
    prefix = _note_told(device, began.previous_epoch, began.previous_top)
    if prefix.ends_at is None or began.previous_top < prefix.ends_at:
        prefix.ends_at = began.previous_top
        prefix.save(update_fields=["ends_at"])
    _compare_end(device, prefix)
    # Of two that follow the same one, the later has forgotten the earlier, all of it.
    for other in Row.objects.filter(device=device, kind="epoch-began").exclude(epoch=epoch):
        happened, _ = read_row(bytes(other.body), other.received_ms)
        if isinstance(happened, EpochBegan) and happened.previous_epoch == began.previous_epoch:
            _, forgotten = min((wall_ms, epoch), (other.wall_ms, bytes(other.epoch)))
            detail = {"epoch": forgotten.hex(), "kept": 0}
            findings.find(findings.PUT_BACK, device.pk, detail)


def _compare_end(device: Device, prefix: Prefix) -> None:
    """Find rows of an epoch that the next one knows nothing of."""
    if prefix.ends_at is None:
        return
    held = Row.objects.filter(device=device, epoch=prefix.epoch, seq__gt=prefix.ends_at)
    if held.exists():
        detail = {"epoch": bytes(prefix.epoch).hex(), "kept": prefix.ends_at}
        findings.find(findings.PUT_BACK, device.pk, detail)


def note_batch(device: Device, batch: Batch, new: Sequence[SaidRow], others: bool) -> None:
    """Find two histories of one epoch, or rows that do not hang on those beside them."""
    detail = {"epoch": batch.epoch.hex()}
    if others:
        findings.find(findings.FORKED, device.pk, detail)
        findings.withdraw(findings.CHAIN_BROKEN, device.pk, detail)
    if not new:
        return
    forked = OtherRow.objects.filter(device=device, epoch=batch.epoch).exists()
    if not forked:
        for seq in _torn(device, batch, new):
            findings.find(findings.CHAIN_BROKEN, device.pk, {**detail, "seq": seq})


def _torn(device: Device, batch: Batch, new: Sequence[SaidRow]) -> list[int]:
    """Return the seqs of rows that do not hang on the row before them, at a batch's two ends."""
    first, last = new[0], new[-1]
    # By one name each: of two in one question, PostgreSQL without statistics read a whole epoch.
    rows = Row.objects.filter(device=device, epoch=batch.epoch)
    torn = []
    for before in rows.filter(seq=first.seq - 1):
        if bytes(before.hash) != first.previous:
            torn.append(first.seq)
    for after in rows.filter(seq=last.seq + 1):
        if bytes(after.hash) != _hash(device, batch.epoch, last.hash, after):
            torn.append(after.seq)
    return torn


def _hash(device: Device, epoch: bytes, previous: bytes, row: Row | OtherRow) -> bytes:
    return link(previous, bytes.fromhex(device.identity), epoch, row.seq, bytes(row.body))


def _note_told(device: Device, epoch: bytes, top: int) -> Prefix:
    """Remember how many rows of an epoch the device has."""
    prefix, _ = Prefix.objects.get_or_create(device=device, epoch=epoch)
    if top > prefix.told:
        prefix.told = top
        prefix.save(update_fields=["told"])
    return prefix


def acknowledge(device: Device, epoch: bytes, hello: Hello | None) -> Ack:
    """Move the prefix of an epoch as far as it goes, and name the holes behind it.

    `hello`, if one just came, says what the device itself has: one that was put back to an older
    state is told no more than that.
    """
    prefix, _ = Prefix.objects.get_or_create(device=device, epoch=epoch)
    holes = _advance(prefix)
    _compare_end(device, prefix)
    forked = OtherRow.objects.filter(device=device, epoch=epoch).exists()
    told = hello and next((one for one in hello.epochs if one.epoch == epoch), None)
    if hello and told and told.top < prefix.upto:
        row = Row.objects.filter(device=device, epoch=epoch, seq=told.top).first()
        same = row is None or bytes(row.hash) == told.last
        # The newest epoch may have grown since: rows may have come with this very hello.
        if same and epoch != hello.epochs[-1].epoch:
            return Ack(epoch, told.top)
        if not same and not forked:
            return Ack(epoch, 0)  # It has another history: which rows differ shows when they come.
    if forked:
        return _of_the_other(device, prefix, holes)
    return Ack(epoch, prefix.upto, holes)


def _of_the_other(device: Device, prefix: Prefix, holes: tuple[tuple[int, int], ...]) -> Ack:
    """Acknowledge to a device whose rows are partly those that came second."""
    epoch = bytes(prefix.epoch)
    end: OtherRow | None = None
    for other in OtherRow.objects.filter(device=device, epoch=epoch).order_by("seq", "pk"):
        if end is not None and other.seq > end.seq + 1:
            return Ack(epoch, end.seq)
        end = other
    assert end is not None
    after = Row.objects.filter(device=device, epoch=epoch, seq=end.seq + 1).first()
    if after and bytes(after.hash) == _hash(device, epoch, bytes(end.hash), after):
        return Ack(epoch, prefix.upto, holes)
    return Ack(epoch, end.seq)


def _advance(prefix: Prefix) -> tuple[tuple[int, int], ...]:
    end, told = prefix.upto, prefix.told
    holes: tuple[tuple[int, int], ...] = ()
    rows = Row.objects.filter(device=prefix.device_id, epoch=prefix.epoch).order_by("seq")
    while True:
        held = list(rows.filter(seq__gt=end).values_list("seq", flat=True)[:HELD_MAX])
        before = end
        told = max(told, end, *held[-1:])
        end, holes = advance(end, held)
        if len(held) < HELD_MAX or holes or end == before:
            break
    if (end, told) != (prefix.upto, prefix.told):
        prefix.upto, prefix.told = end, told
        prefix.save(update_fields=["upto", "told"])
    return holes
