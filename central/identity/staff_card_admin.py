"""Where admins make a staff card, print it, see who has one, and withdraw it."""

import re
import secrets
import time
from typing import Any, ClassVar

import segno
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import F, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import mark_safe
from unfold.admin import ModelAdmin

from central import times
from central.identity import staff_cards
from central.identity.models import StaffCard
from central.identity.staff_card_form import StaffCardForm
from central.orders.behind import Behind, behind
from central.venue.models import Venue, Zone
from rules.zone import CardDoes
from wire.staff_card import PREFIX

CARDS = "admin:identity_staffcard_changelist"
ASKED = re.compile("[0-9a-f]{32}")
GROUP = 4
MADE_ALREADY = (
    "此卡已制作，卡码不再显示；若未打印，请作废后重新添加"
    " · This card was made already and its code is not shown again: if it was not printed,"
    " withdraw it and add another"
)
BADGE_MADE = "{name}: 工牌数秒内生效 · the badge is good within seconds"
NOBODY = (
    "这些区域还没有设备，此卡暂时无处可用：请在设备页勾选设备，选“移到区域”"
    " · No device stands in these zones, so none knows the card: tick devices on their page and"
    " choose “Move to a zone”"
)
NONE_GOOD = "所选的卡都已作废 · All of these are withdrawn already"
WITHDRAWN = (
    "已作废，数秒内在线设备即停用 · Withdrawn: devices that are online stop within seconds: {}"
)


@admin.register(StaffCard)
class StaffCardAdmin(ModelAdmin):  # type: ignore[misc]
    """A card that was withdrawn stays as it was; none is ever deleted."""

    form = StaffCardForm
    when_empty = (
        "还没有工作卡：先为闸机、取票机选择区域，再添加一张卡，打印后交给员工，在设备的扫码器上出示。"
        " No staff cards yet: place gates and kiosks in a zone, add a card, print it and hand it"
        " out; it is shown to the device's own reader."
    )
    list_display = ("name", "standing", "does", "lasts", "where", "made", "by")
    list_before_template = "identity/cards_behind.html"
    change_form_before_template = "identity/card_asked.html"
    readonly_fields = ("where", "standing", "made", "by", "withdrawn", "withdrawn_by")
    search_fields = ("name",)
    ordering = (F("withdrawn_at").desc(nulls_first=True), "name", "pk")
    actions = ("withdraw",)
    conditional_fields: ClassVar[dict[str, str]] = {
        "minutes": f"does == '{CardDoes.FREE_PASS.value}'"
    }

    made = times.column("made_at", "制作 made")
    withdrawn = times.column("withdrawn_at", "作废 withdrawn")

    @admin.display(description="状态 state", ordering="withdrawn_at")
    def standing(self, card: StaffCard) -> str:
        return "✓ 有效 good" if card.withdrawn_at is None else "✗ 已作废 withdrawn"

    @admin.display(description="时长 lasts")
    def lasts(self, card: StaffCard) -> str:
        return f"{card.minutes} min" if card.does == CardDoes.FREE_PASS.value else times.NONE

    @admin.display(description="区域 zones")
    def where(self, card: StaffCard) -> str:
        if card.everywhere:
            return "全部 all"
        return ", ".join(str(zone) for zone in card.zones.all()) or "已删除 deleted"

    def get_queryset(self, request: HttpRequest) -> QuerySet[StaffCard]:
        found: QuerySet[StaffCard] = super().get_queryset(request)
        return found.prefetch_related("zones")

    def get_fields(self, request: HttpRequest, obj: StaffCard | None = None) -> list[str]:
        said = ["name", "does", "minutes", "zones"]
        if obj is None:
            several = Venue.objects.count() > 1
            return [*(["venue"] if several else []), *said, "badge"]
        if not self.has_change_permission(request, obj):
            said[-1] = "where"  # Django says "-" of none.
        ended = [] if obj.withdrawn_at is None else ["withdrawn", "withdrawn_by"]
        return [*said, "standing", "made", "by", *ended]

    def has_change_permission(self, request: HttpRequest, obj: StaffCard | None = None) -> bool:
        ended = obj is not None and obj.withdrawn_at is not None
        return not ended and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # Gates' rows name it.

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        late = behind(_zones(Zone.objects.all())) if StaffCard.objects.exists() else []
        answer: HttpResponse = super().changelist_view(
            request, {**(extra_context or {}), "behind": late}
        )
        return answer

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        told = {**(extra_context or {}), "asked": _asked(request)}
        if object_id is None:
            told |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        if request.method != "POST":
            return self._form(request, object_id, form_url, told)
        with transaction.atomic():
            # One at a time: together, two cards might be too many for a zone.
            list(Venue.objects.select_for_update().order_by("pk"))
            if object_id is None and StaffCard.objects.filter(asked=told["asked"]).exists():
                self.message_user(request, MADE_ALREADY, messages.WARNING)
                return HttpResponseRedirect(reverse(CARDS))
            return self._form(request, object_id, form_url, told)

    def _form(
        self, request: HttpRequest, object_id: str | None, form_url: str, told: dict[str, Any]
    ) -> HttpResponse:
        return super().changeform_view(request, object_id, form_url, told)  # type: ignore[no-any-return]

    def save_model(self, request: HttpRequest, obj: StaffCard, form: Any, change: bool) -> None:
        if change:
            # Not the whole of it: somebody may be withdrawing it.
            obj.save(update_fields=["name", "does", "minutes", "everywhere"])
            return
        obj.asked, obj.made_at = _asked(request), int(time.time())
        obj.by = request.user.get_username()
        obj.save()

    def response_add(
        self, request: HttpRequest, obj: StaffCard, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show what was drawn in this answer, and nowhere else."""
        nobody = staff_cards.reaches_nobody(obj)
        if not obj.shown_once:
            if nobody:
                self.message_user(request, NOBODY, messages.WARNING)
            said = BADGE_MADE.format(name=obj.name)
            self.message_user(request, said, messages.SUCCESS)
            return HttpResponseRedirect(reverse(CARDS))
        bare = obj.shown_once.removeprefix(PREFIX)
        groups = [bare[at : at + GROUP] for at in range(0, len(bare), GROUP)]
        told = {
            **self.admin_site.each_context(request),
            "title": f"工作卡 Staff card: {obj.name}",
            "card": obj,
            "nobody": NOBODY if nobody else "",
            "groups": [PREFIX, *groups],
            # Drawn by segno from an alphabet without any markup.
            "code": mark_safe(_drawn(obj.shown_once)),
        }
        answer = TemplateResponse(request, "identity/card.html", told)
        answer["Cache-Control"] = "no-store"
        return answer

    @admin.action(description="作废 Withdraw", permissions=["change"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[StaffCard]) -> HttpResponse | None:
        cards = list(queryset.filter(withdrawn_at=None))
        if not cards:
            self.message_user(request, NONE_GOOD, messages.WARNING)
            return None
        if "confirmed" not in request.POST:
            told = {**self.admin_site.each_context(request), "cards": cards}
            told |= {"title": "作废工作卡？ Withdraw?", "behind": _behind(cards)}
            return TemplateResponse(request, "identity/withdraw.html", told)
        with transaction.atomic():
            ended = staff_cards.withdraw(cards, request.user.get_username(), int(time.time()))
            for card in ended:
                self.log_change(request, card, "作废 withdrawn")
        names = ", ".join(card.name for card in ended)
        self.message_user(request, WITHDRAWN.format(names), messages.SUCCESS)
        return None


def _asked(request: HttpRequest) -> str:
    """Return the number that a form was given, or a new one for a new form."""
    said = request.POST.get("asked", "")
    return said if ASKED.fullmatch(said) else secrets.token_hex(16)


def _zones(zones: QuerySet[Zone]) -> QuerySet[Zone]:
    return zones.select_related("venue", "checkpoint")


def _behind(cards: list[StaffCard]) -> list[Behind]:
    """Return the devices at which these cards may be good for longer than others."""
    venues = [card.venue_id for card in cards if card.everywhere]
    everywhere = Zone.objects.filter(venue__in=venues)
    named = Zone.objects.filter(staffcard__in=cards)
    return behind(_zones((everywhere | named).distinct()))


def _drawn(text: str) -> str:
    made = segno.make_qr(text, error="m")
    return str(made.svg_inline(border=4, light="white", omitsize=True))
