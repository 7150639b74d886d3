"""Orders and what became of them; configurations, wanted and reported. Times are Unix seconds."""

from django.db import models

from central.venue.models import Device


class Order(models.Model):
    """One order to one device: sealed when it was given, sent at most once."""

    device = models.ForeignKey(Device, models.PROTECT, verbose_name="设备 device")
    counter = models.BigIntegerField("编号 number")
    kind = models.CharField("指令 order", max_length=40)
    lane = models.CharField("通道 lane", max_length=40, blank=True)
    until = models.BigIntegerField("至 until (Unix)", null=True, blank=True)
    why = models.CharField("原因 why", max_length=200, blank=True)
    by = models.CharField("下达人 by", max_length=150)
    issued_at = models.BigIntegerField("下达 given (Unix)")
    expires = models.BigIntegerField("失效 expires (Unix)")
    envelope = models.BinaryField()
    sent_at = models.BigIntegerField("发出 sent (Unix)", null=True, blank=True)
    done = models.BooleanField("已执行 done", null=True, blank=True)
    """None: the device has not answered."""
    answer = models.CharField("答复 answer", max_length=300, blank=True)
    answered_at = models.BigIntegerField("答复时间 answered (Unix)", null=True, blank=True)
    """By the device's own clock."""

    class Meta:
        verbose_name = verbose_name_plural = "指令 Order"
        default_permissions = ("view",)
        permissions = [("give", "可以下达指令 Can give orders")]
        constraints = [
            models.UniqueConstraint(fields=["device", "counter"], name="order_counted_once")
        ]
        indexes = [
            models.Index(fields=["expires"], name="order_unsent", condition=models.Q(sent_at=None))
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.counter}"


class Report(models.Model):
    """What a device itself says of its orders and its configuration."""

    device = models.OneToOneField(Device, models.CASCADE, verbose_name="设备 device")
    answered = models.BigIntegerField("已答复到 answered to", default=0)
    applied = models.BigIntegerField("现用版本 in use", default=0)
    refused = models.BigIntegerField("拒绝的版本 refused", default=0)
    why = models.CharField("拒绝原因 why refused", max_length=500, blank=True)

    class Meta:
        default_permissions = ()


class Desired(models.Model):
    """What a device is to be configured as; each change of it is a new version."""

    device = models.OneToOneField(Device, models.CASCADE, verbose_name="设备 device")
    version = models.BigIntegerField("应有版本 wanted")
    text = models.TextField("设置 settings (TOML)")
    paper = models.TextField("票面模板 paper template (TOML)", default="", blank=True)
    beside = models.CharField(max_length=64, default="", blank=True, editable=False)
    """SHA-256 of what is said of the venue's hub; empty: nothing."""
    envelope = models.BinaryField()
    made_at = models.BigIntegerField("生成 made (Unix)")
    published = models.BooleanField("已发布 published", default=False)
    problem = models.CharField("有误 fault", max_length=500, blank=True)
    """Why the zone's newest text is not sent."""

    class Meta:
        verbose_name = verbose_name_plural = "设备配置 Device configuration"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.device} {self.version}"


class LogTail(models.Model):
    """The end of a device's log, as it sent it when it was ordered to."""

    device = models.ForeignKey(Device, models.CASCADE, verbose_name="设备 device")
    daemon = models.CharField("程序 daemon", max_length=40)
    lines = models.TextField("日志 log")
    received_at = models.BigIntegerField("收到 received (Unix)")

    class Meta:
        verbose_name = verbose_name_plural = "设备日志 Device log"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.device} {self.daemon}"
