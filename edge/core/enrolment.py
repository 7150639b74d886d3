"""What a device says about its enrolment, to whoever holds its service contact."""

from enum import StrEnum

from edge.core.notice import Lamp, Notice, Sound
from wire.words import Words

ENDED_SECONDS = 20.0
UNDER_WAY_SECONDS = 120.0
"""Longer than enrolling takes; whoever waits is told nothing more if sync is not there."""

NOT_ENROLLED = Notice(
    Lamp.CLOSED,
    Sound.NONE,
    Words("本机尚未登记", "Not enrolled yet"),
    Words(
        "按住维护开关，出示登记码",
        "Hold the service contact and show the enrolment code",
    ),
)
UNDER_WAY = Notice(
    Lamp.WAIT,
    Sound.ACCEPT,
    Words("正在登记", "Enrolling"),
    Words("请稍候，约半分钟", "Wait, this takes half a minute"),
    UNDER_WAY_SECONDS,
)
CONTACT_NOT_HELD = Notice(
    Lamp.STOP,
    Sound.REFUSE,
    Words("请按住维护开关", "Hold the service contact"),
    Words("按住的同时再出示登记码", "Hold it, then show the code again"),
    ENDED_SECONDS,
)
NO_CONTACT = Notice(
    Lamp.STOP,
    Sound.REFUSE,
    Words("未接维护开关", "No service contact"),
    Words("请在本机运行 gatehouse enrol 登记码", "On this device run: gatehouse enrol TEXT"),
    ENDED_SECONDS,
)


class Failure(StrEnum):
    """Why a device was not enrolled, by what a person can do about it."""

    MISREAD = "misread"
    UNREACHABLE = "unreachable"
    IMPOSTOR = "impostor"
    REFUSED = "refused"
    DEFERRED = "deferred"
    UNUSABLE = "unusable"
    UNWRITABLE = "unwritable"
    ROWS_LEFT = "rows-left"


_FAILED = {
    Failure.MISREAD: Words(
        "登记码没有读对，请调亮屏幕再试",
        "The code was not read right: brighten the screen and show it again",
    ),
    Failure.UNREACHABLE: Words(
        "连不上中央服务器，请检查网络后再试",
        "Central cannot be reached: check the network and show the code again",
    ),
    Failure.IMPOSTOR: Words(
        "对方不是登记码所指的中央服务器，可能有人冒充，请通知管理员",
        "Not the central that the code names: somebody may be in between; tell the admins",
    ),
    Failure.REFUSED: Words(
        "中央服务器不接受此登记码，请重新生成",
        "Central does not take this code: have a new one made",
    ),
    Failure.DEFERRED: Words(
        "证书机构要先审核，请稍后再出示同一登记码",
        "The certificate authority looks at it first: show the same code again later",
    ),
    Failure.UNUSABLE: Words(
        "中央服务器的设置无法使用，请通知管理员",
        "What central answers cannot be used: tell the admins",
    ),
    Failure.UNWRITABLE: Words(
        "存储卡无法写入，请更换后再试",
        "The card cannot be written: change it and try again",
    ),
    Failure.ROWS_LEFT: Words(
        "本机还有记录未上传，请先连上原来的中央服务器",
        "Records wait to be sent: connect this device to its present central first",
    ),
}
DONE = Words("登记完成", "Enrolled: this device now goes to work")
DONE_BEFORE = Words("已用此登记码登记过", "Enrolled with this very code before")


def failed(why: Failure, detail: str = "") -> Words:
    """Return what to say; `detail` is central's own sentence, in English."""
    said = _FAILED[why]
    return Words(f"{said.zh}（{detail}）", f"{said.en} ({detail})") if detail else said


def ended(done: bool, said: Words) -> Notice:
    """Return what the panel shows when it is over."""
    if done:
        return Notice(Lamp.GO, Sound.ACCEPT, Words("登记成功", "Enrolled"), said, ENDED_SECONDS)
    title = Words("登记失败", "Not enrolled")
    return Notice(Lamp.STOP, Sound.REFUSE, title, said, ENDED_SECONDS)
