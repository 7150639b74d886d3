"""Everything that is almost a ticket, each with a good signature where it could have one.

A signature that is right shows that the form was refused, and not only the signature.
"""

from base64 import b32encode

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wire import ticket as gh1
from wire.key import KeyRecord, KeyRing
from wire.reason import Reason
from wire.ticket import Ticket

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KID = b"\x01\x02"
RING = KeyRing(
    KeyRecord(kid, KEY.public_key().public_bytes_raw())
    for kid in (KID, b"\x05", b"\0" * 4, b"12345", b"")
)
CTI = bytes(range(16))
CLAIMS: dict[object, object] = {
    3: "OPEN26",
    4: 1_783_090_000,
    5: 1_783_000_000,
    6: 1_780_000_000,
    7: CTI,
    -65537: [3, 1207, 0, 77_001, 2, 3, 4],
}
HEADER = {1: -8, 4: KID}
GOOD = Ticket(
    CTI, "OPEN26", 1_783_000_000, 1_783_090_000, 1_780_000_000, 3, 1207, 0, 77_001, 2, 3, 4
)


def spell(value: object) -> bytes:
    return cbor2.dumps(value, canonical=True)


def signed(protected: bytes, payload: bytes) -> bytes:
    return KEY.sign(spell(["Signature1", protected, b"", payload]))


def parts(protected: bytes | None = None, payload: bytes | None = None) -> list[object]:
    protected = spell(HEADER) if protected is None else protected
    payload = spell(CLAIMS) if payload is None else payload
    return [protected, {}, payload, signed(protected, payload)]


def text_of(token: bytes) -> bytes:
    return b"GH1" + b32encode(token).rstrip(b"=")


def answer(token: bytes) -> Ticket | Reason:
    return gh1.verify(text_of(token), RING)


TOKEN = spell(parts())
TEXT = text_of(TOKEN)


def claims(**changes: object) -> dict[object, object]:
    names = {"aud": 3, "exp": 4, "nbf": 5, "iat": 6, "cti": 7, "gatehouse": -65537}
    return {**CLAIMS, **{names[name]: value for name, value in changes.items()}}


def without(claim: object) -> dict[object, object]:
    return {name: value for name, value in CLAIMS.items() if name != claim}


def test_the_ground_these_tests_stand_on() -> None:
    assert answer(TOKEN) == GOOD


@pytest.mark.parametrize("length", range(len(TEXT)))
def test_truncated_at_every_length(length: int) -> None:
    expected = {0: Reason.EMPTY, 1: Reason.NOT_A_TICKET, 2: Reason.NOT_A_TICKET}
    assert gh1.verify(TEXT[:length], RING) is expected.get(length, Reason.MALFORMED)


@pytest.mark.parametrize("length", range(len(TOKEN)))
def test_token_truncated_at_every_length(length: int) -> None:
    assert answer(TOKEN[:length]) is Reason.MALFORMED


@pytest.mark.parametrize(
    "header",
    [
        {1: -8},
        {4: KID},
        {},
        {1: -7, 4: KID},
        {1: -19, 4: KID},
        {1: 5, 4: KID},
        {1: None, 4: KID},
        {1: "EdDSA", 4: KID},
        {1: -8.0, 4: KID},
        {1.0: -8, 4: KID},
        {1: -8, 4.0: KID},
        {True: -8, 4: KID},
        {1: -8, 4: b""},
        {1: -8, 4: b"12345"},
        {1: -8, 4: "12"},
        {1: -8, 4: 5},
        {1: -8, 4: [KID]},
        {1: -8, 2: [1], 4: KID},
        {1: -8, 3: "application/cwt", 4: KID},
        {1: -8, 4: KID, 16: 61},
        [1, 4],
        [-8, KID],
        -8,
        None,
        "a header",
    ],
    ids=repr,
)
def test_protected_header(header: object) -> None:
    assert answer(spell(parts(protected=spell(header)))) is Reason.MALFORMED


def test_algorithm_is_never_taken_from_the_token() -> None:
    assert answer(spell(parts(protected=spell({1: -7, 4: KID})))) is Reason.MALFORMED
    assert answer(spell(parts(protected=spell({1: 0, 4: KID})))) is Reason.MALFORMED


@pytest.mark.parametrize(
    "payload",
    [
        *({"claims": without(claim)} for claim in CLAIMS),
        {"claims": {**CLAIMS, 1: "issuer"}},
        {"claims": {**CLAIMS, 8: {}}},
        {"claims": {**without(3), 3.0: "OPEN26"}},
        {"claims": list(CLAIMS)},
        {"claims": CTI},
        {"claims": None},
        {"claims": 7},
        {"claims": claims(aud="NINECHARS")},
        {"claims": claims(aud="")},
        {"claims": claims(aud="馆")},
        {"claims": claims(aud="é")},
        {"claims": claims(aud="OPEN\0")},
        {"claims": claims(aud="OPEN\x7f")},
        {"claims": claims(aud="OPEN 26")},
        {"claims": claims(aud=b"OPEN26")},
        {"claims": claims(aud=["OPEN26"])},
        {"claims": claims(cti=CTI[:15])},
        {"claims": claims(cti=CTI + b"\0")},
        {"claims": claims(cti=CTI.hex()[:16])},
        {"claims": claims(exp=1_783_000_000)},
        {"claims": claims(exp=2**32)},
        {"claims": claims(exp=-1)},
        {"claims": claims(exp=1_783_090_000.5)},
        {"claims": claims(nbf="1783000000")},
        {"claims": claims(nbf=None)},
        {"claims": claims(iat=True)},
        {"claims": claims(iat=2**64 - 1)},
        {"claims": claims(gatehouse=[])},
        {"claims": claims(gatehouse=3)},
        {"claims": claims(gatehouse={0: 3})},
        {"claims": claims(gatehouse=[2**16])},
        {"claims": claims(gatehouse=[3, 2**32])},
        {"claims": claims(gatehouse=[3, 0, 24])},
        {"claims": claims(gatehouse=[3, 0, 0, 2**32])},
        {"claims": claims(gatehouse=[3, 0, 0, 0, 24])},
        {"claims": claims(gatehouse=[3, 0, 0, 0, 0, 0])},
        {"claims": claims(gatehouse=[3, 0, 0, 0, 0, 24])},
        {"claims": claims(gatehouse=[3, 0, 0, 0, 0, 1, 24])},
        {"claims": claims(gatehouse=[3, 0, 0, 0, 0, 1, -1])},
        {"claims": claims(gatehouse=[3, None])},
        {"claims": claims(gatehouse=[3.0])},
        {"claims": claims(gatehouse=[False])},
    ],
    ids=repr,
)
def test_claims(payload: dict[str, object]) -> None:
    assert answer(spell(parts(payload=spell(payload["claims"])))) is Reason.MALFORMED


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([3], Ticket(CTI, "OPEN26", GOOD.not_before, GOOD.expires, GOOD.issued_at, 3)),
        ([3, 1207, 0, 77_001, 2, 3, 4, "later"], GOOD),
        ([3, 1207, 0, 77_001, 2, 3, 4, {1: [None]}, 2.5, b"", False], GOOD),
    ],
)
def test_trailing_fields_are_optional_and_unknown_ones_ignored(
    fields: list[object], expected: Ticket
) -> None:
    assert answer(spell(parts(payload=spell(claims(gatehouse=fields))))) == expected


def test_an_unprotected_header_is_refused() -> None:
    protected, _, payload, signature = parts()
    others: list[object] = [{4: KID}, {1: -8}, [], None, 0, {(): 0}]
    for unprotected in others:
        token = spell([protected, unprotected, payload, signature])
        assert answer(token) is Reason.MALFORMED, unprotected


def test_another_frame_around_the_same_parts_is_refused() -> None:
    protected, empty, payload, signature = parts()
    others: list[object] = [
        cbor2.CBORTag(18, parts()),
        cbor2.CBORTag(61, cbor2.CBORTag(18, parts())),
        cbor2.CBORTag(98, parts()),
        [*parts(), None],
        parts()[:3],
        [parts()],
        {protected: 0, cbor2.FrozenDict(): 0, payload: 0, signature: 0},
        [cbor2.loads(spell(HEADER)), empty, payload, signature],
        [protected, empty, cbor2.loads(payload), signature],  # type: ignore[arg-type]
        [protected, empty, None, signature],
        [protected, empty, payload, signature[:63]],  # type: ignore[index]
        [protected, empty, payload, signature + b"\0"],  # type: ignore[operator]
        [protected, empty, payload, b""],
        [protected, empty, payload, [signature]],
    ]
    for other in others:
        assert answer(spell(other)) is Reason.MALFORMED, other
    assert answer(TOKEN + b"\0") is Reason.MALFORMED
    assert answer(TOKEN + TOKEN) is Reason.MALFORMED


@pytest.mark.parametrize(
    ("form", "spelling"),
    [
        ("alg in two bytes", b"\xa2\x01\x38\x07\x04\x42" + KID),
        ("key in two bytes", b"\xa2\x18\x01\x27\x04\x42" + KID),
        ("length of kid in two bytes", b"\xa2\x01\x27\x04\x58\x02" + KID),
        ("keys in another order", b"\xa2\x04\x42" + KID + b"\x01\x27"),
        ("key twice", b"\xa3\x01\x27\x01\x27\x04\x42" + KID),
        ("key twice, another value first", b"\xa3\x01\x26\x01\x27\x04\x42" + KID),
        ("map of indefinite length", b"\xbf\x01\x27\x04\x42" + KID + b"\xff"),
        ("kid of indefinite length", b"\xa2\x01\x27\x04\x5f\x42" + KID + b"\xff"),
        ("something behind", b"\xa2\x01\x27\x04\x42" + KID + b"\x00"),
        ("tagged", b"\xd9\xd9\xf7\xa2\x01\x27\x04\x42" + KID),
    ],
)
def test_other_spellings_of_the_header(form: str, spelling: bytes) -> None:
    assert answer(spell(parts(protected=spelling))) is Reason.MALFORMED, form


@pytest.mark.parametrize(
    ("form", "was", "becomes"),
    [
        ("class in two bytes", b"\x87\x03", b"\x87\x18\x03"),
        ("class in nine bytes", b"\x87\x03", b"\x87\x1b" + bytes(7) + b"\x03"),
        ("array length in two bytes", b"\x87\x03", b"\x98\x07\x03"),
        ("more fields than the array says", b"\x87\x03", b"\x86\x03"),
        ("fewer fields than the array says", b"\x87\x03", b"\x87"),
        ("seat in four bytes", b"\x19\x04\xb7", b"\x1a\x00\x00\x04\xb7"),
        ("class in three bytes", b"\x87\x03", b"\x87\x19\x00\x03"),
        ("more text than its length says", b"\x66OPEN26", b"\x65OPEN26"),
        ("less text than its length says", b"\x66OPEN26", b"\x67OPEN26"),
        ("text of indefinite length", b"\x66OPEN26", b"\x7f\x63OPE\x63N26\xff"),
        ("text length in two bytes", b"\x66OPEN26", b"\x78\x06OPEN26"),
        ("text that is no UTF-8", b"\x66OPEN26", b"\x66OPEN\xff6"),
        ("cti length in two bytes", b"\x50" + CTI, b"\x58\x10" + CTI),
        ("seat as half float", b"\x19\x04\xb7", b"\xf9\x64\xb7"),
    ],
)
def test_other_spellings_of_the_claims(form: str, was: bytes, becomes: bytes) -> None:
    payload = spell(CLAIMS)
    assert payload.count(was) == 1
    other = payload.replace(was, becomes)
    assert answer(spell(parts(payload=other))) is Reason.MALFORMED, form


@pytest.mark.parametrize(
    ("form", "token"),
    [
        ("frame of indefinite length", b"\x9f" + TOKEN[1:] + b"\xff"),
        ("frame length in two bytes", b"\x98\x04" + TOKEN[1:]),
        ("signature length in three bytes", TOKEN[:-66] + b"\x59\x00\x40" + TOKEN[-64:]),
    ],
)
def test_other_spellings_of_the_frame(form: str, token: bytes) -> None:
    assert answer(token) is Reason.MALFORMED, form


@pytest.mark.parametrize("padding", range(1, 9))
def test_padding_characters(padding: int) -> None:
    assert gh1.verify(TEXT + b"=" * padding, RING) is Reason.MALFORMED


@pytest.mark.parametrize("length", range(len(TOKEN), len(TOKEN) + 5))
def test_spare_bits(length: int) -> None:
    """Base32 of 1, 2, 3 or 4 bytes beyond a multiple of 5 leaves bits that must be zero."""
    text = text_of(TOKEN + bytes(length - len(TOKEN)))
    spare = {2: 2, 4: 4, 5: 1, 7: 3}.get((len(text) - 3) % 8, 0)
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    last = alphabet.index(text[-1])
    for bits in range(1, 1 << spare):
        other = text[:-1] + bytes([alphabet[last | bits]])
        assert gh1.verify(other, RING) is Reason.MALFORMED


@pytest.mark.parametrize("between", [b" ", b"\n", b"\r\n", b"\t", b"\0", b"-", b"=", b"1", b"\x1b"])
def test_anything_in_between(between: bytes) -> None:
    for at in (1, 3, 4, 50, len(TEXT) - 1):
        answer = gh1.verify(TEXT[:at] + between + TEXT[at:], RING)
        assert answer in (Reason.MALFORMED, Reason.NOT_A_TICKET), (between, at)
