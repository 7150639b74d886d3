"""`gatehouse central authority …`: makes the certificate authority, and what is not a device's."""

import argparse
import re
import sys
import time
from pathlib import Path

from central.identity import authority

SERVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]{0,62}")
CLIENT = re.compile(r"[a-z][a-z-]{0,31}")
DEVICE = re.compile(r"[0-9a-f]{16}")
RESERVED = {"ca", "crl", "root.crl"}


def add_to(parser: argparse.ArgumentParser) -> None:
    """Describe the commands below `authority`."""
    tasks = parser.add_subparsers(dest="task", metavar="task", required=True)
    made = tasks.add_parser("init", help="makes root and issuing authority; once")
    made.add_argument("--passphrase-file", type=Path, required=True, help="what encrypts the root")
    server = tasks.add_parser("server", help="a certificate of the broker or the web server")
    server.add_argument("names", nargs="+", help="hosts or addresses devices call it by")
    client = tasks.add_parser("client", help="a certificate of one of central's own programs")
    client.add_argument("name", help='its name at the broker, e.g. "central"')
    tasks.add_parser("crl", help="writes the revocation list anew")


def run(asked: argparse.Namespace) -> int:
    """Do what was asked; 1 and a sentence if it cannot be done."""
    try:
        sys.stdout.write(_done(asked, int(time.time())) + "\n")
    except (authority.AuthorityMissing, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _done(asked: argparse.Namespace, now: int) -> str:
    if asked.task == "init":
        root = authority.create(asked.passphrase_file.read_bytes().strip(), now)
        return (
            f"The authority is made. Move {root} to where nobody can reach it over a network;\n"
            f"nothing here needs it again. Devices and servers trust {authority.public()}/ca.pem."
        )
    issuing = authority.load()
    if asked.task == "server":
        if not all(SERVER.fullmatch(name) for name in asked.names) or asked.names[0] in RESERVED:
            raise ValueError("a name is a host or an address, without scheme, port or stars")
        return str(authority.write_server(issuing, asked.names, now))
    if asked.task == "client":
        if not CLIENT.fullmatch(asked.name) or asked.name in RESERVED:
            raise ValueError("a client's name is of small letters and hyphens, at most 32")
        if DEVICE.fullmatch(asked.name):
            raise ValueError("this could be the id of a device, and would be it to the broker")
        return str(authority.write_client(issuing, asked.name, now))
    from central.identity.revocation import write_list

    return str(write_list(now))
