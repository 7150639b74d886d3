"""What an admin says of a staff card; refused if one of its zones could not be told of it."""

from collections.abc import Iterable
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
)

from central.identity import configuration, staff_cards
from central.identity.models import FREE_MINUTES, StaffCard
from central.venue.models import Venue, Zone

MINUTES_MAX = 24 * 60
NO_VENUE = "请先建场馆 · Make a venue first"
OTHER_VENUE = "不属于此场馆 · not of this venue"
UNPRINTABLE = "含不可打印的字符 · has characters that cannot be printed"
ZONES_DELETED = (
    "所选区域已被删除：请另选区域，或作废此卡"
    " · The zones it was for were deleted: choose others, or withdraw the card"
)


class StaffCardForm(forms.ModelForm):  # type: ignore[type-arg]
    """With a site's own badge, where that is to be the card."""

    name = forms.CharField(
        max_length=40,
        label="持卡人 whose it is",
        help_text="姓名或岗位；用卡做的每件事都会记下它"
        " · A person or a post; each deed done by the card is written down with it",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    minutes = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MINUTES_MAX,
        initial=FREE_MINUTES,
        label="分钟 minutes",
        help_text="仅用于自由通行：到时自动恢复，再出示一次提前恢复"
        " · Of free passage alone: it ends by itself then, or when the card is shown again",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    zones = forms.ModelMultipleChoiceField(
        Zone.objects.all(),
        required=False,
        label="区域 zones",
        help_text="不勾选则全部区域有效，包括以后新建的"
        " · None ticked: good in all zones, also in those added later",
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    badge = forms.CharField(
        required=False,
        label="自有卡号 own badge",
        help_text="留空则生成一张可打印的二维码卡。用现有工牌时，填读卡器读出的内容；"
        "仅有卡号（UID）的卡可被复制"
        " · Leave it empty and a card with a QR code is drawn, to be printed. For a badge that"
        " you have, what the device's reader reads of it; one that says only its UID can be copied",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not name.isprintable():
            raise forms.ValidationError(UNPRINTABLE)
        return name

    def clean_minutes(self) -> int:
        return self.cleaned_data["minutes"] or FREE_MINUTES

    def clean_badge(self) -> str:
        badge: str = self.cleaned_data["badge"]
        wrong = staff_cards.fault_of_badge(badge) if badge else ""
        if wrong:
            raise forms.ValidationError(wrong)
        return badge

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or self.cleaned_data
        card = self.instance
        if card.pk is None:
            self._be_of(told.get("venue") or Venue.objects.first(), told.get("badge", ""))
        if not self.errors:
            zones = told["zones"]
            self._check_zones(told)
            card.everywhere = not zones
        return told

    def _be_of(self, venue: Venue | None, badge: str) -> None:
        """Make it a card of `venue` that says `badge`, or what is drawn for it."""
        if venue is None:
            self.add_error(None, NO_VENUE)
            return
        card, code = self.instance, badge or staff_cards.draw()
        card.venue, card.digest = venue, staff_cards.digest(code)
        card.shown_once = "" if badge else code
        known = StaffCard.objects.filter(venue=venue, digest=card.digest).first()
        if known is not None:
            self.add_error("badge", _taken(known))

    def _check_zones(self, told: dict[str, Any]) -> None:
        card, zones = self.instance, told["zones"]
        if any(zone.venue_id != card.venue_id for zone in zones):
            self.add_error("zones", OTHER_VENUE)
        elif card.pk and not zones and not card.everywhere and not card.zones.exists():
            self.add_error("zones", ZONES_DELETED)
        else:
            self._check_texts(zones or Zone.objects.filter(venue=card.venue), told)

    def _check_texts(self, zones: Iterable[Zone], told: dict[str, Any]) -> None:
        """Refuse what the devices of a zone would refuse, before anything is kept."""
        about = {name: told[name] for name in ("name", "does", "minutes")}
        wanted = StaffCard(digest=self.instance.digest, **about)
        for zone in zones:
            cards = [*staff_cards.good_in(zone).exclude(pk=self.instance.pk), wanted]
            text = configuration.completed(zone, configuration.as_written(zone), cards)
            wrong = configuration.fault(zone, text)
            if wrong:
                self.add_error("zones", _unfit(zone, text, wrong))


def _taken(card: StaffCard) -> str:
    if card.withdrawn_at is None:
        return f"已是 {card.name} 的工作卡 · This is {card.name}'s staff card already"
    return (
        f"曾是 {card.name} 的工作卡，已作废，不能再用：请换一张"
        f" · It was {card.name}'s staff card and was withdrawn for good: take another badge"
    )


def _unfit(zone: Zone, text: str, wrong: str) -> str:
    if len(text.encode()) > configuration.TEXT_BYTES_MAX:
        return (
            f"{zone}: 放不下更多工作卡，请作废不用的卡，或只勾选需要的区域"
            " · no room for more cards: withdraw those not used, or tick only the zones it is for"
        )
    return (
        f"{zone}: 请先改正此区域的设置，或只勾选其他区域 · mend this zone's settings first, or"
        f" tick others: {wrong}"
    )
