"""Two libraries verify signatures; whichever is installed, the answers are the same."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from wire.key import Verify, by_openssl, by_sodium

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
MESSAGE = b"Signature1 of a ticket"
ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.fixture(params=[by_sodium, by_openssl])
def verify(request: pytest.FixtureRequest) -> Verify:
    chosen: Verify = request.param(PUBLIC)
    return chosen


def test_a_genuine_signature_is_genuine(verify: Verify) -> None:
    assert verify(KEY.sign(MESSAGE), MESSAGE)
    assert verify(KEY.sign(b""), b"")


def test_every_flipped_bit_is_found(verify: Verify) -> None:
    signature = KEY.sign(MESSAGE)
    for bit in range(512):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not verify(bytes(flipped), MESSAGE)


@pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
def test_a_signature_of_another_length_is_none(verify: Verify, length: int) -> None:
    assert not verify((KEY.sign(MESSAGE) * 2)[:length], MESSAGE)


def test_the_second_spelling_of_a_signature_is_refused(verify: Verify) -> None:
    """RFC 8032, 5.1.7: S below the order of the group; else anybody could respell a ticket."""
    signature = KEY.sign(MESSAGE)
    s = int.from_bytes(signature[32:], "little") + ORDER
    assert not verify(signature[:32] + s.to_bytes(32, "little"), MESSAGE)


@given(public=st.binary(min_size=32, max_size=32), signature=st.binary(min_size=64, max_size=64))
def test_both_answer_alike_for_any_key_and_any_bytes(public: bytes, signature: bytes) -> None:
    assert by_sodium(public)(signature, MESSAGE) == by_openssl(public)(signature, MESSAGE)
