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
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    if len(raw) > CONFIGURATION_BYTES_MAX:
        raise ConfigError(f"{path}: larger than {CONFIGURATION_BYTES_MAX} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from None
    try:
        plain = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    try:
        return msgspec.convert(plain, kind)
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigError(f"{path}: {_sentence(str(error))}") from None


def _sentence(said: str) -> str:
    """Put the key first: `Expected int, got str - at $.lane[0].line` -> `lane[0].line: …`."""
    found = re.fullmatch(r"(.*) - at `?\$\.?(.*?)`?", said, re.DOTALL)
    if not found:
        return said
    what, key = found.groups()
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", what)
    if unknown:
        return f"{key}.{unknown[1]}: no such key" if key else f"{unknown[1]}: no such key"
    return f"{key or 'file'}: {what[0].lower()}{what[1:]}"
