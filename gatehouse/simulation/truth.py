"""What really happened in the venue, which no device knows: who walked where, and when.

Also the trace: everything worth telling, in order, and its hash, by which two runs are compared.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from gatehouse.simulation.machines.hardware import Turnstile
from gatehouse.simulation.machines.loop import Scheduler
from gatehouse.simulation.planned.plan import Visitor
from gatehouse.simulation.promises import Promise
from wire.reason import Reason

Name = tuple[bytes, int]
"""(admission, person): whom a pulse was for."""


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the story."""

    at: float
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was not kept."""

    promise: str
    at: float
    why: str


@dataclass(slots=True)
class Truth:
    scheduler: Scheduler
    story: list[Told] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    walked: dict[Name, float] = field(default_factory=dict)
    """Whoever was called by a pulse and went through, and when."""
    called: dict[int, Name] = field(default_factory=dict)
    """Turnstile (its id here) -> whom its arm is open for."""
    parties: dict[int, list[Name]] = field(default_factory=dict)
    """Turnstile -> the group that its board counts, whoever of it has not gone through yet."""
    muddled: list[tuple[str, float]] = field(default_factory=list)
    """Where and when somebody went through out of turn: nobody can tell then who was who."""
    static: set[bytes] = field(default_factory=set)
    pictures: set[bytes] = field(default_factory=set)
    """Rights whose code moves: shown as one that does not, and shown as a picture of one."""
    told_used: set[bytes] = field(default_factory=set)
    """Rights of which somebody was told that they are used, since that was looked into last."""
    out: set[tuple[bytes, int]] = field(default_factory=set)
    """(right, generation) of every code that can be read on a paper that left its printer."""
    opened: dict[bytes, set[int]] = field(default_factory=dict)
    """Right -> the generations of the codes that anybody was let in on."""
    on_open: Callable[[str, tuple[bytes, int], int], None] = lambda _name, _code, _sequence: None
    """Is told of each code that opens a gate, and how far its list went."""
    reissued: set[bytes] = field(default_factory=set)
    """Rights that central gave a new code."""
    shown: dict[tuple[str, bytes], list[tuple[float, int]]] = field(default_factory=dict)
    """(gate, right) -> when a code of which generation was held before its reader."""
    counts: dict[str, int] = field(default_factory=dict)
    gates: dict[int, str] = field(default_factory=dict)
    """id of a turnstile -> its name."""
    _hash: hashlib.blake2b = field(default_factory=lambda: hashlib.blake2b(digest_size=8))

    def tell(self, who: str, what: str) -> None:
        at = self.scheduler.now
        self.story.append(Told(at, who, what))
        self._hash.update(f"{at!r} {who} {what}\n".encode())

    def count(self, what: str, times: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + times

    def shows(self, gate: int, cti: bytes, generation: int) -> None:
        """A code of a right is held before a gate's reader."""
        self.shown.setdefault((f"gate {gate + 1}", cti), []).append(
            (self.scheduler.now, generation)
        )

    def opens(self, name: str, code: tuple[bytes, int], sequence: int) -> None:
        """A gate has let somebody in on a code, by its list up to that number."""
        self.opened.setdefault(code[0], set()).add(code[1])
        self.on_open(name, code, sequence)

    def refuses(self, reason: Reason, cti: bytes | None) -> None:
        """A gate wrote down that it turned somebody away."""
        self.count(f"refused {reason.value}")
        if cti is not None and reason is Reason.USED:
            self.told_used.add(cti)

    def highest(self, cti: bytes) -> int:
        """Return the highest generation of a right that stands on any paper."""
        return max((one for right, one in self.out if right == cti), default=0)

    def violate(self, promise: str, why: str) -> None:
        self.violations.append(Violation(promise, self.scheduler.now, why))
        self.tell("!", f"{promise}: {why}")

    @property
    def hash(self) -> str:
        """The hash of all that was told, and of how many turns it took."""
        final = self._hash.copy()
        final.update(str(self.scheduler.turns).encode())
        return final.hexdigest()

    # What people do.

    def comes(self, visitor: Visitor) -> None:
        shown = "something else" if visitor.ticket is None else f"ticket {visitor.ticket}"
        copied = "" if visitor.copies is None else f", a copy of visitor {visitor.copies}'s"
        where = f"gate {visitor.gate + 1}"
        self.tell(f"visitor {visitor.number}", f"shows {shown}{copied} at {where}")
        self.count("shown")

    def gives_up(self, visitor: Visitor) -> None:
        self.tell(f"visitor {visitor.number}", "goes away without an answer")
        self.count("gave up")

    def walks(self, visitor: Visitor, turnstile: Turnstile, was_open: bool) -> None:
        if was_open:
            self._goes(turnstile)
        if visitor.does.value == "hesitates":
            self.muddle(turnstile)
        self.tell(f"visitor {visitor.number}", f"walks through gate {visitor.gate + 1}")

    def _goes(self, turnstile: Turnstile) -> None:
        """Somebody goes through an open arm, whoever it was opened for."""
        gate = id(turnstile)
        if turnstile.open_to_all:
            self.calls(turnstile, None)
            self.count("walked without a ticket")
        party = self.parties.get(gate) if turnstile.held else None
        name = party.pop(0) if party else self.called.get(gate)
        if name is not None:
            self.walked.setdefault(name, self.scheduler.now)
            self.count("walked of a counted group" if turnstile.held else "walked")

    def calls(self, turnstile: Turnstile, *names: Name | None) -> None:
        """An arm is open for one, for a group that its board counts, or for nobody more."""
        self.called.pop(id(turnstile), None)
        self.parties.pop(id(turnstile), None)
        if len(names) > 1:
            self.parties[id(turnstile)] = [one for one in names if one]
        elif names[0] is not None:
            self.called[id(turnstile)] = names[0]

    def is_escorted(self, turnstile: Turnstile) -> None:
        """Somebody goes by the leave of staff, or by that of one who showed a code just before."""
        self._goes(turnstile)
        self.count("let in by hand")
        self.tell("staff", f"lead somebody through {self.gates[id(turnstile)]}")

    def slips_in(self, visitor: Visitor) -> None:
        self.muddled.append((f"gate {visitor.gate + 1}", self.scheduler.now))
        self.tell("somebody", f"slips in behind visitor {visitor.number}")
        self.count("slipped in")

    def muddle(self, turnstile: Turnstile) -> None:
        """Somebody goes through out of turn."""
        self.muddled.append((self.gates[id(turnstile)], self.scheduler.now))

    def unanswered(self, visitor: Visitor, turnstile: Turnstile, was_well: bool) -> None:
        """Nothing was shown for what was held before a reader; `was_well`: all that time."""
        self.tell(f"visitor {visitor.number}", "sees nothing happen")
        self.count("unanswered")
        if was_well:
            where = self.gates[id(turnstile)]
            why = f"{where}: visitor {visitor.number} got no answer, and nothing was wrong"
            self.violate(Promise.ANY_BYTES, why)
