"""What people hold under a reader, and what is remembered of it."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from edge.core import credential
from edge.core.scan import without_aim
from wire import ticket as gh1
from wire.key import KeyRecord, KeyRing
from wire.reason import Reason
from wire.ticket import Ticket

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KID = b"\x01"
RING = KeyRing([KeyRecord(KID, KEY.public_key().public_bytes_raw())])
GOOD = Ticket(bytes(16), "OPEN26", 1_783_000_000, 1_783_090_000, 1_780_000_000, 3)
TEXT = gh1.sign(GOOD, KID, KEY).encode()


@pytest.mark.parametrize(
    "shown",
    [
        TEXT.lower(),
        TEXT.swapcase(),
        b"gh1" + TEXT[3:],
        b"  " + TEXT + b"\r\n",
        b"\t" + TEXT + b"\t",
        b"]Q1" + TEXT,
        b"]Q1 " + TEXT,
        b"]d2" + TEXT + b"\r",
    ],
)
def test_what_readers_add_does_not_matter(shown: bytes) -> None:
    assert credential.read(shown, RING) == credential.Shown(GOOD)


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (b"", Reason.EMPTY),
        (b" \r\n", Reason.EMPTY),
        (b"]Q1", Reason.EMPTY),
        (b"hello", Reason.NOT_A_TICKET),
        (b"GH3" + TEXT[3:], Reason.NOT_A_TICKET),
        (b"GH2" + TEXT[3:], Reason.MALFORMED),
        (b"GH", Reason.NOT_A_TICKET),
        (TEXT[3:], Reason.NOT_A_TICKET),
        ("ＧＨ１".encode(), Reason.NOT_A_TICKET),
        (b"https://example.com/" + TEXT, Reason.NOT_A_TICKET),
        (b"\x00\x1b\xff\xfe", Reason.NOT_A_TICKET),
        (b"GH1", Reason.MALFORMED),
        (b"GH1\xff\xfe", Reason.MALFORMED),
        (b"GH10189", Reason.MALFORMED),
        (TEXT + TEXT, Reason.MALFORMED),
        (b"x" * 513, Reason.OVERSIZED),
        (b"x" * 512, Reason.NOT_A_TICKET),
        (b"134567890123456789", Reason.PAYMENT_CODE),
        (b"]Q1281234567890123456\r", Reason.PAYMENT_CODE),
        (b"164567890123456789", Reason.NOT_A_TICKET),
        # Eighteen digits of an ID card from Beijing look like a payment code, and are none of ours.
        (b"110101199003071234", Reason.PAYMENT_CODE),
    ],
)
def test_what_else_people_show(shown: bytes, reason: Reason) -> None:
    assert credential.read(shown, RING) == credential.Unusable(reason)


@pytest.mark.parametrize(
    ("shown", "form"),
    [
        (b"", "empty"),
        (b"]Q1 \r", "empty"),
        (TEXT.lower(), "GH1"),
        (b"gh9" + TEXT[3:], "GH9"),
        (b"134567890123456789", "digits"),
        (b"hello, world", "text"),
        (b"hello\x1b", "binary"),
        ("门票".encode(), "binary"),
    ],
)
def test_form(shown: bytes, form: str) -> None:
    assert credential.form(shown) == form


@given(st.binary())
def test_what_is_remembered_gives_nothing_back(shown: bytes) -> None:
    assert credential.form(shown) in {"empty", "GH1", "GH9", "digits", "text", "binary"}
    digest = credential.digest(shown, b"one start")
    assert len(digest) == credential.DIGEST_BYTES
    assert digest == credential.digest(shown, b"one start")
    assert digest != credential.digest(shown, b"the next start")
    assert digest != credential.digest(shown + b"x", b"one start")


@pytest.mark.parametrize(
    ("shown", "identifier", "bare"),
    [
        (b"]Q1GH1", "]Q1", b"GH1"),
        (b"]e0" + b"1", "]e0", b"1"),
        (b"]Q", "", b"]Q"),
        (b"]1Q1", "", b"]1Q1"),
        (b"", "", b""),
    ],
)
def test_symbology_identifier(shown: bytes, identifier: str, bare: bytes) -> None:
    assert without_aim(shown) == (identifier, bare)
