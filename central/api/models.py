"""Who may use the API: one key for each channel that sells."""

from django.db import models

from central.venue.models import Venue


class ChannelKey(models.Model):
    """The key itself is nowhere: only its hash, and what one can recognise it by."""

    venue = models.ForeignKey(Venue, models.CASCADE, verbose_name="场馆 venue")
    name = models.CharField("渠道 channel", max_length=80)
    key_hash = models.CharField(max_length=64, unique=True)
    begins_with = models.CharField("开头 begins with", max_length=12)
    may_read = models.BooleanField("可查询 may read", default=True)
    may_issue = models.BooleanField("可出票、换码、改签 may issue", default=False)
    """And reissue and reschedule, and so see codes."""
    may_refund = models.BooleanField("可冻结、退票 may block and refund", default=False)
    may_undo = models.BooleanField("可撤销使用 may undo uses", default=False)
    """Apart from the others: whoever holds it can let somebody in twice."""
    per_minute = models.PositiveIntegerField("每分钟请求上限 per minute", default=600)
    created_at = models.BigIntegerField("创建 created (Unix)")
    created_by = models.CharField("创建人 by", max_length=150)
    last_used_at = models.BigIntegerField("最近使用 last used (Unix)", null=True)
    revoked_at = models.BigIntegerField("停用 revoked (Unix)", null=True)

    class Meta:
        verbose_name = verbose_name_plural = "接口密钥 API key"

    def __str__(self) -> str:
        return f"{self.name} {self.begins_with}…"

    @property
    def caller(self) -> str:
        """Return who this is in the books; never two keys the same."""
        return f"api:{self.pk}:{self.name}"
