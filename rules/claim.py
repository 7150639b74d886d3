"""Who may use a right now, where several devices ask: one ledger's answers, the same everywhere.

A granted claim is a use that is reserved. What becomes of it is the highest of all that is reported
(rules/use.py), from whomever and in whatever order: the holder's journal rows settle it, or the
holder's word that it gave the claim back. Nothing here expires: a reservation whose holder is
silent stays one, and whoever asks meanwhile is told where it is being used.

Records only ever grow (`merged`): what arrives twice, late or in another order ends the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from types import MappingProxyType

from rules.use import OUTCOMES, Name, Outcome
from wire import event, paper
from wire.claim import Claim, Denied, Granted, Kind
from wire.event import AnyEvent, Stamp
from wire.reason import Reason
from wire.ticket import SMALL_MAX

PAPERS: Mapping[type[AnyEvent], Outcome] = MappingProxyType(
    {
        paper.PaperReserved: Outcome.RESERVED,
        paper.PaperGivenBack: Outcome.ABANDONED,
        paper.PaperRetracted: Outcome.ABANDONED,
        paper.PaperUnknown: Outcome.UNCERTAIN,
        paper.Exchanged: Outcome.PASSED,
        paper.PaperReissued: Outcome.PASSED,
    }
)
"""What a kiosk's rows say of the paper that a claim was for; its name is the claim's."""
NOWHERE: Mapping[bytes, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Held:
    """One use as a ledger knows it, named by (device, admission, person).

    The device is part of the name, so that nobody can give back what another holds.
    """

    device: bytes
    admission: bytes
    person: int
    outcome: Outcome = Outcome.RESERVED
    committed: bool = False
    """Its holder's journal has it."""
    cti: bytes = b""
    """Empty while only an outcome was heard."""
    checkpoint: str = ""
    kind: Kind = Kind.ENTRY
    lane: str = ""
    generation: int = 0
    """Of the code that was shown; of an exchange, of the paper."""
    wall: int = 0
    """When it was claimed or admitted, Unix seconds; while that is unknown, of its outcome."""

    @property
    def use(self) -> Name:
        return self.admission, self.person

    @property
    def counts(self) -> bool:
        return self.outcome.spends

    @property
    def is_open(self) -> bool:
        """Granted, and not heard of since."""
        return self.outcome is Outcome.RESERVED and not self.committed


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger is: its term, and whether it has heard everybody in it."""

    term: int
    firm: bool = True


def merged(one: Held, other: Held) -> Held:
    """Return what both together say of the same use; in whatever order, and however often.

    When it was is when it was claimed or admitted: an outcome may be written at the next start of
    the device, hours later, or by a clock that does not know yet how late it is.
    """
    outcome = max(one.outcome, other.outcome)
    committed = one.committed or other.committed
    about = max(one, other, key=_about)
    wall = max(held.wall for held in (one, other) if bool(held.cti) == bool(about.cti))
    return replace(about, outcome=outcome, committed=committed, wall=wall)


def _about(held: Held) -> tuple[bytes, str, str, str, int]:
    return held.cti, held.checkpoint, held.kind.value, held.lane, held.generation


def answer(
    asked: Claim,
    device: bytes,
    right: Iterable[Held],
    own: Iterable[Held],
    standing: Standing,
    wall: int,
    names: Mapping[bytes, str] = NOWHERE,
) -> tuple[Granted | Denied, tuple[Held, ...]]:
    """Return the answer to a claim, and the records to be on disk before it is given.

    `right`: all that is known of the cti. `own`: of this device's admission of that name, also
    where nobody has said yet what it is about. `names`: of devices, for people.
    """
    own = tuple(own)
    if own:
        return _again(asked, device, own, standing), ()
    # What its own journal has given back may be on its way still.
    right = tuple(held for held in right if not _is_over(held, device, asked))
    refused = _against_paper(asked, right) or _against_uses(asked, right)
    if isinstance(refused, _Refusal):
        where = "" if refused.by is None else names.get(refused.by.device) or refused.by.lane
        since = None if refused.by is None else refused.by.wall or None
        told = (device, asked.admission, standing.term)
        return Denied(*told, refused.reason, since, where), ()
    quantity = min(asked.quantity, refused)
    generation = _next_generation(asked, right) if asked.kind is Kind.EXCHANGE else 0
    about = (asked.cti, asked.checkpoint, asked.kind, asked.lane, generation or asked.generation)
    reserved = tuple(
        Held(device, asked.admission, person, Outcome.RESERVED, False, *about, wall)
        for person in range(1, quantity + 1)
    )
    firm = standing.firm and asked.term <= standing.term
    granted = (device, asked.admission, standing.term, quantity, firm, asked.kind, generation)
    return Granted(*granted), reserved


@dataclass(frozen=True, slots=True)
class _Refusal:
    reason: Reason
    by: Held | None = None
    """The use that is in the way, where it is known here."""


def _again(
    asked: Claim, device: bytes, own: tuple[Held, ...], standing: Standing
) -> Granted | Denied:
    """Answer what was answered before, or what the journal has said since."""
    left = [held for held in own if held.counts]
    if not left:
        return Denied(device, asked.admission, standing.term, Reason.SEE_STAFF)  # Given back.
    generation = max(held.generation for held in left) if asked.kind is Kind.EXCHANGE else 0
    firm = standing.firm and asked.term <= standing.term
    told = (device, asked.admission, standing.term, len(left), firm, asked.kind, generation)
    return Granted(*told)


def _is_over(held: Held, device: bytes, asked: Claim) -> bool:
    return held.device == device and held.use in asked.abandoned


def _against_paper(asked: Claim, right: tuple[Held, ...]) -> _Refusal | None:
    """Say what a paper has to do with it: one that is being printed, or that took its place."""
    entries = [held for held in right if held.kind is Kind.ENTRY and held.counts]
    for held in right:
        if held.kind is not Kind.EXCHANGE or not held.counts:
            continue
        if held.outcome is Outcome.RESERVED:
            return _Refusal(Reason.BEING_COLLECTED, held)
        if held.outcome is Outcome.UNCERTAIN:
            # Nobody knows whether there is a paper: phone and paper are both good until one of
            # them is seen, and there is no second paper but by staff.
            if asked.kind is Kind.EXCHANGE:
                return _Refusal(Reason.SEE_STAFF, held)
            phone = any(entry.generation < held.generation for entry in entries)
            if phone and asked.generation >= held.generation:
                return _Refusal(Reason.SUPERSEDED, held)
        elif asked.kind is Kind.EXCHANGE:
            return _Refusal(Reason.COLLECTED, held)
        elif asked.generation < held.generation:
            return _Refusal(Reason.SUPERSEDED, held)
    if any(entry.generation > asked.generation for entry in entries):
        return _Refusal(Reason.SUPERSEDED)
    if asked.kind is Kind.EXCHANGE and _next_generation(asked, right) > SMALL_MAX:
        return _Refusal(Reason.SEE_STAFF)
    return None


def _against_uses(asked: Claim, right: tuple[Held, ...]) -> _Refusal | int:
    """Return how many uses are left, or why none is."""
    counting = [held for held in right if held.counts]
    if asked.kind is Kind.ENTRY:
        counting = [
            held
            for held in counting
            if held.kind is Kind.ENTRY and held.checkpoint == asked.checkpoint
        ]
    elif used := [held for held in counting if held.kind is Kind.ENTRY]:
        # A paper of a right that was used would be a second chance; staff may give one.
        return _blamed(used)
    undone = set(asked.undone)
    counting = [held for held in counting if held.use not in undone]
    names = {held.use for held in counting} | (set(asked.known) - undone)
    left = asked.allowed - len(names)
    return left if left > 0 else _blamed(counting)


def _blamed(counted: list[Held]) -> _Refusal:
    for held in counted:
        if held.outcome is Outcome.RESERVED:
            return _Refusal(Reason.BEING_USED, held)
    for held in counted:
        if held.outcome is Outcome.UNCERTAIN:
            return _Refusal(Reason.SEE_STAFF, held)
    if not counted:
        return _Refusal(Reason.USED)
    return _Refusal(Reason.USED, max(counted, key=attrgetter("wall", "admission", "person")))


def _next_generation(asked: Claim, right: tuple[Held, ...]) -> int:
    """Return one above every generation that was ever shown or printed, also in vain."""
    return max([asked.generation, *(held.generation for held in right)]) + 1


def heard(
    happened: AnyEvent, stamp: Stamp, device: bytes, own: Iterable[Held] = ()
) -> tuple[Held, ...]:
    """Return what a row of a holder's journal says of uses; to be merged into what is known.

    `own`: what is known of this device's admission of that name. What the claim reserved beyond
    what was then authorised is given back.
    """
    wall = stamp.wall_ms // 1000
    match happened:
        case event.Authorised():
            taken = Held(
                device,
                happened.admission,
                1,
                committed=True,
                cti=happened.cti,
                checkpoint=happened.checkpoint,
                lane=happened.lane,
                generation=happened.generation,
                wall=wall,
            )
            persons = range(1, happened.quantity + 1)
            beyond = (held for held in own if held.person > happened.quantity)
            return (
                *(replace(taken, person=person) for person in persons),
                *(replace(held, outcome=Outcome.ABANDONED, wall=wall) for held in beyond),
            )
        case event.Outcome():
            outcome = OUTCOMES[type(happened)]
            ended = Held(device, happened.admission, 1, outcome, committed=True, wall=wall)
            persons = range(happened.person, happened.person + happened.count)
            return tuple(replace(ended, person=person) for person in persons)
        case paper.PaperEvent() if type(happened) in PAPERS:
            cti, generation = getattr(happened, "cti", b""), getattr(happened, "generation", 0)
            about = (cti, "", Kind.EXCHANGE, happened.lane, generation, wall)
            return (Held(device, happened.paper, 1, PAPERS[type(happened)], True, *about),)
        case _:
            return ()


def admission_of(happened: AnyEvent) -> bytes:
    """Return which claim a row is about; empty: none that a ledger counts."""
    match happened:
        case event.Authorised() | event.Outcome():
            return happened.admission
        case paper.PaperEvent() if type(happened) in PAPERS:
            return happened.paper
        case _:
            return b""


def given_back(admission: bytes, device: bytes, own: Iterable[Held], wall: int) -> tuple[Held, ...]:
    """Return the records of a claim that was given back; a mark, where none is known yet.

    What the holder's journal has is not given back: its rows say what became of it.
    """
    own = tuple(own)
    if not own:
        return (Held(device, admission, 1, Outcome.ABANDONED, wall=wall),)
    granted = (held for held in own if held.is_open)
    return tuple(replace(held, outcome=Outcome.ABANDONED, wall=wall) for held in granted)
