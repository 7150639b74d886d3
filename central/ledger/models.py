"""What devices reported. Written by ingest's own SQL; read by pages and totals."""

from django.db import models

from central.venue.models import Device


class _Row(models.Model):
    """One journal row, as it came. `persons` and `reason` are read out of it for counting."""

    # No index of its own: its name begins with the device, and each index is work for every row.
    device = models.ForeignKey(Device, models.CASCADE, verbose_name="设备 device", db_index=False)
    epoch = models.BinaryField(max_length=8)
    seq = models.BigIntegerField("序号 seq")
    hash = models.BinaryField(max_length=32)
    body = models.BinaryField()
    kind = models.CharField("事件 event", max_length=40)
    lane = models.CharField("通道 lane", max_length=40, default="")
    reason = models.CharField("原因 reason", max_length=40, default="")
    persons = models.IntegerField("人数 persons", default=0)
    about = models.BinaryField(max_length=16, null=True)
    """The right that it is about, or the admission where it names only that."""
    wall_ms = models.BigIntegerField("时间 time (ms)")
    received_ms = models.BigIntegerField("收到 received (ms)")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.kind} {self.seq}"


class Row(_Row):
    """Of each name, the row that came first."""

    class Meta:
        verbose_name = verbose_name_plural = "记录 Row"
        constraints = [models.UniqueConstraint(fields=["device", "epoch", "seq"], name="row_name")]
        indexes = [
            # Not by `db_index`, which makes a second one on PostgreSQL, for patterns.
            models.Index(fields=["kind"], name="row_kind"),
            models.Index(fields=["wall_ms"]),
            models.Index(fields=["about"], name="row_about", condition=~models.Q(about=None)),
        ]


class OtherRow(_Row):
    """A row whose name another one has: its device was put back to an older state, or copied.

    It happened all the same, and counts as much as the one that came first.
    """

    class Meta:
        verbose_name = verbose_name_plural = "同名记录 Other row"
        constraints = [
            models.UniqueConstraint(fields=["device", "epoch", "seq", "hash"], name="other_row")
        ]
        indexes = [
            models.Index(fields=["kind"], name="other_row_kind"),
            models.Index(fields=["about"], name="other_row_about", condition=~models.Q(about=None)),
        ]


class Prefix(models.Model):
    """How far one epoch of a device is here without a hole."""

    device = models.ForeignKey(Device, models.CASCADE, db_index=False)
    epoch = models.BinaryField(max_length=8)
    upto = models.BigIntegerField(default=0)
    told = models.BigIntegerField(default=0)
    """The highest row that the device has said it wrote; above `upto`, some have yet to come."""
    ends_at = models.BigIntegerField(null=True)
    """The last row of it that the next epoch names: whatever came after is forgotten there."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "epoch"], name="prefix_name")]


class Use(models.Model):
    """One use of a right: the highest outcome reported of it, whatever the order."""

    device = models.ForeignKey(Device, models.CASCADE, db_index=False)
    admission = models.BinaryField(max_length=12)
    person = models.IntegerField()
    outcome = models.SmallIntegerField()
    cti = models.BinaryField(max_length=16, null=True)
    checkpoint = models.CharField(max_length=40, null=True)
    generation = models.SmallIntegerField(null=True)
    """Of the code that was shown; with cti and checkpoint unknown until its admission is here."""
    wall_ms = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "admission", "person"], name="use_name")
        ]
        indexes = [models.Index(fields=["cti"])]


class Footing(models.Model):
    """What a device's decisions stand on, as its rows last said."""

    device = models.OneToOneField(Device, models.CASCADE)
    rung = models.CharField("名单状态 rung", max_length=40, default="")
    since_ms = models.BigIntegerField("自 since (ms)", default=0)
    why = models.CharField("原因 why", max_length=200, default="")
    unconfirmed = models.BigIntegerField("未经名单确认 not confirmed", default=0)
    """Persons admitted since the list was last fresh there."""
    filled_ms = models.BigIntegerField(default=0)
    """When the offline budget was last full again."""
    used_up = models.BooleanField("离线额度用尽 budget used up", default=False)
    clock = models.CharField("时钟 clock", max_length=12, default="")
    skew_ms = models.BigIntegerField("时差 skew (ms)", default=0)
    list_told_ms = models.BigIntegerField(null=True)
    """When its sync last said which list it has. What its doors went by is in their rows."""
    list_sequence = models.BigIntegerField("名单版本 list", null=True)
    list_confirmed_ms = models.BigIntegerField("名单确认于 list confirmed at (ms)", null=True)

    def __str__(self) -> str:
        return self.rung


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
    """What a person should look at: two rows of one name, a chain that does not hold.

    `detail` says what it is about; what happened is told from all rows, when it is looked at.
    """

    kind = models.CharField("事由 kind", max_length=40)
    device = models.ForeignKey(Device, models.CASCADE, verbose_name="设备 device")
    detail = models.JSONField("详情 detail")
    about = models.BinaryField(max_length=16, null=True)
    """The right that it is about, if it is about one."""
    received_ms = models.BigIntegerField("收到 received (ms)")
    seen_at = models.BigIntegerField("处理时间 seen (Unix)", null=True, blank=True)
    seen_by = models.CharField("处理人 seen by", max_length=150, blank=True)
    note = models.CharField("处理说明 note", max_length=300, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "异常 Incident"
        permissions = [("attend_incident", "处理异常 attend to incidents")]
        constraints = [
            models.UniqueConstraint(fields=["kind", "device", "detail"], name="incident_once")
        ]
        indexes = [
            models.Index(fields=["about"], name="incident_about", condition=~models.Q(about=None)),
            models.Index(
                fields=["received_ms"], name="incident_unseen", condition=models.Q(seen_at=None)
            ),
        ]

    def __str__(self) -> str:
        return self.kind
