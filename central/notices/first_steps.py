"""What is to be done before holders can be told, and which channel stands still."""

from typing import NamedTuple

from django.conf import settings

from central.core.address import Channel
from central.core.sending import Why
from central.notices import words
from central.notices.models import Contact, Line, Notice
from central.times import minute
from wire.words import Words


class Step(NamedTuple):
    """One thing to do, and how."""

    words: Words
    command: str


class Standing(NamedTuple):
    """A channel as the page shows it."""

    name: str
    waiting: int
    until: str
    """Empty: it sends."""
    why: words.Reason | None
    said: str


def lacking() -> list[Step]:
    """Return what is to be done first, first things first."""
    steps = []
    if not settings.NOTICES.channels:
        what = Words(
            "在 central.toml 中配置邮件、短信或微信，然后重启；没有配置时，不会写下任何消息",
            "Set up mail, SMS or WeChat in central.toml, and restart: until then no message is "
            "written down at all",
        )
        steps.append(Step(what, '[notices.mail] host = "smtp.example.com" …'))
    if not settings.DEVICES.url:
        what = Words(
            "在 central.toml 中写明网址：消息里的链接由它开头，否则只在本机能打开",
            "Say in central.toml by which address phones reach this server: links begin with it, "
            "and open on this machine alone without it",
        )
        steps.append(Step(what, '[devices] url = "https://central.example"'))
    if not steps and not Contact.objects.exists():
        what = Words(
            "出票时带上 contact（邮箱、手机号或 openid），或在门票页填写",
            "Issue tickets with a contact (mail, mobile, openid), or enter one on a ticket’s page",
        )
        steps.append(Step(what, 'POST /api/1/tickets {"contact": {"mail": …}}'))
    return steps


def channels() -> list[Standing]:
    """Return how each channel stands that is configured, or still has something to send."""
    lines = {line.channel: line for line in Line.objects.all()}
    found = []
    for channel in Channel:
        waiting = Notice.objects.filter(channel=channel.value, due_at__isnull=False).count()
        configured = channel in settings.NOTICES.channels
        if not configured and not waiting:
            continue
        line = lines.get(channel.value)
        name = words.CHANNELS[channel]
        if not configured:
            found.append(Standing(name, waiting, "–", words.WHY[Why.NOT_SPOKEN], ""))
        elif line and line.failures:
            found.append(
                Standing(name, waiting, minute(line.until), words.why(line.why), line.said)
            )
        else:
            found.append(Standing(name, waiting, "", None, ""))
    return found
