"""Two who write at once, as PostgreSQL lets them: the list tells what the database holds."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import zstandard

from tests.central_messages import chained, rows, take
from tests.clusters import TestCluster
from tests.device import authorised
from tests.trusted import inside
from wire.codec import decode
from wire.entry import Entry, Row, Standing, read
from wire.snapshot import Delta

pytestmark = [
    pytest.mark.xdist_group("postgresql"),
    pytest.mark.parametrize("central", ["postgresql"], indirect=True),
    pytest.mark.usefixtures("tickets"),
]


@contextmanager
def held_up(cluster: TestCluster, work: Callable[[], object]) -> Iterator[None]:
    """Start `work` on a connection of its own, and go on when a lock of ours stops it."""
    from django.db import connection, transaction

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        yield
        thread.start()
        deadline = time.monotonic() + 60
        while not cluster.waiting():
            assert thread.is_alive(), "nothing held it up"
            assert time.monotonic() < deadline
            time.sleep(0.02)
    thread.join(60)
    assert not thread.is_alive()


def on_the_list(sequence: int) -> Entry:
    from central.lists.models import Change

    (told,) = decode(inside(bytes(Change.objects.get(sequence=sequence).body)), Delta).tickets
    return read(told)


def test_a_use_does_not_put_a_blocked_ticket_back(cluster: TestCluster) -> None:
    from central.lists.changes import head, set_standing
    from central.venue.models import Device, Ticket, Venue

    ticket = Ticket.objects.order_by("pk")[0]
    used = msgspec.structs.replace(authorised(1), cti=bytes(ticket.cti))
    (batch,) = chained(rows(used))
    assert Device.objects.exists()
    with held_up(cluster, lambda: take(batch)):
        set_standing([ticket], Standing.BLOCKED)
    sequence, _ = head(Venue.objects.get())
    assert on_the_list(sequence - 1).standing is Standing.BLOCKED
    told = on_the_list(sequence)
    assert (told.standing, len(told.elsewhere)) == (Standing.BLOCKED, 1)


def test_two_who_reissue_a_ticket_void_all_its_codes() -> None:
    from central.lists.changes import reissue
    from central.venue.models import Ticket

    one, another = Ticket.objects.order_by("pk")[0], Ticket.objects.order_by("pk")[0]
    reissue(one)
    reissue(another)
    assert (one.generation, another.generation) == (1, 2)


def test_a_snapshot_is_of_one_moment(cluster: TestCluster, tmp_path: Path) -> None:
    from django.db import connection

    from central.lists import snapshots
    from central.lists.changes import head, set_standing
    from central.venue.models import Ticket, Venue

    venue = Venue.objects.get()
    before = head(venue)
    with held_up(cluster, lambda: snapshots.snapshot(venue)):
        set_standing(list(Ticket.objects.all()), Standing.BLOCKED)
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE ledger_use IN ACCESS EXCLUSIVE MODE")
    made = snapshots.newest(venue)
    assert made is not None
    assert made.sequence == before[0] == head(venue)[0] - 1
    plain = tmp_path / "list.db"
    packed = (snapshots.folder() / f"{made.version}.db.zst").read_bytes()
    plain.write_bytes(zstandard.ZstdDecompressor().decompressobj().decompress(packed))
    with sqlite3.connect(plain) as listed:
        stored = listed.execute("SELECT * FROM ticket").fetchall()
    listed.close()
    assert Standing.BLOCKED not in {read(Row(*one)).standing for one in stored}
