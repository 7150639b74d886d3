"""What central answers when something cannot be done: a stable code, and a sentence to read out."""

from enum import StrEnum

from wire.words import Words


class Code(StrEnum):
    """Programs rely on these words; they never change their meaning."""

    NO_SUCH_TICKET = "no-such-ticket"
    NO_SUCH_CLASS = "no-such-class"
    NO_SUCH_REFUND = "no-such-refund"
    NO_SUCH_USE = "no-such-use"
    NO_SUCH_PAGE = "no-such-page"
    KEY_REUSED = "idempotency-key-reused"
    ALREADY_REFUNDED = "already-refunded"
    ALREADY_RESCHEDULED = "already-rescheduled"
    IS_BLOCKED = "is-blocked"
    WAS_ADMITTED = "was-admitted"
    MAY_HAVE_BEEN_ADMITTED = "may-have-been-admitted"
    NOTHING_TO_DECIDE = "nothing-to-decide"
    TIMES_WRONG = "times-wrong"
    HOLDER_WRONG = "holder-wrong"
    SEATS_WRONG = "seats-wrong"
    CONTACT_WRONG = "contact-wrong"
    NOTHING_TO_CHANGE = "nothing-to-change"
    TOO_MANY = "too-many"
    EVENT_FULL = "event-full"
    TOO_MANY_REISSUES = "too-many-reissues"
    NO_SIGNING_KEY = "no-signing-key"
    WHO_ARE_YOU = "who-are-you"
    NOT_ALLOWED = "not-allowed"
    TOO_OFTEN = "too-often"
    MALFORMED = "malformed"
    TOO_LARGE = "too-large"
    METHOD = "method-not-allowed"
    TRY_AGAIN = "try-again"


_SAID: dict[Code, tuple[int, Words]] = {
    Code.NO_SUCH_TICKET: (404, Words("没有这张票。", "There is no such ticket.")),
    Code.NO_SUCH_CLASS: (
        404,
        Words("没有这个场次或票种。", "There is no such event or ticket class."),
    ),
    Code.NO_SUCH_REFUND: (404, Words("没有这笔退款。", "There is no such refund.")),
    Code.NO_SUCH_USE: (
        404,
        Words("这张票没有这次使用记录。", "This ticket has no such use on record."),
    ),
    Code.NO_SUCH_PAGE: (404, Words("没有这个地址。", "There is nothing at this address.")),
    Code.KEY_REUSED: (
        409,
        Words(
            "这个 Idempotency-Key 已用于另一项操作，请换一个。",
            "This Idempotency-Key was used for something else; take a new one.",
        ),
    ),
    Code.ALREADY_REFUNDED: (409, Words("这张票已经退过。", "This ticket is refunded already.")),
    Code.ALREADY_RESCHEDULED: (
        409,
        Words("这张票已改签，请操作新票。", "This ticket was rebooked; use the new one."),
    ),
    Code.IS_BLOCKED: (
        409,
        Words("这张票已冻结，请先解冻。", "This ticket is blocked; unblock it."),
    ),
    Code.WAS_ADMITTED: (
        409,
        Words("这张票已入场，不能改签。", "This ticket was admitted; it cannot be rebooked."),
    ),
    Code.MAY_HAVE_BEEN_ADMITTED: (
        409,
        Words(
            "有闸机失联，无法确定这张票是否已入场；如愿承担风险，请注明 accept_risk。",
            "Some gates are silent and may have admitted it; say accept_risk to go on.",
        ),
    ),
    Code.NOTHING_TO_DECIDE: (
        409,
        Words("这笔退款已经有结论。", "This refund has been decided already."),
    ),
    Code.TIMES_WRONG: (
        409,
        Words("失效时间须晚于生效时间。", "It must end later than it begins."),
    ),
    Code.HOLDER_WRONG: (
        409,
        Words(
            "姓名最多 80 字，证件号为 4 到 30 位字母或数字。",
            "A name has at most 80 characters, an ID number 4 to 30 letters or digits.",
        ),
    ),
    Code.SEATS_WRONG: (
        409,
        Words("请为每张票各给一个座位，或都不给。", "Name a seat for each ticket, or none."),
    ),
    Code.CONTACT_WRONG: (
        409,
        Words(
            "邮箱、手机号或微信 openid 无效",
            "This is no mail address, mobile number or WeChat openid",
        ),
    ),
    Code.NOTHING_TO_CHANGE: (
        409,
        Words(
            "请注明新的场次、票种，或新的起止时间。",
            "Name another event or class, or when it begins and ends.",
        ),
    ),
    Code.TOO_MANY: (409, Words("一次最多 1000 张。", "At most 1000 tickets at once.")),
    Code.EVENT_FULL: (409, Words("这个场次的票号已用完。", "This event has no serials left.")),
    Code.TOO_MANY_REISSUES: (
        409,
        Words("这张票换码次数已到上限。", "This ticket was given as many codes as it can have."),
    ),
    Code.NO_SIGNING_KEY: (
        503,
        Words(
            "场馆没有可用的签名密钥，请联系管理员。",
            "The venue has no signing key; tell its admin.",
        ),
    ),
    Code.WHO_ARE_YOU: (
        401,
        Words("缺少有效的接口密钥。", "A valid API key is missing: Authorization: Bearer …"),
    ),
    Code.NOT_ALLOWED: (403, Words("这个密钥无权这样做。", "This key may not do that.")),
    Code.TOO_OFTEN: (429, Words("请求太频繁，请稍后再试。", "Too many requests; wait a moment.")),
    Code.MALFORMED: (422, Words("请求内容有误", "The request cannot be read")),
    Code.TOO_LARGE: (413, Words("请求过大。", "The request is too large.")),
    Code.METHOD: (405, Words("这个地址不支持该方法。", "This address has no such method.")),
    Code.TRY_AGAIN: (
        503,
        Words("数据库暂时没有回应，请稍后重试。", "The database does not answer; try again."),
    ),
}


class Refused(Exception):
    """Something cannot be done, for a reason that whoever asked can understand."""

    def __init__(self, code: Code, detail: str = "", wait_seconds: float = 0.0) -> None:
        self.code = code
        self.wait_seconds = wait_seconds
        self.status, said = _SAID[code]
        self.said = Words(f"{said.zh}：{detail}", f"{said.en}: {detail}") if detail else said
        super().__init__(f"{self.said.zh} · {self.said.en}")
