"""What devices reported. Written by ingest's own SQL; read by pages and totals."""

from django.db import models

from central.venue.models import Device


class Row(models.Model):
    """One journal row, as it came. `persons` and `reason` are read out of it for counting."""

    device = models.ForeignKey(Device, models.CASCADE, verbose_name="设备 device")
    epoch = models.BinaryField(max_length=8)
    seq = models.BigIntegerField("序号 seq")
    hash = models.BinaryField(max_length=32)
    body = models.BinaryField()
    kind = models.CharField("事件 event", max_length=40, db_index=True)
    lane = models.CharField("通道 lane", max_length=40, default="")
    reason = models.CharField("原因 reason", max_length=40, default="")
    persons = models.IntegerField("人数 persons", default=0)
    wall_ms = models.BigIntegerField("时间 time (ms)")
    received_ms = models.BigIntegerField("收到 received (ms)")

    class Meta:
        verbose_name = verbose_name_plural = "记录 Row"
        constraints = [models.UniqueConstraint(fields=["device", "epoch", "seq"], name="row_name")]
        indexes = [models.Index(fields=["wall_ms"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.seq}"


class Prefix(models.Model):
    """How far one epoch of a device is here without a hole."""

    device = models.ForeignKey(Device, models.CASCADE)
    epoch = models.BinaryField(max_length=8)
    upto = models.BigIntegerField(default=0)
    told = models.BigIntegerField(default=0)
    """The highest row that the device has said it wrote; above `upto`, some have yet to come."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "epoch"], name="prefix_name")]


class Use(models.Model):
    """One use of a right: the highest outcome reported of it, whatever the order."""

    device = models.ForeignKey(Device, models.CASCADE)
    admission = models.BinaryField(max_length=12)
    person = models.IntegerField()
    outcome = models.SmallIntegerField()
    cti = models.BinaryField(max_length=16, null=True)
    checkpoint = models.CharField(max_length=40, null=True)
    wall_ms = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "admission", "person"], name="use_name")
        ]
        indexes = [models.Index(fields=["cti"])]


class Quarantine(models.Model):
    """What came and could not be read, or came from nobody we know."""

    topic = models.CharField("主题 topic", max_length=200)
    payload = models.BinaryField()
    why = models.CharField("原因 why", max_length=300)
    received_ms = models.BigIntegerField("收到 received (ms)")

    class Meta:
        verbose_name = verbose_name_plural = "隔离 Quarantine"

    def __str__(self) -> str:
        return self.why


class Incident(models.Model):
    """What a person should look at: two rows of one name, a chain that does not hold."""

    kind = models.CharField("事由 kind", max_length=40)
    device = models.ForeignKey(Device, models.CASCADE, verbose_name="设备 device")
    detail = models.JSONField("详情 detail")
    received_ms = models.BigIntegerField("收到 received (ms)")

    class Meta:
        verbose_name = verbose_name_plural = "异常 Incident"
        constraints = [
            models.UniqueConstraint(fields=["kind", "device", "detail"], name="incident_once")
        ]

    def __str__(self) -> str:
        return self.kind
