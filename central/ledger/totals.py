"""The books of a venue, computed from the set of all rows, in persons."""

from typing import Any

from django.db import connection
from django.db.models import Count, Sum

from central.ledger.models import Row, Use
from central.venue.models import Ticket
from rules.use import Outcome


def totals() -> dict[str, Any]:
    """Return admitted, refused, passed, abandoned, uncertain, open, undone, doubles, reasons, rows.

    `rows` counts rows by device and epoch; `doubles` counts rights used more often than they
    allow.
    """
    by_outcome = dict(
        Use.objects.values_list("outcome").annotate(Count("pk")).values_list("outcome", "pk__count")
    )
    refused = Row.objects.filter(kind="refused").values_list("reason").annotate(Sum("persons"))
    reasons = dict(refused.values_list("reason", "persons__sum"))
    reopened = Row.objects.filter(kind="reopened").count()
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
        "rows": _rows(),
    }


def doubles() -> int:
    """Return how many (right, checkpoint)s were used more often than their class allows."""
    spending = Use.objects.exclude(outcome__in=[Outcome.ABANDONED, Outcome.UNDONE])
    used = (
        spending.filter(cti__isnull=False)
        .values("cti", "checkpoint")
        .annotate(times=Count("pk"))
        .filter(times__gt=1)
    )
    found = 0
    for one in used:
        ticket = Ticket.objects.filter(cti=one["cti"]).select_related("ticket_class").first()
        allowed = 1
        if ticket:
            allowed = ticket.ticket_class.uses.get(one["checkpoint"], 0) * ticket.quantity
        found += one["times"] > allowed
    return found


def _persons(kind: str) -> int:
    return Row.objects.filter(kind=kind).aggregate(Sum("persons"))["persons__sum"] or 0


def _rows() -> dict[str, dict[str, int]]:
    counted: dict[str, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d.identity, r.epoch, count(*) FROM ledger_row r"
            " JOIN venue_device d ON d.id = r.device_id GROUP BY d.identity, r.epoch"
        )
        for identity, epoch, count in cursor.fetchall():
            counted.setdefault(identity, {})[bytes(epoch).hex()] = count
    return counted
