"""`gatehouse central notify`: takes messages from the outbox, sends them, and writes down the end.

A thread for each channel, so that one that is slow holds up no other. A message is taken by a lease
that is committed before anything is sent: a sender that dies leaves it *being sent*, and when the
lease is over it is sent again or called unclear (central/core/sending.py decides which).
"""

import logging
import threading
import time
from functools import partial

from django.db import transaction
from django.db.models import F

from central import life
from central.core import sending
from central.core.address import Channel
from central.core.notice import Kind
from central.core.rate import Bucket, take
from central.core.sending import OPEN, Answer, Next, State, Why
from central.database import kept_trying
from central.notices.channels import Carrier
from central.notices.models import Line, Notice
from central.notices.saying import Message, compose

log = logging.getLogger("central.notices")

LEASE_SECONDS = 300.0
"""Longer than any channel takes for one message."""
LOOK_SECONDS = 1.0
"""Between two looks into an outbox that was empty."""
STUCK_SECONDS = 180.0
"""A channel that has not moved for so long: the watchdog ends the process, and it begins anew."""


class Sender:
    """One channel: its carrier, its rate, how it is, and the message it has in hand."""

    def __init__(self, channel: Channel, carrier: Carrier, per_minute: int) -> None:
        self.channel = channel
        self.beat = time.monotonic()
        """When it last got on with its work."""
        self._carrier, self._per_minute = carrier, per_minute
        self._bucket: Bucket | None = None
        self._line: sending.Line | None = None

    def run(self, stopping: threading.Event) -> None:
        """Send until told to stop."""
        try:
            while not stopping.is_set():
                self.beat = time.monotonic()
                wait = kept_trying(partial(self.step, stopping), stopping) or 0.0
                stopping.wait(min(wait, LOOK_SECONDS))
        finally:
            self._carrier.close()

    def step(self, stopping: threading.Event) -> float:
        """Send one message, if there is one; return how many seconds nothing is to be done."""
        now = time.time()
        if self._line is None:
            self._line = _read_line(self.channel)
        if now < self._line.until:
            return self._line.until - now
        bucket, wait = take(self._bucket, self._per_minute, time.monotonic())
        if wait:
            return wait
        row = take_one(self.channel, now)
        if row is None:
            self._carrier.idle(now)
            return LOOK_SECONDS
        harmless = self._carrier.twice_is_harmless(Kind(row.kind))
        was_in_hand = row.state == State.SENDING
        found = sending.found_sending(row.tries - 1, harmless) if was_in_hand else None
        message = Why.DIED if found else compose(row, now)
        if found or isinstance(message, Why):
            assert isinstance(message, Why)
            self._over(row, found or _given_up(row, message), stopping, now)
            return 0.0
        self._bucket = bucket
        answer = self._sent(message, now)
        after = time.time()
        self._over(row, sending.next_of(answer, row.tries, harmless, after), stopping, after)
        self._heed(answer, after, stopping)
        return 0.0

    def _sent(self, message: Message, now: float) -> Answer:
        answer = self._carrier.send(message, now)
        self.beat = time.monotonic()
        return answer

    def _over(self, row: Notice, after: Next, stopping: threading.Event, now: float) -> None:
        """Write down what became of a message; waited for, since it has gone already."""
        log.info("%s %s: %s %s", self.channel, row.pk, after.state, after.why or "")
        kept_trying(partial(write_down, row, after, now), stopping)

    def _heed(self, answer: Answer, now: float, stopping: threading.Event) -> None:
        """Write down how the channel is, where that has changed."""
        before = self._line or sending.GOOD
        self._line = sending.line_of(answer, before, now)
        if self._line != before:
            if self._line.failures:
                log.warning("%s pauses: %s %s", self.channel, self._line.why, self._line.said)
            kept_trying(partial(_write_line, self.channel, self._line), stopping)


def run(senders: list[Sender], stopping: threading.Event) -> None:
    """Let each channel send until told to stop; end when one of them has ended by itself."""
    threads = [
        threading.Thread(target=sender.run, args=(stopping,), name=sender.channel, daemon=True)
        for sender in senders
    ]
    for thread in threads:
        thread.start()
    life.ready()
    while not stopping.wait(LOOK_SECONDS):
        if not all(thread.is_alive() for thread in threads):
            break
        if all(time.monotonic() - sender.beat < STUCK_SECONDS for sender in senders):
            life.alive()
    fallen = not stopping.is_set()
    stopping.set()
    for thread in threads:
        thread.join(STUCK_SECONDS if fallen else 30.0)
    if fallen:
        raise RuntimeError("a channel's sender ended by itself")


def take_one(channel: Channel, now: float) -> Notice | None:
    """Take the message that is due the longest, by a lease; its state is what it was before."""
    due = Notice.objects.filter(
        channel=channel.value, state__in=[one.value for one in OPEN], due_at__lte=now
    )
    # Asked first: on SQLite a transaction takes the place of whoever has something to write.
    if not due.exists():
        return None
    with transaction.atomic():
        row = due.select_for_update(skip_locked=True).order_by("due_at", "pk").first()
        if row is None:
            return None
        lease = now + LEASE_SECONDS
        Notice.objects.filter(pk=row.pk).update(
            state=State.SENDING.value, due_at=lease, tries=F("tries") + 1
        )
        row.tries, row.due_at = row.tries + 1, lease
        return row


def write_down(row: Notice, after: Next, now: float) -> None:
    """Commit what became of a message, unless it is another's by now."""
    over = after.due_at is None
    mine = Notice.objects.filter(pk=row.pk, state=State.SENDING.value, due_at=row.due_at)
    written = mine.update(
        state=after.state.value,
        tries=after.tries,
        due_at=after.due_at,
        ended_at=int(now) if over else None,
        why=after.why.value if after.why else "",
        said=after.said[:200],
    )
    if not written:
        log.warning("message %s was taken by somebody else meanwhile", row.pk)


def _given_up(row: Notice, why: Why) -> Next:
    return Next(State.GIVEN_UP, max(row.tries - 1, 0), why=why)


def _read_line(channel: Channel) -> sending.Line:
    """Return how a channel was; whoever starts the sender anew has mended it, or wants to see."""
    Line.objects.filter(channel=channel.value).delete()
    return sending.GOOD


def _write_line(channel: Channel, line: sending.Line) -> None:
    told = {
        "failures": line.failures,
        "until": line.until,
        "why": line.why.value if line.why else "",
        "said": line.said[:200],
    }
    Line.objects.update_or_create(channel=channel.value, defaults=told)
