"""What all devices together know of a right's uses, for the list: so each learns of the others'.

A use counts from the moment it is reserved until it is reported as given back. Names go out, not
numbers, so that a device finds its own among them and counts them once.
"""

from collections.abc import Collection, Iterable, Iterator

from central.ledger.models import Use
from rules.use import Outcome
from wire.entry import UseElsewhere

RIGHTS_MAX = 500
"""In one question to the database."""
GIVEN_BACK = (Outcome.ABANDONED.value, Outcome.UNDONE.value)


def elsewhere(rights: Collection[bytes] | None) -> dict[bytes, tuple[UseElsewhere, ...]]:
    """Return the uses that count, oldest first, by cti; `rights` None: of every right.

    Rights without a use are left out.
    """
    found: dict[bytes, tuple[UseElsewhere, ...]] = {}
    for use in _counted(rights):
        told = UseElsewhere(
            checkpoint=use.checkpoint or "",
            admission=bytes(use.admission),
            person=use.person,
            wall=use.wall_ms // 1000,
            place=use.device.name,
        )
        cti = bytes(use.cti or b"")
        found[cti] = (*found.get(cti, ()), told)
    return found


def _counted(rights: Collection[bytes] | None) -> Iterator[Use]:
    uses = Use.objects.filter(cti__isnull=False).exclude(outcome__in=GIVEN_BACK)
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
