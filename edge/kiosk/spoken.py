"""The words of a kiosk, a file for each language: another language is one file more.

Every file has every key; a test sees to it. `{…}` in a text is filled in by the page.
"""

import tomllib
from functools import cache
from importlib import resources


@cache
def words(language: str) -> dict[str, str]:
    """Return a language's words by their keys, `section.key`; raise FileNotFoundError."""
    text = (resources.files("edge.kiosk") / "words" / f"{language}.toml").read_text("utf-8")
    return {
        f"{section}.{key}": said
        for section, entries in tomllib.loads(text).items()
        for key, said in entries.items()
    }


def languages() -> tuple[str, ...]:
    """Return the languages that there are files for."""
    folder = resources.files("edge.kiosk") / "words"
    return tuple(sorted(one.name[:-5] for one in folder.iterdir() if one.name.endswith(".toml")))
