"""The parts of a plan: who comes, what is done to tickets, what goes wrong; how they are drawn is

in `plan`, and of kiosks in `errands`.
"""

from dataclasses import dataclass
from enum import StrEnum

from rules.zone import Policy

VISITORS_A_MINUTE = 24.0
FAULTS_A_MINUTE = 3.0
COPIES = 0.08
CONTACT_LOST, BOARD_LOST = 0.5, 0.25
"""So often a contact is lost, and its board with it; else nobody looks at it for a moment."""


class Does(StrEnum):
    """What a visitor does once the arm is open."""

    WALKS = "walks"
    LEAVES = "leaves"
    HESITATES = "hesitates"  # Walks when the lane has just given up.
    IS_FOLLOWED = "is followed"


class FaultKind(StrEnum):
    CUT = "cut"  # The uplink is down.
    STORM = "storm"  # Messages are late, lost, doubled, out of order.
    BROKER = "broker"  # It restarts empty: every uplink is down for a moment.
    CENTRAL_AWAY = "central-away"
    CENTRAL_DIES = "central-dies"  # Between a commit and its acknowledgements.
    BACKUP = "backup"
    PUT_BACK = "put-back"  # Central goes on from the last backup.
    GATE_KILLED = "gate-killed"
    SYNC_KILLED = "sync-killed"
    GATE_POINT = "gate-point"  # It dies at one of its own points, wherever that is.
    SYNC_POINT = "sync-point"
    POWER = "power"
    CLOCK_STEP = "clock-step"
    CLOCK_LOST = "clock-lost"  # A power cut, and the clock begins in the past.
    SLOW_DISK = "slow-disk"
    READER = "reader"  # Pulled out, and put back.
    SWAP = "swap"  # A spare takes the gate's place.
    PICTURE = "picture"  # Somebody copies the card.
    RESTORE = "restore"  # The copy is put into the device.
    CONTACT = "contact"  # A pass contact is lost, or its whole board, or overlooked for a moment.
    FIRE = "fire"
    HUB_KILLED = "hub-killed"
    HUB_POINT = "hub-point"
    HUB_POWER = "hub-power"
    HUB_CUT = "hub-cut"  # One gate's line to it is down.
    HUB_STORM = "hub-storm"
    HUB_REPLACED = "hub-replaced"  # It begins again with nothing.
    KIOSK_KILLED = "kiosk-killed"
    KIOSK_POINT = "kiosk-point"
    PAPER_OUT = "paper-out"  # A kiosk's roll ends, at once or within the next ticket.
    PRINTER = "printer"  # Something happens to it while it reads what comes next.


class DeedKind(StrEnum):
    REFUND = "refund"
    BLOCK = "block"
    UNBLOCK = "unblock"
    UNDO = "undo"
    REISSUE = "reissue"


@dataclass(frozen=True, slots=True)
class Visitor:
    number: int
    at: float
    """Seconds since the simulation began."""
    gate: int
    ticket: int | None
    """Its number; None: `noise` is shown instead."""
    does: Does = Does.WALKS
    pace_seconds: float = 1.0
    noise: bytes = b""
    copies: int | None = None
    """The visitor whose ticket this is a copy of."""
    impatient: bool = False
    """Shows the code while somebody else is still walking."""
    paper: bool = False
    """Shows a paper of the ticket, if there is one by then."""
    persons: int | None = None
    """How many of a group go in on its ticket; None: as many as it allows."""


@dataclass(frozen=True, slots=True)
class Errand:
    """Somebody's way to a kiosk."""

    number: int
    at: float
    kiosk: int
    ticket: int
    by_order: bool = False
    """Types the order's number, and gets all that was bought with it."""
    staff: bool = False
    """Shows a staff card, and has the ticket printed anew."""
    mistypes: bool = False
    leaves_at: str = ""
    """The page at which they walk away; empty: they do not."""
    pace_seconds: float = 0.7


@dataclass(frozen=True, slots=True)
class Fault:
    number: int
    at: float
    kind: FaultKind
    gate: int = 0
    seconds: float = 0.0
    amount: float = 0.0
    kiosk: bool = False
    """It is the kiosk of that number that it happens to."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something done to a ticket at central."""

    number: int
    at: float
    kind: DeedKind
    ticket: int


@dataclass(frozen=True, slots=True)
class Revocation:
    """An admin ends a kiosk's leave to exchange alone, and what it signed is good no more."""

    number: int
    at: float
    kiosk: int


@dataclass(frozen=True, slots=True)
class Lock:
    """Central locks a gate or a kiosk, and unlocks it again."""

    number: int
    at: float
    gate: int
    kiosk: bool
    seconds: float


class HandlingKind(StrEnum):
    """What somebody sets a lane to: central by an order, or staff on the spot."""

    HOLD_OPEN = "hold open"
    FREE_PASS = "free pass"
    OPEN_ONCE = "open once"
    KEY_FREE_PASS = "free pass by the key"
    KEY_OUT_OF_SERVICE = "out of service by the key"
    KEY_OPEN_ONCE = "open once by the key"
    CARD_FREE_PASS = "free pass by a card"
    CARD_OUT_OF_SERVICE = "out of service by a card"
    CARD_OPEN_ONCE = "open once by a card"


@dataclass(frozen=True, slots=True)
class Handling:
    """`seconds`: how long it is to last."""

    number: int
    at: float
    gate: int
    kind: HandlingKind
    seconds: float
    taken_back_seconds: float = 0.0
    """Central says "back to normal", or the card is shown again, so long after it; 0: it ends by
    itself, or by the key."""
    every_lane: bool = False
    """The order names no lane of the gate."""


EXIT_LANE = "X1"
"""Of a gate that has an exit of its own."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Somebody goes out, by an exit of its own or through the turnstile, the other way."""

    number: int
    at: float
    gate: int
    own_lane: bool


@dataclass(frozen=True, slots=True)
class Fitting:
    """What hangs on a gate besides a reader, a panel and a pass contact."""

    keys: bool = False
    counts: bool = False
    """Its board counts a group by itself, where it has a pass contact."""
    opposite: bool = False
    """It can be passed the other way, and tells so."""
    exit: bool = False
    """An exit of its own stands beside it."""


PLAIN = Fitting()


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked for, whatever the seed."""

    gates: int = 4
    minutes: float = 5.0
    faults_a_minute: float = FAULTS_A_MINUTE
    kinds: tuple[FaultKind, ...] = tuple(FaultKind)
    visitors_a_minute: float = VISITORS_A_MINUTE
    copies: float = COPIES
    """How many tickets, of all, somebody has a copy of."""
    deed_seconds: float = 60.0
    """What is done to a ticket is done so long before or after its holder comes, at most."""
    real_central: bool = False
    """Run central's own code, in the place of one that is as exact and faster."""
    claims: tuple[Policy | None, ...] = (None,)
    """What zones may ask of a hub, of which a seed draws one; None: there is no hub."""
    kiosks: tuple[int, ...] = (0,)
    """How many there may be, of which a seed draws one."""
    kiosks_claim: tuple[bool, ...] = (False,)
    """Whether kiosks have a line to the hub, where there is one; a seed draws."""
    central_claims: tuple[bool, ...] = (False,)
    """Whether central is the ledger of claims, where zones ask for them; a seed draws."""
    delegates: tuple[bool, ...] = (False,)
    """Whether the venue has its kiosks exchange alone while central is away; a seed draws."""
    revokes: float = 0.0
    """How often a kiosk that may exchange alone loses that leave, of all."""
    locks_a_minute: float = 0.0
    """Orders of central that lock an entry for a while."""
    handlings_a_minute: float = 0.0
    """How often somebody opens a lane for all, for one, or takes it out of service: by an order or
    the key."""
    cards_a_minute: float = 0.0
    """And how often by a staff card."""
    groups_a_minute: float = 0.0
    """Groups that come to each gate besides; some are fewer or more than their ticket allows."""
    leaving_a_minute: float = 0.0
    """People who go out at each gate that lets them; some come back with their ticket."""


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    gates: int
    seconds: float
    visitors: tuple[Visitor, ...] = ()
    faults: tuple[Fault, ...] = ()
    deeds: tuple[Deed, ...] = ()
    pool: int = 64
    """How many tickets exist."""
    real_central: bool = False
    claims: Policy | None = None
    """What the zone asks of the hub; None: there is none."""
    kiosks: int = 0
    central_claims: bool = False
    """There is no hub, and central answers claims."""
    kiosks_claim: bool = False
    """Kiosks have a line to the hub, and claim there what they print."""
    delegates: bool = False
    """Kiosks exchange by a delegated key while central is away."""
    revocations: tuple[Revocation, ...] = ()
    errands: tuple[Errand, ...] = ()
    locks: tuple[Lock, ...] = ()
    handlings: tuple[Handling, ...] = ()
    leavings: tuple[Leaving, ...] = ()
    fittings: tuple[Fitting, ...] = ()
    """Of each gate; empty: they are plain."""

    def fitting(self, gate: int) -> Fitting:
        return self.fittings[gate] if self.fittings else PLAIN
