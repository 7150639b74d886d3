"""The venue's template: a small TOML text that says what stands on a ticket and on a receipt.

    language = "visitor"              # or "zh", "en", "both"

    [[ticket]]
    logo = true
    [[ticket]]
    text = "{title}"                  # one text for both languages, or two:
    scale = 2
    [[ticket]]
    left = { zh = "座位", en = "Seat" }
    right = { zh = "[{row} 排 ]{seat} 座", en = "[row {row}, ]seat {seat}" }
    [[ticket]]
    code = true
    [[receipt]]
    …

Each part is one of text, left and right, code, number, logo, rule, space (millimetres). A part
whose fields are all empty is left out, and so is what stands in brackets around an empty field.
`{{` and `[[` are the signs themselves.
"""

import base64
import binascii
import tomllib
import zlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from paper import fields
from paper.safe import safe_text
from paper.sheet import Align, Bitmap, Code, Kind, Pair, Part, Picture, Rule, Sheet, Space, Text
from wire.words import Words

PARTS_MAX = 60
TEXT_BYTES_MAX = 14 * 1024
"""With a zone's settings in one envelope, it fits into what a device takes at once."""
LOGO_DOTS_MAX = 576 * 300


class TemplateError(ValueError):
    """What is wrong with a template and where, for whoever wrote it."""


class Language(StrEnum):
    """`VISITOR`: the one that was chosen at the kiosk."""

    VISITOR = "visitor"
    ZH = "zh"
    EN = "en"
    BOTH = "both"


class _Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    zh: str
    en: str


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    text: str | _Said | None = None
    left: str | _Said | None = None
    right: str | _Said | None = None
    code: Literal[True] | None = None
    number: Literal[True] | None = None
    logo: Literal[True] | None = None
    rule: Literal[True] | None = None
    space: Annotated[float, msgspec.Meta(gt=0, le=100)] | None = None
    align: Align | None = None
    scale: Annotated[int, msgspec.Meta(ge=1, le=3)] = 1
    bold: bool = False


class _Logo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Black and white dots; `bits`: base64 of the zlib-compressed rows. Central's page makes it."""

    width: Annotated[int, msgspec.Meta(ge=1, le=576)]
    height: Annotated[int, msgspec.Meta(ge=1, le=600)]
    bits: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ticket: Annotated[tuple[_Part, ...], msgspec.Meta(min_length=1, max_length=PARTS_MAX)]
    receipt: Annotated[tuple[_Part, ...], msgspec.Meta(max_length=PARTS_MAX)] = ()
    language: Language = Language.VISITOR
    logo: _Logo | None = None


class Template:
    """A template that was read and found good."""

    def __init__(self, read: _File, logo: Bitmap | None) -> None:
        self.language = read.language
        self.logo = logo
        self._parts = {Kind.TICKET: read.ticket, Kind.RECEIPT: read.receipt}

    def sheet(self, kind: Kind, told: Mapping[str, Words | str], language: Language) -> Sheet:
        """Return a sheet of `kind` (ticket or receipt) filled with what is told, by field.

        `told` may hold any of `fields.NAMES`, and "code"; its words need not be safe. `language` is
        the visitor's, which counts where the template leaves it to the visitor.
        """
        chosen = language if self.language is Language.VISITOR else self.language
        said = {name: _both(value) for name, value in told.items()}
        parts = [self._filled(part, said, chosen) for part in self._parts[kind]]
        return Sheet(kind, tuple(part for some in parts for part in some))

    def _filled(
        self, part: _Part, told: Mapping[str, Words], language: Language
    ) -> tuple[Part, ...]:
        if part.rule:
            return (Rule(),)
        if part.space is not None:
            return (Space(part.space),)
        if part.logo:
            return (Picture(self.logo),) if self.logo else ()
        if part.code:
            text = told["code"].en if "code" in told else ""
            return (Code(text),) if text else ()
        named = part.number is not None or any(
            said is not None and "number" in fields.used(text)
            for said in (part.text, part.left, part.right)
            for text in _texts(said)
        )
        if part.left is not None and part.right is not None:
            left, right = (_said(one, told, language) for one in (part.left, part.right))
            if not right:
                return ()
            return (Pair(" ".join(left), " ".join(right), part.scale, part.bold, named),)
        align = part.align or (Align.CENTER if part.number else Align.LEFT)
        said = "{number}" if part.number else part.text or ""
        return tuple(
            Text(text, align, part.scale, part.bold, named) for text in _said(said, told, language)
        )


def read(text: str) -> Template:
    """Return the template that a text says; raise TemplateError."""
    if len(text.encode("utf-8", "replace")) > TEXT_BYTES_MAX:
        raise TemplateError(f"more than {TEXT_BYTES_MAX} bytes: take a smaller logo")
    try:
        told = msgspec.convert(tomllib.loads(text), _File, strict=True)
    except tomllib.TOMLDecodeError as error:
        raise TemplateError(f"TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise TemplateError(str(error)) from None
    for name, parts in (("ticket", told.ticket), ("receipt", told.receipt)):
        for number, part in enumerate(parts, 1):
            wrong = _fault(part)
            if wrong:
                raise TemplateError(f"[[{name}]] number {number}: {wrong}")
    if not any(part.code for part in told.ticket):
        raise TemplateError("[[ticket]]: no code = true: nothing on the ticket would open a gate")
    if any(part.code for part in told.receipt):
        raise TemplateError("[[receipt]]: a receipt has no code, it would open a gate")
    return Template(told, _bitmap(told.logo) if told.logo else None)


def logo_text(bitmap: Bitmap) -> str:
    """Return a logo as a template says it."""
    bits = base64.b64encode(zlib.compress(bitmap.rows, 9)).decode()
    return f'[logo]\nwidth = {bitmap.width}\nheight = {bitmap.height}\nbits = "{bits}"\n'


def _fault(part: _Part) -> str:
    kinds = [
        name
        for name in ("text", "left", "code", "number", "logo", "rule", "space")
        if getattr(part, name) is not None
    ]
    if len(kinds) != 1:
        return "say one of text, left and right, code, number, logo, rule, space"
    if (part.left is None) != (part.right is None):
        return "left and right belong together"
    for said in (part.text, part.left, part.right):
        for text in _texts(said):
            wrong = fields.fault(text)
            if wrong:
                return wrong
    return ""


def _texts(said: str | _Said | None) -> tuple[str, ...]:
    if said is None:
        return ()
    return (said,) if isinstance(said, str) else (said.zh, said.en)


def _both(value: Words | str) -> Words:
    return Words(value, value) if isinstance(value, str) else value


def _said(said: str | _Said, told: Mapping[str, Words], language: Language) -> list[str]:
    """Return the texts in the chosen language; in both, once where they are the same."""
    zh, en = (said, said) if isinstance(said, str) else (said.zh, said.en)
    in_zh = safe_text(fields.filled(zh, {name: words.zh for name, words in told.items()}))
    in_en = safe_text(fields.filled(en, {name: words.en for name, words in told.items()}))
    chosen = {Language.ZH: [in_zh], Language.EN: [in_en]}.get(language, [in_zh, in_en])
    return [text for text in dict.fromkeys(chosen) if text]


def _bitmap(logo: _Logo) -> Bitmap:
    wanted = (logo.width + 7) // 8 * logo.height
    if logo.width * logo.height > LOGO_DOTS_MAX:
        raise TemplateError(f"logo: more than {LOGO_DOTS_MAX} dots")
    try:
        unpacking = zlib.decompressobj()
        rows = unpacking.decompress(base64.b64decode(logo.bits, validate=True), wanted + 1)
    except (binascii.Error, ValueError, zlib.error):
        raise TemplateError("logo: bits: damaged; upload the logo again") from None
    if len(rows) != wanted:
        raise TemplateError("logo: bits: not width times height; upload the logo again")
    return Bitmap(logo.width, logo.height, rows)
