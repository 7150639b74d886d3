"""A key that somebody else may hold: told once for each key and ten minutes, not per ticket."""

from collections.abc import Mapping
from dataclasses import dataclass, field

AGAIN_SECONDS = 600.0
KEYS_MAX = 100
"""Of which it is remembered when they were told; beyond, the oldest is told again."""


@dataclass(frozen=True, slots=True)
class Suspicions:
    told_at: Mapping[bytes, float] = field(default_factory=dict)
    """Uptime, by kid."""


def suspect(suspicions: Suspicions, kid: bytes, uptime: float) -> tuple[Suspicions, bool]:
    """Return what was told now, and whether to tell of `kid`."""
    told = suspicions.told_at.get(kid)
    if told is not None and uptime - told < AGAIN_SECONDS:
        return suspicions, False
    others = {key: at for key, at in suspicions.told_at.items() if key != kid}
    newest = sorted(others.items(), key=lambda one: one[1])[-(KEYS_MAX - 1) :]
    return Suspicions({**dict(newest), kid: uptime}), True
