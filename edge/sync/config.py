"""What sync is told: sync.toml, never changed remotely."""

from typing import Annotated

import msgspec

from edge.drivers.catalog import BrokerConfig, CentralConfig

DeviceId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
VenueCode = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{1,32}$")]


class DeviceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: DeviceId
    """8 bytes in hex, drawn at enrolment; the same as in gate.toml."""
    name: str = ""


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
