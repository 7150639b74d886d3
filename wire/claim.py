"""What devices and a ledger of claims say to each other, before a right is used.

A device claims uses of a right from the one ledger of its venue (the hub, or central where there is
none), and writes down what it then does in its own journal, whose rows the ledger hears as well:
they say what became of the claim, so that no message of its own has to. Only what the journal will
never tell is said here: that a grant was given back.

    device to ledger    topic `up/<device>/claim`     FromDevice, as the broker names the device
    ledger to device    topic `down/<device>/claim`   FromLedger, sealed (purpose claim)

A claim is named by (device, admission), and a grant said again is the same grant. The name is drawn
anew for every decision, so a grant that is played again opens nothing.
"""

from enum import StrEnum

import msgspec

from wire.codec import WireError, decode, encode
from wire.event import ADMISSION_BYTES
from wire.reason import Reason
from wire.ticket import CTI_BYTES, SMALL_MAX

QUANTITY_MAX = 1000
"""Persons of one claim."""
NAMES_MAX = 2000
"""Uses that a claimant may know of; more are no claim of ours."""
NUMBER_MAX = 2**53
TEXT_MAX = 40

Name = tuple[bytes, int]
"""(admission, person): one use of a right."""


class Kind(StrEnum):
    """What a right is to be used for."""

    ENTRY = "entry"
    EXCHANGE = "exchange"  # A paper takes the place of the phone's code.


class Claim(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="say", tag="claim"):
    """May `quantity` persons use this right here, now?

    Claimed again under the same `admission` until it is answered, and no longer than the claimant
    would still go by the answer.
    """

    admission: bytes
    """12 bytes, drawn for this decision; of an exchange, the name of the paper."""
    cti: bytes
    checkpoint: str
    allowed: int
    """How many uses the right has at this checkpoint in all, by the claimant's list."""
    quantity: int = 1
    generation: int = 0
    """Of the code that was shown; of an exchange, the least that gates still take, if higher."""
    kind: Kind = Kind.ENTRY
    lane: str = ""
    known: tuple[Name, ...] = ()
    """Uses that count by the claimant's own journal and list."""
    undone: tuple[Name, ...] = ()
    """Uses that central has withdrawn, by the claimant's list."""
    abandoned: tuple[Name, ...] = ()
    """Uses of this right that ended unused by the claimant's own journal: its rows may be on their
    way still, and the same person stands there again."""
    term: int = 0
    """The highest term that the claimant has heard of: a ledger of a lower one is none any more."""
    paper: int = 0
    """Of an exchange: the least generation that its paper may have, by what the kiosk knows."""
    signed: bool = False
    """Of an exchange: central has signed the paper already, and it has that generation."""


class GiveBack(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="say", tag="give-back"):
    """This claim was not used and never will be, whether it was granted or not.

    Repeated until it is `Taken`. It may overtake the claim itself, which then reserves nothing.
    """

    admission: bytes


class Mine(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="say", tag="mine"):
    """To `Ask`: it stands in the journal; its rows say, or will say, what becomes of it."""

    admission: bytes


FromDevice = Claim | GiveBack | Mine


class Granted(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="say", tag="granted"):
    """`quantity` uses are reserved, on disk, for this claim: as many as asked for, or fewer."""

    device: bytes
    admission: bytes
    term: int
    quantity: int = 1
    firm: bool = True
    """False: the ledger has not heard everybody in this term; somebody may have used it before."""
    kind: Kind = Kind.ENTRY
    generation: int = 0
    """Of an exchange: the generation that the paper is to have."""
    ticket: str = ""
    """Of an exchange: the paper's GH1, where the ledger is central, which alone can sign one."""


class Denied(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="say", tag="denied"):
    """Nothing is reserved; why, and when and where it was used."""

    device: bytes
    admission: bytes
    term: int
    reason: Reason
    since: int | None = None
    """Unix seconds."""
    where: str = ""


class Taken(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="say", tag="taken"):
    """The give-back is on disk."""

    device: bytes
    admission: bytes


class Ask(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="say", tag="ask"):
    """What became of this claim? Answered with `Mine` or `GiveBack`; asked again until then.

    Of a device's daemons only the one answers that claims rights for this `kind`.
    """

    device: bytes
    admission: bytes
    kind: Kind = Kind.ENTRY


FromLedger = Granted | Denied | Taken | Ask


class _Said(msgspec.Struct, frozen=True, array_like=True):
    word: FromDevice


class _Told(msgspec.Struct, frozen=True, array_like=True):
    word: FromLedger


def write(word: FromDevice | FromLedger) -> bytes:
    """Return a word as it is sent; the ledger's are to be sealed."""
    return encode(_Told(word) if isinstance(word, FromLedger) else _Said(word))


def read_said(payload: bytes) -> FromDevice:
    """Read what a device says; raise WireError for what no device of ours would say."""
    word = decode(payload, _Said).word
    if len(word.admission) != ADMISSION_BYTES:
        raise WireError(f"an admission of {len(word.admission)} bytes")
    if isinstance(word, Claim):
        _check(word)
    return word


def read_told(payload: bytes, device: bytes) -> FromLedger:
    """Read what a ledger told this device; raise WireError if it is meant for another."""
    word = decode(payload, _Told).word
    if word.device != device:
        raise WireError(f"meant for {word.device[:8].hex()}")
    return word


def _check(claim: Claim) -> None:
    if len(claim.cti) != CTI_BYTES:
        raise WireError(f"a right of {len(claim.cti)} bytes")
    if not 1 <= claim.quantity <= QUANTITY_MAX or not 0 <= claim.allowed <= NUMBER_MAX:
        raise WireError(f"{claim.quantity} of {claim.allowed} uses")
    if not 0 <= claim.generation <= NUMBER_MAX or not 0 <= claim.term <= NUMBER_MAX:
        raise WireError(f"generation {claim.generation}, term {claim.term}")
    if not 0 <= claim.paper <= SMALL_MAX:
        raise WireError(f"a paper of generation {claim.paper}")
    if max(len(claim.known), len(claim.undone), len(claim.abandoned)) > NAMES_MAX:
        raise WireError("more uses than a right can have")
    if len(claim.checkpoint) > TEXT_MAX or len(claim.lane) > TEXT_MAX:
        raise WireError("a name that is too long")
