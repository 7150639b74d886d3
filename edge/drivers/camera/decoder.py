"""Finds codes in a picture. zxing-cpp by default, zbar (by pyzbar) where somebody wants it.

zxing-cpp reads more of the pictures of phones and papers there are (73 of 100 against 55), in a
tenth of the time, dark mode too, and gives the very bytes of a code; zbar guesses at letters and
pyzbar raises on codes that are part of a series. A picture in which nothing is found is looked at
once more in one other way, in turn, so that a code held for four pictures is tried in all of them
and no picture takes more than twice its time.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from edge.core.sighting import Sighting
from edge.drivers.camera.source import Grey
from edge.drivers.camera.words import Symbology, Told
from edge.drivers.interfaces import DriverError

MIDDLE_PIXELS = 600
"""Of this square in the middle of a picture an enlarged copy is looked at."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one picture holds; `module_pixels` of the largest code, 0 if not known."""

    sightings: tuple[Sighting, ...] = ()
    module_pixels: float = 0.0


class Decoder(Protocol):
    def find(self, grey: Grey) -> Found:
        """Return every code in a picture; never raises, whatever it shows."""


def open_decoder(told: Told) -> Decoder:
    """Return the decoder that is asked for; raise DriverError if it is not installed."""
    try:
        return ZxingDecoder(told.symbologies) if told.decoder == "zxing" else ZbarDecoder()
    except ImportError as missing:
        raise DriverError(
            f"{told.name}: its pictures cannot be read, since {missing.name or missing} is not "
            "installed; run provisioning/install with --camera"
        ) from None


class ZxingDecoder:
    """zxing-cpp; https://github.com/zxing-cpp/zxing-cpp."""

    def __init__(self, symbologies: tuple[Symbology, ...] = ("qr",)) -> None:
        import zxingcpp

        formats = {
            # Model 2 is what everybody prints; looking for Micro QR too costs a fifth more.
            "qr": zxingcpp.BarcodeFormat.QRCodeModel2,
            "aztec": zxingcpp.BarcodeFormat.Aztec,
            "data_matrix": zxingcpp.BarcodeFormat.DataMatrix,
            "pdf417": zxingcpp.BarcodeFormat.PDF417,
        }
        self._library = zxingcpp
        self._formats = zxingcpp.BarcodeFormats([formats[name] for name in symbologies])
        ways: tuple[Callable[[Grey], Found], ...] = (self._smoothed, self._middle, self._plain)
        self._turn = itertools.cycle(ways)

    def find(self, grey: Grey) -> Found:
        found = self._look(grey)
        return found if found.sightings else next(self._turn)(grey)

    def _smoothed(self, grey: Grey) -> Found:
        return self._look(np.asarray(cv2.GaussianBlur(grey, (3, 3), 0), np.uint8))

    def _middle(self, grey: Grey) -> Found:
        top, left = (max((side - MIDDLE_PIXELS) // 2, 0) for side in grey.shape)
        middle = grey[top : top + MIDDLE_PIXELS, left : left + MIDDLE_PIXELS]
        large = cv2.resize(middle, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
        return self._look(np.asarray(large, np.uint8), scale=2.0)

    def _plain(self, grey: Grey) -> Found:
        """One threshold for the whole picture: for a bright screen in the dark."""
        return self._look(grey, binarizer=self._library.Binarizer.GlobalHistogram)

    def _look(self, grey: Grey, scale: float = 1.0, **how: object) -> Found:
        codes = self._library.read_barcodes(
            np.ascontiguousarray(grey),
            self._formats,
            text_mode=self._library.TextMode.Plain,
            **how,  # type: ignore[arg-type]
        )
        sizes = [(_side(code.position) / scale, code) for code in codes]
        if not sizes:
            return Found()
        largest, code = max(sizes, key=lambda one: one[0])
        sightings = tuple(Sighting(bytes(one.bytes), side) for side, one in sizes)
        return Found(sightings, largest / _modules(code))


def _side(position: object) -> float:
    """Return the mean side of a quadrangle that zxing-cpp has found, in pixels."""
    corners = [
        (getattr(position, name).x, getattr(position, name).y)
        for name in ("top_left", "top_right", "bottom_right", "bottom_left")
    ]
    around = zip(corners, corners[1:] + corners[:1], strict=True)
    return sum(math.dist(one, next_one) for one, next_one in around) / 4


def _modules(code: object) -> float:
    """Return how many modules a side of a QR code has (ISO/IEC 18004, 5.3.1); inf if not known."""
    version = str(getattr(code, "extra", {}).get("Version", ""))
    return 17 + 4 * int(version) if version.isdigit() else float("inf")


class ZbarDecoder:
    """zbar by pyzbar: QR codes only. Needs Debian's libzbar0."""

    def __init__(self) -> None:
        from pyzbar import pyzbar

        self._library = pyzbar
        self._turn = itertools.cycle((False, True))

    def find(self, grey: Grey) -> Found:
        # It reads no light code on a dark ground; every other picture is turned round for it.
        found = self._look(grey)
        return self._look(255 - grey) if not found.sightings and next(self._turn) else found

    def _look(self, grey: Grey) -> Found:
        try:
            codes = self._library.decode(grey, symbols=[self._library.ZBarSymbol.QRCODE])
        except Exception:  # noqa: BLE001 - it raises on codes of a series, and that is no end.
            return Found()
        return Found(
            tuple(Sighting(code.data, (code.rect.width + code.rect.height) / 2) for code in codes)
        )
