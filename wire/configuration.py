"""What a device is to be configured as: desired by central, reported by the device.

Travels in an envelope (wire/signed.py, purpose configuration), retained: it is the same whenever
it comes. The device answers with an event, applied or refused, and says its version in `Hello`.
"""

import msgspec


class Desired(msgspec.Struct, frozen=True):
    """The whole of it; a device applies all or nothing."""

    device: bytes
    """8 bytes."""
    version: int
    """Grows with each change; an older one is refused."""
    zone: str
    """The text of zone.toml."""
    paper: str = ""
    """The template of a kiosk's papers (paper/template.py); empty: the default. Gates ignore it."""
