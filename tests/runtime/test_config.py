"""A configuration is good, or one sentence says what is wrong and where."""

from pathlib import Path

import pytest

from edge.gate.config import GateConfig, ZoneConfig
from edge.runtime.config import ConfigError, load

GOOD = """
[[lane]]
name = "A1"
relay = { kind = "gpiod", line = 17 }
"""


def said(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "gate.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as error:
        load(path, GateConfig)
    sentence = str(error.value)
    assert sentence.startswith(str(path))
    assert "\n" not in sentence
    return sentence.removeprefix(f"{path}: ")


def test_a_good_one(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(GOOD)
    told = load(path, GateConfig)
    assert told.lane[0].name == "A1"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("line = 17", 'line = "x"'), "lane[0].relay.line: expected int, got str"),
        (("line = 17", "line = -1"), "lane[0].relay.line: expected int >= 0"),
        (("line = 17", "line = 17, lime = 3"), "lane[0].relay.lime: no such key"),
        (('kind = "gpiod"', 'kind = "magic"'), "lane[0].relay.kind: invalid value 'magic'"),
        (('name = "A1"', ""), "lane[0].name: missing"),
        (("[[lane]]", "unlock = true\n[[lane]]"), "unlock: no such key"),
        (("[[lane]]", "[[lane"), "not TOML: "),
    ],
)
def test_what_is_wrong_and_where(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    assert said(tmp_path, GOOD.replace(*change)).startswith(sentence)


def test_whatever_the_file_holds(tmp_path: Path) -> None:
    assert "line 1: not UTF-8" in said(tmp_path, b"a=\x22\xff\x22")
    assert "larger than" in said(tmp_path, b"#" * 300_000)
    assert "not TOML" in said(tmp_path, "a = " + "[" * 2000)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml", ZoneConfig)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path, ZoneConfig)
