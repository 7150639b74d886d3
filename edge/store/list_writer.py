"""Sync's side of the list: makes a new version ready beside the one in use, applies changes.

A version is a folder. It is made ready under its own name (files verified and on disk, changes
added that came since it was built), and then the link `list/current` is swapped: a door sees the
list before or the list after, and never one that lacks a change which the one before had.
"""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from enum import Enum
from pathlib import Path

from edge.core.list_terms import Overlay
from edge.store.changes import Changes, ListDamaged, Unseal, check_delta, payload
from edge.store.database import (
    FILE_MODE,
    make_directory,
    open_durable,
    open_readonly,
    sync_directory,
)
from edge.store.list_files import (
    CURRENT,
    INCOMING,
    MANIFEST,
    OVERLAY,
    SNAPSHOT,
    check_made,
    check_snapshot,
    flush,
    snapshot_about,
    verify_snapshot,
    write_durable,
)
from edge.store.trust import TrustStore
from wire.codec import WireError, decode
from wire.signed import Purpose
from wire.snapshot import About, Delta, Manifest


class ChainBroken(Exception):
    """A delta does not follow what this device has."""


class NotReady(Exception):
    """What was made ready cannot take the place of the list in use; the message says why."""


class Replaces(Enum):
    """What a new list must hold to take the place of the one in use."""

    SAME = "the same changes"
    ALL = "all its changes, and more"
    WHATEVER = "whatever central says"
    """Its chain is no longer central's, or there is none."""


class _Version:
    """One version of the list, open for changes."""

    def __init__(self, folder: Path, unseal: Unseal, every_commit: bool) -> None:
        """Raise ListDamaged, WireError, sqlite3.Error or OSError if it cannot be gone on with."""
        self.folder = folder
        self._unseal = unseal
        with closing(open_readonly(folder / SNAPSHOT, immutable=True)) as snapshot:
            built = snapshot_about(snapshot)
        check_made(folder / OVERLAY)
        self._built_at = built.sequence
        self._changes = Changes(built)
        self._overlay = open_durable(folder / OVERLAY, "overlay", every_commit=every_commit)
        try:
            self.follow()
        except BaseException:
            self.close()
            raise

    @property
    def about(self) -> About:
        return self._changes.about

    @property
    def overlay(self) -> Overlay:
        return Overlay(self._built_at, self._changes.size_bytes)

    def follow(self) -> None:
        """Take up what is in the overlay by now."""
        self._changes.follow(self._overlay, self._unseal)

    def add(self, envelopes: Iterable[bytes]) -> None:
        """Keep changes as central sealed them, in one transaction.

        Raise Untrusted, ChainBroken or ListDamaged at the first that is no good; those before it
        are kept.
        """
        self._overlay.execute("BEGIN IMMEDIATE")
        try:
            self._insert(envelopes)
        finally:
            if self._overlay.in_transaction:  # A full disk has rolled it back by itself.
                self._overlay.execute("COMMIT")
            self.follow()

    def _insert(self, envelopes: Iterable[bytes]) -> None:
        sequence, head = self.about.sequence, self.about.head
        for envelope in envelopes:
            body = self._unseal(envelope, Purpose.LIST)
            delta = decode(body, Delta)
            if (delta.sequence, delta.previous) != (sequence + 1, head):
                raise ChainBroken(f"delta {delta.sequence} does not follow {sequence}")
            check_delta(delta)
            self._overlay.execute("INSERT INTO change VALUES (?, ?)", (delta.sequence, envelope))
            sequence, head = delta.sequence, hashlib.sha256(body).digest()

    def beyond(self, about: About) -> Iterator[bytes]:
        """Yield the changes after that head; none if it is not on this chain."""
        rows = "SELECT envelope FROM change WHERE sequence > ? ORDER BY sequence"
        for number, (envelope,) in enumerate(self._overlay.execute(rows, (about.sequence,))):
            if not number:
                first = decode(payload(envelope), Delta)
                if (first.sequence, first.previous) != (about.sequence + 1, about.head):
                    return
            yield envelope

    def relax(self) -> None:
        """Sync commits no longer at once: from now on what is lost can be fetched again."""
        self._overlay.execute("PRAGMA synchronous = NORMAL")

    def close(self) -> None:
        self._overlay.close()


class WhitelistWriter:
    """For sync, on one thread; `make_ready` and `tidy` may run on another, one at a time."""

    def __init__(self, directory: Path, trust: TrustStore) -> None:
        self._trust = trust
        self._root = directory / "list"
        self._link = str(self._root / CURRENT)
        make_directory(self._root)
        sync_directory(directory)
        self._used: _Version | None = None
        self._roles = 0
        """Of whom `_used` was found to be."""
        self._ready: _Version | None = None
        self._made = ""
        """What was made ready last, in use yet or not."""

    def held(self) -> tuple[About, Overlay] | None:
        """Return what this device has, and what of it has gathered beside the snapshot."""
        used = self._in_use()
        return (used.about, used.overlay) if used else None

    @property
    def current(self) -> About | None:
        """What this device has; None where there is no list or it is damaged."""
        used = self._in_use()
        return used.about if used else None

    @property
    def overlay(self) -> Overlay | None:
        """What has gathered beside the snapshot in use."""
        used = self._in_use()
        return used.overlay if used else None

    def apply(self, sealed: bytes) -> About:
        """Keep one delta, as central sealed it.

        Raise Untrusted unless central did, ChainBroken if it does not follow, ListDamaged if it
        holds what no door could read.
        """
        used = self._in_use()
        if used is None:
            raise ChainBroken("there is no list to apply it to")
        used.add((sealed,))
        return used.about

    def install(self, version: str, snapshot: Path, sealed: bytes) -> None:
        """Make a snapshot the list in use as it is, whatever there was before."""
        self.begin(self.make_ready(version, snapshot, sealed))
        self.swap(Replaces.WHATEVER)

    def make_ready(self, version: str, snapshot: Path, sealed: bytes) -> str:
        """Verify `snapshot` (a file of this disk, taken over); return the name it lies under.

        `sealed`: its manifest as central sealed it. Raise ListDamaged if the file is not what the
        manifest says, Untrusted for a manifest of somebody else's.
        """
        manifest = decode(self._trust.unseal(sealed, Purpose.LIST), Manifest)
        try:
            check_snapshot(snapshot, manifest)
        except ListDamaged as damaged:
            raise ListDamaged(f"snapshot {version}: {damaged}") from None
        self._made = ""
        self.tidy()
        name = self._made = self._fresh_name(version)
        folder = self._root / name
        make_directory(folder)
        snapshot.chmod(FILE_MODE)
        snapshot.replace(folder / SNAPSHOT)
        flush(folder / SNAPSHOT)
        write_durable(folder / MANIFEST, sealed)
        open_durable(folder / OVERLAY, "overlay").close()
        sync_directory(folder)
        sync_directory(self._root)
        return name

    def begin(self, name: str) -> About:
        """Go on with what was made ready under that name; return how far it goes."""
        self._forget_ready()
        # Each commit on disk: the link must not be durable before what it points to.
        self._ready = _Version(self._root / name, self._trust.unseal, every_commit=True)
        return self._ready.about

    def ready(self) -> About:
        """Return how far the list goes that was begun; raise NotReady if none was."""
        if self._ready is None:
            raise NotReady("no list was made ready")
        return self._ready.about

    def bring_forward(self, envelopes: Iterable[bytes]) -> About:
        """Add changes to the list that was begun; raise as `apply` does."""
        if self._ready is None:
            raise NotReady("no list was made ready")
        self._ready.add(envelopes)
        return self._ready.about

    def swap(self, replaces: Replaces) -> None:
        """Put the list that was made ready in use, with all changes of the one before.

        Raise NotReady if it lacks one all the same; nothing has changed then.
        """
        ready, used = self._ready, self._in_use()
        if ready is None:
            raise NotReady("no list was made ready")
        if used is not None and replaces is not Replaces.WHATEVER:
            ready.add(used.beyond(ready.about))
            _check(ready.about, used.about, replaces)
        fresh = self._root / f".{CURRENT}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(ready.folder.name)
        fresh.replace(self._root / CURRENT)
        sync_directory(self._root)
        ready.relax()
        self._forget_used()
        self._used, self._roles, self._ready = ready, self._trust.version, None

    def tidy(self) -> None:
        """Remove every version but the one in use: the one before, and what was never finished.

        Not at once after a swap: a door may be opening what the link said a moment ago.
        """
        used = self._folder()
        for folder in self._root.iterdir():
            if folder.is_symlink() or folder == used or folder.name in (INCOMING, self._made):
                continue
            if folder.is_dir():
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Let go of the files; they are opened again when they are needed."""
        self._forget_used()
        self._forget_ready()

    def _in_use(self) -> _Version | None:
        """Return the version in use, as it is by now; None where there is none to go by."""
        folder, believed = self._folder(), self._trust.version
        if folder is None:
            self._forget_used()
            return None
        try:
            if self._used is None or (self._used.folder, self._roles) != (folder, believed):
                # Also when other keys sign than did: doors that start now ask by those.
                self._forget_used()
                verify_snapshot(folder, self._trust.unseal)
                self._used = _Version(folder, self._trust.unseal, every_commit=False)
                self._roles = believed
            else:
                self._used.follow()
        except (ListDamaged, WireError, sqlite3.Error, OSError):
            self._forget_used()
        return self._used

    def _folder(self) -> Path | None:
        try:
            # Asked at each change of the list, and mostly the same.
            name = os.readlink(self._link)  # noqa: PTH115
        except OSError:
            return None
        if self._used is not None and self._used.folder.name == name:
            return self._used.folder
        return self._root / name

    def _fresh_name(self, version: str) -> str:
        """Return another name than that of the list in use, for doors tell lists by it."""
        used = self._folder()
        base, _, number = used.name.rpartition("~") if used else ("", "", "")
        if used is not None and version in (used.name, base):
            return f"{version}~{int(number) + 1 if base == version else 2}"
        return version

    def _forget_used(self) -> None:
        if self._used:
            self._used.close()
        self._used = None

    def _forget_ready(self) -> None:
        if self._ready:
            self._ready.close()
        self._ready = None


def _check(ready: About, used: About, replaces: Replaces) -> None:
    same = (ready.sequence, ready.head) == (used.sequence, used.head)
    if replaces is Replaces.SAME and not same:
        raise NotReady(f"it goes to change {ready.sequence}, the list in use to {used.sequence}")
    if replaces is Replaces.ALL and not same and ready.sequence <= used.sequence:
        raise NotReady(f"it goes to change {ready.sequence}, the list in use to {used.sequence}")
