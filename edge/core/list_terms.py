"""What the list's update knows, is told and asks for; `edge.core.list_update` decides."""

from dataclasses import dataclass
from enum import Enum

from wire.snapshot import Delta, Heartbeat, Manifest

PATIENCE_SECONDS = 1.0


class Doing(Enum):
    RESTING = "resting"
    MANIFEST = "manifest"
    SNAPSHOT = "snapshot"
    DELTAS = "deltas"
    APPLYING = "applying"


@dataclass(frozen=True, slots=True)
class Held:
    """How far a list goes."""

    sequence: int
    head: bytes


@dataclass(frozen=True, slots=True)
class Overlay:
    """What has gathered beside the snapshot of a list."""

    after: int
    """How far the snapshot goes."""
    size_bytes: int
    """Of the changes since."""


@dataclass(frozen=True, slots=True)
class Chained:
    """A delta, and the head of a list once it is applied: the hash of its bytes as they came."""

    delta: Delta
    head: bytes
    sealed: bytes = b""
    """As central sealed it."""


@dataclass(frozen=True, slots=True)
class ListUpdate:
    has: Held | None = None
    doing: Doing = Doing.RESTING
    foreign: bool = False
    """What we have is not on central's chain: only a snapshot helps."""
    snapshot_wanted: bool = False
    """The next change can be used by no door: look for a snapshot beyond it, once."""
    target: int = 0
    """The highest sequence that is said to exist."""
    heard: Held | None = None
    heard_at: float = float("-inf")
    """The last live heartbeat, and its uptime."""
    behind_since: float | None = None
    look_at: float = float("-inf")
    """Uptime from which central is asked though it said nothing."""
    rest_until: float = float("-inf")
    patience_seconds: float = PATIENCE_SECONDS
    # For `edge.core.list_renewal`.
    overlay: Overlay | None = None
    spread: float = 0.5
    newest: int = 0
    """How far central's newest snapshot goes."""
    forget: int = 0
    """Snapshots of before this change hold what is to be forgotten."""
    renewing: bool = False
    renew_at: float = float("inf")


# Signals: what the world tells.


class Signal(Enum):
    DUE = "due"
    CHAIN_BROKEN = "chain broken"  # The store says that a delta does not fit its list.


@dataclass(frozen=True, slots=True)
class Holding:
    """What is on disk now: at the start, after a snapshot, after deltas."""

    has: Held | None
    overlay: Overlay | None = None
    spread: float = 0.5
    """From 0 to 1; spreads what many devices do for the same cause."""


@dataclass(frozen=True, slots=True)
class Renewed:
    """A renewal has ended, well or not; which changes the list holds is as before."""

    overlay: Overlay | None
    spread: float


@dataclass(frozen=True, slots=True)
class Beat:
    heartbeat: Heartbeat
    live: bool
    said_at: float | None = None
    """Uptime at which central said it, if that was before it came."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A delta by MQTT."""

    chained: Chained


@dataclass(frozen=True, slots=True)
class Announced:
    """The manifest came."""

    manifest: Manifest
    sealed: bytes = b""
    """As central sealed it."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """Deltas by HTTP, in central's order."""

    deltas: tuple[Chained, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """Whatever was under way did not come to its end; `spread` from 0 to 1 spreads the retries."""

    spread: float
    unusable: bool = False
    """Because of what the next change holds: it will be as unusable the next time."""


AnySignal = Signal | Holding | Renewed | Beat | Arrived | Announced | Fetched | Failed

# Commands: what the world is asked to do.


class Command(Enum):
    FETCH_MANIFEST = "fetch manifest"
    RENEW = "renew"  # Put a newer snapshot with the same changes in use; then tell `Renewed`.


@dataclass(frozen=True, slots=True)
class FetchSnapshot:
    """Download, verify, bring to the head of the chain and put in use; then tell `Holding`."""

    manifest: Manifest
    sealed: bytes = b""
    foreign: bool = False
    """The list in use is not on central's chain: its changes count for nothing."""


@dataclass(frozen=True, slots=True)
class FetchDeltas:
    after: int


@dataclass(frozen=True, slots=True)
class Apply:
    """Apply in order; then tell `Holding`."""

    deltas: tuple[Chained, ...]


@dataclass(frozen=True, slots=True)
class Confirm:
    """Note that central said at `uptime` that `sequence` is the newest."""

    sequence: int
    uptime: float


AnyCommand = Command | FetchSnapshot | FetchDeltas | Apply | Confirm
