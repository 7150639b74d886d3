"""The books of a venue, computed from the set of all rows, in persons."""

from typing import Any

from django.db import connection
from django.db.models import Count, Sum

from central.exchange.books import papers
from central.ledger import findings
from central.ledger.models import OtherRow, Row, Use
from rules.use import Outcome


def totals() -> dict[str, Any]:
    """Return admitted, refused, passed, abandoned, uncertain, open, undone, doubles, reasons, rows,
    papers (by class).

    `rows` counts rows by device and epoch; `doubles` counts rights used more often than they
    allow.
    """
    by_outcome = dict(
        Use.objects.values_list("outcome").annotate(Count("pk")).values_list("outcome", "pk__count")
    )
    reasons: dict[str, int] = {}
    for rows in (Row.objects, OtherRow.objects):
        refused = rows.filter(kind="refused").values_list("reason").annotate(Sum("persons"))
        for reason, persons in refused.values_list("reason", "persons__sum"):
            reasons[reason] = reasons.get(reason, 0) + persons
    reopened = _persons("reopened")
    passed = sum(by_outcome.get(out, 0) for out in (Outcome.PASSED, Outcome.PASSED_LATE))
    return {
        "admitted": _persons("authorised") + reopened,
        "refused": sum(reasons.values()),
        "reasons": reasons,
        "passed": passed,
        "abandoned": by_outcome.get(Outcome.ABANDONED, 0),
        "uncertain": by_outcome.get(Outcome.UNCERTAIN, 0) + reopened,
        "open": by_outcome.get(Outcome.RESERVED, 0),
        "undone": by_outcome.get(Outcome.UNDONE, 0),
        "doubles": doubles(),
        "papers": papers(),
        "rows": _rows(),
    }


def doubles() -> int:
    """Return how many (right, checkpoint)s were used more often than their class allows."""
    return len(findings.beyond(None))


def _persons(kind: str) -> int:
    """Return the persons of every row of a kind; both of two that have one name happened."""
    both = (Row.objects.filter(kind=kind), OtherRow.objects.filter(kind=kind))
    return sum(rows.aggregate(Sum("persons"))["persons__sum"] or 0 for rows in both)


def _rows() -> dict[str, dict[str, int]]:
    counted: dict[str, dict[str, int]] = {}
    with connection.cursor() as cursor:
        for table in ("ledger_row", "ledger_otherrow"):
            cursor.execute(
                f"SELECT d.identity, r.epoch, count(*) FROM {table} r"
                " JOIN venue_device d ON d.id = r.device_id GROUP BY d.identity, r.epoch"
            )
            for identity, epoch, count in cursor.fetchall():
                by_epoch, name = counted.setdefault(identity, {}), bytes(epoch).hex()
                by_epoch[name] = by_epoch.get(name, 0) + count
    return counted
