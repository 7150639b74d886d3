"""The files of a device's configuration, each replaced whole: `config/` in its folder.

`desired.sealed` is what central wants, as it sealed it; sync writes it. `zone.toml` is what the
door daemon goes by: it writes there what it has found good, and nothing else. A kiosk's template
of papers comes out of the same envelope and lies beside it as `ticket-<version>.toml`, on disk
before the zone.toml of that version: whatever a power cut leaves, the two belong together. Where
zone.toml is not central's, `ticket.toml` is the template that somebody put there.
"""

import contextlib
from pathlib import Path

from edge.core import zone_text
from edge.store.database import make_directory, sync_directory
from edge.store.list_files import write_durable
from wire.configuration import Desired

FOLDER, DESIRED, ZONE = "config", "desired.sealed", "zone.toml"


def desired(directory: Path) -> bytes | None:
    """Return the envelope that central sent last, or None."""
    try:
        return (directory / FOLDER / DESIRED).read_bytes()
    except OSError:
        return None


def keep_desired(directory: Path, envelope: bytes) -> None:
    """On disk when this returns; raise OSError."""
    replace(prepared(directory, DESIRED, envelope))


def zone(directory: Path) -> str:
    """Return zone.toml as it lies there; nothing where it cannot be read."""
    return _text(zone_path(directory))


def template(directory: Path) -> str:
    """Return the template of papers that goes with zone.toml; nothing for the default."""
    return _text(template_path(directory))


def zone_path(directory: Path) -> Path:
    return directory / FOLDER / ZONE


def template_path(directory: Path) -> Path:
    """Where the template of papers lies that goes with zone.toml, if there is one."""
    version = zone_text.version(zone(directory))
    ours = directory / FOLDER / _ticket(version)
    return ours if version and ours.exists() else directory / FOLDER / "ticket.toml"


def prepare(directory: Path, wanted: Desired, papers: bool) -> Path:
    """Write a configuration beside the one it is to replace; `take` it then. Raise OSError.

    `papers`: with the template of papers.
    """
    if papers:
        replace(prepared(directory, _ticket(wanted.version), wanted.paper.encode()))
    return prepared(directory, ZONE, zone_text.text(wanted).encode())


def take(fresh: Path, version: int) -> None:
    """Put a prepared zone.toml in its place; raise OSError."""
    replace(fresh)
    for old in fresh.parent.glob("ticket-*.toml"):
        if old.name != _ticket(version):
            with contextlib.suppress(OSError):  # In nobody's way.
                old.unlink()


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


def _ticket(version: int) -> str:
    return f"ticket-{version}.toml"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return ""
