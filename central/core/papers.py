"""The books of papers: each in exactly one class, its last, beside the printer's own count.

A paper's rows may come in any order and twice; what it is, is the highest of all that was said of
it, as with the uses of a right.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from wire import paper as wire
from wire.paper import PaperClass, PaperEvent


class Step(IntEnum):
    """Ordered: a higher one outranks a lower one said of the same paper."""

    RESERVED = 0
    GIVEN_BACK = 1
    PRINTED = 2
    CONFIRMED = 3
    UNKNOWN = 4
    TEST = 5
    RECEIPT = 6
    EXCHANGED = 7
    REISSUED = 8
    RETRACTED = 9


STEP_OF: dict[type[PaperEvent], Step] = {
    wire.PaperReserved: Step.RESERVED,
    wire.PaperGivenBack: Step.GIVEN_BACK,
    wire.PaperPrinted: Step.PRINTED,
    wire.PaperConfirmed: Step.CONFIRMED,
    wire.PaperUnknown: Step.UNKNOWN,
    wire.PaperTested: Step.TEST,
    wire.ReceiptPrinted: Step.RECEIPT,
    wire.Exchanged: Step.EXCHANGED,
    wire.PaperReissued: Step.REISSUED,
    wire.PaperRetracted: Step.RETRACTED,
}
CLASS_OF: dict[Step, PaperClass] = {
    Step.UNKNOWN: PaperClass.UNKNOWN,
    Step.TEST: PaperClass.TEST,
    Step.RECEIPT: PaperClass.RECEIPT,
    Step.EXCHANGED: PaperClass.EXCHANGED,
    Step.REISSUED: PaperClass.REISSUED,
    Step.RETRACTED: PaperClass.RETRACTED,
}


@dataclass(frozen=True, slots=True)
class Books:
    """Papers by class, those still under way, and how many the printer says it has cut."""

    classes: Counter[PaperClass]
    under_way: int = 0
    cut: int | None = None
    """None: the printer does not count."""

    @property
    def known(self) -> int:
        return sum(self.classes.values()) - self.classes[PaperClass.UNKNOWN]

    @property
    def balanced(self) -> bool | None:
        """Whether the printer's count lies where it must; None while nobody can say."""
        if self.cut is None or self.under_way:
            return None
        return self.known <= self.cut <= self.known + self.classes[PaperClass.UNKNOWN]


def books(steps: Iterable[Step], readings: Iterable[int]) -> Books:
    """Return the books of papers at these steps; `readings`: what the printer counted, in order.

    A count that falls is another printer's, or one that was set back: it begins again there.
    """
    classes: Counter[PaperClass] = Counter()
    under_way = 0
    for step in steps:
        if step in CLASS_OF:
            classes[CLASS_OF[step]] += 1
        elif step is not Step.GIVEN_BACK:
            under_way += 1
    return Books(classes, under_way, cut(readings))


@dataclass(frozen=True, slots=True)
class Day:
    """The papers between two counts of one printer; `day` is the date of the later one.

    `day` None: papers since the last count, which nobody has closed yet.
    """

    day: date | None
    books: Books


def days(
    papers: Iterable[tuple[int, Step]],
    readings: Iterable[tuple[int, int]],
    date_of: Callable[[int], date],
) -> list[Day]:
    """Return the books day by day, the newest first.

    `papers`: (when it was begun, its last step); `readings`: (when, count); times in milliseconds.
    A day is closed by its last count. Papers from before the first count of all can be held
    against nothing.
    """
    told, counts = sorted(papers), sorted(readings)
    closing = {date_of(at): at for at, _ in counts}
    found: list[Day] = []
    since: int | None = None
    for day, until in sorted(closing.items(), key=lambda one: one[1]):
        steps = [step for at, step in told if (since is None or at > since) and at <= until]
        counted = [count for at, count in counts if (since is None or at >= since) and at <= until]
        if since is None and any(at < counts[0][0] for at, _ in told):
            counted = []
        found.append(Day(day, books(steps, counted if len(counted) > 1 else [])))
        since = until
    rest = [step for at, step in told if since is None or at > since]
    if rest or not found:
        found.append(Day(None, books(rest, [])))
    return found[::-1]


def cut(readings: Iterable[int]) -> int | None:
    """Return how many papers were cut between the first reading and the last."""
    total, before = 0, None
    for reading in readings:
        if before is not None:
            total += reading - before if reading >= before else reading
        before = reading
    return None if before is None else total
