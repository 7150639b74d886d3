"""Assembles the kiosk: reads what it is told, opens the store and the drivers, serves the page."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from edge.drivers.catalog import Catalog
from edge.drivers.interfaces import Printer, held
from edge.kiosk import browser, chosen
from edge.kiosk.alone import Alone
from edge.kiosk.chosen import Chosen
from edge.kiosk.claims import Claims
from edge.kiosk.config import ADDRESS_FILE, KioskConfig
from edge.kiosk.configuring import alone_of, configuring, sheets_of
from edge.kiosk.daemon import KioskDaemon
from edge.kiosk.desk import LANE, Desk
from edge.kiosk.enrolment import EnrolmentDesk
from edge.kiosk.orders import Orders
from edge.kiosk.papers import Papers
from edge.kiosk.picture import Pictures
from edge.kiosk.questions import Questions
from edge.kiosk.senses import Senses
from edge.kiosk.serving import Page
from edge.kiosk.unenrolled import UnenrolledKiosk
from edge.runtime import config, identity, service, surroundings
from edge.runtime.clock import Clock, TrustedClock
from edge.runtime.config import ConfigError
from edge.runtime.identity import DeviceIdentity
from edge.runtime.intercom import Grew, IntercomClient
from edge.runtime.service import Life, Work
from edge.runtime.surroundings import Surroundings
from edge.runtime.workers import SingleThread
from edge.store.essentials import EssentialsStore
from edge.store.floor import FloorFile
from edge.store.journal import Journal
from edge.store.trust import TrustStore
from edge.store.whitelist import Whitelist
from wire import staff_card
from wire.event import BOOT_BYTES, Stamp

VERSION = "0.1.0"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def main(argv: list[str]) -> int:
    """Run the kiosk; 0 when told to stop, 78 for a configuration that cannot be used."""
    parser = argparse.ArgumentParser(prog="gatehouse kiosk", description="A ticket kiosk.")
    parser.add_argument("--config", type=Path, default=Path("/etc/gatehouse/kiosk.toml"))
    parser.add_argument("--boot-id", help="the kernel's boot id, where /proc/sys is hidden (%%b)")
    parser.add_argument("--check", action="store_true", help="only read the configuration")
    parser.add_argument(
        "--browse", type=Path, nargs="?", const=Path(ADDRESS_FILE), help="be its browser instead"
    )
    parser.add_argument("--card", help="say the digest of a staff card's code, and end")
    asked = parser.parse_args(argv)
    if asked.card is not None:
        sys.stdout.write(f"{staff_card.digest(asked.card.encode())}\n")
        return 0
    try:
        if asked.browse:
            return browser.run(asked.browse)
        boot = _boot(asked.boot_id)
        if asked.check:
            told, *_ = _checked(asked.config)
            sys.stdout.write(f"{asked.config}: good, {told.name}\n")
            return 0
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return service.EXIT_CONFIG
    around = surroundings.real()
    return service.run_assembled(lambda: assembled(asked.config, boot, around))


def _checked(path: Path) -> tuple[KioskConfig, Chosen]:
    """Return what kiosk.toml says, and what counts with central's choice; raise ConfigError."""
    told = config.load(path, KioskConfig)
    chosen.of(told, None, "", str(path), "")
    return told, chosen.load(told)


def assembled(
    path: Path,
    boot: bytes,
    around: Surroundings,
    opens: Callable[[Clock], Catalog] = Catalog,
    shows: "Shows | None" = None,
) -> Work:
    """Read what the kiosk is told and return what runs it; raise ConfigError.

    `opens(clock)` is what turns configuration into drivers; `shows` what makes the page.
    """
    told, first = _checked(path)
    directory = Path(told.directory)
    known = identity.stamp(directory)
    if known is None:
        return lambda life: _run_unenrolled(told, life, around, opens)
    who = identity.load(directory)
    page = shows or _page
    return lambda life: _run(path, told, first, who, boot, known, life, around, opens, page)


async def _run_unenrolled(
    told: KioskConfig, life: Life, around: Surroundings, opens: Callable[[Clock], Catalog]
) -> None:
    clock, draw = around.machine, around.draw
    intercom, catalog = around.speaks(Path(told.intercom), clock), opens(clock)
    enrolling = _enrolling(told, intercom, catalog, clock, life, None)
    readers = tuple(catalog.reader(one) for one in told.reader)
    kiosk = UnenrolledKiosk(readers, enrolling, intercom, clock, life)
    try:
        await kiosk.run(Page(told.page, kiosk, lambda: kiosk.picture(told.name), draw).serve)
    finally:
        await catalog.close()


def _enrolling(
    told: KioskConfig,
    intercom: IntercomClient,
    catalog: Catalog,
    clock: Clock,
    life: Life,
    known: tuple[int, int] | None,
) -> EnrolmentDesk:
    wired, directory = told.service_contact, Path(told.directory)
    contact = held(catalog.sensor(wired)) if wired else None
    return EnrolmentDesk(directory, contact, intercom, clock, life.begin_again, known)


def _fault(path: Path) -> str:
    """Return what is wrong with the configuration that would be read now, or nothing."""
    try:
        _checked(path)
    except ConfigError as error:
        return str(error)
    return ""


async def _run(
    path: Path,
    told: KioskConfig,
    first: Chosen,
    who: DeviceIdentity,
    boot: bytes,
    known: tuple[int, int],
    life: Life,
    around: Surroundings,
    opens: Callable[[Clock], Catalog],
    shows: "Shows",
) -> None:
    directory, draw = Path(told.directory), around.draw
    thread = around.thread("store")
    whitelist, clock, journal = await thread.run(_opened, directory, who, boot, around)
    intercom, catalog = around.speaks(Path(told.intercom), clock), opens(clock)
    desk = Desk(*(whitelist, journal, thread, clock, draw, boot), lambda: intercom.tell(Grew()))
    for paper in await desk.resolve():
        service.log.warning("an earlier life left paper %s open", paper.paper.hex())
    questions = Questions(intercom.tell, draw, clock, lambda: intercom.connected)
    printer_thread = around.thread("printer")
    printer = await _printer(told, catalog, printer_thread, desk, draw)
    alone = Alone(directory, whitelist, journal, thread, clock, draw)
    trust = await thread.run(TrustStore, directory, who.pin, who.venue)
    closed = LANE in await desk.locked()
    orders = Orders(who.device, desk, trust, thread, clock, intercom.tell, desk.rungs, closed)
    orders.reloads(lambda: _fault(path))
    orders.keeps_time(clock, FloorFile(directory), draw)
    about = (who.device, desk, orders.unseal, clock, intercom.tell, first.claims_key)
    claims = Claims(*about, lambda: intercom.connected)
    papers = Papers(
        *(desk, questions, printer, sheets_of(first, clock), clock, draw),
        *(told.take_seconds, alone_of(first, alone), claims),
    )
    daemon = KioskDaemon(
        *(_senses(told, catalog, draw), printer, papers, questions, desk, intercom, clock, life),
        *(first, VERSION, orders, _enrolling(told, intercom, catalog, clock, life, known)),
    )
    daemon.configuring = configuring(
        *(told, who.device, desk, orders, daemon, papers, alone, clock, thread)
    )
    daemon.configuring.begin()
    page = shows(told, daemon, Pictures(told.name, clock, VERSION), draw)
    try:
        await daemon.run(page.serve)
    finally:
        await printer.close()
        await catalog.close()
        printer_thread.close()
        thread.close()


def _senses(told: KioskConfig, catalog: Catalog, draw: Callable[[int], bytes]) -> Senses:
    return Senses(
        {f"reader-{n}": catalog.reader(one) for n, one in enumerate(told.reader, 1)},
        catalog.reader(told.card) if told.card else None,
        catalog.sensor(told.headphones) if told.headphones else None,
        draw,
    )


async def _printer(
    told: KioskConfig,
    catalog: Catalog,
    thread: SingleThread,
    desk: Desk,
    draw: Callable[[int], bytes],
) -> Printer:
    """Return the printer, which knows whether an earlier life left something in it."""
    made = catalog.printer(told.printer, thread, lambda n: _below(n, draw))
    if await desk.paper_hangs():
        made.interrupted()
    return made


def _below(number: int, draw: Callable[[int], bytes]) -> int:
    return int.from_bytes(draw(4), "big") % number


class Shown(Protocol):
    """Where the visit can be seen and touched, for as long as `serve` runs."""

    async def serve(self) -> None: ...


Shows = Callable[[KioskConfig, KioskDaemon, Pictures, Callable[[int], bytes]], Shown]


def _page(
    told: KioskConfig, daemon: KioskDaemon, pictures: Pictures, draw: Callable[[int], bytes]
) -> Shown:
    return Page(told.page, daemon, lambda: pictures.of(daemon), draw)


def _opened(
    directory: Path, who: DeviceIdentity, boot: bytes, around: Surroundings
) -> tuple[Whitelist, TrustedClock, Journal]:
    trust = TrustStore(directory, who.pin, who.venue)
    whitelist = Whitelist(directory, trust, EssentialsStore(directory, trust))
    # A new card has no floor yet: it is no earlier than the list that central signed.
    built = float(whitelist.about.built_at) if whitelist.about else 0.0
    clock = TrustedClock(around.machine, FloorFile(directory).read() or built)
    journal = Journal(directory, who.device, boot, around.draw)
    now = clock.now()
    journal.open(Stamp(round(now.wall * 1000), round(now.uptime * 1000), boot, now.quality))
    return whitelist, clock, journal


def _boot(given: str | None) -> bytes:
    text = given or (BOOT_ID.read_text() if BOOT_ID.exists() else "")
    try:
        return bytes.fromhex(text.strip().replace("-", ""))[:BOOT_BYTES]
    except ValueError:
        raise ConfigError(f"--boot-id: not a boot id: {text!r}") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
