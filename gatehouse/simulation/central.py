"""Central as the doors know it: ledger, list, heartbeat, time, and what can be done to a ticket.

It commits first and acknowledges afterwards, and between the two it can be killed. Put back to a
backup it has forgotten what came since, and says so by what it no longer knows.
"""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from central.lists.build import Contents, build
from gatehouse.simulation.ledger import Ledger, Message
from gatehouse.simulation.machine import EPOCH
from gatehouse.simulation.tickets import AUDIENCE, CHECKPOINT, LIST_KEY, VENUE, Pool
from rules.ticket_class import EventRecord, TicketClass
from wire.codec import encode
from wire.entry import Entry, Row, Standing, key_of, row
from wire.essentials import Essentials, pack
from wire.key import KeyRecord
from wire.signed import Purpose, Roles, Signers, bundle, pin, seal
from wire.signed_time import TimeAnswer
from wire.snapshot import SCHEMA_VERSION, About, Delta, Heartbeat, head_after
from wire.topic import Topics
from wire.words import Words

NO_HEAD = bytes(32)
DELTAS_MAX = 1000


def key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


KEYS = {purpose: key(purpose.value) for purpose in Purpose if purpose is not Purpose.ROLES}


def first_roles() -> bytes:
    def signers(one: Ed25519PrivateKey) -> Signers:
        return Signers((one.public_key().public_bytes_raw(),))

    named = {purpose.value: signers(one) for purpose, one in KEYS.items()}
    roles = Roles(1, VENUE, signers(key("root")), named)
    return bundle([seal(encode(roles), Purpose.ROLES, key("root"))])


ROLES = first_roles()
ROOT = pin(ROLES)


@dataclass(frozen=True, slots=True)
class Right:
    """What central says of a right, apart from its uses."""

    standing: Standing = Standing.GOOD
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What the list says of one right from a change on: for whoever holds decisions against it."""

    sequence: int
    line: int
    """Which chain: each time central is put back, another one begins."""
    at: float
    right: Right
    used: frozenset[tuple[bytes, int]]
    undone: frozenset[tuple[bytes, int]]


@dataclass(slots=True)
class State:
    """What is in the database besides the ledger."""

    rights: dict[bytes, Right] = field(default_factory=dict)
    changes: list[tuple[bytes, bytes]] = field(default_factory=list)
    """(head, sealed) of change 1, 2, …"""
    line: int = 0


class Central:
    """`send(topic, payload)` publishes to whoever listens."""

    def __init__(
        self, pool: Pool, folder: Path, names: dict[str, int], chance: random.Random
    ) -> None:
        self.pool = pool
        self.topics = Topics(VENUE)
        self.ledger = Ledger(self.topics, names)
        self.state = State()
        self.lines = 1
        self.send: Callable[[str, bytes], None] = lambda _topic, _payload: None
        self.now: Callable[[], float] = lambda: 0.0
        self.up = True
        self.files: dict[str, bytes] = {}
        self.told: dict[bytes, list[Told]] = {}
        self.backup: tuple[bytes, State] | None = None
        self._folder = folder
        self._places = {number: f"gate {identity[:4]}" for identity, number in names.items()}
        self._chance = chance
        self._waiting: list[Message] = []
        self._wall = 0.0
        self._essentials: tuple[int, bytes] | None = None
        self._snapshots = 0

    @property
    def head(self) -> tuple[int, bytes]:
        changes = self.state.changes
        return (len(changes), changes[-1][0]) if changes else (0, NO_HEAD)

    # What comes in.

    def receive(self, topic: str, payload: bytes) -> None:
        if self.up:
            self._waiting.append((topic, payload))

    def ingest(self, dies: bool = False) -> None:
        """Commit what has arrived and acknowledge it; `dies`: between the two."""
        if not self.up or not self._waiting:
            return
        messages, self._waiting = self._waiting, []
        answers, used = self.ledger.take(messages, round(self.wall * 1000))
        if used:
            self.change(sorted(used), announced=not dies)
        if dies:
            self.stop()
            return
        for topic, payload in answers:
            self.send(topic, payload)

    def stop(self) -> None:
        self.up = False
        self._waiting.clear()

    # The list.

    @property
    def wall(self) -> float:
        return EPOCH + self.now()

    def right(self, cti: bytes) -> Right:
        return self.state.rights.get(cti, Right())

    def set_right(self, cti: bytes, **changed: object) -> None:
        """Do something to a ticket: its standing, its generation."""
        self.state.rights[cti] = replace(self.right(cti), **changed)  # type: ignore[arg-type]
        self.change([cti])

    def undo(self, cti: bytes) -> None:
        if self.ledger.undo(cti):
            self.change([cti])

    def change(self, rights: list[bytes], announced: bool = True) -> None:
        """Put what is true now of some rights on the list."""
        sequence, previous = self.head
        rows = tuple(self._row(cti, sequence + 1) for cti in rights)
        delta = Delta(sequence + 1, previous, tickets=rows)
        sealed = seal(encode(delta), Purpose.LIST, KEYS[Purpose.LIST])
        self.state.changes.append((head_after(delta), sealed))
        if announced:
            self.send(self.topics.deltas(), sealed)

    def _row(self, cti: bytes, sequence: int) -> Row:
        right = self.right(cti)
        counted, undone = self.ledger.uses(cti, self._places)
        used = frozenset((use.admission, use.person) for use in counted)
        told = Told(sequence, self.state.line, self.now(), right, used, frozenset(undone))
        self.told.setdefault(cti, []).append(told)
        entry = Entry(
            0,
            standing=right.standing,
            least_generation=right.generation,
            elsewhere=counted,
            undone=undone,
        )
        return row(key_of(cti, LIST_KEY), entry)

    def snapshot(self) -> None:
        """Build a snapshot of the list and give it out."""
        sequence, head = self.head
        about = About(SCHEMA_VERSION, VENUE, LIST_KEY, sequence, head, int(self.wall))
        touched = {cti for cti, _ in self.ledger.spending()} | self.state.rights.keys()
        plain = self.pool.rows
        rows = [self._row(cti, sequence) if cti in touched else plain[cti] for cti in sorted(plain)]
        contents = Contents(about, self._classes(), self._events(), self._keys())
        self._snapshots += 1
        version = f"{VENUE}-{sequence}-{self._snapshots}"
        manifest = build(self._folder, version, contents, rows)
        packed = self._folder / f"{version}.db.zst"
        self.files[f"/device/list/{version}.db.zst"] = packed.read_bytes()
        packed.unlink()
        sealed = seal(encode(manifest), Purpose.LIST, KEYS[Purpose.LIST])
        self.files["/device/list/manifest"] = sealed

    def _classes(self) -> tuple[tuple[int, bytes], ...]:
        kind = TicketClass(AUDIENCE, 1, Words("成人票", "Adult"), {CHECKPOINT: 1})
        return ((0, encode(kind)),)

    def _events(self) -> tuple[tuple[str, bytes], ...]:
        return ((AUDIENCE, encode(EventRecord(AUDIENCE, Words("演出", "Show")))),)

    def _keys(self) -> tuple[tuple[bytes, bytes], ...]:
        record = KeyRecord(self.pool.kid, self.pool.key.public_key().public_bytes_raw())
        return ((self.pool.kid, encode(record)),)

    # What goes out by itself, and what is asked for.

    def beat(self) -> None:
        """Say how far the list goes and what time it is."""
        if not self.up:
            return
        sequence, head = self.head
        self._wall = max(self.wall, self._wall + 0.001)
        said = Heartbeat(VENUE, sequence, head, self._wall)
        sealed = seal(encode(said), Purpose.HEARTBEAT, KEYS[Purpose.HEARTBEAT])
        self.send(self.topics.heartbeat(), sealed)

    def answer(self, path: str) -> bytes | None:
        """Return what a GET of `path` gives; None: there is nothing."""
        where, _, asked = path.partition("?")
        value = asked.partition("=")[2]
        match where:
            case "/device/trust":
                return encode([ROLES] if int(value) < 1 else [])
            case "/device/time":
                said = TimeAnswer(bytes.fromhex(value), self.wall)
                return seal(encode(said), Purpose.TIME, KEYS[Purpose.TIME])
            case "/device/list/deltas":
                after = int(value)
                found = [sealed for _, sealed in self.state.changes[after : after + DELTAS_MAX]]
                return encode(found)
            case "/device/essentials":
                return self._sealed_essentials()
            case _:
                return self.files.get(where)

    def _sealed_essentials(self) -> bytes:
        sequence, _ = self.head
        if self._essentials is None or self._essentials[0] != sequence:
            gone = [
                one.serial
                for one in self.pool.tickets
                if self.right(one.cti).standing is not Standing.GOOD
            ]
            said = Essentials(
                *(VENUE, sequence + 1, sequence, int(self.wall)),
                *(self._classes(), self._events(), self._keys(), (pack(AUDIENCE, gone),)),
            )
            sealed = seal(encode(said), Purpose.ESSENTIALS, KEYS[Purpose.ESSENTIALS])
            self._essentials = sequence, sealed
        return self._essentials[1]

    # Backups.

    def take_backup(self) -> None:
        state = State(dict(self.state.rights), list(self.state.changes), self.state.line)
        self.backup = self.ledger.picture(), state

    def put_back(self) -> bool:
        """Go on from the backup; False if there is none."""
        if self.backup is None:
            return False
        picture, state = self.backup
        self.ledger.put_back(picture)
        self.state = State(dict(state.rights), list(state.changes), self.lines)
        self.lines += 1
        self._waiting.clear()
        self.snapshot()
        return True
