"""A central of the same words and the same SQL, and nothing else: so fast that the gates are what

costs. What Django's models say of a ticket is repeated here; a test holds both against each other.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from central.lists.build import Contents, build
from gatehouse.simulation.centrals.central import Central, Message, PaperThere
from gatehouse.simulation.centrals.central_claims import Claims, Granted
from gatehouse.simulation.centrals.keys import sealed
from gatehouse.simulation.centrals.ledger import Ledger
from gatehouse.simulation.centrals.office import Books, Office, Right
from gatehouse.simulation.centrals.tickets import (
    AUDIENCE,
    CHECKPOINT,
    KIND_NAME,
    LIST_KEY,
    ROTATION_KEY,
    SHOW_NAME,
    VENUE,
    Pool,
)
from gatehouse.simulation.machines.machine import EPOCH
from rules.ticket_class import EventRecord, TicketClass
from wire.codec import encode
from wire.entry import Entry, Row, Standing, key_of, row
from wire.essentials import Essentials, pack
from wire.exchange import Answered, Asked, AskKeys
from wire.key import KeyRecord
from wire.signed import Purpose
from wire.snapshot import SCHEMA_VERSION, About, Delta, head_after

NO_HEAD = bytes(32)
KIND_RECORD = TicketClass(AUDIENCE, 1, KIND_NAME, {CHECKPOINT: 1})
SHOW_RECORD = EventRecord(AUDIENCE, SHOW_NAME, rotation_key=ROTATION_KEY)
KIND, SHOW = encode(KIND_RECORD), encode(SHOW_RECORD)


class LightCentral(Central):
    def __init__(self, pool: Pool, folder: Path, identities: list[str]) -> None:
        super().__init__(pool, folder, identities)
        numbers = {identity: number for number, identity in enumerate(identities, 1)}
        self._office = Office(pool, KIND_RECORD, SHOW_RECORD, lambda: self.wall)
        self._office.publish = lambda records: self._change([], records)
        self._ledger = Ledger(self.topics, numbers, self._office.note)
        told = (self.topics, self._ledger, self._office, identities)
        self._claims = Claims(*told, lambda: self.now(), lambda: self.wall)
        self._office.uses = lambda cti: (*self._ledger.told(cti), *self._claims.claimed(cti))
        self._changes: list[tuple[bytes, bytes]] = []
        """(head, envelope) of change 1, 2, …"""
        self._backup: tuple[bytes, Books, list[tuple[bytes, bytes]], Granted] | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        name, content, _ = _first_list(self.pool, str(self._folder))
        (self._folder / name).write_bytes(content)
        try:
            yield
        finally:
            self._ledger.close()

    def head(self) -> tuple[int, bytes]:
        changes = self._changes
        return (len(changes), changes[-1][0]) if changes else (0, NO_HEAD)

    def take(self, messages: list[Message]) -> list[Message]:
        self._ledger.claims = self._claims if self.answers_claims else None
        answers, used, papers = self._ledger.take(messages, round(self.wall * 1000))
        self._office.raise_generations(papers & self.pool.rows.keys())
        listed = sorted((used | papers) & self.pool.rows.keys())
        if listed:
            self._change(listed)
        return answers

    def begin(self) -> None:
        self._claims.begin()

    def ask(self) -> list[Message]:
        return self._claims.ask()

    def open_claims(self) -> dict[bytes, int]:
        return Counter(device for device, _ in self._claims.unheard())

    def claimed(self, cti: bytes) -> bool:
        return bool(self._claims.claimed(cti))

    def _change(self, rights: list[bytes], keys: Iterable[KeyRecord] = ()) -> None:
        sequence, previous = self.head()
        tickets = tuple(self.listed(rights))
        named = tuple((one.kid, encode(one)) for one in keys)
        delta = Delta(sequence + 1, previous, tickets=tickets, signing_keys=named)
        self._changes.append((head_after(delta), sealed(encode(delta), Purpose.LIST)))

    def changes(self, after: int) -> list[tuple[int, bytes]]:
        found = self._changes[after:]
        return [(number, envelope) for number, (_, envelope) in enumerate(found, after + 1)]

    def stand(self, cti: bytes, standing: Standing) -> None:
        self._office.books.rights[cti] = replace(self._right(cti), standing=standing)
        self._change([cti])

    def reissue_ticket(self, cti: bytes) -> None:
        right = self._right(cti)
        following = right.following
        self._office.books.rights[cti] = replace(right, generation=following, code=following)
        self._change([cti])

    def code_generation(self, cti: bytes) -> int:
        return self._right(cti).code

    def exchange(self, device: int, asked: Asked) -> Answered:
        if isinstance(asked, AskKeys):
            return self._office.keys_of(device, asked, self.delegated)
        return self._office.answer(device, asked)

    def revoke_key(self, device: int) -> None:
        self._office.revoke_key(device)

    def papers(self) -> dict[tuple[int, bytes], PaperThere]:
        return {
            name: PaperThere(row.cti, row.generation, row.step, row.wall_ms / 1000)
            for name, row in self._office.books.papers.items()
        }

    def withdraw(self, cti: bytes) -> None:
        if self._ledger.undo(cti):
            self._change([cti])

    def _right(self, cti: bytes) -> Right:
        return self._office.books.right(cti)

    def manifest(self) -> bytes:
        return _first_list(self.pool, str(self._folder))[2]

    def essentials(self) -> bytes:
        sequence, _ = self.head()
        gone = [
            self.pool.by_cti[cti].serial
            for cti, right in self._office.books.rights.items()
            if right.standing is not Standing.GOOD
        ]
        made = self._office.books.keys.values()
        keys = (*_keys(self.pool), *((one.kid, encode(one)) for one in made))
        said = Essentials(
            *(VENUE, sequence + 1, sequence, int(self.wall)),
            *(((1, KIND),), ((AUDIENCE, SHOW),), keys, (pack(AUDIENCE, gone),)),
        )
        return sealed(encode(said), Purpose.ESSENTIALS)

    def back_up(self) -> None:
        self._backup = (
            *(self._ledger.picture(), self._office.books.copy(), list(self._changes)),
            self._claims.granted.copy(),
        )

    def restore(self) -> bool:
        if self._backup is None:
            return False
        picture, books, changes, granted = self._backup
        self._claims.granted = granted.copy()
        self._ledger.put_back(picture)
        self._office.books, self._changes = books.copy(), list(changes)
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
