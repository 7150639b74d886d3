"""SMS by Aliyun: SendSms of Dysmsapi 2017-05-25, signed by ACS3-HMAC-SHA256.

Follows help.aliyun.com: "SendSms - 发送短信" (document 419273), "V3版本请求体&签名机制"
(2593177), and the error codes listed there. SendSms is not idempotent, says document 55284, and a
time-out is no reason to send again: what may have gone is not sent a second time by itself. Links
are no values for its variables; the page's address stands in the template, but for its last part.
"""

import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from central.core.address import CHINA, without_addresses
from central.core.fitting import for_sms, one_line
from central.core.notice import SMS_VARIABLES, Kind
from central.core.sending import Answer, Down, Later, Refused, Taken, Unclear, Why
from central.notices.asking import Provider, Unanswered
from central.notices.config import Sms
from central.notices.saying import Message

ACTION, VERSION = "SendSms", "2017-05-25"
ALGORITHM = "ACS3-HMAC-SHA256"
HOUR = 3600.0
LIMITED_SECONDS = HOUR
"""One number gets one a minute, five an hour, ten a day by default."""

_HEALING = Down(Why.BUSY)
ANSWERS: dict[str, Answer] = {
    "isv.MOBILE_NUMBER_ILLEGAL": Refused(Why.ADDRESS_REFUSED),
    "isv.MOBILE_COUNT_OVER_LIMIT": Refused(Why.ADDRESS_REFUSED),
    "isv.BLACK_KEY_CONTROL_LIMIT": Refused(Why.MESSAGE_REFUSED),
    "isv.BUSINESS_LIMIT_CONTROL": Later(Why.LIMITED, pause_seconds=LIMITED_SECONDS),
    "isv.DAY_LIMIT_CONTROL": Down(Why.QUOTA, pause_seconds=HOUR),
    "isv.AMOUNT_NOT_ENOUGH": Down(Why.MONEY, pause_seconds=HOUR),
    "isv.OUT_OF_SERVICE": Down(Why.MONEY, pause_seconds=HOUR),
    "isv.PRODUCT_UNSUBSCRIBE": Down(Why.MONEY, pause_seconds=HOUR),
    "isv.PRODUCT_UN_SUBSCRIPT": Down(Why.MONEY, pause_seconds=HOUR),
    "isv.ACCOUNT_NOT_EXISTS": Down(Why.CREDENTIALS, pause_seconds=HOUR),
    "isv.ACCOUNT_ABNORMAL": Down(Why.CREDENTIALS, pause_seconds=HOUR),
    "isp.RAM_PERMISSION_DENY": Down(Why.CREDENTIALS, pause_seconds=HOUR),
    "isv.RAM_PERMISSION_DENY": Down(Why.CREDENTIALS, pause_seconds=HOUR),
    "SignatureDoesNotMatch": Down(Why.CREDENTIALS, pause_seconds=900.0),
    "IncompleteSignature": Down(Why.CREDENTIALS, pause_seconds=900.0),
    "InvalidTimeStamp.Expired": Down(Why.CREDENTIALS, pause_seconds=900.0),
    "InvalidAccessKeyId.NotFound": Down(Why.CREDENTIALS, pause_seconds=900.0),
    "InvalidAccessKeyId.Inactive": Down(Why.CREDENTIALS, pause_seconds=900.0),
    "Forbidden.RAM": Down(Why.CREDENTIALS, pause_seconds=900.0),
    "SignatureNonceUsed": _HEALING,
    "isp.SYSTEM_ERROR": _HEALING,
    "isp.GATEWAY_SYSTEM_ERROR": _HEALING,
    "isv.SYSTEM_ERROR": _HEALING,
    "ServiceUnavailable": _HEALING,
    "Throttling": _HEALING,
    "Throttling.User": _HEALING,
    "Throttling.Api": _HEALING,
}
"""By the answer's `Code`. Every other isv.… is about template, signature or variables."""


class Texts:
    """Aliyun, for one account."""

    def __init__(self, told: Sms, secret: str) -> None:
        """Raise ConfigError if the file of authorities cannot be read."""
        self._told, self._secret = told, secret
        self._provider = Provider(told.authority, "notices.sms")

    def twice_is_harmless(self, kind: Kind) -> bool:  # noqa: ARG002
        return False

    def send(self, message: Message, now: float) -> Answer:
        """Hand over one message."""
        told = self._told
        template = told.template(message.kind, message.language)
        if template is None:
            return Refused(Why.NOT_SPOKEN)
        variables = {name: for_sms(message.values[name]) for name in SMS_VARIABLES[message.kind]}
        query = {
            "PhoneNumbers": message.to.removeprefix(CHINA).removeprefix("+"),
            "SignName": told.sign_name,
            "TemplateCode": template,
            "TemplateParam": json.dumps(variables, ensure_ascii=False),
            "OutId": message.name,
        }
        endpoint = told.endpoint.rstrip("/")
        host = urlsplit(endpoint).netloc
        date = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        headers = {
            "host": host,
            "x-acs-action": ACTION,
            "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
            "x-acs-date": date,
            "x-acs-signature-nonce": secrets.token_hex(16),
            "x-acs-version": VERSION,
        }
        signed = authorization(query, headers, told.access_key_id, self._secret)
        try:
            status, answer = self._provider.post(
                f"{endpoint}/?{canonical(query)}", headers={**headers, "Authorization": signed}
            )
        except Unanswered as unanswered:
            return unanswered.answer
        return meaning(status, answer, message.to)

    def idle(self, now: float) -> None:
        """Nothing is kept open."""

    def close(self) -> None:
        """Nothing is kept open."""


def meaning(status: int, answer: dict[str, object], to: str) -> Answer:
    """Return what an answer of SendSms says of the message."""
    code = answer.get("Code")
    if not isinstance(code, str):
        return Unclear(Why.GARBLED, f"HTTP {status}")
    if code == "OK":
        return Taken(one_line(str(answer.get("BizId", "")))[:60])
    said = without_addresses(one_line(f"{code} {answer.get('Message', '')}"), to)[:200]
    match ANSWERS.get(code):
        case Refused(why=why):
            return Refused(why, said)
        case Later(why=why, pause_seconds=pause):
            return Later(why, said, pause)
        case Down(why=why, pause_seconds=pause):
            return Down(why, said, pause)
        case _:
            if code.startswith(("isv.", "InvalidParameter", "MissingParameter")):
                return Refused(Why.TEMPLATE_REFUSED, said)
            return Later(Why.BUSY, said)


def canonical(query: dict[str, str]) -> str:
    """Return a query as it is signed: sorted, encoded as RFC 3986 has it."""
    return "&".join(
        f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(query.items())
    )


def authorization(query: dict[str, str], headers: dict[str, str], key_id: str, secret: str) -> str:
    """Return the Authorization header of a POST to / with an empty body."""
    names = sorted(headers)
    request = "\n".join(
        (
            *("POST", "/", canonical(query)),
            *(f"{name}:{headers[name].strip()}" for name in names),
            *("", ";".join(names), headers["x-acs-content-sha256"]),
        )
    )
    hashed = hashlib.sha256(request.encode()).hexdigest()
    signature = hmac.digest(secret.encode(), f"{ALGORITHM}\n{hashed}".encode(), "sha256").hex()
    return f"{ALGORITHM} Credential={key_id},SignedHeaders={';'.join(names)},Signature={signature}"
