"""What the live page calls things, in both languages."""

from wire.event import ClockQuality, Rung
from wire.reason import Reason
from wire.words import Words

KINDS: dict[str, Words] = {
    "authorised": Words("放行", "Admitted"),
    "reopened": Words("再次放行", "Reopened"),
    "passed": Words("已入场", "Walked in"),
    "passed-late": Words("迟到入场", "Walked in late"),
    "abandoned": Words("未通过", "Did not walk in"),
    "uncertain": Words("不确定", "Uncertain"),
    "refused": Words("拒绝", "Refused"),
    "tailgated": Words("尾随", "Tailgated"),
    "forced": Words("强行通过", "Forced"),
    "wrong-way": Words("逆行", "Wrong way"),
    "left": Words("离场", "Left"),
    "released": Words("消防放行", "Released by fire contact"),
    "secured": Words("恢复管控", "Secured"),
    "mode-changed": Words("模式变更", "Mode changed"),
    "opened-by-hand": Words("人工开闸", "Opened by hand"),
    "sensor-fault": Words("传感器异常", "Sensor fault"),
    "obstructed": Words("通道受阻", "Obstructed"),
    "driver-lost": Words("设备断开", "Device lost"),
    "driver-found": Words("设备恢复", "Device back"),
    "rung-changed": Words("名单状态变化", "List state changed"),
    "list-distrusted": Words("名单可疑", "List not to be trusted"),
    "key-suspected": Words("密钥可能泄露", "Key may have leaked"),
    "budget-used-up": Words("离线额度用尽", "Offline budget used up"),
    "clock-stepped": Words("时钟跳变", "Clock stepped"),
    "command-answered": Words("指令", "Command"),
    "configuration-applied": Words("配置生效", "Configuration applied"),
    "configuration-refused": Words("配置被拒", "Configuration refused"),
    "enrolment-shown": Words("出示了登记码", "Enrolment code shown"),
    "exchanged": Words("已换纸质票", "Exchanged for paper"),
    "reissued": Words("补打纸质票", "Paper reissued"),
    "print-unknown": Words("出票不明", "Print outcome unknown"),
    "retracted": Words("纸票收回", "Paper retracted"),
    "printer-said": Words("打印机状态", "Printer state"),
    "paper-changed": Words("更换纸卷", "Paper changed"),
    "day-ended": Words("当日结账", "Day ended"),
}

REASONS: dict[str, Words] = {
    Reason.EMPTY.value: Words("没有读到码", "no code"),
    Reason.OVERSIZED.value: Words("过长", "too long"),
    Reason.NOT_A_TICKET.value: Words("不是门票", "not a ticket"),
    Reason.PAYMENT_CODE.value: Words("付款码", "payment code"),
    Reason.STAFF_CARD.value: Words("无效工作卡", "staff card not valid"),
    Reason.ENROLMENT_CODE.value: Words("设备登记码", "enrolment code"),
    Reason.MALFORMED.value: Words("票码残缺", "incomplete code"),
    Reason.UNKNOWN_KEY.value: Words("未知密钥", "unknown key"),
    Reason.KEY_REVOKED.value: Words("密钥已吊销", "key revoked"),
    Reason.FORGED.value: Words("伪造", "forged"),
    Reason.STATIC_COPY.value: Words("截图", "static copy"),
    Reason.CODE_TOO_OLD.value: Words("动态码过期", "moving code too old"),
    Reason.UNKNOWN.value: Words("不在名单", "not on the list"),
    Reason.BLOCKED.value: Words("已冻结", "blocked"),
    Reason.REFUNDED.value: Words("已退票", "refunded"),
    Reason.RESCHEDULED.value: Words("已改签", "rebooked"),
    Reason.SUPERSEDED.value: Words("已换新票", "replaced"),
    Reason.WRONG_EVENT.value: Words("场次不符", "other event"),
    Reason.WRONG_GATE.value: Words("入口不符", "other gate"),
    Reason.TOO_EARLY.value: Words("未到时间", "too early"),
    Reason.TOO_LATE.value: Words("已过期", "expired"),
    Reason.USED.value: Words("已使用", "already used"),
    Reason.BEING_USED.value: Words("正在使用", "in use"),
    Reason.TOO_MANY.value: Words("人数已满", "group complete"),
    Reason.COLLECTED.value: Words("纸质票已取", "paper collected"),
    Reason.BEING_COLLECTED.value: Words("正在取票", "being printed"),
    Reason.NOT_EXCHANGED.value: Words("票种不换票", "class has no paper"),
    Reason.NO_SUCH_ORDER.value: Words("无此订单", "no such order"),
    Reason.TOO_MANY_TRIES.value: Words("尝试过多", "too many tries"),
    Reason.NO_NETWORK.value: Words("无法联网", "no connection"),
    Reason.PRINTER_CANNOT.value: Words("打印机不可用", "printer not available"),
    Reason.SEE_STAFF.value: Words("需人工", "staff"),
    Reason.OFFLINE_LIMIT.value: Words("离线额度用尽", "offline limit"),
    Reason.OUT_OF_SERVICE.value: Words("暂停使用", "out of service"),
    Reason.NO_RECORD.value: Words("无法记录", "cannot record"),
    Reason.LIST_DAMAGED.value: Words("名单损坏", "list damaged"),
    Reason.CLOCK_SUSPECT.value: Words("时钟异常", "clock suspect"),
    Reason.NO_ANSWER.value: Words("未获核验", "not confirmed in time"),
}


RUNGS: dict[str, Words] = {
    Rung.FRESH.value: Words("名单最新", "list fresh"),
    Rung.STALE.value: Words("名单较旧", "list stale"),
    Rung.SIGNATURE_AND_REVOCATIONS.value: Words("仅验签与冻结名单", "signature and revocations"),
    Rung.SIGNATURE_ONLY.value: Words("仅验签", "signature only"),
}
CLOCKS: dict[str, Words] = {
    ClockQuality.SIGNED.value: Words("时钟已签", "clock signed"),
    ClockQuality.UNCONFIRMED.value: Words("时钟未证实", "clock unconfirmed"),
    ClockQuality.SUSPECT.value: Words("时钟可疑", "clock suspect"),
}
ALARMS: dict[str, Words] = {
    "printer-cannot": Words("取票机不能打印", "A kiosk cannot print"),
    "kiosk-lacks": Words("取票机有部件断开", "A kiosk has lost a part of it"),
    "paper-near-end": Words("取票机纸将用尽", "A kiosk's paper is near its end"),
    "papers-unbalanced": Words("取票机账目与打印机计数不符", "A kiosk's books do not agree"),
    "key-suspected": Words(
        "验签通过的票不在名单：签票密钥可能泄露",
        "A good signature on a ticket that is not listed: a ticket key may have leaked",
    ),
    "not-issued": Words(
        "放行了一张从未签发的票：签票密钥可能泄露",
        "A ticket that nobody issued was let in: a ticket key may have leaked",
    ),
    "configuration-not-ours": Words(
        "有人冒用中心名义向设备发送配置，设备未采用",
        "A device was sent a configuration that is not central's, and did not use it",
    ),
}


def spoken(words: Words, language: str) -> str:
    return words.zh if language.startswith("zh") else words.en
