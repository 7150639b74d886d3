"""What the ledger of claims granted to whom, held against what became of it: of phone and paper
one gets in.

Whoever was let in by its leave gets no paper by its leave, and where it granted a paper that came
out no lower code enters by its leave; nor are there two such papers. A hub whose card was lost, and
a central that was put back, know nothing of what they granted before.
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
    from gatehouse.simulation.books.papers import Paper
    from gatehouse.simulation.venue import Venue

STANDS = (Step.RESERVED, Step.PRINTED, Step.CONFIRMED, Step.EXCHANGED)
"""A paper that nobody knows of leaves the phone as good as it was."""
Name = tuple[bytes, bytes]
"""(device, admission or paper)"""


@dataclass(frozen=True, slots=True)
class Leave:
    """One grant."""

    name: bytes
    kind: Kind
    generation: int
    """Of the code that was shown; of a paper, its own."""
    card: int
    """Of the hub, or how often central was put back, when it was given."""


class ClaimedPapers:
    def __init__(self, venue: "Venue") -> None:
        self._venue = venue
        self._asked: dict[Name, Claim] = {}
        self._granted: dict[bytes, dict[Name, Leave]] = {}
        """By right."""
        self._told: set[bytes] = set()

    def listen(self) -> None:
        """Hear what devices and ledger say to each other."""
        central = self._venue.central if self._venue.plan.central_claims else None
        ledger = central or self._venue.hub
        if ledger is not None:
            ledger.on_said, ledger.on_told = self._said, self._answered

    def granted(self, cti: bytes, kind: Kind) -> list[Leave]:
        """Return what was granted of a right."""
        return [one for one in self._granted.get(cti, {}).values() if one.kind is kind]

    def hold(self, cti: bytes) -> None:
        """Hold all grants of a right against each other; every journal was just read."""
        papers = list(self._papers(cti))
        if not papers or cti in self._told:
            return
        # Where the gate did not wait for an answer, its row came first, and is no leave.
        uses = self._venue.claimed.uses(cti)
        entered = {name for (name, _), person in uses if person.term}
        number = self._venue.central.pool.by_cti[cti].number
        for card, paper in papers:
            for entry in self.granted(cti, Kind.ENTRY):
                alike = entry.card == card and entry.generation < paper.generation
                if alike and entry.name in entered and paper.step in STANDS:
                    why = f"ticket {number} is let in by {entry.generation}, and its paper"
                    why += f" {paper.generation} is {paper.step.name}"
                    self._broken(cti, Promise.PAPER_CLAIMED, why)
        out = [card for card, paper in papers if paper.step is Step.EXCHANGED]
        if len(out) > len(set(out)) and cti not in self._venue.truth.reissued:
            why = f"ticket {number} has two by the ledger's leave"
            self._broken(cti, Promise.ONE_PAPER, why)

    def _papers(self, cti: bytes) -> "Iterator[tuple[int, Paper]]":
        """Return every paper of a right that the ledger granted, and by which card."""
        cards = {one.name: one.card for one in self.granted(cti, Kind.EXCHANGE)}
        central = self._venue.central if self._venue.plan.central_claims else None
        for witness in self._venue.kiosks.witnesses():
            for name, paper in witness.papers.items():
                if paper.cti != cti or name in witness.forgotten:
                    continue
                if name in cards:
                    yield cards[name], paper
                elif central and central.lines == 1 and paper.by_central:
                    yield central.lines, paper

    def _broken(self, cti: bytes, promise: Promise, why: str) -> None:
        self._told.add(cti)
        self._venue.truth.violate(promise, why)

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
        card = hub.cards if hub is not None else self._venue.central.lines
        asked = self._asked.get((device, word.admission))
        if not isinstance(word, Granted) or asked is None:
            return
        generation = word.generation if word.kind is Kind.EXCHANGE else asked.generation
        leave = Leave(word.admission, word.kind, generation, card)
        self._granted.setdefault(asked.cti, {}).setdefault((device, word.admission), leave)
        if word.kind is Kind.EXCHANGE:
            self._venue.claimed.touched.add(asked.cti)
        self._venue.truth.count(f"ledger grants {word.kind.value}")
