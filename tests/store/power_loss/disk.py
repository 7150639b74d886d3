"""What a disk may hold after a power cut, from a recording of what was done to it (recorder.c).

The model, stricter than ext4 is: until a file is synced, each sector of 512 bytes written to it may
be there or not, one of them torn, in any order, and a new length may be there without its bytes.
Until a directory is synced, the changes of its names since are there up to one of them, in order.
A disk that lies does nothing when it is told to sync, from some moment on.
"""

import random
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

HEAD = struct.Struct("<cQQII")
SECTOR = 512


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing done to a file or a name; `op` as recorder.c writes it."""

    op: str
    inode: int
    offset: int
    first: bytes
    second: bytes

    @property
    def name(self) -> str:
        return self.first.decode()


def read(recording: Path) -> list[Operation]:
    content, at, found = recording.read_bytes(), 0, list[Operation]()
    while at < len(content):
        op, inode, offset, first, second = HEAD.unpack_from(content, at)
        at += HEAD.size
        end = at + first + second
        parts = content[at : at + first], content[at + first : end]
        found.append(Operation(op.decode(), inode, offset, *parts))
        at = end
    return found


@dataclass(slots=True)
class _File:
    """What surely is there, and what was done since."""

    content: bytearray = field(default_factory=bytearray)
    pending: list[Operation] = field(default_factory=list)

    def sync(self) -> None:
        for operation in self.pending:
            _apply(self.content, operation)
        self.pending.clear()


@dataclass(slots=True)
class _Directory:
    entries: dict[str, tuple[str, object]] = field(default_factory=dict)
    """Name -> (kind, what): file and its bytes, link and target, or directory."""
    pending: list[tuple[str, tuple[str, object] | None]] = field(default_factory=list)

    def now(self) -> dict[str, tuple[str, object]]:
        return _named(self.entries, self.pending)


class Disk:
    """Follows a recording; at any moment, says what a cut now could leave."""

    def __init__(self, lies_from: int | None = None) -> None:
        self._lies_from = lies_from
        self._files: dict[int, _File] = {}
        self._folders: dict[str, _Directory] = {"": _Directory()}
        self._folder_of: dict[int, _Directory] = {}
        self._count = 0

    def do(self, operation: Operation) -> None:
        self._count += 1
        lies = self._lies_from is not None and self._count > self._lies_from
        match operation.op:
            case "C":
                # The number of a file that is gone may be given out again.
                made = self._files[operation.inode] = _File()
                self._folder_of.pop(operation.inode, None)
                self._name(operation.name, ("file", made))
            case "W" | "T":
                self._files.setdefault(operation.inode, _File()).pending.append(operation)
            case "S" if lies:
                pass
            case "S" if operation.inode in self._folder_of:
                folder = self._folder_of[operation.inode]
                folder.entries = folder.now()
                folder.pending.clear()
            case "S":
                self._files[operation.inode].sync()
            case "O":
                self._folder_of[operation.inode] = self._folders[operation.name]
            case "M":
                folder = self._folders[operation.name] = _Directory()
                self._name(operation.name, ("folder", folder))
            case "L":
                self._name(operation.name, ("link", operation.second.decode()))
            case "U" | "X":
                self._name(operation.name, None)
            case "R":
                self._rename(operation.name, operation.second.decode())
            case _:
                assert operation.op == "K", operation.op

    def _rename(self, old: str, new: str) -> None:
        found = self._folders[_folder(old)].now()[PurePosixPath(old).name]
        if found[0] == "folder":
            # Folders in it keep their old paths here: nothing in the store has such.
            self._folders[new] = self._folders.pop(old)
        self._name(new, found)
        self._name(old, None)

    def _name(self, path: str, what: tuple[str, object] | None) -> None:
        folder = self._folders[_folder(path)]
        folder.pending.append((PurePosixPath(path).name, what))

    def leave(self, target: Path, chance: random.Random) -> None:
        """Write to `target`, empty afterwards of all else, one of the states a cut may leave."""
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        self._leave(self._folders[""], target, chance)

    def _leave(self, folder: _Directory, target: Path, chance: random.Random) -> None:
        kept = chance.randint(0, len(folder.pending))
        for name, (kind, what) in _named(folder.entries, folder.pending[:kept]).items():
            match kind:
                case "file":
                    assert isinstance(what, _File)
                    (target / name).write_bytes(_after_cut(what, chance))
                case "link":
                    (target / name).symlink_to(str(what))
                case _:
                    assert isinstance(what, _Directory)
                    (target / name).mkdir()
                    self._leave(what, target / name, chance)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _named(
    entries: dict[str, tuple[str, object]], changes: list[tuple[str, tuple[str, object] | None]]
) -> dict[str, tuple[str, object]]:
    names = dict(entries)
    for name, what in changes:
        if what is None:
            names.pop(name, None)
        else:
            names[name] = what
    return names


def _after_cut(file: _File, chance: random.Random) -> bytes:
    if not file.pending:
        return bytes(file.content)
    content = bytearray(file.content)
    torn = chance.random() < 0.05
    for operation in file.pending:
        if operation.op == "T":
            if chance.random() < 0.5:
                _apply(content, operation)
            continue
        for offset, piece in _sectors(operation):
            if chance.random() < 0.5:
                continue
            if torn and chance.random() < 0.1:
                piece = piece[: chance.randrange(len(piece))]
            _apply(content, Operation("W", 0, offset, piece, b""))
    return bytes(content)


def _sectors(operation: Operation) -> Iterator[tuple[int, bytes]]:
    at, data = operation.offset, operation.first
    while data:
        size = SECTOR - at % SECTOR
        yield at, data[:size]
        at, data = at + size, data[size:]


def _apply(content: bytearray, operation: Operation) -> None:
    if operation.op == "T":
        del content[operation.offset :]
        content.extend(bytes(operation.offset - len(content)))
        return
    end = operation.offset + len(operation.first)
    if end > len(content):
        content.extend(bytes(end - len(content)))
    content[operation.offset : end] = operation.first
