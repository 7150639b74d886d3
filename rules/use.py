"""The uses of a right: named, never summed.

A use is one person of one admission, (admission, person). What became of it is the highest of
all that was reported, whatever the order of arrival, so that gate, hub and central agree.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import IntEnum
from types import MappingProxyType

import msgspec

from wire import event
from wire.entry import Entry

Name = tuple[bytes, int]


class Outcome(IntEnum):
    """Ordered: a higher one outranks a lower one reported of the same use."""

    RESERVED = 0
    ABANDONED = 1
    UNCERTAIN = 2
    PASSED = 3
    PASSED_LATE = 4
    UNDONE = 5

    @property
    def spends(self) -> bool:
        return self not in (Outcome.ABANDONED, Outcome.UNDONE)


OUTCOMES: Mapping[type[event.Outcome], Outcome] = MappingProxyType(
    {
        event.Abandoned: Outcome.ABANDONED,
        event.Uncertain: Outcome.UNCERTAIN,
        event.Passed: Outcome.PASSED,
        event.PassedLate: Outcome.PASSED_LATE,
        event.Undone: Outcome.UNDONE,
    }
)
"""What a row says of a use."""


class Use(msgspec.Struct, frozen=True):
    """One use as this device's journal knows it."""

    admission: bytes
    person: int
    outcome: Outcome
    lane: str
    boot: bytes
    """Boot id of the row that said `outcome`."""
    uptime: float
    """Its uptime, seconds."""
    wall: float
    """Its wall time, Unix seconds."""
    reopened: bool = False

    @property
    def name(self) -> Name:
        return self.admission, self.person


def spent(own: Collection[Use], entry: Entry | None) -> frozenset[Name]:
    """Return the names of the uses that count: this device's and the list's, less the undone.

    The list reports this device's own uses back to it; being names, they count once.
    """
    if not own and (entry is None or not entry.elsewhere):
        return frozenset()  # As nearly always, when a ticket is shown first.
    undone = frozenset(entry.undone if entry else ())
    mine = {use.name: use.outcome for use in own}
    names = {name for name, outcome in mine.items() if outcome.spends}
    for use in entry.elsewhere if entry else ():
        name = (use.admission, use.person)
        if name not in mine:
            names.add(name)
    return frozenset(names - undone)


def abandoned_in_a_row(own: Iterable[Use]) -> int:
    """Return how many admissions, newest first, ended without anybody passing.

    `own` is in the order of the journal.
    """
    admissions: dict[bytes, bool] = {}
    for use in own:
        lost = use.outcome is Outcome.ABANDONED
        admissions[use.admission] = admissions.get(use.admission, True) and lost
    count = 0
    for lost in reversed(admissions.values()):
        if not lost:
            break
        count += 1
    return count
