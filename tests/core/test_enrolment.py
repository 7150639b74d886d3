"""What a new device is shown: composed and read the same, whatever a scanner does to it."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from wire.codec import WireError
from wire.enrolment import PREFIX, Enrolment, compose, looks_like, read

SHOWN = Enrolment(
    "https://central.example:8443", bytes(range(32)), bytes(range(16)), bytes(range(1, 9))
)
VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "enrolments.json").read_text()
)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: str(one["name"]))
def test_every_vector_reads_as_it_says(vector: dict[str, Any]) -> None:
    if "error" in vector:
        with pytest.raises(WireError, match=vector["error"]):
            read(vector["text"])
        return
    parts = [bytes.fromhex(vector[name]) for name in ("ca", "code", "device", "root")]
    assert read(vector["text"]) == Enrolment(vector["url"], *parts)


def test_it_fits_the_alphanumeric_mode_of_a_code() -> None:
    assert segno.make_qr(compose(SHOWN)).mode == "alphanumeric"


@pytest.mark.parametrize("change", [str.lower, str.upper, str.swapcase, "\r\n {} \n".format])
def test_scanners_may_change_case_and_add_ends(change: Any) -> None:
    assert read(change(compose(SHOWN))) == SHOWN


def test_people_may_type_it_in_groups() -> None:
    text = compose(SHOWN)
    assert read("-".join(text[at : at + 5] for at in range(0, len(text), 5))) == SHOWN


def test_every_misread_letter_is_found() -> None:
    text = compose(SHOWN)
    for at in range(len(PREFIX), len(text)):
        other = "A" if text[at] != "A" else "B"
        with pytest.raises(WireError):
            read(text[:at] + other + text[at + 1 :])
    for end in range(len(text)):
        with pytest.raises(WireError):
            read(text[:end])


@pytest.mark.parametrize(
    "url",
    ["http://central.example", "https://", "https://a@b", "https://a/?x=1", "ftp://a",
     "https://a b", "https://A", "https://a" + "a" * 200, "http://127.0.0.1.example"],
)  # fmt: skip
def test_an_address_that_would_not_be_private_is_refused(url: str) -> None:
    with pytest.raises(WireError, match="url"):
        compose(msgspec.structs.replace(SHOWN, url=url))


@pytest.mark.parametrize("part", ["ca", "code", "device", "root"])
def test_no_part_is_shorter_than_it_must_be(part: str) -> None:
    with pytest.raises(WireError, match="length"):
        compose(msgspec.structs.replace(SHOWN, **{part: b"short"}))


@given(st.text() | st.text().map(PREFIX.__add__) | st.text("ABCDEFG234567").map(PREFIX.__add__))
def test_any_text_gets_an_answer(text: str) -> None:
    with pytest.raises(WireError):
        read(text)


@given(st.binary(max_size=200))
def test_any_bytes_below_a_right_sum_get_an_answer(body: bytes) -> None:
    import base64
    import hashlib

    data = body + hashlib.sha256(body).digest()[:4]
    with pytest.raises(WireError):
        read(PREFIX + base64.b32encode(data).decode().rstrip("="))


def test_a_spoilt_one_is_still_known_as_one() -> None:
    assert looks_like(" ghe1:garbage")
    assert not looks_like("GH1:ABC")
