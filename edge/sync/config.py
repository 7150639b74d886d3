"""What sync is told: sync.toml, never changed remotely."""

from typing import Annotated

import msgspec

DeviceId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
VenueCode = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{1,32}$")]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Url = Annotated[str, msgspec.Meta(pattern="^https?://[^/]+")]


class DeviceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: DeviceId
    """8 bytes in hex, drawn at enrolment; the same as in gate.toml."""
    name: str = ""


class TlsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Paths of PEM files."""

    authority: str
    certificate: str | None = None
    key: str | None = None


class BrokerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str = "127.0.0.1"
    port: Port = 1883
    username: str | None = None
    password: str | None = None
    tls: TlsConfig | None = None


class CentralConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: Url
    """Without a path: "https://central.example"."""
    token: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern="^[!-~]+$")]


class IntercomConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str = "/run/gatehouse/sync.sock"


class SyncConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    device: DeviceConfig
    venue: VenueCode
    """As in the topics' names."""
    broker: BrokerConfig
    central: CentralConfig
    directory: str = "/var/lib/gatehouse"
    intercom: IntercomConfig = IntercomConfig()
