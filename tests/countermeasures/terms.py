"""How a countermeasure is taken out: small changes of the real source, and what must fail then."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """`old` stands in `file` exactly once, and becomes `new`."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """One countermeasure gone. Where a row names several tests, `tests` says which of them notice."""

    edits: tuple[Edit, ...]
    tests: tuple[str, ...] = ()
    """Names of functions, with their file where two have one name; none: every test of the row."""
    by: tuple[str, ...] = ()
    """How a test may fail but by an assertion of its own: it waited for what never came."""
    note: str = ""
    """Why it is done so, where that is not plain: two layers that no test can tell apart."""


Changes = dict[str, tuple[Change, ...]]
"""Attack, as it stands on the page -> how what stops it is taken out."""


def out(
    file: str,
    old: str,
    new: str = "",
    *more: Edit,
    tests: tuple[str, ...] = (),
    by: tuple[str, ...] = (),
    note: str = "",
) -> Change:
    """Return the change of one file, and of more where one is not enough."""
    return Change((Edit(file, old, new), *more), tests, by, note)
