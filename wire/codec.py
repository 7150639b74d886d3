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
    try:
        value = cbor2.loads(data)
        spelled = cbor2.dumps(value, canonical=True)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise WireError(f"not CBOR: {error}") from None
    if spelled != data:
        raise WireError("not deterministic CBOR")
    return value
