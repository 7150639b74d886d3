"""What sync is told: sync.toml by whoever installs, identity/link.toml when it is enrolled.

Where the hub is, central says as well; what is written here goes before.
"""

from pathlib import Path

import msgspec

from edge.drivers.catalog import BrokerConfig, CentralConfig, TlsConfig
from edge.runtime.identity import FOLDER
from edge.store.identity_folder import IdentityFolder
from edge.sync.whereabouts import is_hub, place_of
from wire.configuration import Desired


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


def hub_of(told: SyncConfig, desired: Desired | None, directory: Path) -> HubConfig | None:
    """Return how this device reaches the hub; None where there is none, or it is the hub."""
    if told.hub is not None or is_hub(desired):
        return told.hub
    place = place_of(desired)
    if place is None:
        return None
    folder = IdentityFolder(directory)
    tls = TlsConfig(str(folder.authority), str(folder.pair))
    named = f"[{place.host}]" if ":" in place.host else place.host
    lists = CentralConfig(f"https://{named}", tls=tls)
    return HubConfig(BrokerConfig(place.host, place.port, tls=tls), lists)
