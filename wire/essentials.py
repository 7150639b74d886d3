"""Enough to judge a signature before there is a list: keys, classes, events, revocations.

A device fetches this first, and keeps it for the day its list is damaged. It travels in an
envelope of its own purpose (wire/signed.py).
"""

import zlib

import msgspec

from wire.codec import WireError

BITS_BYTES_MAX = 4 * 1024 * 1024
"""32 million serials of one audience."""


class Revocations(msgspec.Struct, frozen=True):
    """Which serials of one audience are good for nothing any more: blocked, refunded, rebooked."""

    audience: str
    bits: bytes
    """zlib (RFC 1950) of a bitmap: serial n is bit n % 8, least significant first, of byte n // 8.
    A serial beyond its end is not revoked."""


class Essentials(msgspec.Struct, frozen=True):
    """What central says at one moment; bodies as in wire/snapshot.py."""

    venue: str
    number: int
    """Grows with each; an older one is refused."""
    sequence: int
    """How far the list went then."""
    wall: int
    """Unix seconds."""
    classes: tuple[tuple[int, bytes], ...]
    events: tuple[tuple[str, bytes], ...]
    signing_keys: tuple[tuple[bytes, bytes], ...]
    revocations: tuple[Revocations, ...]


def pack(audience: str, serials: list[int]) -> Revocations:
    """Return the revocations of an audience; raise WireError for a serial beyond 32 million."""
    last = max(serials, default=-1)
    if last >= 8 * BITS_BYTES_MAX:
        raise WireError(f"serial {last} is more than a bitmap holds")
    bits = bytearray(last // 8 + 1)
    for serial in serials:
        bits[serial // 8] |= 1 << serial % 8
    return Revocations(audience, zlib.compress(bytes(bits), 9))


def unpack(revocations: Revocations) -> bytes:
    """Return the bitmap; raise WireError if it is none, or larger than one may be."""
    inflating = zlib.decompressobj()
    try:
        bits = inflating.decompress(revocations.bits, BITS_BYTES_MAX)
    except zlib.error as error:
        raise WireError(f"revocations of {revocations.audience}: {error}") from None
    if not inflating.eof or inflating.unused_data:
        raise WireError(f"revocations of {revocations.audience}: cut short, or too long")
    return bits


def revoked(bits: bytes, serial: int) -> bool:
    """Tell whether a bitmap holds `serial`."""
    byte = serial // 8
    return byte < len(bits) and bool(bits[byte] >> serial % 8 & 1)
