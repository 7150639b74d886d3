"""The diagrams in the documentation show the machines that run."""

from pathlib import Path

import pytest

from tools import diagrams


def test_the_page_is_what_the_code_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert diagrams.main(["--check"]) == 0, capsys.readouterr().err


def test_a_stale_page_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(diagrams, "ROOT", tmp_path)
    monkeypatch.setattr(diagrams, "PAGE", tmp_path / "state-machines.md")
    assert diagrams.main(["--check"]) == 1
    assert "is stale: run python tools/diagrams.py" in capsys.readouterr().err
    assert diagrams.main([]) == 0
    assert diagrams.main(["--check"]) == 0
    page = diagrams.PAGE.read_text(encoding="utf-8")
    diagrams.PAGE.write_text(page.replace("closed --> judging", "closed --> opened"))
    assert diagrams.main(["--check"]) == 1


def test_every_picture_fits_on_a_page() -> None:
    arrows = [line for line in diagrams.page().splitlines() if " --> " in line]
    assert arrows
    assert all(len(line) <= 100 for line in arrows)
    assert len(arrows) <= 20 * len(diagrams.MACHINES)
