"""What is computed once for all devices of the venue, since every one of them would get the same.

A signature that one device has verified is good for the next, and a message reads the same for all
who get it: every device still asks, only the answer is remembered. And since gates say when the
journal has grown, sync need not look for that twenty times a second as well.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from edge.sync import outward
from wire import codec, key
from wire.key import Verify

REMEMBERED_MAX = 4096
BYTES_MAX = 4096
"""Of what is remembered; larger things are few."""
POLL_SECONDS = 1.0

_done: list[bool] = []


def remember() -> None:
    """Make it so in this process, once."""
    if _done:
        return
    _done.append(True)
    for module, name, instead in (
        (key, "by_sodium", _once(key.by_sodium)),
        (key, "by_openssl", _once(key.by_openssl)),
        (codec, "loads", _loads(codec.loads)),
        (outward, "POLL_SECONDS", POLL_SECONDS),
    ):
        setattr(module, name, instead)


def _once(make: Callable[[bytes], Verify]) -> Callable[[bytes], Verify]:
    @lru_cache(maxsize=64)
    def made(public: bytes) -> Verify:
        return lru_cache(maxsize=REMEMBERED_MAX)(make(public))

    return made


def _loads(loads: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    # Whoever reads by it makes structs of the value and never changes it.
    remembered = lru_cache(maxsize=REMEMBERED_MAX)(loads)

    def read(data: bytes) -> Any:
        return remembered(data) if len(data) <= BYTES_MAX else loads(data)

    return read
