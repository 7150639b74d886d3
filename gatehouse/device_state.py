"""What looking at a device's files has in common: where they are, why not, and rows written out."""

import argparse
import csv
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from wire.words import Words

DEFAULT = Path("/var/lib/gatehouse")
"""As systemd's units and the example of a gate's configuration have it."""
ENDINGS = (".csv", ".json", ".db")

Row = Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: Mapping[str, type]
    """Said beforehand: SQLite would keep the numbers of a column that begins empty as text."""


class Trouble(Exception):
    """One sentence in both languages: what is wrong, where, and what to do."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{en}\n{zh}")


def add_state(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--state",
        type=Path,
        default=DEFAULT,
        metavar="DIR",
        help=f"`directory` of the device's gate.toml; default: {DEFAULT}",
    )


@contextmanager
def reading(path: Path, absent: Words, mend: Words) -> Iterator[None]:
    """Turn whatever keeps `path` from being read into a sentence.

    `absent` and `mend` say what to do where it is not there, and where it is damaged.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        where = error.filename or path
        raise Trouble(
            f"{where} 不存在；{absent.zh}", f"{where} is not there; {absent.en}"
        ) from None
    except OSError as error:
        where, why = error.filename or path, error.strerror
        todo = Words("请检查存储卡。", "check the card.")
        if isinstance(error, PermissionError):
            todo = Words("请用 sudo 运行。", "run this with sudo.")
        raise Trouble(
            f"{where} 无法读取（{why}）；{todo.zh}", f"{where} cannot be read ({why}); {todo.en}"
        ) from None
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            raise Trouble(f"{path} 正忙；请再试一次。", f"{path} is busy; try again.") from None
        raise Trouble(
            f"{path} 已损坏（{error}）；{mend.zh}", f"{path} is damaged ({error}); {mend.en}"
        ) from None


def new_file(text: str) -> Path:
    """Read the name of a file to export to; argparse turns the error into a sentence."""
    path = Path(text)
    if path.suffix not in ENDINGS:
        raise argparse.ArgumentTypeError(f"'{text}' ends in none of {', '.join(ENDINGS)}")
    return path


def export(path: Path, state: Path, table: Table, rows: Iterator[Row]) -> int:
    """Write rows to a new file, as its ending says; return how many.

    A file is never replaced: it might be the device's own.
    """
    if path.resolve().is_relative_to(state.resolve()):
        raise Trouble(
            f"{path} 在设备自己的目录里；请换一个目录。",
            f"{path} is in the device's own folder; name another folder.",
        )
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        raise Trouble(
            f"{path} 已存在；请换一个文件名。", f"{path} exists already; name a new file."
        ) from None
    except OSError as error:
        raise Trouble(
            f"{path} 无法写入（{error.strerror}）。", f"{path}: {error.strerror}."
        ) from None
    try:
        return WRITERS[path.suffix](path, table, rows)
    except BaseException as error:
        path.unlink()  # Half of the rows would pass for all of them.
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            raise Trouble(
                f"{path} 无法写入（{error.strerror}）。", f"{path}: {error.strerror}."
            ) from None
        raise


def _write_csv(path: Path, table: Table, rows: Iterator[Row]) -> int:
    count = 0
    # With a byte order mark, or spreadsheets read the Chinese as something else.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(table.columns))
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def _write_json(path: Path, _: Table, rows: Iterator[Row]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for count, row in enumerate(rows, 1):
            file.write(",\n " if count > 1 else "\n ")
            file.write(json.dumps(row, ensure_ascii=False))
        file.write("\n]\n")
    return count


def _write_database(path: Path, table: Table, rows: Iterator[Row]) -> int:
    database = Database(path)
    try:
        written = database.table(table.name).create(dict(table.columns))
        return int(written.insert_all(dict(row) for row in rows).count)
    finally:
        database.close()


WRITERS = {".csv": _write_csv, ".json": _write_json, ".db": _write_database}
