"""What a person should look at, found in what was reported and withdrawn where it did not last.

A finding stands as long as the rows say so: one that a later row explains away (the first of two
admissions was given back, and the row that says so came last) is deleted again, unless somebody
has attended to it. So what is found does not depend on the order in which rows arrive.
"""

import time
from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import Count

from central.ledger.models import Incident, Use
from central.venue.models import Ticket
from rules.use import Outcome

GAP = "gap"
"""Rows of an epoch that can come no more."""
FORGOT = "forgot"
"""A journal was lost or damaged."""
PUT_BACK = "put-back"
"""A device knows less of an epoch than it has reported."""
FORKED = "forked"
"""Two rows of one name."""
CHAIN_BROKEN = "chain-broken"
"""A row does not hang on the one before it."""
CONFLICT = "conflict"
"""A right was used more often than it allows."""
NOT_ISSUED = "not-issued"
FLOOD = "flood"
AFTER_REFUND = "refund-after-admission"
AFTER_REBOOKING = "reschedule-after-admission"

GIVEN_BACK = (Outcome.ABANDONED.value, Outcome.UNDONE.value)
RIGHTS_AT_ONCE_MAX = 500


def find(kind: str, device: int, detail: dict[str, Any], about: bytes | None = None) -> bool:
    """Write down a finding once; return whether it is new."""
    defaults = {"received_ms": round(time.time() * 1000), "about": about}
    return Incident.objects.get_or_create(
        kind=kind, device_id=device, detail=detail, defaults=defaults
    )[1]


def withdraw(kind: str, device: int, detail: dict[str, Any]) -> None:
    """Take back what turned out not to be so, if nobody has attended to it."""
    found = Incident.objects.filter(kind=kind, device=device, seen_at=None)
    for one in found:
        if detail.items() <= one.detail.items():
            one.delete()


def review(rights: Collection[bytes]) -> None:
    """Find conflicts among these rights anew, from all that is known of their uses."""
    ordered = sorted(rights)
    for start in range(0, len(ordered), RIGHTS_AT_ONCE_MAX):
        some = ordered[start : start + RIGHTS_AT_ONCE_MAX]
        wanted = {(cti, checkpoint) for cti, checkpoint, _ in beyond(some)}
        before = Incident.objects.filter(kind=CONFLICT, about__among=some)
        held = {(bytes.fromhex(one.detail["cti"]), one.detail["checkpoint"]): one for one in before}
        for name, one in held.items():
            if name not in wanted and one.seen_at is None:
                one.delete()
        for cti, checkpoint in wanted - held.keys():
            detail = {"cti": cti.hex(), "checkpoint": checkpoint}
            find(CONFLICT, spending(cti, checkpoint)[-1].device_id, detail, cti)


def settle(kind: str, rights: Iterable[bytes]) -> None:
    """Find each use that counts of rights that were given up, and no other."""
    named = list(rights)
    if not named:
        return
    uses = Use.objects.filter(cti__among=named).exclude(outcome__in=GIVEN_BACK)
    wanted = {(bytes(use.admission).hex(), use.person): use for use in uses}
    before = Incident.objects.filter(kind=kind, about__among=named)
    held = {(one.detail["admission"], one.detail["person"]): one for one in before}
    for name, one in held.items():
        if name not in wanted and one.seen_at is None:
            one.delete()
    for name in wanted.keys() - held.keys():
        use = wanted[name]
        cti = bytes(use.cti or b"")
        detail = {"cti": cti.hex(), "admission": name[0], "person": name[1]}
        find(kind, use.device_id, detail, cti)


def beyond(rights: Collection[bytes] | None) -> list[tuple[bytes, str, int]]:
    """Return each (cti, checkpoint) used more often than it allows, and how often it may be used.

    None: of every right.
    """
    uses = Use.objects.filter(cti__isnull=False).exclude(outcome__in=GIVEN_BACK)
    if rights is not None:
        uses = uses.filter(cti__among=rights)
    counted = uses.values("cti", "checkpoint").annotate(times=Count("pk")).filter(times__gt=1)
    often = [(bytes(one["cti"] or b""), one["checkpoint"] or "", one["times"]) for one in counted]
    allowed = _allowed({cti for cti, _, _ in often})
    found = []
    for cti, checkpoint, times in often:
        uses_of = allowed.get(cti)
        most = 1 if uses_of is None else uses_of.get(checkpoint, 0)
        if times > most:
            found.append((cti, checkpoint, most))
    return sorted(found)


def spending(cti: bytes, checkpoint: str) -> list[Use]:
    """Return the uses of a right at a checkpoint that count, oldest first."""
    uses = Use.objects.filter(cti=cti, checkpoint=checkpoint).exclude(outcome__in=GIVEN_BACK)
    return list(uses.select_related("device").order_by("wall_ms", "admission", "person"))


def _allowed(rights: set[bytes]) -> dict[bytes, dict[str, int]]:
    """Return, of each right that was issued, how often it may be used at each checkpoint."""
    allowed: dict[bytes, dict[str, int]] = {}
    ordered = sorted(rights)
    for start in range(0, len(ordered), RIGHTS_AT_ONCE_MAX):
        some = Ticket.objects.filter(cti__among=ordered[start : start + RIGHTS_AT_ONCE_MAX])
        for cti, quantity, uses in some.values_list("cti", "quantity", "ticket_class__uses"):
            allowed[bytes(cti)] = {name: times * quantity for name, times in uses.items()}
    return allowed
