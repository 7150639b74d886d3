"""Writing into a journal and asking it, in as few words as a test has room for."""

from edge.store.journal import Journal, Transaction
from rules.use import Outcome, Use
from tests.device import stamp, ticket


def write(journal: Journal, *events: object, uptime: float = 100.0) -> None:
    def commit(transaction: Transaction) -> None:
        for happened in events:
            transaction.append(happened, stamp(uptime))  # type: ignore[arg-type]

    journal.transact(commit)


def uses(journal: Journal, number: int = 1) -> tuple[Use, ...]:
    return journal.transact(lambda inside: inside.uses(ticket(number).cti, "hall"))


def outcomes(journal: Journal, number: int = 1) -> list[Outcome]:
    return [use.outcome for use in uses(journal, number)]
