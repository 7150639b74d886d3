"""How pages say what holders were told: Chinese and English side by side."""

from typing import NamedTuple

from central.core.address import Channel
from central.core.notice import Kind
from central.core.sending import State, Why

KINDS = {
    Kind.ISSUED: "出票 issued",
    Kind.REISSUED: "换码 reissued",
    Kind.RESCHEDULED: "改签 rebooked",
    Kind.MOVED: "改期 moved",
    Kind.REFUND_WAITS: "退票核实中 refund waits",
    Kind.REFUNDED: "退票确认 refunded",
    Kind.REFUND_DENIED: "退票未通过 refund denied",
    Kind.CALLED_OFF: "场次取消 called off",
    Kind.EXCHANGED: "换纸质票 exchanged",
    Kind.ADMITTED: "入场 admitted",
}
CHANNELS = {
    Channel.MAIL: "邮件 mail",
    Channel.SMS: "短信 SMS",
    Channel.WECHAT: "微信 WeChat",
}


class Look(NamedTuple):
    """A state as it is seen: a sign, words, and a colour that says the same."""

    sign: str
    said: str
    colour: str


STATES = {
    State.WAITING: Look("…", "待发 waiting", "#1f5fbf"),
    State.SENDING: Look("→", "发送中 being sent", "#1f5fbf"),
    State.SENT: Look("✓", "已发出 sent", "#0f7a57"),
    State.FAILED: Look("✗", "未发出 failed", "#b3261e"),
    State.GIVEN_UP: Look("–", "已放弃 given up", "#5d6977"),
    State.UNCLEAR: Look("?", "不确定 unclear", "#946000"),
}


class Reason(NamedTuple):
    said: str
    todo: str = ""
    """What to do about it, if there is something."""


WHY = {
    Why.NO_ADDRESS: Reason(
        "已没有这个联系方式 the address was taken away",
        "需要时在门票页补上再重发 add one on the ticket’s page and send again",
    ),
    Why.UNREADABLE: Reason(
        "联系方式打不开：密钥文件已更换 the address does not open: central’s secret changed",
        "恢复 secret 文件，或重新填写联系方式 put the secret file back, or enter the address anew",
    ),
    Why.TOO_LATE: Reason("已过时，不再发送 too late to be of use"),
    Why.OVERTAKEN: Reason("情况已变，不再发送 not so any more"),
    Why.NOT_SPOKEN: Reason(
        "没有配置这种方式或模板 this channel, or its template, is not configured",
        "检查 central.toml 的 [notices] look at [notices] in central.toml",
    ),
    Why.ADDRESS_REFUSED: Reason(
        "对方拒收：地址或号码无效 the address or number was refused",
        "核对后在门票页修改，再重发 correct it on the ticket’s page, then send again",
    ),
    Why.MESSAGE_REFUSED: Reason(
        "内容被拒绝 the message was refused",
        "看对方答复；多为内容过滤 read the answer: mostly a filter",
    ),
    Why.TEMPLATE_REFUSED: Reason(
        "模板或签名被拒绝 the template or signature was refused",
        "在服务商后台核对模板、变量与签名，改好后重发"
        " compare template, variables and signature with the provider’s console, then send again",
    ),
    Why.HOLDER_REFUSED: Reason(
        "持票人没有订阅或已拒收 the holder has not agreed, or no longer",
        "只能由持票人自己重新订阅 only the holder can change that",
    ),
    Why.LIMITED: Reason("同一号码发送太频繁 too many to this number"),
    Why.BUSY: Reason("对方暂时不收 not taken for the moment"),
    Why.UNREACHABLE: Reason(
        "连不上服务商 the provider cannot be reached",
        "检查网络与 central.toml 中的地址 look at the network, and the address in central.toml",
    ),
    Why.CREDENTIALS: Reason(
        "账号或密钥不对 the account or its secret is wrong",
        "核对 central.toml 所指的密钥文件，然后重启通知服务"
        " look at the secret’s file named in central.toml, and restart the service",
    ),
    Why.UNSAFE: Reason(
        "无法安全连接：没有 TLS，或证书不符 no safe connection: no TLS, or a wrong certificate",
        "不会改用明文；核对 host、security 与证书"
        " it is never sent in the clear; look at host, security and certificate",
    ),
    Why.SENDER_REFUSED: Reason(
        "发件人被拒绝 the sender was refused",
        "sender 要与登录账号相符 sender must belong to the account",
    ),
    Why.QUOTA: Reason(
        "今日额度已用完 the quota of the day is used up", "稍后自动再试 tried again by itself"
    ),
    Why.MONEY: Reason("短信账户欠费或停用 the account has no money left", "充值 top it up"),
    Why.GARBLED: Reason(
        "答复看不懂 an answer that makes no sense",
        "多为代理或网关拦截；核对 endpoint mostly a proxy in between: look at endpoint",
    ),
    Why.SILENT: Reason(
        "已交出，没有等到答复 handed over, and no answer came",
        "可能已送达；确认未收到再重发 it may have arrived: send again only if it has not",
    ),
    Why.DIED: Reason(
        "发送途中服务中断 the service ended while it was being sent",
        "可能已送达；确认未收到再重发 it may have arrived: send again only if it has not",
    ),
}


def why(code: str) -> Reason:
    return WHY[Why(code)] if code in Why._value2member_map_ else Reason(code)
