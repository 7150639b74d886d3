"""A throw-away copy of the whole tree, in which a countermeasure is taken out.

The copy has an interpreter of its own whose path is the copy and then this one's libraries, so
that the copy is what is imported, in whatever folder and environment a process of a test starts.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.countermeasures.page import ROOT
from tests.countermeasures.terms import Change


class Stale(Exception):
    """What a change takes out does not stand in the source exactly once."""


@dataclass(frozen=True, slots=True)
class Copy:
    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / ".venv/bin/python"

    @contextmanager
    def without(self, change: Change) -> Iterator[None]:
        """Take a countermeasure out, and put it back."""
        kept: dict[Path, bytes] = {}
        try:
            for edit in change.edits:
                path = self.folder / edit.file
                kept.setdefault(path, path.read_bytes())
                path.write_text(changed(path.read_text(), edit.old, edit.new, edit.file))
            yield
        finally:
            for path, source in kept.items():
                path.write_bytes(source)


def changed(source: str, old: str, new: str, file: str) -> str:
    """Return the source with `old` replaced; raise Stale unless it is there exactly once."""
    if (times := source.count(old)) != 1:
        raise Stale(f"{file}: {times} times instead of once: {old!r}")
    return source.replace(old, new)


@contextmanager
def copied() -> Iterator[Copy]:
    """Copy what git knows of, and what it would if it were added."""
    with TemporaryDirectory(prefix="gatehouse-without-") as name:
        copy = Copy(Path(name))
        command = ["git", "-c", "safe.directory=*", "ls-files", "-zco", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        for file in filter(None, listed.stdout.split("\0")):
            source, target = ROOT / file, copy.folder / file
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        _interpreter(copy)
        # Compiled by content: a change within one second would not be noticed by the file's time.
        subprocess.run(
            [copy.python, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "."],
            cwd=copy.folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        yield copy


def _interpreter(copy: Copy) -> None:
    libraries = sysconfig.get_path("purelib")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    own = copy.folder / ".venv/lib" / version / "site-packages"
    own.mkdir(parents=True)
    copy.python.parent.mkdir()
    base = Path(sys.base_prefix) / "bin" / version
    copy.python.symlink_to(base if base.exists() else os.path.realpath(sys.executable))
    (copy.folder / ".venv/pyvenv.cfg").write_text(f"home = {copy.python.resolve().parent}\n")
    # Not a `.pth` of those libraries is read: theirs would name the tree that is copied.
    (own / "copy.pth").write_text(f"{copy.folder}\n{libraries}\n")
