"""A device's whole folder in a thief's hands: every byte of it is looked through."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import zstandard

from edge.core.credential import digest
from edge.store.journal import Journal
from edge.store.list_writer import WhitelistWriter
from edge.store.trust import TrustStore
from tests.central.test_api import ROLES, Shop, new_key
from tests.device import stamp
from wire.codec import decode
from wire.event import Authorised, Direction, Passed, Refused, Rung
from wire.reason import Reason
from wire.signed import Purpose, pin
from wire.snapshot import Manifest

DEVICE, BOOT = bytes.fromhex("0102030405060708"), b"boot-one"
NAME, NUMBER = "Anna Bergström", "11010519491231002X"
PAYMENT = b"134567890123456789"


def card(folder: Path) -> tuple[bytes, bytes]:
    """Make a device that has central's list and let one of two people in; return both rights."""
    from central.lists.snapshots import folder as lists
    from central.lists.snapshots import snapshot
    from central.venue.models import RolesVersion, Venue

    shop = Shop(new_key(*ROLES))
    named = {"event": "SHOW", "ticket_class": 1, "holder_name": NAME, "id_number": NUMBER}
    shown, unseen = (bytes.fromhex(shop.post("tickets", named)[1]["cti"]) for _ in range(2))
    sealed = bytes(snapshot(Venue.objects.get()).manifest)
    first = bytes(RolesVersion.objects.get().bundle)
    trust = TrustStore(folder, pin(first), "v")
    trust.add(first)
    manifest = decode(trust.unseal(sealed, Purpose.LIST), Manifest)
    packed = (lists() / f"{manifest.version}.db.zst").read_bytes()
    plain = folder / "snapshot"
    plain.write_bytes(zstandard.ZstdDecompressor().decompressobj().decompress(packed))
    WhitelistWriter(folder, trust).install(manifest.version, plain, sealed)
    journal = Journal(folder, DEVICE, BOOT, os.urandom)
    journal.open(stamp())
    admission = os.urandom(12)
    events = (
        Authorised(
            lane="A1", admission=admission, scan=os.urandom(12), cti=shown, checkpoint="hall",
            quantity=1, direction=Direction.ENTRY, generation=0, rung=Rung.FRESH, list_sequence=1,
        ),
        Passed(lane="A1", admission=admission, person=1),
        Refused(
            lane="A1", reason=Reason.PAYMENT_CODE, scan=os.urandom(12), length=len(PAYMENT),
            form="digits", digest=digest(PAYMENT, os.urandom(32)),
        ),
    )  # fmt: skip
    journal.transact(lambda inside: [inside.append(event, stamp()) for event in events])
    journal.close()
    return shown, unseen


def test_it_names_nobody_and_makes_no_ticket(tmp_path: Path, tickets: list[Any]) -> None:
    from django.conf import settings

    assert tickets
    shown, unseen = card(tmp_path / "card")
    found = b"\0".join(
        path.read_bytes() for path in (tmp_path / "card").rglob("*") if path.is_file()
    )
    # The ground this stands on: it is the whole of it, and what was shown is there.
    assert shown in found
    assert len(found) > 20_000
    secrets = {
        "a ticket that was not shown": unseen,
        "a holder's name": NAME.encode(),
        "an ID number": NUMBER.encode(),
        "what was refused": PAYMENT,
    }
    for key in (Path(settings.DIRECTORY) / "keys").iterdir():
        secrets[key.name] = key.read_bytes()
        lines = [line for line in key.read_bytes().splitlines() if b"-----" not in line]
        secrets[f"{key.name}, inside"] = b"".join(lines)[-44:]
    assert len(secrets) > 10
    for what, secret in secrets.items():
        assert secret not in found, f"the card holds {what}"
    for text in (one["text"].encode() for one in tickets):
        assert text not in found
    # A number has other bytes in a file of SQLite than it is made of.
    halves = {int.from_bytes(half, "big", signed=True) for half in (unseen[:8], unseen[8:])}
    numbers = {number for path in (tmp_path / "card").rglob("*.db") for number in integers(path)}
    assert len(numbers) > 5
    assert not numbers & halves, "the card holds half of a ticket that was not shown"


def integers(path: Path) -> Iterator[int]:
    """Return every whole number of a database."""
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in database.execute(f"SELECT * FROM {table}"):
                yield from (value for value in row if isinstance(value, int))
