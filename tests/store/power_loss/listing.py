"""A device's list is installed, changed and replaced, run under the recorder: `python -m … FOLDER`.

What has been promised is marked as in `day`; `left_by` reads what a cut left. A change that was
applied may be lost with the power, for it can be fetched again; a list that lacks what the one
before it had may never be there.
"""

import sys
import tempfile
from pathlib import Path

from edge.store.list_files import INCOMING
from edge.store.list_writer import Replaces, WhitelistWriter
from tests.device import LIST_KEY, ListMaker, reading, sealed_delta, ticket, writing
from tests.store.power_loss.day import mark
from wire.entry import Entry, Standing, key_of, row
from wire.snapshot import Delta, head_after

LAST = 16
LEAST = {"v1": 0, "v2": 6, "v3": 12}
"""How far each version goes, wherever it is in use."""


def chain() -> tuple[list[Delta], list[bytes]]:
    """Return the changes, one ticket refunded by each, and the head before and after each."""
    deltas, heads = list[Delta](), [bytes(32)]
    for number in range(1, LAST + 1):
        gone = Entry(0, standing=Standing.REFUNDED)
        changed = row(key_of(ticket(number).cti, LIST_KEY), gone)
        deltas.append(Delta(number, heads[-1], tickets=(changed,)))
        heads.append(head_after(deltas[-1]))
    return deltas, heads


DELTAS, HEADS = chain()
SEALED = [sealed_delta(delta) for delta in DELTAS]


def make_ready(folder: Path, writer: WhitelistWriter, version: str, built: int) -> None:
    with tempfile.TemporaryDirectory() as outside:
        made = ListMaker(Path(outside)).make(version, range(40), built, HEADS[built])
        incoming = folder / "list" / INCOMING
        incoming.mkdir(exist_ok=True)
        came = incoming / made.path.name
        came.write_bytes(made.path.read_bytes())
        writer.begin(writer.make_ready(version, came, made.sealed))


def main(folder: Path) -> None:
    writer = writing(folder)
    make_ready(folder, writer, "v1", 0)
    writer.swap(Replaces.ALL)
    mark(folder, "is v1")
    apply(folder, writer, 1, 5)
    # A renewal, and a change that comes while it is made ready.
    make_ready(folder, writer, "v2", 3)
    apply(folder, writer, 6, 6)
    writer.swap(Replaces.SAME)
    mark(folder, "is v2")
    writer.tidy()
    apply(folder, writer, 7, 8)
    # Changes in between are gone: the snapshot is further, and is brought to the head.
    make_ready(folder, writer, "v3", 10)
    writer.bring_forward(SEALED[10:12])
    writer.swap(Replaces.ALL)
    mark(folder, "is v3")
    writer.tidy()
    apply(folder, writer, 13, LAST)


def apply(folder: Path, writer: WhitelistWriter, first: int, last: int) -> None:
    for number in range(first, last + 1):
        writer.apply(SEALED[number - 1])
        mark(folder, f"applied {number}")


def left_by(folder: Path, promised: list[str]) -> str:
    """Return what is wrong with what a cut left, or nothing."""
    link = folder / "list" / "current"
    version = link.readlink().name if link.is_symlink() else ""
    swapped = [one.split()[1] for one in promised if one.startswith("is ")]
    if swapped and version not in list(LEAST)[list(LEAST).index(swapped[-1]) :]:
        return f"{swapped[-1]} was in use, and now {version or 'nothing'} is"
    if not version:
        return ""
    whitelist = reading(folder)
    about = whitelist.about
    if about is None:
        return f"{version}: {whitelist.health}"
    if about.sequence < LEAST[version] or about.head != HEADS[about.sequence]:
        return f"{version} goes to {about.sequence}"
    for number in range(1, 40):
        entry = whitelist.look_up(ticket(number)).entry
        refunded = entry is not None and entry.standing is Standing.REFUNDED
        if refunded != (number <= about.sequence and number > _built(version)):
            return f"{version} at {about.sequence}: ticket {number} refunded is {refunded}"
    writer = writing(folder)
    if writer.current != about:
        return f"sync finds {writer.current}, a door {about}"
    writer.tidy()
    if about.sequence < LAST:
        writer.apply(SEALED[about.sequence])
    return "" if reading(folder).present else "it cannot be gone on with"


def _built(version: str) -> int:
    """Snapshots here hold no refund: each is told by its change alone."""
    return {"v1": 0, "v2": 3, "v3": 10}[version]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
