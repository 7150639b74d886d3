"""GH1 against an independent library, both ways; its length; the keys that may sign it."""

import random
from base64 import b32encode

import cbor2
import cwt
import pytest
import segno
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cwt.cose_key_interface import COSEKeyInterface
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge.core import credential
from wire import ticket as gh1
from wire.codec import WireError, loads
from wire.key import KeyRecord, KeyRing, Role, Status
from wire.reason import Reason
from wire.ticket import INPUT_CHARACTERS_MAX, TICKET_CHARACTERS_MAX, Ticket, TicketError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
KID = b"\x01\x02"
RECORD = KeyRecord(KID, PUBLIC)
RING = KeyRing([RECORD])
TICKET = Ticket(
    cti=bytes(range(16)),
    audience="OPEN26",
    not_before=1_783_000_000,
    expires=1_783_090_000,
    issued_at=1_780_000_000,
    ticket_class=3,
    seat=1207,
    serial=77_001,
)
LARGEST = Ticket(
    cti=b"\xff" * 16,
    audience="WWWWWWWW",
    not_before=2**32 - 2,
    expires=2**32 - 1,
    issued_at=2**32 - 1,
    ticket_class=2**16 - 1,
    seat=2**32 - 1,
    flags=23,
    serial=2**32 - 1,
    generation=23,
    quantity=23,
    leg=23,
)
TAG_18 = b"\xd2"
TOKEN_INDEPENDENT = cwt.COSE.new(deterministic_header=True)

printable = st.characters(min_codepoint=33, max_codepoint=126)
tickets = st.builds(
    lambda ticket, lasts: replace(ticket, expires=min(ticket.not_before + lasts, 2**32 - 1)),
    st.builds(
        Ticket,
        cti=st.binary(min_size=16, max_size=16),
        audience=st.text(
            st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8
        ),
        not_before=st.integers(0, 2**32 - 2),
        expires=st.just(0),
        issued_at=st.integers(0, 2**32 - 1),
        ticket_class=st.integers(0, 2**16 - 1),
        seat=st.integers(0, 2**32 - 1),
        flags=st.integers(0, 23),
        serial=st.integers(0, 2**32 - 1),
        generation=st.integers(0, 23),
        quantity=st.integers(1, 23),
        leg=st.integers(0, 23),
    ),
    st.integers(1, 2**32),
)


def text_of(token: bytes) -> bytes:
    return b"GH1" + b32encode(token).rstrip(b"=")


def token_of(text: str) -> bytes:
    return gh1.from_base32(text[3:].encode())


def independent_key() -> COSEKeyInterface:
    pem = KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return cwt.COSEKey.from_pem(pem, alg="EdDSA", kid=KID)


@given(tickets)
def test_what_was_signed_is_read(ticket: Ticket) -> None:
    text = gh1.sign(ticket, KID, KEY)
    assert len(text) <= TICKET_CHARACTERS_MAX
    assert gh1.verify(text.encode(), RING) == ticket


def test_an_independent_library_verifies_ours() -> None:
    text = gh1.sign(TICKET, KID, KEY)
    payload = TOKEN_INDEPENDENT.decode(TAG_18 + token_of(text), independent_key())
    assert cbor2.loads(payload) == {
        3: "OPEN26",
        4: 1_783_090_000,
        5: 1_783_000_000,
        6: 1_780_000_000,
        7: bytes(range(16)),
        -65537: [3, 1207, 0, 77_001],
    }


def test_an_independent_library_reads_ours_as_a_web_token() -> None:
    lasting = replace(TICKET, not_before=1_000_000_000, expires=2**32 - 1, issued_at=1_000_000_000)
    token = TAG_18 + token_of(gh1.sign(lasting, KID, KEY))
    claims = cwt.CWT.new().decode(token, independent_key())
    assert isinstance(claims, dict)
    assert claims[7] == lasting.cti


def test_the_independent_library_refuses_a_flipped_bit_of_ours() -> None:
    token = bytearray(TAG_18 + token_of(gh1.sign(TICKET, KID, KEY)))
    token[-1] ^= 1
    with pytest.raises(cwt.VerifyError):
        TOKEN_INDEPENDENT.decode(bytes(token), independent_key())


def test_we_verify_what_an_independent_library_signed() -> None:
    payload = cbor2.dumps(
        {
            3: "OPEN26",
            4: TICKET.expires,
            5: TICKET.not_before,
            6: TICKET.issued_at,
            7: TICKET.cti,
            -65537: [3, 1207, 0, 77_001],
        },
        canonical=True,
    )
    tagged = TOKEN_INDEPENDENT.encode_and_sign(
        payload, independent_key(), protected={1: -8, 4: KID}, unprotected={}
    )
    assert isinstance(tagged, bytes)
    assert tagged[:1] == TAG_18
    assert gh1.verify(text_of(tagged[1:]), RING) == TICKET
    assert gh1.verify(text_of(tagged), RING) is Reason.MALFORMED


def test_length_with_every_field_at_its_largest() -> None:
    text = gh1.sign(LARGEST, b"\xff" * 4, KEY)
    assert len(text) <= TICKET_CHARACTERS_MAX == 244
    rotating = "GH9" + text[3:] + "1234567890" + "12345678"
    assert len(rotating) <= 262
    code = segno.make(rotating, micro=False, error="m", mode="alphanumeric", boost_error=False)
    assert int(code.version) <= 9
    assert code.error == "M"


@pytest.mark.parametrize("audience", ["A", "AB", "ABC", "ABCD", "ABCDE"])
def test_every_flipped_bit_of_the_text_is_refused(audience: str) -> None:
    """Of every length that base32 knows: four of them have bits to spare."""
    ticket = replace(TICKET, audience=audience)
    text = gh1.sign(ticket, KID, KEY).encode()
    for index in range(len(text)):
        for bit in range(8):
            flipped = bytearray(text)
            flipped[index] ^= 1 << bit
            answer = credential.read(bytes(flipped), RING)
            if bytes(flipped).upper() == text:
                # 0x20 is the case of a letter, and some scanners change it.
                assert answer == credential.Shown(ticket)
            else:
                assert isinstance(answer, credential.Unusable), (index, bit)


def test_every_flipped_bit_of_the_token_is_refused() -> None:
    token = token_of(gh1.sign(TICKET, KID, KEY))
    for index in range(len(token)):
        for bit in range(8):
            flipped = bytearray(token)
            flipped[index] ^= 1 << bit
            answer = gh1.verify(text_of(bytes(flipped)), RING)
            assert answer in (Reason.MALFORMED, Reason.FORGED, Reason.UNKNOWN_KEY), (index, bit)


@given(tickets, st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=3))
def test_the_short_way_reads_what_the_long_way_reads(
    ticket: Ticket, changes: list[tuple[int, int]]
) -> None:
    token = bytearray(token_of(gh1.sign(ticket, KID, KEY)))
    for at, value in changes:
        token[at % len(token)] = value
    at_once = gh1._at_once(bytes(token))  # noqa: SLF001
    if at_once is not None:
        assert at_once == gh1._at_length(bytes(token))  # noqa: SLF001
    elif min(ticket.expires, ticket.not_before, ticket.issued_at) >= 2**16:
        assert changes, "what we sign ourselves takes the short way"


def test_the_short_way_says_of_no_byte_what_the_long_way_does_not_say() -> None:
    token = token_of(gh1.sign(TICKET, KID, KEY))
    for at in range(len(token)):
        for value in {*(token[at] ^ 1 << bit for bit in range(8)), 0, 23, 24, 255}:
            changed = token[:at] + bytes([value]) + token[at + 1 :]
            at_once = gh1._at_once(changed)  # noqa: SLF001
            assert at_once is None or at_once == gh1._at_length(changed), at  # noqa: SLF001


@given(st.binary(max_size=600))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    assert isinstance(credential.read(data, RING), credential.Unusable)
    assert isinstance(gh1.verify(data, RING), Reason)


@given(st.binary(max_size=310))
def test_any_token_gets_an_answer(token: bytes) -> None:
    assert isinstance(gh1.verify(text_of(token), RING), Reason)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.floats() | st.binary(),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.integers(-9, 9), inner),
    max_leaves=12,
)


@given(st.tuples(anything, anything, anything, anything), anything)
def test_any_well_spelled_token_gets_an_answer(parts: tuple[object, ...], claims: object) -> None:
    for token in (parts, [cbor2.dumps({1: -8, 4: KID}), {}, cbor2.dumps(claims), bytes(64)]):
        try:
            spelled = cbor2.dumps(token, canonical=True)
        except cbor2.CBOREncodeError:
            continue
        assert isinstance(gh1.verify(text_of(spelled), RING), Reason)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"cti": bytes(15)}, "cti"),
        ({"audience": ""}, "audience"),
        ({"audience": "NINECHARS"}, "audience"),
        ({"audience": "馆"}, "audience"),
        ({"audience": "A\0"}, "audience"),
        ({"audience": "A B"}, "audience"),
        ({"ticket_class": 2**16}, "ticket_class"),
        ({"seat": 2**32}, "seat"),
        ({"flags": 24}, "flags"),
        ({"serial": -1}, "serial"),
        ({"generation": 24}, "generation"),
        ({"quantity": 0}, "quantity"),
        ({"leg": True}, "leg"),
        ({"issued_at": 2**32}, "issued_at"),
        ({"expires": TICKET.not_before}, "expires"),
    ],
)
def test_a_claim_out_of_bounds_is_not_signed(changes: dict[str, object], named: str) -> None:
    with pytest.raises(TicketError, match=named):
        gh1.sign(replace(TICKET, **changes), KID, KEY)


@pytest.mark.parametrize("kid", [b"", b"12345"])
def test_a_kid_has_one_to_four_bytes(kid: bytes) -> None:
    with pytest.raises(TicketError, match="kid"):
        gh1.sign(TICKET, kid, KEY)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (RECORD, TICKET),
        (KeyRecord(KID, PUBLIC, status=Status.RETIRED), TICKET),
        (KeyRecord(KID, PUBLIC, status=Status.REVOKED), Reason.KEY_REVOKED),
        (KeyRecord(KID, PUBLIC, audiences=("OTHER", "OPEN26")), TICKET),
        (KeyRecord(KID, PUBLIC, audiences=("OTHER",)), Reason.FORGED),
        (KeyRecord(KID, PUBLIC, valid_from=TICKET.issued_at), TICKET),
        (KeyRecord(KID, PUBLIC, valid_from=TICKET.issued_at + 1), Reason.FORGED),
        (KeyRecord(KID, PUBLIC, valid_until=TICKET.issued_at), TICKET),
        (KeyRecord(KID, PUBLIC, valid_until=TICKET.issued_at - 1), Reason.FORGED),
        (KeyRecord(KID, PUBLIC, role=Role.EXCHANGE), Reason.FORGED),
        (KeyRecord(b"\x09", PUBLIC), Reason.UNKNOWN_KEY),
        (KeyRecord(KID, PUBLIC, algorithm=-7), Reason.UNKNOWN_KEY),
        (KeyRecord(KID, PUBLIC[:31]), Reason.UNKNOWN_KEY),
        (KeyRecord(KID, bytes(32)), Reason.FORGED),
    ],
)
def test_the_key_record_decides_who_may_sign(record: KeyRecord, expected: Ticket | Reason) -> None:
    text = gh1.sign(TICKET, KID, KEY).encode()
    assert gh1.verify(text, KeyRing([record])) == expected


def test_a_forged_ticket_is_not_told_that_its_key_was_revoked() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    ring = KeyRing([KeyRecord(KID, PUBLIC, status=Status.REVOKED)])
    assert gh1.verify(gh1.sign(TICKET, KID, other).encode(), ring) is Reason.FORGED


def test_two_keys_sign_side_by_side_while_one_replaces_the_other() -> None:
    younger = Ed25519PrivateKey.from_private_bytes(b"2" * 32)
    record = KeyRecord(b"\x02", younger.public_key().public_bytes_raw())
    ring = KeyRing([KeyRecord(KID, PUBLIC, status=Status.RETIRED), record])
    assert gh1.verify(gh1.sign(TICKET, KID, KEY).encode(), ring) == TICKET
    assert gh1.verify(gh1.sign(TICKET, b"\x02", younger).encode(), ring) == TICKET
    assert gh1.verify(gh1.sign(TICKET, b"\x02", KEY).encode(), ring) is Reason.FORGED


@pytest.mark.parametrize("length", [INPUT_CHARACTERS_MAX, INPUT_CHARACTERS_MAX + 1])
def test_input_has_a_cap(length: int) -> None:
    expected = Reason.MALFORMED if length == INPUT_CHARACTERS_MAX else Reason.OVERSIZED
    assert gh1.read(b"GH1" + b"A" * (length - 3)) is expected


@pytest.mark.parametrize(
    "hostile",
    [
        "c5821b7fffffffffffffff01",  # 2 ** (2 ** 63): raises inside a decoder of big floats.
        "c4821a3b9aca0001",
        "d8236161",  # A regular expression.
        "c249010000000000000000",
        "d9010281a0",
        "d81c81d81d00",
        "9f01ff",
        "5f4101ff",
        "1c",
        "fc",
        "1800",
        "a201000100",
        "a202000100",
        "0000",
        "",
        "f97e00",  # NaN, and both infinities.
        "f97c00",
        "82f9fc0001",
        "fb7ff8000000000000",
    ],
)
def test_no_tag_and_no_second_spelling_reaches_a_decoder(hostile: str) -> None:
    with pytest.raises(WireError):
        loads(bytes.fromhex(hostile))
    assert gh1.verify(text_of(bytes.fromhex(hostile)), RING) in (
        Reason.MALFORMED,
        Reason.NOT_A_TICKET,
    )


def test_random_strings_of_the_alphabet_get_an_answer() -> None:
    chance = random.Random(1)
    for _ in range(2000):
        body = "".join(chance.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567=", k=chance.randrange(60)))
        assert isinstance(credential.read(f"GH1{body}".encode(), RING), credential.Unusable)
