"""What all devices together know of a right's uses, for the list: so each learns of the others'.

A use counts from the moment it is reserved until it is reported as given back, or undone. Names
go out, not numbers, so that a device finds its own among them and counts them once.
"""

from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from central.ledger.models import Use
from central.venue.told import NEVER_USED, ReportedUses
from rules.use import Outcome
from wire.entry import UseElsewhere

RIGHTS_MAX = 500
"""In one question to the database."""
PLACE_BYTES_MAX = 16
"""Of a device's name in UTF-8: a change that reports one use then stays below 200 bytes."""
MORE = "~"


def reported(rights: Collection[bytes] | None) -> dict[bytes, ReportedUses]:
    """Return the uses that count, oldest first, and those undone, by cti; None: of every right.

    Rights of which there is nothing to say are left out.
    """
    found: dict[bytes, ReportedUses] = {}
    for cti, outcome, checkpoint, admission, person, wall_ms, place in _told(rights):
        right = bytes(cti or b"")
        before = found.get(right, NEVER_USED)
        if outcome == Outcome.UNDONE:
            undone = (*before.undone, (bytes(admission), person))
            found[right] = ReportedUses(before.counted, undone)
        else:
            name = (checkpoint or "", bytes(admission), person)
            use = UseElsewhere(*name, wall_ms // 1000, _cut(place))
            found[right] = ReportedUses((*before.counted, use), before.undone)
    return found


@lru_cache(maxsize=1024)
def _cut(name: str) -> str:
    """Return as much of a device's name as each use may carry to each gate: whole characters."""
    if len(name.encode()) <= PLACE_BYTES_MAX:
        return name
    return name.encode()[: PLACE_BYTES_MAX - len(MORE.encode())].decode(errors="ignore") + MORE


_Use = tuple[bytes | None, int, str | None, bytes, int, int, str]


def _told(rights: Collection[bytes] | None) -> Iterator[_Use]:
    uses = Use.objects.filter(cti__isnull=False).exclude(outcome=Outcome.ABANDONED.value)
    # Not as objects: after an outage, a hundred thousand come in half a minute.
    columns = ("cti", "outcome", "checkpoint", "admission", "person", "wall_ms", "device__name")
    found = uses.order_by("wall_ms", "admission", "person").values_list(*columns)
    if rights is None:
        yield from found.iterator(5000)
        return
    for some in _pieces(sorted(rights)):
        yield from found.filter(cti__among=some)


def _pieces(rights: list[bytes]) -> Iterable[list[bytes]]:
    return (rights[start : start + RIGHTS_MAX] for start in range(0, len(rights), RIGHTS_MAX))
