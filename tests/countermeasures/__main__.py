"""Take countermeasures out and see their tests fail: `python -m tests.countermeasures [WORD ...]`.

WORDs choose changes by what is in their attack or their tests' names; none chooses all.
`--broken-only` leaves out the run in which the tests must pass.
"""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from tests.countermeasures.copies import Copy, copied
from tests.countermeasures.every import EVERY
from tests.countermeasures.page import Row, rows
from tests.countermeasures.terms import Change
from tests.countermeasures.trial import must_notice, wrong_broken, wrong_unbroken

AT_ONCE = 2


def main(words: list[str]) -> int:
    broken_only = "--broken-only" in words
    chosen = list(_chosen([word for word in words if not word.startswith("--")]))
    copies: SimpleQueue[Copy] = SimpleQueue()
    with copied() as first, copied() as second, ThreadPoolExecutor(AT_ONCE) as threads:
        copies.put(first)
        copies.put(second)

        def tried(one: tuple[Row, Change]) -> bool:
            row, change = one
            copy, began = copies.get(), time.monotonic()
            try:
                wrong = "" if broken_only else wrong_unbroken(copy, must_notice(row, change))
                wrong = wrong or wrong_broken(copy, row, change)
            finally:
                copies.put(copy)
            where = ", ".join(edit.file for edit in change.edits)
            seconds = time.monotonic() - began
            said = f"{row.attack} ({where}), {seconds:.0f} s"
            sys.stdout.write(f"WEAK: {said}\n{wrong}\n" if wrong else f"good: {said}\n")
            sys.stdout.flush()
            return not wrong

        good = list(threads.map(tried, chosen))
    sys.stdout.write(f"{sum(good)} of {len(good)} changes were noticed\n")
    return 0 if all(good) else 1


def _chosen(words: list[str]) -> Iterator[tuple[Row, Change]]:
    for row in rows():
        for change in EVERY.get(row.attack, ()):
            told = (row.attack, *must_notice(row, change))
            if not words or any(word in text for word in words for text in told):
                yield row, change


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
