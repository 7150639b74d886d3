"""Where a holder is reached, the outbox of what they are told, and channels that are paused."""

from django.db import models

from central.core.address import Channel, Language
from central.core.notice import Kind
from central.core.sending import State
from central.notices import words
from central.venue.models import Ticket


class Contact(models.Model):
    """The addresses of a ticket's holder, each sealed (central/notices/contacts.py)."""

    ticket = models.OneToOneField(Ticket, models.CASCADE, related_name="contact")
    sealed_mail = models.BinaryField(null=True, editable=False)
    sealed_mobile = models.BinaryField(null=True, editable=False)
    sealed_openid = models.BinaryField(null=True, editable=False)
    language = models.CharField(
        "语言 language",
        max_length=2,
        default=Language.ZH.value,
        choices=[(Language.ZH.value, "中文"), (Language.EN.value, "English")],
    )

    class Meta:
        verbose_name = verbose_name_plural = "联系方式 Contact"

    def __str__(self) -> str:
        return str(self.ticket)


class Notice(models.Model):
    """One thing that a holder is told by one channel. Neither words nor address are in here."""

    ticket = models.ForeignKey(Ticket, models.CASCADE, verbose_name="门票 ticket")
    kind = models.CharField(
        "内容 what", max_length=16, choices=[(kind.value, words.KINDS[kind]) for kind in Kind]
    )
    about = models.CharField(max_length=40, blank=True)
    """Which reissue, refund or paper: the same is told once, however often it is reported."""
    channel = models.CharField(
        "方式 by",
        max_length=8,
        choices=[(one.value, words.CHANNELS[one]) for one in Channel],
    )
    detail = models.JSONField(default=dict)
    """Where and when, of what happened at a kiosk or a gate."""
    name = models.CharField(max_length=24)
    """24 hex digits, drawn: by it the provider knows one that comes twice."""
    state = models.CharField(
        "状态 state",
        max_length=10,
        default=State.WAITING.value,
        choices=[(one.value, words.STATES[one].said) for one in State],
    )
    tries = models.PositiveSmallIntegerField("次数 tries", default=0)
    written_at = models.BigIntegerField("生成 written (Unix)")
    due_at = models.FloatField(null=True)
    """When it is to be taken next; of one that is being sent, when that has taken too long."""
    ended_at = models.BigIntegerField("结束 ended (Unix)", null=True)
    why = models.CharField("原因 why", max_length=20, blank=True)
    said = models.CharField("对方答复 answer", max_length=200, blank=True)
    """What the provider said, or how it calls the message; without the address."""

    class Meta:
        verbose_name = verbose_name_plural = "消息 Message"
        permissions = [("send_again", "重新发送 send again")]
        constraints = [
            models.UniqueConstraint(
                fields=["ticket", "kind", "about", "channel"], name="notice_once"
            )
        ]
        indexes = [
            # What is over is never due, so that this leads past it however much there is.
            models.Index(fields=["channel", "due_at"], name="notice_due"),
            models.Index(fields=["ended_at"], name="notice_ended"),
        ]

    def __str__(self) -> str:
        return f"{words.KINDS[Kind(self.kind)]} · {words.CHANNELS[Channel(self.channel)]}"


class Line(models.Model):
    """How a channel is (central.core.sending.Line), as its sender last wrote it down."""

    channel = models.CharField(max_length=8, unique=True)
    failures = models.PositiveIntegerField(default=0)
    until = models.FloatField(default=0.0)
    why = models.CharField(max_length=20, blank=True)
    said = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.channel
