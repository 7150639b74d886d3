"""Why a ticket was refused: the one vocabulary, used on screens, in logs and at central."""

from enum import StrEnum


class Reason(StrEnum):
    """Grouped by what the person at the door should do about it."""

    # What was shown is not a ticket of ours.
    EMPTY = "empty"
    OVERSIZED = "oversized"
    NOT_A_TICKET = "not-a-ticket"
    PAYMENT_CODE = "payment-code"
    STAFF_CARD = "staff-card"  # Withdrawn, of another zone, or not for this kind of device.
    ENROLMENT_CODE = "enrolment-code"  # Shown to a device that is enrolled: alarmed.
    # It says it is one, and is broken or false.
    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown-key"
    KEY_REVOKED = "key-revoked"
    FORGED = "forged"
    STATIC_COPY = "static-copy"
    CODE_TOO_OLD = "code-too-old"  # A moving code that has moved on; a fresh one opens.
    # A good signature, and the list or the rules say no.
    UNKNOWN = "unknown"
    BLOCKED = "blocked"
    REFUNDED = "refunded"
    RESCHEDULED = "rescheduled"
    SUPERSEDED = "superseded"
    WRONG_EVENT = "wrong-event"
    WRONG_GATE = "wrong-gate"
    TOO_EARLY = "too-early"
    TOO_LATE = "too-late"
    USED = "used"
    BEING_USED = "being-used"
    TOO_MANY = "too-many"
    # At a kiosk: no paper for this ticket, and why.
    COLLECTED = "collected"
    BEING_COLLECTED = "being-collected"  # Another kiosk is printing it.
    NOT_EXCHANGED = "not-exchanged"  # This class has no paper: its code opens the gate.
    NO_SUCH_ORDER = "no-such-order"
    TOO_MANY_TRIES = "too-many-tries"
    NO_NETWORK = "no-network"  # It can be done with central only.
    PRINTER_CANNOT = "printer-cannot"
    # A person must decide.
    SEE_STAFF = "see-staff"
    OFFLINE_LIMIT = "offline-limit"  # The budget of admissions that no list confirmed is used up.
    # Not the ticket's fault.
    OUT_OF_SERVICE = "out-of-service"
    NO_RECORD = "no-record"
    LIST_DAMAGED = "list-damaged"
    CLOCK_SUSPECT = "clock-suspect"
    NO_ANSWER = "no-answer"  # Nobody lets in here whom the ledger of claims has not confirmed.
