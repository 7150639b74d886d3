"""What one gate reports is on the list of the others: a copied ticket opens one of them once."""

from pathlib import Path
from typing import Any

import pytest
import zstandard

from edge.store.list_writer import WhitelistWriter
from edge.store.trust import TrustStore
from edge.store.whitelist import Whitelist
from rules.use import Outcome, Use
from rules.verdict import Admit, Door, Facts, Refuse, judge
from tests.central_messages import chained, take, together
from tests.device import BOOT, stamp
from tests.trusted import inside
from wire import ticket as gh1
from wire.codec import decode
from wire.event import Abandoned, AnyEvent, Authorised, Direction, Passed, PassedLate, Rung, Undone
from wire.key import KeyRing
from wire.reason import Reason
from wire.row import encode_row
from wire.signed import Purpose, pin
from wire.snapshot import Delta, Manifest

ADMISSION = b"admission001"
DOOR = Door("hall", "B1", BOOT, Rung.FRESH)
NOW = 1_800_000_000.0


@pytest.fixture
def ticket(tickets: list[Any]) -> gh1.Ticket:
    """One that is good, as anybody may have copied it."""
    from central.venue.models import SigningKey

    ring = KeyRing([key.record() for key in SigningKey.objects.all()])
    found = gh1.verify(tickets[0]["text"].encode(), ring)
    assert isinstance(found, gh1.Ticket)
    return found


@pytest.fixture
def other(tmp_path: Path, tickets: list[Any]) -> "OtherGate":
    assert tickets
    return OtherGate(tmp_path / "other")


class OtherGate:
    """A device that only ever learns from the list."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        from central.venue.models import RolesVersion

        first = bytes(RolesVersion.objects.get().bundle)
        self.trust = TrustStore(folder, pin(first), "v")
        self.trust.add(first)
        self.writer = WhitelistWriter(folder, self.trust)
        self.fetch_snapshot()
        self.whitelist = Whitelist(folder, self.trust)

    def fetch_snapshot(self) -> None:
        from central.lists.snapshots import folder as published
        from central.lists.snapshots import snapshot
        from central.venue.models import Venue

        sealed = bytes(snapshot(Venue.objects.get()).manifest)
        manifest = decode(self.trust.unseal(sealed, Purpose.LIST), Manifest)
        packed = (published() / f"{manifest.version}.db.zst").read_bytes()
        plain = self.folder / "plain.db"
        plain.write_bytes(zstandard.ZstdDecompressor().decompressobj().decompress(packed))
        self.writer.install(manifest.version, plain, sealed)

    def follow(self) -> None:
        from central.lists.models import Change

        about = self.writer.current
        assert about is not None
        for change in Change.objects.filter(sequence__gt=about.sequence).order_by("sequence"):
            self.writer.apply(bytes(change.body))
        self.whitelist.refresh()

    def judge(self, ticket: gh1.Ticket, *own: Use) -> Admit | Refuse:
        found = self.whitelist.look_up(ticket)
        return judge(
            Facts(ticket, found.entry, found.ticket_class, found.event, own), DOOR, NOW, 100.0
        )


def authorised(ticket: gh1.Ticket, admission: bytes = ADMISSION, quantity: int = 1) -> Authorised:
    return Authorised(
        lane="A1",
        admission=admission,
        scan=b"scan-0000001",
        cti=ticket.cti,
        checkpoint="hall",
        quantity=quantity,
        direction=Direction.ENTRY,
        generation=0,
        rung=Rung.FRESH,
        list_sequence=1,
    )


def report(*events: AnyEvent) -> None:
    bodies = [encode_row(event, stamp(wall=NOW - 60)) for event in events]
    take(together(chained(bodies)))


def test_a_ticket_used_at_one_gate_is_refused_at_the_next(
    other: OtherGate, ticket: gh1.Ticket
) -> None:
    assert isinstance(other.judge(ticket), Admit)
    report(authorised(ticket))
    other.follow()
    assert other.judge(ticket) == Refuse(Reason.USED, since=NOW - 60, where="Gate 1")


def test_a_snapshot_says_it_too(other: OtherGate, ticket: gh1.Ticket) -> None:
    report(authorised(ticket), Passed(lane="A1", admission=ADMISSION, person=1))
    other.fetch_snapshot()
    other.whitelist.refresh()
    assert isinstance(other.judge(ticket), Refuse)


@pytest.mark.parametrize("ending", [Abandoned, Undone])
def test_a_use_given_back_is_good_everywhere_again(
    other: OtherGate, ticket: gh1.Ticket, ending: type[Abandoned | Undone]
) -> None:
    report(authorised(ticket), ending(lane="A1", admission=ADMISSION, person=1))
    other.follow()
    assert isinstance(other.judge(ticket), Admit)


def test_whoever_came_late_after_all_has_used_it(other: OtherGate, ticket: gh1.Ticket) -> None:
    left = Abandoned(lane="A1", admission=ADMISSION, person=1)
    late = PassedLate(lane="A1", admission=ADMISSION, person=1)
    batches = chained([encode_row(one, stamp()) for one in (authorised(ticket), left, late)])
    for batch in batches:
        take(batch)
        other.follow()
    assert isinstance(other.judge(ticket), Refuse)


def test_the_end_may_arrive_before_the_beginning(other: OtherGate, ticket: gh1.Ticket) -> None:
    left = Abandoned(lane="A1", admission=ADMISSION, person=1)
    first, second = chained([encode_row(one, stamp()) for one in (authorised(ticket), left)])
    take(second)
    take(first)
    other.follow()
    assert isinstance(other.judge(ticket), Admit)


def test_a_device_counts_its_own_use_once(other: OtherGate, ticket: gh1.Ticket) -> None:
    report(authorised(ticket))
    other.follow()
    mine = Use(ADMISSION, 1, Outcome.ABANDONED, "A1", BOOT, 90.0, NOW - 60)
    assert isinstance(other.judge(ticket, mine), Admit), "given back here, not yet reported"


def test_only_the_others_of_a_group_may_enter_elsewhere(
    other: OtherGate, tickets: list[Any]
) -> None:
    from central.venue.models import SigningKey

    ring = KeyRing([key.record() for key in SigningKey.objects.all()])
    group = next(
        ticket
        for one in tickets
        if isinstance(ticket := gh1.verify(one["text"].encode(), ring), gh1.Ticket)
        and ticket.quantity == 4
    )
    left = Abandoned(lane="A1", admission=ADMISSION, person=4)
    report(authorised(group, quantity=4), left)
    other.follow()
    assert other.judge(group) == Admit(1, confirmed=True)


def test_the_same_report_again_makes_no_new_change(ticket: gh1.Ticket) -> None:
    from central.lists.models import Change

    report(authorised(ticket))
    before = Change.objects.count()
    report(authorised(ticket))
    report(authorised(ticket), Passed(lane="A1", admission=ADMISSION, person=1))
    assert Change.objects.count() == before, "that somebody passed says nothing new"


@pytest.mark.usefixtures("tickets")
def test_a_right_that_central_does_not_know_stops_nothing() -> None:
    from central.lists.models import Change

    before = Change.objects.count()
    unknown = gh1.Ticket(bytes(16), "SHOW", 1, 2, 1, 1)
    report(authorised(unknown))
    assert Change.objects.count() == before


def test_a_backlog_becomes_changes_of_a_bounded_size(
    tickets: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from central.lists import changes
    from central.lists.models import Change

    monkeypatch.setattr(changes, "DELTA_ROWS_MAX", 3)
    before = Change.objects.count()
    rights = [bytes.fromhex(one["cti"]) for one in tickets]
    named = [gh1.Ticket(cti, "SHOW", 1, 2, 1, 1) for cti in rights]
    report(*(authorised(one, b"admission%03d" % n) for n, one in enumerate(named)))
    made = [
        decode(inside(bytes(change.body)), Delta) for change in Change.objects.order_by("sequence")
    ]
    assert [len(delta.tickets) for delta in made[before:]] == [3, 3, 2]


def test_rows_and_list_are_committed_together_or_not_at_all(
    ticket: gh1.Ticket, monkeypatch: pytest.MonkeyPatch
) -> None:
    from central.ledger import ingest
    from central.ledger.models import Row

    def cut(_: set[bytes]) -> None:
        raise OSError("power")

    monkeypatch.setattr(ingest, "tell_uses", cut)
    with pytest.raises(OSError, match="power"):
        report(authorised(ticket))
    assert Row.objects.count() == 0
