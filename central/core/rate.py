"""How often somebody may ask: a bucket that fills evenly and holds a minute's worth."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bucket:
    """`left` requests could be made at `at` (seconds of any steady clock)."""

    left: float
    at: float


def take(bucket: Bucket | None, per_minute: int, now: float) -> tuple[Bucket, float]:
    """Take one request out of a bucket, a full one at first.

    Return the bucket, and how many seconds to wait if it was empty; 0 if it was not.
    """
    per_second = per_minute / 60
    left = float(per_minute)
    if bucket is not None:
        left = min(left, bucket.left + max(now - bucket.at, 0.0) * per_second)
    if left < 1:
        return Bucket(left, now), (1 - left) / per_second
    return Bucket(left - 1, now), 0.0
