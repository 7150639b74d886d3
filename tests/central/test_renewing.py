"""The certificates of central's own servers and programs renew by themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from central.identity import access, authority, renewing
from central.link import Program
from tests import central_database
from tests.secure_broker import A, TestAuthority, running_authority


@pytest.fixture
def told(tmp_path: Path) -> Iterator[TestAuthority]:
    central_database.set_up()
    with running_authority(tmp_path) as made:
        authority.write_server(made.issuing, ["central.example", "10.0.0.5"], made.now)
        yield made


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates(path.read_bytes())[0]


def test_at_two_thirds_of_its_life_each_is_renewed_with_its_key_and_names(
    told: TestAuthority,
) -> None:
    two_thirds = told.now + 60 * authority.DAY
    assert renewing.renew_due(two_thirds - authority.DAY) == []
    names = {"server", "broker", *Program}
    before = {name: certificate(told.public / f"{name}.pem") for name in names}
    assert {path.stem for path in renewing.renew_due(two_thirds)} == names
    for name, old in before.items():
        path = told.public / f"{name}.pem"
        assert path.stat().st_mode & 0o777 == 0o644
        new = certificate(path)
        assert new.public_key() == old.public_key()
        assert new.serial_number != old.serial_number
        assert new.subject == old.subject
        assert [
            one for one in new.extensions if one.oid != ExtensionOID.AUTHORITY_KEY_IDENTIFIER
        ] == [one for one in old.extensions if one.oid != ExtensionOID.AUTHORITY_KEY_IDENTIFIER]
        life = old.not_valid_after_utc - old.not_valid_before_utc
        assert new.not_valid_after_utc - new.not_valid_before_utc == life
        assert authority.issued(told.issuing.certificate, new)
    assert renewing.renew_due(two_thirds) == []
    assert access.running_out(two_thirds) == []


def test_what_is_not_ours_or_has_no_key_here_is_left_alone(told: TestAuthority) -> None:
    told.stranger(A)
    (told.public / "server.key").unlink()
    (told.public / "broker.pem").write_text("a torn page")
    renewed = {path.stem for path in renewing.renew_due(told.now + 89 * authority.DAY)}
    assert renewed == set(Program)


def test_one_that_was_made_for_long_is_renewed_for_as_long(told: TestAuthority) -> None:
    access.write(["broker.example"], "venue", told.now, days=397)
    late = told.now + 200 * authority.DAY
    assert "broker" not in {path.stem for path in renewing.renew_due(late)}
    assert "broker" in {path.stem for path in renewing.renew_due(late + 100 * authority.DAY)}
    left = access.ends_at(told.public / "broker.pem") - late
    assert left > 450 * authority.DAY
