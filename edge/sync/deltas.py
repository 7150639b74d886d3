"""Changes of the list as they came: verified, read, in order."""

import hashlib

from edge.core.list_terms import Chained
from edge.store.changes import Unseal
from wire.codec import WireError, decode
from wire.signed import Purpose, Untrusted
from wire.snapshot import Delta

PATH = "/device/list/deltas"


class UnusableDelta(Exception):
    """The next change of the list is not one that can be applied; the message says why."""


def path_after(sequence: int) -> str:
    """Return where central gives the changes after that one."""
    return f"{PATH}?after={sequence}"


def chained(sealed: bytes, unseal: Unseal) -> Chained:
    """Read a delta; raise WireError if it is none, Untrusted if not central's.

    Its head is the hash of the bytes as they came, for a newer central may say more in them than
    this reader knows.
    """
    body = unseal(sealed, Purpose.LIST)
    return Chained(decode(body, Delta), hashlib.sha256(body).digest(), sealed)


def answered(answer: bytes, unseal: Unseal) -> tuple[Chained, ...]:
    """Read an answer of central's up to the first delta that is none.

    Raise UnusableDelta if that is the very first, Untrusted if it is not central's, WireError if
    the whole is no answer.
    """
    deltas: list[Chained] = []
    for body in decode(answer, list[bytes]):
        try:
            deltas.append(chained(body, unseal))
        except Untrusted:
            if not deltas:
                raise
            break
        except WireError as error:
            if not deltas:
                raise UnusableDelta(f"the next delta cannot be read: {error}") from None
            break
    return tuple(deltas)
