"""Central as the ledger of claims: the same rules as a hub's, on what it knows of every right.

Runs inside ingest's transactions: what is granted is committed before it is told. A venue that has
a hub has its ledger there, and central is silent: of two ledgers each would grant the same right.
Papers are granted over HTTP (central/exchange), and a claim for one is not answered here.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping

from central.claims import hubs, knowing
from central.claims.models import Term
from central.ledger.models import Prefix
from central.venue import trust
from central.venue.models import Device, Venue
from rules import claim as rules
from rules import term as terms
from rules.claim import Standing
from rules.term import ASK_AGAIN_SECONDS, SETTLING_SECONDS
from wire import claim as wire
from wire.claim import Ask, Claim, FromLedger, GiveBack, Kind, Taken
from wire.delivery import Hello
from wire.signed import Purpose
from wire.topic import Topics

log = logging.getLogger("central.claims")

LOOK_SECONDS = 1.0
FORGET_SECONDS = 86_400
Answer = tuple[str, bytes]


class Ledger:
    """One for each life of ingest; it begins a term."""

    def __init__(self, topics: Topics, uptime: Callable[[], float] = time.monotonic) -> None:
        self._topics = topics
        self._uptime = uptime
        self._term = terms.Term(0)
        self._begun = False
        self._waiting: dict[tuple[bytes, bytes], float] = {}
        """Uptime at which the holder of a claim is asked."""
        self._looked_at = 0.0

    def take(self, device: Device, payload: bytes) -> list[Answer]:
        """Answer what a device says; raise WireError. Inside the transaction that is committed."""
        word = wire.read_said(payload)
        if hubs.serving(device.venue):
            log.warning("%s claims here, and its venue has a hub", device.identity)
            return []
        self._begin(device.venue)
        name = bytes.fromhex(device.identity)
        own = knowing.own(device, word.admission)
        wall = int(time.time())
        match word:
            case Claim(kind=Kind.ENTRY):
                return self._claim(word, device, own, wall)
            case GiveBack(admission=admission):
                knowing.put(device, rules.given_back(admission, name, own, wall))
                self._waiting.pop((name, admission), None)
                return self._told(Taken(name, admission))
            case _:
                return []  # Its rows will say; and papers are granted elsewhere.

    def hello(self, device: Device, hello: Hello) -> None:
        """A device says how far its journal goes."""
        self._begin(device.venue)
        prefixes = Prefix.objects.filter(device=device).values_list("epoch", "upto")
        here = {bytes(epoch): upto for epoch, upto in prefixes}
        tops = {one.epoch: one.top for one in hello.epochs}
        name = bytes.fromhex(device.identity)
        if name not in self._term.roster:
            self._term = terms.joined(self._term, (name,))
        self._term = terms.hello(self._term, name, tops, here)

    def reached(self, device: str, epoch: bytes, upto: int) -> None:
        """Rows 1 to `upto` of an epoch are here."""
        self._term = terms.reached(self._term, bytes.fromhex(device), epoch, upto)

    def ask(self) -> list[Answer]:
        """Return questions that are due to holders of claims; in a transaction of its own."""
        now = self._uptime()
        if not self._begun or now - self._looked_at < LOOK_SECONDS:
            return []
        self._looked_at = now
        unheard = knowing.unheard()
        asked_at = {name: self._waiting.get(name, now + SETTLING_SECONDS) for name in unheard}
        due = terms.to_ask(asked_at, now)
        self._waiting = asked_at | dict.fromkeys(due, now + ASK_AGAIN_SECONDS)
        knowing.forget(int(time.time()) - FORGET_SECONDS)
        return [answer for name in due for answer in self._told(Ask(*name))]

    def _claim(
        self, asked: Claim, device: Device, own: tuple[rules.Held, ...], wall: int
    ) -> list[Answer]:
        term = terms.only(self._term, _roster(device.venue))
        standing = Standing(term.number, term.firm(self._uptime()))
        name = bytes.fromhex(device.identity)
        right, names = knowing.right(asked.cti), _Names()
        told, records = rules.answer(asked, name, right, own, standing, wall, names)
        knowing.put(device, records)
        return self._told(told)

    def _begin(self, venue: Venue) -> None:
        if self._begun:
            return
        known = Term.objects.filter(venue=venue).first()
        previous = known.number if known else 0
        self._term = terms.begin(previous, time.time(), self._uptime(), _roster(venue))
        number = {"number": self._term.number}
        Term.objects.update_or_create(venue=venue, defaults=number)
        self._begun = True

    def _told(self, word: FromLedger) -> list[Answer]:
        try:
            sealed = trust.sealed(wire.write(word), Purpose.CLAIM)
        except trust.TrustMissing as missing:
            log.error("claims are not answered: %s; run `gatehouse central trust rotate`", missing)
            return []
        return [(self._topics.claim_answer(word.device.hex()), sealed)]


class _Names(Mapping[bytes, str]):
    """Of devices, looked up when somebody is told of one."""

    def __getitem__(self, device: bytes) -> str:
        found = Device.objects.filter(identity=device.hex()).first()
        if found is None:
            raise KeyError(device)
        return found.name

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _roster(venue: Venue) -> frozenset[bytes]:
    """Return the devices that may have used a right: who ever spoke, and was not denied since."""
    spoke = Device.objects.filter(venue=venue, last_seen__isnull=False, denied=None)
    return frozenset(bytes.fromhex(one) for one in spoke.values_list("identity", flat=True))
