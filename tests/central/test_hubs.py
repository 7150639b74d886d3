"""A hub that is enrolled: who says what of it, and whose word it takes before it is believed."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.test import Client

from tests.central.test_admin import admin as admin
from tests.central.test_desired import zone as zone
from tests.central.test_identity import code_for, simpleenroll
from tests.central.test_orders import device
from tests.central_messages import DEVICE
from tests.identities import DeviceKey, base64_of, certificate_in, escaped, new_authority
from wire.codec import decode, encode
from wire.configuration import Desired as Wanted
from wire.configuration import HubPlace, Member
from wire.enrolment import HubReport
from wire.signed import Purpose, pin, pinned_trust

DEVICES, HUBS = "/admin/venue/device/", "/admin/claims/hub/"
OURS, THEIRS = b"o" * 32, b"t" * 32


@pytest.fixture(autouse=True)
def issuing(zone: Any) -> Iterator[Any]:
    assert zone
    with new_authority() as made:
        yield made


def add_hub(admin: Client, host: str = "hub.example") -> Any:
    """Add a hub as an admin does."""
    from central.venue.models import Device, Venue

    told = {"name": "Hub", "venue": Venue.objects.get().pk, "role": "hub", "host": host}
    answer = admin.post(f"{DEVICES}add/", told)
    found = Device.objects.filter(name="Hub").first()
    assert (found is None) == (answer.status_code == 200), answer.content.decode()
    return found


def hub() -> Any:
    from central.claims.models import Hub

    return Hub.objects.get()


class Machine:
    """Whoever used the code of a device first."""

    def __init__(self, one: Any) -> None:
        self.key = DeviceKey(one.identity)
        answer = simpleenroll(code_for(one), self.key)
        assert answer.status_code == 200, answer.content
        self.shown = {"X-Client-Cert": escaped(certificate_in(answer.content))}

    def post(self, path: str, body: Any, kind: str = "application/cbor") -> Any:
        return Client(headers=self.shown).post(path, body, content_type=kind)

    def says(self, key: bytes) -> int:
        """Report a claims key; return the status of the answer."""
        return int(self.post("/device/hub", encode(HubReport(key))).status_code)

    def server(self, name: str) -> Any:
        body = base64_of(DeviceKey(name).request())
        return self.post("/.well-known/est/server/simpleenroll", body, "application/pkcs10")


def told(identity: str) -> Wanted:
    """What stands sealed for a device, verified as it verifies it."""
    from central.orders.desired import refresh
    from central.orders.models import Desired
    from central.venue.models import RolesVersion

    refresh(device().venue)
    bundled = bytes(RolesVersion.objects.get().bundle)
    trust = pinned_trust(bundled, pin(bundled))
    envelope = bytes(Desired.objects.get(device__identity=identity).envelope)
    return decode(trust.unseal(envelope, Purpose.CONFIGURATION), Wanted)


def take(admin: Client, key: bytes) -> Any:
    return admin.post(f"{HUBS}{hub().pk}/accept/", {"key": key.hex()}, follow=True)


def test_a_stolen_enrolment_code_names_no_claims_key(admin: Client) -> None:
    thief = Machine(add_hub(admin))
    assert thief.says(THEIRS) == 200
    wanted = told(DEVICE)
    assert wanted.hub is None
    assert "claims_key" not in wanted.zone
    assert "once you have compared" in admin.get(DEVICES).content.decode()
    page = admin.get(f"{HUBS}{hub().pk}/accept/").content.decode()
    assert "7474 7474" in page.replace("\n", " ")
    assert told(DEVICE).version == wanted.version, "looking at it takes nothing"
    assert hub().key == ""


def test_of_a_hub_that_is_replaced_the_key_before_stays_until_the_new_one_is_taken(
    admin: Client,
) -> None:
    one = add_hub(admin)
    assert Machine(one).says(OURS) == 200
    take(admin, OURS)
    wanted = told(DEVICE)
    assert wanted.hub == HubPlace("hub.example")
    assert f'claims_key = "{OURS.hex()}"' in wanted.zone
    assert Machine(one).says(THEIRS) == 200
    assert told(DEVICE) == wanted
    take(admin, THEIRS)
    assert f'claims_key = "{THEIRS.hex()}"' in told(DEVICE).zone


def test_a_key_that_nobody_looked_at_is_not_taken(admin: Client) -> None:
    machine = Machine(add_hub(admin))
    assert machine.says(OURS) == 200
    assert machine.says(THEIRS) == 200
    assert "未采用" in take(admin, OURS).content.decode()
    assert hub().key == ""
    admin.post(f"{HUBS}{hub().pk}/accept/", {"key": ""})
    assert hub().key == ""


def test_who_is_no_hub_names_no_key_and_gets_no_servers_certificate(admin: Client) -> None:
    add_hub(admin)
    gate = Machine(device())
    assert gate.says(THEIRS) == 403
    assert gate.server("hub.example").status_code == 403
    assert hub().reported_key == ""
    assert Client().post("/device/hub", b"", content_type="x").status_code == 401
    assert Client().get("/device/revocations").status_code == 401


def test_what_a_hub_is_called_an_admin_says_and_its_certificate_lets_it_in_nowhere(
    admin: Client,
) -> None:
    machine = Machine(add_hub(admin, "Hub.example:8884"))
    assert machine.server("central.example").status_code == 400
    answer = machine.server("hub.example")
    made = certificate_in(answer.content)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["hub.example", "localhost"]
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    shown = Client(headers={"X-Client-Cert": escaped(made)})
    assert shown.get("/device/revocations").status_code == 401


@pytest.mark.parametrize("body", [b"", b"\xff", encode(HubReport(b"short")), b"x" * 9000])
def test_any_report_gets_an_answer(admin: Client, body: bytes) -> None:
    assert Machine(add_hub(admin)).post("/device/hub", body).status_code == 400


def test_a_hub_is_told_who_may_ask_it_as_devices_come_and_go(admin: Client) -> None:
    from central.identity.revocation import revoke
    from central.venue.models import Device

    one = add_hub(admin)
    assert told(one.identity).roster == (), "a device that nobody enrolled cannot have used a right"
    Machine(device())
    wanted = told(one.identity)
    assert wanted.roster == (Member(bytes.fromhex(DEVICE), "Gate 1"),)
    assert (wanted.hub, wanted.zone) == (HubPlace("hub.example"), "")
    Machine(Device.objects.create(venue=one.venue, identity="aa" * 8, name="闸" * 80))
    (_, other) = told(one.identity).roster or ()
    assert other == Member(b"\xaa" * 8, "闸" * 40)
    revoke([device()], "chief", int(time.time()))
    assert told(one.identity).roster == (other,)


def test_names_are_left_out_where_they_do_not_fit(admin: Client) -> None:
    from central.claims import hubs
    from central.venue.models import Device

    one = add_hub(admin)
    now = "2026-01-01T00:00:00Z"
    many = (
        Device(venue=one.venue, identity=f"{n:016x}", name="闸" * 40, last_seen=now)
        for n in range(2000)
    )
    Device.objects.bulk_create(many)
    assert {member.name for member in hubs.roster(hub())} == {""}
    assert len(hubs.roster(hub())) == 2000


def test_a_revoked_hub_is_believed_no_more(admin: Client) -> None:
    from central.claims import hubs
    from central.identity.revocation import revoke

    one = add_hub(admin)
    machine = Machine(one)
    machine.says(OURS)
    take(admin, OURS)
    assert hubs.serving(one.venue)
    revoke([one], "chief", int(time.time()))
    wanted = told(DEVICE)
    assert (wanted.hub, "claims_key" in wanted.zone) == (None, False)
    assert hubs.serving(one.venue) is None, "central is the ledger"
    assert machine.says(OURS) == 403


def test_one_hub_of_a_venue_with_an_address(admin: Client) -> None:
    assert add_hub(admin, "https://hub.example/") is None
    assert add_hub(admin, "") is None
    one = add_hub(admin)
    told = {"name": "Hub 2", "venue": one.venue.pk, "role": "hub", "host": "other.example"}
    assert "场馆已有节点" in admin.post(f"{DEVICES}add/", told).content.decode()
    told |= {"name": "Hub", "host": "other.example:8884"}
    admin.post(f"{DEVICES}{one.pk}/change/", told)
    assert hub().host == "other.example:8884"
    admin.post(f"{DEVICES}{one.pk}/change/", told | {"role": "door", "host": ""})
    from central.claims.models import Hub

    assert not Hub.objects.exists()


def test_a_hub_says_what_it_goes_by_and_is_told_what_is_newer(admin: Client) -> None:
    from central.orders.models import Desired, Report

    one = add_hub(admin)
    machine = Machine(one)
    version = told(one.identity).version
    behind = machine.post("/device/hub", encode(HubReport(OURS, version - 1)))
    assert behind.content == bytes(Desired.objects.get(device=one).envelope)
    assert machine.post("/device/hub", encode(HubReport(OURS, version))).content == b""
    assert Report.objects.get(device=one).applied == version
    assert hub().heard_at is not None
    assert "场馆节点 hub" in admin.get(DEVICES).content.decode()


def test_both_languages_on_the_pages_of_a_hub(admin: Client) -> None:
    one = add_hub(admin)
    page = admin.get(f"{DEVICES}{one.pk}/enrol/").content.decode()
    assert "The venue's hub, at" in page
    assert "场馆节点，地址" in page
    assert "尚未登记" in admin.get(HUBS).content.decode()
    assert "has not said its key yet" in admin.get(f"{HUBS}{hub().pk}/accept/").content.decode()
