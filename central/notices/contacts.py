"""Keeps where a holder is reached, so that a copy of the database alone does not tell.

Each address is sealed by ChaCha20-Poly1305 (RFC 8439) under a key that is made of central's own
secret, which is a file, and the right it belongs to, as links are: put beside another ticket it
does not open. It is filled up, so that its length says little. Which channels there are, and the
language, is not secret.
"""

import hashlib
import hmac
import logging
import secrets
from collections.abc import Iterable, Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from django.conf import settings

from central.core.address import Addresses, Channel, Language
from central.notices.models import Contact
from central.venue.models import Ticket

log = logging.getLogger("central.notices")

NONCE_BYTES = 12
BLOCK = 32
FIELDS = {
    Channel.MAIL: "sealed_mail",
    Channel.SMS: "sealed_mobile",
    Channel.WECHAT: "sealed_openid",
}
BATCH = 500


class Unreadable(Exception):
    """An address that was sealed under another secret, or changed."""


def keep(tickets: Sequence[Ticket], addresses: Addresses) -> None:
    """Set where the holder of each of these new tickets is reached."""
    if addresses:
        made = [_sealed(ticket, addresses) for ticket in tickets]
        Contact.objects.bulk_create(made, batch_size=BATCH)


def change(ticket: Ticket, addresses: Addresses) -> None:
    """Set where a ticket's holder is reached, in place of what was known; nowhere if empty."""
    Contact.objects.filter(ticket=ticket).delete()
    if addresses:
        _sealed(ticket, addresses).save()


def of(ticket: Ticket) -> Addresses:
    """Return where a ticket's holder is reached; what does not open is left out."""
    contact = Contact.objects.filter(ticket=ticket).first()
    if contact is None:
        return Addresses()
    found = dict.fromkeys(FIELDS, "")
    for channel in FIELDS:
        try:
            found[channel] = opened(contact, ticket, channel)
        except Unreadable:
            log.error("a contact does not open: central's secret is not the one of before")
    return Addresses(
        found[Channel.MAIL],
        found[Channel.SMS],
        found[Channel.WECHAT],
        Language(contact.language),
    )


def opened(contact: Contact, ticket: Ticket, channel: Channel) -> str:
    """Return one address, or nothing where there is none; raise Unreadable."""
    sealed = getattr(contact, FIELDS[channel])
    if sealed is None:
        return ""
    raw, named = bytes(sealed), _named(ticket, channel)
    try:
        filled = ChaCha20Poly1305(_key(_secret())).decrypt(
            raw[:NONCE_BYTES], raw[NONCE_BYTES:], named
        )
        return filled.rstrip(b"\0").decode()
    except (InvalidTag, ValueError):
        raise Unreadable from None


def forget(tickets: Iterable[Ticket]) -> None:
    """Delete where the holders of these tickets were reached."""
    Contact.objects.filter(ticket__in=[ticket.pk for ticket in tickets]).delete()


def _sealed(ticket: Ticket, addresses: Addresses) -> Contact:
    made = Contact(ticket=ticket, language=addresses.language.value)
    for channel, field in FIELDS.items():
        if address := addresses.of(channel):
            plain = address.encode()
            nonce = secrets.token_bytes(NONCE_BYTES)
            filled = plain + b"\0" * (-len(plain) % BLOCK)
            sealed = ChaCha20Poly1305(_key(_secret())).encrypt(
                nonce, filled, _named(ticket, channel)
            )
            setattr(made, field, nonce + sealed)
    return made


def _named(ticket: Ticket, channel: Channel) -> bytes:
    return bytes(ticket.cti) + channel.value.encode()


def _secret() -> str:
    return str(settings.SECRET_KEY)


@lru_cache(maxsize=4)
def _key(secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"holder's contact", hashlib.sha256)
