"""What a venue has. Names are kept in both languages; times are Unix seconds, as in tickets."""

import hashlib
import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from central.core.serial import CAPACITY_MAX
from central.venue.told import NEVER_USED, PAYMENTS, ReportedUses
from paper.fields import money
from rules.ticket_class import EventRecord
from rules.ticket_class import TicketClass as ClassRecord
from wire.entry import Entry, Row, Standing, key_of, row
from wire.key import KeyRecord, Role, Status
from wire.rotating import EVENT_KEY_BYTES
from wire.secret import open_name
from wire.ticket import FLAG_ROTATION_REQUIRED
from wire.words import Words


def _list_key() -> bytes:
    return secrets.token_bytes(32)


class Venue(models.Model):
    code = models.CharField("代码 code", max_length=32, unique=True)
    name_zh = models.CharField("中文名", max_length=80)
    name_en = models.CharField("English name", max_length=80)
    currency = models.CharField("货币符号 currency sign", max_length=4, default="¥", blank=True)
    list_key = models.BinaryField(default=_list_key, max_length=32)

    class Meta:
        verbose_name = verbose_name_plural = "场馆 Venue"

    def __str__(self) -> str:
        return f"{self.name_zh} {self.name_en}"


class Checkpoint(models.Model):
    """Where uses are counted: a perimeter, a hall, a pier."""

    venue = models.ForeignKey(Venue, models.CASCADE, verbose_name="场馆 venue")
    code = models.CharField("代码 code", max_length=40)

    class Meta:
        verbose_name = verbose_name_plural = "检票点 Checkpoint"
        unique_together = [("venue", "code")]

    def __str__(self) -> str:
        return self.code


class Zone(models.Model):
    """Doors that are configured alike; a zone names its checkpoint."""

    venue = models.ForeignKey(Venue, models.CASCADE, verbose_name="场馆 venue")
    name = models.CharField("名称 name", max_length=80)
    checkpoint = models.ForeignKey(Checkpoint, models.PROTECT, verbose_name="检票点 checkpoint")

    class Meta:
        verbose_name = verbose_name_plural = "区域 Zone"

    def __str__(self) -> str:
        return self.name


class Event(models.Model):
    venue = models.ForeignKey(Venue, models.CASCADE, verbose_name="场馆 venue")
    audience = models.CharField("票面代码 audience", max_length=8, unique=True)
    name_zh = models.CharField("中文名", max_length=120)
    name_en = models.CharField("English name", max_length=120)
    opens = models.BigIntegerField("开始入场 opens (Unix)")
    closes = models.BigIntegerField("停止入场 closes (Unix)")
    shift_seconds = models.IntegerField("顺延秒数 shifted by, seconds", default=0)
    closed = models.BooleanField("停止入场 closed", default=False)
    serial_key = models.BinaryField(default=_list_key, max_length=32)
    capacity = models.PositiveIntegerField("容量 capacity", default=100_000)
    serial_bits = models.PositiveSmallIntegerField(null=True, default=None, editable=False)
    """Width of its serials, fixed by the first ticket: two widths would draw some serials twice."""
    rotating = models.BooleanField(
        "动态票码 moving codes",
        default=False,
        help_text="此后出的票只认手机上的动态码，截图无效。Tickets issued from now on open only by "
        "the moving code on a phone; a screenshot does not.",
    )
    rotation_key = models.BinaryField(max_length=32, null=True, default=None)
    """Kept for good once it was made: tickets that were sold go on moving."""
    rotation_lead_seconds = models.PositiveIntegerField(
        "入场前多久给手机发码（秒）code given to a phone so long before entry, seconds",
        default=72_000,
        blank=True,
    )

    class Meta:
        verbose_name = verbose_name_plural = "场次 Event"

    def __str__(self) -> str:
        return f"{self.name_zh} {self.name_en}"

    def save(self, *args: Any, **named: Any) -> None:
        if self.rotating and self.rotation_key is None:
            self.rotation_key = secrets.token_bytes(EVENT_KEY_BYTES)
        super().save(*args, **named)

    def clean(self) -> None:
        """Refuse a capacity for which this event's serials do not suffice."""
        super().clean()
        most = 2**self.serial_bits if self.serial_bits else CAPACITY_MAX
        if self.capacity and not 1 <= self.capacity <= most:
            why = (
                f"已出票，容量最多 {most}；更多请另建场次。"
                f"Tickets have been issued: at most {most} now; for more, make another event."
                if self.serial_bits
                else f"容量为 1 至 {most}。A capacity is 1 to {most}."
            )
            raise ValidationError({"capacity": why})

    def record(self) -> EventRecord:
        """Return what the list says of this event."""
        return EventRecord(
            audience=self.audience,
            name=Words(self.name_zh, self.name_en),
            shift_seconds=self.shift_seconds,
            closed=self.closed,
            rotation_key=bytes(self.rotation_key) if self.rotation_key else None,
        )


class TicketClass(models.Model):
    event = models.ForeignKey(Event, models.CASCADE, verbose_name="场次 event")
    code = models.PositiveIntegerField("代码 code")
    name_zh = models.CharField("中文名", max_length=80)
    name_en = models.CharField("English name", max_length=80)
    uses = models.JSONField("各检票点可用次数 uses by checkpoint", default=dict)
    exchange = models.BooleanField(
        "可换纸质票 exchanged for paper",
        default=True,
        help_text="取票机可将电子票换成纸质票。A kiosk turns its e-tickets into paper.",
    )

    entrance_zh = models.CharField("入口（印在纸质票上）", max_length=40, blank=True)
    entrance_en = models.CharField("entrance, as it is printed", max_length=40, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "票种 Ticket class"
        unique_together = [("event", "code")]

    def __str__(self) -> str:
        return f"{self.name_zh} {self.name_en}"

    def record(self) -> ClassRecord:
        """Return what the list says of this class; its row in the list is the primary key."""
        about = (self.event.audience, self.code, Words(self.name_zh, self.name_en))
        return ClassRecord(*about, self.uses, self.exchange, self.entrance)

    @property
    def entrance(self) -> Words | None:
        """Return where to go with it; in one language, where only that was written."""
        zh, en = self.entrance_zh or self.entrance_en, self.entrance_en or self.entrance_zh
        return Words(zh, en) if zh else None


class RolesVersion(models.Model):
    """Who may sign what, one version of it as it was signed (wire/signed.py)."""

    venue = models.ForeignKey(Venue, models.CASCADE, verbose_name="场馆 venue")
    version = models.PositiveIntegerField()
    bundle = models.BinaryField()

    class Meta:
        unique_together = [("venue", "version")]

    def __str__(self) -> str:
        return str(self.version)


class SigningKey(models.Model):
    """The public half; the private one is a file of central's user."""

    venue = models.ForeignKey(Venue, models.CASCADE, verbose_name="场馆 venue")
    kid = models.BinaryField(max_length=4, unique=True)
    public = models.BinaryField(max_length=32)
    status = models.CharField(
        "状态 status",
        max_length=10,
        choices=[(status.value, status.value) for status in Status],
        default=Status.ACTIVE.value,
    )
    role = models.CharField(
        "用途 role",
        max_length=10,
        choices=[(Role.TICKET.value, "出票 tickets"), (Role.EXCHANGE.value, "换票 exchange")],
        default=Role.TICKET.value,
    )
    event = models.ForeignKey(Event, models.CASCADE, null=True, verbose_name="场次 event")
    """The only one that it signs for; None: any."""
    valid_from = models.BigIntegerField("有效期自 valid from (Unix)", default=0)
    valid_until = models.BigIntegerField("有效期至 valid until (Unix)", default=2**32 - 1)

    class Meta:
        verbose_name = verbose_name_plural = "签名密钥 Signing key"

    def __str__(self) -> str:
        return bytes(self.kid).hex()

    def record(self) -> KeyRecord:
        return KeyRecord(
            bytes(self.kid),
            bytes(self.public),
            role=Role(self.role),
            audiences=(self.event.audience,) if self.event else (),
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            status=Status(self.status),
        )


class Ticket(models.Model):
    cti = models.BinaryField(max_length=16, unique=True)
    ticket_class = models.ForeignKey(TicketClass, models.PROTECT, verbose_name="票种 class")
    serial = models.BigIntegerField("序号 serial")
    generation = models.PositiveSmallIntegerField("版次 generation", default=0)
    """The least that gates take."""
    generation_given = models.PositiveSmallIntegerField(default=0, editable=False)
    """The highest that a paper was ever given, printed or not."""
    code_generation = models.PositiveSmallIntegerField(default=0, editable=False)
    """Of the code that phones, pages and shops are given; lower once a paper is the ticket."""
    quantity = models.PositiveSmallIntegerField("人数 persons", default=1)
    flags = models.PositiveSmallIntegerField(default=0)
    not_before = models.BigIntegerField("生效 from (Unix)")
    expires = models.BigIntegerField("失效 until (Unix)")
    issued_at = models.BigIntegerField("出票 issued (Unix)")
    standing = models.CharField(
        "状态 standing",
        max_length=12,
        choices=[
            (Standing.GOOD.value, "有效 good"),
            (Standing.BLOCKED.value, "冻结 blocked"),
            (Standing.REFUNDED.value, "已退 refunded"),
            (Standing.RESCHEDULED.value, "已改签 rescheduled"),
        ],
        default=Standing.GOOD.value,
        db_index=True,
    )

    sealed_name = models.BinaryField(null=True, blank=True, editable=False)
    """The holder's name as wire/secret.py seals it; nobody's, once the event is over."""
    id_check = models.BinaryField(null=True, blank=True, editable=False)
    """Two bytes of the holder's ID number; the number itself is nowhere."""
    order_number = models.CharField("订单号 order", max_length=40, blank=True, db_index=True)
    phone_digits = models.CharField("手机尾号 last digits of the phone", max_length=4, blank=True)
    area = models.CharField("区域 zone", max_length=40, blank=True)
    seat_row = models.CharField("排 row", max_length=12, blank=True)
    seat = models.CharField("座 seat", max_length=12, blank=True)
    price_cents = models.PositiveIntegerField("票价（分）price, cents", null=True, blank=True)
    paid = models.CharField("付款方式 paid by", max_length=12, blank=True, choices=PAYMENTS)
    id_digest = models.BinaryField(null=True, blank=True, editable=False, db_index=True)
    """Of the ID number, made costly, by a salt of the event: a kiosk finds the ticket by it."""
    moved_from = models.BigIntegerField("改期生效 moved: from (Unix)", null=True, blank=True)
    moved_until = models.BigIntegerField("改期失效 moved: until (Unix)", null=True, blank=True)
    """Times that outrank those in its code: the same right at another hour of the same event."""
    replaces = models.OneToOneField(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="replaced_by",
        verbose_name="改签自 rebooked from",
    )

    class Meta:
        verbose_name = verbose_name_plural = "门票 Ticket"
        unique_together = [("ticket_class", "serial")]
        permissions = [
            ("block_ticket", "冻结与解冻 block and unblock"),
            ("refund_ticket", "退票 refund"),
            ("reschedule_ticket", "改签 reschedule"),
            ("reissue_ticket", "换码 reissue"),
            ("undo_ticket", "撤销使用 undo a use"),
            ("show_ticket", "查看票码 see its code"),
        ]

    def __str__(self) -> str:
        return bytes(self.cti).hex()

    @property
    def number(self) -> str:
        """What people call it by, as on its holder's page."""
        serial = f"{self.serial:06d}"
        return f"{self.ticket_class.event.audience} {serial[:-3]} {serial[-3:]}"

    def holder(self) -> str:
        """Return the holder's name, or nothing."""
        return (
            "" if self.sealed_name is None else open_name(bytes(self.sealed_name), bytes(self.cti))
        )

    @property
    def price(self) -> str:
        """Return what it cost, with the venue's currency; nothing where that is not known."""
        cents = self.price_cents
        return "" if cents is None else money(cents, self.ticket_class.event.venue.currency)

    @property
    def on_paper(self) -> bool:
        """Whether a paper has taken the place of the phone's code."""
        return self.code_generation < self.generation

    @property
    def next_generation(self) -> int:
        """One that no code and no paper of this right ever had."""
        return max(self.generation, self.generation_given) + 1

    @property
    def must_move(self) -> bool:
        """Whether only a moving code opens with it."""
        return bool(self.flags & FLAG_ROTATION_REQUIRED)

    def entry(self, uses: ReportedUses = NEVER_USED) -> Entry:
        """Return this ticket's line of the list, with what devices reported of its uses."""
        return Entry(
            self.ticket_class_id,
            standing=Standing(self.standing),
            least_generation=self.generation,
            id_check=None if self.id_check is None else bytes(self.id_check),
            sealed_name=None if self.sealed_name is None else bytes(self.sealed_name),
            elsewhere=uses.counted,
            undone=uses.undone,
            not_before=self.moved_from,
            expires=self.moved_until,
        )

    def row(self, list_key: bytes, uses: ReportedUses = NEVER_USED) -> Row:
        return row(key_of(bytes(self.cti), list_key), self.entry(uses))


class Device(models.Model):
    venue = models.ForeignKey(Venue, models.CASCADE, verbose_name="场馆 venue")
    identity = models.CharField("编号 id", max_length=16, unique=True)
    name = models.CharField("名称 name", max_length=80)
    token_hash = models.CharField(max_length=64)
    last_seen = models.DateTimeField("最近联系 last seen", null=True, blank=True)
    list_sequence = models.BigIntegerField("名单版本 list", default=0)
    reported_rows = models.BigIntegerField("设备记录数 rows there", default=0)
    """What its last hello said its journal holds, over all epochs."""

    class Meta:
        verbose_name = verbose_name_plural = "设备 Device"

    def __str__(self) -> str:
        return self.name


def token_hash(token: str) -> str:
    """Return what is stored of a device's token."""
    return hashlib.sha256(token.encode()).hexdigest()
