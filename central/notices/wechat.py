"""WeChat: template and subscription messages of a service account.

Follows developers.weixin.qq.com/doc/service: "获取稳定版接口调用凭据" (stable_token),
"发送模板消息" (message/template/send), "发送订阅通知" (message/subscribe/bizsend), and its list of
return codes. A template message has a `client_msg_id`: to one holder the same is delivered once
within ten minutes.
Subscription messages have none, so that what may have gone is not sent again by itself.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from central.core.address import without_addresses
from central.core.fitting import for_wechat, one_line
from central.core.notice import Kind
from central.core.sending import Answer, Down, Later, Refused, Taken, Unclear, Why
from central.notices.asking import Provider, Unanswered
from central.notices.config import WeChat
from central.notices.saying import Message

TOKEN_PATH = "/cgi-bin/stable_token"
TEMPLATE_PATH = "/cgi-bin/message/template/send"
SUBSCRIBED_PATH = "/cgi-bin/message/subscribe/bizsend"
EARLIER_SECONDS = 300.0
"""A token is asked for anew so long before its end: from then on there may be a newer one."""
TOKEN_SECONDS_MAX = 7200.0
FORCED_EVERY_SECONDS = 3600.0
"""A new token by force is had twenty times a day, no more."""
STALE_TOKEN = frozenset({40001, 40014, 42001})
HOUR = 3600.0

_WRONG_ACCOUNT = Down(Why.CREDENTIALS, pause_seconds=900.0)
ANSWERS: dict[int, Answer] = {
    -1: Down(Why.BUSY),
    40001: _WRONG_ACCOUNT,
    40013: _WRONG_ACCOUNT,
    40014: _WRONG_ACCOUNT,
    40125: _WRONG_ACCOUNT,
    40164: _WRONG_ACCOUNT,  # This machine's address is not on the account's list.
    41002: _WRONG_ACCOUNT,
    41004: _WRONG_ACCOUNT,
    42001: _WRONG_ACCOUNT,
    48001: _WRONG_ACCOUNT,  # The account has not this right.
    50002: _WRONG_ACCOUNT,
    40003: Refused(Why.ADDRESS_REFUSED),
    40037: Refused(Why.TEMPLATE_REFUSED),
    41030: Refused(Why.TEMPLATE_REFUSED),
    47003: Refused(Why.TEMPLATE_REFUSED),
    43004: Refused(Why.HOLDER_REFUSED),  # Follows the account no more.
    43101: Refused(Why.HOLDER_REFUSED),
    43107: Refused(Why.HOLDER_REFUSED),
    45009: Down(Why.QUOTA, pause_seconds=HOUR),
    45011: Down(Why.BUSY, pause_seconds=60.0),
}


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    until: float


class Account:
    """A service account of WeChat's."""

    def __init__(self, told: WeChat, secret: str) -> None:
        """Raise ConfigError if the file of authorities cannot be read."""
        self._told, self._secret = told, secret
        self._provider = Provider(told.authority, "notices.wechat")
        self._endpoint = told.endpoint.rstrip("/")
        self._token: _Token | None = None
        self._forced_at: float | None = None

    def twice_is_harmless(self, kind: Kind) -> bool:
        template = self._told.templates.get(kind.value)
        return template is not None and not template.subscribed

    def send(self, message: Message, now: float) -> Answer:
        """Hand over one message."""
        if message.kind.value not in self._told.templates:
            return Refused(Why.NOT_SPOKEN)
        try:
            token = self._token_for(now)
            code, answer = self._ask(message, token)
            if code in STALE_TOKEN:
                code, answer = self._ask(message, self._another(token, now))
        except Unanswered as unanswered:
            return unanswered.answer
        return meaning(code, answer, message.to)

    def idle(self, now: float) -> None:
        """Nothing is kept open."""

    def close(self) -> None:
        """Nothing is kept open."""

    def _ask(self, message: Message, token: str) -> tuple[int | None, dict[str, Any]]:
        template = self._told.templates[message.kind.value]
        data = {
            field: {"value": for_wechat(field, message.values[name])}
            for field, name in template.fields.items()
        }
        body: dict[str, Any] = {"touser": message.to, "template_id": template.id, "data": data}
        link = message.link if message.said.linked else ""
        if template.subscribed:
            path, body = SUBSCRIBED_PATH, {**body, **({"page": link} if link else {})}
        else:
            path, told = TEMPLATE_PATH, {"client_msg_id": message.name}
            body = {**body, **told, **({"url": link} if link else {})}
        url = f"{self._endpoint}{path}?access_token={quote(token, safe='')}"
        status, answer = self._provider.post(url, body)
        code = answer.get("errcode")
        if not isinstance(code, int) or isinstance(code, bool):
            raise Unanswered(Unclear(Why.GARBLED, f"HTTP {status}"))
        return code, answer

    def _token_for(self, now: float) -> str:
        """Return the token that was kept, or the one there is now; raise Unanswered."""
        kept = self._token
        # A clock that was set back must not make one last for ever.
        if kept is None or not now < kept.until <= now + TOKEN_SECONDS_MAX:
            kept = self._token = self._fetched(now, by_force=False)
        return kept.text

    def _another(self, stale: str, now: float) -> str:
        """Return a token in place of one that is not taken; raise Unanswered."""
        self._token = self._fetched(now, by_force=False)
        forced = self._forced_at
        may_force = forced is None or not 0 <= now - forced < FORCED_EVERY_SECONDS
        if self._token.text == stale and may_force:
            self._forced_at = now
            self._token = self._fetched(now, by_force=True)
        return self._token.text

    def _fetched(self, now: float, *, by_force: bool) -> _Token:
        asked = {
            "grant_type": "client_credential",
            "appid": self._told.app_id,
            "secret": self._secret,
            "force_refresh": by_force,
        }
        try:
            status, answer = self._provider.post(f"{self._endpoint}{TOKEN_PATH}", asked)
        except Unanswered as unanswered:
            # Whatever became of this question, no message has gone.
            given = unanswered.answer
            assert isinstance(given, Down | Unclear)
            raise Unanswered(Down(given.why, given.said)) from None
        text, seconds = answer.get("access_token"), answer.get("expires_in")
        if isinstance(text, str) and text and isinstance(seconds, int | float):
            lasts = min(max(float(seconds) - EARLIER_SECONDS, 0.0), TOKEN_SECONDS_MAX)
            return _Token(text, now + lasts)
        code = answer.get("errcode")
        known = ANSWERS.get(code) if isinstance(code, int) else None
        said = one_line(f"{code} {answer.get('errmsg', '')}").replace(self._secret, "…")[:200]
        if isinstance(known, Down):
            raise Unanswered(Down(known.why, said, known.pause_seconds))
        raise Unanswered(Down(Why.GARBLED, said if code is not None else f"HTTP {status}"))


def meaning(code: int | None, answer: dict[str, Any], to: str) -> Answer:
    """Return what an answer to a message says of it."""
    if code == 0:
        return Taken(one_line(str(answer.get("msgid", "")))[:60])
    said = without_addresses(one_line(f"{code} {answer.get('errmsg', '')}"), to)[:200]
    match ANSWERS.get(code if code is not None else 0):
        case Refused(why=why):
            return Refused(why, said)
        case Down(why=why, pause_seconds=pause):
            return Down(why, said, pause)
        case _:
            return Later(Why.BUSY, said)
