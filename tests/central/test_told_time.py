"""The time that central tells whoever asks: signed, for one nonce, and not without end."""

import time
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from wire.codec import decode
from wire.signed import Purpose, Trust, Untrusted, pinned_trust
from wire.signed_time import TimeAnswer

NONCE = "000102030405060708090a0b0c0d0e0f"


@pytest.fixture
def trust(tickets: list[Any]) -> Trust:
    """Whom a device of this central believes."""
    from central.venue.models import RolesVersion, Venue
    from central.venue.trust import root_pin

    assert tickets
    bundle = bytes(RolesVersion.objects.get(version=1).bundle)
    return pinned_trust(bundle, root_pin(Venue.objects.get()))


def test_the_time_is_told_to_whoever_asks_and_for_the_nonce_alone(trust: Trust) -> None:
    before = time.time()
    told = Client().get(f"/device/time?nonce={NONCE}")
    assert told.status_code == 200
    answer = decode(trust.unseal(told.content, Purpose.TIME), TimeAnswer)
    assert answer.nonce.hex() == NONCE
    assert before <= answer.wall <= time.time()
    assert told["Cache-Control"] == "no-store"


def test_it_is_signed_as_the_time_and_as_nothing_else(trust: Trust) -> None:
    told = Client().get(f"/device/time?nonce={NONCE}").content
    for purpose in set(Purpose) - {Purpose.TIME}:
        with pytest.raises(Untrusted):
            trust.unseal(told, purpose)


@pytest.mark.parametrize(
    "nonce", ["", "00", NONCE[:-1], NONCE + "00", "x" * 32, " " * 32, "٠" * 32, NONCE[:-1] + "%00"]
)
def test_whatever_else_is_asked_gets_a_sentence(trust: Trust, nonce: str) -> None:
    assert trust
    told = Client().get("/device/time?nonce=" + nonce)
    assert told.status_code == 400
    assert told.content == b"nonce: 32 hex digits\n"


def test_whoever_asks_without_end_is_told_to_wait(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    from central.lists import told_time

    assert trust
    monkeypatch.setattr(told_time, "_bound", told_time.Bound(0.0, 3))
    answers = [Client().get(f"/device/time?nonce={NONCE}").status_code for _ in range(5)]
    assert answers == [200, 200, 200, 429, 429]


def test_the_bound_gives_way_again() -> None:
    from central.lists.told_time import Bound

    bound = Bound(1e6, 2)
    assert all(bound.allows() for _ in range(2))
    while not bound.allows():
        time.sleep(0.001)


def test_without_its_key_central_says_which_is_missing(trust: Trust) -> None:
    from django.conf import settings

    assert trust
    (Path(settings.DIRECTORY) / "keys" / "trust-time.pem").unlink()
    told = Client().get(f"/device/time?nonce={NONCE}")
    assert told.status_code == 503
    assert b"trust-time.pem" in told.content
