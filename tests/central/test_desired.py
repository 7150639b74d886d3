"""What devices are to be configured as: versions that grow, and what devices say of them."""

from typing import Any

import pytest
from django.test import Client

from tests.central.test_orders import device
from tests.central_messages import DEVICE, EPOCH, TOPICS, chained, rows, take
from wire.codec import decode, encode
from wire.configuration import Desired as Wanted
from wire.delivery import EpochTop, Hello
from wire.event import AnyEvent, ConfigurationApplied, ConfigurationRefused
from wire.signed import Purpose, pin, pinned_trust

TEXT = 'checkpoint = "hall"\npatience_seconds = 7.0\n'


@pytest.fixture
def zone(tickets: list[Any]) -> Any:
    from central.identity.models import Placement
    from central.venue.models import Checkpoint, Venue, Zone

    assert tickets
    hall = Checkpoint.objects.get(code="hall")
    made = Zone.objects.create(venue=Venue.objects.get(), name="大厅 Hall", checkpoint=hall)
    Placement.objects.create(device=device(), zone=made)
    return made


def refresh() -> int:
    from central.orders.desired import refresh as again

    return again(device().venue)


def wanted() -> Wanted:
    """What stands sealed for the device, verified as it verifies it."""
    from central.orders.models import Desired
    from central.venue.models import RolesVersion

    bundled = bytes(RolesVersion.objects.get().bundle)
    envelope = bytes(Desired.objects.get().envelope)
    trust = pinned_trust(bundled, pin(bundled))
    return decode(trust.unseal(envelope, Purpose.CONFIGURATION), Wanted)


def write(zone: Any, text: str) -> None:
    from central.identity.models import ZoneText

    ZoneText.objects.update_or_create(zone=zone, defaults={"text": text})


def report(*events: AnyEvent, epoch: bytes = EPOCH) -> None:
    take(*chained(rows(*events), epoch))


def chief() -> Client:
    from django.contrib.auth import get_user_model

    users = get_user_model()
    users.objects.filter(username="chief").delete()
    browser = Client(headers={"Accept-Language": "zh-CN"})
    browser.force_login(users.objects.create_superuser("chief", password="a long password"))
    return browser


def test_each_change_is_a_version(zone: Any) -> None:
    assert refresh() == 1
    first = wanted()
    assert (first.device.hex(), first.version) == (DEVICE, 1)
    assert 'checkpoint = "hall"' in first.zone
    assert refresh() == 0
    write(zone, TEXT)
    assert refresh() == 1
    assert (wanted().version, wanted().zone) == (2, TEXT)
    zone.name = "another name"
    zone.save()
    assert refresh() == 0, "an admin's own text says nothing of it"


@pytest.mark.usefixtures("zone")
def test_the_version_goes_on_after_central_was_put_back() -> None:
    from central.orders.models import Desired

    refresh()
    report(ConfigurationApplied(version=12))
    assert refresh() == 1
    assert wanted().version == 13
    Desired.objects.all().delete()
    refresh()
    assert wanted().version == 13
    report(ConfigurationApplied(version=13), epoch=b"epoch--2")
    assert refresh() == 0


def test_a_text_that_is_not_the_zones_is_not_sent(zone: Any) -> None:
    from central.orders.models import Desired

    refresh()
    for bad in ('checkpoint = "pier"\n', "checkpoint = ", TEXT + "#" * 20_000):
        write(zone, bad)
        assert refresh() == 0
        assert wanted().version == 1
        assert Desired.objects.get().problem
    write(zone, TEXT)
    assert refresh() == 1
    assert Desired.objects.get().problem == ""


def test_the_first_zone_configures_nobody_and_says_so(zone: Any) -> None:
    """Whom it is for is chosen by a person, device by device."""
    from central.identity.models import Placement
    from central.orders.models import Desired
    from central.venue.models import Checkpoint, Zone

    venue, hall = zone.venue, Checkpoint.objects.get(code="hall")
    Placement.objects.all().delete()
    zone.delete()
    browser = chief()
    form = {"venue": venue.pk, "checkpoint": hall.pk, "name": "Pier"}
    shown = browser.post("/admin/venue/zone/add/", form, follow=True).content.decode()
    assert "1 devices are in no zone" in shown
    assert refresh() == 0
    assert not Desired.objects.exists()

    asked = {"action": "move", "_selected_action": device().pk}
    page = "/admin/venue/device/"
    shown = browser.post(page, asked).content.decode()
    assert "现在 now: –" in shown
    assert refresh() == 0, "looked at, and not yet done"
    pier = Zone.objects.get()
    done = browser.post(page, {**asked, "confirmed": "1", "zone": pier.pk}, follow=True)
    assert "Moved there: 1" in done.content.decode()
    assert refresh() == 1
    assert 'zone = "Pier"' in wanted().zone


def test_devices_are_moved_to_a_zone_whose_settings_they_can_use(zone: Any) -> None:
    from django.contrib.admin.models import LogEntry

    from central.identity.models import Placement
    from central.venue.models import Zone

    pier = Zone.objects.create(venue=zone.venue, name="Pier", checkpoint=zone.checkpoint)
    write(pier, TEXT + "sesame = 1\n")
    asked = {"action": "move", "_selected_action": device().pk, "confirmed": "1", "zone": pier.pk}
    assert "sesame: no such key" in chief().post("/admin/venue/device/", asked).content.decode()
    assert Placement.objects.get().zone == zone
    write(pier, TEXT)
    assert refresh() == 1
    chief().post("/admin/venue/device/", asked)
    assert Placement.objects.get().zone == pier
    assert f"moved to {pier}" in LogEntry.objects.latest("pk").change_message
    assert refresh() == 1
    assert wanted().zone == TEXT


@pytest.mark.usefixtures("zone")
def test_a_device_that_was_sent_an_older_one_gets_it_again() -> None:
    from central.ledger import ingest
    from central.orders.models import Desired

    refresh()

    def answers(configuration: int) -> list[bytes]:
        hello = Hello((EpochTop(EPOCH, 1, bytes(32)),), "", configuration)
        topic = TOPICS.hello(DEVICE)
        answered = ingest.take([(topic, encode(hello))], TOPICS)
        return [body for to, body in answered if to == TOPICS.configuration(DEVICE)]

    envelope = bytes(Desired.objects.get().envelope)
    assert answers(0) == [envelope]
    assert answers(1) == []
    assert answers(2**62) == answers(-1) == [envelope]


def test_an_admin_sees_what_is_wanted_and_what_is_in_use(zone: Any) -> None:
    page, browser = "/admin/orders/desired/", chief()
    assert "还没有可下发的配置" in browser.get(page).content.decode()
    refresh()
    assert "未答复 no answer yet" in browser.get(page).content.decode()
    report(ConfigurationApplied(version=1))
    assert "已生效 in use" in browser.get(page).content.decode()
    write(zone, TEXT)
    refresh()
    why = "zone.toml 2: sesame: no such key"  # To a gate that is older than central.
    report(ConfigurationRefused(version=2, why=why), epoch=b"epoch--2")
    shown = browser.get(page).content.decode()
    assert "被拒绝" in shown
    assert why in shown
    write(zone, 'checkpoint = "pier"\n')
    refresh()
    assert "not the checkpoint of this zone" in browser.get(page).content.decode()


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("sesame = 1\n", "zone.toml: sesame: no such key"),
        ('late_seconds = "long"\n', "zone.toml: late_seconds: "),
        ('time_zone = "Mars/Base"\n', "zone.toml: time_zone: no such zone: Mars/Base"),
        ('time_zone = "Asia"\n', "zone.toml: time_zone: no such zone: Asia"),
        ('when_suspect = "perhaps"\n', "zone.toml: when_suspect: "),
        ('[kiosk]\nreceipts = "often"\n', "zone.toml: kiosk.receipts: "),
    ],
)
def test_a_text_that_its_gate_would_refuse_is_refused_at_central(
    zone: Any, bad: str, why: str
) -> None:
    """With the gate's own sentence, at once, and before anything is signed."""
    from central.identity.models import ZoneText
    from central.orders.models import Desired

    refresh()
    page = "/admin/identity/zonetext/add/"
    shown = chief().post(page, {"zone": zone.pk, "text": TEXT + bad}).content.decode()
    assert why in shown
    assert not ZoneText.objects.exists()
    write(zone, TEXT + bad)  # As if by an older central.
    assert refresh() == 0
    assert why in Desired.objects.get().problem
    assert wanted().version == 1


def test_a_device_is_not_enrolled_with_settings_that_it_cannot_use(zone: Any) -> None:
    from central.identity import configuration
    from central.identity.enrolling import Refused

    write(zone, TEXT + "sesame = 1\n")
    with pytest.raises(Refused, match="sesame: no such key"):
        configuration.good_text(zone)
    page = f"/admin/venue/device/{device().pk}/enrol/"
    shown = chief().post(page, follow=True).content.decode()
    assert "sesame: no such key" in shown


def test_a_forged_configuration_is_an_alarm(zone: Any) -> None:
    """As its device recorded it; one that was an admin's own mistake is none."""
    from central.ledger import footing

    assert zone
    forged = ConfigurationRefused(version=0, why="签名无效 · signed by nobody who may")
    report(forged, ConfigurationRefused(version=3, why="zone.toml 3: sesame: no such key"))
    (alarm,) = footing.alarms()
    assert (alarm["kind"], alarm["why"]) == ("configuration-not-ours", forged.why)
    assert footing.suspected(device().pk) == f"configuration-not-ours {forged.why}"
