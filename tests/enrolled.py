"""What enrolment leaves in a device's folder, for tests that begin after it."""

from pathlib import Path

from edge.runtime import identity
from edge.runtime.identity import DeviceIdentity
from edge.sync.config import link_path
from tests.trusted import roles
from wire.signed import pin

ROOT_PIN = pin(roles()).hex()


def write_identity(
    directory: Path, device: str, venue: str = "venue", root: str = ROOT_PIN
) -> None:
    folder = directory / identity.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / identity.FILE).write_text(identity.text(DeviceIdentity(device, venue, root)))


def write_link(directory: Path, broker_port: int, url: str, token: str) -> None:
    """Without TLS: on the loopback alone."""
    link_path(directory).write_text(
        f'[broker]\nport = {broker_port}\n[central]\nurl = "{url}"\ntoken = "{token}"\n'
    )
