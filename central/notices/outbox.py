"""Writes down that a holder is to be told, in the transaction of what they are told.

Nothing is sent here, and nothing can fail for a channel's sake. What is written is told once: a
row of the outbox is named by ticket, kind, what it is about, and channel, and the same again is
nothing. Where nobody is told, not one question is asked of the database.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from central.core.address import Channel, Language
from central.core.notice import Kind
from central.core.sending import State
from central.ledger.models import Use
from central.notices.config import Notices
from central.notices.contacts import FIELDS
from central.notices.models import Contact, Notice
from central.venue.models import Ticket
from rules.use import Outcome
from wire import event, paper
from wire.event import AnyEvent
from wire.row import Unknown

AT_ONCE = 500
NAME_BYTES = 12
_IN = (Outcome.PASSED.value, Outcome.PASSED_LATE.value)


@dataclass(frozen=True, slots=True)
class ToTell:
    """Of which ticket, by primary key; `about` tells apart what may happen to it more than once."""

    ticket: int
    about: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


def tell(kind: Kind, whom: Iterable[ToTell], at: float, in_seconds: float = 0.0) -> None:
    """Write one row for each ticket and channel by which its holder is told of `kind`."""
    told: Notices = settings.NOTICES
    if not told.tells(kind):
        return
    waiting = list(whom)
    for start in range(0, len(waiting), AT_ONCE):
        _write(told, kind, waiting[start : start + AT_ONCE], at, at + in_seconds)


def tell_of(kind: Kind, tickets: Iterable[Ticket], at: float, about: str = "") -> None:
    tell(kind, (ToTell(ticket.pk, about) for ticket in tickets), at)


def tell_refunds(kind: Kind, refunds: QuerySet[Any], at: float) -> None:
    """Tell of refunds; of those whose holder can be told at all, there may be 100,000."""
    if settings.NOTICES.tells(kind):
        reached = refunds.filter(ticket__contact__isnull=False).order_by("ticket")
        found = list(reached.values_list("ticket", "pk"))
        tell(kind, (ToTell(ticket, str(refund)) for ticket, refund in found), at)


def _write(told: Notices, kind: Kind, some: Sequence[ToTell], at: float, due_at: float) -> None:
    tickets = [one.ticket for one in some]
    contacts = {one.ticket_id: one for one in Contact.objects.filter(ticket__in=tickets)}
    rows = [
        Notice(
            ticket_id=one.ticket,
            kind=kind.value,
            about=one.about,
            channel=channel.value,
            detail=one.detail,
            name=secrets.token_hex(NAME_BYTES),
            state=State.WAITING.value,
            written_at=int(at),
            due_at=due_at,
        )
        # In one order everywhere: two that write the same names could wait in a ring.
        for one in sorted(some, key=lambda one: (one.ticket, one.about))
        if one.ticket in contacts
        for channel in _channels(told, kind, contacts[one.ticket])
    ]
    if rows:
        Notice.objects.bulk_create(rows, ignore_conflicts=True)


def _channels(told: Notices, kind: Kind, contact: Contact) -> list[Channel]:
    language = Language(contact.language)
    return [
        channel
        for channel in told.channels
        if getattr(contact, FIELDS[channel]) is not None and told.says(kind, channel, language)
    ]


@dataclass(slots=True)
class Heard:
    """What the rows of one transaction of ingest say that holders may be told of."""

    papers: list[tuple[bytes, str, dict[str, Any]]] = field(default_factory=list)
    """(cti, about, detail) of papers that are out."""
    admissions: set[bytes] = field(default_factory=set)

    def row(self, where: str, happened: AnyEvent | Unknown, wall_ms: int) -> None:
        """Note a new row of the device that is called so; asks the database nothing."""
        match happened:
            case paper.Exchanged(paper=name, cti=cti) | paper.PaperReissued(paper=name, cti=cti):
                if len(name) == paper.PAPER_BYTES:
                    detail = {"where": where, "at": wall_ms / 1000}
                    self.papers.append((cti, name.hex(), detail))
            case event.Passed() | event.PassedLate() | event.Authorised():
                # Which comes first of the two says nothing: the use knows both.
                self.admissions.add(happened.admission)
            case _:
                pass


def tell_heard(heard: Heard, at: float) -> None:
    """Tell holders of papers and admissions; call once all rows and uses are written."""
    told: Notices = settings.NOTICES
    if heard.papers and told.tells(Kind.EXCHANGED):
        ctis = {cti for cti, _, _ in heard.papers}
        keys = _keys(ctis)
        found = [
            ToTell(keys[cti], about, detail) for cti, about, detail in heard.papers if cti in keys
        ]
        tell(Kind.EXCHANGED, found, at)
    if heard.admissions and told.tells(Kind.ADMITTED):
        tell(Kind.ADMITTED, _admitted(heard.admissions), at)


def _admitted(admissions: set[bytes]) -> list[ToTell]:
    """Return one for each admission of which somebody is known to have walked in."""
    uses = Use.objects.filter(admission__among=admissions, cti__isnull=False, outcome__in=_IN)
    columns = ("admission", "cti", "device__name", "wall_ms")
    found = {bytes(name): rest for name, *rest in uses.order_by("-person").values_list(*columns)}
    keys = _keys({bytes(cti) for cti, _, _ in found.values()})
    return [
        ToTell(keys[bytes(cti)], name.hex(), {"where": where, "at": wall_ms / 1000})
        for name, (cti, where, wall_ms) in found.items()
        if bytes(cti) in keys
    ]


def _keys(ctis: set[bytes]) -> dict[bytes, int]:
    found = Ticket.objects.filter(cti__among=ctis, contact__isnull=False)
    return {bytes(cti): key for cti, key in found.values_list("cti", "pk")}
