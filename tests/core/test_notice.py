"""What people read: in both languages, whatever happened, whatever the clock says."""

from datetime import timedelta, timezone

import pytest

from edge.core import notice
from edge.core.notice import REFUSALS, Lamp, Sound
from wire.reason import Reason
from wire.words import Words

CHINA = timezone(timedelta(hours=8))


def test_every_reason_has_words_in_both_languages() -> None:
    assert set(REFUSALS) == set(Reason)
    for title, advice in REFUSALS.values():
        for words in (title, advice):
            assert words.en.isascii()
            assert any("一" <= sign <= "鿿" for sign in words.zh)


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("since", [None, 0.0, 1_783_000_000.0, -1e9, 1e18, float("inf")])
def test_every_refusal_can_be_shown(reason: Reason, since: float | None) -> None:
    shown = notice.refused(reason, since, "Gate 3", CHINA)
    assert shown.lamp is Lamp.STOP
    assert shown.seconds == notice.REFUSED_SECONDS


def test_when_and_where_are_said_in_the_venues_time() -> None:
    used = notice.refused(Reason.USED, 1_783_051_200.0, "Gate 3", CHINA)
    assert used.title == Words("07-03 12:00 Gate 3 已使用", "Used 07-03 12:00 Gate 3")
    early = notice.refused(Reason.TOO_EARLY, 1_783_051_200.0, "", CHINA)
    assert early.advice == Words("07-03 12:00 开始入场", "Entry from 07-03 12:00")


def test_a_group_is_told_how_many_may_enter() -> None:
    assert notice.go(3).title == Words("请进，还有 3 人", "Please enter, 3 persons")
    assert notice.go(1, Words("贵宾", "VIP")).advice == Words("贵宾", "VIP")
    assert notice.go(1).sound is Sound.ACCEPT


def test_our_own_fault_makes_no_alarm() -> None:
    assert notice.refused(Reason.OUT_OF_SERVICE).sound is Sound.NONE
