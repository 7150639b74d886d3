"""The envelope: what was signed for one purpose by one key verifies as nothing else."""

from dataclasses import dataclass, field

import cbor2
import cwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from wire import signed
from wire.codec import WireError, encode
from wire.signed import Purpose, Roles, Signers, Trust, Untrusted, first_trust, next_trust, seal

PAYLOAD = b"\x01refund of a ticket"


def key(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)


def public(number: int) -> bytes:
    return key(number).public_key().public_bytes_raw()


@dataclass
class Venue:
    """Keys 1 to 3 are the root, two of which must sign; 11 and up are the purposes'."""

    roots: tuple[int, ...] = (1, 2, 3)
    signers: dict[str, Signers] = field(
        default_factory=lambda: {
            purpose.value: Signers((public(11 + place),))
            for place, purpose in enumerate(Purpose)
            if purpose is not Purpose.ROLES
        }
    )

    def root(self) -> Signers:
        return Signers(tuple(public(number) for number in self.roots), 2)

    def roles(self, version: int = 1, venue: str = "v") -> Roles:
        return Roles(version, venue, self.root(), self.signers)

    def signed_by(self, *numbers: int, version: int = 1, venue: str = "v") -> list[bytes]:
        payload = encode(self.roles(version, venue))
        return [seal(payload, Purpose.ROLES, key(number)) for number in numbers]


VENUE = Venue()
TRUST = Trust(VENUE.roles())
PURPOSES = [purpose for purpose in Purpose if purpose is not Purpose.ROLES]


def signer(purpose: Purpose) -> Ed25519PrivateKey:
    return key(11 + list(Purpose).index(purpose))


@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_was_sealed_is_opened(purpose: Purpose) -> None:
    assert TRUST.unseal(seal(PAYLOAD, purpose, signer(purpose)), purpose) == PAYLOAD


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("other", PURPOSES)
def test_one_purpose_is_no_other(purpose: Purpose, other: Purpose) -> None:
    """Neither the right key for another purpose, nor another purpose's key for this one."""
    if purpose is other:
        return
    for envelope in (
        seal(PAYLOAD, other, signer(other)),
        seal(PAYLOAD, other, signer(purpose)),
        seal(PAYLOAD, purpose, signer(other)),
    ):
        with pytest.raises(Untrusted):
            TRUST.unseal(envelope, purpose)


def test_one_key_for_two_purposes_still_signs_one_thing_at_a_time() -> None:
    both = Signers((public(11),))
    trust = Trust(Roles(1, "v", VENUE.root(), {"list": both, "command": both}))
    envelope = seal(PAYLOAD, Purpose.LIST, key(11))
    with pytest.raises(Untrusted):
        trust.unseal(envelope, Purpose.COMMAND)


def test_every_flipped_bit_is_refused() -> None:
    envelope = seal(PAYLOAD, Purpose.LIST, signer(Purpose.LIST))
    for bit in range(len(envelope) * 8):
        flipped = bytearray(envelope)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(WireError):
            TRUST.unseal(bytes(flipped), Purpose.LIST)


@given(st.binary(max_size=300))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    with pytest.raises(WireError):
        TRUST.unseal(data, Purpose.COMMAND)


@given(st.integers(0, 70_000))
def test_a_payload_of_any_length(length: int) -> None:
    payload = bytes(length)
    envelope = seal(payload, Purpose.LIST, signer(Purpose.LIST))
    assert TRUST.unseal(envelope, Purpose.LIST) == payload
    assert cbor2.loads(envelope)[2] == payload


def test_an_independent_library_verifies_ours_and_makes_one_that_we_verify() -> None:
    private = signer(Purpose.LIST)
    kid = signed.key_id(private.public_key().public_bytes_raw())
    independent = cwt.COSEKey.new(
        {1: 1, 3: -8, -1: 6, 2: kid, -2: public(12), -4: private.private_bytes_raw()}
    )
    context = b"gatehouse/1/list"
    envelope = seal(PAYLOAD, Purpose.LIST, private)
    tagged = b"\xd2" + envelope
    cose = cwt.COSE.new(deterministic_header=True)
    assert cose.decode(tagged, independent, external_aad=context) == PAYLOAD
    with pytest.raises(cwt.VerifyError):
        cose.decode(tagged, independent, external_aad=b"gatehouse/1/command")
    theirs = cose.encode(PAYLOAD, independent, {1: -8, 4: kid}, external_aad=context)
    assert theirs[:1] == tagged[:1]
    assert TRUST.unseal(theirs[1:], Purpose.LIST) == PAYLOAD


def test_the_pinned_root_vouches_for_the_first_roles() -> None:
    trust = first_trust(VENUE.signed_by(1, 3), VENUE.root())
    assert trust.roles == VENUE.roles()


@pytest.mark.parametrize("numbers", [(), (1,), (1, 1), (1, 9), (8, 9), (11, 12)])
def test_too_few_root_keys_vouch_for_nothing(numbers: tuple[int, ...]) -> None:
    with pytest.raises(Untrusted):
        first_trust(VENUE.signed_by(*numbers), VENUE.root())


def test_signatures_of_different_things_do_not_add_up() -> None:
    mixed = [*VENUE.signed_by(1), *VENUE.signed_by(2, version=2)]
    with pytest.raises(Untrusted):
        first_trust(mixed, VENUE.root())


def test_a_new_root_is_vouched_for_by_the_old_one_and_by_itself() -> None:
    known = Trust(VENUE.roles())
    after = Venue(roots=(2, 3, 4))
    assert next_trust(after.signed_by(2, 3, version=2), known).roles.version == 2
    for numbers in ((1, 2), (3, 4)):
        with pytest.raises(Untrusted):  # One of the two roots has one signature only.
            next_trust(after.signed_by(*numbers, version=2), known)


@pytest.mark.parametrize("version", [1, 3, 0])
def test_roles_follow_one_another_and_never_come_back(version: int) -> None:
    with pytest.raises(Untrusted):
        next_trust(VENUE.signed_by(1, 2, version=version), Trust(VENUE.roles()))


def test_roles_of_another_venue_are_none_of_ours() -> None:
    with pytest.raises(Untrusted):
        next_trust(VENUE.signed_by(1, 2, version=2, venue="w"), Trust(VENUE.roles()))


@pytest.mark.parametrize(
    "wrong",
    [
        Signers((public(11),), 0),
        Signers((public(11),), 2),
        Signers((public(11), public(11)), 2),
        Signers((), 1),
        Signers((bytes(31),), 1),
    ],
)
def test_a_threshold_that_means_nothing_is_refused(wrong: Signers) -> None:
    roles = msgspec.structs.replace(VENUE.roles(), signers={**VENUE.signers, "list": wrong})
    payload = encode(roles)
    envelopes = [seal(payload, Purpose.ROLES, key(number)) for number in (1, 2)]
    with pytest.raises(Untrusted):
        first_trust(envelopes, VENUE.root())


def test_a_key_that_was_taken_out_signs_no_more() -> None:
    known = Trust(VENUE.roles())
    envelope = seal(PAYLOAD, Purpose.COMMAND, signer(Purpose.COMMAND))
    known.unseal(envelope, Purpose.COMMAND)
    after = Venue(signers={**VENUE.signers, "command": Signers((public(99),))})
    trust = next_trust(after.signed_by(1, 2, version=2), known)
    with pytest.raises(Untrusted):
        trust.unseal(envelope, Purpose.COMMAND)


@given(st.lists(st.binary(max_size=200), max_size=4))
def test_any_envelopes_of_roles_get_an_answer(envelopes: list[bytes]) -> None:
    with pytest.raises(WireError):
        first_trust(envelopes, VENUE.root())
