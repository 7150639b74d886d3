"""`gatehouse central clock`: whether what devices are told of the time is what the clock says.

Devices take a time that goes back for an old one played again, so after central's clock was wrong
by hours and was put right its heartbeats stay where they were, until a person says otherwise.
"""

import argparse
import sys
import time

NEXT = (
    "Then give the gates the order “Reset the clock's floor” on the devices' page: until then\n"
    "they take central's time to be in doubt, and say so."
)


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", nargs="?", choices=["reset"], help="forget what was said before")


def run(asked: argparse.Namespace) -> int:
    """Say how it stands, or mend it; 1 if that cannot be done. Django is set up by then."""
    from central.lists import heartbeat

    ahead = heartbeat.ahead(time.time())
    at = time.strftime("%Y-%m-%d %H:%M:%S %z")
    if ahead <= heartbeat.AHEAD_SECONDS:
        sys.stdout.write(f"The clock says {at}, and so do the heartbeats. Nothing is to be done.\n")
        return 0
    said = f"The clock says {at}; heartbeats say {ahead:.0f} s more, from when it was ahead.\n"
    if asked.task != "reset":
        sys.stdout.write(f"{said}If the clock is right: gatehouse central clock reset\n{NEXT}\n")
        return 0
    try:
        heartbeat.reset()
    except OSError as error:
        sys.stderr.write(f"{error}; run this as central's own user\n")
        return 1
    sys.stdout.write(f"{said}The next heartbeat says what the clock says.\n{NEXT}\n")
    return 0
