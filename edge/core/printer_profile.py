"""What a kind of printer can do: width, letters, codes, and how it proves that it has printed.

A printer of none of these kinds is told as `china-80` or `china-58` with `text = raster`: least is
asked of it there.
"""

from dataclasses import dataclass
from enum import StrEnum

from paper.lines import ROLL_58, ROLL_80, Paper


class Letters(StrEnum):
    """Who draws them."""

    RASTER = "raster"  # We do: right on every printer, ten times the bytes.
    GB18030 = "gb18030"  # The printer does, after FS &, what GBK has two bytes for; we the rest.


class Proof(StrEnum):
    """How it is known that a sheet is on paper."""

    PROCESS_ID = "process-id"  # GS ( H function 48: it answers with our number.
    STATUS = "status"  # GS r, which waits its turn behind the cut, then a healthy status.
    ACK = "ack"  # BOCA: a byte for each ticket.


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    paper: Paper
    letters: Letters = Letters.RASTER
    proof: Proof = Proof.STATUS
    draws_codes: bool = False
    """It draws a QR code itself, from its text (GS ( k)."""
    reports_changes: bool = False
    """It sends its status unasked when it changes (GS a)."""
    mouth: bool = False
    """A CUSTOM presenter: it holds the sheet out, knows whether it was taken, can draw it back."""
    black_mark: bool = False
    mm_per_second: float = 100.0
    ticket_dots: int = 0
    """The length of a hard ticket; 0: paper from a roll."""


_FGL_300_DPI = Paper(576, 11.8)

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "epson-80",
            ROLL_80,
            proof=Proof.PROCESS_ID,
            draws_codes=True,
            reports_changes=True,
            mm_per_second=200.0,
        ),
        Profile(
            "epson-t88",
            Paper(512, 7.1),
            proof=Proof.PROCESS_ID,
            draws_codes=True,
            reports_changes=True,
            mm_per_second=300.0,
        ),
        Profile(
            "epson-58",
            ROLL_58,
            proof=Proof.PROCESS_ID,
            draws_codes=True,
            reports_changes=True,
            mm_per_second=100.0,
        ),
        Profile("china-80", ROLL_80, Letters.GB18030, mm_per_second=150.0),
        Profile("china-58", ROLL_58, Letters.GB18030, mm_per_second=70.0),
        Profile("custom-80", ROLL_80, mouth=True, mm_per_second=150.0),
        Profile("boca-300", _FGL_300_DPI, proof=Proof.ACK, mm_per_second=150.0, ticket_dots=1600),
    )
}
