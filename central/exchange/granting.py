"""Grants papers: reserved in the transaction that looked at everything, and signed.

A reservation never ends by itself: the kiosk's journal says what became of it. A kiosk that starts
asks which are open, and says in its journal of those it does not know that nothing was printed.
"""

import time

from django.db import transaction
from msgspec.structs import replace

from central.core.papers import Step
from central.exchange import facts, finding
from central.exchange.models import Paper
from central.ledger.models import Use
from central.lists.changes import one_at_a_time
from central.venue import keys
from central.venue.issue import claims
from central.venue.models import Device, Ticket
from rules import exchange
from rules.exchange import Grant
from rules.use import Outcome
from wire import ticket as gh1
from wire.exchange import Denied, Granted, OpenPapers, Reserve
from wire.paper import PAPER_BYTES, Sort
from wire.reason import Reason
from wire.ticket import FLAG_ROTATION_REQUIRED

WHY_CHARACTERS, BY_CHARACTERS = 300, 80


def reserve(asked: Reserve, device: Device) -> Granted | Denied:
    """Grant one paper, or say why not. Asked again under the paper's name, it is answered alike."""
    offered = finding.opened(asked.handle, device)
    if offered is None or len(asked.paper) != PAPER_BYTES:
        return Denied(Reason.SEE_STAFF)
    ticket, shown = offered
    with transaction.atomic():
        one_at_a_time(device.venue)
        ticket.refresh_from_db()
        before = Paper.objects.filter(device=device, paper=asked.paper).first()
        if before is not None:
            return _again(before, ticket)
        known = exchange.with_own(facts.of(ticket, device, shown), asked.held)
        judge = exchange.judge_reissue if asked.sort is Sort.REISSUE else exchange.judge
        answer = judge(known, time.time())
        if not isinstance(answer, Grant):
            return Denied(answer.reason, answer.since, answer.where)
        ticket.generation_given = answer.generation
        ticket.save(update_fields=["generation_given"])
        Paper.objects.create(
            device=device,
            paper=asked.paper,
            ticket=ticket,
            sort=asked.sort.value,
            generation=answer.generation,
            step=Step.RESERVED.value,
            granted_at=int(time.time()),
            by=asked.by[:BY_CHARACTERS],
            why=asked.why[:WHY_CHARACTERS],
        )
        return _granted(asked.paper, ticket, answer.generation)


def open_papers(device: Device) -> OpenPapers:
    """Return what a kiosk was granted and has not told the end of."""
    found = Paper.objects.filter(device=device, step__in=(Step.RESERVED.value, Step.PRINTED.value))
    return OpenPapers(tuple(bytes(name) for name in found.values_list("paper", flat=True)))


def _again(before: Paper, ticket: Ticket) -> Granted | Denied:
    if before.ticket_id != ticket.pk or before.step != Step.RESERVED.value:
        return Denied(Reason.SEE_STAFF)
    return _granted(bytes(before.paper), ticket, before.generation)


def _granted(paper: bytes, ticket: Ticket, generation: int) -> Granted:
    """Sign the paper's code: the same right, which on paper cannot move."""
    plain = claims(ticket)
    flags = plain.flags & ~FLAG_ROTATION_REQUIRED
    kid, key = keys.active(ticket.ticket_class.event.venue)
    text = gh1.sign(replace(plain, generation=generation, flags=flags), kid, key)
    withdrawn = Use.objects.filter(cti=bytes(ticket.cti), outcome=Outcome.UNDONE.value)
    undone = tuple((bytes(use.admission), use.person) for use in withdrawn)
    return Granted(paper, text, generation, ticket.holder(), ticket.generation, undone)
