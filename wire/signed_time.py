"""The time by central's word: asked for with a nonce over plain HTTP, answered with a signature.

A device whose clock is wrong cannot judge a certificate's dates, so this needs none. The nonce
makes an old answer worthless; how long it took bounds how wrong it is.
"""

import msgspec

NONCE_BYTES = 16


class TimeAnswer(msgspec.Struct, frozen=True):
    """In an envelope of purpose `time` (wire/signed.py)."""

    nonce: bytes
    """16 bytes, as asked."""
    wall: float
    """Unix seconds."""
