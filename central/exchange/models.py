"""Papers as they were granted and as kiosks report them, kiosks' printers, and wrong guesses."""

from django.db import models

from central.core.papers import Step
from central.venue.models import Device, Event, SigningKey, Ticket
from wire.paper import Sort

STEPS = {
    Step.RESERVED: "打印中 printing",
    Step.GIVEN_BACK: "未打印 not printed",
    Step.PRINTED: "已送打印 printed",
    Step.CONFIRMED: "已确认 confirmed",
    Step.UNKNOWN: "不明 unknown",
    Step.TEST: "测试 test",
    Step.RECEIPT: "收据 receipt",
    Step.EXCHANGED: "已换票 exchanged",
    Step.REISSUED: "补打 reissued",
    Step.RETRACTED: "收回 retracted",
}
SORTS = {
    Sort.EXCHANGE: "换票 exchange",
    Sort.REISSUE: "补打 reissue",
    Sort.TEST: "测试 test",
    Sort.RECEIPT: "收据 receipt",
}


class Paper(models.Model):
    """One paper of one kiosk, by its name: the highest step that was said of it."""

    device = models.ForeignKey(Device, models.CASCADE, verbose_name="取票机 kiosk")
    paper = models.BinaryField(max_length=12)
    ticket = models.ForeignKey(Ticket, models.PROTECT, null=True, verbose_name="门票 ticket")
    sort = models.CharField(
        "用途 for", max_length=10, choices=[(sort.value, said) for sort, said in SORTS.items()]
    )
    generation = models.PositiveSmallIntegerField("版次 generation", default=0)
    step = models.PositiveSmallIntegerField(
        "状态 state", choices=[(step.value, said) for step, said in STEPS.items()], db_index=True
    )
    granted_at = models.BigIntegerField("批准 granted (Unix)", default=0)
    """0: central was not asked, as for a test, or its answer was forgotten with a copy."""
    wall_ms = models.BigIntegerField("时间 time (ms)", default=0)
    began_ms = models.BigIntegerField(default=0)
    """When its first row was written; the day that it belongs to."""
    seen = models.BooleanField("已到闸机 seen at a door", default=False)
    by = models.CharField("操作人 by", max_length=80, blank=True)
    why = models.CharField("原因 why", max_length=300, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "纸质票 Paper"
        constraints = [models.UniqueConstraint(fields=["device", "paper"], name="paper_name")]
        indexes = [models.Index(fields=["wall_ms"])]

    def __str__(self) -> str:
        return bytes(self.paper).hex()


class PrinterState(models.Model):
    """What a kiosk last said of its printer and its roll."""

    device = models.OneToOneField(Device, models.CASCADE, verbose_name="取票机 kiosk")
    state = models.CharField("打印机 printer", max_length=40)
    able = models.BooleanField("可打印 can print", default=False)
    paper_left = models.IntegerField("余纸（张）tickets left", null=True)
    wall_ms = models.BigIntegerField("时间 time (ms)")
    gone = models.CharField("断开 gone", max_length=200, blank=True, default="")
    """Its drivers that are lost, with commas between: readers, and the browser that shows it."""
    gone_ms = models.BigIntegerField(default=0)
    day_ended_ms = models.BigIntegerField("结账 day ended (ms)", null=True)
    day_ended_by = models.CharField("结账人 by", max_length=80, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "打印机 Printer"

    def __str__(self) -> str:
        return self.state


class CutReading(models.Model):
    """The count of cut papers that a printer told at one time, or somebody read from it."""

    device = models.ForeignKey(Device, models.CASCADE)
    epoch = models.BinaryField(max_length=8)
    seq = models.BigIntegerField()
    cut = models.BigIntegerField()
    wall_ms = models.BigIntegerField()
    by = models.CharField(max_length=80, blank=True)
    """Who typed it at central; its epoch is empty then."""

    class Meta:
        permissions = [("count_papers", "登记打印机计数 type a printer's count")]
        constraints = [
            models.UniqueConstraint(fields=["device", "epoch", "seq"], name="reading_once")
        ]


class Delegation(models.Model):
    """Leave for a kiosk to exchange by itself, while central is away, for some hours."""

    device = models.ForeignKey(Device, models.CASCADE, verbose_name="取票机 kiosk")
    event = models.ForeignKey(Event, models.CASCADE, verbose_name="场次 event")
    valid_from = models.BigIntegerField("自 from (Unix)")
    valid_until = models.BigIntegerField("至 until (Unix)")
    revoked = models.BooleanField("已撤销 revoked", default=False, editable=False)
    by = models.CharField("授权人 by", max_length=80, blank=True, editable=False)
    key = models.OneToOneField(
        SigningKey, models.SET_NULL, null=True, editable=False, verbose_name="密钥 key"
    )
    """None until the kiosk has asked."""

    class Meta:
        verbose_name = verbose_name_plural = "离线换票授权 Leave to exchange offline"

    def __str__(self) -> str:
        return f"{self.device} · {self.event}"


class WrongGuess(models.Model):
    """Failures in a row: of one kiosk, or at one order. The name is a keyed hash."""

    subject = models.CharField(max_length=64, unique=True)
    failures = models.PositiveSmallIntegerField(default=0)
    first_at = models.FloatField(default=0.0)
    locked_until = models.FloatField(default=0.0)
