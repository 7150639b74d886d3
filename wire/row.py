"""A row of the journal: an event and its stamp, as the bytes that are stored, hashed and sent."""

from functools import lru_cache
from typing import Any

import msgspec

from wire.codec import ARRAY, BYTE_STRING, MAP, WireError, head, loads, spelled
from wire.event import AnyEvent, ClockQuality, Stamp


class Unknown(msgspec.Struct, frozen=True):
    """An event of a newer device than this reader: kept as it is, acknowledged, not understood."""

    kind: str


_BY_KIND: dict[str, type[AnyEvent]] = {
    str(kind.__struct_config__.tag): kind for kind in AnyEvent.__args__
}
"""Looked up here: handed the union, msgspec would put it together anew for every row."""
_ORDER: dict[type, tuple[tuple[str, bytes], ...]] = {
    kind: tuple(
        (name, spelled(name))
        for name in sorted(("kind", "at", *kind.__struct_fields__), key=lambda one: (len(one), one))
    )
    for kind in AnyEvent.__args__
}
"""Fields, and how they are spelled, in the order of deterministic CBOR: short names first."""


def encode_row(event: AnyEvent, stamp: Stamp) -> bytes:
    """Return the bytes that are stored, hashed and sent: the event's fields, and `at`."""
    fields = msgspec.to_builtins(event, builtin_types=(bytes,))
    at = spelled(stamp.wall_ms) + spelled(stamp.uptime_ms)
    # Put together here, since the names are known beforehand: this is done between a scan and the
    # relay. What one row has in common with the next, such as its places, is spelled only once.
    said = [head(MAP, len(fields) + 1)]
    for name, key in _ORDER[type(event)]:
        if name == "at":
            said += (_FOUR, at, _life(stamp.boot, stamp.clock))
        elif name in fields:
            value = fields[name]
            kind = type(value)
            if kind is bytes:
                said += (_begun(key, len(value)), value)
            elif kind is str or kind is int:
                said.append(_spelled(key, value))
            else:
                said.append(key + spelled(value))
    return b"".join(said)


_FOUR = spelled("at") + head(ARRAY, 4)


@lru_cache(maxsize=16)
def _life(boot: bytes, clock: ClockQuality) -> bytes:
    return spelled(boot) + spelled(clock.value)


@lru_cache(maxsize=256)
def _begun(key: bytes, length: int) -> bytes:
    return key + head(BYTE_STRING, length)


@lru_cache(maxsize=1024)
def _spelled(key: bytes, value: str | int) -> bytes:
    return key + spelled(value)


def decode_row(body: bytes) -> tuple[AnyEvent | Unknown, Stamp]:
    """Read a row; raise WireError if it is not one. Unknown kinds and fields are no error."""
    fields: Any = loads(body)
    if not isinstance(fields, dict) or not isinstance(fields.get("kind"), str):
        raise WireError("a row is a map with a kind")
    try:
        stamp = msgspec.convert(fields.pop("at", None), Stamp, builtin_types=(bytes,))
        kind = _BY_KIND.get(fields["kind"])
        if kind is None:
            return Unknown(fields["kind"]), stamp
        event: AnyEvent = msgspec.convert(fields, kind, builtin_types=(bytes,))
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        raise WireError(f"not an event: {error}") from None
    return event, stamp
