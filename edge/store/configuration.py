"""The files of a device's configuration, each replaced whole: `config/` in its folder.

`desired.sealed` is what central wants, as it sealed it; sync writes it. `zone.toml` is what the
door daemon goes by: it writes there what it has found good, and nothing else. `ticket.toml` is the
template of a kiosk's papers, out of the same envelope; sync writes it when it has found it good.
"""

from pathlib import Path

from edge.store.database import make_directory, sync_directory
from edge.store.list_files import write_durable

FOLDER, DESIRED, ZONE, TICKET = "config", "desired.sealed", "zone.toml", "ticket.toml"


def desired(directory: Path) -> bytes | None:
    """Return the envelope that central sent last, or None."""
    try:
        return (directory / FOLDER / DESIRED).read_bytes()
    except OSError:
        return None


def keep_desired(directory: Path, envelope: bytes) -> None:
    """On disk when this returns; raise OSError."""
    replace(prepared(directory, DESIRED, envelope))


def keep_template(directory: Path, text: str) -> None:
    """On disk when this returns; raise OSError."""
    replace(prepared(directory, TICKET, text.encode()))


def prepared(directory: Path, name: str, content: bytes) -> Path:
    """Write a file beside the one it is to replace; return its path. Raise OSError."""
    make_directory(directory / FOLDER)
    fresh = directory / FOLDER / f".{name}.next"
    write_durable(fresh, content)
    return fresh


def replace(fresh: Path) -> None:
    """Put a prepared file in its place; raise OSError."""
    fresh.replace(fresh.with_name(fresh.name.removeprefix(".").removesuffix(".next")))
    sync_directory(fresh.parent)
