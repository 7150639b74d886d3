"""What a row says, in a line of the story."""

from wire import event
from wire.event import AnyEvent


def said(happened: AnyEvent) -> str:
    match happened:
        case event.RungChanged():
            return f"goes by {happened.rung.value}: {happened.why}"
        case event.EpochBegan():
            return f"begins an epoch {happened.why}".strip()
        case event.ClockStepped():
            return f"notices that its clock was set by {happened.seconds:+.1f} s"
        case _:
            return type(happened).__name__
