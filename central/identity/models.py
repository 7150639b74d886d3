"""Who may become a device, who is one, and who no longer. Times are Unix seconds."""

from django.db import models

from central.times import minute
from central.venue.models import Device, Venue, Zone
from rules.zone import CardDoes
from rules.zone import StaffCard as ToldCard

DOES = [
    (CardDoes.OPEN_ONCE.value, "开一次 open once"),
    (CardDoes.FREE_PASS.value, "自由通行 free passage"),
    (CardDoes.OUT_OF_SERVICE.value, "暂停使用 out of service"),
    (CardDoes.KIOSK.value, "取票机工作页 a kiosk's staff pages"),
]
FREE_MINUTES = int(ToldCard("", "").minutes)
"""How long free passage lasts where nobody said."""


class Certificate(models.Model):
    """A device's certificate as it was issued; its private key never left the device."""

    device = models.ForeignKey(Device, models.CASCADE, verbose_name="设备 device")
    serial = models.CharField("序列号 serial", max_length=40, unique=True)
    """Hex digits: it is longer than any integer of a database."""
    der = models.BinaryField()
    not_before = models.BigIntegerField("生效 from (Unix)")
    not_after = models.BigIntegerField("到期 until (Unix)")
    revoked_at = models.BigIntegerField("吊销 revoked (Unix)", null=True, blank=True)
    seen_at = models.BigIntegerField("首次使用 first used (Unix)", null=True, blank=True)
    """Once a device has used the next one, this one is not renewed any more."""

    class Meta:
        verbose_name = verbose_name_plural = "证书 Certificate"

    def __str__(self) -> str:
        return self.serial


class Enrolment(models.Model):
    """One code that one device may use once. The code itself is nowhere: only its hash."""

    device = models.ForeignKey(Device, models.CASCADE, verbose_name="设备 device")
    code_hash = models.CharField(max_length=64, unique=True)
    by = models.CharField("登记人 by", max_length=150)
    created_at = models.BigIntegerField("生成 made (Unix)")
    expires_at = models.BigIntegerField("失效 until (Unix)")
    used_at = models.BigIntegerField("使用 used (Unix)", null=True, blank=True)
    withdrawn = models.BooleanField("作废 withdrawn", default=False)
    wrong_codes = models.PositiveSmallIntegerField("错码 wrong codes", default=0)
    used_again = models.PositiveIntegerField("重复使用 used again", default=0)
    """More than none: somebody else has seen the code, and one of the two is not the device."""
    certificate = models.ForeignKey(Certificate, models.SET_NULL, null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "登记 Enrolment"

    def __str__(self) -> str:
        return f"{self.device} {minute(self.created_at)}"


class Denied(models.Model):
    """A device that is not to be let in, whatever certificate it shows."""

    device = models.OneToOneField(Device, models.CASCADE, verbose_name="设备 device")
    at = models.BigIntegerField("时间 at (Unix)")
    by = models.CharField("操作人 by", max_length=150)

    class Meta:
        verbose_name = verbose_name_plural = "停用的设备 Denied device"

    def __str__(self) -> str:
        return str(self.device)


class Placement(models.Model):
    """The zone whose settings a device is given when it is enrolled."""

    device = models.OneToOneField(Device, models.CASCADE, verbose_name="设备 device")
    zone = models.ForeignKey(Zone, models.PROTECT, verbose_name="区域 zone")

    class Meta:
        verbose_name = verbose_name_plural = "设备所在区域 Placement"

    def __str__(self) -> str:
        return f"{self.device} {self.zone}"


class ZoneText(models.Model):
    """A zone's settings as its devices read them: the text of zone.toml."""

    zone = models.OneToOneField(Zone, models.CASCADE, verbose_name="区域 zone")
    text = models.TextField("设置 settings (TOML)")

    class Meta:
        verbose_name = verbose_name_plural = "区域设置 Zone settings"

    def __str__(self) -> str:
        return str(self.zone)


class StaffCard(models.Model):
    """A card by which staff act at gates and kiosks without central. Of its code a digest is kept.

    Kept for good: rows of gates name it, also after it was withdrawn.
    """

    venue = models.ForeignKey(Venue, models.PROTECT, verbose_name="场馆 venue")
    name = models.CharField("持卡人 whose it is", max_length=40)
    does = models.CharField(
        "用途 what it does", max_length=20, choices=DOES, default=CardDoes.OPEN_ONCE.value
    )
    minutes = models.PositiveSmallIntegerField("分钟 minutes", default=FREE_MINUTES)
    """After which free passage ends by itself; of other cards it means nothing."""
    zones = models.ManyToManyField(Zone, blank=True, verbose_name="区域 zones")
    everywhere = models.BooleanField("全部区域 all zones", default=True, editable=False)
    """Said apart from `zones`: a card is not good everywhere because its only zone was deleted."""
    digest = models.CharField(max_length=64, editable=False)
    """`wire.staff_card.digest` of its code, 64 hex digits."""
    asked = models.CharField(max_length=32, unique=True, editable=False)
    """Which form asked for it: the same form sent again makes no second card."""
    made_at = models.BigIntegerField("制作 made (Unix)", editable=False)
    by = models.CharField("制作人 by", max_length=150, editable=False)
    withdrawn_at = models.BigIntegerField("作废 withdrawn (Unix)", null=True, editable=False)
    withdrawn_by = models.CharField(
        "作废人 withdrawn by", max_length=150, default="", blank=True, editable=False
    )

    shown_once = ""
    """What a card that was just drawn says; never kept."""

    class Meta:
        verbose_name = verbose_name_plural = "工作卡 Staff card"
        default_permissions = ("add", "change", "view")
        constraints = [
            models.UniqueConstraint(fields=["venue", "digest"], name="staff_card_code_once")
        ]

    def __str__(self) -> str:
        return self.name
