"""Central as the doors know it: its own ingest, list and operations, and who carries their words.

It commits first and acknowledges afterwards, and between the two it can be killed. Put back to a
backup it has forgotten what came since, and says so by what it no longer knows.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from central.core.papers import Step
from gatehouse.simulation.centrals.keys import ROLES, sealed
from gatehouse.simulation.centrals.tickets import LIST_KEY, VENUE, Pool
from gatehouse.simulation.machines.loop import aside
from gatehouse.simulation.machines.machine import EPOCH
from wire import cose
from wire.codec import decode, encode
from wire.command import AnyCommand, FreePass, HoldOpen, Order, kind
from wire.entry import Row, Standing, key_of, read
from wire.exchange import Answer, Answered, Asked, Question
from wire.signed import Purpose
from wire.signed_time import TimeAnswer
from wire.snapshot import Delta, Heartbeat
from wire.topic import Topics

Message = tuple[str, bytes]
DELTAS_MAX = 1000
DELEGATED_FROM, DELEGATED_UNTIL = int(EPOCH) - 3600, int(EPOCH) + 6 * 3600
"""The hours for which kiosks may exchange alone."""
ORDER_SECONDS = 60
ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Told:
    """What the list says of one right from a change on: for whoever holds decisions against it."""

    sequence: int
    line: int
    """Which chain: each time central is put back, another one begins."""
    at: float
    standing: Standing
    generation: int
    used: frozenset[tuple[bytes, int]]
    undone: frozenset[tuple[bytes, int]]


@dataclass(frozen=True, slots=True)
class PaperThere:
    """What central knows of one paper."""

    cti: bytes
    generation: int
    step: Step
    wall: float
    """When the kiosk wrote the newest of it, Unix seconds."""


@dataclass(frozen=True, slots=True)
class Given:
    """An order. Unix seconds."""

    kind: str
    expires: int
    until: int | None
    """Until when a lane is to stay open by it."""


class Central:
    """What both centrals have in common; `send(topic, payload)` publishes to whoever listens."""

    def __init__(self, pool: Pool, folder: Path, identities: list[str]) -> None:
        self.pool = pool
        self.topics = Topics(VENUE)
        self.lines = 1
        self.send: Callable[[str, bytes], None] = lambda _topic, _payload: None
        self.now: Callable[[], float] = lambda: 0.0
        self.up = True
        self.answers_claims = False
        """Whether it is the venue's ledger of claims."""
        self.on_said: Callable[[str, bytes], None] = lambda _topic, _payload: None
        self.on_told: Callable[[str, bytes], None] = lambda _topic, _payload: None
        """Hear what goes to ingest and what it answers."""
        self.given: dict[tuple[int, int], Given] = {}
        """(device, counter) -> what was said, of every order."""
        self._counters: dict[int, int] = {}
        self.told: dict[bytes, list[Told]] = {}
        self.delegated: tuple[int, ...] = ()
        """Kiosks that an admin gave leave to exchange alone, by number, in the order he did."""
        self.revoked: dict[int, int] = {}
        """Kiosk -> from which number on the list says that its key is not good."""
        self._identities = identities
        self._folder = folder
        self._by_key = {key_of(one.cti, LIST_KEY): one.cti for one in pool.tickets}
        self._waiting: list[Message] = []
        self._wall = 0.0
        self._published = 0

    # What each has of its own.

    def running(self) -> AbstractContextManager[None]:
        """Be there, with a venue in which nothing has happened yet."""
        raise NotImplementedError

    def head(self) -> tuple[int, bytes]:
        """Return how far the list goes."""
        raise NotImplementedError

    def take(self, messages: list[Message]) -> list[Message]:
        """Commit what the messages hold; return the answers."""
        raise NotImplementedError

    def begin(self) -> None:
        """Another life of ingest begins."""
        raise NotImplementedError

    def ask(self) -> list[Message]:
        """Return what holders of claims are to be asked."""
        raise NotImplementedError

    def open_claims(self) -> dict[bytes, int]:
        """Return how many claims were granted and not heard of since, by device."""
        raise NotImplementedError

    def claimed(self, cti: bytes) -> bool:
        """Whether a claim of a right is open here, of which no row speaks yet."""
        raise NotImplementedError

    def changes(self, after: int) -> list[tuple[int, bytes]]:
        """Return (number, envelope) of the changes after a number."""
        raise NotImplementedError

    def stand(self, cti: bytes, standing: Standing) -> None:
        """Block, refund or restore a ticket."""
        raise NotImplementedError

    def reissue_ticket(self, cti: bytes) -> None:
        raise NotImplementedError

    def code_generation(self, cti: bytes) -> int:
        """Return the generation of the code that its holder's phone shows."""
        raise NotImplementedError

    def exchange(self, device: int, asked: Asked) -> Answered:
        """Answer a kiosk's question."""
        raise NotImplementedError

    def revoke_key(self, device: int) -> None:
        raise NotImplementedError

    def papers(self) -> dict[tuple[int, bytes], PaperThere]:
        """Return what is known of every paper, by (device, its name)."""
        raise NotImplementedError

    def withdraw(self, cti: bytes) -> None:
        """Withdraw the newest use of a right, if there is one."""
        raise NotImplementedError

    def manifest(self) -> bytes:
        raise NotImplementedError

    def essentials(self) -> bytes:
        raise NotImplementedError

    def back_up(self) -> None:
        raise NotImplementedError

    def restore(self) -> bool:
        """Go on from the newest backup; False if there is none."""
        raise NotImplementedError

    def listed(self, rights: list[bytes]) -> list[Row]:
        """Return what the list would say of these rights now."""
        raise NotImplementedError

    def rows(self) -> dict[tuple[int, bytes, int], set[tuple[bytes, bytes]]]:
        """Return (hash, body) of every row by (device, epoch, seq), also of second ones."""
        raise NotImplementedError

    def conflicts(self) -> set[bytes]:
        """Return the rights of which it tells that they were used too often."""
        raise NotImplementedError

    def used(self, cti: bytes) -> dict[tuple[int, bytes, int], float]:
        """Return when a right was used, Unix seconds, by (device, admission, person)."""
        raise NotImplementedError

    def findings(self) -> dict[str, int]:
        """Return how often it found what, by kind."""
        raise NotImplementedError

    # What comes in.

    @property
    def wall(self) -> float:
        return EPOCH + self.now()

    def receive(self, topic: str, payload: bytes) -> None:
        if self.up:
            self.on_said(topic, payload)
            self._waiting.append((topic, payload))

    @aside
    def ingest(self, dies: bool = False) -> None:
        """Commit what has arrived and acknowledge it; `dies`: between the two."""
        if not self.up:
            return
        messages, self._waiting = self._waiting, []
        answers = self.take(messages) if messages else []
        if messages:
            self._publish(announced=not dies)
        if dies and messages:
            self.stop()
            return
        for topic, payload in (*answers, *(self.ask() if self.answers_claims else ())):
            self.on_told(topic, payload)
            self.send(topic, payload)

    def stop(self) -> None:
        self.up = False
        self._waiting.clear()
        self.begin()

    # The list.

    def _publish(self, announced: bool = True) -> None:
        """Send the changes that are new, and note what they say."""
        for sequence, envelope in self.changes(self._published):
            delta = decode(cose.parts(envelope)[1], Delta)
            self._note(sequence, delta.tickets)
            self._published = sequence
            if announced:
                self.send(self.topics.deltas(), envelope)

    def _note(self, sequence: int, rows: Iterable[Row]) -> None:
        for row in rows:
            entry = read(row)
            told = Told(
                *(sequence, self.lines - 1, self.now(), entry.standing, entry.least_generation),
                frozenset((use.admission, use.person) for use in entry.elsewhere),
                frozenset(entry.undone),
            )
            self.told.setdefault(self._by_key[row.key], []).append(told)

    def generation(self, cti: bytes) -> int:
        history = self.told.get(cti)
        return history[-1].generation if history else 0

    def good(self, cti: bytes) -> bool:
        history = self.told.get(cti)
        return not history or history[-1].standing is Standing.GOOD

    @aside
    def set_standing(self, cti: bytes, standing: Standing) -> None:
        self.stand(cti, standing)
        self._publish()

    @aside
    def reissue(self, cti: bytes) -> None:
        self.reissue_ticket(cti)
        self._publish()

    @aside
    def revoke(self, device: int) -> None:
        """End a kiosk's leave to exchange alone."""
        if self.up and device in self.delegated:
            self.revoke_key(device)
            self._publish()
            self.revoked.setdefault(device, self._published)

    @aside
    def undo(self, cti: bytes) -> None:
        self.withdraw(cti)
        self._publish()

    def order(self, device: int, command: AnyCommand) -> int:
        """Give one order to one device, counted and sealed; 0: nobody is there to give it."""
        if not self.up:
            return 0
        counter = self._counters.get(device, 0) + 1
        self._counters[device] = counter
        identity, issued = self._identities[device - 1], int(self.wall)
        expires = issued + ORDER_SECONDS
        until = command.until if isinstance(command, HoldOpen | FreePass) else None
        self.given[device, counter] = Given(kind(command), expires, until)
        said = Order(bytes.fromhex(identity), counter, issued, expires, ADMIN, command)
        self.send(self.topics.command(identity), sealed(encode(said), Purpose.COMMAND))
        return counter

    @aside
    def phone_generation(self, cti: bytes) -> int:
        return self.code_generation(cti)

    @aside
    def rows_there(self) -> dict[tuple[int, bytes, int], set[tuple[bytes, bytes]]]:
        return self.rows()

    @aside
    def papers_there(self) -> dict[tuple[int, bytes], PaperThere]:
        return self.papers()

    # What goes out by itself, and what is asked for.

    @aside
    def beat(self) -> None:
        """Say how far the list goes and what time it is."""
        if not self.up:
            return
        sequence, head = self.head()
        self._wall = max(self.wall, self._wall + 0.001)
        said = Heartbeat(VENUE, sequence, head, self._wall)
        self.send(self.topics.heartbeat(), sealed(encode(said), Purpose.HEARTBEAT))

    @aside
    def answer(self, path: str) -> bytes | None:
        """Return what a GET of `path` gives; None: there is nothing."""
        where, _, asked = path.partition("?")
        value = asked.partition("=")[2]
        match where:
            case "/device/trust":
                return encode([ROLES] if int(value) < 1 else [])
            case "/device/time":
                return sealed(encode(TimeAnswer(bytes.fromhex(value), self.wall)), Purpose.TIME)
            case "/device/list/deltas":
                found = self.changes(int(value))[:DELTAS_MAX]
                return encode([envelope for _, envelope in found])
            case "/device/list/manifest":
                return self.manifest()
            case "/device/essentials":
                return self.essentials()
            case _:
                packed = self._folder / Path(where).name
                return packed.read_bytes() if packed.name.endswith(".db.zst") else None

    @aside
    def asked(self, device: int, question: bytes) -> bytes:
        """Return the answer to what a kiosk posts."""
        told = self.exchange(device, decode(question, Question).asked)
        self._publish()
        return encode(Answer(told))

    # Backups.

    @aside
    def take_backup(self) -> None:
        self.back_up()

    @aside
    def put_back(self) -> bool:
        """Go on from the backup: what came since is forgotten. False if there is none."""
        if not self.restore():
            return False
        self._waiting.clear()
        self.lines += 1
        self._published = self.head()[0]
        self._note(self._published, self.listed(sorted(self.told)))
        return True
