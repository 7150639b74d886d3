"""What central.toml says of the channels by which holders hear of their tickets.

    [notices]
    admitted = false                 # 入场也通知 tell of admissions, too

    [notices.mail]
    host = "smtp.example.com"
    port = 465
    security = "tls"                 # or "starttls"; "none" on this machine only
    username = "tickets@example.com"
    password = "mail-password"       # a file: see secret() in central/notices/secret.py
    sender = "tickets@example.com"
    sender_name = "场馆 Venue"

    [notices.sms]                    # 阿里云短信 Aliyun
    access_key_id = "LTAI…"
    access_key_secret = "aliyun-secret"
    sign_name = "某某场馆"
    [notices.sms.templates.zh]
    issued = "SMS_000000001"

    [notices.wechat]                 # 服务号 a service account
    app_id = "wx…"
    app_secret = "wechat-secret"
    [notices.wechat.templates.issued]
    id = "…"
    fields = { thing1 = "event", character_string2 = "number", time3 = "opens_at", thing4 = "what" }

Secrets are never in here, nor in the database: the file that holds one is named.
"""

from typing import Annotated, Literal

import msgspec

from central.core.address import AddressWrong, Channel, Language, read_mail
from central.core.fitting import FIELD, one_line
from central.core.notice import NAMES, Kind

LOOPBACK = ("127.0.0.1", "::1", "localhost")
HTTPS = r"^(https://[A-Za-z0-9.:\[\]-]{1,180}/?|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?/?)$"
"""Plain http leaves nobody's machine."""

Host = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.:-]{1,253}$")]
File = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
PerMinute = Annotated[int, msgspec.Meta(ge=1, le=60_000)]
Template = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,80}$")]
Url = Annotated[str, msgspec.Meta(pattern=HTTPS)]
KINDS = frozenset(kind.value for kind in Kind)


class Mail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: Host
    sender: str
    port: Port = 465
    security: Literal["tls", "starttls", "none"] = "tls"
    username: str = ""
    password: File | None = None
    sender_name: str = ""
    authority: File | None = None
    """A PEM file: whom to believe that it is the server, in place of what the system believes."""
    per_minute: PerMinute = 60

    def __post_init__(self) -> None:
        try:
            read_mail(self.sender)
        except AddressWrong:
            raise ValueError("sender is no mail address") from None
        if self.sender_name != one_line(self.sender_name) or len(self.sender_name) > 80:
            raise ValueError("sender_name is one line of up to 80 characters")
        if self.security == "none" and self.host not in LOOPBACK:
            raise ValueError('security "none" is for a server on this machine; use "starttls"')
        if not self.username.isascii():
            raise ValueError("username has only letters, digits and signs of ASCII")
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password go together")


class Sms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    access_key_id: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9._-]{1,80}$")]
    access_key_secret: File
    sign_name: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    templates: dict[Literal["zh", "en"], dict[str, Template]]
    """By language and kind; English speakers get the Chinese one where there is no other."""
    endpoint: Url = "https://dysmsapi.aliyuncs.com"
    authority: File | None = None
    per_minute: PerMinute = 600

    def __post_init__(self) -> None:
        _known(kind for kinds in self.templates.values() for kind in kinds)

    def template(self, kind: Kind, language: Language) -> str | None:
        own = self.templates.get(language.value, {}).get(kind.value)
        return own or self.templates.get("zh", {}).get(kind.value)


class WeChatTemplate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Template
    fields: dict[str, str]
    """Field of the template (thing1, …) -> what stands there."""
    subscribed: bool = False
    """Sent as a subscription message (订阅通知): the holder has agreed to each, or to all."""

    def __post_init__(self) -> None:
        for field, name in self.fields.items():
            if not FIELD.fullmatch(field):
                raise ValueError(f"{field} is no field of a template, such as thing1 or time2")
            if name not in NAMES:
                raise ValueError(f"{field}: there is no {name}, only {', '.join(sorted(NAMES))}")


class WeChat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    app_id: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_]{1,40}$")]
    app_secret: File
    templates: dict[str, WeChatTemplate]
    """By kind."""
    endpoint: Url = "https://api.weixin.qq.com"
    authority: File | None = None
    per_minute: PerMinute = 600

    def __post_init__(self) -> None:
        _known(self.templates)


class Notices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    admitted: bool = False
    """Tell holders when their ticket was used, too."""
    mail: Mail | None = None
    sms: Sms | None = None
    wechat: WeChat | None = None

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return the channels there are."""
        told = ((Channel.MAIL, self.mail), (Channel.SMS, self.sms), (Channel.WECHAT, self.wechat))
        return tuple(channel for channel, one in told if one is not None)

    def says(self, kind: Kind, channel: Channel, language: Language) -> bool:
        """Whether holders are told of `kind` by `channel`."""
        if kind is Kind.ADMITTED and not self.admitted:
            return False
        match channel:
            case Channel.MAIL:
                return self.mail is not None
            case Channel.SMS:
                return self.sms is not None and self.sms.template(kind, language) is not None
            case Channel.WECHAT:
                return self.wechat is not None and kind.value in self.wechat.templates

    def tells(self, kind: Kind) -> bool:
        """Whether anybody is told of `kind` at all."""
        return any(
            self.says(kind, channel, language) for channel in self.channels for language in Language
        )


def _known(kinds: object) -> None:
    for kind in kinds:  # type: ignore[attr-defined]
        if kind not in KINDS:
            raise ValueError(f"{kind} is nothing that is told; {', '.join(sorted(KINDS))} are")
