"""TOML that a person wrote into frozen structs, or one sentence saying what is wrong and where."""

import re
import tomllib
from typing import TypeVar

import msgspec

from wire.codec import WireError

T = TypeVar("T")

TEXT_BYTES_MAX = 256 * 1024


def parse(raw: bytes, name: str, kind: type[T]) -> T:
    """Read TOML as a `kind`; raise WireError, whose sentence begins with `name` and the key."""
    if len(raw) > TEXT_BYTES_MAX:
        raise WireError(f"{name}: larger than {TEXT_BYTES_MAX} bytes")
    try:
        # Editors on Windows put a byte order mark before the text.
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise WireError(f"{name}: line {line}: not UTF-8; save the file as UTF-8") from None
    try:
        plain = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # A number of 5000 digits is a ValueError.
        raise WireError(f"{name}: not TOML: {str(error).partition(chr(10))[0]}") from None
    try:
        return msgspec.convert(plain, kind)
    except (msgspec.ValidationError, ValueError) as error:
        raise WireError(f"{name}: {_sentence(str(error))}") from None


def _sentence(said: str) -> str:
    """Put the key first: `Expected int, got str - at $.lane[0].line` -> `lane[0].line: …`."""
    found = re.fullmatch(r"(.*?)(?: - at `?\$\.?(.*?)`?)?", said, re.DOTALL)
    what, key = (found[1], found[2] or "") if found else (said, "")
    named = re.fullmatch(r"Object (contains unknown|missing required) field `(.*)`", what)
    if named:
        key = f"{key}.{named[2]}" if key else named[2]
        return f"{key}: {'no such key' if named[1].startswith('contains') else 'missing'}"
    return f"{key or 'file'}: {what[:1].lower()}{what[1:].replace('`', '')}"
