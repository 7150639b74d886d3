"""Leave for a kiosk to exchange by itself: given by an admin, published as a key, revoked."""

import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client

from tests.central.test_exchange import TOKEN_2, ask, listed, said, tickets
from tests.central_venue import TOKEN
from wire import delegated
from wire.exchange import AskKeys, FindCode, Found, KeysWanted
from wire.key import KeyRing, Role, Status
from wire.paper import Exchanged, PaperReserved
from wire.reason import Reason

__all__ = ["tickets"]

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = KEY.public_key().public_bytes_raw()
HELD = AskKeys({"SHOW": PUBLIC})


def allow(hours: float = 8.0) -> Any:
    from central.exchange.models import Delegation
    from central.venue.models import Device, Event

    now = int(time.time())
    return Delegation.objects.create(
        device=Device.objects.get(name="Gate 1"),
        event=Event.objects.get(),
        valid_from=now - 60,
        valid_until=now + round(hours * 3600),
    )


def published() -> list[Any]:
    from central.venue.models import SigningKey

    keys = SigningKey.objects.filter(role=Role.EXCHANGE.value).order_by("pk")
    return [key.record() for key in keys]


@pytest.mark.usefixtures("tickets")
def test_nothing_is_published_that_nobody_allowed() -> None:
    assert ask(HELD) == KeysWanted(())
    allow(hours=-0.01)
    assert ask(HELD) == KeysWanted(()), "its hours are over"
    allow()
    assert ask(HELD, TOKEN_2) == KeysWanted(()), "another kiosk's"
    assert ask(AskKeys({"SHOW": b"short"})) == KeysWanted(("SHOW",))
    assert published() == []


@pytest.mark.usefixtures("tickets")
def test_a_key_is_on_the_list_with_its_event_and_its_hours() -> None:
    from central.lists.models import Change
    from central.venue import keys
    from central.venue.models import Venue

    one = allow()
    before = Change.objects.count()
    assert ask(AskKeys()) == KeysWanted(("SHOW",))
    assert ask(HELD) == KeysWanted(("SHOW",))
    assert ask(HELD) == KeysWanted(("SHOW",))
    (record,) = published()
    assert (record.public, record.role, record.audiences) == (PUBLIC, Role.EXCHANGE, ("SHOW",))
    assert (record.valid_from, record.valid_until) == (one.valid_from, one.valid_until)
    assert Change.objects.count() == before + 1, "said to the doors, once"
    kid, _ = keys.active(Venue.objects.get())
    assert kid != record.kid, "central goes on signing with its own"


@pytest.mark.usefixtures("tickets")
def test_a_kiosk_with_a_new_card_has_a_new_key_and_its_old_papers_are_good() -> None:
    allow()
    ask(HELD)
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32).public_key().public_bytes_raw()
    ask(AskKeys({"SHOW": other}))
    assert [one.status for one in published()] == [Status.RETIRED, Status.ACTIVE]


def test_revoked_by_an_admin(tickets: list[Any]) -> None:
    from django.contrib.auth import get_user_model

    from central.venue.models import SigningKey

    one = allow()
    ask(HELD)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser(f"chief-{time.time_ns()}"))
    told = {"action": "revoke", "_selected_action": [str(one.pk)]}
    client.post("/admin/exchange/delegation/", told)
    (record,) = published()
    assert record.status is Status.REVOKED
    assert ask(HELD) == KeysWanted(())
    paper = delegated.sign(tickets[0]["text"], 1, int(time.time()), record.kid, KEY)
    ring = KeyRing([key.record() for key in SigningKey.objects.all()])
    assert delegated.verify(paper.encode(), ring) is Reason.KEY_REVOKED


@pytest.mark.parametrize("hours", [-1, 0, 25])
def test_an_admin_gives_hours_and_not_days(tickets: list[Any], hours: int) -> None:
    from django.contrib.auth import get_user_model

    from central.exchange.models import Delegation
    from central.times import minute
    from central.venue.models import Device, Event

    assert tickets
    client = Client()
    client.force_login(get_user_model().objects.create_superuser(f"chief-{time.time_ns()}"))
    now = int(time.time()) // 60 * 60
    about = {"device": Device.objects.earliest("pk").pk, "event": Event.objects.get().pk}
    told = {**about, "valid_from": minute(now), "valid_until": minute(now + hours * 3600)}
    client.post("/admin/exchange/delegation/add/", told)
    assert not Delegation.objects.exists()
    # The time of day as the field has it, in the venue's zone.
    good = {**told, "valid_until": minute(now + 3600)}
    assert client.post("/admin/exchange/delegation/add/", good).status_code == 302
    assert Delegation.objects.get().by.startswith("chief-")


def test_what_it_exchanged_settles_when_its_journal_comes(tickets: list[Any]) -> None:
    from central.venue.models import Ticket

    allow()
    ask(HELD)
    (record,) = published()
    text = delegated.sign(tickets[0]["text"], 1, int(time.time()), record.kid, KEY)
    cti = bytes.fromhex(tickets[0]["cti"])
    name = b"by-itself-01"
    said(
        PaperReserved(paper=name, cti=cti, generation=1),
        Exchanged(paper=name, cti=cti, generation=1),
    )
    assert listed(tickets[0]).least_generation == 1
    ticket = Ticket.objects.get(cti=cti)
    assert (ticket.generation, ticket.generation_given) == (1, 1)
    for code, reason in ((text, Reason.COLLECTED), (tickets[0]["text"], Reason.COLLECTED)):
        found = ask(FindCode(code.encode()), TOKEN)
        assert isinstance(found, Found)
        assert found.offers[0].reason is reason
