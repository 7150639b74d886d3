"""What is computed once for all devices of the venue, since every one of them would get the same.

A signature that one device has verified is good for the next, and a message reads the same for all
who get it: every device still asks, only the answer is remembered. States are copied quickly
(copying.py). And what is looked at now and again in case nobody has said anything is looked at
seldom: gates say when the journal has grown, there is no watchdog, and nobody is enrolled anew.
SQLite's locks are between the connections of this program alone. Of the eight masks that a code on
paper may have, the first is taken.
"""

import sqlite3
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Any

import segno

from edge.runtime import enrolment
from edge.store import claims, database, repair, salvage, untouched
from edge.sync import daemon as sync
from edge.sync import outward
from gatehouse.simulation.machines.copying import make_quick
from paper import code
from wire import codec, cose, entry, key, row, signed
from wire.key import Verify
from wire.signed import Purpose

REMEMBERED_MAX = 4096
BYTES_MAX = 4096
"""Of what is remembered; larger things are few."""
SELDOM_SECONDS = 5.0
READERS = ("edge", "wire", "central", "gatehouse")
STORES = (claims, database, repair, salvage, untouched)

_done: list[bool] = []


def remember() -> None:
    """Make it so in this process, once."""
    if _done:
        return
    _done.append(True)
    for module, name, instead in (
        (key, "by_sodium", _once(key.by_sodium)),
        (key, "by_openssl", _once(key.by_openssl)),
        (codec, "loads", _loads(codec.loads)),
        (signed, "_unsealed", _unsealed(getattr(signed, "_unsealed"))),  # noqa: B009
        *((module, "connect", _alone) for module in STORES),
        (code, "modules", _modules),
        (outward, "POLL_SECONDS", SELDOM_SECONDS),
        (sync, "LOOK_AFTER_SECONDS", SELDOM_SECONDS),
        (enrolment, "LOOK_SECONDS", SELDOM_SECONDS),
    ):
        assert hasattr(module, name), f"{module.__name__} has no {name} to be put in place of"
        setattr(module, name, instead)
    for function, remembers in (
        (codec.decode, _decode(codec.decode)),
        (cose.parts, lru_cache(maxsize=REMEMBERED_MAX)(cose.parts)),
        (entry.read, lru_cache(maxsize=REMEMBERED_MAX)(entry.read)),
        (row.decode_row, lru_cache(maxsize=REMEMBERED_MAX)(row.decode_row)),
    ):
        _everywhere(function, remembers)
    make_quick()


def _everywhere(function: Callable[..., Any], instead: Callable[..., Any]) -> None:
    """Put `instead` in the place of a function with everybody who has its name by now."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in READERS:
            for one, value in list(vars(module).items()):
                if value is function:
                    setattr(module, one, instead)


def _alone(path: Path | str) -> sqlite3.Connection:
    """As edge.store.database.connect; nobody but this program opens the file."""
    if isinstance(path, Path):
        path = f"file:{database.quoted(path)}?mode=rwc"
    return sqlite3.connect(
        f"{path}&vfs=unix-excl",
        uri=True,
        timeout=database.BUSY_SECONDS,
        isolation_level=None,
        factory=database.Connection,
    )


@lru_cache(maxsize=64)
def _modules(text: str) -> tuple[bytes, ...]:
    """As paper.code.modules, by the first mask instead of the one that looks best."""
    made = segno.make_qr(text, error="m", boost_error=False, mask=0)
    return tuple(bytes(row) for row in made.matrix)


def _once(make: Callable[[bytes], Verify]) -> Callable[[bytes], Verify]:
    @lru_cache(maxsize=64)
    def made(public: bytes) -> Verify:
        return lru_cache(maxsize=REMEMBERED_MAX)(make(public))

    return made


def _unsealed(
    unsealed: Callable[[bytes, Purpose, dict[bytes, Verify]], tuple[bytes, bytes]],
) -> Callable[[bytes, Purpose, dict[bytes, Verify]], tuple[bytes, bytes]]:
    # What comes of it hangs on envelope, purpose and the one key that is named in it. Only what
    # was good is remembered, with that key: whoever does not believe it looks for himself.
    good: dict[tuple[bytes, Purpose], tuple[tuple[bytes, bytes], Verify]] = {}

    def read(
        envelope: bytes, purpose: Purpose, verifiers: dict[bytes, Verify]
    ) -> tuple[bytes, bytes]:
        known = good.get((envelope, purpose))
        if known is not None and verifiers.get(known[0][1]) is known[1]:
            return known[0]
        found = unsealed(envelope, purpose, verifiers)
        if len(good) >= REMEMBERED_MAX:
            good.clear()
        if len(envelope) <= BYTES_MAX:
            good[envelope, purpose] = found, verifiers[found[1]]
        return found

    return read


def _loads(loads: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    # Whoever reads by it makes structs of the value and never changes it.
    remembered = lru_cache(maxsize=REMEMBERED_MAX)(loads)

    def read(data: bytes) -> Any:
        return remembered(data) if len(data) <= BYTES_MAX else loads(data)

    return read


def _decode(decode: Callable[[bytes, Any], Any]) -> Callable[[bytes, Any], Any]:
    # A struct of the wire is frozen, as are the unions of them; a list would be everybody's.
    shareable = (type, UnionType)
    remembered = lru_cache(maxsize=REMEMBERED_MAX)(decode)

    def read(data: bytes, kind: Any) -> Any:
        shared = len(data) <= BYTES_MAX and isinstance(kind, shareable)
        return remembered(data, kind) if shared else decode(data, kind)

    return read
