"""What a hub's own broker and web server read: `broker/` in the device's folder.

    broker/ca.pem, crl.pem      root and issuing authorities, and who is revoked
    broker/hub.key, hub.pem     the broker's key, made here, and its certificate
    broker/broker.acl           who may say and hear what
    broker/central.conf         where the web server finds central (provisioning/nginx-hub.conf)

Sync alone writes here. Each file is replaced whole, and only where it differs: what watches it
tells the broker to read it again. The names are those of files that were brought by hand.
"""

from pathlib import Path

from edge.store.database import sync_directory
from edge.store.identity_folder import write_over

FOLDER = "broker"
FOLDER_MODE, SECRET_MODE, READABLE_MODE = 0o755, 0o600, 0o644
AUTHORITY, REVOKED = "ca.pem", "crl.pem"
KEY, CERTIFICATE = "hub.key", "hub.pem"
ACCESS, CENTRAL = "broker.acl", "central.conf"


class BrokerFolder:
    def __init__(self, directory: Path) -> None:
        """`directory` is the device's. Whatever raises here raises OSError."""
        self._directory = directory
        self.path = directory / FOLDER

    def read(self, name: str) -> bytes | None:
        """Return what is there, or None."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> bool:
        """Make it so, on disk when this returns; return whether it was otherwise."""
        if self.read(name) == content:
            return False
        if not self.path.is_dir():
            self.path.mkdir(parents=True)
            # The broker is another user, and no more of the device's folder is shown to it.
            self.path.chmod(FOLDER_MODE)
            sync_directory(self._directory)
        write_over(self.path / name, content, SECRET_MODE if name == KEY else READABLE_MODE)
        return True
