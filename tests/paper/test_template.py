"""What a template says, what a sheet of it holds, and what is told of a template that is wrong."""

import pytest

from paper.default import TEMPLATE
from paper.sheet import Code, Kind, Pair, Text
from paper.template import Language, TemplateError, read
from wire.words import Words

TOLD: dict[str, Words | str] = {
    "title": Words("天鹅湖", "Swan Lake"),
    "zone": "A",
    "row": "7",
    "seat": "12",
    "code": "GH1ABC",
    "number": "HALL7-0000-0019",
}


def texts(text: str, language: Language, **told: Words | str) -> list[str]:
    """Return the texts of a ticket with one part of its own and the code."""
    template = read(f"{text}\n[[ticket]]\ncode = true\n")
    sheet = template.sheet(Kind.TICKET, {"code": "X", **told}, language)
    return [part.text for part in sheet.parts if isinstance(part, Text)]


@pytest.mark.parametrize("language", list(Language))
def test_the_template_a_venue_begins_with_is_good(language: Language) -> None:
    template = read(TEMPLATE)
    sheet = template.sheet(Kind.TICKET, TOLD, language)
    assert Code("GH1ABC") in sheet.parts
    assert any(isinstance(part, Text) and part.names_ticket for part in sheet.parts)
    receipt = template.sheet(Kind.RECEIPT, TOLD, language)
    assert not any(isinstance(part, Code) for part in receipt.parts)


def test_a_visitor_gets_the_language_that_was_chosen() -> None:
    def title(language: Language) -> list[str]:
        sheet = read(TEMPLATE).sheet(Kind.TICKET, TOLD, language)
        return [part.text for part in sheet.parts if isinstance(part, Text) and part.bold]

    assert title(Language.ZH) == ["天鹅湖"]
    assert title(Language.EN) == ["Swan Lake"]
    assert title(Language.BOTH) == ["天鹅湖", "Swan Lake"]


def test_the_venues_choice_of_language_outranks_the_visitors() -> None:
    text = 'language = "zh"\n[[ticket]]\ntext = "{title}"'
    assert texts(text, Language.EN, title=TOLD["title"]) == ["天鹅湖"]


def test_brackets_go_with_the_field_that_is_empty() -> None:
    text = '[[ticket]]\ntext = "[row {row}, ]seat {seat} {{A}} [[B]]"'
    assert texts(text, Language.EN, seat="4", row="2") == ["row 2, seat 4 {A} [B]"]
    assert texts(text, Language.EN, seat="4") == ["seat 4 {A} [B]"]


def test_a_part_with_nothing_to_say_is_left_out() -> None:
    assert texts('[[ticket]]\ntext = "Holder {holder}"', Language.EN, holder=" ") == []
    sheet = read(TEMPLATE).sheet(Kind.TICKET, {"code": "X"}, Language.ZH)
    assert not any(isinstance(part, Pair) for part in sheet.parts)


CODE = "\n[[ticket]]\ncode = true\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[ticket", "TOML"),
        ('[[ticket]]\ntext = "x"', "no code = true"),
        (f"[[ticket]]\nrule = true\nspace = 3{CODE}", "[[ticket]] number 1: say one of"),
        (f'[[ticket]]\nleft = "a"{CODE}', "left and right"),
        (f'[[ticket]]\ntext = "{{colour}}"{CODE}', "{colour} is no field"),
        (f'[[ticket]]\ntext = "{{seat"{CODE}', "braces"),
        (f'[[ticket]]\ntext = "]["{CODE}', "brackets"),
        (f'[[ticket]]\ntext = "[a"{CODE}', "not closed"),
        (f'[[ticket]]\ntext = "x"\nscale = 9{CODE}', "scale"),
        (f'[[ticket]]\ntext = "x"\ncolor = 1{CODE}', "color"),
        (f"{CODE}[[receipt]]\ncode = true", "a receipt has no code"),
        (f'{CODE}[logo]\nwidth = 8\nheight = 1\nbits = "!"', "logo"),
        (f'{CODE}[logo]\nwidth = 8\nheight = 2\nbits = "eJxjAAAAAQAB"', "width times height"),
        ("x = 1" + "#" * 20_000, "14336 bytes"),
        (CODE * 61, "ticket"),
    ],
)
def test_a_wrong_template_is_refused_with_the_place(text: str, said: str) -> None:
    with pytest.raises(TemplateError, match=r".") as refused:
        read(text)
    assert said in str(refused.value)
