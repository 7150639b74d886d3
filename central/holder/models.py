"""Links to tickets, and the phones that moving codes belong to."""

from django.db import models

from central.venue.models import Ticket


class Link(models.Model):
    """Where a ticket's holder finds it. The token itself is not in the database."""

    ticket = models.OneToOneField(Ticket, models.CASCADE, related_name="link")
    number = models.PositiveIntegerField(default=1)
    """Raised to make another link; the one before leads nowhere then."""
    token_hash = models.CharField(max_length=64, unique=True)

    class Meta:
        verbose_name = verbose_name_plural = "链接 Link"

    def __str__(self) -> str:
        return str(self.ticket)


class Phone(models.Model):
    """A phone that was given a ticket's key; the only one, until it is released."""

    ticket = models.ForeignKey(Ticket, models.CASCADE, verbose_name="门票 ticket")
    signing = models.BinaryField(max_length=65)
    """P-256 point, uncompressed (SEC 1, 2.3.3): what the phone signs its requests with."""
    agreement = models.BinaryField(max_length=65)
    """P-256 point: what its key is sealed to."""
    bound_at = models.DateTimeField("绑定 bound", auto_now_add=True)
    kept_at = models.DateTimeField("已收到 key kept", null=True)
    """When it said that it has the key, which is never given again then."""
    released_at = models.DateTimeField("解除 released", null=True)
    released_by = models.CharField("解除人 by", max_length=150, blank=True)
    others_refused = models.PositiveIntegerField("其他手机被拒 other phones refused", default=0)
    last_other_at = models.DateTimeField("最近一次 last of them", null=True)

    class Meta:
        verbose_name = verbose_name_plural = "手机 Phone"
        constraints = [
            models.UniqueConstraint(
                fields=["ticket"],
                condition=models.Q(released_at__isnull=True),
                name="one_phone_a_ticket",
            )
        ]

    def __str__(self) -> str:
        return bytes(self.signing)[1:5].hex()
