"""What a device's marks promise, held against what the real store finds after a cut."""

import os
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from edge.store.delivery import DeliveryStore
from edge.store.journal import Journal, Opened, Transaction
from edge.store.outbox import JournalReader
from rules.use import Outcome
from tests.device import DEVICE, authorised, stamp
from wire.event import Abandoned, Authorised, EpochBegan, Passed, Uncertain
from wire.event import Outcome as EventOutcome
from wire.row import decode_row

AFTER = b"afterall"
"""The boot in which the store is opened again."""
OF = {
    Passed: Outcome.PASSED,
    Abandoned: Outcome.ABANDONED,
    Uncertain: Outcome.UNCERTAIN,
}
OUTCOMES = {
    "passed": Outcome.PASSED,
    "abandoned": Outcome.ABANDONED,
    "uncertain": Outcome.UNCERTAIN,
}


@dataclass
class Promised:
    """What has been promised up to a moment of the day."""

    admissions: dict[int, int] = field(default_factory=dict)
    """Number -> persons."""
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    """Number -> the highest that was promised of its first person."""
    acknowledged: dict[bytes, int] = field(default_factory=dict)
    epochs: list[bytes] = field(default_factory=list)
    rows: int = 0
    """Since the day began, in all epochs, at least."""

    def note(self, mark: str) -> None:
        kind, *words = mark.split()
        match kind:
            case "authorised":
                self.admissions[int(words[0])] = int(words[1])
            case "passed" | "abandoned" | "uncertain":
                before = self.outcomes.get(int(words[0]), Outcome.RESERVED)
                self.outcomes[int(words[0])] = max(before, OUTCOMES[kind])
            case "acknowledged":
                self.acknowledged[bytes.fromhex(words[0])] = int(words[1])
            case "opened":
                epoch = bytes.fromhex(words[0])
                if epoch not in self.epochs:
                    self.epochs.append(epoch)
            case _:
                return
        self.rows += kind in ("authorised", "passed", "abandoned", "uncertain")


@dataclass
class Kept:
    """What the real store finds."""

    opened: Opened
    began: EpochBegan | None
    acknowledged: dict[bytes, int]
    lost: list[str]
    """Promises that it does not keep, each in words."""
    robbed: list[str]
    """Uses that nobody had promised: at most one, which was under way."""
    unlike: list[str]
    """Uses that say less than the rows beside them. They may say more: rows may be lost alone."""
    tops: dict[bytes, int]
    """How far each epoch of the journal goes, as central will be told."""


def examine(folder: Path, promised: Promised) -> Kept:
    """Open what a cut has left, as the next boot does, and hold it against the promises."""
    journal = Journal(folder, DEVICE, AFTER, os.urandom)
    opened = journal.open(stamp(uptime=5.0, boot=AFTER))
    lost, robbed = list[str](), list[str]()
    outcomes: dict[bytes, Outcome] = {}

    def look(inside: Transaction) -> None:
        nonlocal outcomes
        for number in range(max(promised.admissions, default=-1) + 3):
            admission = authorised(number)
            uses = inside.uses(admission.cti, admission.checkpoint)
            persons = promised.admissions.get(number, 0)
            outcomes |= {use.admission: use.outcome for use in uses if use.person == 1}
            if len(uses) < persons:
                lost.append(f"admission {number}: {len(uses)} of {persons} persons")
            least = promised.outcomes.get(number, Outcome.RESERVED)
            if uses and uses[0].outcome < least:
                lost.append(f"admission {number}: {uses[0].outcome.name}, promised {least.name}")
            if uses and not persons:
                robbed.append(f"admission {number}")

    journal.transact(look)
    journal.close()
    tops, began, said = _journal(folder, opened)
    unlike = [
        f"{admission!r}: {outcomes.get(admission)}, its rows say {outcome.name}"
        for admission, outcome in said.items()
        if outcomes.get(admission, -1) < outcome
    ]
    return Kept(opened, began, _delivered(folder, promised), lost, robbed, unlike, tops)


def _delivered(folder: Path, promised: Promised) -> dict[bytes, int]:
    """Return what the device thinks central has; sync puts a damaged file aside and asks again."""
    try:
        delivery = DeliveryStore(folder)
        try:
            return {epoch: delivery.acknowledged(epoch) for epoch in promised.epochs}
        finally:
            delivery.close()
    except sqlite3.DatabaseError:
        return {}


def _journal(
    folder: Path, opened: Opened
) -> tuple[dict[bytes, int], EpochBegan | None, dict[bytes, Outcome]]:
    """Return tops by epoch, how the new one began, and what the rows say of each first person."""
    tops: dict[bytes, int] = {}
    began: EpochBegan | None = None
    said: dict[bytes, Outcome] = {}
    reader = JournalReader(folder, DEVICE)
    for epoch in reader.epochs():
        tops[epoch.epoch] = epoch.top
        first = epoch.first
        while batch := reader.batch(epoch.epoch, first, 500):
            first += len(batch.rows)
            for event, _ in map(decode_row, batch.rows):
                if isinstance(event, EpochBegan) and epoch.epoch == opened.epoch:
                    began = event
                elif isinstance(event, Authorised):
                    said.setdefault(event.admission, Outcome.RESERVED)
                elif isinstance(event, EventOutcome) and event.admission in said:
                    # One whose admission was lost names no right any more.
                    said[event.admission] = max(said[event.admission], OF[type(event)])
    reader.close()
    return tops, began, said
