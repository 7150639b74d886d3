"""What fuzzing is made of here: one harness for each parser that strangers can reach.

A harness takes any bytes and tells whether they got through the whole of it, signature and rules
included; it raises whenever the parser broke a promise. Where a signature stands in the way, the
harness signs the input with a good key, so that what lies behind it is reached as well. Its inputs
begin with `corpus/<name>.hex`; `make test` plays that and a few changes of it, a night plays
millions (`python -m tests.fuzz`).
"""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cbor2

CORPUS = Path(__file__).parent / "corpus"

STORY_BYTES_MAX = 1024
INTERESTING = (0, 1, 23, 24, 255, 256, 2**15, 2**16, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**63)
TEXTS = ("", "hall", "A1", "\0", "é", "\ud7ff", "x" * 300, "国" * 50)


@dataclass(frozen=True)
class Harness:
    name: str
    play: Callable[[bytes], bool]
    """Return whether an input got through in full; raise if the parser broke a promise."""
    seeds: Callable[[], Iterable[bytes]]
    """Good inputs, made by our own writers."""
    values: bool = False
    """Inputs are CBOR: they are changed as values, too, so that they stay readable."""
    share: int = 1
    """How many inputs of a night this harness gets, as parts of the whole."""
    slow: bool = False
    """A database stands behind it: it gets a twentieth."""
    central: bool = False
    """It is played within `reported.central`."""


class Taken:
    """Reads an input as the story that a harness needs; when it is used up, all is zero."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def byte(self) -> int:
        return self.number(1)

    def number(self, size: int) -> int:
        return int.from_bytes(self.some(size))

    def some(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken

    def rest(self) -> bytes:
        return self.some(len(self._data))


def corpus(name: str) -> list[bytes]:
    """Return the committed inputs of a harness."""
    path = CORPUS / f"{name}.hex"
    lines = path.read_text().splitlines() if path.exists() else []
    return [bytes.fromhex(line) for line in lines]


def changed(data: bytes, chance: random.Random, values: bool, others: list[bytes]) -> bytes:
    """Return `data` with a few changes: of its bytes, or of the value that it spells."""
    if values and chance.random() < 0.7:
        try:
            return cbor2.dumps(_other(cbor2.loads(data), chance, 3), canonical=True)
        except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError):
            pass
    content = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 8))):
        _change(content, chance, others)
    return bytes(content[: max(STORY_BYTES_MAX, len(data))])


def inputs(name: str, count: int, seed: int, values: bool) -> Iterator[bytes]:
    """Yield the corpus, then changes of it, the same ones for the same seed."""
    known = corpus(name)
    yield from known
    chance = random.Random(f"{name} {seed}")
    for _ in range(count):
        yield changed(chance.choice(known), chance, values, known)


def _change(content: bytearray, chance: random.Random, others: list[bytes]) -> None:
    at = chance.randint(0, len(content))
    match chance.randrange(6):
        case 0 if content:
            content[at - 1] ^= 1 << chance.randrange(8)
        case 1:
            content[at:at] = chance.randbytes(chance.randint(1, 8))
        case 2:
            del content[at : at + chance.randint(1, 16)]
        case 3:
            content[at : at + 1] = bytes([chance.choice((0, 1, 13, 10, 0x7F, 0x80, 0xFF))])
        case 4:
            size = chance.randint(1, 32)
            content[at:at] = content[at - size : at]
        case _ if others:
            other = chance.choice(others)
            cut = chance.randint(0, len(other))
            content[at:] = other[cut:]


def _other(value: object, chance: random.Random, depth: int) -> object:
    """Return another value in the place of this one, like it or not."""
    if chance.random() < 0.1 or depth == 0:
        return _any(chance)
    match value:
        case dict() if value:
            key = chance.choice(list(value))
            match chance.randrange(5):
                case 0:
                    return {other: one for other, one in value.items() if other != key}
                case 1:
                    return {**value, chance.choice(TEXTS): _any(chance)}
                case _:
                    return {**value, key: _other(value[key], chance, depth - 1)}
        case list() | tuple() if value:
            at = chance.randrange(len(value))
            items = list(value)
            match chance.randrange(6):
                case 0:
                    del items[at]
                case 1:
                    items.insert(at, items[at])
                case _:
                    items[at] = _other(items[at], chance, depth - 1)
            return items
        case bool():
            return not value
        case int():
            step = chance.choice((-1, 1, chance.choice(INTERESTING), -chance.choice(INTERESTING)))
            return value + step if chance.random() < 0.7 else chance.choice(INTERESTING)
        case bytes() if value:
            content = bytearray(value)
            _change(content, chance, [])
            return bytes(content)
        case str():
            return chance.choice((*TEXTS, value + "x", value[:-1]))
        case _:
            return _any(chance)


def _any(chance: random.Random) -> object:
    number = chance.choice(INTERESTING)
    numbers = (number, -number - 1, 0.5, float("inf"), float("nan"))
    kinds: tuple[object, ...] = (None, True, *numbers, b"", bytes(8), [], {}, *TEXTS)
    return chance.choice(kinds)
