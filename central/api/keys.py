"""Keys of the API: made once, shown once, kept as a hash, bounded in how often they may ask."""

import hashlib
import secrets
import threading
import time

from django.http import HttpRequest
from ninja.security import HttpBearer

from central.api.models import ChannelKey
from central.core.rate import Bucket, take
from central.tickets.refusal import Code, Refused

PREFIX = "ghk_"
SHOWN_CHARACTERS = 9
NOTED_EVERY_SECONDS = 60


def draw() -> str:
    """Return a new key: 256 bits, so that a plain hash of it is enough to keep."""
    return PREFIX + secrets.token_urlsafe(32)


def key_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def keep(made: ChannelKey, text: str) -> None:
    """Set what is stored of a key."""
    made.key_hash, made.begins_with = key_hash(text), text[:SHOWN_CHARACTERS]


class Bounds:
    """Counts what each key asks, in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, Bucket] = {}

    def take(self, key: ChannelKey, now: float) -> None:
        """Raise Refused if the key asked too often."""
        with self._lock:
            bucket, wait = take(self._buckets.get(key.key_hash), key.per_minute, now)
            self._buckets[key.key_hash] = bucket
        if wait:
            raise Refused(Code.TOO_OFTEN, wait_seconds=wait)


bounds = Bounds()


class ByKey(HttpBearer):
    """`Authorization: Bearer ghk_…`; the key found is the request's `auth`."""

    def authenticate(self, request: HttpRequest, token: str) -> ChannelKey | None:  # noqa: ARG002
        found = ChannelKey.objects.select_related("venue")
        key = found.filter(key_hash=key_hash(token), revoked_at=None).first()
        if key is None:
            return None
        bounds.take(key, time.monotonic())
        now = int(time.time())
        if key.last_used_at is None or now - key.last_used_at >= NOTED_EVERY_SECONDS:
            ChannelKey.objects.filter(pk=key.pk).update(last_used_at=now)
        return key
