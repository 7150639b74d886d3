"""Harnesses of what a device is told: by the broker, over HTTP, by who answers in central's name.

Where an envelope stands in the way the input is sealed by the right key first: a broker that lies
is met by `unsealed`, a central that errs, or is older or newer than the device, by the rest.
"""

import hashlib
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path

from edge.core import delivery, obedience, zone_text
from edge.core.delivery_terms import Acked, AnySignal, Command, Delivery, Known, Save, Signal, Tops
from edge.core.heartbeat import Heartbeats, hear
from edge.core.lane import State
from edge.core.moment import Moment
from edge.core.obedience import Door, Situation
from edge.core.strays import Stray
from edge.gate.config import GateConfig, settings_of
from edge.runtime import config
from edge.runtime.config import ConfigError
from edge.store.changes import ListDamaged, check_delta
from edge.store.essentials import Reading
from edge.store.list_writer import WhitelistWriter
from edge.sync.config import LinkConfig
from edge.sync.deltas import UnusableDelta, answered, chained
from tests.device import ListMaker, ticket
from tests.fuzz.harness import Harness, Taken
from tests.small_central import ListKeeper
from tests.trusted import key, roles, sealed, trusting
from wire import entry, staff_card
from wire.codec import WireError, decode, encode
from wire.command import HoldOpen, LockEntry, OpenOnce, Order, Reload
from wire.configuration import Desired
from wire.delivery import Ack
from wire.entry import Entry, UseElsewhere, key_of
from wire.essentials import Essentials, pack
from wire.signed import (
    Purpose,
    Roles,
    Signers,
    Trust,
    bundle,
    following_trust,
    pin,
    pinned_trust,
    seal,
)
from wire.signed_time import TimeAnswer
from wire.snapshot import Delta, Heartbeat, Manifest

DEVICE, EPOCH, OTHER = bytes(range(8)), b"epoch--1", b"epoch--2"
NOW = Moment(1_780_000_000.0, 100.0)
PURPOSES = tuple(one for one in Purpose if one is not Purpose.ROLES)


@cache
def trust() -> Trust:
    return pinned_trust(roles(), pin(roles()))


@cache
def folder() -> Path:
    """A folder of this process's own, in memory where there is any."""
    memory = Path("/dev/shm")
    kept = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
    _kept.append(kept)
    return Path(kept.name)


_kept: list[tempfile.TemporaryDirectory[str]] = []


def acked(data: bytes) -> bool:
    """Whatever central, or somebody in its name, acknowledges: never more than there is."""
    try:
        ack = decode(data, Ack)
    except WireError:
        return False
    assert decode(encode(ack), Ack) == ack
    epochs = Tops((Known(EPOCH, 700, 3), Known(OTHER, 9, 0)))
    state, performed = Delivery(), list[Command]()
    signals: tuple[AnySignal, ...] = (
        epochs,
        Signal.CONNECTED,
        Acked(Ack(EPOCH, 3)),
        Acked(ack),
        Signal.DUE,
    )
    for number, signal in enumerate(signals):
        state, commands = delivery.step(state, signal, Moment(NOW.wall, 100.0 + number))
        performed += commands
    for books in state.books:
        assert 0 <= books.acknowledged <= books.top
    for command in performed:
        if isinstance(command, Save):
            assert command.upto <= {EPOCH: 700, OTHER: 9}[command.epoch]
    return ack.epoch in (EPOCH, OTHER)


def unsealed(data: bytes) -> bool:
    """An envelope of anybody's: refused, whoever it claims to be from."""
    purpose = PURPOSES[sum(data) % len(PURPOSES)]
    try:
        trust().unseal(data, purpose)
    except WireError:
        return False
    assert data == sealed(trust().unseal(data, purpose), purpose)
    return True


def heartbeat(payload: bytes) -> bool:
    try:
        said = decode(
            trust().unseal(sealed(payload, Purpose.HEARTBEAT), Purpose.HEARTBEAT), Heartbeat
        )
    except WireError:
        return False
    assert encode(decode(encode(said), Heartbeat)) == encode(said)
    heard, _ = hear(Heartbeats(), NOW.wall, 99.0)
    heard, at = hear(heard, said.wall, 100.0)
    assert at is None or at <= 100.0
    _, again = hear(heard, said.wall, 101.0)
    assert again is None, "one that was heard before"
    return at is not None


def time_told(payload: bytes) -> bool:
    envelope = sealed(payload, Purpose.TIME)
    try:
        answer = decode(trust().unseal(envelope, Purpose.TIME), TimeAnswer)
    except WireError:
        return False
    assert encode(decode(encode(answer), TimeAnswer)) == encode(answer)
    return True


def delta(payload: bytes) -> bool:
    """A change of the list: one that is taken can be read by every door, to its last row."""
    envelope = sealed(payload, Purpose.LIST)
    try:
        read = chained(envelope, trust().unseal)
    except WireError:
        return False
    assert read.head == hashlib.sha256(payload).digest()
    try:
        check_delta(read.delta)
    except ListDamaged:
        return False
    for row in read.delta.tickets:
        found = entry.read(row)
        assert entry.read(entry.row(row.key, found)) == found
    return True


def deltas(data: bytes) -> bool:
    """What central answers when changes are asked for."""
    try:
        read = answered(data, trust().unseal)
    except (WireError, UnusableDelta):
        return False
    return bool(read)


def manifest(payload: bytes) -> bool:
    try:
        said = decode(trust().unseal(sealed(payload, Purpose.LIST), Purpose.LIST), Manifest)
    except WireError:
        return False
    assert decode(encode(said), Manifest) == said
    return True


def snapshot(content: bytes) -> bool:
    """A list that central signed and built wrongly: installed only if a door can read all of it."""
    lists = folder() / "lists"
    trusting(lists)
    made = lists / "made.db"
    made.write_bytes(content)
    digest = hashlib.sha256(content).digest()
    about = (0, bytes(32), 0, b"", len(content), digest, 2, 1_780_000_000, 1 << 20, b"")
    said = Manifest("venue", "v1", *about)
    writer = WhitelistWriter(lists, trusting(lists))
    try:
        writer.install("v1", made, sealed(encode(said), Purpose.LIST))
    except (ListDamaged, WireError):
        return False
    return writer.current is not None


def command(payload: bytes) -> bool:
    """An order: obeyed, answered with why not, or a stray. It never opens more than it names."""
    envelope = sealed(payload, Purpose.COMMAND)
    order = obedience.read(trust().unseal(envelope, Purpose.COMMAND), DEVICE)
    if isinstance(order, Stray):
        obedience.turned_away(None, order, 3)
        return False
    doors = (Door("A1", True, State.CLOSED, False), Door("B1", False, State.CLOSED, False))
    situation = Situation(100.0, NOW.wall, doors, fire=bool(payload[-1] & 1), sets_clock=True)
    answer = obedience.judge(order, 3, situation)
    if isinstance(answer, Stray):
        obedience.turned_away(order, answer, 3)
        return False
    assert answer.counter == order.counter > 3
    assert answer.done or answer.why
    if isinstance(order, Order):
        assert encode(decode(encode(order), Order)) == encode(order)
        if answer.done:
            told = obedience.signals(order, situation)
            named = getattr(order.command, "lane", "")
            assert all(lane == named or not named for lane, _ in told)
            return True
    return False


def configuration(payload: bytes) -> bool:
    """What a zone is to be: taken only if the door's own reading takes it."""
    desired = zone_text.read(payload, DEVICE, 2)
    if isinstance(desired, Stray):
        return False
    text = zone_text.text(desired)
    assert zone_text.version(text) == desired.version or desired.version >= 10**18
    return zone(text.encode("utf-8", errors="surrogatepass"))


def zone(data: bytes) -> bool:
    zone_text.version(data.decode("utf-8", errors="replace"))
    return _good(lambda: settings_of(data, "a.toml"))


def machine(data: bytes) -> bool:
    """gate.toml and link.toml, which people write and enrolment brings."""
    gate, link = (
        _good(lambda kind=kind: config.parse(data, "a.toml", kind))  # type: ignore[misc]
        for kind in (GateConfig, LinkConfig)
    )
    return gate | link


def _good(read: Callable[[], object]) -> bool:
    try:
        read()
    except ConfigError as error:
        said = str(error)
    else:
        return True
    assert said.startswith("a.toml: ")
    assert "\n" not in said, "more than a sentence"
    return False


def essentials(payload: bytes) -> bool:
    envelope = sealed(payload, Purpose.ESSENTIALS)
    try:
        said = decode(trust().unseal(envelope, Purpose.ESSENTIALS), Essentials)
        reading = Reading(said)
    except WireError:
        return False
    reading.look_up(ticket(1))
    assert encode(decode(encode(said), Essentials)) == encode(said)
    return True


def followed(payload: bytes) -> bool:
    """The next roles, signed by the root: believed only if they follow and somebody can sign."""
    try:
        after = following_trust(bundle([seal(payload, Purpose.ROLES, key("root"))]), trust())
    except WireError:
        return False
    assert after.roles.version == 2
    for signers in (after.roles.root, *after.roles.signers.values()):
        assert 1 <= signers.threshold <= len(signers.keys)
    return True


def bundled(data: bytes) -> bool:
    """Roles of anybody's: none but the pinned ones, none that do not follow."""
    taken = Taken(data)
    try:
        if taken.byte() & 1:
            following_trust(taken.rest(), trust())
        else:
            content = taken.rest()
            pinned_trust(content, pin(content))
    except WireError:
        return False
    return True


def _order(counter: int, what: object) -> bytes:
    return encode(Order(DEVICE, counter, 1_779_999_990, 1_780_000_100, "chief", what))  # type: ignore[arg-type]


def _delta() -> bytes:
    used = UseElsewhere("hall", b"admission001", 1, 1_780_000_000, "Gate 2")
    some = (Entry(0), Entry(0, elsewhere=(used,), undone=((b"admission002", 1),)), Entry(1, leg=2))
    rows = tuple(entry.row(key_of(ticket(n).cti, bytes(32)), one) for n, one in enumerate(some))
    return encode(Delta(1, bytes(32), rows, signing_keys=((b"k1", b"\xa0"),)))


def _lists() -> list[bytes]:
    made = ListMaker(Path(tempfile.mkdtemp(dir=folder()))).make("v1", range(2))
    found = []
    for change in ("SELECT 1", "UPDATE class SET body = 7", "UPDATE meta SET value = 7"):
        with closing(sqlite3.connect(made.path, isolation_level=None)) as database:
            # Small inputs are tried faster.
            database.executescript(f"PRAGMA page_size = 512; {change}; VACUUM;")
        found.append(made.path.read_bytes())
    return found


def _keeper() -> ListKeeper:
    keeper = ListKeeper(Path(tempfile.mkdtemp(dir=folder())))
    keeper.revoked = [1, 2, 300]
    keeper.change(2)
    return keeper


def _roles(version: int) -> bytes:
    one = Signers((key("list").public_key().public_bytes_raw(),))
    root = Signers((key("root").public_key().public_bytes_raw(),))
    return encode(Roles(version, "venue", root, {"list": one, "time": one}))


VERSION_LINE = b"# version 3, as central wants it\n"
CARD = f'[[staff]]\nname = "Li"\ndigest = "{staff_card.digest(bytes(20))}"\n'
ZONE = b'checkpoint = "hall"\nzone = "\xe5\xa4\xa7\xe5\x8e\x85"\noffline_hours_max = 3.5\n'
GATE = b'[[lane]]\nname = "A1"\nrelay = { kind = "modbus", path = "/dev/x", coil = 0 }\n'
LINK = b'[broker]\nport = 1883\n[central]\nurl = "http://127.0.0.1:1"\ntoken = "t"\n'
BEAT = Heartbeat("venue", 2, bytes(32), 1_780_000_001.5, 1, 1)
SHOWN = Essentials("venue", 1, 0, 0, (), (), (), (pack("SHOW", [1, 77]),))

HARNESSES = (
    Harness(
        "ack",
        acked,
        lambda: [
            encode(Ack(EPOCH, 300, ((400, 410),))),
            encode(Ack(OTHER, 9)),
            encode(Ack(EPOCH, 1)),
        ],
        values=True,
        share=2,
    ),
    Harness(
        "envelope",
        unsealed,
        lambda: [sealed(b"payload", one) for one in PURPOSES],
        share=2,
    ),
    Harness("heartbeat", heartbeat, lambda: [encode(BEAT)], values=True),
    Harness(
        "time", time_told, lambda: [encode(TimeAnswer(bytes(16), 1_780_000_000.5))], values=True
    ),
    Harness("delta", delta, lambda: [_delta(), encode(Delta(2, bytes(32)))], values=True),
    Harness("deltas", deltas, lambda: [encode(_keeper().deltas)], values=True),
    Harness(
        "manifest",
        manifest,
        lambda: [
            encode(Manifest("v", "v1", 1, bytes(32), 1, bytes(32), 1, bytes(32), 1, 1, 9, b""))
        ],
        values=True,
    ),
    Harness("snapshot", snapshot, _lists, slow=True),
    Harness(
        "command",
        command,
        lambda: [
            _order(4, OpenOnce("A1", "a wheelchair")),
            _order(5, HoldOpen("A1", 1_780_000_500)),
            _order(6, LockEntry()),
            _order(7, Reload()),
        ],
        values=True,
    ),
    Harness(
        "configuration",
        configuration,
        lambda: [encode(Desired(DEVICE, 3, ZONE.decode()))],
        values=True,
    ),
    Harness("zone", zone, lambda: [ZONE, VERSION_LINE + ZONE, ZONE + CARD.encode()]),
    Harness("machine", machine, lambda: [GATE, LINK]),
    Harness("essentials", essentials, lambda: [encode(SHOWN)], values=True),
    Harness("roles", followed, lambda: [_roles(2), _roles(3)], values=True),
    Harness("roles-bundled", bundled, lambda: [b"\0" + roles(), b"\1" + roles()], values=True),
)
