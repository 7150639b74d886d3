"""What is done to a ticket is written into the outbox in the same transaction, and once."""

import threading
import time
from typing import Any

import pytest
from django.db import connection, transaction

from tests.central.notices import (
    CONTACT,
    MAIL,
    MOBILE,
    OPENID,
    issued,
    kinds,
    mail_told,
    only,
    rows,
    shop,
    sms_told,
    tell_by,
    wechat_told,
)
from tests.central.test_api import ORDER
from tests.central.test_elsewhere import authorised
from tests.central.test_operations import Gate, code, silent_since
from wire.event import ListApplied, Passed
from wire.paper import Exchanged, PaperReserved, PaperRetracted

PAPER = b"paper-number"


@pytest.fixture(autouse=True)
def gate(tickets: list[Any]) -> Gate:
    assert tickets
    made = Gate()
    made.says_hello()
    return made


@pytest.fixture
def by_mail(monkeypatch: pytest.MonkeyPatch) -> Any:
    return tell_by(monkeypatch, mail=mail_told())


@pytest.fixture
def by_all(monkeypatch: pytest.MonkeyPatch) -> Any:
    return tell_by(
        monkeypatch, admitted=True, mail=mail_told(), sms=sms_told(), wechat=wechat_told()
    )


def do(ticket: Any, what: str, **told: Any) -> Any:
    status, answer = shop().post(f"tickets/{bytes(ticket.cti).hex()}/{what}", told)
    assert status == 200, answer
    return answer


@pytest.mark.usefixtures("by_all")
def test_what_is_issued_is_told_by_every_channel_that_reaches_its_holder() -> None:
    issued(shop())
    assert kinds() == [("issued", "mail"), ("issued", "sms"), ("issued", "wechat")]
    issued(shop(), mobile="", openid="")
    assert kinds()[3:] == [("issued", "mail")]
    status, _ = shop().post("tickets", ORDER)
    assert (status, len(rows())) == (200, 4), "nobody to tell"


def test_where_no_channel_is_configured_nothing_is_written_and_nothing_asked() -> None:
    from central.core.notice import Kind
    from central.notices import outbox

    asked = list[str]()

    def listen(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    ticket = issued(shop())
    heard = outbox.Heard(papers=[(bytes(ticket.cti), "ab", {})], admissions={b"a"})
    with connection.execute_wrapper(listen):
        outbox.tell_of(Kind.ISSUED, [ticket], time.time())
        outbox.tell_heard(heard, time.time())
    assert asked == []
    assert rows() == []


@pytest.mark.usefixtures("by_mail")
def test_the_same_request_again_says_nothing_twice() -> None:
    asking = shop()
    contact = {**ORDER, "contact": CONTACT}
    for _ in range(2):
        status, ticket = asking.post("tickets", contact, key="again-1")
        assert status == 200
    for what in ("reissue", "refund"):
        for _ in range(2):
            status, _ = asking.post(f"tickets/{ticket['cti']}/{what}", {}, key=f"again-{what}")
            assert status == 200
    assert kinds() == [("issued", "mail"), ("reissued", "mail"), ("refund-waits", "mail")]
    other = {**contact, "contact": {**CONTACT, "mail": "other@example.com"}}
    assert asking.post("tickets", other, key="again-1")[0] == 409


@pytest.mark.usefixtures("by_mail")
def test_what_is_not_done_is_not_told() -> None:
    ticket = issued(shop())
    do(ticket, "refund")
    status, _ = shop().post(f"tickets/{bytes(ticket.cti).hex()}/reissue", {})
    assert status == 409
    assert kinds() == [("issued", "mail"), ("refund-waits", "mail")]

    class Torn(Exception):
        pass

    from central.tickets import operations
    from central.tickets.operations import Asked

    other = issued(shop())

    def torn() -> None:
        with transaction.atomic():
            operations.reissue(other, Asked("shop", "torn", time.time()))
            assert len(rows(kind="reissued")) == 1, "in the same transaction"
            raise Torn

    with pytest.raises(Torn):
        torn()
    assert len(rows(kind="reissued")) == 0


@pytest.mark.usefixtures("by_mail")
def test_each_reissue_and_each_move_is_told_there_and_back() -> None:
    ticket = issued(shop())
    do(ticket, "reissue")
    do(ticket, "reissue")
    for opens in (1_800_000_000, 1_810_000_000, 1_800_000_000):
        do(ticket, "reschedule", not_before=opens, expires=1_850_000_000, accept_risk=True)
    assert [kind for kind, _ in kinds()] == ["issued", *["reissued"] * 2, *["moved"] * 3]


@pytest.mark.usefixtures("by_mail")
def test_a_rebooked_ticket_takes_its_holders_addresses_along() -> None:
    from central.notices import contacts
    from central.venue.models import Ticket

    ticket = issued(shop(), language="en")
    made = do(ticket, "reschedule", ticket_class=1, event="SHOW", accept_risk=True)
    new = Ticket.objects.get(cti=bytes.fromhex(made["cti"]))
    assert contacts.of(new).mail == "Zoe.Li@example.com"
    assert contacts.of(new).language == "en"
    assert only(kind="rescheduled").ticket_id == new.pk


@pytest.mark.usefixtures("by_mail")
def test_a_refund_that_waits_is_told_so_and_how_it_ended(gate: Gate) -> None:
    silent_since(1000)
    ticket = issued(shop())
    assert do(ticket, "refund")["state"] == "held"
    assert kinds()[1:] == [("refund-waits", "mail")]
    gate.wrote(authorised(code(ticket)))
    gate.reports()
    assert kinds()[2:] == [], "it waits for a person now, and was told to wait already"
    from central.tickets import operations
    from central.tickets.models import Refund
    from central.tickets.operations import Asked

    asked = Asked("admin:chief", "1", time.time())
    operations.decide(Refund.objects.get(), asked, pay=False)
    assert kinds()[2:] == [("refund-denied", "mail")]


@pytest.mark.usefixtures("by_mail")
def test_a_refund_that_settles_in_a_moment_is_told_once(gate: Gate) -> None:
    from tests.central.test_operations import sequence

    ticket = issued(shop())
    assert do(ticket, "refund")["state"] == "asked"
    waits = only(kind="refund-waits")
    assert waits.due_at - waits.written_at >= 59, "in case that it does not settle"
    gate.wrote(ListApplied(sequence=sequence()))
    gate.reports()
    assert kinds()[2:] == [("refunded", "mail")]


@pytest.mark.usefixtures("by_mail")
def test_an_event_called_off_is_told_to_all_once_in_few_statements() -> None:
    from central.notices.models import Notice
    from central.tickets import called_off
    from central.venue.models import Event

    for _ in range(3):
        issued(shop())
    Notice.objects.all().delete()
    asked = list[str]()

    def listen(execute: Any, sql: str, *rest: Any) -> Any:
        if "notices_" in sql:
            asked.append(sql)
        return execute(sql, *rest)

    def call_off() -> None:
        called_off.run(Event.objects.get(), "x", "storm", lambda *_: None, threading.Event())

    with connection.execute_wrapper(listen):
        call_off()
    assert kinds() == [("called-off", "mail")] * 3
    assert len(asked) == 2, "who is reached, and what they are told, of 500 at once"
    call_off()
    assert len(rows()) == 3


@pytest.mark.usefixtures("by_all")
def test_an_exchange_at_a_kiosk_is_told_once_however_often_it_is_reported(gate: Gate) -> None:
    from central.notices.models import Notice

    ticket = issued(shop())
    Notice.objects.all().delete()
    cti = bytes(ticket.cti)
    reserved = PaperReserved(paper=PAPER, cti=cti, generation=1)
    gate.wrote(reserved, Exchanged(paper=PAPER, cti=cti, generation=1))
    gate.reports()
    assert kinds() == [("exchanged", channel) for channel in ("mail", "sms", "wechat")]
    row = rows()[0]
    assert row.detail["where"] == "Gate 1"
    assert row.about == PAPER.hex()
    gate.sent = 0
    gate.reports()
    assert len(rows()) == 3


@pytest.mark.usefixtures("by_all")
def test_an_admission_is_told_once_whichever_row_comes_first(gate: Gate) -> None:
    from central.notices.models import Notice
    from tests.central_messages import chained, take

    first, second = issued(shop()), issued(shop())
    Notice.objects.all().delete()
    one, two = authorised(code(first), b"admission-01"), authorised(code(second), b"admission-02")
    in_one = Passed(lane="A1", admission=b"admission-01", person=1)
    in_two = Passed(lane="A1", admission=b"admission-02", person=1)
    gate.wrote(one, in_one, two, in_two)
    batches = chained(gate.bodies)
    take(batches[0])
    assert kinds() == [], "let in, and not seen to walk yet"
    take(batches[3])
    take(batches[1])
    take(batches[2], *batches)
    told = [(row.ticket_id, row.kind, row.channel) for row in rows()]
    assert sorted(told) == [
        (ticket.pk, "admitted", channel)
        for ticket in (first, second)
        for channel in ("mail", "sms", "wechat")
    ]


@pytest.mark.usefixtures("by_all")
def test_a_group_that_walks_in_one_by_one_is_told_of_once(gate: Gate) -> None:
    ticket = issued(shop(), mobile="", openid="")
    gate.wrote(authorised(code(ticket), b"admission-01", quantity=2))
    for person in (1, 2):
        gate.wrote(Passed(lane="A1", admission=b"admission-01", person=person))
        gate.reports()
    assert kinds() == [("issued", "mail"), ("admitted", "mail")]


@pytest.mark.usefixtures("by_mail")
def test_admissions_are_not_told_unless_the_venue_says_so(gate: Gate) -> None:
    ticket = issued(shop())
    gate.wrote(authorised(code(ticket), b"admission-01"))
    gate.wrote(Passed(lane="A1", admission=b"admission-01", person=1))
    gate.reports()
    assert kinds() == [("issued", "mail")]


@pytest.mark.usefixtures("by_mail")
def test_ingest_asks_no_more_for_each_row(gate: Gate) -> None:
    """A paper costs three statements of a transaction, whether it is one or many."""
    counts = list[int]()

    def listen(execute: Any, sql: str, *rest: Any) -> Any:
        counts[-1] += "notices_" in sql
        return execute(sql, *rest)

    tickets = [issued(shop()) for _ in range(6)]
    for some in (tickets[:1], tickets[1:]):
        for ticket in some:
            cti = bytes(ticket.cti)
            gate.wrote(Exchanged(paper=cti[:12], cti=cti, generation=1))
        counts.append(0)
        with connection.execute_wrapper(listen):
            gate.reports()
    assert counts == [3, 3]
    assert len(rows(kind="exchanged")) == 6


@pytest.mark.usefixtures("by_mail")
def test_what_is_not_so_any_more_is_not_said(gate: Gate) -> None:
    from central.core.sending import Why
    from central.notices.saying import compose

    ticket = issued(shop())
    cti = bytes(ticket.cti)
    gate.wrote(Exchanged(paper=PAPER, cti=cti, generation=1), PaperRetracted(paper=PAPER))
    gate.reports()
    do(ticket, "reissue")
    do(ticket, "reissue")
    do(ticket, "refund")
    now = time.time()
    composed = [compose(row, now) for row in rows()]
    assert composed[:4] == [Why.OVERTAKEN] * 4
    shown = [row.kind for row in rows()][4:]
    assert shown[0] == "refund-waits"
    assert not isinstance(composed[4], Why)


@pytest.mark.usefixtures("by_mail")
@pytest.mark.parametrize("wall_ms", [-(2**62), 0, 2**62])
def test_a_kiosk_whose_clock_is_of_no_year_stops_nothing(gate: Gate, wall_ms: int) -> None:
    from central.core.sending import Why
    from central.notices.saying import compose
    from tests.central_messages import chained, take
    from wire.event import ClockQuality, Stamp
    from wire.row import encode_row

    assert gate
    cti = bytes(issued(shop()).cti)
    happened = Exchanged(paper=PAPER, cti=cti, generation=1)
    stamp = Stamp(wall_ms, 1, b"b" * 16, ClockQuality.UNCONFIRMED)
    take(*chained([encode_row(happened, stamp)]))
    message = compose(only(kind="exchanged"), time.time())
    assert not isinstance(message, Why)
    assert "Gate 1" in message.said.paragraphs[0]


@pytest.mark.usefixtures("by_mail")
def test_a_message_is_no_use_once_the_event_is_over() -> None:
    from central.core.sending import Why
    from central.notices.saying import compose

    ticket = issued(shop())
    do(ticket, "refund")
    issue, refund = rows()
    assert refund.kind in ("refunded", "refund-waits")
    over = ticket.expires + 1.0
    assert compose(issue, over) in (Why.TOO_LATE, Why.OVERTAKEN)
    assert compose(only(ticket=issued(shop())), over) is Why.TOO_LATE
    refund.written_at = int(over) - 3600
    assert compose(refund, over) is not Why.TOO_LATE
    assert compose(refund, over + 8 * 86400) is Why.TOO_LATE


def test_neither_addresses_nor_link_are_in_the_database(by_all: Any) -> None:
    from central.holder import link

    assert by_all
    ticket = issued(shop())
    token = link.path_of(ticket).rpartition("/")[2]
    kept = list[str]()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            for found in cursor.fetchall():
                raw = [bytes(one) for one in found if isinstance(one, bytes | memoryview)]
                kept += [str(found), *(one.decode("latin-1") for one in raw)]
    everything = "\n".join(kept).lower()
    for secret in (MAIL, "zoe", MOBILE, "13812345678", "12345678", OPENID, token):
        assert secret.lower() not in everything
    assert only(channel="mail").name in everything


def test_a_sealed_address_opens_beside_its_own_ticket_and_secret_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from django.conf import settings

    from central.core.address import Channel
    from central.notices import contacts
    from central.notices.models import Contact

    one, other = issued(shop()), issued(shop(), mail="other@example.com")
    mine, its = Contact.objects.get(ticket=one), Contact.objects.get(ticket=other)
    assert contacts.opened(mine, one, Channel.MAIL) == "Zoe.Li@example.com"
    its.sealed_mail = mine.sealed_mail
    with pytest.raises(contacts.Unreadable):
        contacts.opened(its, other, Channel.MAIL)
    mine.sealed_mobile = mine.sealed_openid
    with pytest.raises(contacts.Unreadable):
        contacts.opened(mine, one, Channel.SMS)
    monkeypatch.setattr(settings, "SECRET_KEY", "another")
    with pytest.raises(contacts.Unreadable):
        contacts.opened(mine, one, Channel.MAIL)
    assert not contacts.of(one)


@pytest.mark.usefixtures("by_mail")
def test_the_api_sets_shows_and_takes_away_where_a_holder_is_reached() -> None:
    ticket = issued(shop())
    address = f"tickets/{bytes(ticket.cti).hex()}/contact"
    status, shown = shop().get(address)
    assert (status, shown["mail"], shown["mobile"]) == (200, "Z***@example.com", "138****5678")
    assert shown["openid"] == "oAb****z0"
    status, shown = shop().post(address, {"mail": "b@例子.中国", "language": "en"})
    assert (status, shown["mail"]) == (200, "b***@xn--fsqu00a.xn--fiqs8s")
    assert (shown["mobile"], shown["language"]) == ("", "en")
    status, shown = shop().post(address, {})
    assert (status, shown["mail"]) == (200, "")
    from central.notices.models import Contact

    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"mail": "a@b.example\r\nBcc: c@d.example"},
        {"mail": "a@b.example\nBcc: c"},
        {"mail": "no at"},
        {"mail": "a@b"},
        {"mail": f"{'a' * 65}@b.example"},
        {"mail": f"a@{'b' * 250}.example"},
        {"mail": "张三@例子.中国"},
        {"mail": '"a b"@c.example'},
        {"mail": "a@b.example, c@d.example"},
        {"mail": "a@[127.0.0.1]"},
        {"mobile": "110"},
        {"mobile": "+86 12345678901"},
        {"mobile": "13812345678,13812345679"},
        {"mobile": "+1"},
        {"openid": "short"},
        {"openid": "o" * 41},
        {"language": "fr"},
        {"phone": "13812345678"},
    ],
)
def test_what_is_no_address_is_said_to_be_none(wrong: dict[str, str]) -> None:
    from central.venue.models import Ticket

    before = Ticket.objects.count()
    status, fault = shop().post("tickets", {**ORDER, "contact": {**CONTACT, **wrong}})
    assert status in (409, 422), fault
    assert fault["code"] in ("contact-wrong", "malformed")
    assert Ticket.objects.count() == before
    assert "13812345678" not in str(fault)


def test_wiping_an_event_forgets_where_its_holders_were_reached(by_mail: Any) -> None:
    from central.core.sending import Why
    from central.notices.models import Contact
    from central.notices.saying import compose
    from central.tickets.wiping import wipe
    from central.venue.models import Event

    assert by_mail
    issued(shop())
    assert list(wipe(Event.objects.get())) == [1]
    assert not Contact.objects.exists()
    assert compose(only(), time.time()) is Why.NO_ADDRESS
    assert list(wipe(Event.objects.get())) == []
