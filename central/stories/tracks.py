"""Everything that ever happened to one right, across devices; and on one device, across rights."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from central.core.papers import Step
from central.core.refund import State
from central.exchange.models import STEPS, Paper
from central.holder.models import Phone
from central.ledger.models import Incident, OtherRow, Prefix, Row, Use
from central.stories import words
from central.stories.facts import AnyRow, read
from central.stories.telling import KINDS
from central.stories.words import Sign
from central.tickets.models import Performed, Refund
from central.times import second
from central.venue.models import Device, Ticket
from wire.words import Words

PAGE_ROWS = 200
NOTHING = Words("", "")
OPERATIONS: dict[str, tuple[Sign, Words]] = {
    "issue": (Sign("idle", "＋"), Words("出票", "Issued")),
    "block": (Sign("stop", "✕"), Words("冻结", "Blocked")),
    "unblock": (Sign("go", "○"), Words("解冻", "Unblocked")),
    "reschedule": (Sign("wait", "⇄"), Words("改签", "Rebooked")),
    "reissue": (Sign("wait", "⟳"), Words("换码，旧码作废", "New code; older ones are void")),
    "undo": (Sign("wait", "↩"), Words("撤销一次使用", "A use was undone")),
}
REFUND_ENDS: dict[State, tuple[Sign, Words]] = {
    State.SETTLED: (Sign("stop", "¥"), Words("退款有结论：可退款", "Refund settled: pay")),
    State.DENIED: (
        Sign("go", "○"),
        Words("退款有结论：不退，票恢复原状", "Refund denied; as before"),
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened."""

    at_ms: int
    sign: Sign
    words: Words
    where: str = ""
    detail: Words = NOTHING
    incident: int | None = None
    place: str = ""
    """Its epoch and seq on a device's track; of a hole, the first that is missing."""

    @property
    def at(self) -> str:
        return second(self.at_ms / 1000)


def of_ticket(ticket: Ticket) -> list[Line]:
    """Return all that is known of a right, oldest first."""
    cti = bytes(ticket.cti)
    admissions = set(_admissions(cti))
    lines = [_line(row) for row in _rows(Q(about__in=[cti, *sorted(admissions)]))]
    lines += [*_operations(ticket), *_refunds(ticket), *_phones(ticket), *_papers(ticket)]
    lines += [_incident(one) for one in Incident.objects.filter(about=cti).select_related("device")]
    lines.append(Line(ticket.issued_at * 1000, *OPERATIONS["issue"]))
    # At one moment, what was decided comes before what became of it.
    return sorted(lines, key=lambda line: line.at_ms)


def _admissions(cti: bytes) -> Iterable[bytes]:
    named = Use.objects.filter(cti=cti).values_list("admission", flat=True).distinct()
    return (bytes(one) for one in named)


def _rows(where: Q) -> Iterator[AnyRow]:
    """In the order of their journals, as far as they are of one."""
    for table in (Row, OtherRow):
        found: QuerySet[Any] = table._default_manager.filter(where)  # noqa: SLF001
        yield from found.select_related("device").order_by("device", "pk")


def _line(row: AnyRow) -> Line:
    where = f"{row.device} · {row.lane}" if row.lane else str(row.device)
    said = words.detail(read(row))
    return Line(row.wall_ms, words.sign(row.kind), words.kind_words(row.kind), where, said)


def _incident(one: Incident) -> Line:
    said = KINDS.get(one.kind, Words(one.kind, one.kind))
    name = Words(f"中央发现：{said.zh}", f"Central found: {said.en}")
    return Line(one.received_ms, Sign("stop", "▲"), name, str(one.device), incident=one.pk)


def _operations(ticket: Ticket) -> Iterator[Line]:
    """What was done to it, by people and by shops; refunds say more of themselves."""
    for done in performed(ticket).exclude(kind="refund"):
        sign, said = OPERATIONS.get(done.kind, (words.SMALL, Words(done.kind, done.kind)))
        if done.kind != "issue":
            yield Line(
                done.at * 1000,
                sign,
                said,
                done.by.removeprefix("admin:"),
                Words(done.why, done.why),
            )


def performed(ticket: Ticket) -> QuerySet[Performed]:
    """Return the operations that answer with this ticket."""
    if connection.vendor == "postgresql":
        return Performed.objects.filter(tickets__contains=[ticket.pk])
    named = "EXISTS (SELECT 1 FROM json_each(tickets_performed.tickets) WHERE value = %s)"
    return Performed.objects.extra(where=[named], params=[ticket.pk])


def _refunds(ticket: Ticket) -> Iterator[Line]:
    for refund in Refund.objects.filter(ticket=ticket):
        asked = Words("申请退款，各闸机开始拒绝", "Refund asked: gates refuse it from now on")
        why = Words(refund.why, refund.why)
        yield Line(
            refund.asked_at * 1000,
            Sign("stop", "¥"),
            asked,
            refund.asked_by.removeprefix("admin:"),
            why,
        )
        if refund.ended_at is not None and State(refund.state) in REFUND_ENDS:
            why = Words(refund.ended_why, refund.ended_why)
            ended = REFUND_ENDS[State(refund.state)]
            yield Line(refund.ended_at * 1000, *ended, refund.ended_by.removeprefix("admin:"), why)


def _phones(ticket: Ticket) -> Iterator[Line]:
    for phone in Phone.objects.filter(ticket=ticket):
        bound = Words("动态码放到一部手机上", "The moving code was put on a phone")
        yield Line(round(phone.bound_at.timestamp() * 1000), Sign("idle", "▯"), bound)
        if phone.others_refused and phone.last_other_at:
            times = phone.others_refused
            tried = Words(f"别的手机试了 {times} 次", f"Another phone tried, {times} times")
            yield Line(round(phone.last_other_at.timestamp() * 1000), Sign("wait", "!"), tried)
        if phone.released_at:
            let_go = Words("解除手机，旧码作废", "The phone was released; its code is void")
            at_ms = round(phone.released_at.timestamp() * 1000)
            yield Line(at_ms, Sign("wait", "⟳"), let_go, phone.released_by)


def _papers(ticket: Ticket) -> Iterator[Line]:
    for paper in Paper.objects.filter(ticket=ticket).select_related("device"):
        zh, _, en = STEPS[Step(paper.step)].partition(" ")
        said = Words(f"纸质票：{zh}", f"Paper: {en}")
        why = Words(paper.why, paper.why)
        yield Line(paper.wall_ms, Sign("idle", "▭"), said, str(paper.device), why)


@dataclass(frozen=True, slots=True)
class Page:
    lines: list[Line]
    older: str = ""
    """Where the page before this one ends; empty: nothing is older."""


def of_device(device: Device, until: str = "") -> Page:
    """Return what a device reported, newest first, with its holes, `PAGE_ROWS` at a time.

    `until` is what the page after this one says in `older`.
    """
    epochs = list(Prefix.objects.filter(device=device).order_by("-pk"))
    begin, seq = _place(until)
    epochs = [one for one in epochs if begin is None or one.pk <= begin]
    lines: list[Line] = []
    for prefix in epochs:
        below = seq if prefix.pk == begin else None
        most = PAGE_ROWS + 1 - len(lines)
        found = _of_epoch(device, prefix, below, most)
        lines += _with_holes(prefix, found, below, whole=len(found) < most)
        if len(lines) > PAGE_ROWS:
            return Page(lines[:PAGE_ROWS], lines[PAGE_ROWS - 1].place)
    return Page(lines)


def _place(until: str) -> tuple[int | None, int | None]:
    epoch, _, seq = until.partition(".")
    if epoch.isdecimal() and seq.isdecimal() and len(until) < 40:
        return int(epoch), min(int(seq), 2**62)
    return None, None


def _of_epoch(device: Device, prefix: Prefix, below: int | None, most: int) -> list[AnyRow]:
    named: dict[str, Any] = {"device": device, "epoch": bytes(prefix.epoch)}
    if below is not None:
        named["seq__lt"] = below
    rows: list[AnyRow] = list(Row.objects.filter(**named).order_by("-seq")[:most])
    if rows:
        named["seq__gte"] = rows[-1].seq
        rows += OtherRow.objects.filter(**named)
    return sorted(rows, key=lambda row: (-row.seq, row.wall_ms))


def _with_holes(
    prefix: Prefix, rows: list[AnyRow], below: int | None, whole: bool
) -> Iterator[Line]:
    """Say where rows are not here; those above the newest are known from what the device said.

    `whole`: `rows` go down to the epoch's first.
    """
    above = below if below is not None else prefix.told + 1
    at_ms = rows[-1].wall_ms if rows else 0
    for row in rows:
        if row.seq < above - 1:
            yield _hole(prefix, row.seq + 1, above - 1, row.wall_ms)
        yield replace(_line(row), place=f"{prefix.pk}.{row.seq}")
        above = min(above, row.seq)
    if whole and above > 1:
        yield _hole(prefix, 1, above - 1, at_ms)


def _hole(prefix: Prefix, first: int, last: int, at_ms: int) -> Line:
    span, place = str(first) if first == last else f"{first}–{last}", f"{prefix.pk}.{first}"
    if prefix.upto >= last:
        said = Words(f"第 {span} 行已丢失", f"Rows {span} are lost")
        return Line(at_ms, Sign("stop", "▲"), said, place=place)
    said = Words(f"第 {span} 行还没有送到", f"Rows {span} have not come yet")
    return Line(at_ms, Sign("wait", "…"), said, place=place)
