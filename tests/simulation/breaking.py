"""What is broken on purpose, each in the real code; how stands in the docstring."""

import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from central.ledger import reading
from edge.core import (
    contact,
    credential,
    delivery,
    exchange,
    interruption,
    ladder,
    notice,
    obedience,
    opening,
    passing,
    print_job,
    trusted_time,
)
from edge.core.decision import Decision
from edge.core.delivery_terms import Delivery
from edge.core.moment import Moment
from edge.gate import claims, desk
from edge.gate.inbox import Inbox
from edge.gate.output import Output
from edge.kiosk.claims import Claims as KioskClaims
from edge.kiosk.desk import Desk as KioskDesk
from edge.store import journal, repair
from edge.store.transaction import Transaction
from gatehouse.simulation.centrals import ledger
from rules import claim, term, verdict
from rules import exchange as granting_rules
from rules.use import Outcome
from rules.verdict import Refuse
from wire import delegated
from wire.event import ClockQuality, Mode, Passed, Rung, Stamp
from wire.reason import Reason

Patch = pytest.MonkeyPatch


def commits_nothing(patch: Patch) -> None:
    """A decision is answered before it is committed."""
    committed = journal.Journal.transact

    def transact(self: journal.Journal, decide: Callable[[journal.Transaction], Any]) -> Any:
        class Undo(Exception):
            pass

        kept = list[Any]()

        def and_undo(inside: journal.Transaction) -> None:
            kept.append(decide(inside))
            if isinstance(kept[0], Decision):
                raise Undo

        with suppress(Undo):
            committed(self, and_undo)
        return kept[0]

    patch.setattr(journal.Journal, "transact", transact)


def forgets_who_is_inside(patch: Patch) -> None:
    """After a crash nobody gives those who were being let in their outcome."""
    patch.setattr(desk, "unresolved", lambda *_: ())


def starts_empty(patch: Patch) -> None:
    """A gate that starts makes a new journal, and says nothing of it."""
    found = repair.open_sound

    def open_sound(path: Any, device: bytes, lost: bool) -> Any:
        for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
            path.with_name(name).unlink(missing_ok=True)
        return found(path, device, lost)

    patch.setattr(journal, "open_sound", open_sound)


def loses_what_is_older(patch: Patch) -> None:
    """Each tenth row takes the one before the last with it."""
    append = journal.Transaction.append

    def appended(self: journal.Transaction, happened: Any, stamp: Any) -> int:
        seq = append(self, happened, stamp)
        if seq % 10 == 0:
            self._database.execute("DELETE FROM row WHERE seq = ?", (seq - 2,))
        return seq

    patch.setattr(journal.Transaction, "append", appended)


def opens_by_any_picture(patch: Patch) -> None:
    """However old a moving code is, it opens."""
    patch.setattr(verdict, "STEPS_APART_MAX", 10**6)


def does_not_hear_of_fire(patch: Patch) -> None:
    """A lane goes on as if nothing had happened."""
    patch.setattr(interruption, "fire", lambda lane, _at: (lane, []))


def counts_no_heads(patch: Patch) -> None:
    """Of those who walk out nobody is told."""
    secured = interruption.secured
    patch.setattr(interruption, "secured", lambda lane, at: secured(replace(lane, heads=0), at))


def counts_no_uses(patch: Patch) -> None:
    """Uses that this device knows of do not count."""
    patch.setattr(verdict, "spent", lambda *_: frozenset())


def opens_again_and_again(patch: Patch) -> None:
    """An uncertain use opens once more, however often it has."""

    def reopenable(uses: Any, door: Any, uptime: float) -> Any:
        del uptime
        found = [one for one in uses if one.outcome is Outcome.UNCERTAIN]
        return next((one for one in found if one.lane == door.lane), None)

    patch.setattr(verdict, "_reopenable", reopenable)


def tells_of_no_conflict(patch: Patch) -> None:
    """Central does not look whether a right was used too often."""
    from gatehouse.simulation.centrals import server

    server.ready()
    from central.ledger import findings

    patch.setattr(findings, "review", lambda _rights: None)


def calls_good_tickets_refunded(patch: Patch) -> None:
    """Every seventh ticket is told that it was refunded."""
    against = verdict._against_list  # noqa: SLF001

    def against_list(facts: Any, door: Any, wall: float) -> Any:
        if facts.ticket.serial % 7 == 0:
            return verdict.Refuse(Reason.REFUNDED)
        return against(facts, door, wall)

    patch.setattr(verdict, "_against_list", against_list)


def ignores_the_list(patch: Patch) -> None:
    """What the list says of a ticket is not looked at."""
    patch.setattr(verdict, "_against_list", lambda *_: None)


def is_always_fresh(patch: Patch) -> None:
    """However old the list is, the gate says that it is fresh."""
    patch.setattr(ladder, "rung", lambda *_: Rung.FRESH)


def says_nothing_of_age(patch: Patch) -> None:
    """The panel does not say how old the list is."""
    patch.setattr(notice, "caution", lambda *_: None)


def believes_its_clock(patch: Patch) -> None:
    """The machine's clock is taken for central's signed word."""

    def read(_time: object, machine: Moment) -> Moment:
        return Moment(machine.wall, machine.uptime, ClockQuality.SIGNED)

    patch.setattr(trusted_time, "read", read)


def drops_what_is_long(patch: Patch) -> None:
    """Codes of more than 200 bytes are not looked at."""
    put = Inbox.put

    def put_short(self: Inbox, signal: Any) -> None:
        scan = getattr(signal, "scan", None)
        if len(getattr(scan, "data", b"")) <= 200:
            put(self, signal)

    patch.setattr(Inbox, "put", put_short)


def cannot_read_everything(patch: Patch) -> None:
    """A code that is no text raises."""
    read = credential.read

    def read_text(data: bytes, ring: Any) -> Any:
        data.decode("ascii")
        return read(data, ring)

    patch.setattr(credential, "read", read_text)


def never_sends_again(patch: Patch) -> None:
    """What was sent once is not sent again, acknowledged or not."""

    def never(known: Delivery, _now: Moment) -> Delivery:
        return replace(known, books=tuple(replace(one, deadline=None) for one in known.books))

    patch.setattr(delivery, "_attempt_again_if_due", never)


def acknowledges_over_holes(patch: Patch) -> None:
    """Central acknowledges the highest row it holds, whatever is missing below."""

    def advance(upto: int, after: Any) -> tuple[int, tuple[()]]:
        return max(after, default=upto), ()

    patch.setattr(ledger, "advance", advance)


def writes_passed_for_nobody(patch: Patch) -> None:
    """Whoever does not walk through is written down as passed."""
    patch.setattr(passing, "Abandoned", Passed)


def says_it_once(patch: Patch) -> None:
    """A contact that was held is let go by one word, or never."""

    async def keep(_output: Any) -> None:
        return

    patch.setattr(Output, "keep", keep)


def never_looks_away(patch: Patch) -> None:
    """Whoever was not seen to walk has not walked, whether anybody looked or not."""
    patch.setattr(passing, "unseen", lambda lane: lane)


def grants_whatever_is_asked(patch: Patch) -> None:
    """The hub counts no uses."""
    patch.setattr(claim, "_left", lambda asked, _right, _names: asked.quantity)


def calls_everything_used(patch: Patch) -> None:
    """The hub says of every seventh right that it was used."""
    really = claim._left  # noqa: SLF001

    def left(asked: Any, right: Any, names: Any) -> Any:
        used = asked.cti[0] % 7 == 0
        return Refuse(Reason.USED) if used else really(asked, right, names)

    patch.setattr(claim, "_left", left)


def is_sure_at_once(patch: Patch) -> None:
    """A hub that has just begun says that it has heard everybody."""
    patch.setattr(term.Term, "firm", lambda _term, _uptime: True)


def gives_nothing_back(patch: Patch) -> None:
    """What a gate was granted and did not use it keeps to itself."""
    patch.setattr(claims.Claims, "_give_back", lambda _claims, _admission: None)


def forgets_what_it_granted(patch: Patch) -> None:
    """Central as the ledger counts what rows tell of, and not what it has granted since."""
    from gatehouse.simulation.centrals import server

    server.ready()
    from central.claims import knowing
    from central.claims.models import Granted as Claimed

    patch.setattr(knowing, "claimed", lambda _cti: Claimed.objects.none())


def asks_nobody(patch: Patch) -> None:
    """Central as the ledger never asks what became of a claim."""
    from gatehouse.simulation.centrals import server

    server.ready()
    from central.claims import answering

    patch.setattr(answering.Ledger, "ask", lambda _ledger: [])


def lets_phones_in_beside_papers(patch: Patch) -> None:
    """The hub does not mind that a paper of the right is being printed, or was."""
    patch.setattr(claim, "_against_paper", lambda *_: None)


def grants_papers_beside_entries(patch: Patch) -> None:
    """The hub grants a paper of what somebody has entered with."""
    paper = claim._paper  # noqa: SLF001

    def alone(asked: Any, device: bytes, right: Any, names: Any) -> Any:
        papers = tuple(held for held in right if held.kind is asked.kind)
        return paper(asked, device, papers, names)

    patch.setattr(claim, "_paper", alone)


def says_nothing_of_lost_papers(patch: Patch) -> None:
    """A kiosk that is asked about a paper of which it knows nothing is silent."""

    async def unheard(self: KioskClaims, name: bytes) -> None:
        del self, name

    patch.setattr(KioskClaims, "unheard", unheard)


def opens_by_revoked_keys(patch: Patch) -> None:
    """What a kiosk has signed is good for ever."""
    patch.setattr(delegated, "Status", SimpleNamespace(REVOKED=None))


def forgets_its_own_papers(patch: Patch) -> None:
    """A kiosk without central does not look whether it has printed a ticket before."""
    patch.setattr(Transaction, "papers_of", lambda *_: ())


def takes_arrival_for_use(patch: Patch) -> None:
    """Central says of a use when its row arrived."""
    read = reading.read_row

    def read_row(body: bytes, received_ms: int) -> Any:
        happened, stamp = read(body, received_ms)
        return happened, Stamp(received_ms, stamp.uptime_ms, stamp.boot, stamp.clock)

    patch.setattr(ledger, "read_row", read_row)


def takes_older_codes(patch: Patch) -> None:
    """A gate heeds neither what the list says of a right's generation nor what it was shown."""
    against = verdict._against_list  # noqa: SLF001

    def against_list(facts: Any, door: Any, wall: float) -> Any:
        refused = against(facts, door, wall)
        return None if refused and refused.reason is Reason.SUPERSEDED else refused

    patch.setattr(verdict, "_against_list", against_list)


def prints_before_it_writes(patch: Patch) -> None:
    """A paper's reservation is not on disk when its first byte goes to the printer."""

    async def write(self: KioskDesk, *events: Any) -> None:
        del self, events

    patch.setattr(KioskDesk, "write", write)


def calls_unknown_papers_printed(patch: Patch) -> None:
    """What nobody knows of a paper is taken for the best."""
    printed = exchange.printed

    def hoped(paper: Any, result: Any) -> Any:
        unknown = result.outcome is print_job.Outcome.UNKNOWN
        better = replace(result, outcome=print_job.Outcome.PRINTED) if unknown else result
        return printed(paper, better)

    patch.setattr(exchange, "printed", hoped)


def goes_on_after_a_pause(patch: Patch) -> None:
    """A printer that stopped in a ticket, and went on with new paper, is taken at its word."""
    patch.setattr(print_job, "PAUSE_SECONDS", 1e9)


def leaves_papers_open(patch: Patch) -> None:
    """A kiosk that starts ends nothing that an earlier life had begun."""
    patch.setattr(exchange, "unresolved", lambda _left: ())


def grants_a_second_paper(patch: Patch) -> None:
    """Whoever asks for a paper gets one, whatever was printed before."""
    patch.setattr(granting_rules, "against_papers", lambda *_: None)


def raises_no_generation(patch: Patch) -> None:
    """Central hears that a paper is out, and tells no door."""
    from gatehouse.simulation.centrals import server

    server.ready()
    from central.exchange import noting

    patch.setattr(noting, "raise_generations", lambda _rights: None)


def calls_everything_collected(patch: Patch) -> None:
    """Who asks for a paper is told every seventh time that it was collected."""
    against = granting_rules.against_uses
    asked = itertools.count()

    def against_uses(uses: Any) -> Any:
        collected = verdict.Refuse(Reason.COLLECTED)
        return collected if next(asked) % 7 == 6 else against(uses)

    patch.setattr(granting_rules, "against_uses", against_uses)


def lets_in_while_locked(patch: Patch) -> None:
    """A lane that central locked serves as ever."""
    serves = opening.serves

    def serving(lane: Any, habits: Any) -> bool:
        mode = Mode.NORMAL if lane.mode is Mode.LOCKED else lane.mode
        return serves(replace(lane, mode=mode), habits)

    patch.setattr(opening, "serves", serving)


def obeys_again_and_again(patch: Patch) -> None:
    """An order that comes twice is obeyed twice."""
    judge = obedience.judge
    patch.setattr(obedience, "judge", lambda order, _answered, told: judge(order, 0, told))


def stays_open_for_ever(patch: Patch) -> None:
    """A lane that central opened until an hour does not close by itself."""
    patch.setattr(obedience, "_uptime", lambda until, _situation: float(until))


def forgets_heads(patch: Patch) -> None:
    """Whoever walked while a lane stayed open is not told of."""
    set_mode = interruption.mode_set

    def mode_set(lane: Any, told: Any, at: Any) -> Any:
        return set_mode(replace(lane, heads=0), told, at)

    patch.setattr(interruption, "mode_set", mode_set)


def gives_back_whole_groups(patch: Patch) -> None:
    """Where some of a group do not come, all of it is given back."""
    timed_out = passing._timed_out  # noqa: SLF001

    def given_back(lane: Any, at: Any) -> Any:
        first = lane.admission.first if lane.admission else lane.person
        return timed_out(replace(lane, person=first), at)

    patch.setattr(passing, "_timed_out", given_back)


def takes_counted_groups_for_pulsed_ones(patch: Patch) -> None:
    """A gate that died with a group in its board gives back all but one."""
    resolved = opening.unresolved
    patch.setattr(desk, "unresolved", lambda persons, _counts, why: resolved(persons, False, why))


def obeys_keys_that_nobody_turned(patch: Patch) -> None:
    """Where a key stands when a gate starts is a word."""
    patch.setattr(contact, "is_news", lambda _contact, active, _known, _locked: active)


def counts_nobody_who_leaves(patch: Patch) -> None:
    """Who goes out through a turnstile, the other way, is not written down."""
    patch.setattr(passing, "passed_opposite", lambda lane, _at: (lane, []))


def locks_exits_too(patch: Patch) -> None:
    """Where central locks the entry of a gate, its exit is locked."""
    signals = obedience.signals

    def all_of_them(order: Any, situation: Any) -> Any:
        doors = tuple(replace(door, entry=True) for door in situation.doors)
        return signals(order, replace(situation, doors=doors))

    patch.setattr(obedience, "signals", all_of_them)
    patch.setattr(interruption, "_allowed", lambda *_: True)


def answers_and_does_nothing(patch: Patch) -> None:
    """Of what central orders nothing reaches the lanes."""
    patch.setattr(obedience, "signals", lambda *_: [])
