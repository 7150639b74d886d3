"""What may have happened to a ticket whose money is asked back, and when the money may go.

    (asked) --no gate could have admitted it------------> SETTLED
    (asked) --gates could, and all are in touch--> ASKED --all have the refund--> SETTLED
    (asked) --some have been silent--------------> HELD  --all have reported----> SETTLED
    (asked) --it was admitted--> TO_DECIDE <--a gate reports an admission-- ASKED, HELD
    ASKED, HELD, TO_DECIDE --a person says so--> SETTLED or DENIED

Gates refuse the ticket from the moment of asking, so a wait opens no hole. A gate has the refund
once all its rows are here up to one that says it applied the list with the refund in it: what it
admitted before is then known, and afterwards it admits no more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from rules.use import Outcome

SILENT_SECONDS = 90.0
"""A device not heard of for so long is out of touch: an idle one says hello each minute."""


class Finding(StrEnum):
    NOT_ADMITTED = "not-admitted"
    ADMITTED = "admitted"
    MAY_HAVE_BEEN = "may-have-been"


class Why(StrEnum):
    """Why nobody knows what a gate did."""

    SILENT = "silent"
    NEVER_HEARD = "never-heard"
    ROWS_MISSING = "rows-missing"  # It has rows that have not come yet.
    ROWS_LOST = "rows-lost"  # It had rows that can come no more: only a person can decide.


class State(StrEnum):
    ASKED = "asked"
    HELD = "held"
    TO_DECIDE = "to-decide"
    SETTLED = "settled"
    DENIED = "denied"

    @property
    def open(self) -> bool:
        return self not in (State.SETTLED, State.DENIED)


@dataclass(frozen=True, slots=True)
class Window:
    """When doors admit this right, Unix seconds, and where; its class names the checkpoints."""

    issued_at: float
    opens: float
    closes: float
    checkpoints: frozenset[str]

    @property
    def begins(self) -> float:
        return max(self.issued_at, self.opens)


@dataclass(frozen=True, slots=True)
class Gate:
    """A device as central knows it. Times are Unix seconds."""

    device: int
    name: str
    last_seen: float | None
    complete: bool
    """Every row that it has told of is here, without a hole."""
    lost_at: float | None
    """When it was last found that rows of it can come no more."""
    list_sequence: int
    """The newest list that its rows say it applied."""
    checkpoint: str | None = None
    """None: wherever it stands."""
    retired_at: float | None = None
    """It was taken out of service then, and admits nobody since."""


@dataclass(frozen=True, slots=True)
class Admission:
    """One use of the right that counts."""

    admission: bytes
    person: int
    outcome: Outcome
    where: str
    wall: float
    checkpoint: str


@dataclass(frozen=True, slots=True)
class Paper:
    """A printed ticket of the same right."""

    where: str
    wall: float


@dataclass(frozen=True, slots=True)
class Silence:
    """A gate that could have admitted it, and nobody knows."""

    device: int
    name: str
    since: float | None
    """When it was last heard of."""
    why: Why


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What is said before the money goes."""

    finding: Finding
    admissions: tuple[Admission, ...]
    silent: tuple[Silence, ...]
    in_touch: tuple[int, ...]
    """Devices that could have admitted it a moment ago, and will say so in a moment."""
    papers: tuple[Paper, ...] = ()


def inquire(
    window: Window,
    admissions: Iterable[Admission],
    gates: Iterable[Gate],
    now: float,
    papers: Iterable[Paper] = (),
) -> Inquiry:
    """Return what may have happened to a right by `now`."""
    uses, silent, in_touch = tuple(admissions), list[Silence](), list[int]()
    for gate in gates:
        why = _unknown(gate, window.begins, now)
        if not _could_have_admitted(gate, why, window, now):
            continue
        if why is None:
            in_touch.append(gate.device)
        else:
            silent.append(Silence(gate.device, gate.name, gate.last_seen, why))
    if uses:
        finding = Finding.ADMITTED
    else:
        finding = Finding.MAY_HAVE_BEEN if silent else Finding.NOT_ADMITTED
    return Inquiry(finding, uses, tuple(silent), tuple(in_touch), tuple(papers))


def begin(inquiry: Inquiry) -> State:
    """Return the state in which a refund begins."""
    if inquiry.admissions:
        return State.TO_DECIDE
    if inquiry.silent:
        return State.HELD
    return State.ASKED if inquiry.in_touch else State.SETTLED


def awaited(inquiry: Inquiry) -> tuple[int, ...]:
    """Return the devices that must have the refund before the money goes."""
    return (*(gate.device for gate in inquiry.silent), *inquiry.in_touch)


def has_reported(gate: Gate, sequence: int, since: float) -> bool:
    """Whether all is known that `gate` admitted, from `since` until list `sequence` reached it."""
    return gate.complete and not _has_lost(gate, since) and gate.list_sequence >= sequence


def heard(state: State, admitted: bool, waiting: bool) -> State:
    """Return the state after a report: of an admission, or of everything that was waited for."""
    if state not in (State.ASKED, State.HELD):
        return state
    if admitted:
        return State.TO_DECIDE
    return state if waiting else State.SETTLED


def decide(state: State, pay: bool) -> State | None:
    """Return the state after a person's word; None if there is nothing to decide any more."""
    if not state.open:
        return None
    return State.SETTLED if pay else State.DENIED


def _has_lost(gate: Gate, since: float) -> bool:
    return gate.lost_at is not None and gate.lost_at >= since


def _unknown(gate: Gate, since: float, now: float) -> Why | None:
    """Return why nobody knows what `gate` has done from `since` to `now`; None if central does."""
    if _has_lost(gate, since):
        return Why.ROWS_LOST
    if gate.last_seen is None:
        return Why.NEVER_HEARD
    if not gate.complete:
        return Why.ROWS_MISSING
    until = now if gate.retired_at is None else min(now, gate.retired_at)
    return Why.SILENT if gate.last_seen < until - SILENT_SECONDS else None


def _could_have_admitted(gate: Gate, why: Why | None, window: Window, now: float) -> bool:
    """Whether doors admitted this right at any time of which nobody knows what `gate` did."""
    if gate.checkpoint is not None and gate.checkpoint not in window.checkpoints:
        return False
    until = now if gate.retired_at is None else min(now, gate.retired_at)
    if gate.last_seen is None or why not in (Why.SILENT, None):
        since = window.begins  # Rows that are missing may be of any time.
    else:
        # One that spoke this moment, by another clock in the future, may be admitting right now.
        since = max(window.begins, min(gate.last_seen, now))
    return since <= min(window.closes, until)
