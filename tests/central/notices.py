"""What tests of notices have in common: a venue that tells, a ticket with a contact, a sender."""

import dataclasses
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from tests.central.test_api import ORDER, ROLES, Shop, new_key
from tests.mail_server import MailServer

MAIL, MOBILE, OPENID = "Zoe.Li@Example.com", "138 1234 5678", "oAbCdEfGhIjKlMnOpQrStUvWxYz0"
CONTACT = {"mail": MAIL, "mobile": MOBILE, "openid": OPENID, "language": "zh"}
SENDER = "tickets@venue.example"
ALL = (
    *("issued", "reissued", "rescheduled", "moved", "refund-waits", "refunded"),
    *("refund-denied", "called-off", "exchanged", "admitted"),
)
FIELDS = {"thing1": "event", "character_string2": "number", "time3": "opens_at", "thing4": "what"}


def told(**channels: Any) -> Any:
    """Return [notices] as central.toml would have it."""
    from central.notices.config import Notices

    return msgspec.convert(channels, Notices)


def mail_told(port: int = 25, **more: Any) -> dict[str, Any]:
    plain = {"host": "127.0.0.1", "port": port, "security": "none", "sender": SENDER}
    return {**plain, "sender_name": "场馆 Venue", "per_minute": 6000, **more}


def sms_told(endpoint: str = "http://127.0.0.1:9", **more: Any) -> dict[str, Any]:
    names = {kind: f"SMS_{number}" for number, kind in enumerate(ALL, 100)}
    account = {"access_key_id": "LTAIexample", "access_key_secret": "aliyun-secret"}
    about = {"sign_name": "某某场馆", "templates": {"zh": names}, "per_minute": 6000}
    return {**account, **about, "endpoint": endpoint, **more}


def wechat_told(endpoint: str = "http://127.0.0.1:9", **more: Any) -> dict[str, Any]:
    templates = {kind: {"id": f"T-{kind}", "fields": FIELDS} for kind in ALL}
    account = {"app_id": "wx1234567890abcdef", "app_secret": "wechat-secret"}
    return {**account, "templates": templates, "endpoint": endpoint, "per_minute": 6000, **more}


def tell_by(monkeypatch: pytest.MonkeyPatch, **channels: Any) -> Any:
    """Configure these channels in this process; return what was told."""
    from django.conf import settings

    made = told(**channels)
    monkeypatch.setattr(settings, "NOTICES", made)
    return made


def shop() -> Shop:
    return Shop(new_key(*ROLES))


def issued(shop: Shop, **contact: Any) -> Any:
    """Let a shop issue a ticket; return it as central has it."""
    from central.venue.models import Ticket

    status, made = shop.post("tickets", {**ORDER, "contact": {**CONTACT, **contact}})
    assert status == 200, made
    return Ticket.objects.get(cti=bytes.fromhex(made["cti"]))


def rows(**such: Any) -> list[Any]:
    from central.notices.models import Notice

    return list(Notice.objects.filter(**such).order_by("pk"))


def kinds(**such: Any) -> list[tuple[str, str]]:
    """Return (what, by which channel) of what is in the outbox, in its order."""
    return [(row.kind, row.channel) for row in rows(**such)]


def only(**such: Any) -> Any:
    (row,) = rows(**such)
    return row


def sender_of(channel: str, config: Any, secret: str = "") -> Any:
    """Return the sender of one channel, as the daemon would make it."""
    from central.core.address import Channel
    from central.notices.mail import Post
    from central.notices.sender import Sender
    from central.notices.sms import Texts
    from central.notices.wechat import Account

    made: Any = {"mail": Post, "sms": Texts, "wechat": Account}[channel]
    carrier = made(getattr(config, channel), secret)
    return Sender(Channel(channel), carrier, 6000)


def run_through(sender: Any, most: int = 50) -> None:
    """Let a sender take all that is due."""
    stopping = threading.Event()
    for _ in range(most):
        if sender.step(stopping) > 0:
            return
    raise AssertionError("it never comes to an end")


def due_now(**such: Any) -> None:
    """Let as much time pass as what is open is to wait."""
    from central.notices.models import Notice

    Notice.objects.filter(due_at__isnull=False, **such).update(due_at=time.time() - 1)


def mended(sender: Any) -> None:
    """Let as much time pass as a channel pauses."""
    from central.core.sending import GOOD

    sender._line = dataclasses.replace(sender._line or GOOD, until=0.0)  # noqa: SLF001


@contextmanager
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Catch whatever is logged, at any level."""
    said = list[str]()
    with caplog.at_level("DEBUG"):
        yield said
    said += [record.getMessage() for record in caplog.records]


def texts(server: MailServer) -> list[str]:
    return [one.text for one in server.taken]
