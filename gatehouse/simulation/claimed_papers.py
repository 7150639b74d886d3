"""What the hub granted to whom, held against what became of it: of phone and paper one gets in.

Whoever was let in by the hub's leave gets no paper by its leave, and where it granted a paper that
came out no lower code enters by its leave; nor are there two such papers. A hub whose card was
lost knows nothing of what it granted before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from central.core.papers import Step
from gatehouse.simulation.promises import Promise
from wire import claim as wire
from wire import cose
from wire.claim import Claim, Granted, Kind
from wire.topic import sender

if TYPE_CHECKING:
    from gatehouse.simulation.papers import Paper
    from gatehouse.simulation.venue import Venue

STANDS = (Step.RESERVED, Step.PRINTED, Step.CONFIRMED, Step.EXCHANGED)
"""A paper that nobody knows of leaves the phone as good as it was."""
Name = tuple[bytes, bytes]
"""(device, admission or paper)"""


@dataclass(frozen=True, slots=True)
class Leave:
    """One grant of the hub."""

    name: bytes
    kind: Kind
    generation: int
    """Of the code that was shown; of a paper, its own."""
    card: int
    """Of the hub, when it was given."""


class ClaimedPapers:
    def __init__(self, venue: "Venue") -> None:
        self._venue = venue
        self._asked: dict[Name, Claim] = {}
        self._granted: dict[bytes, dict[Name, Leave]] = {}
        """By right."""
        self._told: set[bytes] = set()

    def listen(self) -> None:
        """Hear what devices and hub say to each other."""
        if self._venue.hub is not None:
            self._venue.hub.on_said, self._venue.hub.on_told = self._said, self._answered

    def granted(self, cti: bytes, kind: Kind) -> list[Leave]:
        """Return what the hub granted of a right."""
        return [one for one in self._granted.get(cti, {}).values() if one.kind is kind]

    def hold(self, cti: bytes) -> None:
        """Hold all grants of a right against each other; every journal was just read."""
        leaves = self.granted(cti, Kind.EXCHANGE)
        papers = [(one, paper) for one in leaves for paper in self._papers(one)]
        if not papers or cti in self._told:
            return
        # Where the gate did not wait for the hub, its row came first, and is no leave.
        uses = self._venue.claimed.uses(cti)
        entered = {name for (name, _), person in uses if person.term}
        number = self._venue.central.pool.by_cti[cti].number
        for leave, paper in papers:
            for entry in self.granted(cti, Kind.ENTRY):
                alike = entry.card == leave.card and entry.generation < paper.generation
                if alike and entry.name in entered and paper.step in STANDS:
                    why = f"ticket {number} is let in by {entry.generation}, and its paper"
                    why += f" {paper.generation} is {paper.step.name}"
                    self._broken(cti, Promise.PAPER_CLAIMED, why)
        self._hold_one(cti, papers)

    def _hold_one(self, cti: bytes, papers: "list[tuple[Leave, Paper]]") -> None:
        out = [one.card for one, paper in papers if paper.step is Step.EXCHANGED]
        if len(out) > len(set(out)) and cti not in self._venue.truth.reissued:
            number = self._venue.central.pool.by_cti[cti].number
            why = f"ticket {number} has two by the hub's leave"
            self._broken(cti, Promise.ONE_PAPER, why)

    def _broken(self, cti: bytes, promise: Promise, why: str) -> None:
        self._told.add(cti)
        self._venue.truth.violate(promise, why)

    def _papers(self, leave: Leave) -> "Iterator[Paper]":
        for witness in self._venue.kiosks.witnesses():
            found = witness.papers.get(leave.name)
            if found is not None and leave.name not in witness.forgotten:
                yield found

    def _said(self, topic: str, payload: bytes) -> None:
        found = sender(topic)
        if found is None or found[1] != "claim":
            return
        word = wire.read_said(payload)
        if isinstance(word, Claim):
            self._asked[bytes.fromhex(found[0]), word.admission] = word

    def _answered(self, topic: str, payload: bytes) -> None:
        if not topic.endswith("/claim"):
            return
        device = bytes.fromhex(topic.split("/")[4])
        word, hub = wire.read_told(cose.parts(payload)[1], device), self._venue.hub
        asked = self._asked.get((device, word.admission))
        if not isinstance(word, Granted) or asked is None or hub is None:
            return
        generation = word.generation if word.kind is Kind.EXCHANGE else asked.generation
        leave = Leave(word.admission, word.kind, generation, hub.cards)
        self._granted.setdefault(asked.cti, {}).setdefault((device, word.admission), leave)
        if word.kind is Kind.EXCHANGE:
            self._venue.claimed.touched.add(asked.cti)
        self._venue.truth.count(f"hub grants {word.kind.value}")
