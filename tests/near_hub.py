"""Two kiosks that have lost central, and the venue's hub: its own ledger and store, no network."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import structs

from edge.core.moment import Moment
from edge.hub import reading
from edge.hub.ledger import Ledger
from edge.runtime.intercom import ClaimTold
from edge.store.claims import ClaimStore
from edge.store.outbox import JournalReader
from rules.term import SETTLING_SECONDS
from tests.core.test_delegated import DELEGATED
from tests.daemons.test_gate import recorded_by
from tests.daemons.test_kiosk_alone import ALONE, put_on_the_list
from tests.device import BOOT, stamp, ticket
from tests.kiosks import Fuse, Kiosk, Office, kiosk, make_list
from tests.trusted import key
from wire import claim as wire
from wire.chain import GENESIS
from wire.claim import Claim, Denied, Granted, read_told
from wire.codec import encode
from wire.delivery import Batch
from wire.event import AnyEvent, ClockQuality
from wire.key import Status
from wire.row import encode_row
from wire.signed import Purpose, unsealed_by
from wire.topic import Topics

ONE, TWO, GATE = b"kiosk--1", b"kiosk--2", b"gate---1"
NAMES = {ONE: "Kiosk 1", TWO: "Kiosk 2", GATE: "Gate 1"}
KEY = key("hub")
TOPICS = Topics("venue")
WALL = 1_780_000_000.0


class Hub:
    """The hub's ledger and store, on a clock of their own."""

    public = KEY.public_key().public_bytes_raw().hex()

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.uptime = 100.0
        self._drawn = 0
        self.answers = True
        self.heard: list[wire.FromDevice] = []
        self.begin()

    def begin(self) -> None:
        """Start, anew if it was there before."""
        self._store = ClaimStore(self._folder)
        self.ledger = Ledger(self._store, KEY, TOPICS, self.now(), NAMES)

    def restart(self) -> None:
        self._store.close()
        self.begin()

    def now(self) -> Moment:
        return Moment(WALL + self.uptime, self.uptime, ClockQuality.UNCONFIRMED)

    def hear(self, device: bytes, payload: bytes) -> list[bytes]:
        """Take what a device says; return what the hub tells it, sealed."""
        self.heard.append(wire.read_said(payload))
        return self._take(device, "claim", payload) if self.answers else []

    def claim(self, number: int, generation: int = 0) -> Granted | Denied:
        """A gate claims a ticket's right."""
        self._drawn += 1
        cti, name = ticket(number).cti, b"admission%03d" % self._drawn
        asked = Claim(name, cti, "hall", 1, generation=generation, lane="A1")
        (told,) = self._take(GATE, "claim", wire.write(asked))
        word = read_told(
            unsealed_by(told, Purpose.CLAIM, KEY.public_key().public_bytes_raw()), GATE
        )
        assert isinstance(word, Granted | Denied)
        return word

    def rows(self, first: int, *happened: AnyEvent) -> None:
        """The gate's journal."""
        bodies = tuple(encode_row(one, stamp()) for one in happened)
        self._take(GATE, "live", encode(Batch(b"epoch--1", first, GENESIS, bodies)))

    def journal(self, one: Kiosk) -> None:
        """Hear all that a kiosk's journal holds."""
        reader = JournalReader(one.folder, one.device)
        for epoch in reader.epochs():
            batch = reader.batch(epoch.epoch, 1, 10_000)
            assert batch
            self._take(one.device, "live", encode(batch))
        reader.close()

    def asks(self, one: Kiosk) -> int:
        """So long after, ask whoever is silent; return how many questions that were."""
        self.uptime += SETTLING_SECONDS
        mine = TOPICS.claim_answer(one.device.hex())
        found = [payload for topic, payload in self.ledger.ask(self.now()) if topic == mine]
        for envelope in found:
            one.line.say(ClaimTold(envelope))
        return len(found)

    def _take(self, device: bytes, kind: str, payload: bytes) -> list[bytes]:
        said = reading.read(device, kind, payload)
        assert said
        answers = self.ledger.take([said], self.now())
        return [told for topic, told in answers if topic == TOPICS.claim_answer(device.hex())]


@dataclass
class Venue:
    folder: Path
    hub: Hub
    keys: dict[bytes, bytes] = field(default_factory=dict)

    def publish(self, device: bytes, public: bytes, status: Status = Status.ACTIVE) -> None:
        """Put the key of a kiosk on the list of both."""
        self.keys[device] = public
        for place in (self.place(ONE), self.place(TWO)):
            kid = device[-2:]
            record = structs.replace(DELEGATED, kid=kid, public=public, status=status)
            put_on_the_list(place, record)

    def revoke(self, device: bytes) -> None:
        self.publish(device, self.keys[device], Status.REVOKED)

    def place(self, device: bytes) -> Path:
        return self.folder / device.decode()

    @asynccontextmanager
    async def kiosk(
        self,
        device: bytes,
        fuse: Fuse | None = None,
        boot: bytes = BOOT,
        sheet_seconds: float = 0.0,
    ) -> AsyncIterator[Kiosk]:
        """A kiosk that has had its key from central, which is away now."""
        here = self.place(device)
        office = Office(lambda: recorded_by(here, device))

        def publish(held: dict[str, bytes]) -> tuple[str, ...]:
            if "SHOW" in held and device not in self.keys:
                self.publish(device, held["SHOW"])
            return ("SHOW",)

        office.publish = publish
        told = (here, boot, False, ALONE, office, sheet_seconds, fuse)
        async with kiosk(*told, device=device, hub=self.hub) as one:
            await one.clock.advance(61)
            office.away = True
            await one.clock.advance(20)
            yield one


Story = Callable[[Venue], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def whole() -> None:
        hub_folder = folder / "hub"
        hub_folder.mkdir()
        venue = Venue(folder, Hub(hub_folder))
        for device in (ONE, TWO):
            make_list(venue.place(device))
        await story(venue)

    asyncio.run(whole())
