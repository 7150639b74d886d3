"""Fields in texts of a template: `{seat}`, and `[row {row}, ]`, which goes if there is no row."""

import re
from collections.abc import Mapping

NAMES = {
    "title": "the event",
    "venue": "the venue",
    "time": "when it begins",
    "doors": "when the doors open",
    "zone": "zone, stand or hall",
    "entrance": "which entrance",
    "row": "row",
    "seat": "seat",
    "class": "what kind of ticket",
    "persons": "how many it admits, if more than one",
    "price": "price, with its currency",
    "holder": "the holder's name",
    "order": "order number",
    "number": "the ticket's number, to be typed",
    "kiosk": "which kiosk printed it",
    "printed": "when it was printed",
    "copy": "which printing of this ticket it is, from the second on",
    "count": "on a receipt: how many tickets",
    "total": "on a receipt: what they cost",
    "paid": "on a receipt: how it was paid",
    "note": "the venue's own words",
}

_PIECE = re.compile(r"\{\{|\}\}|\[\[|\]\]|\{([a-z]+)\}|[\[\]{}]|[^\[\]{}]+")


def money(cents: int, currency: str) -> str:
    """Return a price as it is printed: "¥ 280.00"."""
    return f"{currency} {cents // 100}.{cents % 100:02d}".strip()


def fault(text: str) -> str:
    """Return what is wrong with a text of a template, or nothing."""
    inside = False
    for piece in _PIECE.finditer(text):
        sign, name = piece[0], piece[1]
        if name is not None and name not in NAMES:
            return f"{{{name}}} is no field; there are {', '.join(NAMES)}"
        if sign in ("{", "}"):
            return f'"{text}": braces are for fields as {{seat}}; write two for the sign itself'
        if sign in ("[", "]"):
            if (sign == "[") == inside:
                return f'"{text}": brackets come in pairs; write two for the sign itself'
            inside = not inside
    return f'"{text}": a bracket is not closed' if inside else ""


def used(text: str) -> set[str]:
    """Return the names of the fields in a text."""
    return {piece[1] for piece in _PIECE.finditer(text) if piece[1]}


def filled(text: str, told: Mapping[str, str]) -> str:
    """Return `text` with its fields filled in; nothing if it has fields and all are empty."""
    whole: list[str] = []
    bracket: list[str] | None = None
    lacking = False
    names = used(text)
    if names and not any(told.get(name, "").strip() for name in names):
        return ""
    for piece in _PIECE.finditer(text):
        sign, name = piece[0], piece[1]
        if sign == "[":
            bracket, lacking = [], False
        elif sign == "]":
            whole += [] if lacking or bracket is None else bracket
            bracket = None
        else:
            value = told.get(name, "").strip() if name else _SIGNS.get(sign, sign)
            lacking |= bool(name) and not value
            (whole if bracket is None else bracket).append(value)
    return "".join(whole)


_SIGNS = {"{{": "{", "}}": "}", "[[": "[", "]]": "]"}
