"""Gathers what is known of a ticket and of the gates that could have admitted it."""

from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import F, Max

from central.core.papers import Step
from central.core.refund import Admission, Gate, Inquiry, Paper, Window, inquire
from central.exchange import models as printed
from central.identity.models import Certificate, Denied, Placement
from central.ledger import findings
from central.ledger.findings import GIVEN_BACK
from central.ledger.models import Incident, Prefix, Use
from central.venue.issue import claims
from central.venue.models import Device, Ticket, Venue
from rules.use import Outcome
from rules.verdict import Facts, validity

STANDING = tuple(
    step.value for step in (Step.CONFIRMED, Step.UNKNOWN, Step.EXCHANGED, Step.REISSUED)
)
"""Papers that are, or may be, in somebody's hand."""


def of(ticket: Ticket, now: float) -> Inquiry:
    """Return what may have happened to a ticket."""
    known = gates(ticket.ticket_class.event.venue)
    papers = (
        Paper(one.device.name, one.wall_ms / 1000)
        for one in printed.Paper.objects.filter(ticket=ticket, step__in=STANDING)
        .select_related("device")
        .order_by("pk")
    )
    used = admissions([ticket]).get(ticket.pk, ())
    return inquire(window(ticket), used, known, now, papers)


def window(ticket: Ticket) -> Window:
    """Return when and where doors admit a ticket: its row's word, its event's, its own."""
    kind = ticket.ticket_class
    facts = Facts(claims(ticket), ticket.entry(), kind.record(), kind.event.record())
    opens, closes = validity(facts)
    named = frozenset(checkpoint for checkpoint, uses in kind.uses.items() if uses)
    return Window(ticket.issued_at, opens, closes, named)


def admissions(tickets: Iterable[Ticket]) -> dict[int, tuple[Admission, ...]]:
    """Return the uses that count, oldest first, by the ticket's primary key."""
    by_cti = {bytes(ticket.cti): ticket.pk for ticket in tickets}
    found: dict[int, tuple[Admission, ...]] = {}
    uses = Use.objects.filter(cti__among=by_cti).exclude(outcome__in=GIVEN_BACK)
    for use in uses.select_related("device").order_by("wall_ms", "pk"):
        one = Admission(
            admission=bytes(use.admission),
            person=use.person,
            outcome=Outcome(use.outcome),
            where=use.device.name,
            wall=use.wall_ms / 1000,
            checkpoint=use.checkpoint or "",
        )
        key = by_cti[bytes(use.cti or b"")]
        found[key] = (*found.get(key, ()), one)
    return found


def gates(venue: Venue, only: Collection[int] | None = None) -> list[Gate]:
    """Return a venue's devices as the rules see them; `only`: of these primary keys.

    A device that was never given an identity, and never heard of, cannot have admitted anybody.
    """
    devices = Device.objects.filter(venue=venue).order_by("name", "pk")
    if only is not None:
        devices = devices.filter(pk__in=only)
    incomplete = set(
        Prefix.objects.filter(device__in=devices, told__gt=F("upto")).values_list(
            "device", flat=True
        )
    )
    lost = dict(
        Incident.objects.filter(device__in=devices, kind__in=(findings.GAP, findings.FORGOT))
        .values_list("device")
        .annotate(Max("received_ms"))
    )
    placed = dict(
        Placement.objects.filter(device__in=devices).values_list("device", "zone__checkpoint__code")
    )
    retired = dict(Denied.objects.filter(device__in=devices).values_list("device", "at"))
    known = set(Certificate.objects.filter(device__in=devices).values_list("device", flat=True))
    return [
        Gate(
            device=device.pk,
            name=device.name,
            last_seen=device.last_seen.timestamp() if device.last_seen else None,
            complete=device.pk not in incomplete,
            lost_at=lost[device.pk] / 1000 if device.pk in lost else None,
            list_sequence=device.list_sequence,
            checkpoint=placed.get(device.pk),
            retired_at=retired.get(device.pk),
        )
        for device in devices
        if device.last_seen or device.token_hash or device.pk in known
    ]


def told(inquiry: Inquiry) -> dict[str, Any]:
    """Return an inquiry as plain values, times in Unix seconds: for the API and to be kept."""
    return {
        "finding": inquiry.finding.value,
        "admissions": [
            {
                "admission": one.admission.hex(),
                "person": one.person,
                "outcome": one.outcome.name.lower().replace("_", "-"),
                "where": one.where,
                "checkpoint": one.checkpoint,
                "at": int(one.wall),
            }
            for one in inquiry.admissions
        ],
        "silent_gates": [
            {
                "gate": gate.name,
                "since": None if gate.since is None else int(gate.since),
                "why": gate.why.value,
            }
            for gate in inquiry.silent
        ],
        "confirming_gates": len(inquiry.in_touch),
        "papers": [{"where": paper.where, "at": int(paper.wall)} for paper in inquiry.papers],
    }
