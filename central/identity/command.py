"""`gatehouse central authority …`: makes the certificate authority, and what is not a device's."""

import argparse
import getpass
import os
import re
import sys
import time
from pathlib import Path

from django.conf import settings

from central.identity import authority

SERVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]{0,62}")
NAME = re.compile(r"[a-z][a-z-]{0,31}")
DAYS_MAX = 397
RESERVED = {"ca", "crl", "root", "issuing"}


def add_to(parser: argparse.ArgumentParser) -> None:
    """Describe the commands below `authority`."""
    tasks = parser.add_subparsers(dest="task", metavar="task", required=True)
    made = tasks.add_parser("init", help="makes root and issuing authority; once")
    made.add_argument("--passphrase-file", type=Path, help="what encrypts the root; asked if not")
    server = tasks.add_parser("server", help="the certificate of the web server")
    server.add_argument("names", nargs="+", help="hosts or addresses devices call it by")
    server.add_argument("--file", default="server", help="name of the files (default: server)")
    broker = tasks.add_parser("broker", help="all that the broker and its clients here need")
    broker.add_argument("names", nargs="+", help="hosts or addresses devices call it by")
    for one in (server, broker):
        one.add_argument(
            "--days",
            type=int,
            default=authority.SERVER_DAYS,
            help="its life; it is renewed at two thirds of that (default: %(default)s)",
        )
    client = tasks.add_parser("client", help="a certificate of one of central's own programs")
    client.add_argument("name", help='its name at the broker, e.g. "central"')
    hub = tasks.add_parser("hub", help="the certificate of a hub's broker, brought there by hand")
    hub.add_argument("names", nargs="+", help="hosts or addresses devices call it by")
    tasks.add_parser("crl", help="writes the revocation list anew")
    tasks.add_parser("show", help="which authorities are believed, and by how many devices")
    asks = tasks.add_parser("request", help="asks a site's own root to sign our issuing authority")
    asks.add_argument("--name", default="Gatehouse issuing", help="what it is to be called")
    adopts = tasks.add_parser("adopt", help="takes what the site has signed, or its newer list")
    adopts.add_argument("certificates", type=Path, help="PEM: the site's root and our certificate")
    adopts.add_argument("lists", type=Path, help="PEM: the root's revocation list")
    for task, told in (
        ("replace", "a new issuing authority; devices move to it as they renew"),
        ("retire", "ends the older issuing authorities, once all devices have moved"),
    ):
        one = tasks.add_parser(task, help=told)
        one.add_argument("--root", type=Path, help="the root's key, brought from where it lies")
        one.add_argument("--passphrase-file", type=Path, help="what opens it; asked if not")
        if task == "retire":
            one.add_argument("--now", action="store_true", help="whoever is left is enrolled anew")


def run(asked: argparse.Namespace) -> int:
    """Do what was asked; 1 and a sentence if it cannot be done."""
    try:
        _check_user()
        sys.stdout.write(_done(asked, int(time.time())) + "\n")
    except (authority.AuthorityMissing, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _check_user() -> None:
    """What another user wrote here, central's own processes could not read, or not replace."""
    folder = authority.public().parent
    if folder.exists() and folder.stat().st_uid != os.geteuid():
        owner = folder.owner()
        raise ValueError(f"{folder} is {owner}'s: run this as that user (sudo -u {owner} …)")


def _done(asked: argparse.Namespace, now: int) -> str:
    if asked.task == "init":
        root = authority.create(_passphrase(asked.passphrase_file), now)
        return (
            f"The authority is made. Move {root} to where nobody can reach it over a network,\n"
            "together with its passphrase; nothing here needs it again. Devices and servers trust\n"
            f"{authority.public()}/ca.pem. Next: … authority server NAME …"
        )
    if asked.task in ("show", "replace", "retire"):
        return _succeeded(asked, now)
    if asked.task in ("request", "adopt"):
        return _by_a_site(asked, now)
    issuing = authority.load()
    if asked.task in ("server", "broker", "hub") and not all(map(SERVER.fullmatch, asked.names)):
        raise ValueError("a name is a host or an address, without scheme, port or stars")
    if asked.task in ("server", "broker") and not 1 <= asked.days <= DAYS_MAX:
        raise ValueError(f"--days: 1 to {DAYS_MAX}")
    if asked.task == "broker":
        from central.identity import access

        access.write(asked.names, settings.TOLD.venue, now, asked.days)
        return f"Written to {authority.public()}. Then, as root: systemctl restart mosquitto"
    if asked.task == "hub":
        # The hub's own program calls it by this machine's address.
        names = [*asked.names, "localhost", "127.0.0.1"]
        made = authority.write_server(issuing, names, now, "hub")
        return f"{made}; bring it, hub.key, ca.pem and crl.pem to /etc/gatehouse/hub on the hub"
    if asked.task == "server":
        return str(authority.write_server(issuing, asked.names, now, _file(asked.file), asked.days))
    if asked.task == "client":
        if asked.name in ("server", "broker"):
            raise ValueError(f"{asked.name}: its file is the one that a server shows")
        return str(authority.write_client(issuing, _file(asked.name), now))
    from central.identity.revocation import write_list

    return str(write_list(now))


def _by_a_site(asked: argparse.Namespace, now: int) -> str:
    from central.identity import adoption

    if asked.task == "request":
        return adoption.request(asked.name).decode().rstrip()
    adoption.adopt(adoption.read(asked.certificates), adoption.read(asked.lists), now)
    return "Adopted: devices are shown the site's root. Next: … authority server NAME …"


def _succeeded(asked: argparse.Namespace, now: int) -> str:
    from central.identity import succession

    if asked.task == "show":
        return succession.described(now)
    root = asked.root or authority.keys() / "root.pem"
    passphrase = _passphrase(asked.passphrase_file, twice=False)
    if asked.task == "replace":
        succession.replace(root, passphrase, now)
        return (
            f"{succession.described(now)}\n"
            "The new authority signs from now on; devices move to it as they renew, in 60 days.\n"
            "A hub that was enrolled follows by itself; one whose files are brought by hand needs\n"
            "ca.pem, crl.pem and a new hub.pem (authority hub NAME …) today.\n"
            "When show says that no device is left on an older one: … authority retire"
        )
    ended = succession.retire(root, passphrase, now, asked.now)
    return f"{ended} older authorities ended\n{succession.described(now)}"


def _file(name: str) -> str:
    # To the broker, sixteen letters from a to f would be the id of a device.
    if not NAME.fullmatch(name) or name in RESERVED or re.fullmatch("[a-f]{16}", name):
        raise ValueError(f"{name}: a name is of small letters and hyphens, at most 32")
    return name


def _passphrase(file: Path | None, twice: bool = True) -> bytes:
    if file is not None:
        return file.read_bytes().strip()
    if not sys.stdin.isatty():
        raise ValueError("say --passphrase-file FILE, or run this on a terminal")
    first = getpass.getpass("passphrase of the root key: ")
    if twice and getpass.getpass("once more: ") != first:
        raise ValueError("these were two different passphrases")
    return first.encode()
