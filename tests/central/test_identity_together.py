"""Two at once: of one code comes one certificate, and who renews while it is revoked gets none."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.central.test_together import held_up
from tests.clusters import TestCluster
from tests.identities import DEVICE, URL, DeviceKey, new_authority
from wire import enrolment

REDEEM = """
import sys, time, django
django.setup()
from central.identity import enrolling
request = bytes.fromhex(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
try:
    made = enrolling.enrol("0102030405060708", sys.argv[1], request, int(time.time()))
    print(f"{made.serial_number:x}")
except enrolling.Refused as refused:
    print(refused.status)
"""


@pytest.fixture(autouse=True)
def issuing(tickets: list[Any]) -> Iterator[Any]:
    assert tickets
    with new_authority() as made:
        yield made


def gate() -> Any:
    from central.venue.models import Device

    return Device.objects.get(identity=DEVICE)


def code() -> str:
    from central.identity.enrolling import begin

    return enrolment.read(begin(gate(), "chief", URL, int(time.time()))).password


def configuration(folder: Path, request: pytest.FixtureRequest) -> Path:
    """Return a central.toml for other processes on the same central."""
    from django.conf import settings

    database = "sqlite"
    if "postgresql" in request.node.callspec.params.values():
        database = request.getfixturevalue("cluster").url("postgres")
    told = folder / "central.toml"
    told.write_text(f'directory = "{settings.DIRECTORY}"\ndatabase = "{database}"\n')
    return told


def test_one_code_used_by_four_at_once_gives_one_certificate(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from central.identity.models import Certificate, Enrolment

    told, shown, device, thief = configuration(tmp_path, request), code(), DeviceKey(), DeviceKey()
    environment = {
        "GATEHOUSE_CENTRAL_CONFIG": str(told),
        "DJANGO_SETTINGS_MODULE": "central.settings",
        "PATH": "/usr/bin:/bin",
    }
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", REDEEM, shown, key.request().hex()],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for key in (device, thief, device, thief)
    ]
    for process in asking:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in asking:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].strip() for process in asking]
    serial = Certificate.objects.get().serial
    assert said in (2 * [serial, "403"], 2 * ["403", serial]), "the same key, the same answer"
    assert Enrolment.objects.get().used_again == 2


@pytest.mark.xdist_group("postgresql")
@pytest.mark.parametrize("central", ["postgresql"], indirect=True)
def test_two_devices_with_one_code_in_the_same_second_at_two_centrals(
    cluster: TestCluster,
) -> None:
    """On two machines no file's lock is common to both: the device's row is."""
    from django.db import connection, transaction

    from central.identity import authority, enrolling
    from central.identity.models import Certificate, Enrolment

    shown, now, answers = code(), int(time.time()), list[Any]()
    thief = enrolling.requested_key(DeviceKey().request(), DEVICE)

    def elsewhere() -> None:
        # As the other central's `enrol`, which holds a lock of its own disk.
        with transaction.atomic():
            made = enrolling.redeemed(authority.load(), DEVICE, shown, thief, now)
        answers.append(made[0])

    assert connection.vendor == "postgresql"
    with held_up(cluster, elsewhere):
        first = enrolling.enrol(DEVICE, shown, DeviceKey().request(), now)
    (refused,) = answers
    assert isinstance(refused, enrolling.Refused)
    assert refused.status == 403
    assert Certificate.objects.get().serial == f"{first.serial_number:x}"
    assert Enrolment.objects.get().used_again == 1


@pytest.mark.xdist_group("postgresql")
@pytest.mark.parametrize("central", ["postgresql"], indirect=True)
def test_who_renews_while_it_is_revoked_gets_nothing(cluster: TestCluster) -> None:
    from django.db.models import F

    from central.identity import enrolling
    from central.identity.models import Certificate
    from central.identity.revocation import revoke

    key = DeviceKey()
    now = int(time.time())
    certificate = enrolling.enrol(DEVICE, code(), key.request(), now)
    ago = 70 * 86_400
    Certificate.objects.update(not_before=F("not_before") - ago, not_after=F("not_after") - ago)
    answers: list[Any] = []

    def renew() -> None:
        try:
            answers.append(enrolling.renew(certificate, DeviceKey().request(), now, grace=False))
        except enrolling.Refused as refused:
            answers.append(refused.status)

    with held_up(cluster, renew):
        revoke([gate()], "chief", now)
    assert answers == [403]
    assert Certificate.objects.count() == 1
