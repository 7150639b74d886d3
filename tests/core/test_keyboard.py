"""What a keyboard scanner has typed."""

from collections.abc import Iterable

import pytest

from edge.core import keyboard
from edge.core.framing import CODE_BYTES_MAX
from edge.core.keyboard import (
    EV_KEY,
    EV_SYN,
    KEY_CAPSLOCK,
    KEY_ENTER,
    KEY_KPENTER,
    KEY_LEFTALT,
    KEY_LEFTCTRL,
    KEY_LEFTSHIFT,
    KEY_RIGHTSHIFT,
    KEY_TAB,
    SYN_DROPPED,
    SYN_REPORT,
    US_LAYOUT,
    Event,
    KeyboardState,
    Typing,
)

KEY_1, KEY_A, KEY_B, KEY_G, KEY_H, KEY_KP0, KEY_KP3, KEY_KP8 = 2, 30, 48, 34, 35, 82, 81, 72
REPORT = Event(EV_SYN, SYN_REPORT, 0)


def down(*keys: int) -> list[Event]:
    return [Event(EV_KEY, key, 1) for key in keys] + [REPORT]


def up(*keys: int) -> list[Event]:
    return [Event(EV_KEY, key, 0) for key in keys] + [REPORT]


def tap(*keys: int) -> list[Event]:
    return [event for key in keys for event in down(key) + up(key)]


def typed(
    events: Iterable[Event], typing: Typing | None = None, uptime: float = 100.0
) -> tuple[KeyboardState, list[bytes]]:
    return go_on(keyboard.begin(typing or Typing()), events, uptime)


def go_on(
    state: KeyboardState, events: Iterable[Event], uptime: float = 100.0
) -> tuple[KeyboardState, list[bytes]]:
    state, codes = keyboard.step(state, events, uptime)
    return state, [code.data for code in codes]


def silence(state: KeyboardState) -> tuple[KeyboardState, list[bytes]]:
    assert state.deadline is not None
    state, codes = keyboard.step(state, (), state.deadline)
    assert state.deadline is None
    return state, [code.data for code in codes]


@pytest.mark.parametrize("key", [KEY_ENTER, KEY_KPENTER, KEY_TAB])
def test_each_terminator_ends_a_code(key: int) -> None:
    assert typed(tap(KEY_G, KEY_H, KEY_1, key, KEY_A, key))[1] == [b"gh1", b"a"]


@pytest.mark.parametrize("shift", [KEY_LEFTSHIFT, KEY_RIGHTSHIFT])
def test_shift_holds_from_its_press_to_its_release_within_a_report_too(shift: int) -> None:
    together = [Event(EV_KEY, shift, 1), *down(KEY_G), *up(KEY_G, shift)]
    assert typed([*together, *tap(KEY_G, KEY_1, KEY_ENTER)])[1] == [b"Gg1"]
    apart = [*down(shift), *tap(KEY_G, KEY_1), *up(shift)]
    assert typed([*apart, *tap(KEY_G, KEY_ENTER)])[1] == [b"G!g"]


def test_capslock_turns_letters_only_and_shift_turns_them_back() -> None:
    events = tap(KEY_CAPSLOCK, KEY_G, KEY_1) + down(KEY_LEFTSHIFT) + tap(KEY_G, KEY_1)
    events += up(KEY_LEFTSHIFT) + tap(KEY_CAPSLOCK, KEY_G, KEY_ENTER)
    assert typed(events)[1] == [b"G1g!g"]


def test_a_scanner_that_believes_capslock_is_on_can_be_told_of() -> None:
    assert typed(tap(KEY_G, KEY_ENTER), Typing(capitals_swapped=True))[1] == [b"G"]


def test_alt_with_pad_digits_as_one_real_scanner_sends_it() -> None:
    events = down(KEY_LEFTALT) + down(KEY_KP0, KEY_KP8) + down(KEY_KP3)
    events += up(KEY_KP0, KEY_KP8, KEY_KP3) + up(KEY_LEFTALT) + tap(KEY_ENTER)
    assert typed(events)[1] == [b"S"]


@pytest.mark.parametrize(
    ("digits", "code"),
    [
        ("65", b"A"),
        ("065", b"A"),
        ("0065", b"A"),
        ("000", b"\x00"),
        ("255", b"\xff"),
        ("20013", "中".encode()),
        ("9999999", b"?"),
    ],
)
def test_alt_numbers(digits: str, code: bytes) -> None:
    pad = {plain: key for key, (plain, _) in US_LAYOUT.items() if 71 <= key <= 82}
    events = down(KEY_LEFTALT) + tap(*(pad[digit] for digit in digits)) + up(KEY_LEFTALT)
    assert typed(events + tap(KEY_ENTER))[1] == [code]


def test_ctrl_gives_control_characters() -> None:
    for key, code in ((KEY_A, 0x01), (27, 0x1D), (26, 0x1B), (3, 0x00), (7, 0x1E), (12, 0x1F)):
        events = down(KEY_LEFTCTRL) + tap(key) + up(KEY_LEFTCTRL)
        assert typed(events + tap(KEY_ENTER))[1] == [bytes((code,))]


def test_repeats_and_keys_without_character_are_nothing() -> None:
    events = [*down(KEY_A), Event(EV_KEY, KEY_A, 2), *up(KEY_A), *tap(59, 240), *tap(KEY_ENTER)]
    assert typed([Event(4, 4, 458756), *events])[1] == [b"a"]


def test_a_pause_ends_a_code_and_lets_go_of_every_key() -> None:
    state, codes = typed(tap(KEY_CAPSLOCK, KEY_A) + down(KEY_LEFTSHIFT))
    assert codes == []
    assert state.deadline == pytest.approx(100.1)
    assert keyboard.step(state, (), 100.09) == (state, ())
    state, codes = silence(state)
    assert codes == [b"A"]
    assert go_on(state, tap(KEY_A, KEY_ENTER), 105.0)[1] == [b"a"]


def test_capslock_put_back_behind_the_terminator_does_not_reach_the_next_code() -> None:
    state, codes = typed(tap(KEY_CAPSLOCK, KEY_A, KEY_ENTER, KEY_CAPSLOCK))
    assert codes == [b"A"]
    state, codes = silence(state)
    assert codes == []
    assert go_on(state, tap(KEY_CAPSLOCK, KEY_A, KEY_ENTER), 105.0)[1] == [b"A"]


def test_without_idle_gap_half_a_code_is_thrown_away_after_a_second() -> None:
    state, _ = typed(tap(KEY_A), Typing(idle_gap_seconds=0))
    assert state.deadline == pytest.approx(101.0)
    assert silence(state)[1] == []


def test_lost_events_discard_the_code_to_its_end() -> None:
    lost = [Event(EV_SYN, SYN_DROPPED, 0), *down(KEY_B)]
    state, codes = typed([*tap(KEY_A), *lost, *tap(KEY_G, KEY_ENTER)])
    assert codes == []
    assert go_on(state, tap(KEY_H, KEY_ENTER))[1] == [b"h"]
    state, _ = typed([*tap(KEY_A), *lost, *tap(KEY_G)])
    state, codes = silence(state)
    assert codes == []
    assert go_on(state, tap(KEY_H, KEY_ENTER), 105.0)[1] == [b"h"]


def test_what_is_left_of_the_report_that_lost_events_is_not_believed() -> None:
    lost = [Event(EV_SYN, SYN_DROPPED, 0), *down(KEY_ENTER)]
    assert typed([*tap(KEY_A), *lost, *tap(KEY_G, KEY_ENTER)])[1] == []


def test_too_long_a_code_is_delivered_once_cut() -> None:
    state, codes = typed(tap(*[KEY_A] * (CODE_BYTES_MAX + 50)))
    assert codes == [b"a" * CODE_BYTES_MAX]
    assert go_on(state, tap(KEY_B, KEY_ENTER, KEY_G, KEY_ENTER))[1] == [b"g"]


def test_typing_without_pause_or_end_is_delivered_once() -> None:
    state, codes = keyboard.begin(Typing()), []
    for tick in range(200):
        state, came = go_on(state, tap(KEY_A), 100.0 + tick * 0.05)
        codes += came
    assert len(codes) == 1
    assert silence(state)[1] == []


def test_enter_alone_is_an_empty_code_once_in_a_quiet_second() -> None:
    state, codes = typed(tap(KEY_ENTER, KEY_ENTER))
    assert codes == [b""]
    state, codes = go_on(state, tap(KEY_A, KEY_ENTER, KEY_ENTER), 200.0)
    assert codes == [b"a"]


def test_any_events_give_an_answer() -> None:
    state = keyboard.begin(Typing())
    for kind in range(6):
        for code in range(0, 768, 3):
            for value in (-1, 0, 1, 2, 458756):
                state, _ = keyboard.step(state, [Event(kind, code, value)], 100.0)
