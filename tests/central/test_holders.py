"""Who holds a ticket: told by a shop, kept sealed, on the list, and forgotten afterwards."""

from typing import Any

from django.db import connection

from tests.central.test_api import ROLES, Shop, new_key, newest_delta
from wire import secret
from wire.entry import read

NAME, NUMBER = "欧阳小明", "11010519491231002X"
ORDER = {"event": "SHOW", "ticket_class": 1, "holder_name": NAME, "id_number": NUMBER}


def held() -> tuple[bytes, Any]:
    """Let a shop issue a ticket; return its cti, and its line of the list."""
    status, ticket = Shop(new_key(*ROLES)).post("tickets", ORDER)
    assert status == 200, ticket
    return bytes.fromhex(ticket["cti"]), read(newest_delta().tickets[0])


def test_a_holder_is_on_the_list_and_read_with_the_ticket(tickets: list[Any]) -> None:
    assert tickets
    cti, entry = held()
    assert secret.open_name(entry.sealed_name, cti) == NAME
    assert secret.id_agrees(NUMBER.lower(), cti, entry.id_check)


def test_neither_name_nor_number_is_in_the_database(tickets: list[Any]) -> None:
    assert tickets
    held()
    kept = list[str]()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                raw = [bytes(one) for one in row if isinstance(one, bytes | memoryview)]
                kept += [str(row), *(one.decode(errors="replace") for one in raw)]
    assert not [one for one in kept if NAME in one or NUMBER in one]


def test_a_rebooked_ticket_keeps_the_name_and_asks_for_the_id_again(tickets: list[Any]) -> None:
    from central.venue.models import Ticket

    assert tickets
    cti, _ = held()
    shop = Shop(new_key(*ROLES))
    status, moved = shop.post(
        f"tickets/{cti.hex()}/reschedule", {"ticket_class": 1, "accept_risk": True}
    )
    assert status == 200, moved
    new = Ticket.objects.get(cti=bytes.fromhex(moved["cti"]))
    assert (new.holder(), new.id_check) == (NAME, None)


def test_what_is_no_holder_is_said_to_be_none(tickets: list[Any]) -> None:
    assert tickets
    shop = Shop(new_key(*ROLES))
    for wrong in ({"holder_name": "n" * 81}, {"id_number": "12"}, {"id_number": "12;45678"}):
        status, fault = shop.post("tickets", {**ORDER, **wrong})
        assert status in (409, 422), fault
        assert fault["zh"]


def test_afterwards_nobody_is_named(tickets: list[Any]) -> None:
    from central.tickets.wiping import wipe
    from central.venue.models import Event, Ticket

    assert tickets
    cti, _ = held()
    assert list(wipe(Event.objects.get())) == [1]
    ticket = Ticket.objects.get(cti=cti)
    assert (ticket.holder(), ticket.id_check) == ("", None)
    entry = read(newest_delta().tickets[0])
    assert (entry.sealed_name, entry.id_check) == (None, None)
    assert list(wipe(Event.objects.get())) == []
