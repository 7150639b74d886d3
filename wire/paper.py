"""What happens to the papers of a kiosk: facts of its journal, each about one paper by its name.

A paper is named by 12 random bytes, drawn before anybody is asked for it. Its *class* in the books
is what the last of these events says: exchanged, reissued, unknown, retracted, a test or a
receipt. One that was reserved and given back was never a paper.
"""

from enum import StrEnum

from wire.fact import Event

PAPER_BYTES = 12


class PaperClass(StrEnum):
    """What became of a paper, in the books of a day."""

    EXCHANGED = "exchanged"
    UNKNOWN = "unknown"  # Nobody can know whether it came out whole.
    REISSUED = "reissued"  # Printed anew by staff, with a higher generation.
    TEST = "test"
    RECEIPT = "receipt"
    RETRACTED = "retracted"  # The printer, or a person, took it back.


class Sort(StrEnum):
    """What a paper is printed for."""

    EXCHANGE = "exchange"
    REISSUE = "reissue"
    TEST = "test"
    RECEIPT = "receipt"


class PaperEvent(Event, frozen=True, kw_only=True, omit_defaults=True):
    paper: bytes


class PaperReserved(PaperEvent, frozen=True, kw_only=True, omit_defaults=True, tag="reserved"):
    """The right to print it is had; committed before the first byte goes to the printer.

    A power cut after this row leaves it unknown: whether a byte went out, nobody can say.
    """

    sort: Sort = Sort.EXCHANGE
    cti: bytes = b""
    generation: int = 0
    by: str = ""
    """Who asked for it, where that was staff."""
    why: str = ""


class PaperGivenBack(PaperEvent, frozen=True, kw_only=True, omit_defaults=True, tag="given-back"):
    """Nothing of it was printed: the right is as it was."""

    why: str = ""


class PaperPrinted(PaperEvent, frozen=True, kw_only=True, omit_defaults=True, tag="printed"):
    """The printer has taken all of it; no proof yet."""


class PaperConfirmed(PaperEvent, frozen=True, kw_only=True, omit_defaults=True, tag="confirmed"):
    """It is printed and cut: by the printer's own word, or by its status after the cut."""

    how: str = ""


class PaperUnknown(PaperEvent, frozen=True, kw_only=True, omit_defaults=True, tag="print-unknown"):
    """Power, paper or printer failed between the first byte and the confirmation."""

    why: str = ""


class PaperRetracted(PaperEvent, frozen=True, kw_only=True, omit_defaults=True, tag="retracted"):
    """Printed, and not handed out: the phone's code stays good."""

    why: str = ""


class Exchanged(PaperEvent, frozen=True, kw_only=True, omit_defaults=True, tag="exchanged"):
    """The paper is the ticket now; codes of a lower generation are void."""

    cti: bytes
    generation: int


class PaperReissued(PaperEvent, frozen=True, kw_only=True, omit_defaults=True, tag="reissued"):
    """As exchanged, for a paper that staff had printed anew."""

    cti: bytes
    generation: int
    by: str = ""
    why: str = ""


class PaperTested(PaperEvent, frozen=True, kw_only=True, omit_defaults=True, tag="test-printed"):
    pass


class ReceiptPrinted(
    PaperEvent, frozen=True, kw_only=True, omit_defaults=True, tag="receipt-printed"
):
    pass


class PrinterSaid(Event, frozen=True, kw_only=True, omit_defaults=True, tag="printer-said"):
    """The printer's state, whenever it changes, and at the end of the day."""

    state: str
    """One word: ready, near-end, paper-end, cover-open, cutter, jam, hot, lost, …"""
    able: bool = True
    """Whether it can print a ticket now."""
    cut: int | None = None
    """Papers that it says it has cut in its life."""
    paper_left: int | None = None
    """Tickets that the roll is thought to be good for."""


class PaperChanged(Event, frozen=True, kw_only=True, omit_defaults=True, tag="paper-changed"):
    """Staff put a new roll in."""

    by: str
    tickets: int
    """How many tickets a full roll is good for."""


class DayEnded(Event, frozen=True, kw_only=True, omit_defaults=True, tag="day-ended"):
    """Staff closed the day's books at the kiosk; `cut` by the printer's own count."""

    by: str
    cut: int | None = None


AnyPaperEvent = (
    PaperReserved
    | PaperGivenBack
    | PaperPrinted
    | PaperConfirmed
    | PaperUnknown
    | PaperRetracted
    | Exchanged
    | PaperReissued
    | PaperTested
    | ReceiptPrinted
    | PrinterSaid
    | PaperChanged
    | DayEnded
)

CLASS_OF: dict[type[PaperEvent], PaperClass] = {
    Exchanged: PaperClass.EXCHANGED,
    PaperReissued: PaperClass.REISSUED,
    PaperUnknown: PaperClass.UNKNOWN,
    PaperRetracted: PaperClass.RETRACTED,
    PaperTested: PaperClass.TEST,
    ReceiptPrinted: PaperClass.RECEIPT,
}
"""The events that put a paper into its class; the last one counts."""
