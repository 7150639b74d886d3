"""What was done to tickets, by whom, and what their refunds wait for. Times are Unix seconds."""

from django.db import models

from central.core.refund import State
from central.venue.models import Device, Event, Ticket, Venue
from wire.entry import Standing


class Performed(models.Model):
    """One operation as it was carried out; asked for again under its key, it is answered alike."""

    by = models.CharField("操作人 by", max_length=150)
    key = models.CharField(max_length=100)
    """The caller's own name for it."""
    request = models.CharField(max_length=64)
    """A hash of what was asked: the same key for something else is a mistake."""
    kind = models.CharField("操作 operation", max_length=20)
    why = models.CharField("原因 why", max_length=300, blank=True)
    at = models.BigIntegerField("时间 at (Unix)")
    tickets = models.JSONField(default=list)
    """Primary keys of the tickets to answer with, in order."""
    refund = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = verbose_name_plural = "操作记录 Operation"
        constraints = [models.UniqueConstraint(fields=["by", "key"], name="performed_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.by}"


class Waiting(models.Model):
    """What some refunds wait for: that each of these gates has the list with them on it."""

    venue = models.ForeignKey(Venue, models.CASCADE)
    sequence = models.BigIntegerField()
    since = models.BigIntegerField()
    """From when on the doors admitted these rights."""


class Awaited(models.Model):
    """A gate that has not reported yet; deleted when it has."""

    waiting = models.ForeignKey(Waiting, models.CASCADE, related_name="gates")
    device = models.ForeignKey(Device, models.CASCADE)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["waiting", "device"], name="awaited_once")]


class Refund(models.Model):
    ticket = models.ForeignKey(Ticket, models.PROTECT, verbose_name="门票 ticket")
    state = models.CharField(
        "状态 state",
        max_length=10,
        db_index=True,
        choices=[
            (State.ASKED.value, "确认中 confirming"),
            (State.HELD.value, "暂缓 held"),
            (State.TO_DECIDE.value, "待人工决定 to be decided"),
            (State.SETTLED.value, "可退款 settled"),
            (State.DENIED.value, "不退 denied"),
        ],
    )
    asked_at = models.BigIntegerField("申请时间 asked (Unix)")
    asked_by = models.CharField("申请人 asked by", max_length=150)
    why = models.CharField("原因 why", max_length=300, blank=True)
    inquiry = models.JSONField("申请时所知 known then", default=dict)
    standing_before = models.CharField(max_length=12, default=Standing.GOOD.value)
    """What the ticket is again if the refund is denied."""
    waiting = models.ForeignKey(Waiting, models.SET_NULL, null=True, related_name="refunds")
    ended_at = models.BigIntegerField("决定时间 ended (Unix)", null=True)
    ended_by = models.CharField("决定人 by", max_length=150, blank=True)
    """Nobody's name where it settled by itself."""
    ended_why = models.CharField("理由 why", max_length=300, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "退款 Refund"
        permissions = [("decide_refund", "决定退款 decide a refund")]
        constraints = [
            models.UniqueConstraint(
                fields=["ticket"],
                condition=~models.Q(state=State.DENIED.value),
                name="refund_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.ticket} {self.state}"


class UndoneUse(models.Model):
    """A use that was withdrawn, by its name; whatever a device says of it later, it stays so."""

    ticket = models.ForeignKey(Ticket, models.PROTECT, verbose_name="门票 ticket")
    admission = models.BinaryField(max_length=12)
    person = models.IntegerField("第几人 person")
    at = models.BigIntegerField("时间 at (Unix)")
    by = models.CharField("操作人 by", max_length=150)
    why = models.CharField("原因 why", max_length=300, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "撤销的使用 Undone use"
        constraints = [
            models.UniqueConstraint(fields=["ticket", "admission", "person"], name="undone_once")
        ]

    def __str__(self) -> str:
        return f"{self.ticket} {bytes(self.admission).hex()} {self.person}"


class CalledOff(models.Model):
    """An event all of whose tickets are refunded, a thousand at a time."""

    event = models.OneToOneField(Event, models.PROTECT, verbose_name="场次 event")
    by = models.CharField("操作人 by", max_length=150)
    why = models.CharField("原因 why", max_length=300, blank=True)
    began_at = models.BigIntegerField("开始 began (Unix)")
    ended_at = models.BigIntegerField("完成 ended (Unix)", null=True)

    class Meta:
        verbose_name = verbose_name_plural = "取消的场次 Event called off"

    def __str__(self) -> str:
        return str(self.event)
