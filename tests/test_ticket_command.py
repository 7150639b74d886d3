"""`gatehouse ticket` as it is typed: keys, tickets, refusals, pictures; and the command itself."""

import io
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from gatehouse import __main__ as command
from gatehouse.ticket import main
from wire import ticket as gh1
from wire.reason import Reason

ROOT = Path(__file__).parent.parent
CLAIMS = ["--audience", "OPEN26", "--class", "3", "--not-before", "1000", "--expires", "2000"]
ISSUED = ["--issued-at", "900"]


class Desk:
    """A folder with a key and a ring, and what the command said last."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.key, self.ring = folder / "key.pem", folder / "ring.json"
        self._capture = capture

    def ask(self, *words: str) -> tuple[int, list[str], str]:
        """Return the exit status, the lines on stdout, and all of stderr."""
        status = main(list(words))
        said = self._capture.readouterr()
        return status, said.out.splitlines(), said.err

    def keygen(self, *words: str) -> tuple[int, list[str], str]:
        return self.ask("keygen", "--key", str(self.key), "--ring", str(self.ring), *words)

    def issue(self, *words: str) -> tuple[int, list[str], str]:
        return self.ask("issue", "--key", str(self.key), "--ring", str(self.ring), *words)

    def verify(self, *words: str) -> tuple[int, list[str], str]:
        return self.ask("verify", "--ring", str(self.ring), *words)

    def keys(self) -> list[dict[str, object]]:
        keys: list[dict[str, object]] = json.loads(self.ring.read_text())["keys"]
        return keys


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    made = Desk(tmp_path, capsys)
    assert made.keygen("--kid", "0102")[0] == 0
    return made


def test_a_private_key_is_its_owners_alone_and_never_overwritten(desk: Desk) -> None:
    assert stat.S_IMODE(desk.key.stat().st_mode) == 0o600
    before, ring = desk.key.read_bytes(), desk.ring.read_bytes()
    status, _, error = desk.keygen()
    assert (status, desk.key.read_bytes(), desk.ring.read_bytes()) == (2, before, ring)
    assert "exists and is not overwritten" in error
    assert b"PRIVATE" not in ring


def test_issue_verify_and_refuse(desk: Desk) -> None:
    status, (text,), _ = desk.issue(*CLAIMS, *ISSUED, "--seat", "12", "--quantity", "2")
    assert status == 0
    assert desk.verify(text, "--at", "1000")[:2] == (0, ["good · 有效"])
    for at, reason in (("999", Reason.TOO_EARLY), ("2000", Reason.TOO_LATE)):
        status, (line,), _ = desk.verify(text, "--at", at)
        assert status == 1
        assert line.startswith(f"{reason.value}: ")
    last = "A" if text[-2] != "A" else "B"
    for shown, reason in (
        (text[:-2] + last + text[-1], Reason.FORGED),
        (text[:40], Reason.MALFORMED),
        ("hello", Reason.NOT_A_TICKET),
        ("134567890123456789", Reason.PAYMENT_CODE),
    ):
        status, (line,), _ = desk.verify(shown, "--at", "1000")
        assert status == 1
        assert line.startswith(f"{reason.value}: ")
        assert any("一" <= sign <= "鿿" for sign in line)


def test_times_can_be_written_as_people_write_them(desk: Desk) -> None:
    hours = ["--not-before", "2026-10-01T09:00+08:00", "--expires", "2026-10-01T23:00+08:00"]
    _, (text,), _ = desk.issue("--audience", "A", "--class", "1", *hours, *ISSUED)
    assert desk.verify(text, "--at", "2026-10-01T01:00:00+00:00")[0] == 0
    assert desk.verify(text, "--at", "2026-10-01T00:59:59+00:00")[0] == 1


def test_many_at_once_differ_in_right_and_serial(desk: Desk) -> None:
    _, lines, _ = desk.issue(*CLAIMS, *ISSUED, "--count", "20", "--serial", "100")
    read = [gh1.read(line.encode()) for line in lines]
    tickets = [one.ticket for one in read if isinstance(one, gh1.Signed)]
    assert len({ticket.cti for ticket in tickets}) == 20
    assert [ticket.serial for ticket in tickets] == list(range(100, 120))


def test_from_a_table(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    table = desk.folder / "people.csv"
    table.write_text("\ufeffcti,class,seat\n" + "ab" * 16 + ",7,1\n,8,\n", encoding="utf-8")
    status, lines, _ = desk.issue(*CLAIMS, *ISSUED, "--csv", str(table))
    assert status == 0
    assert lines[0] == "cti,text"
    assert lines[1].startswith("ab" * 16 + ",GH1")
    first, second = (gh1.read(line.split(",")[1].encode()) for line in lines[1:])
    assert isinstance(first, gh1.Signed)
    assert isinstance(second, gh1.Signed)
    assert (first.ticket.ticket_class, first.ticket.seat) == (7, 1)
    assert (second.ticket.ticket_class, second.ticket.audience) == (8, "OPEN26")
    monkeypatch.setattr(sys, "stdin", io.StringIO("quantity\n4\n"))
    assert len(desk.issue(*CLAIMS, *ISSUED, "--csv", "-")[1]) == 2


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("seat\n1\nmany\n", "line 3: seat: 'many' is not a whole number"),
        ("seats\n1\n", "'seats' is not a column"),
        ("cti\nxyz\n", "line 2: 'xyz' is not hexadecimal"),
        ("cti\n00\n", "line 2: cti: 16 bytes"),
        ("expires\ntomorrow\n", "'tomorrow' is no time"),
        ("quantity\n24\n", "line 2: quantity: a whole number from 1 to 23"),
        ("seat\n1,2\n", "is not a column"),
    ],
)
def test_one_bad_row_and_nothing_is_signed(desk: Desk, table: str, said: str) -> None:
    file = desk.folder / "people.csv"
    file.write_text(table)
    status, lines, error = desk.issue(*CLAIMS, *ISSUED, "--csv", str(file))
    assert (status, lines) == (2, [])
    assert said in error
    assert error.count("\n") == 1


def test_rotation(desk: Desk) -> None:
    _, (old,), _ = desk.issue(*CLAIMS, *ISSUED)
    younger = desk.folder / "younger.pem"
    desk.ask("keygen", "--key", str(younger), "--ring", str(desk.ring))
    assert desk.ask("key-status", "0102", "retired", "--ring", str(desk.ring))[0] == 0
    assert "sign with another" in desk.issue(*CLAIMS, *ISSUED)[2]
    desk.key = younger
    _, (new,), _ = desk.issue(*CLAIMS, *ISSUED)
    assert desk.verify(old, new, "--at", "1500")[1] == ["good · 有效"] * 2
    desk.ask("key-status", "0102", "revoked", "--ring", str(desk.ring))
    status, (first, second), _ = desk.verify(old, new, "--at", "1500")
    assert status == 1
    assert first.startswith(Reason.KEY_REVOKED.value)
    assert second.startswith("good")
    status, _, error = desk.ask("key-status", "0102", "active", "--ring", str(desk.ring))
    assert status == 2
    assert "revoked for good" in error


def test_a_key_signs_only_what_its_record_allows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(tmp_path, capsys)
    desk.keygen("--audience", "OPEN26", "--from", "800", "--until", "1000")
    assert desk.keys()[0]["audiences"] == ["OPEN26"]
    assert desk.issue(*CLAIMS, *ISSUED)[0] == 0
    for more in (["--audience", "OPEN27", *ISSUED], ["--issued-at", "1001"]):
        status, lines, error = desk.issue(*CLAIMS, *more)
        assert (status, lines) == (2, [])
        assert "does not allow" in error


def test_show_draws_what_a_scanner_reads(desk: Desk) -> None:
    _, (text,), _ = desk.issue(*CLAIMS, *ISSUED, "--seat", "1207")
    png, svg = desk.folder / "a.png", desk.folder / "a.svg"
    status, lines, _ = desk.ask("show", text.lower(), "--png", str(png), "--svg", str(svg), "--qr")
    assert status == 0
    assert "seat          1207" in lines
    assert "kid           0102" in lines
    assert any("█" in line for line in lines)
    (code,) = zxingcpp.read_barcodes(Image.open(png))
    assert code.text == text
    assert svg.read_text().startswith("<?xml")
    assert desk.ask("show", "hello")[0] == 1


@pytest.mark.parametrize(
    ("ring", "said"),
    [
        (None, "is not there"),
        ("", "is not a ring of keys"),
        ("[]", "is not a ring of keys"),
        ('{"keys": [{"kid": "zz", "public": ""}]}', "is not a ring of keys"),
        ('{"keys": [{"kid": "01"}]}', "is not a ring of keys"),
    ],
)
def test_a_bad_ring_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ring: str | None, said: str
) -> None:
    desk = Desk(tmp_path, capsys)
    if ring is not None:
        desk.ring.write_text(ring)
    status, _, error = desk.verify("GH1")
    assert status == 2
    assert said in error
    assert error.count("\n") == 1


def test_a_bad_key_is_one_sentence(desk: Desk) -> None:
    desk.key.write_text("no key")
    status, _, error = desk.issue(*CLAIMS)
    assert status == 2
    assert "not a private key" in error
    desk.key.unlink()
    assert "No such file" in desk.issue(*CLAIMS)[2]
    desk.keygen()
    desk.ring.write_text('{"keys": []}')
    assert "no record of this key" in desk.issue(*CLAIMS)[2]
    assert "a ticket needs" not in desk.issue()[2]


def test_what_a_ticket_lacks_is_named(desk: Desk) -> None:
    assert "needs --audience" in desk.issue()[2]
    assert "needs --class" in desk.issue("--audience", "A", *CLAIMS[4:])[2]
    assert "audience: 1 to 8" in desk.issue(*CLAIMS, "--audience", "NINECHARS")[2]
    assert "--count" in desk.issue(*CLAIMS, "--count", "0")[2]


def run(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "gatehouse", *words],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        check=False,
        env={"PYTHONUTF8": "1"},
    )


def test_from_end_to_end_as_a_process(desk: Desk) -> None:
    key = ["--key", str(desk.key), "--ring", str(desk.ring)]
    issued = run("ticket", "issue", *key, *CLAIMS, *ISSUED, "--count", "3")
    assert issued.returncode == 0
    shown = ["ticket", "verify", "-", "--ring", str(desk.ring), "--at", "1500"]
    assert run(*shown, stdin=issued.stdout).stdout.decode().splitlines() == ["good · 有效"] * 3
    refused = run(*shown, stdin=b"\xff\xfe\x00\n" + issued.stdout)
    assert refused.returncode == 1
    assert refused.stderr == b""
    assert refused.stdout.decode().startswith("not-a-ticket")
    one = run("ticket", "show", "-", stdin=issued.stdout)
    assert b"OPEN26" in one.stdout


def test_the_command_says_what_it_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    said = capsys.readouterr().out
    assert "ticket   make keys, issue, verify and show tickets" in said
    assert command.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("gatehouse ")
    assert command.main(["dance"]) == 2
    error = capsys.readouterr().err
    assert "there is no 'dance'" in error
    assert error.count("\n") == 1


def test_a_missing_library_names_the_extra() -> None:
    missing = ModuleNotFoundError("no", name="paho")
    said = command.why_not("sync", command.TASKS["sync"], missing)
    assert said == (
        "gatehouse sync: the library paho is not installed; "
        "install it with: pip install 'gatehouse[edge]'"
    )


def test_a_part_that_is_not_there_is_not_offered() -> None:
    absent = command.Task("gatehouse.nothing_of_the_kind", "", "")
    assert not command.is_built(absent)
    assert not command.is_built(command.Task("nothing_at_all.__main__", "", ""))
    assert command.is_built(command.TASKS["ticket"])


def test_a_moving_code_is_made_and_checked_by_hand(desk: Desk) -> None:
    key = "0f" * 32
    status, (text,), _ = desk.issue(*CLAIMS, *ISSUED, "--rotate")
    assert status == 0
    status, (code,), _ = desk.ask("move", text, "--event-key", key, "--at", "1500")
    assert (status, code[:3], len(code) - len(text)) == (0, "GH9", 18)
    checked = ("--event-key", key)
    assert desk.verify(code, "--at", "1520", *checked)[:2] == (0, ["good · 有效"])
    for shown, at, reason in (
        (text, "1500", Reason.STATIC_COPY),
        (code, "1600", Reason.CODE_TOO_OLD),
        (code[:-1] + str((int(code[-1]) + 1) % 10), "1500", Reason.FORGED),
        (code, "2000", Reason.TOO_LATE),
    ):
        status, (line,), _ = desk.verify(shown, "--at", at, *checked)
        assert (status, line.partition(":")[0]) == (1, reason.value)
    assert desk.verify(code, "--at", "1600")[0] == 1, "its time is looked at without the key, too"
    status, lines, _ = desk.ask("show", code)
    assert status == 0
    assert any(line.startswith("code for      1500  ") for line in lines)
    assert f"characters    {len(code)}" in lines


def test_what_cannot_move_is_said(desk: Desk) -> None:
    _, (text,), _ = desk.issue(*CLAIMS, *ISSUED)
    assert "no GH1 ticket" in desk.ask("move", "hello", "--event-key", "00" * 32)[2]
    beyond = desk.ask("move", text, "--code-key", "00" * 20, "--at", "10000000000")
    assert (beyond[0], "from 0 to 9999999999" in beyond[2]) == (2, True)
    with pytest.raises(SystemExit):
        desk.ask("move", text, "--event-key", "00")
