"""When a contact has really changed: pure, since not every kernel or library debounces.

A change counts once it has lasted for its settle time. A fire loop that opens is believed at once
and its closing late; a pass contact is symmetrical.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Settling:
    """How long a level must last to be believed, in seconds."""

    active_seconds: float = 0.02
    inactive_seconds: float = 0.02


@dataclass(frozen=True, slots=True)
class Contact:
    """`believed` is None until the first level has settled."""

    believed: bool | None = None
    seen: bool | None = None
    since: float = 0.0


def see(contact: Contact, level: bool, uptime: float) -> Contact:
    """Return the contact after a level was read at `uptime`."""
    if level == contact.seen:
        return contact
    return replace(contact, seen=level, since=uptime)


def replay(
    contact: Contact, edges: Iterable[tuple[bool, float]], settling: Settling
) -> tuple[Contact, list[tuple[bool, float]]]:
    """Return the contact after edges that are heard of late, and the changes believed by then.

    An edge is (level, uptime). So a pulse that came and went unread is a pulse all the same.
    """
    believed: list[tuple[bool, float]] = []
    for level, uptime in edges:
        contact, changed = settle(contact, settling, uptime)
        if changed is not None:
            believed.append((changed, uptime))
        contact = see(contact, level, uptime)
    return contact, believed


def deadline(contact: Contact, settling: Settling) -> float | None:
    """Return when the level now seen will be believed; None if it is already."""
    if contact.seen is None or contact.seen == contact.believed:
        return None
    settle = settling.active_seconds if contact.seen else settling.inactive_seconds
    return contact.since + settle


def settle(contact: Contact, settling: Settling, uptime: float) -> tuple[Contact, bool | None]:
    """Return the contact, and the level to report if a change is believed at `uptime`."""
    due = deadline(contact, settling)
    if due is None or uptime < due:
        return contact, None
    return replace(contact, believed=contact.seen), contact.seen
