"""What devices answer: to orders, to configurations, and with their logs. Called by ingest."""

import time

from django.db.models import QuerySet

from central.ledger.reading import short
from central.orders.models import LogTail, Order, Report
from central.venue.models import Device
from wire import command as wire
from wire import event
from wire.codec import WireError, decode
from wire.command import Logs
from wire.event import AnyEvent, Stamp
from wire.row import Unknown

COUNTER_MAX = 2**53
"""Beyond, a device is not telling the truth: nobody gives so many orders."""
LOGS_KEPT = 5
"""Of one daemon."""
DAEMONS_MAX = 8
LOG_CHARACTERS_MAX = 200_000


def note(device: int, happened: AnyEvent | Unknown, stamp: Stamp) -> None:
    """Keep what a new row of a device's journal says of orders and configurations."""
    match happened:
        case event.CommandAnswered(counter=counter, highest=highest):
            _raise(device, "answered", max(counter, highest))
            if counter:
                _answer(device, happened, stamp)
        case event.ConfigurationApplied(version=version):
            _raise(device, "applied", version)
        case event.ConfigurationRefused(version=version, why=why) if version:
            if _raise(device, "refused", version):
                Report.objects.filter(device_id=device).update(why=short(why, 500))
        case _:
            pass


def goes_by(device: Device, version: int) -> None:
    """A hub keeps no journal: it goes by what it was sent, and says so."""
    _raise(device.pk, "applied", version)


def keep_log(device: Device, payload: bytes) -> None:
    """Keep the newest logs of a device; raise WireError if it is none."""
    logs = decode(payload, Logs)
    if len(logs.daemon) > 40:
        raise WireError("no daemon is called so")
    LogTail.objects.create(
        device=device,
        daemon=short(logs.daemon),
        lines=short("\n".join(logs.lines), LOG_CHARACTERS_MAX),
        received_at=int(time.time()),
    )
    tails = LogTail.objects.filter(device=device)
    _forget_old(tails.filter(daemon=short(logs.daemon)), LOGS_KEPT)
    _forget_old(tails, LOGS_KEPT * DAEMONS_MAX)  # Whatever a hostile one calls itself.
    _answer_by_log(device)


def _answer_by_log(device: Device) -> None:
    """A hub keeps no journal: the log that was ordered is its answer, as it is a gate's first."""
    now = int(time.time())
    asked = Order.objects.filter(device=device, kind=wire.kind(wire.SendLogs()), done=None)
    asked.filter(sent_at__isnull=False, expires__gte=now).update(done=True, answered_at=now)


def _forget_old(tails: QuerySet[LogTail], most: int) -> None:
    kept = list(tails.order_by("-pk").values_list("pk", flat=True)[:most])
    tails.exclude(pk__in=kept).delete()


def _raise(device: int, what: str, number: int) -> bool:
    """Keep the highest number reported; return whether this one counts."""
    if not 0 < number <= COUNTER_MAX:
        return False
    report, _ = Report.objects.get_or_create(device_id=device)
    if number < getattr(report, what):
        return False
    setattr(report, what, number)
    report.save(update_fields=[what])
    return True


def _answer(device: int, answered: event.CommandAnswered, stamp: Stamp) -> None:
    order = Order.objects.filter(device_id=device, counter=answered.counter)
    if answered.done:
        # A refusal that came before this row corrects it: fire had overtaken the order.
        order = order.filter(done=None)
    order.update(
        done=answered.done, answer=short(answered.why, 300), answered_at=stamp.wall_ms // 1000
    )
