"""What kiosks report of their papers, taken in with their other rows; the last word on a paper.

Called by ingest, row by row, in whatever order they come. Once a paper is known to be out, the
right's generation is raised and every door is told.
"""

from collections.abc import Collection

from django.db.models import Q

from central.core.papers import STEP_OF, Step
from central.exchange.models import CutReading, Paper, PrinterState
from central.lists.changes import one_at_a_time
from central.venue.models import Ticket
from wire import event
from wire import paper as wire
from wire.event import AnyEvent, Stamp
from wire.paper import PAPER_BYTES, PaperEvent, Sort
from wire.row import Unknown

OUT = (Step.EXCHANGED.value, Step.REISSUED.value)
"""Not yet what is only confirmed: its printer may still draw it back."""
COUNT_MAX = 2**53
GONE_MAX = 4
SORTS = {
    wire.PaperTested: Sort.TEST,
    wire.ReceiptPrinted: Sort.RECEIPT,
    wire.PaperReissued: Sort.REISSUE,
}


def note(
    device: int, epoch: bytes, seq: int, happened: AnyEvent | Unknown, stamp: Stamp
) -> set[bytes]:
    """Keep what a new row says; return the ctis whose paper is out, or was seen at a door."""
    match happened:
        case PaperEvent():
            return _paper(device, happened, stamp)
        case event.Authorised(generation=generation) if generation:
            # A paper that a door has seen is out, whatever its kiosk knows of it.
            granted = Paper.objects.filter(ticket__cti=happened.cti, generation=generation)
            return {happened.cti} if granted.update(seen=True) else set()
        case wire.PrinterSaid():
            _printer(device, happened, stamp)
            _reading(device, epoch, seq, happened.cut, stamp)
        case event.DriverLost() | event.DriverFound() | event.Started(daemon="kiosk"):
            _driver(device, happened, stamp)
        case wire.DayEnded():
            _reading(device, epoch, seq, happened.cut, stamp)
            _day(device, happened, stamp)
        case _:
            pass
    return set()


def raise_generations(rights: Collection[bytes]) -> None:
    """Make lower codes void where a paper of a right is out; the caller tells the doors."""
    found = Ticket.objects.filter(cti__among=rights).select_related("ticket_class__event__venue")
    tickets = list(found.order_by("pk"))
    for venue in {one.ticket_class.event.venue for one in tickets}:
        one_at_a_time(venue)
    for ticket in tickets:
        ticket.refresh_from_db(fields=["generation"])
        papers = Paper.objects.filter(ticket=ticket, generation__gt=ticket.generation)
        out = papers.filter(Q(step__in=OUT) | Q(seen=True))
        highest = max(out.values_list("generation", flat=True), default=0)
        if highest:
            ticket.generation = highest
            ticket.save(update_fields=["generation"])


def _paper(device: int, happened: PaperEvent, stamp: Stamp) -> set[bytes]:
    if len(happened.paper) != PAPER_BYTES:
        return set()
    step = STEP_OF[type(happened)]
    cti = getattr(happened, "cti", b"")
    generation = getattr(happened, "generation", 0)
    ticket = Ticket.objects.filter(cti=cti).first() if cti else None
    row, _ = Paper.objects.get_or_create(
        device_id=device,
        paper=happened.paper,
        defaults={
            "sort": _sort(happened).value,
            "step": step.value,
            "wall_ms": stamp.wall_ms,
            "ticket": ticket,
            "generation": generation,
            "began_ms": stamp.wall_ms,
        },
    )
    row.began_ms = min(row.began_ms or stamp.wall_ms, stamp.wall_ms)
    if row.ticket_id is None and ticket is not None:
        row.ticket, row.generation = ticket, generation
    if ticket is not None and generation > ticket.generation_given:
        # Its kiosk signed it by itself: central grants higher ones from now on.
        higher = Ticket.objects.filter(pk=ticket.pk, generation_given__lt=generation)
        higher.update(generation_given=generation)
    if step.value >= row.step:
        row.step, row.wall_ms = step.value, stamp.wall_ms
    row.by = row.by or getattr(happened, "by", "")[:80].replace("\0", "")
    row.why = row.why or getattr(happened, "why", "")[:300].replace("\0", "")
    row.save()
    return {bytes(row.ticket.cti)} if row.ticket and row.step in OUT else set()


def _sort(happened: PaperEvent) -> Sort:
    if isinstance(happened, wire.PaperReserved):
        return happened.sort
    return SORTS.get(type(happened), Sort.EXCHANGE)


def _printer(device: int, said: wire.PrinterSaid, stamp: Stamp) -> None:
    known, _ = PrinterState.objects.get_or_create(device_id=device, defaults={"wall_ms": 0})
    if stamp.wall_ms >= known.wall_ms:  # Live rows overtake older ones.
        left = said.paper_left
        known.state, known.able = said.state[:40].replace("\0", ""), said.able
        known.paper_left = None if left is None else max(0, min(left, 2**31 - 1))
        known.wall_ms = stamp.wall_ms
        known.save()


def _driver(
    device: int, happened: event.DriverLost | event.DriverFound | event.Started, stamp: Stamp
) -> None:
    """A reader of a kiosk, or its browser, is gone or there again; at a start all are there."""
    known = PrinterState.objects.filter(device_id=device).first()
    if known is None or stamp.wall_ms < known.gone_ms:  # Of a gate; or overtaken.
        return
    gone = set(known.gone.split(",")) - {""}
    match happened:
        case event.DriverLost(driver=driver):
            gone.add(driver[:40].replace(",", " ").replace("\0", ""))
        case event.DriverFound(driver=driver):
            gone.discard(driver)
        case event.Started():
            gone = set()
    known.gone, known.gone_ms = ",".join(sorted(gone)[:GONE_MAX]), stamp.wall_ms
    known.save(update_fields=["gone", "gone_ms"])


def _reading(device: int, epoch: bytes, seq: int, cut: int | None, stamp: Stamp) -> None:
    if cut is not None and 0 <= cut <= COUNT_MAX:
        CutReading.objects.get_or_create(
            device_id=device,
            epoch=epoch,
            seq=seq,
            defaults={"cut": cut, "wall_ms": stamp.wall_ms},
        )


def _day(device: int, ended: wire.DayEnded, stamp: Stamp) -> None:
    known, _ = PrinterState.objects.get_or_create(device_id=device, defaults={"wall_ms": 0})
    if stamp.wall_ms >= (known.day_ended_ms or 0):
        known.day_ended_ms, known.day_ended_by = stamp.wall_ms, ended.by[:80].replace("\0", "")
        known.save(update_fields=["day_ended_ms", "day_ended_by"])
