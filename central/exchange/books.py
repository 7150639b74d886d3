"""The books of papers, by kiosk, from the set of all rows."""

import time
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from central.core.papers import Books, Day, Step, books, days
from central.exchange.models import CutReading, Paper, PrinterState
from central.lists.changes import one_at_a_time
from central.venue.models import Device
from wire.paper import PaperClass

COUNTS_MAX = 100
"""How many counts of a printer the books by day go back."""


@dataclass(frozen=True, slots=True)
class Kiosk:
    """One kiosk's printer and books."""

    device: Device
    state: PrinterState | None
    books: Books
    """Of all its papers."""
    days: list[Day]
    """Day by day, the newest first."""

    @property
    def closed(self) -> Day | None:
        """The newest day that a count has closed: what came after it was held against nothing."""
        return next((one for one in self.days if one.day is not None), None)


def kiosks() -> list[Kiosk]:
    """Return every device that ever spoke of a printer or a paper, by name."""
    known = set(Paper.objects.values_list("device", flat=True).distinct())
    known |= set(PrinterState.objects.values_list("device", flat=True))
    states = {one.device_id: one for one in PrinterState.objects.all()}
    return [
        Kiosk(device, states.get(device.pk), of(device), by_day(device))
        for device in Device.objects.filter(pk__in=known).order_by("name", "pk")
    ]


def of(device: Device) -> Books:
    """Return a kiosk's books of all its papers."""
    papers = Paper.objects.filter(device=device)
    readings = CutReading.objects.filter(device=device)
    steps = (Step(step) for step in papers.values_list("step", flat=True))
    return books(steps, readings.order_by("wall_ms", "epoch", "seq").values_list("cut", flat=True))


def by_day(device: Device) -> list[Day]:
    """Return a kiosk's books day by day, in the venue's time, the newest first."""
    zone = timezone.get_current_timezone()
    papers = Paper.objects.filter(device=device, began_ms__gt=0)
    readings = CutReading.objects.filter(device=device)
    older = readings.order_by("-wall_ms")[COUNTS_MAX : COUNTS_MAX + 1].first()
    if older is not None:
        # Where the shown books begin: what it counted is before them.
        readings = readings.filter(wall_ms__gte=older.wall_ms)
        papers = papers.filter(began_ms__gt=older.wall_ms)
    return days(
        ((began, Step(step)) for began, step in papers.values_list("began_ms", "step")),
        readings.values_list("wall_ms", "cut"),
        lambda at: datetime.fromtimestamp(at / 1000, zone).date(),
    )


def counted(device: Device, cut: int, by: str) -> None:
    """Keep what somebody read from a kiosk's printer: so many papers cut in its life."""
    with transaction.atomic():
        one_at_a_time(device.venue)
        typed = CutReading.objects.filter(device=device, epoch=b"")
        last = typed.aggregate(Max("seq"))["seq__max"] or 0
        CutReading.objects.create(
            device=device,
            epoch=b"",
            seq=last + 1,
            cut=cut,
            wall_ms=round(time.time() * 1000),
            by=by,
        )


def papers() -> dict[str, int]:
    """Return how many papers of all kiosks are in each class, and how many under way."""
    every = [one.books for one in kiosks()]
    counted = {kind.value: sum(one.classes[kind] for one in every) for kind in PaperClass}
    return {**counted, "under_way": sum(one.under_way for one in every)}
