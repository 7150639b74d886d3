"""Where a holder hears of a ticket: mail address, mobile number, WeChat openid.

What is read here goes into the headers of mail and the requests of providers, so whatever could be
more than an address is none. What pages and logs show of one is masked.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

import idna

MAIL_CHARACTERS_MAX = 254
"""RFC 5321, 4.5.3.1.3, without the angle brackets."""
LOCAL_CHARACTERS_MAX = 64
CHINA = "+86"

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
"""RFC 5322's dot-atom. A quoted one may hold anything, and nobody has one."""
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_CHINESE_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_OPENID = re.compile(r"[A-Za-z0-9_-]{20,40}")
_LOOKS_LIKE_ONE = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+|\+?[0-9][0-9 -]{5,}[0-9]")


class Channel(StrEnum):
    MAIL = "mail"
    SMS = "sms"
    WECHAT = "wechat"


class Language(StrEnum):
    ZH = "zh"
    EN = "en"


class AddressWrong(ValueError):
    """What is no address; `channel` says of what sort. The text itself is not in the message."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        super().__init__(channel.value)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a holder is reached, as it was read; empty: not by this channel."""

    mail: str = ""
    mobile: str = ""
    openid: str = ""
    language: Language = Language.ZH

    def __bool__(self) -> bool:
        return bool(self.mail or self.mobile or self.openid)

    def of(self, channel: Channel) -> str:
        return {
            Channel.MAIL: self.mail,
            Channel.SMS: self.mobile,
            Channel.WECHAT: self.openid,
        }[channel]


def read(mail: str, mobile: str, openid: str, language: str) -> Addresses:
    """Return what somebody wrote as addresses; empty stays empty. Raise AddressWrong."""
    return Addresses(
        read_mail(mail) if mail.strip() else "",
        read_mobile(mobile) if mobile.strip() else "",
        read_openid(openid) if openid.strip() else "",
        Language.EN if language == "en" else Language.ZH,
    )


def read_mail(text: str) -> str:
    """Return a mail address, its domain in ASCII (RFC 5890); raise AddressWrong.

    A local part in other letters needs SMTPUTF8 at every server on the way, which few have.
    """
    local, at, domain = text.strip().rpartition("@")
    try:
        # Not by Python's own codec, which is of 2003 and makes another domain of some letters.
        ascii_domain = idna.encode(domain, uts46=True).decode()
    except UnicodeError:
        raise AddressWrong(Channel.MAIL) from None
    labels = ascii_domain.split(".")
    good = (
        at
        and len(local) <= LOCAL_CHARACTERS_MAX
        and _LOCAL.fullmatch(local)
        and len(labels) >= 2
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
        and len(local) + 1 + len(ascii_domain) <= MAIL_CHARACTERS_MAX
    )
    if not good:
        raise AddressWrong(Channel.MAIL)
    return f"{local}@{ascii_domain.lower()}"


def read_mobile(text: str) -> str:
    """Return a number as E.164 has it, "+8613812345678"; raise AddressWrong.

    Chinese ones may come without +86, any with spaces and hyphens, digits of full width too.
    """
    plain = re.sub(r"[ ()-]", "", unicodedata.normalize("NFKC", text.strip()))
    if plain.startswith("00"):
        plain = f"+{plain[2:]}"
    if _CHINESE_MOBILE.fullmatch(plain):
        plain = CHINA + plain
    elif plain.startswith("86") and _CHINESE_MOBILE.fullmatch(plain[2:]):
        plain = f"+{plain}"
    chinese = plain.startswith(CHINA)
    if not _E164.fullmatch(plain) or (chinese and not _CHINESE_MOBILE.fullmatch(plain[3:])):
        raise AddressWrong(Channel.SMS)
    return plain


def read_openid(text: str) -> str:
    """Return an openid, which WeChat made; raise AddressWrong for what it would not make."""
    if not _OPENID.fullmatch(text.strip()):
        raise AddressWrong(Channel.WECHAT)
    return text.strip()


def masked(channel: Channel, address: str) -> str:
    """Return as much of an address as its holder knows it by: z***@example.com, 138****5678."""
    if not address:
        return ""
    match channel:
        case Channel.MAIL:
            local, _, domain = address.rpartition("@")
            return f"{local[:1]}***@{domain}"
        case Channel.SMS:
            number = address.removeprefix(CHINA)
            return f"{number[:3]}****{number[-4:] if len(number) > 9 else number[-2:]}"
        case Channel.WECHAT:
            return f"{address[:3]}****{address[-2:]}"


def without_addresses(said: str, address: str) -> str:
    """Return what a server said without the address it was about, and whatever looks like one."""
    bare = said.replace(address, "…") if address else said
    bare = bare.replace(address.removeprefix(CHINA), "…") if address else bare
    return _LOOKS_LIKE_ONE.sub("…", bare)
