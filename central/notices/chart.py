"""How many messages went out and failed, hour by hour: bars, as the live page has them."""

import time
from collections import Counter
from typing import NamedTuple

from django.db.models import Count, F

from central.core.sending import State
from central.notices.models import Notice

HOURS = 24
HOUR_SECONDS = 3600
WIDTH, HEIGHT = 600, 100
SHOWN = (State.SENT.value, State.FAILED.value, State.UNCLEAR.value)


class Bar(NamedTuple):
    """One hour, in units of the picture; `failed` stands on `sent`."""

    x: float
    sent_y: float
    sent_height: float
    failed_y: float
    failed_height: float
    said: str


class Chart(NamedTuple):
    bars: list[Bar]
    width: float
    sent: int
    failed: int
    most: int


def chart(now: float | None = None) -> Chart:
    """Return the last day, the oldest hour first."""
    now = time.time() if now is None else now
    first = int(now // HOUR_SECONDS) - HOURS + 1
    ended = Notice.objects.filter(ended_at__gte=first * HOUR_SECONDS, state__in=SHOWN)
    by_hour = ended.values_list("state", F("ended_at") / HOUR_SECONDS).annotate(Count("pk"))
    sent, failed = Counter[int](), Counter[int]()
    for state, hour, count in by_hour.order_by():
        (sent if state == State.SENT.value else failed)[int(hour) - first] += count
    most = max((sent[hour] + failed[hour] for hour in range(HOURS)), default=0)
    unit, step = (HEIGHT - 4) / max(most, 1), WIDTH / HOURS
    bars = []
    for hour in range(HOURS):
        good, bad = sent[hour] * unit, failed[hour] * unit
        said = f"{time.strftime('%H:00', time.localtime((first + hour) * HOUR_SECONDS))}"
        bars.append(
            Bar(
                hour * step + step * 0.12,
                HEIGHT - good,
                good,
                HEIGHT - good - bad,
                bad,
                f"{said} ✓ {sent[hour]} ✗ {failed[hour]}",
            )
        )
    return Chart(bars, step * 0.76, sent.total(), failed.total(), most)
