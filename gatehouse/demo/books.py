"""The books of a demonstration: what the crowd saw, the gate wrote and central holds must agree."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rules.use import OUTCOMES, Outcome
from wire import event
from wire.event import AnyEvent
from wire.row import Unknown


@dataclass(slots=True)
class Ledger:
    """Persons, counted from journal rows."""

    admitted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    passed: int = 0
    abandoned: int = 0
    uncertain: int = 0
    open: int = 0
    """Authorised and without an outcome: none, once everything has ended."""
    tailgated: int = 0
    left: int = 0
    papers: int = 0
    """Persons admitted with a paper."""


def count(events: Iterable[AnyEvent | Unknown]) -> Ledger:
    """Return the books of one journal, from all its rows in any order.

    What became of a person is the highest outcome reported; a reopened use is judged, admitted
    and ended once more, so its admission counts twice.
    """
    ledger = Ledger()
    persons: dict[tuple[bytes, int], Outcome] = {}
    reopened: Counter[tuple[bytes, int]] = Counter()
    for happened in events:
        match happened:
            case event.Authorised(admission=admission, quantity=quantity, generation=generation):
                ledger.admitted += quantity
                ledger.papers += quantity if generation else 0
                for person in range(1, quantity + 1):
                    persons.setdefault((admission, person), Outcome.RESERVED)
            case event.Reopened(admission=admission, person=person):
                ledger.admitted += 1
                reopened[(admission, person)] += 1
            case event.Refused(reason=reason, quantity=quantity, count=times):
                ledger.refused[reason.value] += quantity * times
            case event.Tailgated():
                ledger.tailgated += 1
            case event.Left():
                ledger.left += 1
            case event.Outcome():
                outcome = OUTCOMES[type(happened)]
                for person in range(happened.person, happened.person + happened.count):
                    name = (happened.admission, person)
                    persons[name] = max(persons.get(name, outcome), outcome)
            case _:
                pass
    for name, outcome in persons.items():
        _tally(ledger, outcome)
        # The first end of a reopened use was uncertain, whatever the second was.
        ledger.uncertain += reopened[name]
    return ledger


def _tally(ledger: Ledger, outcome: Outcome) -> None:
    match outcome:
        case Outcome.PASSED | Outcome.PASSED_LATE | Outcome.UNDONE:
            ledger.passed += 1
        case Outcome.ABANDONED:
            ledger.abandoned += 1
        case Outcome.UNCERTAIN:
            ledger.uncertain += 1
        case Outcome.RESERVED:
            ledger.open += 1


def percentile(values: list[float], share: float) -> float | None:
    """Return the value below which `share` of `values` lie; None where there are none."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)


def papers(cut: int, central: dict[str, int]) -> dict[str, int]:
    """Return the books of papers: `cut` by the printer's own count, the rest by central's."""
    names = ("exchanged", "unknown", "reissued", "retracted")
    plural = {"tests": central["test"], "receipts": central["receipt"]}
    return {"cut": cut, **{name: central[name] for name in names}, **plural}


def unbalanced(report: dict[str, Any]) -> dict[str, bool]:
    """Say what in the books of papers does not agree: each paper is in exactly one class."""
    books = report["papers"]
    known = sum(books.values()) - books["cut"] - books["unknown"]
    return {
        "the printer cut fewer papers than the books hold": books["cut"] < known,
        "the printer cut more papers than the books hold": books["cut"] > known + books["unknown"],
        "other papers were admitted than exchanged": report["papers_admitted"]
        != books["exchanged"] + books["reissued"],
        "a phone's code opened beside its paper": report["superseded_refused"]
        != report["papers_admitted"],
    }


def disagreements(report: dict[str, Any], walked_in: int, surprises: list[str]) -> list[str]:
    """Return a sentence for everything in the report that does not agree with the rest.

    `walked_in` is how many admitted persons the simulated turnstile saw walk through.
    """
    refused = sum(report["refused"].values())
    central = report["central"]
    checks = {
        "presented is not admitted + refused": report["presented"] != report["admitted"] + refused,
        "admitted is not passed + abandoned + uncertain": report["admitted"]
        != report["passed"] + report["abandoned"] + report["uncertain"],
        # Whoever is uncertain walked, or did not: nobody was looking.
        "the turnstile saw other passages than the journal": not 0
        <= walked_in - report["passed"]
        <= report["uncertain"],
        "central has other admissions": central["admitted"] != report["admitted"],
        "central has other refusals": central["refused"] != refused,
        "central has other passages": central["passed"] != report["passed"],
        "central has other abandoned": central["abandoned"] != report["abandoned"],
        "central has other uncertain": central["uncertain"] != report["uncertain"],
        "rows are lost": report["lost"] != 0,
        "a right was used twice": report["doubles"] != 0,
        **unbalanced(report),
    }
    return [sentence for sentence, wrong in checks.items() if wrong] + surprises
