"""Ticket serials that do not tell how many were sold.

A keyed permutation of 0 … 2^k - 1, where 2^k is the smallest power of two at least twice the
capacity: a four-round Feistel network over k bits (one more where k is odd, walking the cycle
until the value is in range).
"""

import hashlib

ROUNDS = 4
CAPACITY_MAX = 2**31


def width(capacity: int) -> int:
    """Return k for an audience of `capacity` tickets; at most 32."""
    if not 1 <= capacity <= CAPACITY_MAX:
        raise ValueError("capacity: 1 to 2^31 tickets")
    return max((2 * capacity - 1).bit_length(), 1)


def serial(number: int, bits: int, key: bytes) -> int:
    """Return the serial of ticket `number` (0 ≤ number < 2^bits): another one for each."""
    if not 0 <= number < 2**bits:
        raise ValueError("number: out of range")
    value = number
    while True:
        value = _permuted(value, (bits + 1) // 2, key)
        if value < 2**bits:
            return value


def _permuted(value: int, half: int, key: bytes) -> int:
    mask = (1 << half) - 1
    left, right = value >> half, value & mask
    for turn in range(ROUNDS):
        left, right = right, left ^ _mixed(right, turn, key) & mask
    return left << half | right


def _mixed(value: int, turn: int, key: bytes) -> int:
    message = bytes([turn]) + value.to_bytes(4, "big")
    digest = hashlib.blake2b(message, digest_size=4, key=key).digest()
    return int.from_bytes(digest, "big")
