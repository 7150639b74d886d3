"""The bytes of a ticket: nothing in them commands the printer but we, whatever a name holds."""

import re
from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest
from escpos.printer import Dummy
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edge.core.escpos import (
    BLOCK_BYTES_MAX,
    encode,
    native_code,
    opening,
    picture,
    prints_itself,
    undisturbed,
)
from edge.core.print_job import Job
from edge.core.printer_profile import PROFILES, Letters, Proof
from paper import glyphs
from paper.default import TEMPLATE
from paper.lines import lay_out
from paper.sheet import Bitmap, Kind, Sheet
from paper.template import Language, read

ESCPOS = [profile for profile in PROFILES.values() if profile.proof is not Proof.ACK]
REAL_TIME = re.compile(rb"\x10[\x04\x05\x14]")
NASTY = [
    "\x1b@\x1dV\x00",
    "\x10\x04\x01\x10\x05\x02",
    "\x00\x1c.\x1c&",
    "\u202eevil\u2066",
    "欧阳𠮷",
    "😀👨\u200d👩",
    "A" * 40,
    "好" * 40,
    "€é “x” ①",
    "\ud800",
]
TOLD = {"title": "Swan Lake", "code": "GH1" + "ABCDEFGHJ" * 26, "number": "HALL7-0000-0019"}


def sheet(**told: str) -> Sheet:
    return read(TEMPLATE).sheet(Kind.TICKET, {**TOLD, **told}, Language.ZH)


def job(profile: str, **told: str) -> Job:
    chosen = PROFILES[profile]
    return encode(lay_out(sheet(**told), chosen.paper), chosen, b"ABCD", glyphs.draw)


def commands(data: bytes) -> Iterable[tuple[bytes, bytes]]:
    """Yield (command, parameters) as a strict reader finds them, and (b"", text)."""
    at = 0
    lengths = {b"\x1ba": 1, b"\x1bE": 1, b"\x1b3": 1, b"\x1bJ": 1, b"\x1d!": 1, b"\x1da": 1}
    lengths |= {b"\x1b@": 0, b"\x1c&": 0, b"\x1c.": 0, b"\x1dP": 2, b"\x1dV": 2, b"\x1de": 2}
    while at < len(data):
        if data[at] not in (0x1B, 0x1C, 0x1D):
            end = next(
                (i for i in range(at, len(data)) if data[i] in (0x1B, 0x1C, 0x1D)), len(data)
            )
            yield b"", data[at:end]
            at = end
            continue
        command, rest = data[at : at + 2], data[at + 2 :]
        if command == b"\x1dv":
            size = int.from_bytes(rest[2:4], "little") * int.from_bytes(rest[4:6], "little") + 6
        elif command == b"\x1d(":
            size = 3 + int.from_bytes(rest[1:3], "little")
        else:
            size = lengths[command]
        yield command, rest[:size]
        at += 2 + size


@pytest.mark.parametrize("profile", [profile.name for profile in ESCPOS])
@pytest.mark.parametrize("name", NASTY)
def test_no_name_commands_the_printer(profile: str, name: str) -> None:
    plain = job(profile)
    for field in ("holder", "title", "zone", "note", "order", "number"):
        made = job(profile, **{field: name})
        data = b"".join(made.blocks)
        found = list(commands(data))
        assert [one for one, _ in found].count(b"\x1dV") == 1, "cut once"
        assert [one for one, _ in found].count(b"\x1b@") == 1
        for command, text in found:
            assert command or not any(byte < 0x20 and byte != 0x0A for byte in text)
        assert not REAL_TIME.search(data)
        assert made.blocks[-1] == plain.blocks[-1]


@given(st.binary(min_size=1, max_size=200))
def test_no_picture_holds_a_real_time_command(rows: bytes) -> None:
    assert not REAL_TIME.search(undisturbed(rows))
    assert len(undisturbed(rows)) == len(rows)


@given(st.integers(1, 72), st.integers(1, 80), st.randoms(use_true_random=False))
def test_no_stripe_holds_one_across_its_rows(width: int, height: int, chance: Random) -> None:
    rows = bytes(chance.choices([0x00, 0x04, 0x05, 0x10, 0x14], k=width * height))
    for stripe in picture(Bitmap(8 * width, height, rows)):
        assert not REAL_TIME.search(stripe)
        assert len(stripe) <= BLOCK_BYTES_MAX


def test_each_block_is_whole_and_short_enough_to_be_ended_by_zeros() -> None:
    for profile in ESCPOS:
        made = job(profile.name, holder="欧阳𠮷子")
        assert all(len(block) <= BLOCK_BYTES_MAX for block in made.blocks)
        for block in made.blocks:
            list(commands(block))
        assert bytes(BLOCK_BYTES_MAX) in opening(profile)


def test_nothing_that_names_the_ticket_lies_before_the_place_that_says_so() -> None:
    for profile in ESCPOS:
        made = job(profile.name)
        other = job(profile.name, code="GH1" + "ZYXWVUTSR" * 26, number="HALL7-0000-002K")
        before = made.code_at
        assert b"".join(made.blocks)[:before] == b"".join(other.blocks)[:before]
        assert 0 < before < made.bytes_total


def test_a_chinese_board_prints_its_own_letters_between_its_marks() -> None:
    made = job("china-80", title="天鹅湖 Swan")
    data = b"".join(made.blocks)
    assert b"\x1c&" + "天鹅湖".encode("gbk") + b"\x1c. Swan" in data
    assert data.index(b"\x1c.") < data.index(b"\x1c&"), "it wakes up in Chinese mode"


@pytest.mark.parametrize(
    ("text", "itself"),
    [
        ("天鹅湖 Swan Lake 19:30", True),
        ("“天鹅湖”—①", True),
        ("𠮷", False),
        ("😀", False),
        ("Zoë", False),
        ("€ 12", False),
        ("㐀", False),
    ],
)
def test_what_a_chinese_board_lacks_is_drawn(text: str, itself: bool) -> None:
    assert prints_itself(text) is itself
    made = job("china-80", title=text)
    assert (text.split()[0].encode("gb18030", "replace") in b"".join(made.blocks)) is itself


def test_a_western_printer_is_sent_no_chinese_bytes() -> None:
    assert PROFILES["epson-80"].letters is Letters.RASTER
    assert b"\x1c&" not in b"".join(job("epson-80", title="天鹅湖").blocks)


def test_the_commands_are_those_of_python_escpos() -> None:
    """Another encoder, written from the same manuals, makes the same bytes."""
    other = Dummy()
    other.qr("GH1ABC", ec=1, size=6, native=True)
    made = native_code("GH1ABC", 6)
    assert made in other.output

    other = Dummy(profile="default")
    square = Image.new("1", (64, 24), 0)
    square.paste(1, (8, 4, 40, 20))
    white_on_black = Image.eval(square.convert("L"), lambda level: 255 - level).convert("1")
    other.image(white_on_black, impl="bitImageRaster")
    (stripe,) = picture(glyphs.bitmap_of(square))
    head, rows = other.output[-(8 + 8 * 24) :][:8], other.output[-8 * 24 :]
    assert head == b"\x1dv0\x00\x08\x00\x18\x00"
    assert stripe[8:] == b"".join(rows[at : at + 5] for at in range(0, len(rows), 8))


def test_a_process_id_follows_the_cut_and_is_the_jobs_own() -> None:
    made = job("epson-80")
    assert made.confirmed_by == b"ABCD"
    end = made.blocks[-1]
    assert end.index(b"\x1dVB\x00") < end.index(b"\x1d(H\x06\x00\x30\x30ABCD")
    assert job("china-80").confirmed_by is None


def test_a_black_mark_is_sought_before_the_cut() -> None:
    profile = replace(PROFILES["china-80"], black_mark=True)
    made = encode(lay_out(sheet(), profile.paper), profile, b"ABCD", glyphs.draw)
    assert made.blocks[-1].index(b"\x1d\x0c") < made.blocks[-1].index(b"\x1dVB\x00")
    assert b"\x1d\x0c" not in b"".join(job("china-80").blocks)
