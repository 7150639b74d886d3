"""A central of the same words and the same SQL, and nothing else: so fast that the gates are what

costs. What Django's models say of a ticket is repeated here; a test holds both against each other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from central.lists.build import Contents, build
from gatehouse.simulation.central import Central, Message, sealed
from gatehouse.simulation.ledger import Ledger
from gatehouse.simulation.machine import EPOCH
from gatehouse.simulation.tickets import (
    AUDIENCE,
    CHECKPOINT,
    LIST_KEY,
    ROTATION_KEY,
    VENUE,
    Pool,
)
from rules.ticket_class import EventRecord, TicketClass
from wire.codec import encode
from wire.entry import Entry, Row, Standing, key_of, row
from wire.essentials import Essentials, pack
from wire.key import KeyRecord
from wire.signed import Purpose
from wire.snapshot import SCHEMA_VERSION, About, Delta, head_after
from wire.words import Words

NO_HEAD = bytes(32)
KIND = encode(TicketClass(AUDIENCE, 1, Words("成人票", "Adult"), {CHECKPOINT: 1}))
SHOW = encode(EventRecord(AUDIENCE, Words("演出", "Show"), rotation_key=ROTATION_KEY))


@dataclass(frozen=True, slots=True)
class Right:
    standing: Standing = Standing.GOOD
    generation: int = 0


@dataclass(slots=True)
class State:
    """What is in the database besides the ledger."""

    rights: dict[bytes, Right] = field(default_factory=dict)
    changes: list[tuple[bytes, bytes]] = field(default_factory=list)
    """(head, envelope) of change 1, 2, …"""

    def copy(self) -> "State":
        return State(dict(self.rights), list(self.changes))


class LightCentral(Central):
    def __init__(self, pool: Pool, folder: Path, identities: list[str]) -> None:
        super().__init__(pool, folder, identities)
        numbers = {identity: number for number, identity in enumerate(identities, 1)}
        self._ledger = Ledger(self.topics, numbers)
        self._state = State()
        self._backup: tuple[bytes, State] | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        name, content, _ = _first_list(self.pool, str(self._folder))
        (self._folder / name).write_bytes(content)
        try:
            yield
        finally:
            self._ledger.close()

    def head(self) -> tuple[int, bytes]:
        changes = self._state.changes
        return (len(changes), changes[-1][0]) if changes else (0, NO_HEAD)

    def take(self, messages: list[Message]) -> list[Message]:
        answers, used = self._ledger.take(messages, round(self.wall * 1000))
        listed = sorted(used & self.pool.rows.keys())
        if listed:
            self._change(listed)
        return answers

    def _change(self, rights: list[bytes]) -> None:
        sequence, previous = self.head()
        delta = Delta(sequence + 1, previous, tickets=tuple(self.listed(rights)))
        self._state.changes.append((head_after(delta), sealed(encode(delta), Purpose.LIST)))

    def changes(self, after: int) -> list[tuple[int, bytes]]:
        found = self._state.changes[after:]
        return [(number, envelope) for number, (_, envelope) in enumerate(found, after + 1)]

    def stand(self, cti: bytes, standing: Standing) -> None:
        self._state.rights[cti] = replace(self._right(cti), standing=standing)
        self._change([cti])

    def reissue_ticket(self, cti: bytes) -> None:
        right = self._right(cti)
        self._state.rights[cti] = replace(right, generation=right.generation + 1)
        self._change([cti])

    def withdraw(self, cti: bytes) -> None:
        if self._ledger.undo(cti):
            self._change([cti])

    def _right(self, cti: bytes) -> Right:
        return self._state.rights.get(cti, Right())

    def manifest(self) -> bytes:
        return _first_list(self.pool, str(self._folder))[2]

    def essentials(self) -> bytes:
        sequence, _ = self.head()
        gone = [
            self.pool.by_cti[cti].serial
            for cti, right in self._state.rights.items()
            if right.standing is not Standing.GOOD
        ]
        said = Essentials(
            *(VENUE, sequence + 1, sequence, int(self.wall)),
            *(((1, KIND),), ((AUDIENCE, SHOW),), _keys(self.pool), (pack(AUDIENCE, gone),)),
        )
        return sealed(encode(said), Purpose.ESSENTIALS)

    def back_up(self) -> None:
        self._backup = self._ledger.picture(), self._state.copy()

    def restore(self) -> bool:
        if self._backup is None:
            return False
        picture, state = self._backup
        self._ledger.put_back(picture)
        self._state = state.copy()
        return True

    def listed(self, rights: list[bytes]) -> list[Row]:
        rows: list[Row] = []
        for cti in rights:
            right = self._right(cti)
            counted, undone = self._ledger.uses(cti)
            entry = Entry(
                1,
                standing=right.standing,
                least_generation=right.generation,
                elsewhere=counted,
                undone=undone,
            )
            rows.append(row(key_of(cti, LIST_KEY), entry))
        return rows

    def rows(self) -> dict[tuple[int, bytes, int], set[tuple[bytes, bytes]]]:
        return self._ledger.rows()

    def conflicts(self) -> set[bytes]:
        found = self._ledger.spending()
        return {
            cti
            for (cti, _), times in found.items()
            if times > (self.pool.by_cti[cti].quantity if cti in self.pool.rows else 1)
        }

    def used(self, cti: bytes) -> dict[tuple[int, bytes, int], float]:
        return self._ledger.used(cti)

    def findings(self) -> dict[str, int]:
        return self._ledger.incidents()


def _keys(pool: Pool) -> tuple[tuple[bytes, bytes], ...]:
    record = KeyRecord(pool.kid, pool.key.public_key().public_bytes_raw())
    return ((pool.kid, encode(record)),)


_made: dict[int, tuple[str, bytes, bytes]] = {}


def _first_list(pool: Pool, folder: str) -> tuple[str, bytes, bytes]:
    """Return (name, packed snapshot, sealed manifest) of the list before anything happens.

    The only snapshot there is: what came since is in the changes, also after a restore.
    """
    size = len(pool.tickets)
    if size not in _made:
        about = About(SCHEMA_VERSION, VENUE, LIST_KEY, 0, NO_HEAD, int(EPOCH))
        contents = Contents(about, ((1, KIND),), ((AUDIENCE, SHOW),), _keys(pool))
        version = f"{VENUE}-0-{size}"
        manifest = build(Path(folder), version, contents, pool.rows.values())
        packed = Path(folder) / f"{version}.db.zst"
        envelope = sealed(encode(manifest), Purpose.LIST)
        _made[size] = (packed.name, packed.read_bytes(), envelope)
    return _made[size]
