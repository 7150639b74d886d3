"""How values become bytes and come back: msgspec structs as deterministic CBOR (RFC 8949, 4.2).

Whatever arrives from outside is read here, so that no other module meets a malformed byte.
Unknown fields are ignored: an older reader never blocks a newer writer.
"""

from typing import Any, TypeVar

import cbor2
import msgspec

T = TypeVar("T")

# Every message is far smaller; the limit keeps a hostile one from costing memory.
MESSAGE_BYTES_MAX = 4 * 1024 * 1024


BYTE_STRING, TEXT_STRING, TAG = 2, 3, 6  # Major types of RFC 8949, 3.1.


class WireError(ValueError):
    """Bytes that are not what they should be; the message says in which way."""


def encode(value: Any) -> bytes:
    """Return `value` (a struct, or plain CBOR values) as deterministic CBOR."""
    plain = msgspec.to_builtins(value, builtin_types=(bytes,))
    return cbor2.dumps(plain, canonical=True)


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
    expressions) would run on hostile input.
    """
    if len(data) > MESSAGE_BYTES_MAX:
        raise WireError(f"{len(data)} bytes are more than a message may have")
    _refuse_tags(data)
    try:
        value = cbor2.loads(data)
        spelled = cbor2.dumps(value, canonical=True)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise WireError(f"not CBOR: {error}") from None
    if spelled != data:
        raise WireError("not deterministic CBOR")
    return value


def _refuse_tags(data: bytes) -> None:
    """Raise WireError at the first tag, indefinite length or reserved head (RFC 8949, 3).

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
        if kind in (BYTE_STRING, TEXT_STRING):
            at += argument
