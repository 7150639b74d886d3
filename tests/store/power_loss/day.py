"""A device's day on the real store, run under the recorder: `python -m … FOLDER SEED STEPS`.

Whatever the store has promised (a call returned) is said at once by a mark; what a mark says must
survive any cut after it. The marks are read again by `promises`.
"""

import os
import random
import sys
from contextlib import suppress
from pathlib import Path

from edge.store.delivery import DeliveryStore
from edge.store.journal import Journal
from edge.store.outbox import JournalReader
from tests.device import DEVICE, authorised, stamp
from wire.event import Abandoned, Passed, Refused, Reopened, Stamp, Uncertain
from wire.reason import Reason

BOOTS = tuple(b"boot-%03d" % number for number in range(100))


class Day:
    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.uptime, self.boots, self.people = 100.0, 0, 0
        self.waiting: list[int] = []
        self.open()

    def open(self) -> None:
        draw = self.chance.randbytes
        self.journal = Journal(self.folder, DEVICE, BOOTS[self.boots], draw)
        opened = self.journal.open(self.now())
        self.delivery = DeliveryStore(self.folder)
        self.reader = JournalReader(self.folder, DEVICE)
        mark(self.folder, f"opened {opened.epoch.hex()} {int(opened.without_memory)}")

    def close(self) -> None:
        self.journal.close()
        self.delivery.close()
        self.reader.close()

    def now(self) -> Stamp:
        self.uptime += 1
        return stamp(self.uptime, BOOTS[self.boots])

    def step(self) -> None:
        chosen = self.chance.choices(
            (self.admit, self.outcome, self.refuse, self.acknowledge, self.prune, self.restart),
            (40, 40, 8, 10, 1, 1),
        )[0]
        chosen()

    def admit(self) -> None:
        number, quantity = self.people, self.chance.choice((1, 1, 1, 3))
        self.people += 1
        at = self.now()
        self.journal.transact(lambda inside: inside.append(authorised(number, quantity), at))
        mark(self.folder, f"authorised {number} {quantity}")
        self.waiting.append(number)

    def outcome(self) -> None:
        if not self.waiting:
            return
        number = self.waiting.pop(self.chance.randrange(len(self.waiting)))
        kind = self.chance.choice((Passed, Passed, Passed, Abandoned, Uncertain))
        admission, at = authorised(number).admission, self.now()
        event = kind(lane="A1", admission=admission, person=1)
        self.journal.transact(lambda inside: inside.append(event, at))
        mark(self.folder, f"{kind.__name__.lower()} {number}")
        if kind is Uncertain and self.chance.random() < 0.5:
            shown = authorised(number)
            again = Reopened(
                lane="A1", admission=admission, person=1, scan=shown.scan, cti=shown.cti,
                checkpoint="hall",
            )  # fmt: skip
            passed = Passed(lane="A1", admission=admission, person=1)
            for one in (again, passed):
                at = self.now()
                self.journal.transact(lambda inside, one=one, at=at: inside.append(one, at))  # type: ignore[misc]
            mark(self.folder, f"passed {number}")

    def refuse(self) -> None:
        at = self.now()
        refused = Refused(lane="A1", reason=Reason.FORGED, scan=self.chance.randbytes(12))
        self.journal.transact(lambda inside: inside.append(refused, at))
        mark(self.folder, "refused")

    def acknowledge(self) -> None:
        for top in self.reader.epochs():
            upto = self.chance.randint(self.delivery.acknowledged(top.epoch), top.top)
            self.delivery.acknowledge(top.epoch, upto)
            mark(self.folder, f"acknowledged {top.epoch.hex()} {upto}")

    def prune(self) -> None:
        month = 31 * 86400.0
        later = stamp(self.uptime + month, BOOTS[self.boots], wall=1_780_000_000.0 + month)
        mark(self.folder, f"pruned {self.journal.prune(later)}")

    def restart(self) -> None:
        self.close()
        self.boots += self.chance.choice((0, 1, 1))
        self.open()


def mark(folder: Path, text: str) -> None:
    with suppress(FileNotFoundError):
        os.open(f"{folder}/.mark/{text}", os.O_RDONLY)


def main(folder: Path, seed: int, steps: int) -> None:
    day = Day(folder, seed)
    for _ in range(steps):
        day.step()
    day.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
