"""What models say in the words of the list and of receipts."""

from dataclasses import dataclass

from wire.entry import UseElsewhere
from wire.payment import WORDS, Payment

PAYMENTS = [(one.value, f"{WORDS[one].zh} {WORDS[one].en}") for one in Payment]
"""The choices of how an order was paid."""


@dataclass(frozen=True, slots=True)
class ReportedUses:
    """What is known of one right's uses, as the list says it."""

    counted: tuple[UseElsewhere, ...] = ()
    undone: tuple[tuple[bytes, int], ...] = ()
    """Names (admission, person) of uses that were withdrawn."""


NEVER_USED = ReportedUses()
