"""The books of papers, by kiosk, from the set of all rows."""

from dataclasses import dataclass

from central.core.papers import Books, Step, books
from central.exchange.models import CutReading, Paper, PrinterState
from central.venue.models import Device
from wire.paper import PaperClass


@dataclass(frozen=True, slots=True)
class Kiosk:
    """One kiosk's printer and books."""

    device: Device
    state: PrinterState | None
    books: Books


def kiosks() -> list[Kiosk]:
    """Return every device that ever spoke of a printer or a paper, by name."""
    known = set(Paper.objects.values_list("device", flat=True).distinct())
    known |= set(PrinterState.objects.values_list("device", flat=True))
    states = {one.device_id: one for one in PrinterState.objects.all()}
    return [
        Kiosk(device, states.get(device.pk), of(device))
        for device in Device.objects.filter(pk__in=known).order_by("name", "pk")
    ]


def of(device: Device, since_ms: int = 0) -> Books:
    """Return a kiosk's books of the papers that ended since then."""
    papers = Paper.objects.filter(device=device, wall_ms__gte=since_ms)
    readings = CutReading.objects.filter(device=device, wall_ms__gte=since_ms)
    steps = (Step(step) for step in papers.values_list("step", flat=True))
    return books(steps, readings.order_by("wall_ms", "epoch", "seq").values_list("cut", flat=True))


def papers() -> dict[str, int]:
    """Return how many papers of all kiosks are in each class, and how many under way."""
    every = [one.books for one in kiosks()]
    counted = {kind.value: sum(one.classes[kind] for one in every) for kind in PaperClass}
    return {**counted, "under_way": sum(one.under_way for one in every)}
