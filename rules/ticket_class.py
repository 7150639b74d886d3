"""What a kind of ticket allows, and what its event says about time: the venue's own words."""

import msgspec

from wire.words import Words


class TicketClass(msgspec.Struct, frozen=True, omit_defaults=True):
    """One class of one event. A list row points at it; the ticket's own class code is a hint."""

    audience: str
    code: int
    name: Words
    uses: dict[str, int]
    """Checkpoint -> how often each person of the ticket may enter there. Absent: not at all."""
    exchange: bool = True
    """Whether a kiosk turns it into paper."""
    entrance: Words | None = None
    """Where to go with it, as it stands on paper."""


class EventRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event as the list knows it; outranks what its tickets say about their validity."""

    audience: str
    name: Words
    not_before: int | None = None
    expires: int | None = None
    """Unix seconds that replace the tickets' own."""
    shift_seconds: int = 0
    """Added to the tickets' own times: a show that starts an hour later."""
    closed: bool = False
    """Nobody is admitted: fog, a show called off."""
    rotation_key: bytes | None = None
    """32 bytes that the keys of its moving codes are made of (wire/rotating.py)."""
