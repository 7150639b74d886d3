"""Enrolment on the device: whom it believes, what it leaves behind, and what attackers get."""

import asyncio
import stat
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from msgspec.structs import replace

from edge.core.certificate import NotOurs
from edge.runtime import config, identity
from edge.runtime.clock import SimulatedClock, settle
from edge.runtime.intercom import EnrolmentEnded
from edge.store.identity_folder import IdentityFolder
from edge.store.trust import TrustStore
from edge.sync import keys
from edge.sync.config import LinkConfig, link_path
from edge.sync.enrolment import Enroller
from edge.sync.renewal import Renewal
from tests.authority import DAY, TestAuthority, new_key
from tests.small_enroller import URL, SmallEnroller, roles
from wire.event import ClockQuality

WHO = "00112233445566aa"
STEPS = (
    "/.well-known/est/cacerts",
    "/.well-known/est/simpleenroll",
    "/device/configuration",
    "/device/trust?after=0",
)


@dataclass
class Device:
    folder: Path
    central: SmallEnroller
    unsent: int = 0
    begun_again: list[str] = field(default_factory=list)
    told: list[EnrolmentEnded] = field(default_factory=list)

    def enrol(self, text: str | None = None) -> EnrolmentEnded:
        """In a life of its own: nothing is remembered but what is on disk."""
        IdentityFolder(self.folder).settle()
        enroller = Enroller(
            self.folder,
            self.central,
            lambda: self.unsent,
            self.told.append,
            self.begun_again.append,
        )
        ended, changed = asyncio.run(enroller.enrol(text or self.central.text()))
        assert changed == (ended.done and "before" not in ended.said.en)
        return ended

    @property
    def enrolled(self) -> bool:
        return identity.enrolled(self.folder)

    def files(self) -> dict[str, bytes]:
        found = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}

    def mode(self, name: str) -> int:
        return stat.S_IMODE((self.folder / "identity" / name).stat().st_mode)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path / "device", SmallEnroller())


def test_a_code_makes_an_identity_that_every_daemon_can_use(device: Device) -> None:
    ended = device.enrol()
    assert ended.done
    assert ended.said.zh == "登记完成"
    who = identity.load(device.folder)
    assert (who.id, who.venue) == (WHO, "venue")
    told = config.load(link_path(device.folder), LinkConfig)
    assert (told.broker.host, told.broker.port) == ("broker.example", 8883)
    assert told.central.url == URL
    assert told.central.token is None
    assert told.central.tls is not None
    assert told.central.tls == told.broker.tls
    pair = Path(told.central.tls.certificate or "").read_bytes()
    assert keys.certificate_of(pair).public_key() == keys.load(pair).public_key()
    assert keys.certificate_of(pair) == device.central.issued[-1]
    assert (device.folder / "config/zone.toml").read_text() == device.central.zone
    trust = TrustStore(device.folder, who.pin, who.venue)
    assert (trust.version, trust.health) == (1, None)


def test_the_key_is_only_the_syncs_own_and_nothing_of_the_code_is_left(device: Device) -> None:
    device.enrol()
    assert device.mode("device.pem") == 0o600
    assert device.mode("device.toml") == 0o640
    for name, content in device.files().items():
        assert device.central.code not in content, name
        assert device.central.code.hex().encode() not in content, name
    left = {path.name for path in (device.folder / "identity").iterdir()}
    assert left == {"device.toml", "link.toml", "ca.pem", "device.pem", "code"}


def test_all_versions_of_the_roles_come_along(device: Device) -> None:
    device.central.versions = 3
    assert device.enrol().done
    who = identity.load(device.folder)
    assert TrustStore(device.folder, who.pin, who.venue).version == 3


@pytest.mark.parametrize("when", ["cut_before", "cut_after"])
@pytest.mark.parametrize("step", STEPS)
def test_cut_off_at_any_step_the_same_code_goes_on(device: Device, step: str, when: str) -> None:
    setattr(device.central, when, step)
    assert not device.enrol().done
    assert not device.enrolled
    setattr(device.central, when, "")
    device.central.expired = device.central.used is not None
    assert device.enrol().done, "the key that the code was used with was kept"
    assert len(device.central.issued) == 1


def test_the_code_is_told_to_nobody_who_cannot_prove_to_be_central(device: Device) -> None:
    """A man in the middle with an authority of his own: he hands it out, or only shows it."""
    central, stranger = device.central, TestAuthority("stranger")
    central.shows = central.hands_out = stranger
    ended = device.enrol()
    assert not ended.done
    assert "somebody may be in between" in ended.said.en
    central.hands_out = central.authority
    ended = device.enrol()
    assert not ended.done
    assert "somebody may be in between" in ended.said.en
    assert not central.codes_seen
    assert not device.enrolled


def test_nothing_but_the_authority_is_asked_of_strangers(device: Device) -> None:
    assert device.enrol().done
    assert not device.central.told_to_strangers


def test_a_stolen_code_is_worth_nothing_once_it_was_used(device: Device, tmp_path: Path) -> None:
    assert device.enrol().done
    thief = Device(tmp_path / "thief", device.central)
    ended = thief.enrol()
    assert not ended.done
    assert "used already" in ended.said.en
    assert not thief.enrolled


def test_a_code_that_a_thief_used_first_says_so(device: Device, tmp_path: Path) -> None:
    thief = Device(tmp_path / "thief", device.central)
    assert thief.enrol().done
    ended = device.enrol()
    assert not ended.done
    assert "used already" in ended.said.en


def test_an_expired_code_and_a_wrong_one_are_refused_in_words(device: Device) -> None:
    device.central.expired = True
    ended = device.enrol()
    assert "older than 15 minutes" in ended.said.en
    assert ended.said.zh.startswith("中央服务器不接受此登记码")
    device.central.expired = False
    assert not device.enrol(device.central.text(code=bytes(16))).done
    assert not device.enrolled
    assert device.enrol().done


@pytest.mark.parametrize("place", [0, 7, 40, -3, -1])
def test_a_wrong_letter_is_found_before_anybody_is_asked(device: Device, place: int) -> None:
    text = device.central.text()
    wrong = "B" if text[place] != "B" else "C"
    ended = device.enrol(text[:place] + wrong + text[place + 1 if place != -1 else len(text) :])
    assert not ended.done
    assert "not read right" in ended.said.en
    assert not device.central.asked


def test_roles_that_are_not_the_pinned_ones_are_not_taken(device: Device) -> None:
    ended = device.enrol(device.central.text(root=bytes(32)))
    assert not ended.done
    assert not device.enrolled


def test_a_code_without_a_pin_takes_the_roles_that_central_has(device: Device) -> None:
    assert device.enrol(device.central.text(root=b"")).done
    assert identity.load(device.folder).pin == device.central.shown().root


@pytest.mark.parametrize("zone", ["not TOML", "", "checkpoint = 7\n"])
def test_a_zone_that_is_none_leaves_the_device_as_it_was(device: Device, zone: str) -> None:
    device.central.zone = zone
    ended = device.enrol()
    assert "cannot be used" in ended.said.en
    assert not device.enrolled


@pytest.mark.parametrize("wrong", ["key", "name", "authority"])
def test_a_certificate_for_somebody_else_is_not_taken(device: Device, wrong: str) -> None:
    central = device.central
    by = TestAuthority() if wrong == "authority" else central.authority
    name = "ffffffffffffffff" if wrong == "name" else WHO

    def another(key: object) -> x509.Certificate:
        other = keys.load(keys.fresh()).public_key() if wrong == "key" else key
        made = by.certificate_of(name, other, central.now, central.now + DAY)
        central.issued.append(made)  # It lets in whom it issued for, whoever that is.
        return made

    central.issue = another  # type: ignore[method-assign]
    assert not device.enrol().done
    assert not device.enrolled


def test_the_same_code_again_changes_nothing(device: Device) -> None:
    device.enrol()
    before, asked = device.files(), len(device.central.asked)
    ended = device.enrol()
    assert ended.done
    assert "before" in ended.said.en
    assert (device.files(), len(device.central.asked)) == (before, asked)


def test_another_code_replaces_the_identity_and_a_bad_one_does_not(device: Device) -> None:
    device.enrol()
    before = device.files()
    central = device.central
    central.code, central.used = bytes(range(1, 17)), None
    central.away = True
    assert not device.enrol().done
    central.away = False
    central.cut_before = "/device/trust?after=0"
    assert not device.enrol().done
    after = {name: content for name, content in device.files().items() if "pending" not in name}
    IdentityFolder(device.folder).settle()
    assert {name: after[name] for name in before} == before
    central.cut_before = ""
    assert device.enrol().done
    assert (
        keys.certificate_of((device.folder / "identity/device.pem").read_bytes())
        == (central.issued[-1])
    )


def test_as_another_device_it_first_gives_central_every_row(device: Device) -> None:
    device.enrol()
    central = device.central
    central.device, central.code, central.used = bytes(range(8)), bytes(range(1, 17)), None
    device.unsent = 3
    ended = device.enrol()
    assert "Records wait to be sent" in ended.said.en
    assert identity.load(device.folder).id == WHO
    device.unsent = 0
    assert device.enrol().done
    assert identity.load(device.folder).id == bytes(range(8)).hex()


def test_another_venues_list_and_roles_open_nothing(device: Device) -> None:
    device.central.versions = 2
    device.enrol()
    lists = device.folder / "list"
    lists.mkdir()
    (lists / "current").symlink_to("v1")
    device.central = SmallEnroller("other", code=bytes(range(1, 17)))
    assert device.enrol().done
    assert not (lists / "current").is_symlink()
    who = identity.load(device.folder)
    assert who.venue == "other"
    assert (device.folder / "trust/1.roles").read_bytes() == roles("other")
    assert TrustStore(device.folder, who.pin, who.venue).health is None


# Renewal.


@dataclass
class Renewing:
    clock: SimulatedClock
    renewal: Renewal
    renewed: list[str]


def renewing(device: Device, wall: float) -> Renewing:
    clock, renewed = SimulatedClock(wall), list[str]()
    folder = IdentityFolder(device.folder)
    device.central.now = wall
    made = Renewal(folder, WHO, URL, device.central, clock, lambda: 0.5, renewed.append)
    return Renewing(clock, made, renewed)


def held(device: Device) -> bytes:
    return (device.folder / "identity/device.pem").read_bytes()


def test_a_certificate_renews_after_two_thirds_with_a_new_key(device: Device) -> None:
    device.enrol()
    before, begins = held(device), device.central.now
    early = renewing(device, begins + 59 * DAY)
    assert not asyncio.run(early.renewal.renew_if_due())
    assert held(device) == before
    late = renewing(device, begins + 66 * DAY)
    assert asyncio.run(late.renewal.renew_if_due())
    fresh = held(device)
    assert keys.load(fresh).public_key() != keys.load(before).public_key()
    assert keys.certificate_of(fresh) == device.central.issued[-1]
    assert keys.certificate_of(fresh).public_key() == keys.load(fresh).public_key()
    assert device.mode("device.pem") == 0o600


def test_one_that_slept_through_the_winter_comes_back_by_a_proof(device: Device) -> None:
    device.enrol()
    spring = renewing(device, device.central.now + 200 * DAY)
    assert asyncio.run(spring.renewal.renew_if_due())
    assert keys.certificate_of(held(device)) == device.central.issued[-1]


def test_it_renews_into_an_issuing_authority_that_came_after_it_was_enrolled(
    device: Device,
) -> None:
    device.enrol()
    central = device.central
    before = central.authority
    central.authority = TestAuthority(root_key=before.root_key, issuing_key=new_key())
    central.authority.root = before.root
    central.hands_out, central.older = central.authority, [before.issuing]
    late = renewing(device, central.now + 70 * DAY)
    assert asyncio.run(late.renewal.renew_if_due())
    shown = x509.load_pem_x509_certificates(held(device))
    assert shown == [central.issued[-1], central.authority.issuing], "its own issuer, and no other"
    believed = x509.load_pem_x509_certificates((device.folder / "identity/ca.pem").read_bytes())
    assert believed[0] == before.root, "and of the others in any order"
    assert set(believed[1:]) == {central.authority.issuing, before.issuing}


def test_an_issuing_authority_of_another_root_is_not_taken(device: Device) -> None:
    device.enrol()
    pair, ca = held(device), (device.folder / "identity/ca.pem").read_bytes()
    stranger = TestAuthority("stranger")
    device.central.hands_out = TestAuthority("stranger")
    device.central.hands_out.root = device.central.authority.root
    device.central.hands_out.issuing = stranger.issuing
    device.central.authority = stranger
    late = renewing(device, device.central.now + 70 * DAY)
    with pytest.raises(NotOurs):
        asyncio.run(late.renewal.renew_if_due())
    assert (held(device), (device.folder / "identity/ca.pem").read_bytes()) == (pair, ca)


def test_the_old_pair_stays_until_the_new_one_is_there(device: Device) -> None:
    device.enrol()
    before = held(device)
    for when in ("cut_before", "cut_after"):
        setattr(device.central, when, "/.well-known/est/simplereenroll")
        late = renewing(device, device.central.now + 70 * DAY)
        with pytest.raises(Exception, match="simulated central"):
            asyncio.run(late.renewal.renew_if_due())
        assert held(device) == before
        setattr(device.central, when, "")


def test_refused_for_ever_it_says_so_once_and_seldom_asks(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    device.enrol()
    device.central.revoked = True
    late = renewing(device, device.central.now + 70 * DAY)

    async def story() -> None:
        running = asyncio.create_task(late.renewal.run())
        device.central.asked.clear()
        await late.clock.advance(DAY / 2)
        assert len(device.central.asked) == 1
        await late.clock.advance(3 * DAY)
        assert len(device.central.asked) <= 4
        running.cancel()

    asyncio.run(story())
    assert "revoked" in late.renewal.trouble or "no" in late.renewal.trouble
    assert sum("not renewed" in record.message for record in caplog.records) == 1


def test_out_of_reach_it_tries_again_and_renews(device: Device) -> None:
    device.enrol()
    device.central.away = True
    late = renewing(device, device.central.now + 70 * DAY)

    async def story() -> None:
        running = asyncio.create_task(late.renewal.run())
        await late.clock.advance(600)
        assert not late.renewed
        device.central.away = False
        await late.clock.advance(7200)
        await settle()
        assert late.renewed == ["certificate renewed"]
        assert running.done()

    asyncio.run(story())


@pytest.mark.parametrize("wall", [0.0, 1_000_000.0])
def test_a_device_that_does_not_know_the_day_renews_nothing(device: Device, wall: float) -> None:
    device.enrol()
    lost = renewing(device, wall)
    assert not asyncio.run(lost.renewal.renew_if_due())


def test_a_clock_in_doubt_renews_nothing(device: Device) -> None:
    device.enrol()
    late = renewing(device, device.central.now + 70 * DAY)
    now = late.clock.now()
    late.clock.now = lambda: replace(now, quality=ClockQuality.SUSPECT)  # type: ignore[method-assign]
    assert not asyncio.run(late.renewal.renew_if_due())
    late.clock.now = lambda: now  # type: ignore[method-assign]
    assert asyncio.run(late.renewal.renew_if_due())


def test_devices_of_one_day_renew_on_different_ones(device: Device) -> None:
    from edge.core import certificate

    device.enrol()
    one = keys.certificate_of(held(device))
    due = [certificate.renewal_due(one, f"{number:016x}") for number in range(50)]
    begins = one.not_valid_before_utc.timestamp()
    life = one.not_valid_after_utc.timestamp() - begins
    assert min(due) >= begins + life * 2 / 3
    assert max(due) <= begins + life * 0.72
    assert max(due) - min(due) > DAY
