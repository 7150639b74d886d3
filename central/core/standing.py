"""What may be done to a right in each standing: one table, for the API and for admins."""

from enum import StrEnum

from wire.entry import Standing


class Operation(StrEnum):
    BLOCK = "block"
    UNBLOCK = "unblock"
    REFUND = "refund"
    RESCHEDULE = "reschedule"
    REISSUE = "reissue"
    UNDO = "undo"


_GOOD, _BLOCKED = Standing.GOOD, Standing.BLOCKED

_AFTER: dict[Operation, dict[Standing, Standing]] = {
    Operation.BLOCK: {_GOOD: _BLOCKED, _BLOCKED: _BLOCKED},
    Operation.UNBLOCK: {_GOOD: _GOOD, _BLOCKED: _GOOD},
    Operation.REFUND: {_GOOD: Standing.REFUNDED, _BLOCKED: Standing.REFUNDED},
    Operation.RESCHEDULE: {_GOOD: Standing.RESCHEDULED},
    # Of a stolen phone: blocked first, and given a new code while it still is.
    Operation.REISSUE: {_GOOD: _GOOD, _BLOCKED: _BLOCKED},
    Operation.UNDO: {standing: standing for standing in Standing},
}


def after(operation: Operation, standing: Standing) -> Standing | None:
    """Return the standing after `operation`; None where it may not be done."""
    return _AFTER[operation].get(standing)
