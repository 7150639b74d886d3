"""COSE_Sign1 (RFC 9052, 4.2), spelled out: one header, one spelling, nothing that is decoded twice.

An untagged array of four: the protected header {1: -8, 4: kid} as a byte string, an empty map, the
payload, a signature of 64 bytes. Deterministic CBOR (RFC 8949, 4.2): every head is the shortest.
"""

from wire.codec import BYTE_STRING, MESSAGE_BYTES_MAX, WireError, head

SIGNATURE_BYTES = 64
SIGNED_BEGINS = b"\x84\x6aSignature1"
_HEADS = {0x58: (1, 24), 0x59: (2, 256), 0x5A: (4, 65536)}
"""Head of a longer byte string -> (bytes of its length, the least it may say)."""


def header(kid: bytes) -> bytes:
    """Return {1: -8, 4: kid}: EdDSA (RFC 9053, 2.2), and which key; a kid is below 24 bytes."""
    return b"\xa2\x01\x27\x04" + bytes([0x40 | len(kid)]) + kid


def kid_of(protected: bytes) -> bytes:
    """Return the kid of a header as `header` makes it; raise WireError for any other header."""
    kid = protected[5:]
    if not kid or len(kid) > 23 or protected != header(kid):
        raise WireError("another header than ours")
    return kid


def to_be_signed(protected: bytes, payload: bytes, external: bytes = b"") -> bytes:
    """Return the Sig_structure of RFC 9052, 4.4."""
    return SIGNED_BEGINS + string(protected) + string(external) + string(payload)


def enclose(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    """Return the COSE_Sign1."""
    return b"\x84" + string(protected) + b"\xa0" + string(payload) + string(signature)


def parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Take a COSE_Sign1 apart: (protected, payload, signature); raise WireError if it is none."""
    protected, at = _string_at(data, 1)
    payload, end = _string_at(data, at + 1)
    signature, end = _string_at(data, end)
    if data[0] != 0x84 or data[at] != 0xA0 or end != len(data):
        raise WireError("not a COSE_Sign1")
    if len(signature) != SIGNATURE_BYTES:
        raise WireError("a signature of another length")
    return protected, payload, signature


def string(data: bytes) -> bytes:
    """Return a CBOR byte string."""
    if len(data) > MESSAGE_BYTES_MAX:
        raise WireError(f"{len(data)} bytes are more than a message may have")
    return head(BYTE_STRING, len(data)) + data


def _string_at(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the byte string that begins at `at`, and where it ends; raise WireError if none."""
    if at >= len(data) or not 0x40 <= data[at] <= 0x5A:
        raise WireError("a byte string expected")
    start = at + 1
    length = data[at] - 0x40
    if length >= 24:
        size, least = _HEADS[data[at]]
        length = int.from_bytes(data[start : start + size], "big")
        start += size
        if length < least:
            raise WireError("not the shortest head")
    if start + length > len(data):
        raise WireError("cut short")
    return data[start : start + length], start + length
