"""Assembles the gate: reads what it is told, opens the store and the drivers, and runs."""

import argparse
import asyncio
import sys
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path

from edge.core import enrolment
from edge.core.notice import IDLE, Notice
from edge.drivers.catalog import Catalog
from edge.drivers.interfaces import Sensor, held
from edge.gate.claims import Claims
from edge.gate.config import GateConfig, LaneConfig, ZoneConfig, cards, habits, settings_in
from edge.gate.configuring import configuring as configured_by
from edge.gate.daemon import GateDaemon
from edge.gate.desk import Desk, Identity
from edge.gate.enrolment import EnrolmentDesk
from edge.gate.hardware import Hardware
from edge.gate.lane import Judging, LaneShell
from edge.gate.orders import Orders
from edge.gate.unenrolled import UnenrolledDesk, UnenrolledGate
from edge.runtime import config, identity, service, surroundings
from edge.runtime.clock import Clock, SystemClock, TrustedClock
from edge.runtime.config import ConfigError
from edge.runtime.identity import DeviceIdentity
from edge.runtime.intercom import Grew, IntercomClient
from edge.runtime.service import Life, Work
from edge.runtime.surroundings import Surroundings
from edge.store.essentials import EssentialsStore
from edge.store.floor import FloorFile
from edge.store.journal import Journal, Transaction
from edge.store.timekeeping import Timekeeping
from edge.store.trust import TrustStore
from edge.store.whitelist import Whitelist
from wire.event import BOOT_BYTES, Stamp

VERSION = "0.1.0"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
SENSORS = (
    "pass_contact",
    "opposite_contact",
    "beam",
    "not_ready",
    "key_open_once",
    "key_free_pass",
    "key_out_of_service",
)


def main(argv: list[str]) -> int:
    """Run the gate; 0 when told to stop, 78 for a configuration that cannot be used."""
    parser = argparse.ArgumentParser(prog="gatehouse gate", description="A gate: lanes and list.")
    parser.add_argument("--config", type=Path, default=Path("/etc/gatehouse/gate.toml"))
    parser.add_argument("--boot-id", help="the kernel's boot id, where /proc/sys is hidden (%%b)")
    parser.add_argument("--check", action="store_true", help="only read the configuration")
    parser.add_argument("--lines-off", action="store_true", help="drive every output off and end")
    asked = parser.parse_args(argv)
    try:
        if asked.lines_off:
            return asyncio.run(_lines_off(config.load(asked.config, GateConfig)))
        boot = _boot(asked.boot_id)
        if asked.check:
            sys.stdout.write(f"{asked.config}: good, {_checked(asked.config)}\n")
            return 0
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return service.EXIT_CONFIG
    around = surroundings.real()
    return service.run_assembled(lambda: assembled(asked.config, boot, around))


def _checked(path: Path) -> str:
    told = config.load(path, GateConfig)
    if not identity.enrolled(Path(told.directory)):
        return f"{len(told.lane)} lanes, not enrolled yet"
    identity.load(Path(told.directory))
    settings_in(Path(told.directory))
    return f"{len(told.lane)} lanes"


def assembled(
    path: Path, boot: bytes, around: Surroundings, opens: Callable[[Clock], Catalog] = Catalog
) -> Work:
    """Read what the gate is told and return what runs it; raise ConfigError.

    `opens(clock)` is what turns configuration into drivers.
    """
    told = config.load(path, GateConfig)
    directory = Path(told.directory)
    # Before anything else is read: whatever changes from here on is seen to have changed.
    known = identity.stamp(directory)
    if known is None:
        return lambda life: _run_unenrolled(told, life, around, opens)
    who = identity.load(directory)
    zone, time_zone = settings_in(directory)
    return lambda life: _run(told, who, zone, time_zone, boot, known, life, around, opens)


async def _run_unenrolled(
    told: GateConfig, life: Life, around: Surroundings, opens: Callable[[Clock], Catalog]
) -> None:
    clock, draw = around.machine, around.draw
    intercom, catalog = around.speaks(Path(told.intercom), clock), opens(clock)
    enrolling = _enrolling(told, intercom, catalog, clock, life, None)
    desk, zone = UnenrolledDesk(enrolling.offer, enrolling.instead), ZoneConfig(checkpoint="none")
    lanes = tuple(
        _lane(lane, zone, catalog, desk, clock, draw, enrolment.NOT_ENROLLED) for lane in told.lane
    )
    fire = catalog.sensor(told.fire) if told.fire else None
    try:
        await UnenrolledGate(lanes, enrolling, intercom, clock, life, fire).run()
    finally:
        for lane in lanes:
            await lane.close()
        await catalog.close()


def _enrolling(
    told: GateConfig,
    intercom: IntercomClient,
    catalog: Catalog,
    clock: Clock,
    life: Life,
    known: tuple[int, int] | None,
) -> EnrolmentDesk:
    wired, directory = told.service_contact, Path(told.directory)
    contact = held(catalog.sensor(wired)) if wired else None
    return EnrolmentDesk(directory, contact, intercom, clock, life.begin_again, known)


async def _run(
    told: GateConfig,
    who: DeviceIdentity,
    zone: ZoneConfig,
    time_zone: tzinfo,
    boot: bytes,
    known: tuple[int, int],
    life: Life,
    around: Surroundings,
    opens: Callable[[Clock], Catalog],
) -> None:
    directory, draw = Path(told.directory), around.draw
    thread = around.thread("store")
    own = Identity(who.device, boot, draw(32))
    floor = FloorFile(directory)
    store = await thread.run(_opened, directory, who, boot, floor.read(), around)
    trust, whitelist, clock, journal = store
    intercom, catalog = around.speaks(Path(told.intercom), clock), opens(clock)
    enrolling = _enrolling(told, intercom, catalog, clock, life, known)
    desk = Desk(
        *(trust, whitelist, journal, thread, clock, draw),
        *(own, zone, time_zone, lambda: intercom.tell(Grew()), enrolling.offer),
    )
    locked = await thread.run(journal.transact, Transaction.locked)
    lanes = tuple(
        _lane(lane, zone, catalog, desk, clock, draw, locked=lane.name in locked)
        for lane in told.lane
    )
    fire = catalog.sensor(told.fire) if told.fire else None
    timekeeping = Timekeeping(clock, floor, desk.unseal, desk.record, thread, draw, intercom.tell)
    tell, lower = intercom.tell, timekeeping.lower
    orders = Orders(own.device, desk, lanes, clock, tell, lower, clock.least)
    configuring = configured_by(own.device, directory, desk, lanes, thread, orders.note)
    configuring.begin()
    orders.reloads(configuring.fault, configuring.reload)
    desk.claims = claims = Claims(
        *(own.device, desk, zone, clock, tell, lambda: intercom.connected),
        lambda: journal.without_memory,
    )
    daemon = GateDaemon(
        *(lanes, desk, clock, life, fire, intercom, VERSION),
        *(orders, enrolling, timekeeping, configuring, claims),
    )
    try:
        await daemon.run()
    finally:
        for lane in lanes:
            await lane.close()
        await catalog.close()
        thread.close()


def _opened(
    directory: Path, who: DeviceIdentity, boot: bytes, floor: float, around: Surroundings
) -> tuple[TrustStore, Whitelist, TrustedClock, Journal]:
    trust = TrustStore(directory, who.pin, who.venue)
    whitelist = Whitelist(directory, trust, EssentialsStore(directory, trust))
    # A new card has no floor yet: it is no earlier than the list that central signed.
    built = float(whitelist.about.built_at) if whitelist.about else 0.0
    clock = TrustedClock(around.machine, floor or built)
    journal = Journal(directory, who.device, boot, around.draw)
    now = clock.now()
    journal.open(Stamp(round(now.wall * 1000), round(now.uptime * 1000), boot, now.quality))
    return trust, whitelist, clock, journal


def _lane(
    told: LaneConfig,
    zone: ZoneConfig,
    catalog: Catalog,
    desk: Judging,
    clock: Clock,
    draw: Callable[[int], bytes],
    idle: Notice = IDLE,
    locked: bool = False,
) -> LaneShell:
    sensors: dict[str, Sensor] = {}
    for name in SENSORS:
        wired = getattr(told, name)
        if wired is not None:
            sensors[name] = catalog.sensor(wired)
    hardware = Hardware(
        readers={
            f"{told.name}/{number}": catalog.reader(reader)
            for number, reader in enumerate(told.reader, 1)
        },
        relay=catalog.relay(told.relay) if told.relay else None,
        hold=catalog.relay(told.hold) if told.hold else None,
        sensors=sensors,
        panels=tuple(catalog.panel(panel) for panel in told.panel),
    )
    return LaneShell(
        *(told, habits(told, zone), hardware, desk, clock, draw, idle, locked), cards(zone)
    )


async def _lines_off(told: GateConfig) -> int:
    """For the unit's ExecStopPost: whatever the gate was doing when it died, nothing stays on."""
    catalog = Catalog(SystemClock())
    for lane in told.lane:
        for output in (lane.relay, lane.hold):
            if output:
                await catalog.relay(output).close()
    await catalog.close()
    return 0


def _boot(given: str | None) -> bytes:
    text = given or (BOOT_ID.read_text() if BOOT_ID.exists() else "")
    try:
        return bytes.fromhex(text.strip().replace("-", ""))[:BOOT_BYTES]
    except ValueError:
        raise ConfigError(f"--boot-id: not a boot id: {text!r}") from None
