"""What central knows of a right that somebody wants on paper."""

from central.claims import knowing
from central.core.papers import Step
from central.exchange.models import Paper
from central.ledger.models import Use
from central.tickets import inquiry
from central.venue.models import Device, Ticket
from rules import exchange
from rules.exchange import Facts, Held
from rules.use import Outcome
from wire.entry import Standing

HELD = {
    Step.RESERVED: Held.RESERVED,
    Step.GIVEN_BACK: Held.GIVEN_BACK,
    Step.PRINTED: Held.RESERVED,
    Step.CONFIRMED: Held.EXCHANGED,  # A cut between confirm and commit ends as exchanged.
    Step.UNKNOWN: Held.UNKNOWN,
    Step.EXCHANGED: Held.EXCHANGED,
    Step.REISSUED: Held.REISSUED,
    Step.RETRACTED: Held.RETRACTED,
}


def of(ticket: Ticket, device: Device, shown: int | None) -> Facts:
    """Return what is known of a ticket; `shown`: the generation of the code this kiosk saw."""
    kind = ticket.ticket_class
    papers = Paper.objects.filter(ticket=ticket).select_related("device").order_by("pk")
    uses = Use.objects.filter(cti=bytes(ticket.cti)).select_related("device").order_by("wall_ms")
    return Facts(
        standing=Standing(ticket.standing),
        generation=ticket.generation,
        given=ticket.generation_given,
        closes=inquiry.window(ticket).closes,
        ticket_class=kind.record(),
        event=kind.event.record(),
        shown=shown,
        uses=(
            *(_use(use) for use in uses),
            # Claimed by a gate that is committing it at this moment.
            *(
                exchange.Use(Outcome(one.outcome), float(one.wall), one.device.name)
                for one in knowing.claimed(bytes(ticket.cti))
            ),
        ),
        papers=tuple(_paper(one, device) for one in papers if Step(one.step) in HELD),
    )


def _use(use: Use) -> exchange.Use:
    return exchange.Use(Outcome(use.outcome), use.wall_ms / 1000, use.device.name)


def _paper(one: Paper, device: Device) -> exchange.Paper:
    since = one.wall_ms / 1000 if one.wall_ms else float(one.granted_at)
    own = one.device_id == device.pk
    return exchange.Paper(HELD[Step(one.step)], one.generation, since, one.device.name, own)
