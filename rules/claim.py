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

from rules import exchange
from rules.exchange import Grant
from rules.use import OUTCOMES, Name, Outcome
from rules.verdict import Refuse
from wire import event, paper
from wire.claim import Claim, Denied, Granted, Kind
from wire.event import AnyEvent, Stamp
from wire.reason import Reason

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
    the device, hours later, or by a clock that does not know yet how late it is. Of two
    generations it is the lower: a kiosk that did not wait for the ledger's goes by its own, which
    the ledger's is never below.
    """
    outcome = max(one.outcome, other.outcome)
    committed = one.committed or other.committed
    about = max(one, other, key=_about)
    alike = [held for held in (one, other) if bool(held.cti) == bool(about.cti)]
    wall, generation = max(held.wall for held in alike), min(held.generation for held in alike)
    return replace(about, outcome=outcome, committed=committed, wall=wall, generation=generation)


def _about(held: Held) -> tuple[bytes, str, str, str]:
    return held.cti, held.checkpoint, held.kind.value, held.lane


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
    left: int | Refuse
    if asked.kind is Kind.ENTRY:
        left = _against_paper(asked, right, names) or _left(asked, right, names)
        generation = 0
    else:
        left, generation = _paper(asked, device, right, names)
    if isinstance(left, Refuse):
        since = None if left.since is None else int(left.since)
        told = (device, asked.admission, standing.term)
        return Denied(*told, left.reason, since, left.where), ()
    quantity = min(asked.quantity, left)
    about = (asked.cti, asked.checkpoint, asked.kind, asked.lane, generation or asked.generation)
    reserved = tuple(
        Held(device, asked.admission, person, Outcome.RESERVED, False, *about, wall)
        for person in range(1, quantity + 1)
    )
    firm = standing.firm and asked.term <= standing.term
    granted = (device, asked.admission, standing.term, quantity, firm, asked.kind, generation)
    return Granted(*granted), reserved


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


def _paper(
    asked: Claim, device: bytes, right: tuple[Held, ...], names: Mapping[bytes, str]
) -> tuple[int | Refuse, int]:
    """Return 1 and the generation of the paper, or why there is none.

    Central's rule (rules/exchange.py) on what is known here. What central alone knows, the kiosk
    goes by before it asks.
    """
    undone = set(asked.undone)
    known = sorted(right, key=attrgetter("wall", "device", "admission", "person"))
    uses = tuple(
        exchange.Use(held.outcome, _since(held), _place(held, names))
        for held in known
        if held.kind is Kind.ENTRY and held.use not in undone
    )
    papers = tuple(
        exchange.Paper(
            *(_PAPER_HELD[held.outcome], held.generation, float(held.wall)),
            *(_place(held, names), held.device == device),
        )
        for held in known
        if held.kind is Kind.EXCHANGE
    )
    granted = (
        exchange.against_uses(uses)
        or exchange.against_papers(papers, asked.generation)
        or (Grant(asked.paper) if asked.signed else None)
        or exchange.next_after(papers, asked.generation, asked.paper - 1)
    )
    return (1, granted.generation) if isinstance(granted, Grant) else (granted, 0)


_PAPER_HELD: Mapping[Outcome, exchange.Held] = MappingProxyType(
    {
        Outcome.RESERVED: exchange.Held.RESERVED,
        Outcome.ABANDONED: exchange.Held.GIVEN_BACK,
        Outcome.UNCERTAIN: exchange.Held.UNKNOWN,
        Outcome.PASSED: exchange.Held.EXCHANGED,
        Outcome.PASSED_LATE: exchange.Held.EXCHANGED,
        Outcome.UNDONE: exchange.Held.GIVEN_BACK,
    }
)


def _against_paper(
    asked: Claim, right: tuple[Held, ...], names: Mapping[bytes, str]
) -> Refuse | None:
    """Say what a paper has to do with an entry: one being printed, or that took its place."""
    entries = [held for held in right if held.kind is Kind.ENTRY and held.counts]
    for held in right:
        if held.kind is not Kind.EXCHANGE or not held.counts:
            continue
        if asked.generation < held.generation and held.outcome is Outcome.RESERVED:
            return _refuse(Reason.BEING_COLLECTED, held, names)
        if held.outcome in (Outcome.RESERVED, Outcome.UNCERTAIN):
            # Nobody knows whether there is a paper: phone and paper are both good until one of
            # them is seen. Shown before its kiosk has said a word of it, there is one.
            phone = any(entry.generation < held.generation for entry in entries)
            if phone and asked.generation >= held.generation:
                return _refuse(Reason.SUPERSEDED, held, names)
        elif asked.generation < held.generation:
            return _refuse(Reason.SUPERSEDED, held, names)
    if any(entry.generation > asked.generation for entry in entries):
        return Refuse(Reason.SUPERSEDED)
    return None


def _left(asked: Claim, right: tuple[Held, ...], names: Mapping[bytes, str]) -> int | Refuse:
    """Return how many uses are left, or why none is."""
    undone = set(asked.undone)
    counting = [
        held
        for held in right
        if held.counts
        and held.kind is Kind.ENTRY
        and held.checkpoint == asked.checkpoint
        and held.use not in undone
    ]
    used = {held.use for held in counting} | (set(asked.known) - undone)
    left = asked.allowed - len(used)
    return left if left > 0 else _blamed(counting, names)


def _blamed(counted: list[Held], names: Mapping[bytes, str]) -> Refuse:
    for held in counted:
        if held.outcome is Outcome.RESERVED:
            return _refuse(Reason.BEING_USED, held, names)
    for held in counted:
        if held.outcome is Outcome.UNCERTAIN:
            return _refuse(Reason.SEE_STAFF, held, names)
    if not counted:
        return Refuse(Reason.USED)
    last = max(counted, key=attrgetter("wall", "admission", "person"))
    return _refuse(Reason.USED, last, names)


def _refuse(reason: Reason, held: Held, names: Mapping[bytes, str]) -> Refuse:
    return Refuse(reason, _since(held), _place(held, names))


def _since(held: Held) -> float | None:
    return float(held.wall) if held.wall else None


def _place(held: Held, names: Mapping[bytes, str]) -> str:
    return names.get(held.device) or held.lane


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
