"""Makes words fit where a provider puts them: one line, no emoji, so many characters.

WeChat's kinds of fields and their bounds are those of developers.weixin.qq.com,
"订阅消息参数值内容限制", and of template messages since 2023-05-04: a first line, remarks, colours,
emoji and line breaks are not shown or not taken, a `thing` has 20 characters. Aliyun's variables
are those of its "短信模板规范": no 【】, no address of a page, up to 35 characters.
"""

import re
import unicodedata
from collections.abc import Callable

MORE = "…"
THING_CHARACTERS_MAX = 20
CODE_CHARACTERS_MAX = 32
SMS_CHARACTERS_MAX = 35
PHRASE_CHARACTERS_MAX = 5
_NO_LETTERS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "So", "Sk", "Mn", "Me"})
"""Control characters, halves of pairs, emoji, what joins and colours them."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")


def one_line(text: str) -> str:
    """Return text without line breaks, control characters and half pairs: for a header, a page."""
    return " ".join("".join(" " if _breaks(one) else one for one in text).split())


def plain(text: str) -> str:
    """Return text on one line, without emoji and whatever else is no letter, digit or sign."""
    kept = "".join(one for one in one_line(text) if unicodedata.category(one) not in _NO_LETTERS)
    return " ".join(kept.split())


def cut(text: str, most: int) -> str:
    """Return as much of a text as fits, and a sign where there was more."""
    return text if len(text) <= most else text[: most - len(MORE)].rstrip() + MORE


def for_sms(text: str) -> str:
    """Return a value for a variable of an SMS."""
    safe = _SCHEME.sub("", plain(text)).replace("【", "[").replace("】", "]")
    return cut(safe, SMS_CHARACTERS_MAX)


def thing(text: str) -> str:
    return cut(plain(text), THING_CHARACTERS_MAX) or "-"


def character_string(text: str) -> str:
    """Digits, letters and signs of ASCII."""
    said = "".join(one for one in plain(text) if one.isascii())
    return said[:CODE_CHARACTERS_MAX].strip() or "-"


def phrase(text: str) -> str:
    """Five Chinese characters."""
    return "".join(_HAN.findall(text))[:PHRASE_CHARACTERS_MAX] or "通知"


def moment(text: str) -> str:
    """A day and a time in WeChat's own form are left as they are."""
    return plain(text)


FITS: dict[str, Callable[[str], str]] = {
    "thing": thing,
    "short_thing": lambda text: cut(plain(text), PHRASE_CHARACTERS_MAX) or "-",
    "const": thing,
    "character_string": character_string,
    "phrase": phrase,
    "time": moment,
    "date": moment,
}
"""By the letters with which the name of a template's field begins."""
FIELD = re.compile(rf"({'|'.join(sorted(FITS, key=len, reverse=True))})[0-9]{{1,3}}")


def for_wechat(field: str, text: str) -> str:
    """Return a value for a field of a template, such as `thing1`."""
    return FITS[field.rstrip("0123456789")](text)


def _breaks(one: str) -> bool:
    return unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp")
