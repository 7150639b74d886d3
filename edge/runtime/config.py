"""Configuration: TOML into frozen structs, or one sentence saying what is wrong and where."""

import re
import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")

CONFIGURATION_BYTES_MAX = 256 * 1024


class ConfigError(Exception):
    """A configuration that cannot be used. The message names file and key."""


def load(path: Path, kind: type[T]) -> T:
    """Read the TOML file at `path` as a `kind`; unknown keys are refused. Raise ConfigError."""
    try:
        with path.open("rb") as file:
            raw = file.read(CONFIGURATION_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    return parse(raw, str(path), kind)


def parse(raw: bytes, path: str, kind: type[T]) -> T:
    """Read TOML that came from `path` as a `kind`; raise ConfigError."""
    if len(raw) > CONFIGURATION_BYTES_MAX:
        raise ConfigError(f"{path}: larger than {CONFIGURATION_BYTES_MAX} bytes")
    try:
        # Editors on Windows put a byte order mark before the text.
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}: line {line}: not UTF-8; save the file as UTF-8") from None
    try:
        plain = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # A number of 5000 digits is a ValueError.
        raise ConfigError(f"{path}: not TOML: {str(error).partition(chr(10))[0]}") from None
    try:
        return msgspec.convert(plain, kind)
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigError(f"{path}: {_sentence(str(error))}") from None


def _sentence(said: str) -> str:
    """Put the key first: `Expected int, got str - at $.lane[0].line` -> `lane[0].line: …`."""
    found = re.fullmatch(r"(.*?)(?: - at `?\$\.?(.*?)`?)?", said, re.DOTALL)
    what, key = (found[1], found[2] or "") if found else (said, "")
    named = re.fullmatch(r"Object (contains unknown|missing required) field `(.*)`", what)
    if named:
        key = f"{key}.{named[2]}" if key else named[2]
        return f"{key}: {'no such key' if named[1].startswith('contains') else 'missing'}"
    return f"{key or 'file'}: {what[:1].lower()}{what[1:].replace('`', '')}"
