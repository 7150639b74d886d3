"""A ticket becomes paper once: what central grants, to whom, and what it says otherwise."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from msgspec.structs import replace

from rules import claim
from rules.use import Outcome
from tests.central_messages import DEVICE, chained, rows, take, together
from tests.central_venue import TOKEN, description
from tests.device import authorised, stamp
from wire import ticket as gh1
from wire.claim import Claim
from wire.codec import decode, encode
from wire.entry import Entry, read
from wire.event import AnyEvent, Authorised, Direction, Passed, Rung, Undone
from wire.exchange import (
    Answer,
    Answered,
    Asked,
    AskOpen,
    Denied,
    FindCode,
    FindIdentity,
    FindOrder,
    Found,
    Granted,
    OpenPapers,
    Question,
    Reserve,
)
from wire.key import KeyRing
from wire.paper import (
    Exchanged,
    PaperConfirmed,
    PaperGivenBack,
    PaperReserved,
    PaperRetracted,
    PaperUnknown,
    Sort,
)
from wire.reason import Reason
from wire.words import Words

KIOSK_2, TOKEN_2 = "0102030405060709", "token-of-kiosk-2"
PAPER, SECOND = b"paper-000001", b"paper-000002"


@pytest.fixture
def tickets(tmp_path: Path) -> list[dict[str, Any]]:
    """Two kiosks; an order of three tickets with a phone and an ID; and a class without paper."""
    from central.venue.prepare import prepare

    told = description()
    told["devices"].append({"id": KIOSK_2, "name": "Kiosk 2", "token": TOKEN_2})
    kind = told["events"][0]["classes"][0]
    kind["tickets"].append(
        {"kind": "order", "count": 3, "order": "D-2026-7", "phone": "1234", "holder": "王小明"}
        | {
            "zone": "A",
            "row": "7",
            "seats": ["1", "3", "5"],
            "price_cents": 28_000,
            "paid": "alipay",
        }
    )
    kind["entrance"] = {"zh": "东门", "en": "East gate"}
    kind["tickets"].append({"kind": "named", "count": 1, "id_number": "11010519491231002X"})
    names = {"zh": "工作证", "en": "Staff pass"}
    passes = {"code": 9, "name": names, "uses": {"hall": 1}, "exchange": False}
    told["events"][0]["classes"].append({**passes, "tickets": [{"kind": "pass", "count": 1}]})
    (tmp_path / "venue.json").write_text(json.dumps(told))
    out = tmp_path / "tickets.jsonl"
    prepare(tmp_path / "venue.json", out)
    return [json.loads(line) for line in out.read_text().splitlines()]


def ask(asked: Asked, token: str = TOKEN) -> Answered:
    from django.test import Client

    answer = Client().post(
        "/device/exchange",
        encode(Question(asked)),
        content_type="application/cbor",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 200, answer.content
    return decode(answer.content, Answer).answered


def handle(code: dict[str, Any], token: str = TOKEN) -> str:
    found = ask(FindCode(code["text"].encode()), token)
    assert isinstance(found, Found)
    return found.offers[0].handle


def grant(code: dict[str, Any], paper: bytes = PAPER, token: str = TOKEN, **more: Any) -> Answered:
    return ask(Reserve(paper, handle(code, token), **more), token)


def of_kind(tickets: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in tickets if one["kind"] == kind]


def said(*events: AnyEvent, device: str = DEVICE, epoch: bytes = b"epoch--1") -> None:
    take(together(chained(rows(*events), epoch)), device=device)


def listed(code: dict[str, Any]) -> Entry:
    """Return what the list says of a ticket now."""
    from central.venue.models import Ticket

    ticket = Ticket.objects.get(cti=bytes.fromhex(code["cti"]))
    return read(ticket.row(bytes(ticket.ticket_class.event.venue.list_key)))


def ring() -> KeyRing:
    from central.venue.models import SigningKey

    return KeyRing([key.record() for key in SigningKey.objects.all()])


def test_a_paper_is_the_same_right_with_a_higher_generation(tickets: list[Any]) -> None:
    granted = grant(tickets[0])
    assert isinstance(granted, Granted)
    phone, paper = (
        gh1.verify(text.encode(), ring()) for text in (tickets[0]["text"], granted.text)
    )
    assert isinstance(phone, gh1.Ticket)
    assert isinstance(paper, gh1.Ticket)
    assert (paper.cti, paper.generation, phone.generation) == (phone.cti, 1, 0)


def test_the_paper_says_where_to_go_and_the_receipt_how_it_was_paid(tickets: list[Any]) -> None:
    found = ask(FindOrder("D-2026-7", "1234"))
    assert isinstance(found, Found)
    told = {(one.entrance, one.paid) for one in found.offers}
    assert told == {(Words("东门", "East gate"), "alipay")}
    without = ask(FindCode(of_kind(tickets, "pass")[0]["text"].encode()))
    assert isinstance(without, Found)
    assert (without.offers[0].entrance, without.offers[0].paid) == (None, "")


def test_an_entrance_in_one_language_stands_for_both() -> None:
    from central.venue.models import TicketClass

    assert TicketClass(entrance_en="East").entrance == Words("East", "East")
    assert TicketClass(entrance_zh="东").entrance == Words("东", "东")
    assert TicketClass().entrance is None


def test_whom_a_gate_has_just_claimed_gets_no_paper(tickets: list[Any]) -> None:
    """Central is the ledger here; the gate has not written its row yet."""
    from central.claims.models import Granted as Claimed
    from central.venue.models import Device

    cti = bytes.fromhex(tickets[0]["cti"])
    about = {"checkpoint": "hall", "lane": "A1", "generation": 0, "wall": int(time.time())}
    device = Device.objects.get(identity=KIOSK_2)
    claimed = Claimed.objects.create(device=device, admission=bytes(12), person=1, cti=cti, **about)
    denied = grant(tickets[0])
    assert isinstance(denied, Denied)
    assert (denied.reason, denied.where) == (Reason.BEING_USED, "Kiosk 2")
    claimed.outcome = Outcome.ABANDONED.value
    claimed.save()
    assert isinstance(grant(tickets[0]), Granted)


@pytest.mark.usefixtures("tickets")
def test_a_grant_says_what_a_hub_cannot_know() -> None:
    from central.venue.models import Ticket

    found = ask(FindOrder("D-2026-7", "1234"))
    assert isinstance(found, Found)
    cti = found.offers[0].cti
    entered = structs.replace(authorised(1), cti=cti)
    name = entered.admission
    said(entered, Passed(admission=name, person=1), Undone(admission=name, person=1))
    Ticket.objects.filter(cti=cti).update(generation=3, generation_given=4)
    granted = ask(Reserve(PAPER, found.offers[0].handle))
    assert isinstance(granted, Granted)
    told = (granted.generation, granted.least, granted.undone)
    assert told == (5, 3, ((entered.admission, 1),))


def test_asked_again_it_is_the_same_paper(tickets: list[Any]) -> None:
    assert grant(tickets[0]) == grant(tickets[0])
    another = grant(tickets[0], SECOND)
    assert isinstance(another, Granted)
    assert another.generation == 2, "one that may have been printed is never granted again"


def test_two_kiosks_one_ticket(tickets: list[Any]) -> None:
    assert isinstance(grant(tickets[0]), Granted)
    refused = grant(tickets[0], SECOND, TOKEN_2)
    assert isinstance(refused, Denied)
    assert (refused.reason, refused.where) == (Reason.BEING_COLLECTED, "Gate 1")


def test_until_it_is_out_the_phone_is_good_and_afterwards_only_the_paper(
    tickets: list[Any],
) -> None:
    granted = grant(tickets[0])
    assert isinstance(granted, Granted)
    cti = bytes.fromhex(tickets[0]["cti"])
    said(PaperReserved(paper=PAPER, cti=cti, generation=1))
    assert listed(tickets[0]).least_generation == 0
    said(
        PaperReserved(paper=PAPER, cti=cti, generation=1),
        PaperConfirmed(paper=PAPER),
        Exchanged(paper=PAPER, cti=cti, generation=1),
    )
    assert listed(tickets[0]).least_generation == 1
    refused = grant(tickets[0], SECOND, TOKEN_2)
    assert isinstance(refused, Denied)
    assert (refused.reason, refused.where) == (Reason.COLLECTED, "Gate 1")
    assert refused.since == stamp(102.0).wall_ms / 1000


def test_confirmed_and_cut_off_there_is_no_second_paper(tickets: list[Any]) -> None:
    """Until the kiosk starts again and says that it is exchanged, both are good for the one use."""
    grant(tickets[0])
    cti = bytes.fromhex(tickets[0]["cti"])
    said(PaperReserved(paper=PAPER, cti=cti, generation=1), PaperConfirmed(paper=PAPER))
    assert listed(tickets[0]).least_generation == 0
    refused = grant(tickets[0], SECOND, TOKEN_2)
    assert isinstance(refused, Denied)
    assert refused.reason is Reason.COLLECTED


def test_the_phone_is_not_given_the_paper_s_code(tickets: list[Any]) -> None:
    from central.venue.issue import claims
    from central.venue.models import Ticket

    grant(tickets[0])
    cti = bytes.fromhex(tickets[0]["cti"])
    said(
        PaperReserved(paper=PAPER, cti=cti, generation=1),
        Exchanged(paper=PAPER, cti=cti, generation=1),
    )
    ticket = Ticket.objects.get(cti=cti)
    assert ticket.on_paper
    assert claims(ticket).generation == 0


def test_given_back_it_can_be_had_again_and_unknown_only_by_staff(tickets: list[Any]) -> None:
    cti = bytes.fromhex(tickets[0]["cti"])
    grant(tickets[0])
    said(
        PaperReserved(paper=PAPER, cti=cti, generation=1),
        PaperGivenBack(paper=PAPER, why="paper-end"),
    )
    assert isinstance(grant(tickets[0], SECOND, TOKEN_2), Granted)
    reserved = PaperReserved(paper=SECOND, cti=cti, generation=2)
    said(reserved, PaperUnknown(paper=SECOND, why="power"), device=KIOSK_2)
    assert listed(tickets[0]).least_generation == 0, "both stay good for the one use"
    refused = grant(tickets[0], b"paper-000003")
    assert isinstance(refused, Denied)
    assert refused.reason is Reason.SEE_STAFF
    anew = grant(tickets[0], b"paper-000003", sort=Sort.REISSUE, by="chief", why="jam")
    assert isinstance(anew, Granted)
    assert anew.generation == 3


def test_retracted_leaves_the_phone_good(tickets: list[Any]) -> None:
    cti = bytes.fromhex(tickets[0]["cti"])
    grant(tickets[0])
    reserved = PaperReserved(paper=PAPER, cti=cti, generation=1)
    said(reserved, PaperRetracted(paper=PAPER, why="not taken"))
    assert listed(tickets[0]).least_generation == 0
    assert isinstance(grant(tickets[0], SECOND), Granted)


def entered(code: dict[str, Any], generation: int = 0) -> Authorised:
    return Authorised(
        lane="A1",
        admission=b"admission001",
        scan=b"scan-0000001",
        cti=bytes.fromhex(code["cti"]),
        checkpoint="hall",
        quantity=1,
        direction=Direction.ENTRY,
        generation=generation,
        rung=Rung.FRESH,
        list_sequence=1,
    )


def test_being_entered_and_admitted_have_words_of_their_own(tickets: list[Any]) -> None:
    said(entered(tickets[0]))
    now = grant(tickets[0])
    assert isinstance(now, Denied)
    assert (now.reason, now.where) == (Reason.BEING_USED, "Gate 1")
    said(entered(tickets[0]), Passed(lane="A1", admission=b"admission001", person=1))
    inside = grant(tickets[0])
    assert isinstance(inside, Denied)
    assert inside.reason is Reason.USED


def test_an_unknown_paper_that_a_door_has_seen_kills_the_phone(tickets: list[Any]) -> None:
    cti = bytes.fromhex(tickets[0]["cti"])
    grant(tickets[0])
    said(PaperReserved(paper=PAPER, cti=cti, generation=1), PaperUnknown(paper=PAPER))
    assert listed(tickets[0]).least_generation == 0
    said(entered(tickets[0], generation=1), device=KIOSK_2)
    assert listed(tickets[0]).least_generation == 1


@pytest.mark.parametrize(
    ("kind", "reason"), [("refunded", Reason.REFUNDED), ("pass", Reason.NOT_EXCHANGED)]
)
def test_no_paper_for_these(tickets: list[Any], kind: str, reason: Reason) -> None:
    (one, *_) = of_kind(tickets, kind)
    found = ask(FindCode(one["text"].encode()))
    assert isinstance(found, Found)
    assert found.offers[0].reason is reason
    refused = grant(one)
    assert isinstance(refused, Denied)
    assert refused.reason is reason


def test_what_is_over_has_no_paper(tickets: list[Any]) -> None:
    from central.venue.models import Ticket

    Ticket.objects.update(expires=1_700_000_001)
    refused = grant(tickets[0])
    assert isinstance(refused, Denied)
    assert refused.reason is Reason.TOO_LATE


@pytest.mark.usefixtures("tickets")
def test_an_order_is_found_by_its_number_and_the_phone() -> None:
    found = ask(FindOrder("d-2026-7", "1234"))
    assert isinstance(found, Found)
    assert [one.holder for one in found.offers] == ["王＊＊"] * 3
    seated = [(one.zone, one.row, one.seat, one.price_cents) for one in found.offers]
    assert seated == [("A", "7", seat, 28_000) for seat in ("1", "3", "5")]
    assert found.offers[0].currency == "¥"
    assert isinstance(ask(Reserve(PAPER, found.offers[0].handle)), Granted)


def test_a_picture_of_a_moving_code_gets_no_paper(tickets: list[Any]) -> None:
    from central.venue import keys
    from central.venue.issue import texts
    from central.venue.models import Event, Ticket
    from wire import rotating

    Ticket.objects.update(flags=gh1.FLAG_ROTATION_REQUIRED)
    event = Event.objects.get()
    event.rotating = True
    event.save()
    ticket = Ticket.objects.get(cti=bytes.fromhex(tickets[0]["cti"]))
    (code,) = texts([ticket], *keys.active(event.venue))
    assert ask(FindCode(code.encode())) == Denied(Reason.STATIC_COPY)
    key = rotating.key_of(bytes(ticket.cti), bytes(event.rotation_key or b""))
    old = rotating.text(code, key, int(time.time()) - 300)
    assert ask(FindCode(old.encode())) == Denied(Reason.CODE_TOO_OLD)
    found = ask(FindCode(rotating.text(code, key, int(time.time())).encode()))
    assert isinstance(found, Found)
    granted = ask(Reserve(PAPER, found.offers[0].handle))
    assert isinstance(granted, Granted)
    paper = gh1.verify(granted.text.encode(), ring())
    assert isinstance(paper, gh1.Ticket)
    assert paper.flags == 0, "paper cannot move"


def test_a_handle_is_good_for_the_kiosk_it_was_given_to(tickets: list[Any]) -> None:
    refused = ask(Reserve(PAPER, handle(tickets[0])), TOKEN_2)
    assert refused == Denied(Reason.SEE_STAFF)
    assert ask(Reserve(PAPER, "made up")) == Denied(Reason.SEE_STAFF)


def test_five_wrong_guesses_lock_order_and_kiosk(tickets: list[Any]) -> None:
    assert tickets
    for _ in range(5):
        assert ask(FindOrder("D-2026-7", "0000")) == Denied(Reason.NO_SUCH_ORDER)
    locked = ask(FindOrder("D-2026-7", "1234"), TOKEN_2)
    assert isinstance(locked, Denied)
    assert locked.reason is Reason.TOO_MANY_TRIES, "the order, also at another kiosk"
    assert 0 < locked.wait_seconds <= 900
    other = ask(FindOrder("D-2026-8", "1234"))
    assert isinstance(other, Denied)
    assert other.reason is Reason.TOO_MANY_TRIES, "the kiosk, also for another order"
    assert isinstance(ask(FindCode(tickets[0]["text"].encode())), Found), "a code is no guess"


def test_an_id_finds_its_ticket_and_guesses_are_counted(tickets: list[Any]) -> None:
    assert tickets
    found = ask(FindIdentity("11010519491231002x", card=True))
    assert isinstance(found, Found)
    assert len(found.offers) == 1
    for _ in range(5):
        assert ask(FindIdentity("110105194912310000")) == Denied(Reason.NO_SUCH_ORDER)
    locked = ask(FindIdentity("11010519491231002X"), TOKEN_2)
    assert isinstance(locked, Found), "another kiosk, another number"
    assert isinstance(ask(FindIdentity("11010519491231002X")), Denied)


def test_a_kiosk_that_starts_hears_what_it_was_granted(tickets: list[Any]) -> None:
    grant(tickets[0])
    assert ask(AskOpen()) == OpenPapers((PAPER,))
    assert ask(AskOpen(), TOKEN_2) == OpenPapers(())
    said(PaperGivenBack(paper=PAPER, why="forgotten"))
    assert ask(AskOpen()) == OpenPapers(())
    assert isinstance(grant(tickets[0], SECOND, TOKEN_2), Granted)


def test_given_back_before_it_was_granted_it_is_never_granted(tickets: list[Any]) -> None:
    """The kiosk waited no longer; its question comes to central after its journal."""
    said(PaperGivenBack(paper=PAPER, why="no-answer"))
    assert grant(tickets[0]) == Denied(Reason.SEE_STAFF)
    assert isinstance(grant(tickets[0], SECOND, TOKEN_2), Granted)


@pytest.mark.parametrize("body", [b"", b"\xff", b"{}", encode({"asked": {"type": "no"}})])
def test_any_bytes_get_an_answer(tickets: list[Any], body: bytes) -> None:
    from django.test import Client

    assert tickets
    answer = Client().post(
        "/device/exchange",
        body,
        content_type="application/cbor",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    assert answer.status_code == 400


def test_reissued_by_the_shop_after_a_paper_it_is_a_new_code(tickets: list[Any]) -> None:
    from central.lists.changes import reissue
    from central.venue.models import Ticket

    cti = bytes.fromhex(tickets[0]["cti"])
    grant(tickets[0])
    said(
        PaperReserved(paper=PAPER, cti=cti, generation=1),
        Exchanged(paper=PAPER, cti=cti, generation=1),
    )
    ticket = Ticket.objects.get(cti=cti)
    reissue(ticket)
    assert (ticket.generation, ticket.on_paper) == (2, False)
    found = ask(FindCode(tickets[0]["text"].encode()))
    assert isinstance(found, Found)
    assert found.offers[0].reason is Reason.SUPERSEDED


@pytest.mark.parametrize("first", [0, 1])
def test_of_an_unknown_paper_the_code_that_was_seen_first_stays_good(
    tickets: list[Any], first: int
) -> None:
    from central.claims import knowing

    cti = bytes.fromhex(tickets[0]["cti"])
    grant(tickets[0])
    said(PaperReserved(paper=PAPER, cti=cti, generation=1), PaperUnknown(paper=PAPER))
    seen = replace(authorised(1), cti=cti, generation=first)
    ended = Passed(admission=seen.admission, person=1)
    said(seen, ended, device=KIOSK_2)
    standing = claim.Standing(1)
    for generation, expected in ((first, None), (1 - first, Reason.SUPERSEDED)):
        asked = Claim(b"admission009", cti, "hall", 2, 1, generation)
        answer, _ = claim.answer(asked, b"another", knowing.right(cti), (), standing, 0)
        assert getattr(answer, "reason", None) is expected
