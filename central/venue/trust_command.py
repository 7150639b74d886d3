"""`gatehouse central trust …`: who may sign what, new keys for old, the root key taken away."""

import argparse
import sys
from pathlib import Path

from wire.signed import Purpose

NAMES = ("root", *(purpose.value for purpose in Purpose if purpose is not Purpose.ROLES))
ABOUT = """\
Devices believe what is signed by keys that the roles name, and roles that the root key has signed.
The root key is needed for nothing but a change of keys: take it away with root-out, keep the file
where no network reaches, and bring it back for rotate, with --root FILE. When a key may be in other
hands, rotate it: devices learn of it within seconds, and believe the old one no more.
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Describe the commands below `trust`."""
    parser.description = ABOUT
    tasks = parser.add_subparsers(dest="task", metavar="task", required=True)
    tasks.add_parser("show", help="who may sign what, and where the keys are")
    rotated = tasks.add_parser("rotate", help="makes a new key for a purpose; the old one is void")
    rotated.add_argument("purpose", choices=NAMES)
    rotated.add_argument("--root", type=Path, help="the root key, if it was taken away")
    away = tasks.add_parser("root-out", help="moves the root key to a file that you take away")
    away.add_argument("file", type=Path)


def run(asked: argparse.Namespace) -> int:
    """Do what was asked; 1 and a sentence if it cannot be done."""
    from django.conf import settings

    from central.venue import rotation, trust
    from central.venue.models import Venue

    venue = Venue.objects.filter(code=settings.TOLD.venue).first()
    try:
        if venue is None:
            raise trust.TrustMissing(f"there is no venue {settings.TOLD.venue} yet")
        if asked.task == "rotate":
            rotation.rotate(venue, asked.purpose, asked.root)
        elif asked.task == "root-out":
            rotation.take_root_away(asked.file)
        sys.stdout.write(rotation.described(venue) + "\n")
    except (trust.TrustMissing, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0
