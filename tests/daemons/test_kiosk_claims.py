"""Kiosks that have lost central, and the venue's hub: of one ticket one paper, and one way in."""

from contextlib import suppress
from pathlib import Path

import pytest
from msgspec import structs

from edge.core.printer_status import Fault
from edge.core.visit_terms import Page
from edge.runtime.clock import settle
from edge.runtime.intercom import ClaimTold, Configured, LedgerThere
from paper.sheet import Code
from tests.daemons.test_kiosk_alone import refusal
from tests.device import authorised
from tests.kiosks import STAFF_CARD, Fuse, Kiosk, PowerCut
from tests.near_hub import KEY, ONE, TWO, Venue, play
from tests.trusted import key, sealed
from wire import claim as wire
from wire import delegated
from wire.claim import Ask, Denied, Granted, Kind
from wire.codec import encode
from wire.configuration import Desired
from wire.event import Passed
from wire.paper import PaperGivenBack
from wire.reason import Reason
from wire.signed import Purpose, seal


async def ask_for(one: Kiosk, number: int) -> None:
    """Show a ticket's code and have it printed, as far as that goes."""
    await one.scan(number)
    assert one.on(Page.CHOOSE), one.visit
    await one.touch("next")
    await one.touch("print")


def code_of(one: Kiosk) -> bytes:
    (code,) = (part.text for part in one.printer.printed[-1].parts if isinstance(part, Code))
    return code.encode()


def paper_of(one: Kiosk) -> delegated.Paper:
    paper = delegated.read(code_of(one))
    assert isinstance(paper, delegated.Paper)
    return paper


def refused(one: Kiosk) -> tuple[Reason, str]:
    refusal = one.visit.refusal
    assert refusal, one.visit
    return refusal.reason, refusal.where


def test_of_two_kiosks_that_lost_central_one_prints(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        async with venue.kiosk(ONE) as one, venue.kiosk(TWO) as two:
            await two.scan(1)
            await two.touch("next")
            await ask_for(one, 1)
            assert one.on(Page.TAKE), one.visit
            await two.touch("print")
            assert refused(two) == (Reason.BEING_COLLECTED, "Kiosk 1"), "before its row is there"
            await two.touch("cancel")
            venue.hub.journal(one)
            await ask_for(two, 1)
            assert refused(two) == (Reason.COLLECTED, "Kiosk 1")
            assert two.visit.refusal
            assert two.visit.refusal.since
            assert (len(one.printer.printed), len(two.printer.printed)) == (1, 0)
            assert two.papers() == [], "what was refused was no paper"

    play(tmp_path, story)


def test_whoever_is_entering_or_has_entered_gets_no_paper(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        async with venue.kiosk(ONE) as one:
            granted = venue.hub.claim(1)
            assert isinstance(granted, Granted)
            await ask_for(one, 1)
            assert refused(one) == (Reason.BEING_USED, "Gate 1")
            await one.touch("cancel")
            entered = structs.replace(authorised(1), admission=granted.admission)
            passed = Passed(admission=granted.admission, person=1)
            venue.hub.rows(1, entered, passed)
            await ask_for(one, 1)
            assert refused(one) == (Reason.USED, "Gate 1")
            assert one.printer.printed == []

    play(tmp_path, story)


def test_once_granted_the_phone_is_refused_at_the_gate_and_the_paper_is_not(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        async with venue.kiosk(ONE, sheet_seconds=5.0) as one:
            await ask_for(one, 1)
            assert one.on(Page.PRINTING)
            at_the_gate = venue.hub.claim(1)
            assert isinstance(at_the_gate, Denied)
            assert (at_the_gate.reason, at_the_gate.where) == (Reason.BEING_COLLECTED, "Kiosk 1")
            await one.clock.advance(6)
            assert one.on(Page.TAKE)
            # Its row has not come yet.
            assert isinstance(venue.hub.claim(1, paper_of(one).generation), Granted)

    play(tmp_path, story)


def test_what_was_not_printed_is_given_back_and_had_by_another(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        async with venue.kiosk(ONE) as one, venue.kiosk(TWO) as two:
            one.printer.break_at = (0, Fault.JAM)
            await ask_for(one, 1)
            assert one.papers() == ["reserved", "given-back"]
            venue.hub.journal(one)
            assert isinstance(venue.hub.claim(2), Granted)
            await ask_for(two, 1)
            assert two.on(Page.TAKE)
            assert paper_of(two).generation == 2, "no number twice"

    play(tmp_path, story)


def test_a_key_revoked_after_the_grant_signs_nothing_and_keeps_nothing(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        async with venue.kiosk(ONE) as one:
            answer = venue.hub.hear

            def revoke(device: bytes, payload: bytes) -> list[bytes]:
                venue.revoke(ONE)
                return answer(device, payload)

            venue.hub.hear = revoke  # type: ignore[method-assign]
            await ask_for(one, 1)
            assert refused(one)[0] is Reason.NO_NETWORK
            assert one.papers() == ["given-back"]
            venue.hub.journal(one)
            assert isinstance(venue.hub.claim(1), Granted)

    play(tmp_path, story)


@pytest.mark.parametrize("at", range(1, 15))
def test_the_power_is_cut_between_grant_and_print(tmp_path: Path, at: int) -> None:
    """Whatever step it was at, the hub hears what became of it, and there is one paper at most."""

    async def story(venue: Venue) -> None:
        fuse, printed = Fuse(), 0
        with suppress(PowerCut):
            async with venue.kiosk(ONE, fuse) as one:
                await one.scan(1)
                await one.touch("next")
                fuse.at = fuse.steps + at
                await one.touch("print")
                await one.clock.advance(3)
        printed += len(one.printer.printed)
        async with venue.kiosk(ONE, boot=b"boot-two") as again, venue.kiosk(TWO) as two:
            venue.hub.journal(again)
            for _ in range(3):
                venue.hub.asks(again)
                await again.clock.advance(1)
                venue.hub.journal(again)
            assert venue.hub.ledger.open_claims == 0, "somebody knows what became of it"
            await ask_for(two, 1)
            printed += len(two.printer.printed)
            assert printed <= 1
            if two.printer.printed:
                assert "given-back" in again.papers() or again.papers() == []

    play(tmp_path, story)


def test_asked_of_a_paper_that_is_just_being_had_the_kiosk_says_nothing_yet(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        async with venue.kiosk(ONE) as one:
            one.claims.under_way = b"under-way---"
            for name in (b"under-way---", b"unheard-of--"):
                ask = wire.write(Ask(ONE, name, Kind.EXCHANGE))
                one.line.say(ClaimTold(seal(ask, Purpose.CLAIM, KEY)))
            await settle()
            given_back = [row for row in one.events() if isinstance(row, PaperGivenBack)]
            assert [row.paper for row in given_back] == [b"unheard-of--"]

    play(tmp_path, story)


def test_a_hub_that_does_not_answer_is_not_waited_for_long(tmp_path: Path) -> None:
    """As without one; what it grants late is the paper's all the same, under the paper's number."""

    async def story(venue: Venue) -> None:
        async with venue.kiosk(ONE) as one:
            venue.hub.answers = False
            await ask_for(one, 1)
            assert one.on(Page.PRINTING)
            await one.clock.advance(1.1)
            assert one.on(Page.TAKE)
            (claim, again) = venue.hub.heard
            assert claim == again, "said again while it waits"
            venue.hub.journal(one)
            venue.hub.answers = True
            for envelope in venue.hub.hear(ONE, wire.write(claim)):
                one.line.say(ClaimTold(envelope))
            await settle()
            assert isinstance(venue.hub.claim(1, 0), Denied)
            assert isinstance(venue.hub.claim(1, paper_of(one).generation), Granted)
            assert one.papers() == ["reserved", "printed", "confirmed", "exchanged"]

    play(tmp_path, story)


def test_a_claim_that_arrives_after_its_paper_counts_as_the_paper(tmp_path: Path) -> None:
    """The hub had granted a higher number, and the kiosk has not waited for it."""

    async def story(venue: Venue) -> None:
        async with venue.kiosk(ONE) as one, venue.kiosk(TWO) as two:
            one.printer.break_at = (0, Fault.JAM)
            await ask_for(one, 1)
            venue.hub.journal(one)
            hear = venue.hub.hear
            venue.hub.hear = lambda device, payload: hear(device, payload)[:0]  # type: ignore[method-assign]
            await ask_for(two, 1)
            await two.clock.advance(1.1)
            assert two.on(Page.TAKE)
            venue.hub.journal(two)
            assert paper_of(two).generation == 1
            assert isinstance(venue.hub.claim(1), Denied)
            assert isinstance(venue.hub.claim(1, 1), Granted), "the paper in somebody's hand"

    play(tmp_path, story)


def test_without_a_hub_or_a_way_to_it_nobody_is_asked(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        async with venue.kiosk(ONE) as one:
            one.line.say(LedgerThere(False))
            await ask_for(one, 1)
            assert one.on(Page.TAKE), "at once, as the venue chose"
            assert venue.hub.heard == []

    play(tmp_path, story)


def test_a_hub_that_was_restarted_remembers_and_begins_a_term(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        async with venue.kiosk(ONE) as one, venue.kiosk(TWO) as two:
            await ask_for(one, 1)
            before = one.claims.term
            venue.hub.restart()
            await ask_for(two, 1)
            assert refused(two) == (Reason.BEING_COLLECTED, "Kiosk 1"), "it was on disk"
            await two.touch("cancel")
            await ask_for(two, 2)
            assert two.on(Page.TAKE), "not sure yet, and better than nobody"
            await one.touch("back")
            await ask_for(one, 3)
            assert one.claims.term > before
            assert one.on(Page.TAKE)

    play(tmp_path, story)


def test_an_answer_that_is_not_the_hubs_is_none(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        async with venue.kiosk(ONE) as one:

            def forged(device: bytes, payload: bytes) -> list[bytes]:
                asked = wire.read_said(payload)
                no = Denied(device, asked.admission, 10**10, Reason.USED)
                return [
                    seal(wire.write(no), Purpose.CLAIM, key("stranger")),
                    sealed(wire.write(no), Purpose.CLAIM),
                    b"\xff" * 100,
                ]

            venue.hub.hear = forged  # type: ignore[method-assign]
            await ask_for(one, 1)
            await one.clock.advance(1.1)
            assert one.on(Page.TAKE)

    play(tmp_path, story)


def test_which_hub_there_is_central_says_and_nobody_else(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        async with venue.kiosk(ONE) as one:
            stranger = key("stranger").public_key().public_bytes_raw().hex()

            def desired(version: int, public: str) -> bytes:
                zone = f'checkpoint = "hall"\nclaims_key = "{public}"\n'
                return encode(Desired(ONE, version, zone))

            forged = seal(desired(9, stranger), Purpose.CONFIGURATION, key("stranger"))
            one.line.say(Configured(forged))
            await ask_for(one, 1)
            assert one.on(Page.TAKE)
            await one.touch("back")
            assert one.claims.asks
            for version, public, asks in ((2, "", False), (1, venue.hub.public, False)):
                one.line.say(Configured(sealed(desired(version, public), Purpose.CONFIGURATION)))
                await settle()
                assert one.claims.asks is asks, version
            one.line.say(Configured(sealed(desired(3, venue.hub.public), Purpose.CONFIGURATION)))
            await settle()
            assert one.claims.asks

    play(tmp_path, story)


def test_what_central_grants_is_claimed_as_well(tmp_path: Path) -> None:
    """A kiosk that reaches central and one that does not are asked for by the same hub."""

    async def story(venue: Venue) -> None:
        async with venue.kiosk(ONE) as one, venue.kiosk(TWO) as two:
            one.office.away = False
            one.line.beat()
            await ask_for(one, 1)
            assert one.on(Page.TAKE)
            assert not code_of(one).startswith(b"GH2"), "central signed it"
            await ask_for(two, 1)
            assert refused(two) == (Reason.BEING_COLLECTED, "Kiosk 1")
            await two.touch("cancel")
            await one.touch("back")
            granted = venue.hub.claim(2)
            assert isinstance(granted, Granted)
            await ask_for(one, 2)
            assert refused(one) == (Reason.BEING_USED, "Gate 1")
            given_back = [row for row in one.events() if isinstance(row, PaperGivenBack)]
            assert [row.why for row in given_back] == ["hub"], "central hears that it is free"

    play(tmp_path, story)


def test_staff_print_anew_by_their_own_judgement(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        async with venue.kiosk(ONE) as one:
            one.office.away = False
            one.line.beat()
            await ask_for(one, 1)
            await one.touch("back")
            asked = len(venue.hub.heard)
            await one.show(STAFF_CARD)
            await one.scan(1)
            await one.touch("next")
            await one.touch("why", "jam")
            await one.touch("print")
            assert len(one.printer.printed) == 2
            assert len(venue.hub.heard) == asked

    play(tmp_path, story)


def test_a_kiosk_that_has_lost_its_journal_prints_nothing_by_itself(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        async with venue.kiosk(ONE) as one:
            await ask_for(one, 1)
            assert one.on(Page.TAKE)
        for file in venue.place(ONE).glob("journal.db*"):
            file.write_bytes(b"rubbish" * 1000)
        async with venue.kiosk(ONE, boot=b"boot-two") as again:
            assert await refusal(again, 1) is Reason.NO_NETWORK
            assert venue.hub.asks(again) == 1
            await again.clock.advance(1)
            assert again.papers() == ["print-unknown"]
            venue.hub.journal(again)
            assert venue.hub.ledger.open_claims == 0
            assert isinstance(venue.hub.claim(1), Granted), "phone and paper: whichever is first"

    play(tmp_path, story)
