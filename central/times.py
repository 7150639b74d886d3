"""Times as people at the venue read them: in its time zone, however they are stored."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

NONE = "–"


def second(unix: float | None) -> str:
    """Return day and time of Unix seconds, to the second."""
    return _said(unix, "%Y-%m-%d %H:%M:%S")


def minute(unix: float | None) -> str:
    """Return day and time of Unix seconds, to the minute."""
    return _said(unix, "%Y-%m-%d %H:%M")


def _said(unix: float | None, form: str) -> str:
    if unix is None:
        return NONE
    try:
        return datetime.fromtimestamp(unix, timezone.get_default_timezone()).strftime(form)
    except (ValueError, OverflowError, OSError):
        return "?"  # A time that no calendar has: some clock said so.


def column(field: str, words: str) -> Any:
    """Return what an admin page shows of a field that holds Unix seconds."""

    @admin.display(description=words, ordering=field)
    def shown(_: object, one: Any) -> str:
        return second(getattr(one, field))

    return shown


class UnixTimeField(forms.DateTimeField):
    """Unix seconds, seen and typed as day and time of the venue."""

    def __init__(self, **named: Any) -> None:
        widget = UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})
        super().__init__(**{"widget": widget, **named})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, int):
            return minute(value).replace(" ", "T")
        return value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, int):
            return value
        read = super().to_python(value)
        return None if read is None else int(read.timestamp())
