"""A kiosk whose venue chose to exchange while central is away, and the gate behind it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import zxingcpp
from msgspec import structs

from edge.core.visit_terms import Page, WhenOffline
from edge.runtime.clock import settle
from edge.store.floor import FloorFile
from paper import picture
from paper.lines import ROLL_80
from rules import claim
from rules.claim import Standing
from tests.core.test_delegated import DELEGATED
from tests.daemons.test_gate import gate, recorded_by
from tests.device import DEVICE, KEY, sealed_delta, stamp, ticket, writing
from tests.kiosks import STAFF_CARD, Kiosk, Office, kiosk, make_list
from wire import ticket as gh1
from wire.claim import Claim, Denied, Kind
from wire.codec import encode
from wire.event import ClockQuality
from wire.key import KeyRecord, Status
from wire.reason import Reason
from wire.snapshot import Delta

QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)

ALONE = {"when_offline": WhenOffline.EXCHANGE}


class Central:
    """Publishes keys as central does, on the list of every folder."""

    def __init__(self, *folders: Path) -> None:
        self.folders = folders
        self.events: tuple[str, ...] = ("SHOW",)
        self.published: dict[str, bytes] = {}
        self.hours: dict[str, int] = {}

    def publish(self, held: dict[str, bytes]) -> tuple[str, ...]:
        public = held.get("SHOW")
        if public and self.published != held:
            self.published = dict(held)
            self.say(Status.ACTIVE)
        return self.events

    def say(self, status: Status) -> None:
        key = self.published["SHOW"]
        record = structs.replace(DELEGATED, public=key, status=status, **self.hours)
        for folder in self.folders:
            put_on_the_list(folder, record)


def put_on_the_list(folder: Path, record: KeyRecord) -> None:
    writer = writing(folder)
    about = writer.current
    assert about is not None
    keys = ((record.kid, encode(record)),)
    writer.apply(sealed_delta(Delta(about.sequence + 1, about.head, signing_keys=keys)))


def run(folder: Path, story: Callable[[Kiosk, Central, Path], Awaitable[None]]) -> None:
    """Play a kiosk that has its key, beside a gate's folder, from which central goes away."""

    async def told() -> None:
        here, door = folder / "kiosk", folder / "gate"
        for place in (here, door):
            make_list(place)
        central = Central(here, door)
        office = Office(lambda: recorded_by(here, DEVICE), publish=central.publish)
        async with kiosk(here, office=office, chosen=ALONE) as one:
            await one.clock.advance(61)
            assert central.published, "the kiosk has made its key and shown it"
            office.away = True
            await one.clock.advance(20)
            await story(one, central, door)

    asyncio.run(told())


async def printed(one: Kiosk, number: int) -> bytes:
    """Turn a ticket's code into paper; return what is read from the paper's picture."""
    await one.scan(number)
    assert one.on(Page.CHOOSE), one.visit
    await one.touch("next")
    await one.touch("print")
    assert one.on(Page.TAKE), one.visit
    printed = picture.drawn(one.printer.printed[-1], ROLL_80)
    (found,) = zxingcpp.read_barcodes(printed, QR)
    await one.touch("back")
    return bytes(found.bytes)


async def refusal(one: Kiosk, number: int) -> Reason:
    await one.scan(number)
    assert one.on(Page.REFUSED), one.visit
    assert one.visit.refusal
    reason = one.visit.refusal.reason
    await one.touch("cancel")
    return reason


def phone(number: int) -> bytes:
    return gh1.sign(ticket(number), b"k1", KEY).encode()


def test_the_paper_opens_the_gate_and_the_phone_no_more(tmp_path: Path) -> None:
    async def story(one: Kiosk, _: Central, door: Path) -> None:
        code = await printed(one, 1)
        assert code.startswith(b"GH2")
        assert one.papers() == ["reserved", "printed", "confirmed", "exchanged"]
        async with gate(door) as stage:
            await stage.show(code)
            assert len(stage.relay.pulses) == 1
            await stage.walk()
            await stage.clock.advance(2)
            await stage.show(phone(1))
            assert len(stage.relay.pulses) == 1
            assert stage.kinds()[-1] == "refused"

    run(tmp_path, story)


def test_a_key_that_the_list_does_not_know_may_be_newer_and_is_centrals_to_judge(
    tmp_path: Path,
) -> None:
    """Found by seed 50096 of the simulated venue: a kiosk that had no list yet called a good
    ticket unknown, which is what a forged one is called."""

    async def story(one: Kiosk, _: Central, __: Path) -> None:
        await one.show(gh1.sign(ticket(1), b"k9", KEY).encode())
        await one.clock.advance(5)
        assert one.on(Page.REFUSED)
        assert one.visit.refusal
        assert one.visit.refusal.reason is Reason.NO_NETWORK

    run(tmp_path, story)


def test_by_a_clock_that_is_known_to_be_wrong_nothing_is_signed(tmp_path: Path) -> None:
    make_list(tmp_path / "kiosk")
    FloorFile(tmp_path / "kiosk").keep(1_780_000_600)  # Ten minutes ahead of what its clock says.

    async def story(one: Kiosk, _: Central, __: Path) -> None:
        assert one.trusted.now().quality is ClockQuality.SUSPECT
        await one.scan(1)
        assert one.on(Page.REFUSED)
        assert one.visit.refusal
        assert one.visit.refusal.reason is Reason.NO_NETWORK

    run(tmp_path, story)


def test_once_and_never_a_second_time(tmp_path: Path) -> None:
    async def story(one: Kiosk, _: Central, __: Path) -> None:
        await printed(one, 1)
        assert await refusal(one, 1) is Reason.COLLECTED
        assert len(one.printer.printed) == 1
        await one.show(STAFF_CARD)
        await one.scan(1)
        await one.touch("next")
        await one.touch("why", "jam")
        await one.touch("print")
        assert one.visit.refusal
        assert one.visit.refusal.reason is Reason.NO_NETWORK, "staff decide with central"
        assert len(one.printer.printed) == 1

    run(tmp_path, story)


def test_its_exchange_settles_the_claim_at_the_ledger(tmp_path: Path) -> None:
    """What the ledger had granted nobody, it knows as soon as the journal's rows come."""

    async def story(one: Kiosk, _: Central, __: Path) -> None:
        await printed(one, 1)
        named: dict[bytes, claim.Held] = {}
        for happened in one.events():
            for held in claim.heard(happened, stamp(), DEVICE):
                before = named.get(held.admission, held)
                named[held.admission] = claim.merged(before, held)
        right = [held for held in named.values() if held.cti == ticket(1).cti]
        wanted = Claim(b"another-----", ticket(1).cti, "exchange", 1, kind=Kind.EXCHANGE)
        answer, _records = claim.answer(wanted, b"another!", right, (), Standing(1), 1_780_000_100)
        assert isinstance(answer, Denied)
        assert answer.reason is Reason.COLLECTED
        phone_at_a_gate = Claim(b"at-the-gate-", ticket(1).cti, "hall", 1)
        answer, _records = claim.answer(phone_at_a_gate, b"a-gate!!", right, (), Standing(1), 1)
        assert isinstance(answer, Denied)
        assert answer.reason is Reason.SUPERSEDED

    run(tmp_path, story)


def test_what_the_list_does_not_hold_gets_no_paper(tmp_path: Path) -> None:
    async def story(one: Kiosk, _: Central, __: Path) -> None:
        await one.show(phone(50))
        assert one.visit.refusal
        assert one.visit.refusal.reason is Reason.UNKNOWN
        assert one.printer.printed == []

    run(tmp_path, story)


def test_a_key_that_was_revoked_or_is_over_prints_no_more(tmp_path: Path) -> None:
    async def story(one: Kiosk, central: Central, _: Path) -> None:
        await one.scan(1)
        await one.touch("next")
        central.say(Status.REVOKED)
        await one.touch("print")
        assert one.visit.refusal
        assert one.visit.refusal.reason is Reason.NO_NETWORK, "revoked between offer and paper"
        await one.touch("cancel")
        central.hours = {"valid_until": int(one.clock.now().wall) + 30}
        central.say(Status.ACTIVE)
        await printed(one, 2)
        await one.clock.advance(40)
        assert await refusal(one, 3) is Reason.NO_NETWORK
        assert len(one.printer.printed) == 1

    run(tmp_path, story)


def test_a_key_is_its_kiosks_own_and_goes_when_it_is_wanted_no_more(tmp_path: Path) -> None:
    async def story(one: Kiosk, central: Central, _: Path) -> None:
        (file,) = (one.folder / "exchange").iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
        one.office.away, central.events = False, ()
        await one.clock.advance(61)
        await settle()
        assert list((one.folder / "exchange").iterdir()) == []
        one.office.away = True
        await one.clock.advance(20)
        assert await refusal(one, 1) is Reason.NO_NETWORK

    run(tmp_path, story)
