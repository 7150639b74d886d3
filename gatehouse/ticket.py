"""`gatehouse ticket`: keys, tickets, and what is on a ticket, for central's staff and for tests.

A ring is a JSON file with the key records a venue publishes, `{"keys": [{"kid": hex, …}]}`.
Private keys are PEM files (PKCS #8) that nobody but their owner can read.
"""

import argparse
import csv
import io
import secrets
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import segno
from msgspec import structs

from edge.core import credential, notice
from edge.core.credential import Unusable
from gatehouse import moving
from gatehouse.keyring import (
    KeyFileError,
    add_key,
    find_record,
    read_private_key,
    read_ring,
    set_status,
)
from wire import rotating
from wire import ticket as gh1
from wire.key import KeyRecord, KeyRing, Status
from wire.reason import Reason
from wire.ticket import CTI_BYTES, Signed, Ticket, TicketError

NUMBERS = ("seat", "flags", "serial", "generation", "quantity", "leg")
TIMES = ("not_before", "expires", "issued_at")
QR_BORDER = 4


class CommandError(Exception):
    """One sentence for the person who typed the command: what is wrong, and what to do."""


def main(argv: list[str]) -> int:
    """Return 0 if all went well, 1 if a ticket is refused, 2 if the command cannot be done."""
    asked = parser().parse_args(argv)
    try:
        return int(asked.do(asked))
    except (CommandError, KeyFileError) as error:
        print(f"gatehouse ticket: {error}", file=sys.stderr)
    except OSError as error:
        where = error.filename or "a file"
        print(f"gatehouse ticket: {where}: {error.strerror}.", file=sys.stderr)
    return 2


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="gatehouse ticket", description="Keys and tickets (GH1, GH9)."
    )
    add = top.add_subparsers(required=True, metavar="COMMAND").add_parser
    keygen = add("keygen", help="make a key, and add its record to a ring")
    keygen.add_argument("--key", type=Path, required=True, help="new file for the private key")
    keygen.add_argument("--ring", type=Path, required=True, help="ring to add to, or to begin")
    keygen.add_argument("--kid", type=hexadecimal, help="name of the key, 1 to 4 bytes in hex")
    keygen.add_argument("--audience", action="append", default=[], help="may sign these only")
    keygen.add_argument("--from", dest="valid_from", type=moment, default=0, metavar="TIME")
    keygen.add_argument("--until", dest="valid_until", type=moment, default=2**32 - 1)
    keygen.set_defaults(do=_keygen)
    status = add("key-status", help="say that a key signs no more, or that it was stolen")
    status.add_argument("kid", type=hexadecimal)
    status.add_argument("status", choices=[one.value for one in Status])
    status.add_argument("--ring", type=Path, required=True)
    status.set_defaults(do=_key_status)
    _add_issue(add("issue", help="sign tickets", epilog="TIME is ISO 8601 or Unix seconds."))
    verify = add("verify", help="say whether tickets are genuine, and good at a time")
    verify.add_argument("text", nargs="+", help="what the code says; - reads lines from stdin")
    verify.add_argument("--ring", type=Path, required=True)
    verify.add_argument("--at", type=moment, help="default: now", metavar="TIME")
    verify.add_argument("--event-key", type=moving.event_key, help="to check moving codes (GH9)")
    verify.set_defaults(do=_verify)
    move = add("move", help="make the moving code (GH9) of a ticket for a time")
    moving.add_to(move, moment)
    move.set_defaults(do=_move)
    show = add("show", help="show what is on a ticket, and its QR code; checks no signature")
    show.add_argument("text", help="what the code says; - reads a line from stdin")
    show.add_argument("--png", type=Path)
    show.add_argument("--svg", type=Path)
    show.add_argument("--qr", action="store_true", help="draw the QR code in the terminal")
    show.set_defaults(do=_show)
    return top


def _add_issue(issue: argparse.ArgumentParser) -> None:
    issue.add_argument("--key", type=Path, required=True, help="private key")
    issue.add_argument("--ring", type=Path, required=True, help="ring that holds its record")
    issue.add_argument("--csv", help="a ticket per row, columns named as the options; - is stdin")
    issue.add_argument("--count", type=int, default=1, help="so many, each with its own cti")
    issue.add_argument("--cti", type=hexadecimal, help="16 bytes in hex; default: drawn")
    issue.add_argument("--audience")
    issue.add_argument("--class", dest="ticket_class", type=int)
    for name in TIMES:
        issue.add_argument(f"--{name.replace('_', '-')}", type=moment, metavar="TIME")
    for name in NUMBERS:
        issue.add_argument(f"--{name}", type=int)
    issue.add_argument("--rotate", action="store_true", help="only its moving code is to open")
    issue.set_defaults(do=_issue)


def hexadecimal(text: str) -> bytes:
    """Read bytes in hex; argparse turns the error into a sentence."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not hexadecimal") from None


def moment(text: str) -> int:
    """Read Unix seconds or ISO 8601; a time without a zone is this machine's."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp())
    except (ValueError, OverflowError, OSError):
        sentence = f"'{text}' is no time; write 2026-10-01T09:00+08:00 or Unix seconds"
        raise argparse.ArgumentTypeError(sentence) from None


def _keygen(asked: argparse.Namespace) -> int:
    record = KeyRecord(
        asked.kid or b"",
        b"",
        audiences=tuple(asked.audience),
        valid_from=asked.valid_from,
        valid_until=asked.valid_until,
    )
    kid = add_key(asked.key, asked.ring, record)
    print(f"key {kid.hex()}: private in {asked.key}, its record in {asked.ring}")
    return 0


def _key_status(asked: argparse.Namespace) -> int:
    set_status(asked.ring, asked.kid, Status(asked.status))
    print(f"key {asked.kid.hex()} is {asked.status}")
    return 0


def _issue(asked: argparse.Namespace) -> int:
    key = read_private_key(asked.key)
    record = find_record(asked.ring, key.public_key())
    if record.status is not Status.ACTIVE:
        raise CommandError(f"key {record.kid.hex()} is {record.status.value}: sign with another.")
    given = {name: value for name in CLAIMS if (value := getattr(asked, name)) is not None}
    if asked.rotate:
        given["flags"] = int(given.get("flags") or 0) | gh1.FLAG_ROTATION_REQUIRED
    rows = _numbered(asked, given) if asked.csv is None else _from_csv(asked.csv, given)
    lines = [] if asked.csv is None else ["cti,text"]
    for place, claims in rows:
        try:
            ticket = _ticket(claims)
            text = gh1.sign(ticket, record.kid, key)
        except TicketError as error:
            raise CommandError(f"{place}{error}.") from None
        if isinstance(gh1.verify(text.encode(), KeyRing([record])), Reason):
            raise CommandError(
                f"{place}the record of key {record.kid.hex()} does not allow this audience or "
                "issued-at: use another key."
            )
        lines.append(text if asked.csv is None else f"{ticket.cti.hex()},{text}")
    # All or none: half a batch would be signed twice.
    print("\n".join(lines))
    return 0


CLAIMS = tuple(field.name for field in structs.fields(Ticket))
Row = tuple[str, dict[str, object]]


def _numbered(asked: argparse.Namespace, given: dict[str, object]) -> Iterator[Row]:
    if asked.count < 1 or (asked.count > 1 and "cti" in given):
        raise CommandError("--count is 1 or more, and 1 where --cti names the right.")
    for number in range(asked.count):
        serial = {"serial": int(asked.serial) + number} if asked.serial is not None else {}
        yield "", {**given, **serial}


def _from_csv(source: str, given: dict[str, object]) -> Iterator[Row]:
    """Yield where each row stands and its claims: its own, or else the options'."""
    try:
        # Spreadsheets write a byte order mark.
        text = sys.stdin.read() if source == "-" else Path(source).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise CommandError(f"{source} is not UTF-8: save it as CSV UTF-8.") from None
    for number, row in enumerate(csv.DictReader(io.StringIO(text, newline="")), start=2):
        place = f"{source}, line {number}: "
        try:
            yield place, {**given, **_claims(row)}
        except (ValueError, argparse.ArgumentTypeError) as error:
            raise CommandError(f"{place}{error}.") from None


def _claims(row: dict[str | Any, str | Any]) -> dict[str, object]:
    read: dict[str, object] = {}
    for column, value in row.items():
        name = "ticket_class" if column == "class" else column
        if name not in CLAIMS:
            raise ValueError(f"'{column}' is not a column; there are {', '.join(CLAIMS)}")
        if value and value.strip():
            read[name] = _claim(name, value.strip())
    return read


def _claim(name: str, value: str) -> object:
    if name == "audience":
        return value
    if name in ("cti", *TIMES):
        return hexadecimal(value) if name == "cti" else moment(value)
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"{name}: '{value}' is not a whole number") from None


def _ticket(claims: dict[str, object]) -> Ticket:
    drawn = {"cti": secrets.token_bytes(CTI_BYTES), "issued_at": int(time.time())}
    for needed in ("audience", "not_before", "expires", "ticket_class"):
        if needed not in claims:
            option = "class" if needed == "ticket_class" else needed.replace("_", "-")
            raise TicketError(f"a ticket needs --{option}, or a column of that name")
    # The types were checked where they came from, the bounds are checked by `sign`.
    return Ticket(**{**drawn, **claims})  # type: ignore[arg-type]


def _verify(asked: argparse.Namespace) -> int:
    ring, wall = KeyRing(read_ring(asked.ring)), asked.at
    wall = int(time.time()) if wall is None else wall
    refused = 0
    for text in _texts(asked.text):
        answer = credential.read(text, ring)
        if isinstance(answer, Unusable):
            refusal: tuple[Reason, float | None] | None = (answer.reason, None)
        else:
            refusal = moving.judged(answer.ticket, answer.code, asked.event_key, wall)
        if refusal is None:
            print("good · 有效")
            continue
        reason, since = refusal
        refused += 1
        words = notice.refused(reason, since)
        print(
            f"{reason.value}: {words.title.en}. {words.advice.en}. · "
            f"{words.title.zh}。{words.advice.zh}。"
        )
    return 1 if refused else 0


def _texts(given: list[str]) -> Iterator[bytes]:
    for text in given:
        if text == "-":
            yield from (line.rstrip(b"\r\n") for line in sys.stdin.buffer)
        else:
            yield text.encode(errors="surrogateescape")


def _move(asked: argparse.Namespace) -> int:
    try:
        print(moving.move(asked))
    except ValueError as error:
        raise CommandError(f"{error}.") from None
    return 0


def _show(asked: argparse.Namespace) -> int:
    text = next(_texts([asked.text]), b"").strip()
    moved = rotating.read(text)
    read = gh1.read(text if isinstance(moved, Reason) else moved[0])
    if isinstance(read, Reason):
        words = notice.refused(read)
        print(f"{read.value}: {words.title.en} · {words.title.zh}", file=sys.stderr)
        return 1
    print("\n".join(_table(read, len(text))))
    if not isinstance(moved, Reason):
        print(f"{'code for':13} {_spoken_time(moved[1].time)}\n{'its digits':13} not checked")
    code = segno.make(text.decode().upper(), micro=False, error="m", boost_error=False)
    for path, kind in ((asked.png, "png"), (asked.svg, "svg")):
        if path:
            code.save(str(path), kind=kind, scale=6, border=QR_BORDER)
            print(f"written: {path}")
    if asked.qr:
        code.terminal(border=QR_BORDER, compact=True)
    return 0


def _spoken_time(value: int) -> str:
    return f"{value}  {datetime.fromtimestamp(value).astimezone().isoformat(' ', 'minutes')}"


def _table(read: Signed, characters: int) -> list[str]:
    lines = [f"{'kid':13} {read.kid.hex()}"]
    for field in structs.fields(Ticket):
        value = getattr(read.ticket, field.name)
        said = value.hex() if isinstance(value, bytes) else str(value)
        if field.name in TIMES:
            said = _spoken_time(value)
        lines.append(f"{field.name:13} {said}")
    return [*lines, f"{'characters':13} {characters}", "signature     not checked"]
