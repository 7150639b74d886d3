"""What stories are made of: places, times and what a device said, read out of its rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from django.db.models import Max, Min, Sum

from central.ledger.models import OtherRow, Prefix, Row, Use
from central.ledger.reading import read_row
from central.tickets.models import Refund
from central.times import minute
from central.venue.models import Device, Ticket
from wire import event
from wire.event import AnyEvent
from wire.row import Unknown
from wire.words import Words

AnyRow = Row | OtherRow


def read(row: AnyRow) -> AnyEvent | Unknown:
    return read_row(bytes(row.body), row.received_ms)[0]


def both(**where: object) -> Iterator[AnyRow]:
    """Return rows, and those beside them that have the same name: all of them happened."""
    return chain(Row.objects.filter(**where), OtherRow.objects.filter(**where))


def authorised(use: Use) -> event.Authorised | None:
    """Return what the gate wrote when it let this use in, if it has come."""
    for row in both(device=use.device_id, kind="authorised", about=use.cti):
        happened = read(row)
        if isinstance(happened, event.Authorised) and happened.admission == bytes(use.admission):
            return happened
    return None


def place(use: Use) -> Words:
    """Return gate and lane of a use."""
    told = authorised(use)
    name = f"{use.device} · {told.lane}" if told and told.lane else str(use.device)
    return Words(name, name)


def given_up(ticket: Ticket, rebooked: bool) -> tuple[int, str] | None:
    """Return when a ticket was refunded or rebooked (milliseconds), and by whom."""
    if rebooked:
        new = Ticket.objects.filter(replaces=ticket).first()
        return (new.issued_at * 1000, "中央 central") if new else None
    refund = Refund.objects.filter(ticket=ticket).order_by("-pk").first()
    return (refund.asked_at * 1000, refund.asked_by.removeprefix("admin:")) if refund else None


def around(device: Device, epoch: bytes, first: int, last: int) -> tuple[str, str]:
    """Return when the rows before `first` and after `last` of an epoch were written."""
    rows = Row.objects.filter(device=device, epoch=epoch)
    before = rows.filter(seq__lt=first).order_by("-seq").first()
    after = rows.filter(seq__gt=last).order_by("seq").first()
    if after is None:
        following = successor(device, epoch)
        after = (
            Row.objects.filter(device=device, epoch=following).order_by("seq").first()
            if following
            else None
        )
    return (_written(before, "?"), _written(after, "?"))


def _written(row: Row | None, otherwise: str) -> str:
    return minute(row.wall_ms / 1000) if row else otherwise


def beginning(device: Device, epoch: bytes) -> tuple[str, str]:
    """Return when an epoch began, and why, as its first row says."""
    row = Row.objects.filter(device=device, epoch=epoch, seq=1).first()
    if row is None:
        return "?", ""
    happened = read(row)
    why = happened.why if isinstance(happened, event.EpochBegan) else ""
    return minute(row.wall_ms / 1000), why


def last_before(device: Device, epoch: bytes) -> str:
    """Return when the last row that is here was written of what came before an epoch."""
    here = Prefix.objects.filter(device=device, epoch=epoch).first()
    older = Prefix.objects.filter(device=device)
    if here is not None:
        older = older.filter(pk__lt=here.pk)
    for prefix in older.order_by("-pk"):
        row = Row.objects.filter(device=device, epoch=prefix.epoch).order_by("-seq").first()
        if row is not None:
            return minute(row.wall_ms / 1000)
    return "?"


def successor(device: Device, epoch: bytes) -> bytes | None:
    """Return the epoch that went on after this one, or in its place: from an older copy."""
    began = {
        bytes(row.epoch): (row.wall_ms, happened.previous_epoch)
        for row in Row.objects.filter(device=device, kind="epoch-began")
        if isinstance(happened := read(row), event.EpochBegan)
    }
    after = [(at, name) for name, (at, before) in began.items() if before == epoch]
    at, before = began.get(epoch, (0, b""))
    if not after and before:
        beside = [(when, name) for name, (when, other) in began.items() if other == before]
        after = [one for one in beside if one[0] >= at and one[1] != epoch]
    return min(after)[1] if after else None


def let_in_before(device: Device, epoch: bytes) -> int:
    """Return how many persons a device had reported to have let in before an epoch."""
    here = Prefix.objects.filter(device=device, epoch=epoch).first()
    older = Prefix.objects.filter(device=device)
    if here is not None:
        older = older.filter(pk__lt=here.pk)
    return _let_in(device, epoch__in=[bytes(one.epoch) for one in older])


def let_in_after(device: Device, epoch: bytes, seq: int) -> int:
    """Return how many persons the rows of an epoch above `seq` let in."""
    return _let_in(device, epoch=epoch, seq__gt=seq)


def _let_in(device: Device, **where: object) -> int:
    tables = (
        table.filter(device=device, kind="authorised", **where)
        for table in (Row.objects, OtherRow.objects)
    )
    return sum(rows.aggregate(Sum("persons"))["persons__sum"] or 0 for rows in tables)


def span(device: Device, epoch: bytes, after: int) -> tuple[str, str] | None:
    """Return when the first and the last row of an epoch above `after` were written."""
    named = {"device": device, "epoch": epoch, "seq__gt": after}
    ends: list[int] = []
    for table in (Row.objects, OtherRow.objects):
        found = table.filter(**named).aggregate(first=Min("wall_ms"), last=Max("wall_ms"))
        ends += [one for one in found.values() if one is not None]
    return (minute(min(ends) / 1000), minute(max(ends) / 1000)) if ends else None


def handed_back(device: Device, epoch: bytes, persons: int) -> Words:
    """Return whether a device has heard again of the uses that it forgot."""
    applied = Row.objects.filter(device=device, epoch=epoch, kind="list-applied").order_by("seq")
    first = applied.first()
    if not persons:
        return Words("它没有需要取回的使用记录。", "There were no uses for it to hear of again.")
    if first is None:
        return Words(
            f"它送到过的 {persons} 人次放行都在名单上；它还没有取到名单。",
            f"The list holds what it had sent ({persons} let in); it has not applied it yet.",
        )
    return Words(
        f"它送到过的 {persons} 人次放行都在名单上，{minute(first.wall_ms / 1000)} 已随名单取回。",
        f"The list holds what it had sent ({persons} let in); it had that back with the list at "
        f"{minute(first.wall_ms / 1000)}.",
    )


@dataclass(frozen=True, slots=True)
class Twice:
    """Rows of one name and two contents."""

    first: int
    last: int
    count: int
    times_ms: tuple[int, ...]


def twice(device: Device, epoch: bytes) -> Twice | None:
    others = list(OtherRow.objects.filter(device=device, epoch=epoch))
    if not others:
        return None
    names = {one.seq for one in others}
    times = [row.wall_ms for row in both(device=device, epoch=epoch, seq__in=names)]
    return Twice(min(names), max(names), len(names), tuple(times))
