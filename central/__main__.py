"""`gatehouse central …`: the server's commands. Alone, it starts all of them as children."""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from central import config
from central.identity.command import add_to as add_authority
from central.lists.command import add_to as add_clock
from central.tickets.command import add_to as add_called_off
from central.venue.trust_command import add_to as add_trust

EXIT_CONFIG = 78
EXIT_DATABASE = 75
""""Try again later", as in sysexits.h."""
STOP_SECONDS = 8.0
DAEMONS = ("web", "ingest", "publish", "notify")
PAGES = ("unfold", "django.contrib.admin")


def main(argv: list[str]) -> int:
    """Run one command; 78 for a configuration that cannot be used, 75 while no database answers."""
    parser = argparse.ArgumentParser(prog="gatehouse central", description=__doc__)
    parser.add_argument("--config", type=Path, help="central.toml")
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("web", help="pages, and what devices fetch")
    commands.add_parser("ingest", help="takes in what devices report")
    commands.add_parser("publish", help="makes lists and sends their changes")
    commands.add_parser("notify", help="tells ticket holders by mail, SMS and WeChat")
    commands.add_parser("migrate", help="makes or updates the database")
    admin = commands.add_parser("createadmin", help="adds an administrator")
    admin.add_argument("name")
    admin.add_argument("--password", help="read from standard input if not given")
    made = commands.add_parser("prepare", help="makes a venue from a JSON file")
    made.add_argument("--file", type=Path, required=True)
    made.add_argument("--tickets-out", type=Path, help="write the tickets here, a line each")
    made.add_argument("--root-out", type=Path, help="write here whom devices are to believe")
    wipe = commands.add_parser("wipe", help="forgets the holders of an event that is over")
    wipe.add_argument("event", help="the event's short code, as on its tickets")
    links = commands.add_parser("links", help="the addresses of holders' pages, as CSV")
    links.add_argument("--event", help="its short code, as on its tickets; default: all")
    totals = commands.add_parser("totals", help="the books, in persons")
    totals.add_argument("--json", action="store_true", help="one line, for programs")
    add_authority(commands.add_parser("authority", help="certificates of servers and devices"))
    add_trust(commands.add_parser("trust", help="the keys that devices believe"))
    add_called_off(commands.add_parser("refund-event", help="an event that is called off"))
    add_clock(commands.add_parser("clock", help="what devices are told of the time"))
    asked = parser.parse_args(argv)
    if asked.config:
        os.environ[config.VARIABLE] = str(asked.config.resolve())
    try:
        config.current()
    except config.ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIG
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "central.settings")
    if asked.command is None:
        return _run(_all, asked)
    return _run(_COMMANDS[asked.command], asked)


def _run(command: Callable[[argparse.Namespace], int], asked: argparse.Namespace) -> int:
    from django.db import OperationalError

    try:
        return command(asked)
    except config.ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIG
    except OperationalError as error:
        said = " ".join(str(error).split())
        sys.stderr.write(f"central: the database named in central.toml does not answer: {said}\n")
        return EXIT_DATABASE


def _all(_: argparse.Namespace) -> int:
    """Migrate, start the daemons, and end with them: if one falls, all do."""
    _migrate(argparse.Namespace())
    command = [sys.executable, "-m", "central"]
    children = {name: subprocess.Popen([*command, name]) for name in DAEMONS}
    stopping = _until_told()
    fallen = ""
    while not stopping.wait(0.2):
        fallen = next((name for name, one in children.items() if one.poll() is not None), "")
        if fallen:
            sys.stderr.write(f"central: {fallen} ended by itself\n")
            break
    for child in children.values():
        child.terminate()
    until = time.monotonic() + STOP_SECONDS
    for child in children.values():
        try:
            child.wait(max(until - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    if fallen:
        return EXIT_CONFIG if children[fallen].returncode == EXIT_CONFIG else 1
    return 0


def _web(_: argparse.Namespace) -> int:
    _django(pages=True)
    import uvicorn

    from central import life

    web = config.current().web
    settings = uvicorn.Config(
        "central.asgi:application",
        host=web.host,
        port=web.port,
        log_level="warning",
        lifespan="off",
        # Who asks is who is connected: central.identity.asking goes by it.
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    beating = threading.Thread(target=_beat_while_answering, args=(web.port,), daemon=True)
    beating.start()
    uvicorn.Server(settings).run()
    life.alive()
    return 0


def _beat_while_answering(port: int) -> None:
    """Feed the watchdog only while the server really answers."""
    import http.client

    from central import life

    told = False
    while True:
        time.sleep(2.0)
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            asked.request("GET", "/healthz")
            if asked.getresponse().status == 200:
                if not told:
                    life.ready()
                    told = True
                life.alive()
        except OSError:
            continue
        finally:
            asked.close()


def _ingest(_: argparse.Namespace) -> int:
    _django()
    from central.ledger import ingest

    ingest.run(_until_told())
    return 0


def _publish(_: argparse.Namespace) -> int:
    _django()
    from central.lists import publish
    from central.venue.trust import TrustMissing

    try:
        publish.run(_until_told())
    except TrustMissing as missing:
        sys.stderr.write(f"central publish: {missing}\n")
        return EXIT_CONFIG
    return 0


def _notify(_: argparse.Namespace) -> int:
    told, stopping = config.current(), _until_told()
    if not told.notices.channels:
        from central import life

        life.idle(stopping)
        return 0
    _django()
    from central.notices import channels, sender

    made = channels.carriers(told.notices, Path(told.directory)).items()
    sender.run([sender.Sender(channel, *how) for channel, how in made], stopping)
    return 0


def _migrate(_: argparse.Namespace) -> int:
    _django()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    return 0


def _prepare(asked: argparse.Namespace) -> int:
    _migrate(asked)
    from central.venue.prepare import PrepareError, prepare

    try:
        issued = prepare(asked.file, asked.tickets_out, asked.root_out)
    except PrepareError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{issued} tickets issued\n")
    return 0


def _wipe(asked: argparse.Namespace) -> int:
    _django()
    from central.tickets.wiping import wipe
    from central.venue.models import Event

    event = Event.objects.select_related("venue").filter(audience=asked.event).first()
    if event is None:
        sys.stderr.write(f"central: there is no event {asked.event}\n")
        return 1
    if time.time() < event.closes:
        sys.stderr.write(f"central: {asked.event} is not over; its doors still compare IDs\n")
        return 1
    wiped = 0
    for wiped in wipe(event):
        sys.stderr.write(f"\r{wiped} tickets")
    sys.stderr.write("\n" if wiped else "")
    sys.stdout.write(f"{wiped} tickets of {asked.event} name nobody any more\n")
    return 0


def _links(asked: argparse.Namespace) -> int:
    _django()
    from central.holder.link import export

    told = config.current()
    base = told.devices.url or f"http://{told.web.host}:{told.web.port}"
    export(sys.stdout, base, asked.event)
    return 0


def _totals(asked: argparse.Namespace) -> int:
    _django()
    from central.ledger.totals import totals

    sys.stdout.write(json.dumps(totals(), indent=None if asked.json else 2) + "\n")
    return 0


def _clock(asked: argparse.Namespace) -> int:
    _django()
    from central.lists.command import run

    return run(asked)


def _authority(asked: argparse.Namespace) -> int:
    _django()
    from central.identity import command

    return command.run(asked)


def _trust(asked: argparse.Namespace) -> int:
    _django()
    from central.venue import trust_command

    return trust_command.run(asked)


def _refund_event(asked: argparse.Namespace) -> int:
    _django()
    from central.tickets import command

    return command.run(asked, _until_told())


def _createadmin(asked: argparse.Namespace) -> int:
    _migrate(asked)
    from django.contrib.auth import get_user_model

    password = asked.password or sys.stdin.readline().strip()
    if len(password) < 8:
        sys.stderr.write("the password needs at least 8 characters\n")
        return 1
    users = get_user_model()
    user, _ = users.objects.get_or_create(
        username=asked.name, defaults={"is_staff": True, "is_superuser": True}
    )
    user.set_password(password)
    user.save()
    return 0


def _django(pages: bool = False) -> None:
    """Make the models usable; the admins' pages take far longer to load than all else together."""
    import django
    from django.conf import settings

    if not pages:
        kept = (app for app in settings.INSTALLED_APPS if app not in PAGES)
        settings.INSTALLED_APPS = [*kept, "django.contrib.admin.apps.SimpleAdminConfig"]
    django.setup()


def _until_told() -> threading.Event:
    """Return an event that SIGTERM and Ctrl-C set."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "web": _web,
    "ingest": _ingest,
    "publish": _publish,
    "notify": _notify,
    "migrate": _migrate,
    "prepare": _prepare,
    "wipe": _wipe,
    "links": _links,
    "totals": _totals,
    "authority": _authority,
    "clock": _clock,
    "trust": _trust,
    "refund-event": _refund_event,
    "createadmin": _createadmin,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
