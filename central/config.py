"""What central is told: central.toml, found by GATEHOUSE_CENTRAL_CONFIG."""

import os
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from central.database import settings_of
from central.notices.config import Notices

VARIABLE = "GATEHOUSE_CENTRAL_CONFIG"

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
URL = (
    r"^(https://[a-z0-9.:\[\]-]{1,180}/?|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?/?|)$"
)
"""Plain http leaves nobody's machine."""


class ConfigError(Exception):
    """One sentence naming file and key."""


class Web(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str = "127.0.0.1"
    port: Port = 8000
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost")
    """Names under which browsers and devices may call it."""
    open_live_page: bool = False
    """Show the live page to everybody, without a login."""


class BrokerTls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    authority: str
    """A PEM file: whom to believe that it is the broker."""
    certificates: str
    """A folder with `<program>.pem` and `<program>.key` of each of central's programs. One for all
    would not do: whom the broker names by a certificate is there only once."""


class Broker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str = "127.0.0.1"
    port: Port = 1883
    username: str | None = None
    password: str | None = None
    tls: BrokerTls | None = None


class Devices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How devices, which stand elsewhere, reach central and its broker."""

    url: Annotated[str, msgspec.Meta(pattern=URL)] = ""
    """https://host[:port]; without it no device can be enrolled."""
    broker_host: str = ""
    """Without it, the host of `url`."""
    broker_port: Port = 8883
    tokens: bool = False
    """Take a token for a certificate: for demonstrations, where nothing is encrypted."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    venue: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{1,32}$")] = "venue"
    directory: str = "/var/lib/gatehouse-central"
    database: Annotated[str, msgspec.Meta(pattern="^(sqlite|postgres(ql)?://.+)$")] = "sqlite"
    time_zone: str = "Asia/Shanghai"
    web: Web = Web()
    broker: Broker = Broker()
    devices: Devices = Devices()
    notices: Notices = Notices()


def load(path: Path) -> Config:
    """Read a central.toml; raise ConfigError."""
    try:
        told = msgspec.convert(tomllib.loads(path.read_text()), Config)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise ConfigError(f"{path}: {where.rstrip('`') or 'file'}: {what}") from None
    except ValueError as error:  # Not TOML, or not UTF-8.
        raise ConfigError(f"{path}: {error}") from None
    try:
        settings_of(told.database, Path(told.directory))
    except ValueError as error:
        raise ConfigError(f"{path}: database: {error}") from None
    return told


def current() -> Config:
    """Return the configuration this process was started with, or the defaults."""
    path = os.environ.get(VARIABLE)
    return load(Path(path)) if path else Config()
