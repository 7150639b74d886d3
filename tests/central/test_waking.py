"""The publisher is woken by a commit, on either database, and by the end of its patience."""

import threading
import time
from typing import Any

import pytest

PATIENCE_SECONDS = 60.0


@pytest.mark.usefixtures("tickets")
def test_a_change_wakes_the_publisher_at_once() -> None:
    from django.db import connection

    from central.lists.changes import set_standing
    from central.lists.waking import waking
    from central.venue.models import Ticket
    from wire.entry import Standing

    watch, stopping = waking(), threading.Event()
    for _ in range(3):
        # What it sees of what was before is no news after that.
        assert not watch.wait(stopping, 0.1)

    def refund() -> None:
        time.sleep(0.2)
        set_standing([Ticket.objects.filter(standing="good")[0]], Standing.REFUNDED)
        connection.close()

    changing, began = threading.Thread(target=refund), time.monotonic()
    changing.start()
    assert not watch.wait(stopping, PATIENCE_SECONDS)
    assert time.monotonic() - began < PATIENCE_SECONDS, "woken, not timed out"
    changing.join()
    stopping.set()
    assert watch.wait(stopping, 0.1)


def test_what_only_time_tells_is_looked_at_anyway(central: Any) -> None:
    from central.lists.waking import waking

    watch = waking()
    watch.wait(threading.Event(), 0.1)
    assert not watch.wait(threading.Event(), 0.1)
    assert central is None
