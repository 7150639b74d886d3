"""What holders are told: addresses read strictly, words that fit, and what becomes of each."""

import itertools

import pytest

from central.core import address, fitting, notice, sending
from central.core.address import AddressWrong, Channel, Language
from central.core.notice import NAMES, SMS_VARIABLES, Facts, Kind
from central.core.sending import (
    AGAIN_SECONDS,
    GOOD,
    PAUSE_SECONDS,
    TRIES_MAX,
    Answer,
    Down,
    Later,
    Line,
    Refused,
    State,
    Taken,
    Unclear,
    Why,
)
from wire.words import Words

FACTS = Facts(
    event=Words("演出", "Show"),
    number="SHOW 012 345",
    opens=Words("11月27日 周五 20:00", "Fri 27 Nov, 20:00"),
    link="https://c.example/t/abc",
    where="1 号取票机",
    at=Words("11月27日 周五 19:00", "Fri 27 Nov, 19:00"),
)
NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (" Zoe.Li+x@Example.COM ", "Zoe.Li+x@example.com"),
        ("a@b.co", "a@b.co"),
        ("a@例子.中国", "a@xn--fsqu00a.xn--fiqs8s"),
        ("a@straße.example", "a@xn--strae-oqa.example"),
        (f"{'a' * 64}@b.example", f"{'a' * 64}@b.example"),
    ],
)
def test_a_mail_address(text: str, read: str) -> None:
    assert address.read_mail(text) == read


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "a@", "@b.example", "a b@c.example", "a@b", "a@b..example", "a@.b.example"),
        *("a@-b.example", "a..b@c.example", ".a@c.example", "a@b.example\r\nBcc: c@d.example"),
        *("a@b.example\nx", "a\n@b.example", "a@b.example>", "<a@b.example>", '"a"@b.example'),
        *("a@b.example,c@d.example", "a@1.2.3.4", "a@[::1]", f"{'a' * 65}@b.example"),
        *(f"a@{'b' * 64}.example", f"a@{'b.' * 130}example", "张@b.example", "a@b\0.example"),
        *("a@b.exa mple", "a@b.example;x", "a@\u202eb.example", "a\x85b@c.example"),
    ],
)
def test_what_is_no_mail_address(text: str) -> None:
    with pytest.raises(AddressWrong) as raised:
        address.read_mail(text)
    assert text.strip() == "" or text.strip() not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("13812345678", "+8613812345678"),
        ("138 1234-5678", "+8613812345678"),
        ("+86 138 1234 5678", "+8613812345678"),
        ("8613812345678", "+8613812345678"),
        ("0086 13812345678", "+8613812345678"),
        ("１３８１２３４５６７８", "+8613812345678"),
        ("+49 (151) 12345678", "+4915112345678"),
        ("+852 6123 4567", "+85261234567"),
    ],
)
def test_a_mobile_number(text: str, read: str) -> None:
    assert address.read_mobile(text) == read


@pytest.mark.parametrize(
    "text",
    [
        *("", "110", "12345678901", "+8612345678901", "+861381234567", "+0123456789"),
        *("1381234567a", "+86 138123456789", "13812345678,13812345679", "+", "+1234567890123456"),
        *("13812345678\n1", "010-12345678", "٠١٢٣٤٥٦٧٨٩x"),
    ],
)
def test_what_is_no_mobile_number(text: str) -> None:
    with pytest.raises(AddressWrong):
        address.read_mobile(text)


@pytest.mark.parametrize(
    ("channel", "known", "shown"),
    [
        (Channel.MAIL, "zoe@example.com", "z***@example.com"),
        (Channel.SMS, "+8613812345678", "138****5678"),
        (Channel.SMS, "+4915112345678", "+49****5678"),
        (Channel.SMS, "+1234567", "+12****67"),
        (Channel.WECHAT, "oAbCdEfGhIjKlMnOpQrStUvWxYz0", "oAb****z0"),
        (Channel.MAIL, "", ""),
    ],
)
def test_an_address_is_shown_masked(channel: Channel, known: str, shown: str) -> None:
    assert address.masked(channel, known) == shown


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("550 <a@b.example>: unknown a@b.example", "a@b.example"),
        ("no such user other.one@c.example", "a@b.example"),
        ("bad number 13812345678 / +86 138-1234-5678", "+8613812345678"),
    ],
)
def test_no_address_is_left_in_what_a_server_said(said: str, known: str) -> None:
    left = address.without_addresses(said, known)
    assert "@" not in left
    assert "1234" not in left
    assert left.split()[0] == said.split()[0]


@pytest.mark.parametrize(("kind", "language"), [*itertools.product(Kind, Language)])
def test_every_kind_is_said_in_both_languages(kind: Kind, language: Language) -> None:
    said = notice.say(kind, FACTS, language)
    text = " ".join((said.subject, *said.paragraphs))
    assert FACTS.number in text
    assert ("演出" in text) is (language is Language.ZH)
    assert ("Show" in text) is (language is Language.EN)
    han = any("\u4e00" <= one <= "\u9fff" for one in text.replace(FACTS.where, ""))
    assert han is (language is Language.ZH)
    assert (FACTS.opens.zh in text or FACTS.opens.en in text) is (
        kind in (Kind.ISSUED, Kind.REISSUED, Kind.RESCHEDULED, Kind.MOVED)
    )
    assert FACTS.link not in text, "it is put in by who sends it, if it belongs there"


@pytest.mark.parametrize("kind", Kind)
def test_what_is_short_fits_a_field_and_a_phrase(kind: Kind) -> None:
    for words in (notice.SHORT[kind].zh, notice.SHORT[kind].en):
        assert fitting.thing(words) == words
    assert fitting.phrase(notice.PHRASE[kind]) == notice.PHRASE[kind]
    assert set(SMS_VARIABLES[kind]) <= NAMES
    for language in Language:
        assert set(notice.values(kind, FACTS, language)) == NAMES


@pytest.mark.parametrize(
    ("field", "text", "fits"),
    [
        (
            "thing1",
            "一二三四五六七八九十一二三四五六七八九十",
            "一二三四五六七八九十一二三四五六七八九十",
        ),
        (
            "thing1",
            "一二三四五六七八九十一二三四五六七八九十一",
            "一二三四五六七八九十一二三四五六七八九…",
        ),
        ("thing1", "a\r\nb\u2028c\0d", "a b c d"),
        ("thing1", "🎉👨‍👩‍👧❤️夜场✨", "夜场"),
        ("thing1", "🎉", "-"),
        ("thing12", "𠮷野家", "𠮷野家"),
        ("character_string2", "SHOW 012 345", "SHOW 012 345"),
        ("character_string2", "票 012" + "9" * 40, "012" + "9" * 28),
        ("phrase3", "已出票 issued", "已出票"),
        ("phrase3", "issued", "通知"),
        ("time4", "2026年11月27日 20:00", "2026年11月27日 20:00"),
    ],
)
def test_what_goes_into_a_field_of_wechat_fits(field: str, text: str, fits: str) -> None:
    assert fitting.for_wechat(field, text) == fits


def test_a_variable_of_an_sms_holds_no_link_no_emoji_and_no_brackets_of_a_signature() -> None:
    assert fitting.for_sms("【加场】🎉 https://x.example/y\n好") == "[加场] x.example/y 好"
    assert len(fitting.for_sms("长" * 99)) == 35
    assert fitting.one_line("a\ud800b\r\nc") == "a b c"


ANSWERS: tuple[Answer, ...] = (
    Taken("x"),
    Refused(Why.ADDRESS_REFUSED),
    Later(Why.BUSY),
    Down(Why.UNREACHABLE),
    Unclear(Why.SILENT),
)


@pytest.mark.parametrize(
    ("answer", "tries", "harmless"),
    [*itertools.product(ANSWERS, range(1, TRIES_MAX + 2), (False, True))],
)
def test_every_answer_has_one_end_and_time_only_goes_on(
    answer: Answer, tries: int, harmless: bool
) -> None:
    after = sending.next_of(answer, tries, harmless, NOW)
    assert (after.due_at is None) is (after.state is not State.WAITING)
    if isinstance(answer, Taken):
        assert after.state is State.SENT
    if isinstance(answer, Refused):
        assert after.state is State.FAILED
    if isinstance(answer, Down):
        assert (after.state, after.tries) == (State.WAITING, tries - 1)
    if isinstance(answer, Unclear) and not harmless:
        assert after.state is State.UNCLEAR, "never sent a second time by itself"
    if isinstance(answer, Later) or (isinstance(answer, Unclear) and harmless):
        over = tries >= TRIES_MAX
        assert after.state is (State.FAILED if over else State.WAITING)
        assert over or after.due_at == NOW + AGAIN_SECONDS[tries - 1]
    if after.state not in (State.SENT, State.WAITING):
        assert after.why


def test_pauses_of_a_message_grow_and_a_longer_one_is_heeded() -> None:
    assert list(AGAIN_SECONDS) == sorted(AGAIN_SECONDS)
    later = Later(Why.LIMITED, pause_seconds=3600)
    assert sending.next_of(later, 1, False, NOW).due_at == NOW + 3600


def test_a_channel_that_is_down_pauses_longer_and_longer_and_is_good_again_at_once() -> None:
    line, pauses = GOOD, list[float]()
    for _ in range(len(PAUSE_SECONDS) + 2):
        line = sending.line_of(Down(Why.UNREACHABLE), line, NOW)
        pauses.append(line.until - NOW)
    assert pauses == [*PAUSE_SECONDS, PAUSE_SECONDS[-1], PAUSE_SECONDS[-1]]
    for good in (Taken(), Refused(Why.ADDRESS_REFUSED), Later(Why.BUSY)):
        assert sending.line_of(good, line, NOW) == GOOD
    quota = sending.line_of(Down(Why.QUOTA, pause_seconds=3600), GOOD, NOW)
    assert quota == Line(1, NOW + 3600, Why.QUOTA)
    assert sending.line_of(Unclear(Why.SILENT), GOOD, NOW).until == NOW + PAUSE_SECONDS[0]


@pytest.mark.parametrize("tries", range(TRIES_MAX + 2))
def test_a_message_whose_sender_died_ends_even_if_it_ends_its_sender_each_time(tries: int) -> None:
    unknown = sending.found_sending(tries, twice_is_harmless=False)
    assert unknown
    assert (unknown.state, unknown.why) == (State.UNCLEAR, Why.DIED)
    again = sending.found_sending(tries, twice_is_harmless=True)
    assert (again is None) is (tries < TRIES_MAX)


@pytest.mark.parametrize("kind", Kind)
def test_a_message_is_useful_until_its_time(kind: Kind) -> None:
    written, closes = NOW, NOW + 1000.0
    assert not sending.is_useless(kind, written, closes, NOW)
    money = kind in (Kind.REFUNDED, Kind.REFUND_WAITS, Kind.REFUND_DENIED, Kind.CALLED_OFF)
    later = kind is Kind.ADMITTED or money
    assert sending.is_useless(kind, written, closes, closes + 1) is not later
    assert sending.is_useless(kind, written, closes, NOW + 3 * 3600) is not money
    assert sending.is_useless(kind, written, closes, NOW + 30 * 86400)
