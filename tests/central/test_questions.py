"""What central asks its database stays cheap, however much is in there and however new it is."""

import os
from typing import Any

import pytest
from django.db import transaction

from tests.central_messages import (
    DEVICE,
    EPOCH,
    chained,
    passed,
    register_device,
    rows,
    take,
    together,
)


def test_many_keys_are_found_by_one_question() -> None:
    from central.ledger.models import Use

    register_device()
    take(*chained(rows(*(passed(number) for number in range(9)))))
    names = [b"admission%03d" % number for number in (7, 2, 2, 5, 99)]
    for some in (names, set(names), iter(names)):
        found = Use.objects.filter(admission__among=some).order_by("admission")
        assert [bytes(use.admission)[-3:] for use in found] == [b"002", b"005", b"007"]
    assert not Use.objects.filter(admission__among=[]).exists()
    assert Use.objects.exclude(admission__among=names).count() == 6
    assert Use.objects.filter(admission__among=[b"x' OR 'y'='y", b"\0\\x"]).count() == 0


def test_no_question_is_asked_for_each_ticket_told_of(
    tickets: list[dict[str, Any]],
) -> None:
    from django.db import connection

    from central.lists.changes import publish_change, tell_uses
    from central.venue.models import Ticket, Venue

    rights = [bytes(one.cti) for one in Ticket.objects.order_by("pk")]
    assert len(rights) == len(tickets)
    counts = list[int]()

    def count(execute: Any, *asked: Any) -> Any:
        counts[-1] += 1
        return execute(*asked)

    for some in (1, len(rights)):
        for tell in (
            lambda most: tell_uses(rights[:most]),
            lambda most: publish_change(Venue.objects.get(), Ticket.objects.all()[:most]),
        ):
            counts.append(0)
            with transaction.atomic(), connection.execute_wrapper(count):
                tell(some)
    assert counts[:2] == counts[2:]


@pytest.mark.parametrize("central", ["postgresql"], indirect=True)
@pytest.mark.xdist_group("postgresql")
def test_no_question_of_ingest_reads_a_whole_epoch() -> None:
    """Without statistics, as on a new database, PostgreSQL takes what it can be sure of."""
    from django.db import connection

    from central.ledger.models import Row

    register_device()
    batches = chained(rows(*(passed(number) for number in range(30))))
    take(*batches[:10], *batches[12:20])
    asked = list[tuple[str, Any]]()

    def listen(execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT") and 'FROM "ledger_row"' in sql:
            asked.append((sql, values))
        return execute(sql, values, many, context)

    with connection.execute_wrapper(listen):
        take(together(batches[9:14]))  # Some are there, and both ends have a neighbour.
    assert len(asked) >= 4
    assert Row.objects.filter(device__identity=DEVICE, epoch=EPOCH).count() == 20
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        for sql, values in asked:
            cursor.execute(f"EXPLAIN {sql}", values)
            plan = os.linesep.join(line for (line,) in cursor.fetchall())
            assert "Filter:" not in plan, f"{sql}\n{plan}"
