"""From a code to a certificate and to the next one, and how it ends: each answer over HTTP."""

import base64
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates
from django.test import Client

from tests.identities import (
    DEVICE,
    URL,
    DeviceKey,
    base64_of,
    basic,
    certificate_in,
    escaped,
    foreign,
    new_authority,
)
from wire import enrolment

DAY = 86_400

pytestmark = pytest.mark.usefixtures("issuing")


@pytest.fixture
def issuing(tickets: list[Any]) -> Iterator[Any]:
    assert tickets
    with new_authority() as made:
        yield made


def gate(identity: str = DEVICE) -> Any:
    from central.venue.models import Device

    return Device.objects.get(identity=identity)


def second_gate() -> Any:
    from central.venue.models import Device

    other = gate()
    return Device.objects.create(
        venue=other.venue, identity="1112131415161718", name="Gate 2", token_hash=""
    )


def code_for(device: Any, ago: int = 0) -> str:
    """Add an enrolment as an admin does; return the code in it."""
    from central.identity.enrolling import begin

    text = begin(device, "chief", URL, int(time.time()) - ago)
    return enrolment.read(text).password


def simpleenroll(code: str, key: DeviceKey, request: bytes | None = None) -> Any:
    body = base64_of(key.request() if request is None else request)
    return Client(headers={"Authorization": basic(key.identity, code)}).post(
        "/.well-known/est/simpleenroll", body, content_type="application/pkcs10"
    )


def enrolled(device: Any | None = None) -> tuple[DeviceKey, x509.Certificate]:
    device = device or gate()
    key = DeviceKey(device.identity)
    answer = simpleenroll(code_for(device), key)
    assert answer.status_code == 200, answer.content
    return key, certificate_in(answer.content)


def ask(certificate: x509.Certificate, path: str = "/device/trust", **more: str) -> Any:
    return Client(headers={"X-Client-Cert": escaped(certificate), **more}).get(path)


def reenroll(body: bytes, **headers: str) -> Any:
    return Client(headers=headers).post(
        "/.well-known/est/simplereenroll", base64_of(body), content_type="application/pkcs10"
    )


def age(certificate: x509.Certificate, days: int) -> None:
    """Let time pass, for one certificate: central goes by what it wrote down of it."""
    from django.db.models import F

    from central.identity.models import Certificate

    Certificate.objects.filter(serial=f"{certificate.serial_number:x}").update(
        not_before=F("not_before") - days * DAY, not_after=F("not_after") - days * DAY
    )


def choose_zone(name: str) -> None:
    from central.venue.models import Checkpoint, Zone

    Zone.objects.create(venue=gate().venue, name=name, checkpoint=Checkpoint.objects.get())


def incidents() -> list[str]:
    from central.ledger.models import Incident

    return [one.kind for one in Incident.objects.all()]


def test_the_text_shown_says_where_whom_to_believe_and_who(issuing: Any) -> None:
    from central.identity import authority
    from central.identity.enrolling import begin
    from central.venue.trust import root_pin

    shown = enrolment.read(begin(gate(), "chief", URL, 1))
    assert (shown.url, shown.identity) == (URL, DEVICE)
    assert shown.ca == authority.pin(issuing.root)
    assert shown.root == root_pin(gate().venue)


def test_cacerts_are_those_that_the_code_pins(issuing: Any) -> None:
    answer = Client().get("/.well-known/est/cacerts")
    assert answer["Content-Type"] == "application/pkcs7-mime; smime-type=certs-only"
    found = load_der_pkcs7_certificates(base64.b64decode(answer.content))
    assert set(found) == {issuing.root, issuing.certificate}


def test_a_code_gives_a_certificate_and_all_that_is_behind_it(issuing: Any) -> None:
    from central.identity.models import Placement
    from wire.codec import decode

    choose_zone("Hall")
    key, certificate = enrolled()
    assert certificate.public_key() == key.key.public_key()
    certificate.verify_directly_issued_by(issuing.certificate)
    assert ask(certificate).status_code == 200
    answer = Client(headers={"X-Client-Cert": escaped(certificate)}).post("/device/configuration")
    told = decode(answer.content, enrolment.Configuration)
    assert (told.venue, told.central_url, told.broker_host) == ("v", URL, "central.example")
    assert "BEGIN CERTIFICATE" in told.broker_ca
    assert Placement.objects.get().zone.name == "Hall", "and is sent its changes"


def test_a_lost_answer_is_given_again() -> None:
    code, key = code_for(gate()), DeviceKey()
    first, again = simpleenroll(code, key), simpleenroll(code, key)
    assert certificate_in(first.content) == certificate_in(again.content)
    assert incidents() == []


def test_a_stolen_enrolment_code_is_refused_and_told() -> None:
    from central.identity.models import Enrolment

    code = code_for(gate())
    assert simpleenroll(code, DeviceKey()).status_code == 200
    for _ in range(2):
        thief = simpleenroll(code, DeviceKey())
        assert (thief.status_code, b"another key" in thief.content) == (403, True)
    assert Enrolment.objects.get().used_again == 2
    assert incidents() == ["enrolment-code-abused"]


def test_a_code_is_good_for_a_quarter_of_an_hour() -> None:
    answer = simpleenroll(code_for(gate(), ago=15 * 60), DeviceKey())
    assert (answer.status_code, b"15" in answer.content) == (403, True)
    assert simpleenroll(code_for(gate(), ago=14 * 60), DeviceKey()).status_code == 200


def test_five_wrong_codes_and_the_right_one_is_worth_nothing() -> None:
    code = code_for(gate())
    for _ in range(5):
        assert simpleenroll("00" * 16, DeviceKey()).status_code == 401
    assert simpleenroll(code, DeviceKey()).status_code == 429
    assert simpleenroll(code_for(gate()), DeviceKey()).status_code == 200


def test_a_newer_code_ends_the_older() -> None:
    older, newer = code_for(gate()), code_for(gate())
    answer = simpleenroll(older, DeviceKey())
    assert (answer.status_code, b"withdrawn" in answer.content) == (403, True)
    assert simpleenroll(newer, DeviceKey()).status_code == 200


def test_a_code_is_its_own_devices_alone() -> None:
    second_gate()
    code = code_for(gate())
    other = DeviceKey("1112131415161718")
    assert simpleenroll(code, other).status_code == 401
    named_as_the_first = simpleenroll(code, DeviceKey(), other.request())
    assert named_as_the_first.status_code == 400
    assert simpleenroll(code, DeviceKey("ffffffffffffffff")).status_code == 401


def test_enrolled_anew_the_older_certificate_ends() -> None:
    _, before = enrolled()
    _, after = enrolled()
    assert (ask(before).status_code, ask(after).status_code) == (403, 200)


def test_renewed_at_two_thirds_and_not_before() -> None:
    _, certificate = enrolled()
    shown = {"X-Client-Cert": escaped(certificate)}
    following = DeviceKey()
    early = reenroll(following.request(), **shown)
    assert (early.status_code, b"too early" in early.content) == (403, True)
    age(certificate, 61)
    renewed = certificate_in(reenroll(following.request(), **shown).content)
    assert renewed.public_key() == following.key.public_key()
    assert (ask(certificate).status_code, ask(renewed).status_code) == (200, 200)
    again = certificate_in(reenroll(following.request(), **shown).content)
    assert again == renewed


def prove(old: DeviceKey, certificate: x509.Certificate, following: DeviceKey) -> Any:
    request = following.request()
    return reenroll(
        request,
        **{
            "X-Renewal-Certificate": base64_of(certificate.public_bytes(Encoding.DER)),
            "X-Renewal-Proof": base64_of(old.proof(request)),
        },
    )


def test_a_device_that_slept_through_the_winter_comes_back() -> None:
    key, certificate = enrolled()
    age(certificate, 90 + 179)
    refused = ask(certificate)
    assert (refused.status_code, b"proof" in refused.content) == (403, True)
    assert (
        reenroll(DeviceKey().request(), **{"X-Client-Cert": escaped(certificate)}).status_code
        == 403
    )
    renewed = certificate_in(prove(key, certificate, DeviceKey()).content)
    assert ask(renewed).status_code == 200


def test_one_that_slept_longer_is_enrolled_anew() -> None:
    key, certificate = enrolled()
    age(certificate, 90 + 181)
    answer = prove(key, certificate, DeviceKey())
    assert (answer.status_code, b"new enrolment" in answer.content) == (403, True)


def test_a_certificate_without_its_key_renews_nothing() -> None:
    """It is public: whoever saw a handshake has it."""
    _, certificate = enrolled()
    age(certificate, 100)
    assert prove(DeviceKey(), certificate, DeviceKey()).status_code == 401


def test_a_copied_card_renews_nothing_once_the_device_moved_on() -> None:
    key, certificate = enrolled()
    age(certificate, 61)
    renewed = certificate_in(prove(key, certificate, DeviceKey()).content)
    lost = prove(key, certificate, DeviceKey())
    assert lost.status_code == 200, "the first answer may have been lost"
    assert ask(renewed).status_code == 200
    copied = prove(key, certificate, DeviceKey())
    assert (copied.status_code, b"replaced" in copied.content) == (403, True)
    assert incidents() == ["old-certificate-abused"]


def test_a_revoked_device_is_shut_out_of_everything_at_once() -> None:
    from central.identity.models import Enrolment
    from central.identity.revocation import revoke

    key, certificate = enrolled()
    token = {"Authorization": "Bearer token-of-gate-1"}
    assert Client(headers=token).get("/device/trust").status_code == 200
    code = code_for(gate())
    assert revoke([gate()], "chief", int(time.time())) == 1
    assert ask(certificate).status_code == 403
    assert Client(headers=token).get("/device/trust").status_code == 401
    assert simpleenroll(code, DeviceKey()).status_code == 403
    age(certificate, 100)
    assert prove(key, certificate, DeviceKey()).status_code == 403
    assert Enrolment.objects.filter(withdrawn=True).count() == 1
    # Until an admin wants it back.
    _, new = enrolled()
    assert ask(new).status_code == 200
    assert Client(headers=token).get("/device/trust").status_code == 401


def test_denied_alone_is_enough() -> None:
    """Whatever else of a revocation was lost, as with a database that was put back."""
    from central.identity.models import Denied

    key, certificate = enrolled()
    Denied.objects.create(device=gate(), at=1, by="chief")
    assert ask(certificate).status_code == 403
    age(certificate, 61)
    assert prove(key, certificate, DeviceKey()).status_code == 403


def test_the_revocation_list_names_it_until_nobody_could_renew_it(issuing: Any) -> None:
    from central.identity import authority
    from central.identity.revocation import revoke, write_list

    _, certificate = enrolled()
    _, other = enrolled(second_gate())
    revoke([gate()], "chief", int(time.time()))

    def listed() -> set[int]:
        listing = x509.load_pem_x509_crl((authority.public() / "crl.pem").read_bytes())
        assert listing.is_signature_valid(issuing.certificate.public_key())
        return {one.serial_number for one in listing}

    assert listed() == {certificate.serial_number}
    assert ask(other).status_code == 200
    age(certificate, 90 + 181)
    write_list(int(time.time()))
    assert listed() == set()


def test_a_list_that_cannot_be_written_holds_up_no_denial() -> None:
    from central.identity import authority
    from central.identity.revocation import ListNotWritten, revoke

    _, certificate = enrolled()
    away = authority.keys() / "issuing.away"
    (authority.keys() / "issuing.pem").rename(away)
    with pytest.raises(ListNotWritten, match=r"issuing\.pem"):
        revoke([gate()], "chief", int(time.time()))
    assert ask(certificate).status_code == 403
    away.rename(authority.keys() / "issuing.pem")
    revoke([gate()], "chief", int(time.time()))
    listing = x509.load_pem_x509_crl((authority.public() / "crl.pem").read_bytes())
    assert [one.serial_number for one in listing] == [certificate.serial_number]


def test_without_an_authority_a_token_can_still_be_taken_away() -> None:
    from central.identity import authority
    from central.identity.revocation import revoke

    (authority.public() / "ca.pem").unlink()

    token = {"Authorization": "Bearer token-of-gate-1"}
    assert Client(headers=token).get("/device/trust").status_code == 200
    assert revoke([gate()], "chief", 1) == 0
    assert Client(headers=token).get("/device/trust").status_code == 401


def test_rogue_certificates_are_nobodys(issuing: Any) -> None:
    now = int(time.time())
    enrolled()
    key, other = DeviceKey(), DeviceKey()
    from central.identity import authority

    ours_but_never_kept = authority.device_certificate(issuing, DEVICE, key.key.public_key(), now)
    for rogue in (
        foreign(DEVICE, key, now),
        foreign(DEVICE, key, now, issuer=other),
        ours_but_never_kept,
        issuing.certificate,
        issuing.root,
    ):
        assert ask(rogue).status_code == 401
        assert reenroll(key.request(), **{"X-Client-Cert": escaped(rogue)}).status_code == 401
        assert prove(key, rogue, DeviceKey()).status_code == 401


def test_a_central_with_another_authority_takes_nobody_of_before() -> None:
    _, certificate = enrolled()
    from central.identity import authority

    for path in (authority.public() / "ca.pem", authority.keys() / "issuing.pem"):
        path.unlink()
    authority.create(b"another passphrase", int(time.time()))
    assert ask(certificate).status_code == 401


def test_a_certificate_header_counts_from_this_machine_alone() -> None:
    _, certificate = enrolled()
    headers = {"X-Client-Cert": escaped(certificate)}
    for address in ("192.168.1.20", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1"):
        stranger = Client(headers=headers, REMOTE_ADDR=address)
        assert stranger.get("/device/trust").status_code == 403
        assert stranger.post(
            "/.well-known/est/simplereenroll", "AA==", "text/plain"
        ).status_code in (400, 403)
    assert Client(headers=headers, REMOTE_ADDR="::1").get("/device/trust").status_code == 200


def test_a_token_counts_only_where_central_was_told_so() -> None:
    import msgspec
    from django.conf import settings
    from django.test import override_settings

    token = {"Authorization": "Bearer token-of-gate-1"}
    assert Client(headers=token).get("/device/trust").status_code == 200
    without = msgspec.structs.replace(settings.DEVICES, tokens=False)
    with override_settings(DEVICES=without):
        assert Client(headers=token).get("/device/trust").status_code == 401


def test_whatever_is_sent_gets_an_answer() -> None:
    """Requests with a byte changed, cut, or of another kind: 400, never a traceback."""
    code, key = code_for(gate()), DeviceKey()
    good = key.request()
    wrong = [good[:n] for n in range(0, len(good), 17)]
    for place in range(len(good)):
        wrong.append(good[:place] + bytes([good[place] ^ 0x41]) + good[place + 1 :])
    larger = rsa.generate_private_key(65537, 2048)
    for other in (larger, ec.generate_private_key(ec.SECP384R1())):
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, DEVICE)])
        made = x509.CertificateSigningRequestBuilder().subject_name(subject)
        wrong.append(made.sign(other, SHA256()).public_bytes(Encoding.DER))
    for request in wrong:
        assert simpleenroll(code, key, request).status_code == 400, request.hex()
    assert simpleenroll(code, key).status_code == 200, "none of them counted as a wrong code"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer x"}, 401),
        ({"Authorization": "Basic ?"}, 401),
        ({"Authorization": "Basic " + base64_of(b"\xff\xfe")}, 401),
        ({"Authorization": basic("nobody", "x")}, 401),
        ({"Authorization": "Basic " + "A" * 9000}, 401),
    ],
)
def test_who_says_nothing_of_use_is_asked_who_it_is(headers: dict[str, str], status: int) -> None:
    answer = Client(headers=headers).post("/.well-known/est/simpleenroll", "AA==", "text/plain")
    assert (answer.status_code, "WWW-Authenticate" in answer) == (status, True)


@pytest.mark.parametrize("body", [b"A" * 9000, b"\xff\xff", b"not base64!"])
def test_an_oversized_or_unreadable_body_is_refused(body: bytes) -> None:
    headers = {"Authorization": basic(DEVICE, code_for(gate()))}
    answer = Client(headers=headers).post("/.well-known/est/simpleenroll", body, "text/plain")
    assert answer.status_code == (413 if len(body) > 8192 else 400)


def test_a_certificate_with_a_byte_changed_is_nobodys() -> None:
    _, certificate = enrolled()
    good = certificate.public_bytes(Encoding.DER)
    for place in range(len(good)):
        changed = good[:place] + bytes([good[place] ^ 0x41]) + good[place + 1 :]
        body = base64.encodebytes(changed).decode()
        shown = quote(f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")
        client = Client(headers={"X-Client-Cert": shown})
        assert client.get("/device/trust").status_code in (400, 401), place


@pytest.mark.parametrize("shown", ["x", "%", "%00%ff", "A" * 9000, "-----BEGIN CERTIFICATE-----"])
def test_a_header_that_is_no_certificate_is_refused(shown: str) -> None:
    assert Client(headers={"X-Client-Cert": shown}).get("/device/trust").status_code == 400
    proof = {"X-Renewal-Certificate": shown, "X-Renewal-Proof": "AA=="}
    assert reenroll(DeviceKey().request(), **proof).status_code == 400


def test_each_path_takes_its_own_method() -> None:
    assert Client().post("/.well-known/est/cacerts").status_code == 405
    for name in ("simpleenroll", "simplereenroll"):
        answer = Client().get(f"/.well-known/est/{name}")
        assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_before_there_is_an_authority_it_says_what_to_do() -> None:
    from central.identity import authority

    (authority.public() / "ca.pem").unlink()
    answer = Client().get("/.well-known/est/cacerts")
    assert (answer.status_code, b"authority init" in answer.content) == (503, True)
    assert simpleenroll("00" * 16, DeviceKey()).status_code == 503


def test_a_device_whose_zone_nobody_chose_is_told_so() -> None:
    _, certificate = enrolled()
    choose_zone("North")
    choose_zone("South")
    client = Client(headers={"X-Client-Cert": escaped(certificate)})
    answer = client.post("/device/configuration")
    assert (answer.status_code, b"zone" in answer.content) == (409, True)
