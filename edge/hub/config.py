"""What a hub is told: hub.toml, by whoever installs it; who it is stands in `identity/`."""

from typing import Annotated

import msgspec

from edge.drivers.catalog import BrokerConfig
from edge.runtime.identity import DeviceId


class DeviceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device that uses rights of this venue."""

    id: DeviceId
    name: Annotated[str, msgspec.Meta(max_length=40)] = ""
    """For people: "used at …"."""


class HubConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    directory: str = "/var/lib/gatehouse"
    broker: BrokerConfig = BrokerConfig()
    """The hub's own, on the same machine."""
    intercom: str = "/run/gatehouse/sync.sock"
    """Of the sync beside it, which brings central's orders and takes the log."""
    device: tuple[DeviceConfig, ...] = ()
    """All that may claim or use rights; no other is heard. None: those whom central names; until
    it has, whoever the broker lets in, and then a hub that was replaced is not sure."""
