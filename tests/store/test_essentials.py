"""Essentials on a device: what it goes by without a list, and only on central's word."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from edge.store.essentials import EssentialsStore
from edge.store.whitelist import Whitelist
from rules.ticket_class import EventRecord, TicketClass
from rules.verdict import Admit, Door, Facts, Refuse, judge
from tests.device import BOOT, KEY, ListMaker, ticket, writing
from tests.trusted import sealed, trusting
from wire.codec import WireError, encode
from wire.essentials import Essentials, pack
from wire.event import Rung
from wire.key import KeyRecord
from wire.reason import Reason
from wire.signed import Purpose, seal
from wire.ticket import Ticket
from wire.words import Words

KIND = TicketClass("SHOW", 1, Words("成人票", "Adult"), {"hall": 1})
SHOW = EventRecord("SHOW", Words("演出", "Show"))
RECORD = KeyRecord(b"k1", KEY.public_key().public_bytes_raw())


def essentials(number: int = 1, revoked: tuple[int, ...] = (), venue: str = "venue") -> bytes:
    said = Essentials(
        venue,
        number,
        number - 1,
        1_780_000_000,
        ((0, encode(KIND)),),
        (("SHOW", encode(SHOW)),),
        ((b"k1", encode(RECORD)),),
        (pack("SHOW", list(revoked)),),
    )
    return encode(said)


def kept(device: Path, payload: bytes) -> EssentialsStore:
    store = EssentialsStore(device, trusting(device))
    store.add(sealed(payload, Purpose.ESSENTIALS))
    return store


def numbered(serial: int) -> Ticket:
    return replace(ticket(1), serial=serial)


def test_a_device_without_a_list_judges_signatures_and_knows_what_is_revoked(device: Path) -> None:
    kept(device, essentials(revoked=(7, 4096)))
    trust = trusting(device)
    whitelist = Whitelist(device, trust, EssentialsStore(device, trust))
    assert not whitelist.present
    assert whitelist.essentials is not None
    assert whitelist.ring.find(b"k1") is not None
    door = Door("hall", "A1", BOOT, Rung.SIGNATURE_AND_REVOCATIONS)
    said = {}
    for serial in (6, 7, 8, 4096, 99_999):
        found = whitelist.look_up(numbered(serial))
        known = (found.entry, found.ticket_class, found.event)
        facts = Facts(numbered(serial), *known, revoked=found.revoked)
        said[serial] = judge(facts, door, 1_780_000_000.0, 100.0)
    assert said == {
        6: Admit(1, confirmed=False),
        7: Refuse(Reason.BLOCKED),
        8: Admit(1, confirmed=False),
        4096: Refuse(Reason.BLOCKED),
        99_999: Admit(1, confirmed=False),
    }
    elsewhere = whitelist.look_up(replace(numbered(7), audience="OTHER"))
    assert (elsewhere.event, elsewhere.revoked) == (None, False)


def test_they_are_taken_up_while_the_gate_runs_and_give_way_to_a_list(
    device: Path, lists: ListMaker
) -> None:
    trust = trusting(device)
    whitelist = Whitelist(device, trust, EssentialsStore(device, trust))
    assert whitelist.essentials is None
    kept(device, essentials(revoked=(0,)))
    assert whitelist.refresh()
    assert whitelist.look_up(ticket(1)).revoked
    made = lists.make("v1", range(5))
    writing(device).install("v1", made.path, made.sealed)
    assert whitelist.refresh()
    assert whitelist.present
    assert not whitelist.look_up(ticket(1)).revoked, "the list knows better"
    path = device / "list" / "v1" / "snapshot.db"
    path.chmod(0o660)
    path.write_bytes(b"damaged")
    again = Whitelist(device, trust, EssentialsStore(device, trust))
    assert again.health is not None
    assert again.look_up(ticket(1)).revoked


def test_older_ones_never_come_back(device: Path) -> None:
    store = kept(device, essentials(5, revoked=(7,)))
    for number in (5, 4, 1, 0, -1):
        with pytest.raises(WireError):
            store.add(sealed(essentials(number), Purpose.ESSENTIALS))
    assert EssentialsStore(device, trusting(device)).number == 5
    store.add(sealed(essentials(6), Purpose.ESSENTIALS))
    assert EssentialsStore(device, trusting(device)).number == 6


def test_only_central_can_say_them(device: Path) -> None:
    store = EssentialsStore(device, trusting(device))
    good = sealed(essentials(), Purpose.ESSENTIALS)
    flipped = bytearray(good)
    flipped[60] ^= 1
    for bad in (
        seal(essentials(), Purpose.ESSENTIALS, Ed25519PrivateKey.generate()),
        sealed(essentials(), Purpose.LIST),
        sealed(essentials(venue="elsewhere"), Purpose.ESSENTIALS),
        sealed(b"\xa0", Purpose.ESSENTIALS),
        bytes(flipped),
        essentials(),
        b"",
    ):
        with pytest.raises(WireError):
            store.add(bad)
        (device / "essentials").write_bytes(bad)
        assert EssentialsStore(device, trusting(device)).held is None
    store.add(good)
    assert EssentialsStore(device, trusting(device)).number == 1
