"""What the light central's ledger has in its hands while it takes messages in."""

from dataclasses import dataclass, field
from typing import Protocol

from wire.delivery import Hello
from wire.event import AnyEvent, Stamp
from wire.row import Unknown

Message = tuple[str, bytes]


@dataclass(slots=True)
class Group:
    """What one transaction holds, and whom to answer once it is committed."""

    asked: dict[tuple[int, str, bytes], Hello | None] = field(default_factory=dict)
    """By (device, its identity, epoch): the hello that asked, if one did."""
    answers: list[Message] = field(default_factory=list)
    used: set[bytes] = field(default_factory=set)
    papers: set[bytes] = field(default_factory=set)
    """Rights whose paper is out, or was seen at a door."""


@dataclass(frozen=True, slots=True)
class Came:
    """A row of a batch, as it was read."""

    hash: bytes
    body: bytes
    happened: AnyEvent | Unknown
    stamp: Stamp


class Claiming(Protocol):
    """What ingest needs of a ledger of claims (central_claims.py)."""

    def take(self, device: int, payload: bytes) -> list[Message]: ...
    def hears(self, device: int) -> None: ...
    def hello(self, device: int, hello: Hello, here: dict[bytes, int]) -> None: ...
    def reached(self, device: int, epoch: bytes, upto: int) -> None: ...
