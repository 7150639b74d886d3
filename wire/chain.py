"""The hash chain through a device's journal.

Each row's hash covers the one before, so that a row lost, changed or put in later shows, whoever
did it. The chain runs on across epochs and prunings.
"""

import hashlib

HASH_BYTES = 32
DEVICE_BYTES = 8
EPOCH_BYTES = 8
GENESIS = bytes(HASH_BYTES)


def link(previous: bytes, device: bytes, epoch: bytes, seq: int, body: bytes) -> bytes:
    """Return the hash (32 bytes) of row (device, epoch, seq) with `body`, after `previous`."""
    return hashlib.sha256(previous + device + epoch + seq.to_bytes(8, "big") + body).digest()
