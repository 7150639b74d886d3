"""`gatehouse journal`: what happened at this device, for the technician who stands before it.

The journal is only read, while the gate writes it or while it does not run. A row that cannot be
read is said to be so in its place; the rest is shown nevertheless.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text
from sqlite_utils import Database

from edge.store.journal import FILE
from edge.store.untouched import open_untouched
from gatehouse import journal_words as words
from gatehouse.device_state import Row, Table, Trouble, add_state, export, new_file, reading
from wire.codec import WireError
from wire.event import AnyEvent, ClockQuality, Refused, Stamp
from wire.row import Unknown, decode_row
from wire.ticket import CTI_BYTES
from wire.words import Words

LAST, PAGE = 40, 2000
"""Rows shown; rows read at once, so that no reading keeps the gate from its next checkpoint."""
POLL_SECONDS = 0.5
CTI_BYTES_LEAST = 4
WIDTHS = (9, 19, 19, 6, 26)
"""Cells of number, time, clock, lane and kind."""
ROWS = "SELECT epoch AS number, seq, body, wall_ms FROM row"
COLUMNS = {
    **{"epoch": int, "seq": int, "wall": str, "wall_ms": int, "clock": str},
    **{"kind": str, "kind_zh": str, "kind_en": str},
    **{"reason": str, "reason_zh": str, "reason_en": str},
    **{"lane": str, "checkpoint": str, "direction": str, "cti": str},
    **{"admission": str, "person": int, "count": int, "quantity": int, "more": str},
}
"""Of an export; what only some kinds have stands in `more`, as JSON."""
CLOCK_STYLES = {ClockQuality.SIGNED: "green", ClockQuality.SUSPECT: "yellow"}
ABSENT = Words(
    "这里还没有闸机运行过，或目录不对：用 --state 指定 gate.toml 里的 directory。",
    "no gate has run here yet, or it is another folder: name the `directory` of gate.toml "
    "with --state.",
)
MEND = Words(
    "闸机下次启动时会修复：systemctl restart gatehouse-gate。",
    "the gate mends it at its next start: systemctl restart gatehouse-gate.",
)
Place = tuple[int, int]
"""(number of the epoch, seq): rows stand in this order."""


@dataclass(frozen=True, slots=True)
class Told:
    """A row as it was read; `happened` None: it cannot be."""

    place: Place
    wall_ms: int
    happened: AnyEvent | Unknown | None
    stamp: Stamp | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows of one ticket; nothing: all rows."""

    cti: bytes = b""
    """Its beginning is enough."""

    @property
    def where(self) -> str:
        """What holds for a ticket's rows: they name it, or an admission of it."""
        uses = "SELECT 1 FROM use WHERE cti BETWEEN :cti AND :last AND instr(row.body, admission)"
        return f"(instr(body, :cti) OR EXISTS ({uses}))" if self.cti else "1"

    @property
    def values(self) -> dict[str, object]:
        last = self.cti.ljust(CTI_BYTES, b"\xff")
        return {"cti": self.cti, "last": last} if self.cti else {}


def main(argv: list[str]) -> int:
    """Return 0, or 1 if the journal or a row of it cannot be read."""
    asked = parser().parse_args(argv)
    path: Path = asked.state / FILE
    try:
        if asked.export:
            return _export(path, asked)
        return _follow(path, asked) if asked.follow else _show(path, asked)
    except Trouble as trouble:
        print(f"gatehouse journal: {trouble}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="gatehouse journal", description="What happened at this device; newest last."
    )
    add_state(top)
    top.add_argument(
        "--last", type=_count, metavar="N", help=f"so many events; 0: all; default: {LAST}"
    )
    top.add_argument("--ticket", type=_wanted, default=Wanted(), metavar="CTI_HEX")
    either = top.add_mutually_exclusive_group()
    either.add_argument("--follow", action="store_true", help="go on as things happen")
    either.add_argument("--export", type=new_file, metavar="FILE.csv|.json|.db")
    return top


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is no number of events")
    return int(text)


def _wanted(text: str) -> Wanted:
    try:
        cti = bytes.fromhex(text)
    except ValueError:
        cti = b""
    if not CTI_BYTES_LEAST <= len(cti) <= CTI_BYTES:
        sentence = f"'{text}' is no cti; write 8 to 32 hexadecimal digits"
        raise argparse.ArgumentTypeError(sentence)
    return Wanted(cti)


def newest(path: Path, wanted: Wanted, count: int) -> list[Told]:
    """Return the last `count` rows, oldest first; raise Trouble."""
    question = f"{ROWS} WHERE {wanted.where} ORDER BY epoch DESC, seq DESC LIMIT :count"
    return _ask(path, question, {**wanted.values, "count": count})[::-1]


def after(path: Path, wanted: Wanted, place: Place = (0, 0)) -> Iterator[Told]:
    """Yield the rows behind a place, a page at a time; raise Trouble."""
    question = (
        f"{ROWS} WHERE (epoch, seq) > (:number, :seq) AND {wanted.where}"
        " ORDER BY epoch, seq LIMIT :count"
    )
    while True:
        here = {"number": place[0], "seq": place[1], "count": PAGE}
        page = _ask(path, question, {**wanted.values, **here})
        yield from page
        if len(page) < PAGE:
            return
        place = page[-1].place


def _ask(path: Path, question: str, values: dict[str, object]) -> list[Told]:
    with reading(path, ABSENT, MEND), closing(open_untouched(path)) as database:
        return [_told(row) for row in Database(database).query(question, values)]


def _told(row: dict[str, Any]) -> Told:
    place, body = (row["number"], row["seq"]), row["body"]
    try:
        happened, stamp = decode_row(body if isinstance(body, bytes) else b"")
    except WireError:
        return Told(place, row["wall_ms"], None, None)
    return Told(place, stamp.wall_ms, happened, stamp)


def _show(path: Path, asked: argparse.Namespace) -> int:
    damaged = 0
    console = Console(highlight=False)
    for told in _first(path, asked):
        console.print(line(told), soft_wrap=True)
        damaged += told.happened is None
    return _damage(path, damaged)


def _first(path: Path, asked: argparse.Namespace) -> Iterable[Told]:
    if asked.last == 0:
        return after(path, asked.ticket)
    return newest(path, asked.ticket, LAST if asked.last is None else asked.last)


def _damage(path: Path, damaged: int) -> int:
    if not damaged:
        return 0
    raise Trouble(
        f"{path} 有 {damaged} 条记录无法读取；{MEND.zh}",
        f"{path} has {damaged} rows that cannot be read; {MEND.en}",
    )


def _follow(path: Path, asked: argparse.Namespace) -> int:
    console, place = Console(highlight=False), _top(path)
    rows = _first(path, asked)
    while True:
        for told in rows:
            console.print(line(told), soft_wrap=True)
            place = max(place, told.place)
        sys.stdout.flush()
        time.sleep(POLL_SECONDS)
        top = _top(path)
        rows = list(after(path, asked.ticket, place))
        place = max(place, top)  # Nothing of this ticket up to there: not to be read again.


def _top(path: Path) -> Place:
    question = f"{ROWS} ORDER BY epoch DESC, seq DESC LIMIT 1"
    return max((told.place for told in _ask(path, question, {})), default=(0, 0))


def _export(path: Path, asked: argparse.Namespace) -> int:
    rows = after(path, asked.ticket)
    if asked.last:
        rows = iter(newest(path, asked.ticket, asked.last))
    damaged: list[Place] = []

    def columns() -> Iterator[Row]:
        for told in rows:
            if told.happened is None:
                damaged.append(told.place)
            yield exported(told)

    count = export(asked.export, asked.state, Table("event", COLUMNS), columns())
    print(f"{asked.export}: {count} 条记录 rows")
    return _damage(path, len(damaged))


def exported(told: Told) -> Row:
    """Return a row as an export has it, in the order of COLUMNS."""
    happened, kind = told.happened, words.kind_of(told.happened)
    plain = {} if happened is None else msgspec.to_builtins(happened, builtin_types=(bytes,))
    fields = {
        name: value.hex() if isinstance(value, bytes) else value for name, value in plain.items()
    }
    said = words.reason_words(happened.reason) if isinstance(happened, Refused) else None
    fields |= {
        "epoch": told.place[0],
        "seq": told.place[1],
        "wall": _local(told.wall_ms),
        "wall_ms": told.wall_ms,
        "clock": told.stamp.clock.value if told.stamp else None,
        "kind_zh": kind.words.zh,
        "kind_en": kind.words.en,
        "reason_zh": said.zh if said else None,
        "reason_en": said.en if said else None,
    }
    more = {name: value for name, value in fields.items() if name not in COLUMNS}
    fields["more"] = json.dumps(more, ensure_ascii=False) if more else None
    return {column: fields.get(column) for column in COLUMNS}


def _local(wall_ms: int) -> str:
    """Return a time as this machine's zone has it, or the number that no calendar has."""
    try:
        return datetime.fromtimestamp(wall_ms / 1000).astimezone().isoformat(" ", "seconds")
    except (ValueError, OverflowError, OSError):
        return str(wall_ms)


def line(told: Told) -> Text:
    """Return a row as one line: number, time, what the clock is worth, lane, what happened."""
    kind = words.kind_of(told.happened)
    icon, style = kind.weight.value
    clock = told.stamp.clock if told.stamp else None
    lane = getattr(told.happened, "lane", "")
    cells = (
        (f"{told.place[0]}·{told.place[1]}".rjust(WIDTHS[0]), "dim"),
        (_local(told.wall_ms)[:19], ""),
        (
            words.both(words.CLOCKS[clock]) if clock else "",
            CLOCK_STYLES.get(clock, "") if clock else "",
        ),
        (words.printable(lane), "bold"),
        (f"{icon} {words.both(kind.words)}", style),
    )
    text = Text(no_wrap=True, overflow="ignore")
    for (said, look), width in zip(cells, WIDTHS, strict=True):
        text.append(said + " " * max(width - cell_len(said), 0), look)
        text.append("  ")
    text.append(words.details(told.happened))
    text.rstrip()
    return text
