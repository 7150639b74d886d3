"""Turns configuration into drivers. The only module that names a concrete one.

Drivers are imported when they are opened, so that a gate without GPIO needs no GPIO library.
"""

from typing import Annotated, assert_never

import msgspec

from edge.core.framing import GrowFraming, LineFraming
from edge.drivers.interfaces import Panel, Reader, Relay, Sensor
from edge.runtime.clock import Clock

Baud = Annotated[int, msgspec.Meta(ge=300, le=4_000_000)]
Line = Annotated[int, msgspec.Meta(ge=0, le=511)]


class _Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    pass


class SerialReaderConfig(_Device, frozen=True, tag="serial"):
    """A scanner on a serial line: kind = "serial", path = "/dev/gatehouse/scanner-1"."""

    path: str
    baud: Baud = 9600
    framing: Annotated[str, msgspec.Meta(pattern="^(line|grow)$")] = "line"
    """line: CR, LF, CRLF or a pause end a code; grow: the "7E 00" family, framed."""
    idle_gap_seconds: Annotated[float, msgspec.Meta(ge=0.0, le=2.0)] = 0.05


class KeyboardReaderConfig(_Device, frozen=True, tag="keyboard"):
    """A scanner that types: path = "/dev/input/by-path/…-event-kbd"."""

    path: str


class SimulatedReaderConfig(_Device, frozen=True, tag="simulated"):
    pass


ReaderConfig = SerialReaderConfig | KeyboardReaderConfig | SimulatedReaderConfig


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
