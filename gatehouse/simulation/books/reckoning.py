"""The reckoning when the venue has come to rest: every book against every other, and the truth."""

from typing import TYPE_CHECKING

from gatehouse.simulation.machines.machine import EPOCH
from gatehouse.simulation.promises import Promise
from gatehouse.simulation.truth import Name
from rules.use import Outcome

if TYPE_CHECKING:
    from gatehouse.simulation.books.gate_books import Person, Witness
    from gatehouse.simulation.books.witness import Reading
    from gatehouse.simulation.venue import Venue

MUDDLE_SECONDS = 14.0
MINUTE_SECONDS = 60.0


def reckon(venue: "Venue") -> None:
    """Hold what is left at the end against every promise."""
    for kind, times in venue.central.findings().items():
        venue.truth.count(f"found {kind}", times)
    for reading in venue.readings():
        _outbox(venue, reading)
        _whole(venue, reading)
    for witness in venue.witnesses():
        _outcomes(venue, witness)
        _outcomes_true(venue, witness)
        witness.lane.exits.hold(surely=True)
    _ledger(venue)
    _doubles(venue)
    venue.claimed.hold_all()
    venue.kiosks.reckon()
    if left := venue.open_claims():
        why = f"the ledger waits for ever to hear of {left}"
        venue.truth.violate(Promise.CLAIMS_SETTLED, why)


def _outbox(venue: "Venue", witness: "Reading") -> None:
    owed = witness.card.owed()
    if owed:
        why = f"{witness.device.name}: {owed} rows are not acknowledged after all is put right"
        venue.truth.violate(Promise.DRAINS, why)


def _whole(venue: "Venue", witness: "Reading") -> None:
    """All that was ever committed is there, as it was when it was read."""
    on_card = witness.card.everything()
    # An older picture of the card lacks what came since, and what took its place is read anew.
    there = on_card.keys() if witness.device.restored else witness.rows.keys()
    wrong = [name for name in there if on_card.get(name) != witness.rows.get(name)]
    if wrong:
        why = f"{witness.device.name}: {len(wrong)} rows are not what they were"
        venue.truth.violate(Promise.NOTHING_LOST, why)


def _outcomes(venue: "Venue", witness: "Witness") -> None:
    for (admission, number), person in witness.persons.items():
        if person.open and (admission, number) not in witness.forgotten:
            why = f"{witness.device.name}: person {number} of {admission.hex()[:8]} has none"
            venue.truth.violate(Promise.ONE_OUTCOME, why)


def _outcomes_true(venue: "Venue", witness: "Witness") -> None:
    """Hold outcomes against who really walked, where nobody came out of turn."""
    muddles = _muddles(venue, witness)
    for name, person in witness.persons.items():
        if person.assumed or _muddled(muddles, person):
            continue
        walked = name in venue.truth.walked
        wrong = (person.outcome is Outcome.PASSED and not walked and not person.reopened) or (
            person.outcome is Outcome.ABANDONED and walked
        )
        if wrong and name not in witness.forgotten:
            what = person.outcome.name.lower()
            why = f"{witness.device.name}: {what} is written, and walked is {walked}"
            venue.truth.violate(Promise.OUTCOME_TRUE, why)


def _muddles(venue: "Venue", witness: "Witness") -> list[float]:
    gate = witness.gate
    return [at for where, at in venue.truth.muddled if where == gate]


def _muddled(muddles: list[float], person: "Person") -> bool:
    """Whether somebody went through out of turn then, so that no gate can tell who it was."""
    return any(abs(at - person.at) < MUDDLE_SECONDS for at in muddles)


def _ledger(venue: "Venue") -> None:
    here = venue.central.rows()
    ever = 0
    for witness in venue.readings():
        number = witness.device.number
        on_card = witness.card.everything()
        for (epoch, seq), (hashed, body) in on_card.items():
            found = here.get((number, epoch, seq))
            if found is None or (hashed, body) not in found:
                what = "is not at central" if found is None else "is another one at central"
                why = f"{witness.device.name}: row {seq} of epoch {epoch.hex()[:6]} {what}"
                venue.truth.violate(Promise.LEDGER_EQUAL, why)
                return
        known = {(number, epoch, seq) for epoch, seq in witness.rows}
        ever += len(known)
        strange = {key for key in here if key[0] == number} - known
        if strange:
            why = f"{witness.device.name}: central holds {len(strange)} rows that nobody wrote"
            venue.truth.violate(Promise.LEDGER_EQUAL, why)
            return
    venue.truth.count("rows at central", len(here))
    venue.truth.count("rows ever", ever)


def _doubles(venue: "Venue") -> None:
    """A right that was walked in on more often than it allows is one that central knows of."""
    walked: dict[bytes, int] = {}
    retried: set[bytes] = set()
    undone: set[bytes] = set()
    for witness in venue.witnesses():
        muddles = _muddles(venue, witness)
        for name, person in witness.persons.items():
            if name in venue.truth.walked and not _muddled(muddles, person):
                if name in witness.forgotten and not _at_central(venue, witness, name):
                    continue  # An older picture of the card took the only word of it.
                walked[person.cti] = walked.get(person.cti, 0) + 1
            if person.reopened:
                retried.add(person.cti)
    found = venue.central.conflicts()
    for cti, history in venue.central.told.items():
        if any(one.undone for one in history):
            undone.add(cti)
    for cti, times in walked.items():
        issued = venue.central.pool.by_cti[cti]
        if times <= issued.quantity:
            continue
        venue.truth.count("doubles")
        if cti not in found | retried | undone:
            why = f"ticket {issued.number}: {times} walked in on it, and central does not know"
            venue.truth.violate(Promise.DOUBLES_FOUND, why)
        elif cti not in retried | undone:
            _told(venue, cti)


def _at_central(venue: "Venue", witness: "Witness", name: Name) -> bool:
    used = venue.central.used(witness.persons[name].cti)
    return (witness.device.number, *name) in used


def _told(venue: "Venue", cti: bytes) -> None:
    """Each of those who walked in on it is told: at which gate, and in which minute."""
    told = venue.central.used(cti)
    issued = venue.central.pool.by_cti[cti]
    for witness in venue.witnesses():
        for name in witness.by_right.get(cti, ()):
            person = witness.persons[name]
            if name not in venue.truth.walked or name in witness.forgotten:
                continue
            wall = told.get((witness.device.number, *name))
            off = 0.0 if wall is None else wall - EPOCH - person.at
            # A clock in doubt may be wrong; its row says that it was.
            if wall is None or (person.wall and abs(off) > MINUTE_SECONDS):
                what = "he is not told of" if wall is None else f"told {off:+.0f} s off"
                why = f"ticket {issued.number} at {witness.device.name}: {what}"
                venue.truth.violate(Promise.DOUBLES_TOLD, why)
