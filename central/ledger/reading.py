"""What a device says, read so that every database can hold it.

A row is kept whatever stands in it: refused, it would be sent again for ever and hold up all that
come behind it. A message that names rows no journal can have is refused as a whole.
"""

import logging

from wire import event
from wire.chain import EPOCH_BYTES
from wire.codec import WireError
from wire.delivery import Batch, Hello, Status
from wire.event import ADMISSION_BYTES, AnyEvent, ClockQuality, Stamp
from wire.row import Unknown, decode_row
from wire.ticket import CTI_BYTES

log = logging.getLogger("central.ingest")

UNREADABLE = "unreadable"
NUMBER_MAX = 2**63 - 1
"""Of a bigint."""
SECONDS_MAX = 2**52
"""Of what is still a number once it is counted in milliseconds."""
PERSONS_MAX = 2**15 - 1
"""In one row: as many as a ticket can be for."""
GENERATION_MAX = 2**15 - 1
TEXT_MAX = 40


def read_row(body: bytes, received_ms: int) -> tuple[AnyEvent | Unknown, Stamp]:
    """Return the event and when it happened; Unknown("unreadable"), now, for anything else."""
    try:
        happened, stamp = decode_row(body)
        _check(happened, stamp)
    except WireError as error:
        log.warning("unreadable row: %s", error)
        return Unknown(UNREADABLE), Stamp(received_ms, 0, b"", ClockQuality.SUSPECT)
    return happened, stamp


def _check(happened: AnyEvent | Unknown, stamp: Stamp) -> None:
    """Raise WireError for numbers and names that no device of ours writes."""
    if abs(stamp.wall_ms) > NUMBER_MAX:
        raise WireError(f"a time of {stamp.wall_ms} ms")
    generation = getattr(happened, "generation", 0)
    if not 0 <= generation <= GENERATION_MAX:
        raise WireError(f"generation {generation}")
    if isinstance(happened, event.ListApplied):
        _check_list(happened.sequence)
    if isinstance(happened, event.EpochBegan):
        _check_before(happened)
    if isinstance(happened, event.Authorised | event.Reopened):
        _check_name(happened.admission, happened.cti)
    if isinstance(happened, event.Authorised):
        _check_list(happened.list_sequence)
    if isinstance(happened, event.Outcome):
        _check_name(happened.admission, b"")
    persons = _persons(happened)
    if any(not 0 <= number <= PERSONS_MAX for number in persons):
        raise WireError(f"{persons} persons")


def _check_before(began: event.EpochBegan) -> None:
    if began.previous_epoch:
        _check_epoch(began.previous_epoch)
    if not 0 <= began.previous_top <= NUMBER_MAX:
        raise WireError(f"an epoch of {began.previous_top} rows")


def _check_list(sequence: int) -> None:
    if not 0 <= sequence <= NUMBER_MAX:
        raise WireError(f"list {sequence}")


def _persons(happened: AnyEvent | Unknown) -> tuple[int, ...]:
    match happened:
        case event.Authorised():
            return (happened.quantity,)
        case event.Reopened():
            return (happened.person,)
        case event.Outcome():
            return happened.person, happened.count
        case event.Refused():
            return happened.quantity, happened.count
        case _:
            return ()


def _check_name(admission: bytes, cti: bytes) -> None:
    if len(admission) > ADMISSION_BYTES or len(cti) > CTI_BYTES:
        raise WireError(f"an admission of {len(admission)} bytes, a right of {len(cti)}")


def columns(happened: AnyEvent | Unknown) -> tuple[str, str, str, int]:
    """Return (kind, lane, reason, persons) for the columns that pages count."""
    match happened:
        case Unknown(kind):
            return short(kind), "", "", 0
        case event.Refused():
            reason = happened.reason.value
            return "refused", short(happened.lane), reason, happened.quantity * happened.count
        case event.Authorised():
            return "authorised", short(happened.lane), "", happened.quantity
        case event.Reopened():
            return "reopened", short(happened.lane), "", 1
        case event.Outcome():
            return _kind(happened), short(happened.lane), "", happened.count
        case _:
            return _kind(happened), short(happened.lane), "", 0


def about(happened: AnyEvent | Unknown) -> bytes | None:
    """Return the right that an event is about, or the admission where it names no more."""
    match happened:
        case event.Authorised() | event.Reopened() | event.Refused() | event.KeySuspected():
            named = happened.cti
        case event.Outcome() | event.Pulsed():
            named = happened.admission
        case _:
            return None
    return named[:CTI_BYTES] if named else None


def _kind(happened: AnyEvent) -> str:
    return str(happened.__struct_config__.tag)


def short(text: str, length: int = TEXT_MAX) -> str:
    """Return text as a column holds it; PostgreSQL has no zero byte in a text."""
    return text[:length].replace("\0", "\ufffd")


def check_batch(batch: Batch) -> None:
    """Raise WireError for rows that no journal has."""
    _check_epoch(batch.epoch)
    if not 1 <= batch.first <= NUMBER_MAX - len(batch.rows):
        raise WireError(f"rows from {batch.first}")


def check_hello(hello: Hello) -> None:
    """Raise WireError for a journal that cannot be."""
    for told in hello.epochs:
        _check_epoch(told.epoch)
        if not (0 <= told.top < NUMBER_MAX and 1 <= told.first < NUMBER_MAX):
            raise WireError(f"an epoch of rows {told.first} to {told.top}")
    if sum(told.top for told in hello.epochs) > NUMBER_MAX:
        raise WireError("more rows than can be counted")


def check_status(status: Status) -> None:
    """Raise WireError for a list that cannot be."""
    for number in (status.sequence or 0, status.confirmed_seconds or 0):
        if not 0 <= number <= SECONDS_MAX:
            raise WireError(f"list {status.sequence}, confirmed {status.confirmed_seconds} s ago")


def _check_epoch(epoch: bytes) -> None:
    if len(epoch) != EPOCH_BYTES:
        raise WireError(f"an epoch of {len(epoch)} bytes")
