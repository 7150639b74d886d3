"""What central may order a device to do: signed, addressed, counted, and soon too old.

An order travels in an envelope (wire/signed.py, purpose command) by MQTT, never retained. The
daemon that obeys verifies it itself: the device is its own, the counter is higher than that of
every order answered before, and it has not expired. Each order has one answer, an event.
"""

import msgspec

COMMAND_SECONDS_MAX = 300
"""How long an order may be good for: a lane that opens tomorrow is nobody's wish."""


class Command(msgspec.Struct, frozen=True, tag_field="do"):
    """`lane` names a lane of the device; empty: all of them."""


class OpenOnce(Command, frozen=True, tag="open-once"):
    lane: str
    why: str = ""


class HoldOpen(Command, frozen=True, tag="hold-open"):
    """Keep the way open until `until` (Unix seconds), for a wheelchair or a delivery."""

    lane: str
    until: int


class LockEntry(Command, frozen=True, tag="lock-entry"):
    """Let nobody in; exits stay free. Refused while fire is latched."""

    lane: str = ""


class FreePass(Command, frozen=True, tag="free-pass"):
    """Let everybody through and count them, until `until` (Unix seconds)."""

    lane: str
    until: int


class BackToNormal(Command, frozen=True, tag="back-to-normal"):
    lane: str = ""


class Reload(Command, frozen=True, tag="reload"):
    """Read the configuration again, when no passage is open."""


class Identify(Command, frozen=True, tag="identify"):
    """Blink and beep, so that somebody finds the device."""

    lane: str = ""
    seconds: int = 10


class SendLogs(Command, frozen=True, tag="send-logs"):
    lines: int = 500


class ResetClockFloor(Command, frozen=True, tag="reset-clock-floor"):
    """Believe that it may be as early as `wall` (Unix seconds) again."""

    wall: int


OnLanes = OpenOnce | HoldOpen | LockEntry | FreePass | BackToNormal | Identify
AnyCommand = OnLanes | Reload | SendLogs | ResetClockFloor


class Logs(msgspec.Struct, frozen=True):
    """The end of a daemon's log, as a device sends it when it is ordered to."""

    daemon: str
    lines: tuple[str, ...]
    """Oldest first."""


class Order(msgspec.Struct, frozen=True):
    """One command to one device."""

    device: bytes
    """8 bytes."""
    counter: int
    """From 1; grows by one with each order to this device, also when central was put back."""
    issued_at: int
    expires: int
    """Unix seconds, at most COMMAND_SECONDS_MAX after `issued_at`."""
    by: str
    """Who ordered it, as central knows people."""
    command: AnyCommand


def kind(command: AnyCommand) -> str:
    """Return the word for a command, as in its tag."""
    return str(command.__struct_config__.tag)
