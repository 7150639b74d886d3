"""How values become bytes and come back: msgspec structs as deterministic CBOR (RFC 8949, 4.2).

Whatever arrives from outside is read here, so that no other module meets a malformed byte.
Unknown fields are ignored: an older reader never blocks a newer writer.
"""

from functools import lru_cache
from typing import Any, TypeVar

import cbor2
import msgspec

T = TypeVar("T")

# Every message is far smaller; the limit keeps a hostile one from costing memory.
MESSAGE_BYTES_MAX = 4 * 1024 * 1024


UNSIGNED, NEGATIVE, BYTE_STRING, TEXT_STRING, ARRAY, MAP, TAG, SIMPLE = range(8)
"""Major types of RFC 8949, 3.1."""
HALF, NO_NUMBER = 25, 0x7C00
"""How NaN and infinity are spelled, since the shortest way is the only one (RFC 8949, 3.3, 4.2)."""


class WireError(ValueError):
    """Bytes that are not what they should be; the message says in which way."""


def encode(value: Any) -> bytes:
    """Return `value` (a struct, or plain CBOR values) as deterministic CBOR."""
    plain = msgspec.to_builtins(value, builtin_types=(bytes,))
    return cbor2.dumps(plain, canonical=True)


def spelled(value: Any) -> bytes:
    """Return a plain value as deterministic CBOR: what `encode` returns, at half the cost.

    For what is written between a scan and the relay. The library has a stream and a call of it for
    every head, which took more than half as long as the ticket's signature.
    """
    kind = type(value)
    if isinstance(value, bytes):
        return head(BYTE_STRING, len(value)) + value
    if kind is str:
        return _text(value)
    if kind is int and 0 <= value < 1 << 64:
        return head(UNSIGNED, value)
    if kind is list:
        return head(ARRAY, len(value)) + b"".join(map(spelled, value))
    return cbor2.dumps(value, canonical=True)


def head(major: int, number: int) -> bytes:
    """Return the shortest head (RFC 8949, 3) of a major type with its argument below 2^64."""
    if number < 24:
        return _SMALL[major << 5 | number]
    size = (number.bit_length() + 7) // 8
    size = size if size < 3 else 4 if size < 5 else 8
    return bytes((major << 5 | 23 + size.bit_length(),)) + number.to_bytes(size, "big")


_SMALL = [bytes((first,)) for first in range(256)]


@lru_cache(maxsize=256)
def _text(value: str) -> bytes:
    # Names of lanes, checkpoints and kinds: the same few, over and over.
    data = value.encode()
    return head(TEXT_STRING, len(data)) + data


def decode(data: bytes, kind: type[T]) -> T:
    """Read `data` as a `kind`; raise WireError if it is anything else."""
    plain = loads(data)
    try:
        return msgspec.convert(plain, kind, builtin_types=(bytes,))
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        raise WireError(f"not a {kind.__name__}: {error}") from None


def loads(data: bytes) -> Any:
    """Read one CBOR value that fills `data` exactly; raise WireError otherwise.

    Tags are refused: nothing here uses them, and their decoders (dates, big numbers, regular
    expressions) would run on hostile input. So are NaN and infinity: no time or distance is.
    """
    if len(data) > MESSAGE_BYTES_MAX:
        raise WireError(f"{len(data)} bytes are more than a message may have")
    _refuse_strange(data)
    try:
        value = cbor2.loads(data)
        spelled = cbor2.dumps(value, canonical=True)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise WireError(f"not CBOR: {error}") from None
    if spelled != data:
        raise WireError("not deterministic CBOR")
    return value


def _refuse_strange(data: bytes) -> None:
    """Raise WireError at the first tag, indefinite length, reserved head or number that is none.

    Heads stand one after another whatever they contain, so one pass sees them all. What they add
    up to is for the decoder to say.
    """
    at, end = 0, len(data)
    while at < end:
        kind, size = data[at] >> 5, data[at] & 31
        at += 1
        if kind == TAG or size > 27:
            raise WireError("a tag, an indefinite length or a reserved head")
        argument = size
        if size >= 24:
            following = 1 << (size - 24)
            argument = int.from_bytes(data[at : at + following], "big")
            at += following
            if kind == SIMPLE and size == HALF and argument & NO_NUMBER == NO_NUMBER:
                raise WireError("a number that is none")
        if kind in (BYTE_STRING, TEXT_STRING):
            at += argument
