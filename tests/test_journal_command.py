"""`gatehouse journal` at a device: what it says of real journals, and that it touches nothing."""

import csv
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlite_utils import Database

from edge.store.journal import Journal
from gatehouse import journal_words
from gatehouse.journal import main
from tests.device import authorised, opened, ticket
from tests.journals import write
from wire import event
from wire.event import KINDS
from wire.reason import Reason

ROOT = Path(__file__).parent.parent
ASK = [sys.executable, "-m", "gatehouse", "journal", "--state"]


def refused(number: int, reason: Reason) -> event.Refused:
    return event.Refused(lane="A1", reason=reason, scan=b"scan-0000000", cti=ticket(number).cti)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def journal(state: Path) -> Journal:
    """Two tickets: one walks in, the other is refused; then something no ticket has to do with."""
    made = opened(state)
    one = authorised(1)
    write(made, one, event.Passed(lane="A1", admission=one.admission, person=1))
    write(made, refused(2, Reason.BLOCKED), event.DriverLost(driver="relay", why="cable\x1b[2J"))
    return made


def ask(state: Path, *words: str) -> tuple[int, list[str], str]:
    """Ask from another process, as a person does; return status, lines and complaints."""
    command = [*ASK, str(state), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    return done.returncode, done.stdout.splitlines(), done.stderr


def remains(folder: Path) -> dict[str, bytes]:
    return {one.name: hashlib.sha256(one.read_bytes()).digest() for one in folder.iterdir()}


def test_says_what_happened_in_both_languages_newest_last_and_touches_nothing(
    state: Path, journal: Journal
) -> None:
    before = remains(state)
    status, lines, _ = ask(state)
    assert status == 0
    assert remains(state) == before
    assert [line.split()[0] for line in lines] == ["1·1", "1·2", "1·3", "1·4", "1·5"]
    for number, said in enumerate(
        (
            ("● 新纪元 Epoch began",),
            ("✓ 放行 Admitted", "A1", "hall"),
            ("✓ 已入场 Walked in", "A1"),
            ("✗ 拒绝 Refused", "此票已冻结 Ticket blocked (blocked)", ticket(2).cti.hex()[:8]),
            ("▲ 设备断开 Device lost", "relay", "cable�[2J"),
        )
    ):
        for words in (*said, "未证实 unconfirmed", "2026-0"):
            assert words in lines[number]
    journal.close()
    before = remains(state)
    assert ask(state, "--last", "2") == (0, lines[3:], "")
    assert ask(state, "--last", "0") == (0, lines, "")
    assert remains(state) == before


def test_columns_stand_under_each_other_where_chinese_takes_two_cells(
    state: Path, journal: Journal
) -> None:
    assert journal
    starts = set()
    for line in ask(state)[1]:
        icon = next(at for at, one in enumerate(line) if one in "●✓✗▲!·" and at > 9)
        starts.add(sum(2 if "\u4e00" <= one <= "\u9fff" else 1 for one in line[:icon]))
    assert len(starts) == 1


def test_a_ticket_is_followed_through_rows_that_do_not_name_it(
    state: Path, journal: Journal
) -> None:
    assert journal
    lines = ask(state, "--ticket", ticket(1).cti.hex())[1]
    assert [line.split()[0] for line in lines] == ["1·2", "1·3"]
    assert ask(state, "--ticket", ticket(1).cti.hex()[:8])[1] == lines
    assert len(ask(state, "--ticket", ticket(2).cti.hex())[1]) == 1
    assert ask(state, "--ticket", ticket(3).cti.hex()) == (0, [], "")
    assert ask(state, "--ticket", "hall")[0] == 2


def test_exports_the_same_rows_in_every_form(state: Path, journal: Journal, tmp_path: Path) -> None:
    assert journal
    before = remains(state)
    for ending in ("csv", "json", "db"):
        assert ask(state, "--export", str(tmp_path / f"out.{ending}"))[0] == 0
    assert remains(state) == before
    as_json = json.loads((tmp_path / "out.json").read_text())
    as_rows = list(Database(tmp_path / "out.db")["event"].rows)
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        as_csv = list(csv.DictReader(file))
    assert as_json == as_rows
    assert as_csv == [
        {name: "" if value is None else str(value) for name, value in row.items()}
        for row in as_rows
    ]
    blocked = as_rows[3]
    assert (blocked["seq"], blocked["kind"], blocked["lane"]) == (4, "refused", "A1")
    assert (blocked["reason"], blocked["reason_zh"]) == ("blocked", "此票已冻结")
    assert blocked["cti"] == ticket(2).cti.hex()
    assert json.loads(as_rows[1]["more"])["rung"] == "fresh"


def test_an_export_replaces_nothing_and_stays_out_of_the_devices_folder(
    state: Path, journal: Journal, tmp_path: Path
) -> None:
    assert journal
    taken = tmp_path / "taken.csv"
    taken.write_text("mine")
    before = remains(state)
    for target in (taken, state / "journal.db", state / "new.db"):
        status, _, said = ask(state, "--export", str(target))
        assert status == 1
        assert str(target) in said
    assert ask(state, "--export", str(tmp_path / "out.xls"))[0] == 2
    assert taken.read_text() == "mine"
    assert remains(state) == before


def test_follows_what_happens_until_it_is_interrupted(state: Path, journal: Journal) -> None:
    command = [*ASK, str(state), "--follow", "--last", "1"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as following:
        assert following.stdout
        assert following.stderr
        assert "1·5" in following.stdout.readline()
        write(journal, refused(3, Reason.USED))
        assert "此票已使用 Ticket already used" in following.stdout.readline()
        journal.close()
        again = opened(state, b"boot-two")
        assert "2·1" in following.stdout.readline()
        again.close()
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 130
        assert following.stderr.read() == ""


def test_nothing_there_and_something_broken_are_one_sentence(
    state: Path, journal: Journal, tmp_path: Path
) -> None:
    journal.close()
    status, lines, said = ask(tmp_path / "elsewhere")
    assert (status, lines) == (1, [])
    assert "elsewhere/journal.db is not there" in said
    assert "--state" in said
    assert "不存在" in said
    path = state / "journal.db"
    content = path.read_bytes()
    for broken in (b"", b"no database at all" * 400, content[: len(content) // 2]):
        path.write_bytes(broken)
        for words in ([], ["--export", str(tmp_path / "out.csv")], ["--follow"]):
            status, _, said = ask(state, *words)
            assert status == 1
            assert f"{path} is damaged" in said
            assert "systemctl restart gatehouse-gate" in said
            assert "Traceback" not in said
            assert path.read_bytes() == broken
            assert not (tmp_path / "out.csv").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_of_somebody_elses_is_said_to_be_so(state: Path, journal: Journal) -> None:
    assert journal
    state.chmod(0)
    status, _, said = ask(state)
    state.chmod(0o700)
    assert status == 1
    assert "sudo" in said


def test_a_row_that_cannot_be_read_is_told_in_its_place(state: Path, journal: Journal) -> None:
    journal.close()
    database = sqlite3.connect(state / "journal.db")
    database.execute("UPDATE row SET body = x'ff' WHERE seq = 3")
    database.execute("UPDATE row SET body = 'text', wall_ms = 9e18 WHERE seq = 4")
    database.commit()
    database.close()
    status, lines, said = ask(state)
    assert status == 1
    assert len(lines) == 5
    assert "▲ 记录损坏 Unreadable row" in lines[2]
    assert "▲ 记录损坏 Unreadable row" in lines[3]
    assert "2 rows that cannot be read" in said


def test_a_journal_left_by_a_power_cut_is_read_as_it_lies(
    state: Path, journal: Journal, tmp_path: Path
) -> None:
    shutil.copytree(state, tmp_path / "cut")
    journal.close()
    before = remains(tmp_path / "cut")
    assert len(ask(tmp_path / "cut")[1]) == 5
    assert remains(tmp_path / "cut") == before


def test_every_kind_of_event_has_words(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert set(journal_words.KINDS) == KINDS
    assert set(journal_words.CLOCKS) == set(event.ClockQuality)
    assert set(journal_words.VALUES) == {*event.Mode, *event.Rung}
    opened(state).close()
    assert main(["--state", str(state)]) == 0
    assert "Epoch began" in capsys.readouterr().out
