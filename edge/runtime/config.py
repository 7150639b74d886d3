"""Configuration: TOML into frozen structs, or one sentence saying what is wrong and where."""

from pathlib import Path
from typing import TypeVar

from wire import toml
from wire.codec import WireError

T = TypeVar("T")


class ConfigError(Exception):
    """A configuration that cannot be used. The message names file and key."""


def load(path: Path, kind: type[T]) -> T:
    """Read the TOML file at `path` as a `kind`; unknown keys are refused. Raise ConfigError."""
    return parse(read(path), str(path), kind)


def read(path: Path) -> bytes:
    """Return what a file of settings holds, a little more at most; raise ConfigError."""
    try:
        with path.open("rb") as file:
            return file.read(toml.TEXT_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None


def parse(raw: bytes, path: str, kind: type[T]) -> T:
    """Read TOML that came from `path` as a `kind`; raise ConfigError."""
    try:
        return toml.parse(raw, path, kind)
    except WireError as error:
        raise ConfigError(str(error)) from None
