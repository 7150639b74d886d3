"""What a kiosk is told of its printer: `[printer]` in kiosk.toml, read by the catalog."""

from dataclasses import replace
from typing import Annotated, Literal

import msgspec

from edge.core.printer_profile import PROFILES, Letters, Profile

ProfileName = Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(PROFILES)})$")]


class _Printer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """`profile` says what it can do (edge/core/printer_profile.py)."""

    profile: ProfileName
    letters: Letters | None = None
    """raster: draw them here, where the printer's own are not right."""
    black_mark: bool = False
    """The paper has a mark where it is to be cut."""


class NetworkPrinterConfig(_Printer, frozen=True, tag="network", kw_only=True):
    host: Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 9100


class SerialPrinterConfig(_Printer, frozen=True, tag="serial", kw_only=True):
    path: str
    baud: Annotated[int, msgspec.Meta(ge=300, le=4_000_000)] = 115200
    flow: Literal["none", "rtscts", "xonxoff"] = "rtscts"


class FilePrinterConfig(_Printer, frozen=True, tag="file", kw_only=True):
    """A USB printer as the kernel shows it: path = "/dev/usb/lp0", or better a link to it."""

    path: str


class UsbPrinterConfig(_Printer, frozen=True, tag="usb", kw_only=True):
    """A USB printer by libusb: device = "04b8:0e28", as lsusb shows it, or with its serial number
    behind another colon where there are two of a kind."""

    device: Annotated[
        str, msgspec.Meta(pattern="^[0-9a-f]{4}:[0-9a-f]{4}(:[!-~]{1,80})?$", max_length=100)
    ]

    def numbers(self) -> tuple[int, int, str]:
        """Return vendor, product and serial number."""
        vendor, product, *serial = self.device.split(":", 2)
        return int(vendor, 16), int(product, 16), serial[0] if serial else ""


class SimulatedPrinterConfig(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="simulated"
):
    pass


LinePrinterConfig = (
    NetworkPrinterConfig | SerialPrinterConfig | FilePrinterConfig | UsbPrinterConfig
)
PrinterConfig = LinePrinterConfig | SimulatedPrinterConfig


def profile(told: LinePrinterConfig) -> Profile:
    """Return the profile that was chosen, with what was told beside it."""
    chosen = replace(PROFILES[told.profile], black_mark=told.black_mark)
    return chosen if told.letters is None else replace(chosen, letters=told.letters)
