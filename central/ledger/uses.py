"""What all devices together know of a right's uses, for the list: so each learns of the others'.

A use counts from the moment it is reserved until it is reported as given back, or undone. Names
go out, not numbers, so that a device finds its own among them and counts them once.
"""

from collections.abc import Collection, Iterable, Iterator

from central.ledger.models import Use
from central.venue.models import NEVER_USED, ReportedUses
from rules.use import Outcome
from wire.entry import UseElsewhere

RIGHTS_MAX = 500
"""In one question to the database."""


def reported(rights: Collection[bytes] | None) -> dict[bytes, ReportedUses]:
    """Return the uses that count, oldest first, and those undone, by cti; None: of every right.

    Rights of which there is nothing to say are left out.
    """
    found: dict[bytes, ReportedUses] = {}
    for use in _told(rights):
        cti = bytes(use.cti or b"")
        before = found.get(cti, NEVER_USED)
        if use.outcome == Outcome.UNDONE:
            undone = (*before.undone, (bytes(use.admission), use.person))
            found[cti] = ReportedUses(before.counted, undone)
        else:
            found[cti] = ReportedUses((*before.counted, _elsewhere(use)), before.undone)
    return found


def _elsewhere(use: Use) -> UseElsewhere:
    return UseElsewhere(
        checkpoint=use.checkpoint or "",
        admission=bytes(use.admission),
        person=use.person,
        wall=use.wall_ms // 1000,
        place=use.device.name,
    )


def _told(rights: Collection[bytes] | None) -> Iterator[Use]:
    uses = Use.objects.filter(cti__isnull=False).exclude(outcome=Outcome.ABANDONED.value)
    uses = uses.select_related("device").order_by("wall_ms", "pk")
    if rights is None:
        yield from uses.iterator(5000)
        return
    for some in _pieces(sorted(rights)):
        yield from uses.filter(cti__in=some)


def _pieces(rights: list[bytes]) -> Iterable[list[bytes]]:
    return (rights[start : start + RIGHTS_MAX] for start in range(0, len(rights), RIGHTS_MAX))


def rights_of(device: int, admission: bytes) -> set[bytes]:
    """Return the ctis of an admission, as far as it was reported what it was for."""
    named = Use.objects.filter(device=device, admission=admission, cti__isnull=False)
    return {bytes(cti) for cti in named.values_list("cti", flat=True)[:1] if cti}
