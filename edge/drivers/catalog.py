"""Turns configuration into drivers. The only module that names a concrete one.

Drivers are imported when they are opened, so that a gate without GPIO needs no GPIO library.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, assert_never

import msgspec

from edge.core.debounce import Settling
from edge.core.framing import Framing, GrowFraming, LineFraming
from edge.drivers.camera.words import Look as Look
from edge.drivers.camera.words import Seen as Seen
from edge.drivers.interfaces import Fetch, Link, Panel, Printer, Reader, Relay, Sensor
from edge.drivers.printer_config import (
    FilePrinterConfig,
    LinePrinterConfig,
    NetworkPrinterConfig,
    SerialPrinterConfig,
    SimulatedPrinterConfig,
    UsbPrinterConfig,
    profile,
)
from edge.drivers.printer_config import PrinterConfig as PrinterConfig
from edge.drivers.reader_config import (
    Baud,
    KeyboardReaderConfig,
    SerialReaderConfig,
    SimulatedReaderConfig,
)
from edge.drivers.reader_config import CameraReaderConfig as CameraReaderConfig
from edge.drivers.reader_config import ReaderConfig as ReaderConfig
from edge.runtime.clock import Clock
from edge.runtime.workers import SingleThread

if TYPE_CHECKING:
    from edge.drivers.bus_modbus import ModbusBus
    from edge.drivers.escpos_transport import Transport
    from edge.drivers.tls import Tls

Line = Annotated[int, msgspec.Meta(ge=0, le=511)]


class _Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    pass


class GpiodOutputConfig(_Device, frozen=True, tag="gpiod"):
    line: Line
    chip: str = "/dev/gpiochip0"
    active_low: bool = False


class GpioOutputConfig(_Device, frozen=True, tag="gpio"):
    """By gpiozero; `pin` is the BCM number."""

    pin: Line
    active_low: bool = False


class ModbusOutputConfig(_Device, frozen=True, tag="modbus"):
    path: str
    coil: Annotated[int, msgspec.Meta(ge=0, le=255)]
    baud: Baud = 9600
    address: Annotated[int, msgspec.Meta(ge=1, le=247)] = 1


class SimulatedOutputConfig(_Device, frozen=True, tag="simulated"):
    pass


OutputConfig = GpiodOutputConfig | GpioOutputConfig | ModbusOutputConfig | SimulatedOutputConfig


class GpiodInputConfig(_Device, frozen=True, tag="gpiod"):
    line: Line
    chip: str = "/dev/gpiochip0"
    active_low: bool = False
    settle_seconds: Annotated[float, msgspec.Meta(ge=0.0, le=2.0)] = 0.02


class GpioInputConfig(_Device, frozen=True, tag="gpio"):
    pin: Line
    active_low: bool = False
    settle_seconds: Annotated[float, msgspec.Meta(ge=0.0, le=2.0)] = 0.02


class ModbusInputConfig(_Device, frozen=True, tag="modbus"):
    path: str
    input: Annotated[int, msgspec.Meta(ge=0, le=255)]
    baud: Baud = 9600
    address: Annotated[int, msgspec.Meta(ge=1, le=247)] = 1
    active_low: bool = False
    settle_seconds: Annotated[float, msgspec.Meta(ge=0.0, le=2.0)] = 0.02


class SimulatedInputConfig(_Device, frozen=True, tag="simulated"):
    pass


InputConfig = GpiodInputConfig | GpioInputConfig | ModbusInputConfig | SimulatedInputConfig


class LampsPanelConfig(_Device, frozen=True, tag="lamps"):
    go: OutputConfig | None = None
    wait: OutputConfig | None = None
    stop: OutputConfig | None = None
    buzzer: OutputConfig | None = None


class DisplayPanelConfig(_Device, frozen=True, tag="serial"):
    """A line display on a serial line."""

    path: str
    baud: Baud = 9600
    columns: Annotated[int, msgspec.Meta(ge=8, le=80)] = 20


class SimulatedPanelConfig(_Device, frozen=True, tag="simulated"):
    pass


PanelConfig = LampsPanelConfig | DisplayPanelConfig | SimulatedPanelConfig


class TlsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Paths of PEM files."""

    authority: str
    certificate: str | None = None
    key: str | None = None


class BrokerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 1883
    username: str | None = None
    password: str | None = None
    tls: TlsConfig | None = None


Token = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern="^[!-~]+$")]


class CentralConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: Annotated[str, msgspec.Meta(pattern="^https?://[^/]+")]
    token: Token | None = None
    """For a central without a web server in front, on this machine or in the demo."""
    tls: TlsConfig | None = None

    def __post_init__(self) -> None:
        if self.token is None and self.tls is None:
            raise ValueError("token or tls is missing: central must know this device by one")


class Catalog:
    """Opens drivers; those on one Modbus line share it."""

    def __init__(self, clock: Clock, usb: object = None) -> None:
        """`usb`: pyusb's way to devices; None: libusb."""
        self._clock, self._usb = clock, usb
        self._buses: dict[str, ModbusBus] = {}

    def reader(self, told: ReaderConfig) -> Reader:
        match told:
            case SerialReaderConfig():
                from edge.drivers.reader_serial import SerialReader

                gap = told.idle_gap_seconds
                framing: Framing = LineFraming(idle_gap_seconds=gap)
                if told.framing == "grow":
                    framing = GrowFraming(idle_gap_seconds=gap)
                return SerialReader(Path(told.path), told.baud, framing, self._clock)
            case KeyboardReaderConfig():
                from edge.core.keyboard import Typing
                from edge.drivers.reader_keyboard import KeyboardReader

                return KeyboardReader(Path(told.path), Typing(), self._clock)
            case CameraReaderConfig():
                from edge.drivers.reader_camera import CameraReader

                return CameraReader(told.told(), self._clock)
            case SimulatedReaderConfig():
                from edge.drivers.reader_simulated import SimulatedReader

                return SimulatedReader(self._clock)
            case _:
                assert_never(told)

    def watched(self, told: CameraReaderConfig, picture: str = "") -> AsyncGenerator[Seen | Look]:
        """Yield how a camera does and what it reads, for whoever aims it; raise DriverError.

        `picture`: where its first picture is kept.
        """
        from edge.drivers.reader_camera import watched

        return watched(told.told(picture), self._clock)

    def relay(self, told: OutputConfig) -> Relay:
        match told:
            case GpiodOutputConfig():
                from edge.drivers.relay_gpiod import GpiodRelay

                return GpiodRelay(told.chip, told.line, self._clock, told.active_low)
            case GpioOutputConfig():
                from edge.drivers.relay_gpio import GpioRelay

                return GpioRelay(told.pin, self._clock, told.active_low)
            case ModbusOutputConfig():
                from edge.drivers.relay_modbus import ModbusRelay

                bus = self._bus(told.path, told.baud)
                return ModbusRelay(bus, told.address, told.coil, self._clock)
            case SimulatedOutputConfig():
                from edge.drivers.relay_simulated import SimulatedRelay

                return SimulatedRelay(self._clock)
            case _:
                assert_never(told)

    def sensor(self, told: InputConfig) -> Sensor:
        match told:
            case GpiodInputConfig():
                from edge.drivers.sensor_gpiod import GpiodSensor

                settling = Settling(told.settle_seconds, told.settle_seconds)
                return GpiodSensor(told.chip, told.line, self._clock, settling, told.active_low)
            case GpioInputConfig():
                from edge.drivers.sensor_gpio import GpioSensor

                settling = Settling(told.settle_seconds, told.settle_seconds)
                return GpioSensor(told.pin, self._clock, settling, told.active_low)
            case ModbusInputConfig():
                from edge.drivers.sensor_modbus import ModbusSensor

                settling = Settling(told.settle_seconds, told.settle_seconds)
                bus = self._bus(told.path, told.baud)
                return ModbusSensor(
                    bus, told.address, told.input, self._clock, settling, told.active_low
                )
            case SimulatedInputConfig():
                from edge.drivers.sensor_simulated import SimulatedSensor

                return SimulatedSensor(self._clock)
            case _:
                assert_never(told)

    def panel(self, told: PanelConfig) -> Panel:
        match told:
            case LampsPanelConfig():
                from edge.drivers.panel_lamps import LampsPanel

                go, wait, stop, buzzer = (
                    self.relay(output) if output else None
                    for output in (told.go, told.wait, told.stop, told.buzzer)
                )
                return LampsPanel(self._clock, go, wait, stop, buzzer)
            case DisplayPanelConfig():
                from edge.drivers.panel_serial import SerialPanel

                return SerialPanel(Path(told.path), told.baud, told.columns)
            case SimulatedPanelConfig():
                from edge.drivers.panel_simulated import SimulatedPanel

                return SimulatedPanel()
            case _:
                assert_never(told)

    def printer(
        self, told: PrinterConfig, thread: SingleThread, draw: Callable[[int], int]
    ) -> Printer:
        """`thread` is the printer's alone; `draw(n)`: a chance number below n."""
        if isinstance(told, SimulatedPrinterConfig):
            from edge.drivers.printer_simulated import SimulatedPrinter

            return SimulatedPrinter(self._clock)
        from edge.drivers.printer_escpos import EscposPrinter

        line = _printer_line(told, thread, self._clock, self._usb)
        return EscposPrinter(line, profile(told), self._clock, thread, draw)

    def link(
        self, told: BrokerConfig, device: str, topics: tuple[str, ...], draw: Callable[[], float]
    ) -> Link:
        from edge.drivers.link_mqtt import Broker, MqttLink

        broker = Broker(told.host, told.port, told.username, told.password, _tls(told.tls))
        return MqttLink(broker, device, topics, self._clock, draw)

    def fetch(self, told: CentralConfig, thread: SingleThread) -> Fetch:
        from edge.drivers.fetch_http import HttpFetch

        return HttpFetch(told.url, thread, self._clock, told.token, _tls(told.tls))

    def unverified_fetch(self, url: str, thread: SingleThread) -> Fetch:
        """For the one question whose answer is known by its hash: who central's authority is."""
        from edge.drivers.fetch_http import HttpFetch

        return HttpFetch(url, thread, self._clock, verified=False)

    async def close(self) -> None:
        """Close the shared lines; the drivers on them are closed by whoever opened them."""
        for bus in self._buses.values():
            await bus.close()

    def _bus(self, path: str, baud: int) -> ModbusBus:
        if path not in self._buses:
            from edge.drivers.bus_modbus import ModbusBus

            self._buses[path] = ModbusBus(Path(path), baud, self._clock)
        return self._buses[path]


def _printer_line(
    told: LinePrinterConfig, thread: SingleThread, clock: Clock, usb: object = None
) -> Transport:
    from edge.drivers import escpos_transport

    match told:
        case NetworkPrinterConfig():
            return escpos_transport.NetworkTransport(told.host, told.port, thread)
        case SerialPrinterConfig():
            return escpos_transport.SerialTransport(told.path, told.baud, told.flow, thread)
        case FilePrinterConfig():
            return escpos_transport.FileTransport(told.path, thread, clock)
        case UsbPrinterConfig():
            from edge.drivers.escpos_usb import UsbTransport

            return UsbTransport(*told.numbers(), thread, clock, usb)
        case _:
            assert_never(told)


def _tls(told: TlsConfig | None) -> Tls | None:
    from edge.drivers.tls import Tls

    return Tls(told.authority, told.certificate, told.key) if told else None
