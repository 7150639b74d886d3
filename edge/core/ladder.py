"""How much a device knows, in rungs: fresh, stale, signature and revocations, signature only.

A device moves between them by itself, both ways; free passage is never one of them.
"""

from wire.event import Rung


def rung(present: bool, list_age_seconds: float | None, stale_after_seconds: float) -> Rung:
    """Return the rung for a list of that age; None: it was never confirmed since the start."""
    if not present:
        return Rung.SIGNATURE_ONLY
    if list_age_seconds is None or list_age_seconds > stale_after_seconds:
        return Rung.STALE
    return Rung.FRESH
