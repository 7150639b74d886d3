"""Claims that are under way, the ledger's term, and the hub of a venue that has one."""

from django.core.validators import RegexValidator
from django.db import models

from central.venue.models import Device, Venue, Zone
from rules.use import Outcome
from wire.claim import Kind


class Granted(models.Model):
    """A use that was granted, or given back, and that no row speaks of yet."""

    device = models.ForeignKey(Device, models.CASCADE)
    admission = models.BinaryField(max_length=12)
    person = models.IntegerField()
    outcome = models.SmallIntegerField(default=Outcome.RESERVED.value)
    cti = models.BinaryField(max_length=16, db_index=True)
    checkpoint = models.CharField(max_length=40)
    lane = models.CharField(max_length=40)
    generation = models.IntegerField()
    wall = models.BigIntegerField()
    """Unix seconds."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device", "admission", "person"], name="claims_granted_name"
            )
        ]

    @property
    def kind(self) -> Kind:
        return Kind.ENTRY


class Term(models.Model):
    """The last term of central's own ledger."""

    venue = models.OneToOneField(Venue, models.CASCADE)
    number = models.BigIntegerField()


POLICIES = {
    "available": "不核对 available: nobody is asked",
    "hybrid": "尽量核对 hybrid: 0.15 秒内没有答复照常放行 without an answer on it goes",
    "consistent": "必须核对 consistent: 没有答复不放行 no answer, no entry",
}


class ZoneClaims(models.Model):
    """What a zone's doors claim before a right is used (edge/core/claiming.py)."""

    zone = models.OneToOneField(Zone, models.CASCADE, verbose_name="区域 zone")
    policy = models.CharField(
        "用票前核对 claims", max_length=12, choices=list(POLICIES.items()), default="available"
    )

    class Meta:
        verbose_name = verbose_name_plural = "用票前核对 Claims"

    def __str__(self) -> str:
        return self.policy


class Hub(models.Model):
    """Who answers the claims of a venue in central's place, once it has a key (hubs.py)."""

    venue = models.OneToOneField(Venue, models.CASCADE, verbose_name="场馆 venue")
    name = models.CharField("名称 name", max_length=80)
    device = models.OneToOneField(
        Device, models.SET_NULL, null=True, blank=True, editable=False, verbose_name="设备 device"
    )
    """Which of the venue's devices it is; None: it was set up by hand."""
    host = models.CharField("地址 address", max_length=80, blank=True, editable=False)
    """How devices reach its broker: `host` or `host:port`."""
    reported_key = models.CharField(max_length=64, blank=True, editable=False)
    """What the device itself says that it signs by; believed once an admin took it."""
    reported_at = models.BigIntegerField(null=True, editable=False)
    """Unix seconds."""
    heard_at = models.BigIntegerField("最近联系 last heard", null=True, editable=False)
    """Unix seconds: it says so every half minute."""
    key = models.CharField(
        "公钥 public key",
        max_length=64,
        blank=True,
        validators=[RegexValidator("^[0-9a-f]{64}$", "gatehouse hub --key")],
        help_text="在场馆节点上运行 gatehouse hub --key。保存后区域配置随之更新，由该节点答复。"
        " As `gatehouse hub --key` prints it there. Once saved, zones believe it, and it answers"
        " claims in central's place.",
    )

    class Meta:
        verbose_name = verbose_name_plural = "场馆节点 Hub"

    def __str__(self) -> str:
        return self.name
