"""A line for a person, in the two languages that are both first."""

import msgspec


class Words(msgspec.Struct, frozen=True):
    """Neither is a translation to be skipped."""

    zh: str
    en: str
