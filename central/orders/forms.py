"""The one form by which an order is given."""

import time
from typing import Any

from django import forms

from central.orders.words import KINDS, WITH_END, both
from wire import command as wire
from wire.command import AnyCommand

MINUTES_MAX = 24 * 60
INPUT = {"style": "border:1px solid #94a3b8;border-radius:.4rem;padding:.4rem .6rem;width:100%"}


class OrderForm(forms.Form):
    kind = forms.ChoiceField(
        label="指令 Order",
        choices=[(kind, both(words)) for kind, words in KINDS.items()],
        widget=forms.Select(attrs=INPUT),
    )
    lane = forms.CharField(
        label="通道 Lane",
        required=False,
        max_length=40,
        help_text="留空：该设备的全部通道 Empty: all lanes of the device",
        widget=forms.TextInput(attrs=INPUT),
    )
    minutes = forms.IntegerField(
        label="时长（分钟）For how many minutes",
        required=False,
        min_value=1,
        max_value=MINUTES_MAX,
        help_text="仅用于保持打开和自由通行 For holding open and free passage only",
        widget=forms.NumberInput(attrs=INPUT),
    )
    why = forms.CharField(
        label="原因 Why",
        required=False,
        max_length=100,
        help_text="开闸时必填 Needed to open a gate",
        widget=forms.TextInput(attrs=INPUT),
    )

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or self.cleaned_data
        kind = told.get("kind", "")
        if kind == "open-once" and not told.get("lane"):
            self.add_error("lane", "请说明开哪条通道 Say which lane")
        if kind == "open-once" and not told.get("why"):
            self.add_error("why", "请填写原因 Say why")
        if kind in WITH_END and "minutes" in told and not told["minutes"]:
            self.add_error("minutes", "请填写时长 Say for how long")
        return told

    def command(self) -> AnyCommand:
        """Return the order as devices read it; to be called when the form is valid."""
        told = self.cleaned_data
        now = int(time.time())
        lane, until = told["lane"], now + 60 * (told["minutes"] or 0)
        made: dict[str, AnyCommand] = {
            "open-once": wire.OpenOnce(lane, told["why"]),
            "hold-open": wire.HoldOpen(lane, until),
            "free-pass": wire.FreePass(lane, until),
            "lock-entry": wire.LockEntry(lane),
            "back-to-normal": wire.BackToNormal(lane),
            "reload": wire.Reload(),
            "identify": wire.Identify(lane),
            "send-logs": wire.SendLogs(),
            "reset-clock-floor": wire.ResetClockFloor(now),
        }
        return made[told["kind"]]
