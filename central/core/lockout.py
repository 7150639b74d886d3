"""How often somebody may guess: five failures, and what was guessed at is locked for a while."""

from dataclasses import dataclass

FAILURES_MAX = 5
WITHIN_SECONDS = 900.0
LOCKED_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Tries:
    """Of one kiosk, or at one order. Unix seconds."""

    failures: int = 0
    first_at: float = 0.0
    locked_until: float = 0.0


def locked(tries: Tries, now: float) -> float:
    """Return for how many seconds it is locked; 0 if it is not."""
    return max(tries.locked_until - now, 0.0)


def failed(tries: Tries, now: float) -> Tries:
    """Return what a wrong guess leaves behind; the fifth within a quarter of an hour locks."""
    begins = now - tries.first_at > WITHIN_SECONDS or now < tries.first_at
    failures = 1 if begins else tries.failures + 1
    first_at = now if begins else tries.first_at
    if failures >= FAILURES_MAX:
        return Tries(0, now, now + LOCKED_SECONDS)
    return Tries(failures, first_at, 0.0)
