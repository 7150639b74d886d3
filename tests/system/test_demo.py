"""The whole venue in one run: every process real, the hardware played, the books laid together."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# Two venues at once on two cores would only wait for each other.
pytestmark = [pytest.mark.xdist_group("venue"), pytest.mark.timeout(300)]


def demo(folder: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    report = folder / "report.json"
    run = subprocess.run(
        [sys.executable, "-m", "gatehouse", "demo", "--once", "--json", str(report), *arguments],
        capture_output=True,
        text=True,
        timeout=280,
    )
    return run.returncode, json.loads(report.read_text()), run.stderr


def test_a_crowd_comes_while_the_broker_dies_and_the_books_agree(tmp_path: Path) -> None:
    status, report, said = demo(tmp_path, "--visitors", "40", "--pace", "10", "--break-broker")
    assert status == 0, said
    assert report["presented"] == report["admitted"] + sum(report["refused"].values())
    assert report["admitted"] == report["passed"] + report["abandoned"] + report["uncertain"]
    assert report["central"]["admitted"] == report["admitted"] > 20
    assert report["central"]["passed"] == report["passed"]
    assert (report["lost"], report["doubles"]) == (0, 0)
    papers = report["papers"]
    assert (papers["exchanged"], papers["reissued"], papers["tests"]) == (3, 1, 1)
    assert report["papers_admitted"] == report["superseded_refused"] == 4
    assert report["decision_ms"]["p50"] > 0


@pytest.mark.nightly
def test_the_seed_fixes_who_presents_what(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        status, _, said = demo(folder, "--visitors", "12", "--pace", "20", "--seed", "7")
        assert status == 0, said
    reports = [json.loads((one / "report.json").read_text()) for one in (first, second)]
    for name in ("presented", "admitted", "refused", "passed", "abandoned"):
        assert reports[0][name] == reports[1][name], name
