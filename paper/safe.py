"""Text that is nothing but text: no name, title or note can ever command a printer.

Everything that is no printable character goes: control bytes (ESC, GS, NUL, DEL), marks that turn
the direction of writing, invisible joiners, private and unassigned code points, halves of pairs.
What is left is letters, signs and single spaces.
"""

import unicodedata

CHARACTERS_MAX = 200
MARKS_MAX = 2
"""Combining marks kept on one letter; more would be drawn over the lines above."""

_SPACES = {"Zs", "Zl", "Zp"}
_WHITE = {"\t", "\n", "\r", "\v", "\f", "\x85"}
_DROPPED = {"Cc", "Cf", "Cs", "Co", "Cn"}


def safe_text(text: str, characters_max: int = CHARACTERS_MAX) -> str:
    """Return `text` as one line of printable characters, composed (NFC), at most so long."""
    visible = "".join(_visible(char) for char in text[: 4 * characters_max])
    kept: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", visible):
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me", "Mc") else 0
        if marks <= MARKS_MAX:
            kept.append(char)
    return " ".join("".join(kept).split())[:characters_max].rstrip()


def columns_of(char: str) -> int:
    """Return how many half-width columns a printable character takes: 0, 1 or 2.

    Letters that Chinese fonts may draw either way (é, Я, λ) are narrow, signs (“ — ① ×) wide.
    """
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    width = unicodedata.east_asian_width(char)
    if width in ("W", "F"):
        return 2
    return 2 if width == "A" and not char.isalpha() else 1


def columns(text: str) -> int:
    """Return how many half-width columns `text` takes."""
    return sum(map(columns_of, text))


def _visible(char: str) -> str:
    """Return a character that is drawn, a space for any kind of gap, nothing for the rest."""
    category = unicodedata.category(char)
    if char in _WHITE or category in _SPACES:
        return " "
    # Selectors only choose how the character before them looks.
    selector = "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
    return "" if selector or category in _DROPPED else char
