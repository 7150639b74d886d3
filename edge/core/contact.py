"""What a lane's contacts say: a person, the board, or somebody with a key."""

from edge.core.lane import AnySignal, ModeSet, OpenOnce, Signal
from wire.event import Mode

KEY_SWITCH = "key-switch"
MOMENTS = frozenset({"pass_contact", "opposite_contact", "key_open_once"})
"""Contacts that say something when they close; the others, as long as they are what they are."""
SWITCHES = frozenset({"key_free_pass", "key_out_of_service"})


def signal(contact: str, active: bool) -> AnySignal | None:
    """Return what a change of one of a lane's contacts means, or None."""
    match contact, active:
        case "pass_contact", True:
            return Signal.PASSED
        case "opposite_contact", True:
            return Signal.PASSED_OPPOSITE
        case "beam", _:
            return Signal.BEAM_BROKEN if active else Signal.BEAM_CLEAR
        case "not_ready", _:
            return Signal.NOT_READY if active else Signal.READY
        case "key_open_once", True:
            return OpenOnce(KEY_SWITCH)
        case "key_free_pass", _:
            return ModeSet(Mode.FREE_PASS if active else Mode.NORMAL, KEY_SWITCH)
        case "key_out_of_service", _:
            return ModeSet(Mode.OUT_OF_SERVICE if active else Mode.NORMAL, KEY_SWITCH)
        case _:
            return None


def found(contact: str, there: bool) -> Signal | None:
    """Return what it means that one of a lane's contacts is there again, or lost."""
    if contact != "pass_contact":
        return None
    return Signal.CONTACT_FOUND if there else Signal.CONTACT_LOST


def overlooked(contact: str) -> Signal | None:
    """Return what it means that nobody looked at one of a lane's contacts for a moment."""
    return Signal.UNSEEN if contact == "pass_contact" else None


def is_news(contact: str, active: bool, known: bool | None, locked: bool) -> bool:
    """Whether a level that was found says anything; `known`: what it was before it was lost.

    It is no passage. A key that stands where it stood is nobody's word: it sets a lane at the
    start of a life, but not one that central has locked since it was turned.
    """
    if contact in MOMENTS:
        return False
    if contact not in SWITCHES:
        return True
    if known is None:
        return active and not locked
    return active is not known
