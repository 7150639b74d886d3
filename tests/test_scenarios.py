"""Stories a venue manager can read, run against the lane.

A story opens with what it says, in English and in Chinese, and if need be with the kind of lane.
Each line after that: when, what happens, and what the lane does about it, in order. What is due
comes by itself at its own time and must stand in a line of its own, `wait`. The verdict on a
ticket is told where it is shown (`good`, `good for 3`, `good again`, or a reason to refuse).
"""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.core import notice, passage, scan
from edge.core.lane import (
    TIME_OUT,
    Admission,
    AnySignal,
    Authorised,
    CardShown,
    Command,
    Do,
    EndScan,
    Habits,
    Identify,
    Judge,
    Lane,
    ModeSet,
    OpenOnce,
    Record,
    Refused,
    Scanned,
    Show,
    Signal,
    WhenSuspect,
)
from edge.core.moment import Moment
from edge.core.notice import Notice
from edge.core.scan import Held, Scan
from rules.zone import CardDoes, StaffCard
from wire.event import (
    AnyEvent,
    Mode,
    ModeChanged,
    OpenedByHand,
    Outcome,
    Passed,
    Pulsed,
    Secured,
    SensorFault,
)
from wire.reason import Reason

STORIES = sorted((Path(__file__).parent / "scenarios").glob("*.txt"))
LINE = re.compile(
    r"(?P<at>\d\d:\d\d:\d\d(\.\d)?)  (?P<what>\S+(?: \S+)*)(?:\s{2,}(?P<expected>.+))?$"
)
KINDS: dict[str, dict[str, object]] = {
    "no sensor": {"sensor": False},
    "exit": {"free": True},
    "exit the other way": {"free_opposite": True},
    "the board counts groups": {"board_counts": True},
    "closes when its sensor is suspect": {"when_suspect": WhenSuspect.CLOSE},
}


def card(does: CardDoes) -> CardShown:
    return CardShown(StaffCard("Li", "0" * 64, does, minutes=10.0))


HAPPENINGS: dict[str, AnySignal] = {
    "walks through": Signal.PASSED,
    "walks the other way": Signal.PASSED_OPPOSITE,
    "beam broken": Signal.BEAM_BROKEN,
    "beam clear": Signal.BEAM_CLEAR,
    "board not ready": Signal.NOT_READY,
    "board ready": Signal.READY,
    "fire": Signal.FIRE,
    "fire reset": Signal.SECURED,
    "key to open once": OpenOnce("key"),
    "key to free passage": ModeSet(Mode.FREE_PASS, "key"),
    "key to out of service": ModeSet(Mode.OUT_OF_SERVICE, "key"),
    "key to normal": ModeSet(Mode.NORMAL, "key"),
    "card to open once": card(CardDoes.OPEN_ONCE),
    "card for free passage": card(CardDoes.FREE_PASS),
    "card for out of service": card(CardDoes.OUT_OF_SERVICE),
    "ordered to open once": OpenOnce("chief"),
    "ordered to lock entry": ModeSet(Mode.LOCKED, "chief"),
    "ordered back to normal": ModeSet(Mode.NORMAL, "chief"),
    "ordered to blink": Identify(3.0),
}


class Teller:
    """One lane, one reader, and a judge who has been told what to answer."""

    def __init__(self, habits: Habits) -> None:
        self.habits = habits
        self.lane = Lane()
        self.held: Held | None = None
        self.verdicts: dict[bytes, str] = {}
        self.scans = 0

    def happens(self, what: str, uptime: float) -> list[str]:
        if what == "wait":
            assert self.is_due(uptime), "nothing was due: leave the line out"
            return self.due_until(uptime)
        assert not self.is_due(uptime), "something was due before: give it a line with wait"
        if what in HAPPENINGS:
            return self.step(HAPPENINGS[what], uptime)
        ordered = re.fullmatch(r"ordered (free pass|held open) for (\d+) minutes", what)
        if ordered:
            mode = Mode(ordered[1].replace(" ", "-"))
            return self.step(ModeSet(mode, "chief", uptime + 60 * int(ordered[2])), uptime)
        shown = re.fullmatch(r"scan (?P<ticket>\S+)(?: (?P<verdict>.+))?", what)
        assert shown, f"nobody knows what this is: {what}"
        ticket = shown["ticket"].encode()
        if shown["verdict"]:
            self.verdicts[ticket] = shown["verdict"]
        self.scans += 1
        seen = Scan(b"%d" % self.scans, "reader", ticket, uptime)
        self.held, looked_at = scan.see(self.held, seen, uptime)
        return self.step(Scanned(self.held.scan), uptime) if looked_at else []

    def is_due(self, uptime: float) -> bool:
        due = passage.due(self.lane, self.habits)
        return due is not None and due <= uptime

    def due_until(self, uptime: float) -> list[str]:
        said: list[str] = []
        while (due := passage.due(self.lane, self.habits)) is not None and due <= uptime:
            said += self.step(Signal.DUE, due)
        return said

    def step(self, signal: AnySignal, uptime: float) -> list[str]:
        self.lane, commands = passage.step(self.lane, signal, Moment(uptime, uptime), self.habits)
        said: list[str] = []
        for command in commands:
            said += self.perform(command, uptime)
        return said

    def perform(self, command: Command, uptime: float) -> list[str]:
        match command:
            case Judge(asked, assume):
                self.held = scan.answered(self.held, asked.scan)
                return self.answer(asked, assume, uptime)
            case EndScan(ended):
                self.held = scan.ended(self.held, ended)
                return []
            case Do():
                return [command.value.replace("-", " ")]
            case Show(shown):
                return [] if shown in (notice.IDLE, notice.EXIT) else [f"“{shown.title.en}”"]
            case Record(events):
                return [told(event) for event in events if not isinstance(event, Pulsed)]

    def answer(self, asked: Scan, assume: bool, uptime: float) -> list[str]:
        verdict, ticket = self.verdicts[asked.data], asked.data.decode()
        good = re.fullmatch(r"good(?: for (?P<persons>\d+)| (?P<again>again))?", verdict)
        if not good:
            refused = Refused(notice.refused(Reason(verdict)))
            return [f"refused {ticket}", *self.step(refused, uptime)]
        persons = int(good["persons"] or 1)
        admission = Admission(asked.data, asked.scan, 1, persons, assume)
        word = "reopened" if good["again"] else "authorised"
        taken = f"{word} {ticket}" + (f" for {persons}" if persons > 1 else "")
        spent = [f"passed {ticket} (assumed)"] if assume else []
        entering: Notice = notice.go(persons)
        return [taken, *spent, *self.step(Authorised(admission, entering), uptime)]


def told(event: AnyEvent) -> str:
    """Say an event in the words of the stories."""
    kind = str(event.__struct_config__.tag)
    match event:
        case Outcome():
            of = event.admission.decode() + (f" ({event.person})" if event.person > 1 else "")
            many = f" and {event.count - 1} more" if event.count > 1 else ""
            assert not (isinstance(event, Passed) and event.assumed)
            return f"{kind} {of}{many}"
        case Secured(heads=heads):
            return f"{kind} after {heads}"
        case ModeChanged(mode=mode, heads=heads):
            ended = " in time" if event.by == TIME_OUT else ""
            return f"{mode.value}{ended}" + (f" after {heads}" if heads else "")
        case OpenedByHand():
            return "opened by hand"
        case SensorFault(suspect=suspect):
            return "sensor suspect" if suspect else "sensor believed again"
        case _:
            return kind


def habits_of(head: list[str]) -> Habits:
    habits = Habits()
    for line in head:
        if line.startswith("Lane: "):
            for kind in line.removeprefix("Lane: ").split(", "):
                habits = replace(habits, **KINDS[kind])  # type: ignore[arg-type]
    return habits


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_story(story: Path) -> None:
    head, _, script = story.read_text(encoding="utf-8").partition("\n\n")
    teller = Teller(habits_of(head.splitlines()))
    for line in script.splitlines():
        said = LINE.match(line)
        assert said, f"cannot read: {line}"
        at = datetime.fromisoformat(f"2026-07-01T{said['at']}").replace(tzinfo=UTC).timestamp()
        assert ", ".join(teller.happens(said["what"], at)) == (said["expected"] or ""), line


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_a_story_opens_in_both_languages(story: Path) -> None:
    english, chinese, *_ = story.read_text(encoding="utf-8").splitlines()
    assert english.isascii()
    assert english.endswith(".")
    assert chinese.endswith("。")
    assert any("一" <= sign <= "鿿" for sign in chinese)


def test_there_are_stories() -> None:
    assert len(STORIES) >= 14
