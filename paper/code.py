"""QR codes as they are printed: model 2, error correction M, as large as the paper allows."""

from functools import lru_cache

import segno

from paper.sheet import Bitmap

QUIET_MODULES = 4
MODULE_MM_MAX = 1.0
MODULE_DOTS_MIN = 3
"""Thinner lines break on thermal paper."""


@lru_cache(maxsize=8)
def modules(text: str) -> tuple[bytes, ...]:
    """Return the rows of a QR code, a byte for each module, 1 dark, without the quiet zone."""
    made = segno.make_qr(text, error="m", boost_error=False)
    return tuple(bytes(row) for row in made.matrix)


def module_dots(size: int, width_dots: int, dots_per_mm: float) -> int:
    """Return how many dots wide a module of a code of `size` modules is on paper so wide."""
    fits = width_dots // (size + 2 * QUIET_MODULES)
    return max(min(fits, round(MODULE_MM_MAX * dots_per_mm)), MODULE_DOTS_MIN)


def size_in_bytes(length: int) -> int:
    """Return how many modules wide a code is that holds `length` bytes as bytes."""
    return len(modules("a" * length))


def bitmap(text: str, width_dots: int, dots_per_mm: float) -> Bitmap:
    """Return a code's dots with its quiet zone; wider than the paper only if it cannot be read."""
    matrix = modules(text)
    dots = module_dots(len(matrix), width_dots, dots_per_mm)
    quiet = QUIET_MODULES * dots
    width = len(matrix) * dots + 2 * quiet
    blank = bytes((width + 7) // 8) * quiet
    rows = bytearray(blank)
    for line in matrix:
        bits = "0" * quiet + "".join(str(module) * dots for module in line) + "0" * quiet
        bits += "0" * (-width % 8)
        rows += int(bits, 2).to_bytes(len(bits) // 8, "big") * dots
    return Bitmap(width, len(matrix) * dots + 2 * quiet, bytes(rows + blank))
