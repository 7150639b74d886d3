"""`GET /device/time?nonce=…`: what time it is, signed, for devices whose clock may be wrong.

No login and no TLS, since a device that does not know the time can judge no certificate. Whoever
asks gets the time and nothing else; how many are answered a second is bounded here, as each
answer costs a signature. The bound for a single address is the web server's in front.
"""

import threading
import time

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from central.venue.trust import TrustMissing, sealed
from wire.codec import encode
from wire.signed import Purpose
from wire.signed_time import NONCE_BYTES, TimeAnswer

ANSWERS_A_SECOND = 100.0
ANSWERS_AT_ONCE = 500.0
"""A venue's gates, all switched on at the same moment."""


class Bound:
    """So many a second, and so many at once after a pause."""

    def __init__(self, a_second: float, at_once: float) -> None:
        self._a_second, self._at_once = a_second, at_once
        self._left, self._at = at_once, time.monotonic()
        self._lock = threading.Lock()

    def allows(self) -> bool:
        """Whether there is room for one more; takes it."""
        with self._lock:
            now = time.monotonic()
            self._left = min(self._at_once, self._left + (now - self._at) * self._a_second)
            self._at = now
            if self._left < 1.0:
                return False
            self._left -= 1.0
            return True


_bound = Bound(ANSWERS_A_SECOND, ANSWERS_AT_ONCE)


@require_GET
def told(request: HttpRequest) -> HttpResponse:
    """Answer with a sealed TimeAnswer (wire/signed_time.py)."""
    nonce = _nonce(request.GET.get("nonce", ""))
    if nonce is None:
        return _plain(f"nonce: {2 * NONCE_BYTES} hex digits\n", 400)
    if not _bound.allows():
        return _plain("too many ask for the time at once; ask again in a minute\n", 429)
    try:
        # The time is the last thing that is asked before it is signed.
        envelope = sealed(encode(TimeAnswer(nonce, time.time())), Purpose.TIME)
    except TrustMissing as missing:
        return _plain(f"{missing}\n", 503)
    answer = HttpResponse(envelope, content_type="application/cbor")
    answer["Cache-Control"] = "no-store"
    return answer


def _nonce(text: str) -> bytes | None:
    if len(text) != 2 * NONCE_BYTES or not text.isascii() or not text.isalnum():
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


def _plain(sentence: str, status: int) -> HttpResponse:
    return HttpResponse(sentence, status=status, content_type="text/plain")
