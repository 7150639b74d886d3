"""`gatehouse central refund-event`: what an event that is called off owes its visitors."""

import argparse
import sys
import threading

STOPPED = 75
""""Try again later", as in sysexits.h: say it again, and it goes on."""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("event", help="its code, as on the tickets")
    parser.add_argument("--by", required=True, help="who decided it, for the books")
    parser.add_argument("--why", default="", help="what visitors are told")
    parser.add_argument("--yes", action="store_true", help="do it, instead of saying what it means")


def run(asked: argparse.Namespace, stopping: threading.Event) -> int:
    """Refund an event's tickets; 0 done, 1 no such event, 75 stopped half-way."""
    from central.tickets import called_off
    from central.tickets.called_off import OPEN
    from central.venue.models import Event, Ticket

    event = Event.objects.select_related("venue").filter(audience=asked.event).first()
    if event is None:
        sys.stderr.write(f"没有场次 {asked.event} · there is no event {asked.event}\n")
        return 1
    left = Ticket.objects.filter(ticket_class__event=event, standing__in=OPEN).count()
    if not asked.yes:
        sys.stderr.write(
            f"{event}: 将停止入场并退 {left} 张票；确认请加 --yes\n"
            f"{event}: closes it and refunds {left} tickets; say --yes to do it\n"
        )
        return 0

    def progress(done: int, of_all: int) -> None:
        sys.stderr.write(f"\r{done} / {of_all}")
        sys.stderr.flush()

    finished = called_off.run(event, f"command:{asked.by}", asked.why, progress, stopping)
    sys.stderr.write("\n")
    if not finished:
        sys.stderr.write("已停下，再次运行即可继续 · stopped; run it again to go on\n")
        return STOPPED
    return 0
