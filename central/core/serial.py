"""Ticket serials that do not tell how many were sold.

A keyed permutation of 0 … 2^k - 1, where 2^k is the smallest power of two at least twice the
capacity: a four-round Feistel network over k bits (one more where k is odd, walking the cycle
until the value is in range).
"""

import hashlib
from collections.abc import Callable, Iterator
from functools import cache

ROUNDS = 4
CAPACITY_MAX = 2**31


def width(capacity: int) -> int:
    """Return k for an audience of `capacity` tickets; at most 32."""
    if not 1 <= capacity <= CAPACITY_MAX:
        raise ValueError("capacity: 1 to 2^31 tickets")
    return max((2 * capacity - 1).bit_length(), 1)


def serial(number: int, bits: int, key: bytes) -> int:
    """Return the serial of ticket `number` (0 ≤ number < 2^bits): another one for each."""
    return next(serials(number, bits, key))


def serials(first: int, bits: int, key: bytes) -> Iterator[int]:
    """Yield the serials of ticket `first` and of those after it, to the last there can be.

    Raise ValueError where there is no such ticket. For many at once: what was hashed is kept.
    """
    if not 0 <= first < 2**bits:
        raise ValueError("number: out of range")
    mixed = _mixing(key)
    half = (bits + 1) // 2
    for number in range(first, 2**bits):
        value = _permuted(number, half, mixed)
        while value >= 2**bits:
            value = _permuted(value, half, mixed)
        yield value


def _permuted(value: int, half: int, mixed: Callable[[int, int], int]) -> int:
    mask = (1 << half) - 1
    left, right = value >> half, value & mask
    for turn in range(ROUNDS):
        left, right = right, left ^ mixed(right, turn) & mask
    return left << half | right


def _mixing(key: bytes) -> Callable[[int, int], int]:
    @cache
    def mixed(value: int, turn: int) -> int:
        message = bytes([turn]) + value.to_bytes(4, "big")
        digest = hashlib.blake2b(message, digest_size=4, key=key).digest()
        return int.from_bytes(digest, "big")

    return mixed
