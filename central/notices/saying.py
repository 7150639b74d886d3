"""Makes of a row of the outbox what is sent: address, words and link are put in at the last moment.

So neither is kept in the outbox, an address that was corrected or wiped counts at once, and what is
not so any more is not said.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from central.core import notice, sending
from central.core.address import Channel, Language
from central.core.notice import Facts, Kind, Said
from central.core.papers import Step
from central.core.refund import State as RefundState
from central.core.sending import Why
from central.exchange.models import Paper
from central.holder import link as links
from central.holder.state import said as day_and_time
from central.notices import contacts
from central.notices.models import Contact, Notice
from central.tickets import inquiry
from central.tickets.models import Refund
from central.venue.models import Ticket
from wire.words import Words

CHARACTERS_MAX = 120
UNIX_MAX = 2**32


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel is given to send."""

    name: str
    """24 hex digits: the same message again has the same."""
    to: str
    kind: Kind
    language: Language
    said: Said
    values: dict[str, str]
    link: str


def compose(row: Notice, now: float) -> Message | Why:
    """Return what is to be sent for a row, or why it is not."""
    tickets = Ticket.objects.select_related("ticket_class__event__venue", "contact")
    ticket = tickets.get(pk=row.ticket_id)
    kind, channel = Kind(row.kind), Channel(row.channel)
    contact: Contact | None = getattr(ticket, "contact", None)
    if contact is None:
        return Why.NO_ADDRESS
    try:
        to = contacts.opened(contact, ticket, channel)
    except contacts.Unreadable:
        return Why.UNREADABLE
    language = Language(contact.language)
    if not to:
        return Why.NO_ADDRESS
    if not settings.NOTICES.says(kind, channel, language):
        return Why.NOT_SPOKEN
    window = inquiry.window(ticket)
    if sending.is_useless(kind, row.written_at, window.closes, now):
        return Why.TOO_LATE
    if _overtaken(kind, row, ticket):
        return Why.OVERTAKEN
    facts = _facts(row, ticket, window.opens)
    return Message(
        row.name,
        to,
        kind,
        language,
        notice.say(kind, facts, language),
        notice.values(kind, facts, language),
        facts.link,
    )


def _overtaken(kind: Kind, row: Notice, ticket: Ticket) -> bool:
    """Tell whether something has happened since that makes a message wrong."""
    match kind:
        case Kind.REFUND_WAITS:
            return not Refund.objects.filter(
                pk=row.about, state__in=[one.value for one in RefundState if one.open]
            ).exists()
        case Kind.EXCHANGED:
            papers = Paper.objects.filter(ticket=ticket, paper=bytes.fromhex(row.about))
            return papers.filter(step=Step.RETRACTED.value).exists()
        case Kind.REISSUED:
            return row.about != str(ticket.code_generation) or ticket.standing != "good"
        case Kind.ISSUED | Kind.RESCHEDULED | Kind.MOVED:
            return ticket.standing != "good" or ticket.ticket_class.event.closed
        case _:
            return False


def _facts(row: Notice, ticket: Ticket, opens: float) -> Facts:
    event = ticket.ticket_class.event
    base = settings.DEVICES.url.rstrip("/") or settings.OWN_ADDRESS
    at = _when(row)
    refund = None
    if row.kind in (Kind.REFUND_WAITS, Kind.CALLED_OFF):
        refund = Refund.objects.filter(ticket=ticket).exclude(state=RefundState.DENIED).first()
    return Facts(
        event=Words(*(name[:CHARACTERS_MAX] for name in (event.name_zh, event.name_en))),
        number=ticket.number,
        opens=day_and_time(opens),
        opens_at=_stamp(opens),
        link=base + links.path_of(ticket),
        where=str(row.detail.get("where", "")),
        at=Words("", "") if at is None else day_and_time(at),
        happened_at="" if at is None else _stamp(at),
        person_decides=refund is not None and refund.state == RefundState.TO_DECIDE,
        settled=refund is None or refund.state == RefundState.SETTLED,
    )


def _when(row: Notice) -> float | None:
    """Return when it happened at a kiosk or a gate; by a clock of no year, when it was heard."""
    at = row.detail.get("at")
    return at if at is None or 0 <= at < UNIX_MAX else float(row.written_at)


def _stamp(unix: float) -> str:
    """Return a day and a time as WeChat's fields have them."""
    at = datetime.fromtimestamp(unix, timezone.get_default_timezone())
    return f"{at.year}年{at.month}月{at.day}日 {at:%H:%M}"
