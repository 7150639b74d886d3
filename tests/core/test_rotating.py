"""The moving code: shape, digits and key, against RFC 6238 and somebody else's TOTP."""

import json
from pathlib import Path
from typing import Any

import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from hypothesis import given
from hypothesis import strategies as st

from edge.core import credential
from edge.core.credential import Shown, Unusable
from wire import rotating
from wire import ticket as gh1
from wire.key import KeyRecord, KeyRing
from wire.reason import Reason
from wire.rotating import MovingCode
from wire.ticket import Ticket

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "rotating.json").read_text()
)
EVENT_KEY = bytes.fromhex(VECTORS["event_key"])
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RING = KeyRing([KeyRecord(b"\x01", KEY.public_key().public_bytes_raw())])
GOOD = Ticket(bytes(16), "OPEN26", 1_783_000_000, 1_783_090_000, 1_780_000_000, 3, flags=1)
TICKET = gh1.sign(GOOD, b"\x01", KEY)
NOW = 1_783_051_200
GH9 = rotating.text(TICKET, rotating.key_of(GOOD.cti, EVENT_KEY), NOW).encode()

times = st.integers(0, rotating.TIME_MAX)


def named(case: dict[str, Any]) -> str:
    return str(case["name"])


@pytest.mark.parametrize(("time", "digits"), VECTORS["rfc6238"]["digits"])
def test_digits_are_those_of_the_rfc(time: int, digits: str) -> None:
    assert rotating.totp(bytes.fromhex(VECTORS["rfc6238"]["key"]), time) == digits


@given(st.binary(min_size=20, max_size=20), times)
def test_digits_are_those_of_another_implementation(key: bytes, time: int) -> None:
    assert rotating.totp(key, time).encode() == TOTP(key, 8, SHA1(), 30).generate(time)


@pytest.mark.parametrize("case", VECTORS["good"], ids=named)
def test_good_vectors(case: dict[str, Any]) -> None:
    cti = bytes.fromhex(case["cti"])
    key = rotating.key_of(cti, EVENT_KEY)
    assert key.hex() == case["key"]
    assert rotating.text(case["ticket"], key, case["time"]) == case["text"]
    code = MovingCode(case["time"], case["totp"])
    assert rotating.read(case["text"].encode()) == (case["ticket"].encode(), code)
    assert rotating.genuine(code, cti, EVENT_KEY)
    assert len(case["text"]) == case["characters"] <= rotating.CHARACTERS_MAX


def test_the_longest_one_is_what_a_version_9_holds() -> None:
    longest = max(VECTORS["good"], key=lambda case: len(case["text"]))["text"]
    code = segno.make(longest, micro=False, error="m", boost_error=False)
    assert (code.version, code.mode, len(longest)) == (9, "alphanumeric", 261)


@pytest.mark.parametrize("case", VECTORS["refused"], ids=named)
def test_what_is_no_moving_code(case: dict[str, Any]) -> None:
    shown = bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode()
    answer = rotating.read(shown)
    if not isinstance(answer, Reason):
        # What was cut or moved leaves a ticket that is none.
        signed = gh1.read(answer[0])
        assert isinstance(signed, Reason)
        answer = signed
    assert answer.value == case["refuse"]


@pytest.mark.parametrize("shown", [GH9, GH9.lower(), b"]Q1" + GH9, b" " + GH9 + b"\r\n"])
def test_a_gate_reads_it_as_its_ticket_and_what_moves(shown: bytes) -> None:
    assert credential.read(shown, RING) == Shown(GOOD, MovingCode(NOW, GH9[-8:].decode()))


def test_the_ticket_in_it_is_verified_like_any_other() -> None:
    forger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    forged = rotating.text(gh1.sign(GOOD, b"\x01", forger), bytes(20), NOW).encode()
    assert credential.read(forged, RING) == Unusable(Reason.FORGED)


@given(st.binary(max_size=600))
def test_any_bytes_give_an_answer(data: bytes) -> None:
    for shown in (data, b"GH9" + data, b"GH9" + data + b"123456789012345678"):
        assert isinstance(credential.read(shown, RING), Unusable)


@given(st.integers(0, len(GH9)), st.integers(0, len(GH9)))
def test_a_part_of_it_is_never_another_code(start: int, end: int) -> None:
    part = GH9[start:end]
    for shown in (part, b"GH9" + part):
        read = credential.read(shown, RING)
        assert isinstance(read, Unusable) or shown == GH9


@given(times, times, st.binary(min_size=16, max_size=16))
def test_digits_fit_one_ticket_and_one_step(time: int, other: int, cti: bytes) -> None:
    key = rotating.key_of(GOOD.cti, EVENT_KEY)
    code = MovingCode(other, rotating.totp(key, time))
    assert rotating.genuine(MovingCode(time, code.totp), GOOD.cti, EVENT_KEY)
    if rotating.totp(key, other) != code.totp:
        assert not rotating.genuine(code, GOOD.cti, EVENT_KEY)
    if rotating.totp(rotating.key_of(cti, EVENT_KEY), time) != code.totp:
        assert not rotating.genuine(MovingCode(time, code.totp), cti, EVENT_KEY)


@pytest.mark.parametrize("time", [-1, rotating.TIME_MAX + 1])
def test_a_time_that_has_not_ten_digits_is_not_written(time: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 9999999999"):
        rotating.text(TICKET, bytes(20), time)
