"""What sync is told: sync.toml by whoever installs, identity/link.toml when it is enrolled."""

from pathlib import Path

import msgspec

from edge.drivers.catalog import BrokerConfig, CentralConfig
from edge.runtime.identity import FOLDER


class IntercomConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str = "/run/gatehouse/sync.sock"


class HubConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The hub of this venue, where there is one; claims are then asked of it and of nobody else."""

    broker: BrokerConfig
    lists: CentralConfig | None = None
    """Where it keeps what it has fetched of central's lists."""


class SyncConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    directory: str = "/var/lib/gatehouse"
    intercom: IntercomConfig = IntercomConfig()
    hub: HubConfig | None = None


class LinkConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to reach central; beside the device's identity, never changed remotely."""

    broker: BrokerConfig
    central: CentralConfig


def link_path(directory: Path) -> Path:
    return directory / FOLDER / "link.toml"
