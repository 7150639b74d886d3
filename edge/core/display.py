"""Words for a narrow line display: cut to its width, two languages, nothing that is a command.

A character that GB18030 writes in one byte takes one column, any other two: also “ ” × ① é, which
are narrow elsewhere. Whatever is no printable character becomes a space, so that no name or
title can ever reach a display as a control code.
"""

from edge.core.notice import Notice

ENCODING = "gb18030"


def columns_of(character: str) -> int:
    return 1 if len(character.encode(ENCODING, "replace")) == 1 else 2


def fitted(text: str, columns: int) -> str:
    """Return `text` cut and padded to exactly `columns`; "~" shows where it was cut."""
    safe = "".join(char if char.isprintable() else " " for char in text)
    if sum(map(columns_of, safe)) > columns:
        kept, room = "", columns - 1
        for char in safe:
            if columns_of(char) > room:
                break
            kept, room = kept + char, room - columns_of(char)
        safe = kept + "~"
    return safe + " " * (columns - sum(map(columns_of, safe)))


def lines(notice: Notice, columns: int) -> tuple[str, str, str, str]:
    """Return four lines: what happened, and what to do next, in Chinese and English."""
    said = (notice.title.zh, notice.title.en, notice.advice.zh, notice.advice.en)
    zh_title, en_title, zh_advice, en_advice = (fitted(text, columns) for text in said)
    return zh_title, en_title, zh_advice, en_advice
