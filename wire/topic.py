"""The names of the MQTT topics: `gh/1/<venue>/…`.

The device's id is its own level, so that a broker's access list can pin it to the client's
certificate (`pattern write gh/1/+/up/%u/#`).
"""

from dataclasses import dataclass

ROOT = "gh/1"


@dataclass(frozen=True, slots=True)
class Topics:
    """Topics of one venue; `device` is the device id in hex."""

    venue: str

    def live(self, device: str) -> str:
        """Device to central: the newest rows, at once."""
        return f"{ROOT}/{self.venue}/up/{device}/live"

    def backlog(self, device: str) -> str:
        """Device to central: older rows, in order, many at a time."""
        return f"{ROOT}/{self.venue}/up/{device}/backlog"

    def hello(self, device: str) -> str:
        """Device to central: what the device has, on every connection."""
        return f"{ROOT}/{self.venue}/up/{device}/hello"

    def ack(self, device: str) -> str:
        """Central to device: what central has committed, and what it lacks. Never retained."""
        return f"{ROOT}/{self.venue}/down/{device}/ack"

    def command(self, device: str) -> str:
        """Central to device: one signed order (wire/command.py). Never retained."""
        return f"{ROOT}/{self.venue}/down/{device}/command"

    def configuration(self, device: str) -> str:
        """Central to device: what it is to be configured as (wire/configuration.py)."""
        return f"{ROOT}/{self.venue}/down/{device}/configuration"

    def status(self, device: str) -> str:
        """Device to central: which list it goes by (wire/delivery.py)."""
        return f"{ROOT}/{self.venue}/up/{device}/status"

    def log(self, device: str) -> str:
        """Device to central: the end of its log, when a command asked for it."""
        return f"{ROOT}/{self.venue}/up/{device}/log"

    def claim(self, device: str) -> str:
        """Device to the ledger of claims (wire/claim.py)."""
        return f"{ROOT}/{self.venue}/up/{device}/claim"

    def claim_answer(self, device: str) -> str:
        """The ledger of claims to a device, sealed. Never retained."""
        return f"{ROOT}/{self.venue}/down/{device}/claim"

    def deltas(self) -> str:
        """Central to all: changes of the list."""
        return f"{ROOT}/{self.venue}/list/delta"

    def heartbeat(self) -> str:
        """Central to all, retained: head of the list and time."""
        return f"{ROOT}/{self.venue}/list/heartbeat"

    def everything_up(self) -> str:
        """What central subscribes to."""
        return f"{ROOT}/{self.venue}/up/+/+"


def sender(topic: str) -> tuple[str, str] | None:
    """Return (device, kind) of an `up` topic, or None."""
    levels = topic.split("/")
    if len(levels) != 6 or levels[3] != "up":
        return None
    return levels[4], levels[5]
