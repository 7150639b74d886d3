"""Central as the ledger of claims, on both databases: the same answers as a hub's."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rules import zone as zones
from rules.term import ASKED_AT_ONCE_MAX
from tests.central_messages import DEVICE, EPOCH, TOPICS, chained, register_device, rows, together
from tests.device import authorised, ticket
from wire.claim import (
    Ask,
    Claim,
    Denied,
    FromLedger,
    GiveBack,
    Granted,
    Kind,
    Taken,
    read_told,
    write,
)
from wire.codec import encode
from wire.delivery import EpochTop, Hello
from wire.event import Abandoned, Passed
from wire.reason import Reason

OTHER = "0102030405060709"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> Any:
    from central.claims import answering
    from central.venue import trust
    from central.venue.models import Device, Venue

    register_device()
    Device.objects.create(venue=Venue.objects.get(), identity=OTHER, name="Gate 2", token_hash="y")
    trust.ensure(Venue.objects.get())
    return answering.Ledger(TOPICS, clock)


def say(ledger: Any, kind: str, payload: bytes, device: str = DEVICE) -> list[FromLedger]:
    """Hand over one message; return what is answered on claims."""
    from central.ledger import ingest

    topic = f"gh/1/v/up/{device}/{kind}"
    return told(ingest.take([(topic, payload)], TOPICS, ledger=ledger))


def told(answers: list[tuple[str, bytes]]) -> list[FromLedger]:
    from tests.trusted import inside

    found = []
    for topic, envelope in answers:
        device = topic.split("/")[4]
        if topic == TOPICS.claim_answer(device):
            found.append(read_told(inside(envelope), bytes.fromhex(device)))
    return found


def claim(ledger: Any, number: int, right: int, device: str = DEVICE) -> FromLedger:
    asked = Claim(b"admission%03d" % number, ticket(right).cti, "hall", 1, lane="A1")
    (answer,) = say(ledger, "claim", write(asked), device)
    return answer


def hello(ledger: Any, device: str, top: int = 0) -> None:
    epochs = (EpochTop(EPOCH, top, bytes(32)),) if top else ()
    say(ledger, "hello", encode(Hello(epochs)), device)


def reason(answer: FromLedger) -> Reason | None:
    return answer.reason if isinstance(answer, Denied) else None


def test_a_right_is_granted_once_and_given_back(ledger: Any) -> None:
    first = claim(ledger, 1, right=1)
    assert isinstance(first, Granted)
    assert reason(claim(ledger, 2, right=1, device=OTHER)) is Reason.BEING_USED
    assert claim(ledger, 1, right=1) == first
    back = GiveBack(b"admission001")
    assert say(ledger, "claim", write(back)) == [Taken(bytes.fromhex(DEVICE), b"admission001")]
    assert reason(claim(ledger, 3, right=1, device=OTHER)) is None


def test_rows_settle_claims_and_tell_doubles_by_gate_and_time(ledger: Any) -> None:
    claim(ledger, 1, right=1)
    batch = together(chained(rows(authorised(1), Passed(admission=b"admission001", person=1))))
    say(ledger, "live", encode(batch))
    answer = claim(ledger, 2, right=1, device=OTHER)
    assert isinstance(answer, Denied)
    assert (answer.reason, answer.since, answer.where) == (Reason.USED, 1_780_000_000, "Gate 1")


def test_what_was_not_walked_in_with_is_free_again(ledger: Any) -> None:
    claim(ledger, 1, right=1)
    batch = together(chained(rows(authorised(1), Abandoned(admission=b"admission001", person=1))))
    say(ledger, "live", encode(batch))
    assert reason(claim(ledger, 2, right=1, device=OTHER)) is None


def test_what_was_granted_beyond_what_was_authorised_is_free_again(ledger: Any) -> None:
    cti = ticket(1).cti
    four = Claim(b"admission001", cti, "hall", 4, 4)
    say(ledger, "claim", write(four))
    say(ledger, "live", encode(together(chained(rows(authorised(1, quantity=2))))))
    (answer,) = say(ledger, "claim", write(Claim(b"admission002", cti, "hall", 4, 4)), OTHER)
    assert isinstance(answer, Granted)
    assert answer.quantity == 2


def test_it_is_sure_once_everybody_was_heard(ledger: Any, clock: Clock) -> None:
    from central.claims import answering

    hello(ledger, DEVICE)
    hello(ledger, OTHER)
    again = answering.Ledger(TOPICS, clock)
    hello(again, DEVICE, top=1)
    clock.now += 20.0
    answer = claim(again, 1, right=1, device=OTHER)
    assert isinstance(answer, Granted)
    assert not answer.firm, "a row of Gate 1 is to come, and Gate 2 has not spoken"
    say(again, "live", encode(together(chained(rows(authorised(5))))))
    hello(again, OTHER)
    answer = claim(again, 2, right=2, device=OTHER)
    assert isinstance(answer, Granted)
    assert answer.firm


def test_terms_only_grow(ledger: Any) -> None:
    from central.claims import answering

    first = claim(ledger, 1, right=1)
    second = claim(answering.Ledger(TOPICS), 2, right=2)
    assert isinstance(first, Granted)
    assert isinstance(second, Granted)
    assert second.term > first.term


def test_a_silent_holder_is_asked(ledger: Any, clock: Clock) -> None:
    claim(ledger, 1, right=1)
    assert told(ledger.ask()) == []
    clock.now += 20.0
    assert told(ledger.ask()) == [Ask(bytes.fromhex(DEVICE), b"admission001")]
    say(ledger, "live", encode(together(chained(rows(authorised(1))))))
    clock.now += 20.0
    assert told(ledger.ask()) == []


def test_of_many_silent_holders_a_few_are_asked_at_a_time(ledger: Any, clock: Clock) -> None:
    for number in range(ASKED_AT_ONCE_MAX + 5):
        claim(ledger, number, right=number)
    told(ledger.ask())
    clock.now += 20.0
    first = told(ledger.ask())
    clock.now += 1.0
    then = told(ledger.ask())
    assert (len(first), len(then)) == (ASKED_AT_ONCE_MAX, 5)
    assert len({ask.admission for ask in (*first, *then)}) == ASKED_AT_ONCE_MAX + 5


def test_nobody_gives_back_what_another_holds(ledger: Any) -> None:
    (granted,) = say(ledger, "claim", write(Claim(b"admission001", ticket(1).cti, "hall", 1)))
    assert isinstance(granted, Granted)
    say(ledger, "claim", write(GiveBack(b"admission001")), OTHER)
    asked = Claim(b"admission002", ticket(1).cti, "hall", 1)
    (denied,) = say(ledger, "claim", write(asked), OTHER)
    assert isinstance(denied, Denied)
    assert denied.reason is Reason.BEING_USED


def test_where_there_is_a_hub_central_is_silent(ledger: Any) -> None:
    from central.claims.models import Hub
    from central.venue.models import Venue

    Hub.objects.create(venue=Venue.objects.get(), name="Hub", key="0" * 64)
    asked = Claim(b"admission001", ticket(1).cti, "hall", 1)
    assert say(ledger, "claim", write(asked)) == []


def test_a_paper_is_not_claimed_here(ledger: Any) -> None:
    asked = Claim(b"admission001", ticket(1).cti, "x", 1, kind=Kind.EXCHANGE)
    assert say(ledger, "claim", write(asked)) == []


def test_rubbish_is_put_aside(ledger: Any) -> None:
    from central.ledger.models import Quarantine

    assert say(ledger, "claim", b"\xff" * 30) == []
    assert Quarantine.objects.count() == 1


def test_a_zone_of_a_venue_with_a_hub_believes_its_key() -> None:
    from central.claims.models import Hub, ZoneClaims
    from central.identity import configuration
    from central.identity.models import ZoneText
    from central.venue.models import Checkpoint, Venue, Zone

    register_device()
    venue = Venue.objects.get()
    hall = Checkpoint.objects.create(venue=venue, code="hall")
    zone = Zone.objects.create(venue=venue, name="Hall", checkpoint=hall)
    ZoneClaims.objects.create(zone=zone, policy="hybrid")
    assert 'claims = "hybrid"\n' in configuration.text(zone)
    assert "claims_key" not in configuration.text(zone)
    Hub.objects.create(venue=venue, name="Hub", key="0" * 64)
    assert f'claims_key = "{"0" * 64}"\n' in configuration.text(zone)
    ZoneText.objects.create(zone=zone, text='checkpoint = "hall"\nclaims = "consistent"')
    written = configuration.text(zone)
    assert written.endswith(f'"consistent"\nclaims_key = "{"0" * 64}"\n')
    assert configuration.fault(zone, written) == ""


def hall_of(settings: str) -> Any:
    """Return a zone for which an admin wrote `settings`."""
    from central.identity.models import ZoneText
    from central.venue.models import Checkpoint, Venue, Zone

    venue = Venue.objects.get()
    hall, _ = Checkpoint.objects.get_or_create(venue=venue, code="hall")
    zone = Zone.objects.create(venue=venue, name="Hall", checkpoint=hall)
    ZoneText.objects.create(zone=zone, text=settings)
    return zone


@pytest.mark.parametrize(
    "settings",
    [
        'checkpoint = "hall"\n[kiosk]\nreceipts = "never"',
        '\ufeffcheckpoint = "hall"\r\n\r\n[kiosk]\r\nreceipts = "never"\r\n',
        'checkpoint = "hall"\n# claims_key = "to be said"\n',
    ],
)
def test_a_hubs_key_stands_outside_of_every_table(settings: str) -> None:
    """Behind [kiosk] it would be a key of the kiosks, and every device would refuse the text."""
    from central.claims.models import Hub
    from central.identity import configuration
    from central.venue.models import Venue

    register_device()
    zone = hall_of(settings)
    assert configuration.text(zone) == settings
    Hub.objects.create(venue=Venue.objects.get(), name="Hub", key="ab" * 32)
    written = configuration.text(zone)
    assert configuration.fault(zone, written) == ""
    assert zones.read(written.encode(), "zone.toml", ZoneInfo).zone.claims_key == "ab" * 32
    assert settings.strip("\ufeff\r\n") in written, "what the admin wrote stands as it was"


@pytest.mark.parametrize("settings", ['checkpoint = "hall"\nclaims_key = ""\n', "checkpoint = "])
def test_a_key_is_not_added_to_a_text_that_says_one_or_is_none(settings: str) -> None:
    from central.claims.models import Hub
    from central.identity import configuration
    from central.venue.models import Venue

    register_device()
    zone = hall_of(settings)
    Hub.objects.create(venue=Venue.objects.get(), name="Hub", key="ab" * 32)
    assert configuration.text(zone) == settings


def test_an_admin_names_the_hub_and_what_a_zone_asks_of_it() -> None:
    from django.contrib.auth import get_user_model
    from django.test import Client

    from central.claims.models import Hub, ZoneClaims
    from central.venue.models import Checkpoint, Venue, Zone

    register_device()
    venue = Venue.objects.get()
    hall = Checkpoint.objects.create(venue=venue, code="hall")
    zone = Zone.objects.create(venue=venue, name="Hall", checkpoint=hall)
    users = get_user_model()
    users.objects.filter(username="chief").delete()
    browser = Client()
    browser.force_login(users.objects.create_superuser("chief", password="a long password"))
    assert "gatehouse hub --key" in browser.get("/admin/claims/hub/add/").content.decode()
    for key in ("zz" * 32, "ab" * 32):
        browser.post("/admin/claims/hub/add/", {"venue": venue.pk, "name": "Hub", "key": key})
    assert Hub.objects.get().key == "ab" * 32
    shown = browser.get("/admin/claims/zoneclaims/add/").content.decode()
    assert "no answer, no entry" in shown
    browser.post("/admin/claims/zoneclaims/add/", {"zone": zone.pk, "policy": "consistent"})
    assert ZoneClaims.objects.get().policy == "consistent"
