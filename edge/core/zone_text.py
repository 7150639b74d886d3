"""A zone.toml and the version of it, which are one text: they can never tell different stories.

The first line is the device's own and says which of central's versions it is; a text that an
installer or an enrolment put there has none and counts as version 0.
"""

import re

from edge.core.strays import Stray
from wire.codec import WireError, decode
from wire.configuration import Desired

CONFIGURATION_BYTES_MAX = 224 * 1024
"""Of the envelope: one word of the intercom holds it, and a hub's names some thousand devices."""
FIRST_LINE = re.compile(r"# version ([0-9]{1,18}), as central wants it\n")


def text(desired: Desired) -> str:
    """Return the file's content."""
    return f"# version {desired.version}, as central wants it\n{desired.zone}"


def version(content: str) -> int:
    """Return which version a file's content is; 0: it is not central's."""
    found = FIRST_LINE.match(content)
    return int(found[1]) if found else 0


def read(payload: bytes, device: bytes, known: int) -> Desired | Stray:
    """Return the configuration in what central sealed; `known`: the newest version here."""
    try:
        desired = decode(payload, Desired)
    except WireError:
        return Stray.UNREADABLE
    if desired.device != device:
        return Stray.FOREIGN
    if desired.version < 1:
        return Stray.UNREADABLE
    return Stray.ROLLED_BACK if desired.version < known else desired
