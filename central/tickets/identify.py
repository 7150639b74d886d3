"""Finds the ticket that somebody means: by its cti in hex, or by what its code says."""

from central.tickets.refusal import Code, Refused
from central.venue.models import SigningKey, Ticket, Venue
from wire import rotating
from wire import ticket as gh1
from wire.key import KeyRing
from wire.reason import Reason


def find(venue: Venue, named: str) -> Ticket:
    """Return a venue's ticket; raise Refused if it has none of this name.

    A code need not be the newest: an old one still says which right it was for.
    """
    tickets = Ticket.objects.select_related("ticket_class__event__venue")
    found = tickets.filter(ticket_class__event__venue=venue, cti=_cti(venue, named)).first()
    if found is None:
        raise Refused(Code.NO_SUCH_TICKET)
    return found


def _cti(venue: Venue, named: str) -> bytes:
    try:
        cti = bytes.fromhex(named)
    except ValueError:
        return _of_code(venue, named)
    if len(cti) != gh1.CTI_BYTES:
        raise Refused(Code.NO_SUCH_TICKET)
    return cti


def _of_code(venue: Venue, text: str) -> bytes:
    shown = text.strip().encode(errors="replace")
    if shown[: len(rotating.PREFIX)].upper() == rotating.PREFIX.encode():
        read = rotating.read(shown)
        if isinstance(read, Reason):
            raise Refused(Code.NO_SUCH_TICKET)
        shown = read[0]
    ring = KeyRing([key.record() for key in SigningKey.objects.filter(venue=venue)])
    ticket = gh1.verify(shown, ring)
    if isinstance(ticket, Reason):
        raise Refused(Code.NO_SUCH_TICKET)
    return ticket.cti
