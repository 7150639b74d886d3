"""`gatehouse central prepare`: makes a venue, its events and tickets from one JSON file.

    {"code": "demo", "name": {"zh": …, "en": …}, "seed": 1, "checkpoints": ["hall"],
     "devices": [{"id": "16 hex digits", "name": …, "token": …}],
     "events": [{"audience": "DEMO2026", "name": {…}, "opens": unix, "closes": unix,
       "rotating": false,
       "classes": [{"code": 1, "name": {…}, "uses": {"hall": 1}, "entrance": {…},
         "tickets": [{"kind": "valid", "count": 300, "standing": "good", "quantity": 1,
                      "not_before": unix, "expires": unix, "holder": "", "id_number": "",
                      "order": "", "phone": "last four digits", "zone": "", "row": "",
                      "seats": ["one for each, or none"], "price_cents": 28000,
                      "paid": "wechat"}]}]}]}

`seed` (optional) makes rights and key reproducible: for demonstrations, never for a sale. An
event that exists already is left alone, so that the command can be repeated. A million tickets
take a minute or two where no file of them is asked for. `kind` is passed on
to the file of tickets, one JSON object a line: kind, text, quantity, cti, and where the code must
move, `code_key`: what the holder's phone would have.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import msgspec
from django.db import transaction

from central.venue import keys, trust
from central.venue.issue import Order, Place, issue, stock, stockable, texts
from central.venue.models import (
    Checkpoint,
    Device,
    Event,
    SigningKey,
    Ticket,
    TicketClass,
    Venue,
    token_hash,
)
from wire import rotating
from wire.entry import Standing
from wire.payment import Payment
from wire.words import Words

CAPACITY = 100_000
"""Of an event that is to hold no more tickets than that."""


class TicketsWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    count: int
    kind: str = "valid"
    standing: Standing = Standing.GOOD
    quantity: int = 1
    not_before: int | None = None
    expires: int | None = None
    holder: str = ""
    id_number: str = ""
    order: str = ""
    """Their order's number: all tickets of one line belong to it."""
    phone: str = ""
    """The last four digits of the phone that bought them."""
    zone: str = ""
    row: str = ""
    seats: tuple[str, ...] = ()
    price_cents: int | None = None
    paid: Payment | None = None
    """How."""

    def __post_init__(self) -> None:
        if self.seats and len(self.seats) != self.count:
            raise ValueError(f"{len(self.seats)} seats for {self.count} tickets")


class ClassWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: int
    name: Words
    uses: dict[str, int]
    tickets: tuple[TicketsWanted, ...] = ()
    exchange: bool = True
    """Whether a kiosk turns them into paper."""
    entrance: Words | None = None
    """Where to go with them, as it stands on paper."""


class EventWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    audience: str
    name: Words
    opens: int
    closes: int
    classes: tuple[ClassWanted, ...]
    rotating: bool = False
    """Its tickets open only by a moving code."""


class DeviceWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: str
    token: str


class VenueWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    name: Words
    checkpoints: tuple[str, ...]
    devices: tuple[DeviceWanted, ...] = ()
    events: tuple[EventWanted, ...] = ()
    seed: int | None = None


class PrepareError(Exception):
    """What is wrong with the file; one sentence."""


def prepare(file: Path, tickets_out: Path | None, root_out: Path | None = None) -> int:
    """Make what `file` describes; return how many tickets were issued. Raise PrepareError.

    `root_out`: write there, in hex, whom the venue's devices are to believe.
    """
    try:
        wanted = msgspec.json.decode(file.read_bytes(), type=VenueWanted)
    except OSError as error:
        raise PrepareError(f"{file}: cannot be read ({error.strerror})") from None
    except msgspec.MsgspecError as error:
        raise PrepareError(f"{file}: {error}") from None
    with transaction.atomic():
        venue, _ = Venue.objects.update_or_create(
            code=wanted.code,
            defaults={"name_zh": wanted.name.zh, "name_en": wanted.name.en},
        )
        for code in wanted.checkpoints:
            Checkpoint.objects.get_or_create(venue=venue, code=code)
        for device in wanted.devices:
            _device(venue, device)
        seed = None if wanted.seed is None else wanted.seed.to_bytes(8, "big", signed=True)
        if not SigningKey.objects.filter(venue=venue).exists():
            keys.make(venue, seed)
        trust.ensure(venue)
        if root_out is not None:
            root_out.write_text(trust.root_pin(venue).hex())
        if tickets_out is None:
            return _events(venue, wanted, seed, None)
        with tickets_out.open("w") as out:
            return _events(venue, wanted, seed, out)


def _device(venue: Venue, wanted: DeviceWanted) -> None:
    Device.objects.update_or_create(
        identity=wanted.id,
        defaults={"venue": venue, "name": wanted.name, "token_hash": token_hash(wanted.token)},
    )


def _events(venue: Venue, wanted: VenueWanted, seed: bytes | None, out: TextIO | None) -> int:
    draw, issued = _draw(seed), 0
    for one in wanted.events:
        names = {"name_zh": one.name.zh, "name_en": one.name.en, "rotating": one.rotating}
        wanted_tickets = sum(batch.count for kind in one.classes for batch in kind.tickets)
        room = {"capacity": wanted_tickets} if wanted_tickets > CAPACITY else {}
        event, fresh = Event.objects.get_or_create(
            audience=one.audience,
            defaults={"venue": venue, "opens": one.opens, "closes": one.closes, **names, **room},
        )
        if fresh:
            issued += sum(_class(event, kind, draw, out) for kind in one.classes)
    return issued


def _class(
    event: Event, wanted: ClassWanted, draw: Callable[[int], bytes], out: TextIO | None
) -> int:
    names = {"name_zh": wanted.name.zh, "name_en": wanted.name.en}
    if wanted.entrance:
        names |= {"entrance_zh": wanted.entrance.zh, "entrance_en": wanted.entrance.en}
    kind = TicketClass.objects.create(
        event=event, code=wanted.code, uses=wanted.uses, exchange=wanted.exchange, **names
    )
    signing = keys.active(event.venue)
    issued = 0
    for batch in wanted.tickets:
        order = Order(
            count=batch.count,
            not_before=event.opens if batch.not_before is None else batch.not_before,
            expires=event.closes if batch.expires is None else batch.expires,
            issued_at=int(time.time()) - 3600,
            quantity=batch.quantity,
            standing=batch.standing,
            holder=batch.holder,
            id_number=batch.id_number,
            order_number=batch.order,
            phone_digits=batch.phone,
            place=Place(*(batch.zone, batch.row, batch.seats, batch.price_cents), batch.paid or ""),
        )
        if out is None and stockable(order):
            issued += stock(kind, order, draw)
            continue
        tickets = issue(kind, order, draw)
        issued += len(tickets)
        if out:
            for one, text in zip(tickets, texts(tickets, *signing), strict=True):
                out.write(json.dumps(_line(event, batch, one, text)) + "\n")
    return issued


def _line(event: Event, batch: TicketsWanted, one: Ticket, text: str) -> dict[str, str | int]:
    """Return what the file of tickets says of one."""
    cti = bytes(one.cti).hex()
    line: dict[str, str | int] = {
        "kind": batch.kind,
        "text": text,
        "quantity": one.quantity,
        "cti": cti,
    }
    if one.must_move and event.rotation_key:
        key = rotating.key_of(bytes(one.cti), bytes(event.rotation_key))
        line["code_key"] = key.hex()
    return line


def _draw(seed: bytes | None) -> Callable[[int], bytes]:
    if seed is None:
        return secrets.token_bytes
    drawn = 0

    def draw(count: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return hashlib.sha256(b"cti" + seed + drawn.to_bytes(8, "big")).digest()[:count]

    return draw
