"""What can be wrong with a list on disk: each fault is found before a door goes by it."""

import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.store import list_files
from edge.store import whitelist as whitelist_module
from edge.store.changes import Changes, ListDamaged, Unseal
from edge.store.list_writer import WhitelistWriter
from edge.store.trust import TrustStore
from edge.store.whitelist import PATIENCE_MAX, Whitelist
from rules.ticket_class import EventRecord, TicketClass
from tests.device import KEY, LIST_KEY, ListMaker, Made, reading, sealed_delta, ticket, writing
from tests.trusted import key, sealed, signers, trusting
from wire.codec import WireError, encode
from wire.entry import Entry, Row, Standing, checksum, key_of, row
from wire.key import KeyRecord
from wire.signed import Purpose, Roles, bundle, pin, seal
from wire.snapshot import SCHEMA_VERSION, About, Delta, head_after
from wire.words import Words

CHILD = TicketClass("SHOW", 2, Words("儿童票", "Child"), {"hall": 1})
CLOSED = EventRecord("SHOW", Words("演出", "Show"), closed=True)
SECOND_KEY = KeyRecord(b"k2", KEY.public_key().public_bytes_raw())


@dataclass
class Installed:
    """A list in use, with one change of every table in its overlay."""

    device: Path
    writer: WhitelistWriter
    head: bytes

    @property
    def folder(self) -> Path:
        return self.device / "list" / "v1"

    def change(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.folder / "overlay.db")) as overlay:
            overlay.execute(statement, values)
            overlay.commit()

    def both_refuse(self) -> str:
        """Return why neither the doors nor sync go by this list, each starting anew."""
        assert writing(self.device).current is None
        whitelist = reading(self.device)
        assert not whitelist.present
        assert whitelist.health is not None
        return whitelist.health


def listed(number: int, standing: Standing = Standing.GOOD) -> Row:
    return row(key_of(ticket(number).cti, LIST_KEY), Entry(0, standing=standing))


def apply(writer: WhitelistWriter, delta: Delta) -> bytes:
    writer.apply(sealed_delta(delta))
    return head_after(delta)


@pytest.fixture
def installed(device: Path, lists: ListMaker) -> Installed:
    writer, made = writing(device), lists.make("v1", range(5))
    writer.install("v1", made.path, made.sealed)
    change = Delta(
        1,
        bytes(32),
        tickets=tuple(listed(number, Standing.REFUNDED) for number in (1, 2, 3)),
        classes=((1, encode(CHILD)),),
        events=(("SHOW", encode(CLOSED)),),
        signing_keys=((b"k2", encode(SECOND_KEY)),),
    )
    return Installed(device, writer, apply(writer, change))


# The overlay.


def test_every_table_of_a_change_is_read(installed: Installed) -> None:
    whitelist = reading(installed.device)
    found = whitelist.look_up(ticket(3))
    assert found.entry == Entry(0, standing=Standing.REFUNDED)
    assert found.event == CLOSED
    assert whitelist.ring.find(b"k1") is not None
    assert whitelist.ring.find(b"k2") is not None
    unlisted = msgspec.structs.replace(ticket(99), ticket_class=2)
    assert whitelist.look_up(unlisted).ticket_class == CHILD


def _but_one_bit(body: bytes) -> Iterator[bytes]:
    for at in range(len(body) * 8):
        changed = bytearray(body)
        changed[at // 8] ^= 1 << at % 8
        yield bytes(changed)


def test_every_flipped_bit_of_a_kept_change_is_found(installed: Installed) -> None:
    with closing(sqlite3.connect(installed.folder / "overlay.db")) as overlay:
        (kept,) = overlay.execute("SELECT envelope FROM change").fetchone()
    overlay = sqlite3.connect(":memory:")
    overlay.execute("CREATE TABLE change (sequence INTEGER PRIMARY KEY, envelope BLOB NOT NULL)")
    overlay.execute("INSERT INTO change VALUES (1, ?)", (kept,))
    about = About(SCHEMA_VERSION, "venue", LIST_KEY, 0, bytes(32), 1_780_000_000)
    unseal = trusting(installed.device).unseal
    assert Changes(about).follow(overlay, unseal)
    for changed in _but_one_bit(kept):
        overlay.execute("UPDATE change SET envelope = ?", (changed,))
        changes = Changes(about)
        with pytest.raises((ListDamaged, WireError)):
            changes.follow(overlay, unseal)
        assert changes == Changes(about), "nothing of it counts"


def test_a_change_that_somebody_adds_while_a_gate_runs_is_not_believed(
    installed: Installed,
) -> None:
    """As a sync that strangers have taken over would: it can write, and not sign."""
    whitelist = reading(installed.device)
    delta = Delta(2, installed.head, tickets=(listed(1, Standing.GOOD),))
    stranger = Ed25519PrivateKey.generate()
    for envelope in (
        seal(encode(delta), Purpose.LIST, stranger),
        sealed(encode(delta), Purpose.HEARTBEAT),
    ):
        installed.change("INSERT OR REPLACE INTO change VALUES (2, ?)", envelope)
        whitelist.refresh()
        assert not whitelist.present
        assert whitelist.look_up(ticket(1)).entry is None
    installed.change("DELETE FROM change WHERE sequence = 2")
    assert reading(installed.device).present


def test_a_stranger_in_the_middle_of_the_chain_breaks_it(installed: Installed) -> None:
    """Only the last is verified by its signature; the others hang on it by their hashes."""
    other = Delta(1, bytes(32), tickets=(listed(1, Standing.GOOD),))
    apply(installed.writer, Delta(2, installed.head))
    stranger = seal(encode(other), Purpose.LIST, Ed25519PrivateKey.generate())
    installed.change("UPDATE change SET envelope = ? WHERE sequence = 1", stranger)
    assert installed.both_refuse()


FAULTS: tuple[tuple[str, str, tuple[object, ...]], ...] = (
    ("the first forgotten", "DELETE FROM change WHERE sequence = 1", ()),
    ("one in the middle forgotten", "DELETE FROM change WHERE sequence = 2", ()),
    ("a number changed", "UPDATE change SET sequence = 9 WHERE sequence = 3", ()),
    ("text in place of bytes", "UPDATE change SET envelope = 'x' WHERE sequence = 2", ()),
    ("nothing in place of bytes", "UPDATE change SET envelope = x'' WHERE sequence = 2", ()),
    ("one twice", "INSERT INTO change SELECT 4, envelope FROM change WHERE sequence = 3", ()),
    (
        "order changed",
        "UPDATE change SET envelope = (SELECT envelope FROM change"
        " WHERE sequence = 3) WHERE sequence = 2",
        (),
    ),
)


@pytest.mark.parametrize(("what", "statement", "values"), FAULTS, ids=[one[0] for one in FAULTS])
def test_an_overlay_that_is_not_what_was_written_is_found_at_the_start(
    installed: Installed, what: str, statement: str, values: tuple[object, ...]
) -> None:
    second = apply(installed.writer, Delta(2, installed.head))
    apply(installed.writer, Delta(3, second))
    assert reading(installed.device).present
    installed.change(statement, *values)
    assert installed.both_refuse(), what


def test_an_overlay_of_before_there_were_signatures_is_fetched_again(installed: Installed) -> None:
    """Made by the first schema: its changes are on nobody's word."""
    for left in installed.folder.glob("overlay.db*"):
        left.unlink()
    first = Path(list_files.__file__).with_name("overlay_1.sql").read_text()
    with closing(sqlite3.connect(installed.folder / "overlay.db")) as overlay:
        overlay.executescript(f"PRAGMA journal_mode = WAL; {first} PRAGMA user_version = 1;")
        overlay.execute("INSERT INTO applied VALUES (1, ?, ?)", (bytes(32), installed.head))
        overlay.commit()
    assert installed.both_refuse()


def test_a_list_of_another_root_is_no_list(installed: Installed) -> None:
    """A device that was enrolled anew, to another venue's central."""
    other = Roles(1, "venue", signers("other root"), {"list": signers("other list")})
    bundled = bundle([seal(encode(other), Purpose.ROLES, key("other root"))])
    trust = TrustStore(installed.device, pin(bundled), "venue")
    assert Whitelist(installed.device, trust).health == (
        "list v1: not a list of whom this device believes: nobody to believe: "
        f"{installed.device}/trust/1.roles: these are not the roles that this device was "
        "enrolled with"
    )
    trust.add(bundled)
    whitelist = Whitelist(installed.device, trust)
    assert whitelist.health is not None
    assert "not a list of whom this device believes" in whitelist.health
    assert not whitelist.ring.records(), "nor are its keys used"
    assert WhitelistWriter(installed.device, trust).current is None


def test_a_page_of_the_overlay_that_is_lost_is_found(installed: Installed) -> None:
    with closing(sqlite3.connect(installed.folder / "overlay.db")) as overlay:
        overlay.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = installed.folder / "overlay.db"
    pristine = path.read_bytes()
    refused = 0
    for page in range(4096, len(pristine), 4096):
        path.write_bytes(pristine[:page] + bytes(4096) + pristine[page + 4096 :])
        whitelist = reading(installed.device)
        refused += not whitelist.present
        # A page that nothing stands on may go.
        assert not whitelist.present or whitelist.about == installed.writer.current, page
    assert refused
    path.write_bytes(pristine)
    assert reading(installed.device).present


@pytest.mark.parametrize("part", ["overlay.db", "manifest", "snapshot.db"])
@pytest.mark.parametrize("how", ["gone", "empty"])
def test_a_list_of_which_a_part_is_lost_is_none(installed: Installed, part: str, how: str) -> None:
    for left in installed.folder.glob(f"{part}*"):
        left.unlink()
    if how == "empty":
        (installed.folder / part).touch()
    assert installed.both_refuse(), "and sync does not begin anew without what it had applied"


# A delta.

GOOD = listed(4)


@pytest.mark.parametrize(
    "unusable",
    [
        {"tickets": (GOOD, Row(GOOD.key, 0, None, GOOD.checksum ^ 1))},
        {"tickets": (Row(GOOD.key, 1, None, GOOD.checksum),)},
        {"tickets": (Row(GOOD.key, 0, b"\xff", checksum(GOOD.key, 0, b"\xff")),)},
        {"tickets": (Row(1 << 63, 0, None, 0),)},
        {"tickets": (Row(GOOD.key, -1, None, 0),)},
        {"classes": ((0, b"\xa0"),)},
        {"classes": ((1 << 32, encode(CHILD)),)},
        {"classes": ((-1, encode(CHILD)),)},
        {"events": (("SHOW", b""),)},
        {"events": (("SHOW", encode(SECOND_KEY)),)},
        {"signing_keys": ((b"k2", encode({"kid": 3})),)},
    ],
    ids=lambda unusable: next(iter(unusable)),
)
def test_a_delta_that_no_door_could_read_changes_nothing(
    installed: Installed, unusable: dict[str, tuple[object, ...]]
) -> None:
    before = installed.writer.current
    delta = Delta(2, installed.head, **{"tickets": (GOOD,), **unusable})  # type: ignore[arg-type]
    with pytest.raises(ListDamaged, match="delta 2"):
        apply(installed.writer, delta)
    assert installed.writer.current == before
    whitelist = reading(installed.device)
    assert whitelist.look_up(ticket(1)).entry == Entry(0, standing=Standing.REFUNDED)
    apply(installed.writer, Delta(2, installed.head, tickets=(GOOD,)))
    assert whitelist.refresh()
    assert whitelist.look_up(ticket(4)).entry == Entry(0)


# A snapshot.


def rewritten(made: Made, statement: str, *values: object) -> Made:
    """Change a snapshot, and its manifest so that the hash fits."""
    with closing(sqlite3.connect(made.path)) as database:
        database.execute(statement, values)
        database.commit()
    digest = hashlib.sha256(made.path.read_bytes()).digest()
    return Made(made.path, msgspec.structs.replace(made.manifest, file_sha256=digest))


def _another_about(**fields: object) -> tuple[str, bytes]:
    about = About(SCHEMA_VERSION, "venue", LIST_KEY, 0, bytes(32), 1_780_000_000)
    changed = msgspec.structs.replace(about, **fields)
    return "UPDATE meta SET value = ? WHERE name = 'about'", encode(changed)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_another_about(schema=SCHEMA_VERSION + 1), "update this device"),
        (_another_about(sequence=4), "another head"),
        (_another_about(head=b"x" * 32), "another head"),
        (_another_about(list_key=b"short"), "wrong length"),
        (("DELETE FROM meta",), "another head"),
        (("DELETE FROM ticket WHERE key = (SELECT min(key) FROM ticket)",), "4 rows instead of 5"),
        (("DROP TABLE event",), "event"),
        (("UPDATE class SET body = x'ff'",), "v2"),
        (("UPDATE signing_key SET body = x'a0'",), "v2"),
        (("DROP TABLE ticket",), "ticket"),
    ],
)
def test_a_snapshot_that_no_door_could_use_is_not_installed(
    device: Path, lists: ListMaker, change: tuple[str, *tuple[object, ...]], said: str
) -> None:
    first, writer = lists.make("v1", range(3)), writing(device)
    writer.install("v1", first.path, first.sealed)
    bad = rewritten(lists.make("v2", range(5)), *change)
    with pytest.raises(ListDamaged, match=said):
        writer.install("v2", bad.path, bad.sealed)
    assert writer.current is not None
    assert reading(device).look_up(ticket(2)).entry == Entry(0)
    assert not (device / "list" / "v2").exists()


def test_a_snapshot_that_is_no_database_is_not_installed(device: Path, lists: ListMaker) -> None:
    made = lists.make("v1", range(5))
    content = made.path.read_bytes()
    for broken in (b"", b"no database at all" * 100, content[:4096], content[:-4096]):
        made.path.write_bytes(broken)
        digest = hashlib.sha256(broken).digest()
        manifest = msgspec.structs.replace(made.manifest, file_sha256=digest)
        bad = Made(made.path, manifest)
        with pytest.raises(ListDamaged):
            writing(device).install("v1", bad.path, bad.sealed)
    assert not reading(device).present


# A broken list is tried again, ever more seldom.


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever a list is opened."""
    made: list[int] = []
    verify: Callable[[Path, Unseal], None] = list_files.verify_snapshot

    def counted(folder: Path, unseal: Unseal) -> None:
        made.append(1)
        verify(folder, unseal)

    monkeypatch.setattr(whitelist_module, "verify_snapshot", counted)
    return made


def test_a_broken_list_is_tried_ever_more_seldom_and_never_given_up(
    installed: Installed, tries: list[int]
) -> None:
    path = installed.folder / "overlay.db"
    aside = path.rename(path.with_name("away"))
    whitelist = reading(installed.device)
    between, passed = list[int](), 0
    while len(between) < 14:
        before = len(tries)
        whitelist.refresh()
        passed += 1
        if len(tries) > before:
            between.append(passed)
            passed = 0
    assert between == sorted(between)
    assert between[0] == 1
    assert between[-2:] == [PATIENCE_MAX, PATIENCE_MAX]
    aside.rename(path)
    for _ in range(PATIENCE_MAX):
        whitelist.refresh()
    assert whitelist.present, "a moment's trouble heals by itself"


def test_a_list_put_in_place_anew_is_tried_at_once(
    installed: Installed, lists: ListMaker, tries: list[int]
) -> None:
    installed.change("UPDATE change SET envelope = x'00'")
    whitelist = reading(installed.device)
    for _ in range(50):
        whitelist.refresh()
    before = len(tries)
    made = lists.make("v1", range(9))
    writing(installed.device).install("v1", made.path, made.sealed)
    assert whitelist.refresh()
    assert whitelist.present
    # Sync's own look at it is one of them.
    assert len(tries) - before <= 2
    assert whitelist.look_up(ticket(8)).entry == Entry(0)


def test_after_a_recovery_patience_begins_anew(
    installed: Installed, lists: ListMaker, tries: list[int]
) -> None:
    whitelist = reading(installed.device)
    tried = list[int]()
    for version in ("v2", "v3"):
        made = lists.make(version, range(9))
        installed.writer.install(version, made.path, made.sealed)
        (installed.device / "list" / version / "manifest").write_bytes(b"")
        before = len(tries)
        for _ in range(200):
            whitelist.refresh()
        assert not whitelist.present
        tried.append(len(tries) - before)
        installed.writer.install("mended-" + version, *_remade(lists, version))
        assert whitelist.refresh()
        assert whitelist.present
    assert tried[0] == tried[1] < 20


def _remade(lists: ListMaker, version: str) -> tuple[Path, bytes]:
    made = lists.make("again-" + version, range(9))
    return made.path, made.sealed


# One transaction.


def test_a_door_never_sees_half_of_a_change(installed: Installed) -> None:
    """Event and head of one delta are seen together, however often a door looks meanwhile."""
    done = threading.Event()
    failed: list[BaseException] = []

    def write() -> None:
        try:
            writer, head = (
                writing(installed.device),
                installed.head,
            )
            for sequence in range(2, 152):
                event = EventRecord("SHOW", Words(f"第{sequence}", str(sequence)))
                head = apply(writer, Delta(sequence, head, events=(("SHOW", encode(event)),)))
        except BaseException as error:  # noqa: BLE001 - Raised by the test's own thread below.
            failed.append(error)
        finally:
            done.set()

    whitelist = reading(installed.device)
    thread = threading.Thread(target=write)
    thread.start()
    seen: set[int] = set()
    while not done.is_set():
        if whitelist.refresh():
            assert whitelist.present, whitelist.health
            event, about = whitelist.look_up(ticket(1)).event, whitelist.about
            assert event is not None
            assert about is not None
            if about.sequence > 1:
                assert event.name.en == str(about.sequence)
                seen.add(about.sequence)
    thread.join()
    assert failed == []
    assert len(seen) > 1
