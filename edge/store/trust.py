"""Whom this device believes: every version of the roles since it was enrolled.

`trust/<version>.roles` in the device's folder, written by sync alone as they come, read by every
daemon. The first is the one whose hash the enrolment pinned; each other is vouched for by the one
before, so that a folder that somebody has changed is found out at the next reading.
"""

from pathlib import Path

from edge.store.database import FILE_MODE, make_directory
from edge.store.list_files import write_durable
from wire.codec import WireError
from wire.signed import Purpose, Trust, Untrusted, following_trust, pinned_trust


class TrustStore:
    """The newest trust of a device; None until central's first roles have come."""

    def __init__(self, directory: Path, root: bytes, venue: str) -> None:
        """`root`: 32 bytes, the pin of the first roles (wire.signed.pin)."""
        self._folder = directory / "trust"
        self._root = root
        self.venue = venue
        self.trust: Trust | None = None
        self.health: str | None = "no roles yet"
        """Why there is nobody to believe; None when there is."""
        self.refresh()

    @property
    def version(self) -> int:
        """Of the newest roles; 0 before the first."""
        return self.trust.roles.version if self.trust else 0

    def refresh(self) -> bool:
        """Read what has come since; True if there are newer roles now."""
        before = self.version
        while True:
            path = self._folder / f"{self.version + 1}.roles"
            try:
                content = path.read_bytes()
            except OSError:
                break
            try:
                self.trust = self._next(content)
            except WireError as error:
                self.health = f"{path}: {error}"
                break
            self.health = None
        return self.version > before

    def unseal(self, envelope: bytes, purpose: Purpose) -> bytes:
        """Return what is in an envelope; raise Untrusted, or WireError if it is none.

        A key that nobody here knows may be one of newer roles, which sync has put down since.
        """
        try:
            return self._unseal(envelope, purpose)
        except Untrusted:
            if not self.refresh():
                raise
        return self._unseal(envelope, purpose)

    def add(self, bundled: bytes) -> None:
        """Believe the next version of the roles, and keep it; raise Untrusted or WireError."""
        trust = self._next(bundled)
        make_directory(self._folder)
        fresh = self._folder / ".next"
        write_durable(fresh, bundled)
        fresh.chmod(FILE_MODE)
        fresh.replace(self._folder / f"{trust.roles.version}.roles")
        self.trust, self.health = trust, None
        for left in self._folder.glob("*.roles"):
            # Of another root, from before this device was enrolled anew.
            if left.stem.isdigit() and int(left.stem) > self.version:
                left.unlink()

    def _unseal(self, envelope: bytes, purpose: Purpose) -> bytes:
        if self.trust is None:
            raise Untrusted(f"nobody to believe: {self.health}")
        return self.trust.unseal(envelope, purpose)

    def _next(self, bundled: bytes) -> Trust:
        if self.trust is None:
            trust = pinned_trust(bundled, self._root)
            if trust.roles.venue != self.venue:
                raise Untrusted(f"roles of {trust.roles.venue}, and this device is {self.venue}'s")
            return trust
        return following_trust(bundled, self.trust)
