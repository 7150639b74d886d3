"""Times as people at the venue read them: in its time zone, however they are stored."""

from datetime import datetime

from django.utils import timezone

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
