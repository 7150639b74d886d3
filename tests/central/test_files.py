"""Files under an asynchronous server: piece by piece, none read to its end before it goes out."""

import asyncio
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import AsyncClient

from tests.central_venue import TOKEN
from tests.trusted import inside
from wire.codec import decode
from wire.snapshot import Manifest

LONG = 24 * 1024 * 1024
PIECE_MAX = 256 * 1024
KEPT_MAX = LONG // 4
DEVICE = {"Authorization": f"Bearer {TOKEN}"}

pytestmark = pytest.mark.parametrize("central", ["sqlite"], indirect=True)


async def asked(address: str, **headers: str) -> tuple[Any, list[int], bytes]:
    """Return the answer, the lengths of its pieces, and its first and last 10 bytes."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer: Any = await AsyncClient().get(address, headers=headers)
        lengths, ends = [], b""
        async for piece in answer:
            lengths.append(len(piece))
            ends = (ends or piece[:10])[:10] + piece[-10:]
        answer.close()
    return answer, lengths, ends


def long_list() -> str:
    """Make a snapshot whose file is long, and return its address."""
    from central.lists.snapshots import folder, snapshot
    from central.venue.models import Venue

    made = decode(inside(bytes(snapshot(Venue.objects.get()).manifest)), Manifest)
    with (folder() / f"{made.version}.db.zst").open("r+b") as file:
        file.truncate(LONG)
        file.seek(1000)
        file.write(b"0123456789")
    return f"/device/list/{made.version}.db.zst"


def test_a_list_goes_out_in_pieces_and_is_never_held_whole(tickets: list[Any]) -> None:
    assert tickets
    address = long_list()
    tracemalloc.start()
    answer, lengths, _ = asyncio.run(asked(address, **DEVICE))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (answer.status_code, sum(lengths)) == (200, LONG)
    assert max(lengths) <= PIECE_MAX
    assert peak < KEPT_MAX


def test_a_part_of_a_list_is_the_part_that_was_asked_for(tickets: list[Any]) -> None:
    assert tickets
    address = long_list()
    answer, lengths, ends = asyncio.run(asked(address, Range="bytes=1000-1009", **DEVICE))
    assert (answer.status_code, lengths, ends[:10]) == (206, [10], b"0123456789")
    assert answer["Content-Range"] == f"bytes 1000-1009/{LONG}"


def test_what_pages_are_made_of_goes_out_without_a_warning() -> None:
    from central.holder.views import STATIC

    answer, lengths, ends = asyncio.run(asked("/static/holder/holder.css"))
    wanted = Path(STATIC / "holder.css").read_bytes()
    assert (answer.status_code, sum(lengths)) == (200, len(wanted))
    assert ends == wanted[:10] + wanted[-10:]


def test_a_server_that_is_not_asynchronous_gets_them_as_they_are() -> None:
    from central.files import in_pieces

    pieces = iter([b"a", b"b"])
    assert in_pieces(HttpRequest(), pieces) is pieces
