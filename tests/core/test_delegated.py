"""GH2: what a kiosk may sign while central is away, and everything that it may not."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from edge.core import credential
from edge.core.credential import Shown, Unusable
from tests.device import KEY, ticket
from wire import cose, delegated
from wire import ticket as gh1
from wire.codec import encode
from wire.key import KeyRecord, KeyRing, Role, Status
from wire.reason import Reason
from wire.ticket import FLAG_ROTATION_REQUIRED, SMALL_MAX, Ticket

NOW = 1_780_000_000
HOUR = 3600
EXCHANGE_KEY = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
CENTRAL = KeyRecord(b"k1", KEY.public_key().public_bytes_raw())
DELEGATED = KeyRecord(
    b"x1",
    EXCHANGE_KEY.public_key().public_bytes_raw(),
    role=Role.EXCHANGE,
    audiences=("SHOW",),
    valid_from=NOW - HOUR,
    valid_until=NOW + HOUR,
)
RING = KeyRing([CENTRAL, DELEGATED])
PHONE = gh1.sign(ticket(1), b"k1", KEY)
LONGEST = Ticket(
    b"\xff" * 16, "MMMMMMMM", 2**32 - 2, 2**32 - 1, NOW, 65535, 2**32 - 1, 2, 2**32 - 1, 0, 4, 4
)


def paper(code: str = PHONE, generation: int = 1, at: int = NOW) -> bytes:
    return delegated.sign(code, generation, at, b"x1", EXCHANGE_KEY).encode()


def test_a_paper_is_the_same_right_with_a_higher_generation() -> None:
    assert credential.read(paper(), RING) == Shown(replace(ticket(1), generation=1), None, True)
    assert credential.read(b" " + paper().lower() + b"\r\n", RING) == credential.read(paper(), RING)
    assert credential.kid(paper()) == b"x1"
    assert credential.form(paper()) == "GH2"


def test_a_papers_code_does_not_move() -> None:
    moving = gh1.sign(replace(ticket(1), flags=FLAG_ROTATION_REQUIRED), b"k1", KEY)
    shown = credential.read(paper(moving), RING)
    assert isinstance(shown, Shown)
    assert shown.ticket.flags == 0


def test_the_longest_is_read_at_a_door() -> None:
    text = delegated.sign(gh1.sign(LONGEST, b"k123", KEY), SMALL_MAX, NOW, b"x123", EXCHANGE_KEY)
    assert len(text) <= 410, "a QR code of version 12 with error correction M holds 419"
    assert isinstance(delegated.read(text.encode()), delegated.Paper)


def with_key(**changed: object) -> KeyRing:
    return KeyRing([CENTRAL, structs.replace(DELEGATED, **changed)])


LASTING = with_key(valid_from=0, valid_until=2**32 - 1)
"""Hours in which the ticket itself was issued: what it may not mint is not left to them."""


@pytest.mark.parametrize(
    ("shown", "ring", "reason"),
    [
        pytest.param(paper(generation=0), RING, Reason.FORGED, id="the same generation"),
        pytest.param(paper(generation=-1), RING, Reason.FORGED, id="a lower one"),
        pytest.param(paper(generation=SMALL_MAX + 1), RING, Reason.FORGED, id="beyond all"),
        pytest.param(paper(at=NOW - HOUR - 1), RING, Reason.FORGED, id="before its hours"),
        pytest.param(paper(at=NOW + HOUR + 1), RING, Reason.FORGED, id="after its hours"),
        pytest.param(paper(), with_key(status=Status.REVOKED), Reason.KEY_REVOKED, id="revoked"),
        pytest.param(paper(), with_key(audiences=("OTHER",)), Reason.FORGED, id="of another event"),
        pytest.param(paper(), with_key(audiences=()), Reason.FORGED, id="of every event"),
        pytest.param(paper(), with_key(role=Role.TICKET), Reason.FORGED, id="by a key of tickets"),
        pytest.param(paper(), KeyRing([CENTRAL]), Reason.UNKNOWN_KEY, id="nobody's"),
        pytest.param(
            paper(gh1.sign(ticket(1), b"x1", EXCHANGE_KEY)), LASTING, Reason.FORGED, id="minted"
        ),
        pytest.param(
            gh1.sign(ticket(1), b"x1", EXCHANGE_KEY).encode(), LASTING, Reason.FORGED, id="as a GH1"
        ),
        pytest.param(
            delegated.sign(PHONE, 1, NOW, b"x1", KEY).encode(), RING, Reason.FORGED, id="signed by"
        ),
    ],
)
def test_what_such_a_key_may_not_say(shown: bytes, ring: KeyRing, reason: Reason) -> None:
    assert credential.read(shown, ring) == Unusable(reason)


def test_what_it_signed_stays_good_when_it_signs_no_more() -> None:
    assert isinstance(credential.read(paper(), with_key(status=Status.RETIRED)), Shown)


def test_no_other_signature_of_that_key_is_a_paper() -> None:
    """Signed without, or with other external data."""
    protected = cose.header(b"x1")
    payload = encode([gh1.from_base32(PHONE[3:].encode()), 1, NOW])
    for external in (b"", b"gatehouse list"):
        signature = EXCHANGE_KEY.sign(cose.to_be_signed(protected, payload, external))
        text = "GH2" + gh1.base32(cose.enclose(protected, payload, signature))
        assert credential.read(text.encode(), RING) == Unusable(Reason.FORGED)


@given(st.integers(0, len(paper()) - 1), st.sampled_from(b"ABZ27 \x00\xff189"))
def test_one_wrong_character_is_no_paper(at: int, other: int) -> None:
    good = paper()
    shown = credential.read(good[:at] + bytes([other]) + good[at + 1 :], RING)
    assert good[at] == other or isinstance(shown, Unusable)


@given(st.binary(max_size=600))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    assert isinstance(delegated.verify(data, RING), Reason)
    assert isinstance(delegated.verify(b"GH2" + data, RING), Reason)
    protected = cose.header(b"x1")
    signature = EXCHANGE_KEY.sign(cose.to_be_signed(protected, data, delegated.EXTERNAL))
    text = "GH2" + gh1.base32(cose.enclose(protected, data, signature))
    assert isinstance(delegated.verify(text.encode(), RING), Reason)
