"""Writes a batch's rows, and what they say of uses, in a few statements.

A row that comes again is nothing. Another one under its name is kept beside the first and counts
as much: both happened, and which came first must not decide anything.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from central.ledger import sql_postgresql, sql_sqlite
from central.ledger.messages import SaidRow
from central.ledger.models import Row, Use
from central.ledger.reading import about, columns, short
from central.venue.models import Device
from rules.use import OUTCOMES, Outcome
from wire import event

FIRST, OTHER = "ledger_row", "ledger_otherrow"
_Right = tuple[bytes | None, str | None, int | None]
"""(cti, checkpoint, generation)"""
_Used = tuple[Outcome, _Right, int]
UNKNOWN: _Right = (None, None, None)


def insert(device: Device, epoch: bytes, came: Sequence[SaidRow]) -> tuple[list[SaidRow], bool]:
    """Write what of a batch is new; return it, and whether other rows have some of its names."""
    new, others = list[SaidRow](), False
    for start in range(0, len(came), sql_sqlite.ROWS_AT_ONCE_MAX):
        some = came[start : start + sql_sqlite.ROWS_AT_ONCE_MAX]
        written = _write(device.pk, epoch, some, FIRST)
        fresh = [row for row in some if row.seq in written]
        if len(fresh) < len(some):
            # Without its chain, since the same row may come again in another batch.
            differing = _differing(device, epoch, [row for row in some if row.seq not in written])
            others = others or bool(differing)
            written = _write(device.pk, epoch, differing, OTHER)
            fresh += [row for row in differing if row.seq in written]
        new += fresh
    _project(device.pk, new)
    return new, others


def _write(device: int, epoch: bytes, rows: Sequence[SaidRow], table: str) -> set[int]:
    """Return the seqs of the rows that were written."""
    if not rows:
        return set()
    values = [
        (
            *(device, epoch, row.seq, row.hash, row.body, *columns(row.happened)),
            *(about(row.happened), row.stamp.wall_ms, row.received_ms),
        )
        for row in rows
    ]
    sql = _sql()
    with connection.cursor() as cursor:
        cursor.execute(
            sql.insert_rows(len(rows), table), sql.parameters(sql_sqlite.ROW_COLUMNS, values)
        )
        return {seq for (seq,) in cursor.fetchall()}


def _differing(device: Device, epoch: bytes, rows: Sequence[SaidRow]) -> list[SaidRow]:
    """Return those whose name is held by a row of other content."""
    # As a range, which an index is always asked for; of a list, PostgreSQL without statistics is
    # not sure, and reads a whole epoch.
    between = (rows[0].seq, rows[-1].seq)
    held = Row.objects.filter(device=device, epoch=epoch, seq__range=between)
    bodies = {seq: bytes(body) for seq, body in held.values_list("seq", "body")}
    return [row for row in rows if bodies[row.seq] != row.body]


def _project(device: int, rows: Iterable[SaidRow]) -> None:
    """Bring the uses up to date; of one batch, each use is written once."""
    uses: dict[tuple[bytes, int], _Used] = {}
    for row in rows:
        happened, wall_ms = row.happened, row.stamp.wall_ms
        match happened:
            case event.Authorised():
                right = (happened.cti, short(happened.checkpoint), happened.generation)
                for person in range(1, happened.quantity + 1):
                    _merge(uses, (happened.admission, person), Outcome.RESERVED, wall_ms, right)
            case event.Outcome():
                outcome = OUTCOMES[type(happened)]
                for person in range(happened.person, happened.person + happened.count):
                    _merge(uses, (happened.admission, person), outcome, wall_ms)
            case _:
                pass
    named = [
        (device, *name, outcome, *right, wall_ms)
        for name, (outcome, right, wall_ms) in sorted(uses.items(), key=lambda one: one[0])
    ]
    sql = _sql()
    with connection.cursor() as cursor:
        for start in range(0, len(named), sql_sqlite.ROWS_AT_ONCE_MAX):
            some = named[start : start + sql_sqlite.ROWS_AT_ONCE_MAX]
            values = sql.parameters(sql_sqlite.USE_COLUMNS, some)
            cursor.execute(sql.upsert_uses(len(some)), values)


def _merge(
    uses: dict[tuple[bytes, int], _Used],
    name: tuple[bytes, int],
    outcome: Outcome,
    wall_ms: int,
    right: _Right = UNKNOWN,
) -> None:
    """Add what a row says of a use: the highest outcome counts; its time is the admission's own."""
    was = uses.get(name)
    if was is None:
        uses[name] = (outcome, right, wall_ms)
        return
    before, known, at = was
    if (known is UNKNOWN) is not (right is UNKNOWN):
        wall_ms = at if right is UNKNOWN else wall_ms
    elif outcome == before:
        wall_ms = min(wall_ms, at)
    elif outcome < before:
        wall_ms = at
    uses[name] = (max(before, outcome), right if known is UNKNOWN else known, wall_ms)


def used_rights(device: int, rows: Iterable[SaidRow]) -> set[bytes]:
    """Return the ctis that are now more or less used; that they were passed says nothing new."""
    rights, admissions = set[bytes](), set[bytes]()
    for row in rows:
        match row.happened:
            case event.Authorised(cti=cti):
                rights.add(cti)
            case event.Abandoned() | event.PassedLate() | event.Undone() as ended:
                admissions.add(ended.admission)
            case _:
                pass
    named = Use.objects.filter(device=device, cti__isnull=False)
    ordered = sorted(admissions)
    for start in range(0, len(ordered), sql_sqlite.ROWS_AT_ONCE_MAX):
        some = named.filter(admission__among=ordered[start : start + sql_sqlite.ROWS_AT_ONCE_MAX])
        rights |= {bytes(cti) for cti in some.values_list("cti", flat=True) if cti}
    return rights


def _sql() -> Any:
    return sql_postgresql if connection.vendor == "postgresql" else sql_sqlite
