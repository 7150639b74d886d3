"""Who may become a device, who is one, and who no longer. Times are Unix seconds."""

from django.db import models

from central.times import minute
from central.venue.models import Device, Zone


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
