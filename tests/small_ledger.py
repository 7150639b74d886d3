"""A ledger of claims in memory: the real rules, a dictionary for a store, sealed answers."""

from rules.claim import Held, Standing, admission_of, answer, given_back, heard, merged
from tests.device import stamp
from tests.trusted import sealed
from wire.claim import Claim, Denied, FromLedger, GiveBack, Granted, Taken, read_said, write
from wire.event import AnyEvent
from wire.signed import Purpose

SURE = Standing(7)


class SmallLedger:
    def __init__(self, standing: Standing = SURE, names: dict[bytes, str] | None = None) -> None:
        self.standing = standing
        self.names = names or {}
        self.records: dict[tuple[bytes, bytes, int], Held] = {}
        self.wall = 1000

    def own(self, device: bytes, admission: bytes) -> list[Held]:
        return [one for name, one in self.records.items() if name[:2] == (device, admission)]

    def claim(self, asked: Claim, device: bytes) -> Granted | Denied:
        self.wall += 1
        right = [one for one in self.records.values() if one.cti == asked.cti]
        own = self.own(device, asked.admission)
        said, records = answer(asked, device, right, own, self.standing, self.wall, self.names)
        self.put(records)
        return said

    def row(self, happened: AnyEvent, device: bytes) -> None:
        own = self.own(device, admission_of(happened))
        self.put(heard(happened, stamp(wall=float(self.wall)), device, own))

    def give_back(self, admission: bytes, device: bytes) -> None:
        self.put(given_back(admission, device, self.own(device, admission), self.wall))

    def put(self, records: tuple[Held, ...]) -> None:
        for one in records:
            name = (one.device, one.admission, one.person)
            self.records[name] = merged(self.records.get(name, one), one)

    def hear(self, device: bytes, payload: bytes) -> bytes | None:
        """Take what a device says; return the answer as it is sent, if there is one."""
        word = read_said(payload)
        told: FromLedger
        if isinstance(word, Claim):
            told = self.claim(word, device)
        elif isinstance(word, GiveBack):
            self.give_back(word.admission, device)
            told = Taken(device, word.admission)
        else:
            return None
        return sealed(write(told), Purpose.CLAIM)
