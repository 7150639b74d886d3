"""What is to be done before devices can be enrolled, and who tried to be one that it is not."""

import time
from typing import NamedTuple

from django.conf import settings

from central.identity import adoption, authority
from central.identity.access import WARNING_DAYS, ends_at, running_out
from central.identity.enrolling import CERTIFICATE_ABUSED, CODE_ABUSED
from central.ledger.models import Incident
from central.lists import heartbeat
from central.venue.models import Device, RolesVersion, Venue, Zone
from wire.words import Words

ALARM_SECONDS = 30 * authority.DAY

ABUSED = {
    CODE_ABUSED: Words(
        "有人用另一台设备使用了它的登记码。如果不是您，请吊销此设备。",
        "Somebody used its enrolment code with another device. If that was not you, revoke it.",
    ),
    CERTIFICATE_ABUSED: Words(
        "有人用它的旧证书申请续期，可能有人复制了存储卡。请检查，必要时重新登记。",
        "Somebody tried to renew a certificate that it had replaced: its card may have been "
        "copied. Look at it, and enrol it anew if in doubt.",
    ),
}


class Step(NamedTuple):
    """One thing to do, and how."""

    words: Words
    command: str


def lacking() -> list[Step]:
    """Return what is to be done before a device can be enrolled, first things first."""
    steps = []
    if not RolesVersion.objects.exists():
        what = Words("建立场馆及其签名密钥", "Make the venue and its signing keys")
        steps.append(Step(what, "gatehouse central prepare --file venue.json"))
    try:
        authority.load()
    except authority.AuthorityMissing:
        what = Words(
            "建立证书机构，然后把根密钥移到离线处",
            "Make the certificate authority, then take its root key offline",
        )
        steps.append(Step(what, "gatehouse central authority init"))
    now = int(time.time())
    steps += _certificates(now)
    if adoption.list_ends() - now < WARNING_DAYS * authority.DAY:
        what = Words(
            "机构根证书的吊销列表即将到期，到期后任何设备都无法连接：请取来新的",
            "The site's root has a revocation list that ends soon, and then no device gets in: "
            "bring a newer one",
        )
        steps.append(Step(what, "gatehouse central authority adopt CERTIFICATES LIST"))
    if not settings.DEVICES.url:
        what = Words(
            "在 central.toml 中写明设备如何连接本服务器，然后重启",
            "Say in central.toml how devices reach this server, and restart it",
        )
        steps.append(Step(what, '[devices] url = "https://central.example"'))
    if Venue.objects.exists() and not Zone.objects.exists():
        what = Words(
            "添加区域并选择检票点：设备登记后得到它的设置",
            "Add a zone and its checkpoint: a device gets its settings when it is enrolled",
        )
        steps.append(Step(what, "/admin/venue/zone/add/"))
    steps += _clock(now)
    if not steps and Venue.objects.exists() and not Device.objects.exists():
        what = Words("添加第一台设备，随后显示二维码", "Add the first device; its code comes next")
        steps.append(Step(what, ""))
    return steps


def _certificates(now: int) -> list[Step]:
    steps = []
    if ends_at(authority.public() / "server.pem") - now < WARNING_DAYS * authority.DAY:
        what = Words(
            "为网页服务签发证书（尚无，或即将到期），写上设备和浏览器所用的全部地址",
            "Give the web server a certificate, by every name that it is called by: it has none, "
            "or one that ends soon",
        )
        steps.append(Step(what, "gatehouse central authority server NAME …"))
    if running_out(now):
        what = Words(
            "为消息服务签发证书（尚无，或即将到期）和访问权限",
            "Give the broker its access list and certificates: it has none, or some that end soon",
        )
        steps.append(Step(what, "gatehouse central authority broker NAME …"))
    return steps


def _clock(now: int) -> list[Step]:
    if heartbeat.ahead(now) > heartbeat.AHEAD_SECONDS:
        what = Words(
            "中心的时钟曾经偏快：若现在正确，请重置心跳时间，再给闸机下达“重置时钟下限”",
            "Central's clock was ahead: if it is right now, let heartbeats follow it, and then "
            "give the gates the order to reset their clock's floor",
        )
        return [Step(what, "gatehouse central clock reset")]
    return []


def alarms() -> list[tuple[Device, Words]]:
    """Return of which devices somebody else pretended to be one, in the last month."""
    since = int(time.time() - ALARM_SECONDS) * 1000
    found = Incident.objects.filter(kind__in=ABUSED, received_ms__gt=since)
    return [(one.device, ABUSED[one.kind]) for one in found.select_related("device")[:20]]
