"""What a holder is told of a ticket, in Chinese and in English, as somebody would say it."""

from dataclasses import dataclass
from enum import StrEnum

from central.core.address import Language
from wire.words import Words


class Kind(StrEnum):
    ISSUED = "issued"
    REISSUED = "reissued"
    RESCHEDULED = "rescheduled"
    MOVED = "moved"
    REFUND_WAITS = "refund-waits"
    REFUNDED = "refunded"
    REFUND_DENIED = "refund-denied"
    CALLED_OFF = "called-off"
    EXCHANGED = "exchanged"
    ADMITTED = "admitted"


NOTHING = Words("", "")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a message is made of."""

    event: Words
    number: str
    """What the ticket is called by."""
    opens: Words
    """When its holder may enter."""
    link: str
    """Its holder's page; whoever opens it can show the ticket."""
    opens_at: str = ""
    """The same as opens, in WeChat's form: 2026年11月27日 20:00."""
    where: str = ""
    """The kiosk or the gate."""
    at: Words = NOTHING
    """When it happened there."""
    happened_at: str = ""
    """The same as at, in WeChat's form."""
    person_decides: bool = False
    """Of a refund that waits: for a person, not for gates."""
    settled: bool = True
    """Of an event called off: whether the money may go already."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message in one language: its top line, paragraphs, and whether the link belongs in."""

    subject: str
    paragraphs: tuple[str, ...]
    linked: bool


SHORT: dict[Kind, Words] = {
    Kind.ISSUED: Words("电子票已出票", "Ticket issued"),
    Kind.REISSUED: Words("已换新票码，旧码作废", "New code, old void"),
    Kind.RESCHEDULED: Words("已改签，原票作废", "Ticket rebooked"),
    Kind.MOVED: Words("入场时间已更改", "Entry time changed"),
    Kind.REFUND_WAITS: Words("退票申请核实中", "Refund being checked"),
    Kind.REFUNDED: Words("退票已确认", "Refund confirmed"),
    Kind.REFUND_DENIED: Words("退票申请未通过", "Refund declined"),
    Kind.CALLED_OFF: Words("场次已取消，将退款", "Called off, refunded"),
    Kind.EXCHANGED: Words("已换成纸质票", "Exchanged for paper"),
    Kind.ADMITTED: Words("已入场", "Admitted"),
}
"""At most 20 characters each: they fit into a line of WeChat's."""

PHRASE: dict[Kind, str] = {
    Kind.ISSUED: "已出票",
    Kind.REISSUED: "已换码",
    Kind.RESCHEDULED: "已改签",
    Kind.MOVED: "已改期",
    Kind.REFUND_WAITS: "核实中",
    Kind.REFUNDED: "已退票",
    Kind.REFUND_DENIED: "未通过",
    Kind.CALLED_OFF: "已取消",
    Kind.EXCHANGED: "已换票",
    Kind.ADMITTED: "已入场",
}
"""A `phrase` of WeChat's: up to five Chinese characters."""

LINKED = frozenset({Kind.ISSUED, Kind.REISSUED, Kind.RESCHEDULED, Kind.MOVED})
"""Those whose holder needs the page; a link that nobody needs is one more that can be read."""

_KEEP = Words(
    "请勿转发这个链接：谁打开它，谁就能出示您的票。",
    "Please keep this link to yourself: whoever opens it can show your ticket.",
)
_NOT_YOU = Words(
    "如果不是您本人，请马上联系现场工作人员。",
    "If that was not you, please tell the staff at once.",
)


def say(kind: Kind, facts: Facts, language: Language) -> Said:
    """Return what is said of `kind`, in the holder's language."""
    subject, paragraphs = _SAID[kind](facts)
    zh = language is Language.ZH
    event = facts.event.zh if zh else facts.event.en
    top = f"{subject.zh}：{event}" if zh else f"{subject.en}: {event}"
    told = tuple(one.zh if zh else one.en for one in paragraphs)
    return Said(top, told, kind in LINKED)


_Told = tuple[Words, tuple[Words, ...]]


def _issued(facts: Facts) -> _Told:
    return Words("您的电子票", "Your ticket"), (
        Words(
            f"您的{facts.event.zh}电子票已出票，票号 {facts.number}。",
            f"Here is your ticket for {facts.event.en}, number {facts.number}.",
        ),
        _doors(facts),
        _KEEP,
    )


def _reissued(facts: Facts) -> _Told:
    return Words("您的票码已更换", "Your ticket has a new code"), (
        Words(
            f"您的票 {facts.number}（{facts.event.zh}）换了新票码，"
            "原来的票码和它的截图、纸质票都不能再入场。",
            f"Your ticket {facts.number} for {facts.event.en} has a new code. The old one, any "
            "screenshot of it and any paper no longer open the doors.",
        ),
        _doors(facts),
        _KEEP,
    )


def _rescheduled(facts: Facts) -> _Told:
    return Words("您的票已改签", "Your ticket was rebooked"), (
        Words(
            f"您的票已改签为{facts.event.zh}，新票号 {facts.number}。原来的票不再有效。",
            f"Your ticket was rebooked: the new one is for {facts.event.en}, number "
            f"{facts.number}. The old one is no longer good.",
        ),
        _doors(facts),
        _KEEP,
    )


def _moved(facts: Facts) -> _Told:
    return Words("入场时间已更改", "Your time has changed"), (
        Words(
            f"您的票 {facts.number}（{facts.event.zh}）改了入场时间，票码不变。",
            f"Your ticket {facts.number} for {facts.event.en} is now good at another time. Its "
            "code is the same.",
        ),
        _doors(facts),
        _KEEP,
    )


def _refund_waits(facts: Facts) -> _Told:
    asked = Words(
        f"我们收到了 {facts.number}（{facts.event.zh}）的退票申请，这张票现在起不能入场。",
        f"We have the request to refund ticket {facts.number} for {facts.event.en}. The ticket "
        "opens no door from now on.",
    )
    if facts.person_decides:
        return Words("退票申请待核实", "Your refund is being looked into"), (
            asked,
            Words(
                "记录显示这张票可能已经用过，工作人员核实后会把结果告诉您。",
                "Our records say that it may have been used. A member of staff looks into it, and "
                "you will hear from us.",
            ),
        )
    return Words("退票申请核实中", "Your refund is being checked"), (
        asked,
        Words(
            "我们正在确认它没有用过，确认后票款就可以退还。您什么也不用做。",
            "We are making sure that it was not used; then the money can go back. There is "
            "nothing for you to do.",
        ),
    )


def _refunded(facts: Facts) -> _Told:
    return Words("退票已确认", "Your refund is confirmed"), (
        Words(
            f"{facts.number}（{facts.event.zh}）的退票已确认，这张票不能再入场。",
            f"The refund of ticket {facts.number} for {facts.event.en} is confirmed. The ticket "
            "opens no door any more.",
        ),
        _MONEY,
    )


_MONEY = Words(
    "票款由您购票的地方退还，到账时间以它为准。",
    "The money comes from where you bought the ticket, in its own time.",
)


def _refund_denied(facts: Facts) -> _Told:
    return Words("退票申请未通过", "Your refund was declined"), (
        Words(
            f"很抱歉，{facts.number}（{facts.event.zh}）的退票申请没有通过，票和申请之前一样。",
            f"We are sorry: the refund of ticket {facts.number} for {facts.event.en} was "
            "declined. The ticket is what it was before.",
        ),
        Words("如有疑问，请联系您购票的地方。", "If you have questions, ask where you bought it."),
    )


def _called_off(facts: Facts) -> _Told:
    money = Words("退款确认后，我们会再告诉您。", "We will tell you once the refund is confirmed.")
    return Words("场次取消", "Called off"), (
        Words(
            f"非常抱歉，{facts.event.zh}已取消，请不要前往。",
            f"We are very sorry: {facts.event.en} has been called off. Please do not come.",
        ),
        Words(
            f"您的票 {facts.number} 将退款，您什么也不用做。",
            f"Your ticket {facts.number} will be refunded; there is nothing for you to do.",
        ),
        _MONEY if facts.settled else money,
    )


def _exchanged(facts: Facts) -> _Told:
    return Words("已换成纸质票", "Exchanged for paper"), (
        Words(
            f"您的票 {facts.number}（{facts.event.zh}）于 {facts.at.zh} 在“{facts.where}”"
            "换成了纸质票。现在凭纸质票入场，手机上的票码作废。",
            f"Your ticket {facts.number} for {facts.event.en} was exchanged for paper at "
            f"“{facts.where}”, {facts.at.en}. The paper is the ticket now; the code on the phone "
            "is void.",
        ),
        _NOT_YOU,
    )


def _admitted(facts: Facts) -> _Told:
    return Words("已入场", "Admitted"), (
        Words(
            f"您的票 {facts.number}（{facts.event.zh}）于 {facts.at.zh} 在“{facts.where}”入场。",
            f"Your ticket {facts.number} for {facts.event.en} was used at “{facts.where}”, "
            f"{facts.at.en}.",
        ),
        _NOT_YOU,
    )


def _doors(facts: Facts) -> Words:
    return Words(
        f"{facts.opens.zh} 起入场。到时在手机上打开下面的页面，出示票码：",
        f"Doors open {facts.opens.en}. Open this page on your phone then, and show the code:",
    )


_SAID = {
    Kind.ISSUED: _issued,
    Kind.REISSUED: _reissued,
    Kind.RESCHEDULED: _rescheduled,
    Kind.MOVED: _moved,
    Kind.REFUND_WAITS: _refund_waits,
    Kind.REFUNDED: _refunded,
    Kind.REFUND_DENIED: _refund_denied,
    Kind.CALLED_OFF: _called_off,
    Kind.EXCHANGED: _exchanged,
    Kind.ADMITTED: _admitted,
}


def values(kind: Kind, facts: Facts, language: Language) -> dict[str, str]:
    """Return what a template of an SMS or of WeChat can be filled with, by name."""
    zh = language is Language.ZH
    return {
        "event": facts.event.zh if zh else facts.event.en,
        "number": facts.number,
        "opens": facts.opens.zh if zh else facts.opens.en,
        "opens_at": facts.opens_at,
        "where": facts.where,
        "at": facts.at.zh if zh else facts.at.en,
        "happened_at": facts.happened_at or facts.opens_at,
        "what": SHORT[kind].zh if zh else SHORT[kind].en,
        "state": PHRASE[kind],
        "code": facts.link.rpartition("/")[2],
    }


NAMES = frozenset(values(Kind.ISSUED, Facts(NOTHING, "", NOTHING, ""), Language.ZH))
"""What a field of a template may be filled with."""

SMS_VARIABLES: dict[Kind, tuple[str, ...]] = {
    Kind.ISSUED: ("event", "number", "opens", "code"),
    Kind.REISSUED: ("event", "number", "code"),
    Kind.RESCHEDULED: ("event", "number", "opens", "code"),
    Kind.MOVED: ("event", "number", "opens", "code"),
    Kind.REFUND_WAITS: ("event", "number"),
    Kind.REFUNDED: ("event", "number"),
    Kind.REFUND_DENIED: ("event", "number"),
    Kind.CALLED_OFF: ("event", "number"),
    Kind.EXCHANGED: ("event", "number", "where", "at"),
    Kind.ADMITTED: ("event", "number", "where", "at"),
}
"""The variables of each template, as docs/notifications.md has them to be applied for."""
