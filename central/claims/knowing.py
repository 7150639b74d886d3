"""What central knows of a right's uses, as a ledger of claims holds it (rules/claim.py).

Rows are the truth of what was claimed: a grant counts by itself only until its holder's journal
speaks of that admission.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from central.claims.models import Granted
from central.core.papers import Step
from central.exchange.models import Paper
from central.ledger.models import Use
from central.venue.models import Device
from rules.claim import Held, merged
from rules.use import Outcome
from wire.claim import Kind

PAPERS = {
    Step.RESERVED: Outcome.RESERVED,
    Step.PRINTED: Outcome.RESERVED,
    Step.CONFIRMED: Outcome.RESERVED,
    Step.UNKNOWN: Outcome.UNCERTAIN,
    Step.EXCHANGED: Outcome.PASSED,
    Step.REISSUED: Outcome.PASSED,
}


def right(cti: bytes) -> tuple[Held, ...]:
    """Return every use and every paper that is known of a right."""
    uses = Use.objects.filter(cti=cti).select_related("device")
    papers = Paper.objects.filter(ticket__cti=cti, step__in=[step.value for step in PAPERS])
    granted = claimed(cti)
    return (
        *(_used(use) for use in uses),
        *(_granted(one) for one in granted),
        *(_paper(paper) for paper in papers.select_related("device")),
    )


def claimed(cti: bytes) -> QuerySet[Granted]:
    """Return what was claimed of a right and no row speaks of yet."""
    return _unspoken().filter(cti=cti).select_related("device")


def own(device: Device, admission: bytes) -> tuple[Held, ...]:
    """Return what is known of a device's claim of that name."""
    uses = [_used(one) for one in Use.objects.filter(device=device, admission=admission)]
    if uses:
        return tuple(uses)
    return tuple(
        _granted(one) for one in Granted.objects.filter(device=device, admission=admission)
    )


def put(device: Device, records: Iterable[Held]) -> None:
    """Merge records of claims into what is known."""
    for one in records:
        name: dict[str, Any] = {
            "device": device,
            "admission": one.admission,
            "person": one.person,
        }
        for known in Granted.objects.filter(**name):
            one = merged(_granted(known), one)
        about = {
            "outcome": one.outcome.value,
            "cti": one.cti,
            "checkpoint": one.checkpoint,
            "lane": one.lane,
            "generation": one.generation,
            "wall": one.wall,
        }
        Granted.objects.update_or_create(**name, defaults=about)


def unheard() -> set[tuple[bytes, bytes]]:
    """Return the (device, admission)s that were granted and not heard of since."""
    found = _unspoken().filter(outcome=Outcome.RESERVED.value)
    named = found.values_list("device__identity", "admission")
    return {(bytes.fromhex(identity), bytes(admission)) for identity, admission in named}


def forget(before: int) -> None:
    """Forget what rows speak of, and what was given back before `before`, Unix seconds."""
    Granted.objects.filter(_spoken()).delete()
    given_back = Granted.objects.exclude(outcome=Outcome.RESERVED.value)
    given_back.filter(wall__lt=before).delete()


def _spoken() -> Exists:
    return Exists(Use.objects.filter(device=OuterRef("device"), admission=OuterRef("admission")))


def _unspoken() -> QuerySet[Granted]:
    return Granted.objects.filter(~_spoken())


def _used(use: Use) -> Held:
    return Held(
        bytes.fromhex(use.device.identity),
        bytes(use.admission),
        use.person,
        Outcome(use.outcome),
        committed=True,
        cti=bytes(use.cti or b""),
        checkpoint=use.checkpoint or "",
        generation=use.generation or 0,
        wall=use.wall_ms // 1000,
    )


def _granted(one: Granted) -> Held:
    return Held(
        bytes.fromhex(one.device.identity),
        bytes(one.admission),
        one.person,
        Outcome(one.outcome),
        cti=bytes(one.cti),
        checkpoint=one.checkpoint,
        lane=one.lane,
        generation=one.generation,
        wall=one.wall,
    )


def _paper(paper: Paper) -> Held:
    return Held(
        bytes.fromhex(paper.device.identity),
        bytes(paper.paper),
        1,
        PAPERS[Step(paper.step)],
        committed=True,
        kind=Kind.EXCHANGE,
        generation=paper.generation,
        wall=paper.wall_ms // 1000 or paper.granted_at,
    )
