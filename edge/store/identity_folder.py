"""The identity folder: who this device is, its key, and how it becomes somebody else.

    identity/device.toml            who (edge/runtime/identity.py); all daemons read it
    identity/link.toml, ca.pem      where central is, and whom to believe there
    identity/device.pem             private key, certificate, issuing authority; 0600
    identity/code                   SHA-256 of the code that it was enrolled with
    identity/pending-<hash>.pem     the key made for a code that was not used to its end; 0600
    identity/.coming/               a new identity being gathered: worth nothing yet
    identity/next/                  one that is whole: it takes effect, whatever happens

Sync alone writes here. A new identity is made durable under `.coming`; renaming that to `next` is
the moment it counts. From there `settle` puts each file into its place, `device.toml` last, and
can be begun again at any point.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from edge.runtime import config, identity
from edge.runtime.config import ConfigError
from edge.runtime.identity import DeviceIdentity
from edge.store.database import FILE_MODE, make_directory, sync_directory
from wire.signed import pin

SECRET_MODE, READABLE_MODE, FOLDER_MODE = 0o600, 0o640, 0o2750
LINK, AUTHORITY, PAIR, CODE, ZONE = "link.toml", "ca.pem", "device.pem", "code", "zone.toml"
PLACED = (ZONE, AUTHORITY, PAIR, LINK, CODE, identity.FILE)
"""In the order they take effect."""
ROLES_ENDING = ".roles"


class IdentityFolder:
    def __init__(self, directory: Path) -> None:
        """`directory` is the device's. Whatever raises here raises OSError."""
        self._directory = directory
        self.path = directory / identity.FOLDER
        self._coming = self.path / ".coming"
        self._next = self.path / "next"

    @property
    def authority(self) -> Path:
        return self.path / AUTHORITY

    @property
    def pair(self) -> Path:
        return self.path / PAIR

    def settle(self) -> None:
        """Finish what an earlier life began, and throw away what it did not finish."""
        if not self.path.is_dir():
            return
        shutil.rmtree(self._coming, ignore_errors=True)
        if not self._next.is_dir():
            return
        fresh = _identity(self._next)
        if fresh is not None:
            self._forget_strangers(fresh)
        # Copied, so that whatever cuts this off finds all of it when it is begun again.
        for path in sorted(self._next.glob(f"*{ROLES_ENDING}")):
            write_over(self._folder("trust") / path.name, path.read_bytes(), FILE_MODE)
        for name in PLACED:
            self._place(name)
        for pending in self.path.glob("pending-*"):
            pending.unlink()
        shutil.rmtree(self._next)
        sync_directory(self.path)

    def key_for(self, code: bytes, make: Callable[[], bytes]) -> bytes:
        """Return the key (PEM) that was made for `code`, on disk before anybody hears of it.

        Central gives the same certificate for the same code and key, so that an enrolment which
        was cut off can go on; with another key the code is spent.
        """
        self._make()
        path = self.path / f"pending-{hashlib.sha256(code).hexdigest()[:16]}.pem"
        if path.exists():
            return path.read_bytes()
        fresh = make()
        write_over(path, fresh, SECRET_MODE)
        for other in self.path.glob("pending-*"):
            if other != path:
                other.unlink()
        return fresh

    def begin(self) -> None:
        """Gather a new identity."""
        self._make()
        shutil.rmtree(self._coming, ignore_errors=True)
        _make_folder(self._coming)

    def gather(self, name: str, content: bytes) -> Path:
        """Add a file to the identity being gathered; return where it lies for now."""
        path = self._coming / name
        _write(path, content, _mode(name))
        return path

    def commit(self) -> None:
        """Make what was gathered this device's identity."""
        sync_directory(self._coming)
        self._coming.rename(self._next)
        sync_directory(self.path)
        self.settle()

    def replace_pair(self, content: bytes) -> None:
        """Put a renewed key and certificate in the place of the old ones, which stay till then."""
        write_over(self.pair, content, SECRET_MODE)

    def replace_authority(self, content: bytes) -> None:
        """Put the root with its issuing authorities of today in the place of those before."""
        write_over(self.authority, content, READABLE_MODE)

    def enrolled_with(self, code: bytes) -> bool:
        """Whether this device was enrolled with this very code."""
        try:
            known = (self.path / CODE).read_text()
        except OSError:
            return False
        return identity.enrolled(self._directory) and known == code_hash(code)

    def _make(self) -> None:
        if not self.path.is_dir():
            make_directory(self._directory)
            _make_folder(self.path)
            sync_directory(self._directory)

    def _forget_strangers(self, fresh: DeviceIdentity) -> None:
        """Take away what another venue's central said: nothing of it may open a door here."""
        before = _identity(self.path)
        if before is not None and before.venue != fresh.venue:
            (self._directory / "list" / "current").unlink(missing_ok=True)
        roles = self._directory / "trust"
        try:
            first = (roles / f"1{ROLES_ENDING}").read_bytes()
        except OSError:
            first = b""
        if pin(first) != fresh.pin:
            for old in sorted(roles.glob(f"*{ROLES_ENDING}"), reverse=True):
                old.unlink()

    def _folder(self, name: str) -> Path:
        path = self._directory / name
        if not path.is_dir():
            make_directory(path)
            sync_directory(self._directory)
        return path

    def _place(self, name: str) -> None:
        if not (self._next / name).exists():
            return
        target = self.path / name
        if name == ZONE:
            target = self._folder("config") / ZONE
        write_over(target, (self._next / name).read_bytes(), _mode(name))


def code_hash(code: bytes) -> str:
    """Return what is kept of a code."""
    return hashlib.sha256(code).hexdigest()


def roles_files(bundles: list[bytes]) -> Mapping[str, bytes]:
    """Return the names under which each version of the roles, from the first, is gathered."""
    return {f"{version}{ROLES_ENDING}": one for version, one in enumerate(bundles, 1)}


def _identity(folder: Path) -> DeviceIdentity | None:
    try:
        return config.load(folder / identity.FILE, DeviceIdentity)
    except ConfigError:
        return None


def _make_folder(path: Path) -> None:
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    with suppress(PermissionError):
        path.chmod(FOLDER_MODE)


def _write(path: Path, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, mode)
        file.write(content)
        file.flush()
        os.fsync(handle)


def write_over(path: Path, content: bytes, mode: int) -> None:
    """Write a file so that whoever reads it finds the old or the new, on disk when it returns."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    _write(fresh, content, mode)
    fresh.replace(path)
    sync_directory(path.parent)


def _mode(name: str) -> int:
    return SECRET_MODE if name == PAIR else READABLE_MODE
