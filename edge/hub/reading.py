"""What devices say to a hub, read so that nothing in it can stop or fill it."""

from dataclasses import dataclass

from rules.claim import admission_of
from wire import claim, event, paper
from wire.chain import EPOCH_BYTES
from wire.claim import NUMBER_MAX, QUANTITY_MAX, TEXT_MAX, FromDevice
from wire.codec import WireError, decode
from wire.delivery import Batch, Hello, unpacked
from wire.event import ADMISSION_BYTES, AnyEvent, Stamp
from wire.row import Unknown, decode_row
from wire.ticket import CTI_BYTES


@dataclass(frozen=True, slots=True)
class Said:
    """A message of one device; the broker vouches for who it is."""

    device: bytes
    word: FromDevice | Hello | Batch


def read(device: bytes, kind: str, payload: bytes) -> Said | None:
    """Read a message on topic `kind`; None: it is not for a hub. Raise WireError."""
    match kind:
        case "claim":
            return Said(device, claim.read_said(payload))
        case "hello":
            hello = decode(payload, Hello)
            for one in hello.epochs:
                _check_rows(one.epoch, one.first, one.top)
            return Said(device, hello)
        case "live" | "backlog":
            batch = decode(unpacked(payload), Batch)
            _check_rows(batch.epoch, batch.first, batch.first + len(batch.rows))
            return Said(device, batch)
        case _:
            return None


def row(body: bytes) -> tuple[AnyEvent, Stamp] | None:
    """Return the event of a row if it is one that a ledger counts; None for any other bytes."""
    try:
        happened, stamp = decode_row(body)
    except WireError:
        return None
    if isinstance(happened, Unknown) or not admission_of(happened):
        return None
    return (happened, stamp) if _is_sound(happened, stamp) else None


def _is_sound(happened: AnyEvent, stamp: Stamp) -> bool:
    """Whether a device of ours could have written it."""
    if len(admission_of(happened)) != ADMISSION_BYTES or abs(stamp.wall_ms) > NUMBER_MAX:
        return False
    match happened:
        case event.Authorised():
            text = max(len(happened.checkpoint), len(happened.lane)) <= TEXT_MAX
            numbers = 0 <= happened.generation <= NUMBER_MAX
            persons = 0 <= happened.quantity <= QUANTITY_MAX
            return text and numbers and persons and len(happened.cti) == CTI_BYTES
        case event.Outcome():
            last = happened.person + happened.count
            return 0 <= happened.person <= last <= 2 * QUANTITY_MAX
        case paper.PaperEvent():
            generation = getattr(happened, "generation", 0)
            return 0 <= generation <= NUMBER_MAX and len(happened.lane) <= TEXT_MAX
        case _:
            return False


def _check_rows(epoch: bytes, first: int, last: int) -> None:
    if len(epoch) != EPOCH_BYTES or not 0 <= first <= NUMBER_MAX or not 0 <= last <= NUMBER_MAX:
        raise WireError("rows that no journal has")
