"""What device and central say to each other about journal rows.

A row is named by (device, epoch, seq). The broker's PUBACK is flow control only: a row is
delivered when an `Ack` covers it, and central sends that only after its own commit. Rows may
arrive twice and in any order; central keeps one of each.
"""

import msgspec
import zstandard

from wire.codec import MESSAGE_BYTES_MAX, WireError

ZSTD = bytes.fromhex("28B52FFD")
"""What no CBOR map begins with (RFC 8878, 3.1.1)."""
PACKED_FROM_BYTES = 512
ZSTD_LEVEL = 3


class EpochTop(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a journal holds of one epoch: rows `first` to `top`, the last with hash `last`."""

    epoch: bytes
    top: int
    last: bytes
    first: int = 1
    """Above 1 once acknowledged rows were pruned: those before can be sent no more."""


class Hello(msgspec.Struct, frozen=True, omit_defaults=True):
    """Sent on every connection; asks for an Ack of each epoch."""

    epochs: tuple[EpochTop, ...]
    """Oldest first; the last one is the current one."""
    version: str = ""
    configuration: int = 0
    """Version of the newest it was sent (wire/configuration.py); behind, it is sent again."""


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """What list a device goes by; sent with each connection, and now and again."""

    sequence: int | None = None
    """How far it goes; None: there is none, or it is damaged."""
    confirmed_seconds: int | None = None
    """Since when central has last said that it is the newest; None: not in this life."""


class Batch(msgspec.Struct, frozen=True):
    """Consecutive rows of one epoch, as they stand in the journal."""

    epoch: bytes
    first: int
    """seq of rows[0]."""
    previous: bytes
    """Hash of the row before rows[0]."""
    rows: tuple[bytes, ...]


class Ack(msgspec.Struct, frozen=True, omit_defaults=True):
    """Central has committed rows 1 to `upto` of `epoch`; of those after, it lacks `want`."""

    epoch: bytes
    upto: int
    want: tuple[tuple[int, int], ...] = ()
    """Ranges (first, last) below rows that central holds: holes to be filled first."""


def packed(payload: bytes) -> bytes:
    """Return a message as it travels: rows are much alike, many take a tenth."""
    if len(payload) < PACKED_FROM_BYTES:
        return payload
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(payload)


def unpacked(payload: bytes) -> bytes:
    """Return a message as it was before it was packed, if it was; raise WireError."""
    if not payload.startswith(ZSTD):
        return payload
    try:
        # Bounded: a few bytes could otherwise claim to be a disk full of zeros.
        return zstandard.ZstdDecompressor().decompress(
            payload, max_output_size=MESSAGE_BYTES_MAX, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise WireError(f"not zstd: {error}") from None
