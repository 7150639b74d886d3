"""The promises that a venue buys, by name: each is held against everything that happens."""

from enum import StrEnum


class Promise(StrEnum):
    DURABLE_FIRST = "no pulse without a durable row"
    FIRE_FREE = "while fire has released the lanes nobody is let in, and heads are counted"
    ONE_OUTCOME = "exactly one outcome for each person"
    NOTHING_LOST = "nothing acknowledged is lost"
    NOBODY_TWICE = "a right is used as often as it allows"
    ONE_RETRY = "an uncertain use opens once more at most"
    DOUBLES_FOUND = "every double is found by central"
    DOUBLES_TOLD = "a double is told to the gate and the minute"
    CLAIMED_ONCE = "with a hub a right is used as often as it allows, at all gates together"
    CLAIMS_SETTLED = "no claim stays open"
    NOBODY_ROBBED = "nobody is told what is not so"
    PICTURES_WORTHLESS = "a picture of a moving code opens nothing"
    LIST_OBEYED = "what the list says is obeyed"
    AGE_BOUNDED = "the age of revocations is bounded, and shown"
    CLOCK_TOLD = "a wrong clock decides nothing in silence"
    ANY_BYTES = "any bytes get a decision"
    DRAINS = "the outbox drains"
    LEDGER_EQUAL = "central's ledger is the union of the journals"
    OUTCOME_TRUE = "what is written is what happened"
    NEVER_CRASHES = "no daemon ends or hangs by itself"
