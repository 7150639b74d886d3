"""What orders are called and how they stand, in both languages."""

from wire import command as wire
from wire.words import Words

KINDS: dict[str, Words] = {
    "open-once": Words("开一次", "Open once"),
    "hold-open": Words("保持打开（至）", "Hold open until"),
    "free-pass": Words("自由通行（至）", "Free passage until"),
    "lock-entry": Words("暂停入场", "Lock entry"),
    "back-to-normal": Words("恢复正常", "Back to normal"),
    "reload": Words("重新读取配置", "Reload the configuration"),
    "identify": Words("闪灯鸣响以便查找", "Blink and beep"),
    "send-logs": Words("发送日志", "Send logs"),
    "reset-clock-floor": Words("重置时钟下限", "Reset the clock's floor"),
}
"""Keys are the tags of wire/command.py."""

WITH_LANE = {wire.kind(one) for one in (wire.OpenOnce(""), wire.LockEntry(), wire.Identify())} | {
    "hold-open",
    "free-pass",
    "back-to-normal",
}
WITH_END = {"hold-open", "free-pass"}


def both(words: Words) -> str:
    return f"{words.zh} {words.en}"


def of(kind: str) -> str:
    return both(KINDS[kind]) if kind in KINDS else kind


STANDINGS: dict[str, Words] = {
    "done": Words("✓ 已执行", "done"),
    "refused": Words("✗ 被拒绝", "refused"),
    "unsent": Words("… 待发出", "to be sent"),
    "waiting": Words("… 已发出，等待答复", "sent, no answer yet"),
    "unanswered": Words("! 已过期，无答复", "expired without an answer"),
    "expired": Words("! 已过期，未发出", "expired unsent"),
}


def standing(done: bool | None, sent_at: int | None, expires: int, now: float) -> str:
    """Return how an order stands: a key of STANDINGS."""
    if done is not None:
        return "done" if done else "refused"
    if now > expires:
        return "expired" if sent_at is None else "unanswered"
    return "unsent" if sent_at is None else "waiting"
