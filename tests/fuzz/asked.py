"""Harnesses of who asks and is answered: kiosks and central, doors and the ledger of claims."""

import atexit
import json
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from edge.core import visit
from edge.core.moment import Moment
from edge.core.visit_terms import Habits, Health, Look, Looked, Page, Scanned, Touched, Visit
from edge.hub import reading
from tests import central_database
from tests.central_messages import DEVICE, EPOCH, TOPICS, chained, rows
from tests.central_messages import passed as has_passed
from tests.central_venue import TOKEN, description
from tests.device import authorised, ticket
from tests.fuzz.harness import Harness, Taken
from tests.fuzz.reported import Undone
from tests.near_hub import GATE, ONE, Hub
from wire import claim
from wire.claim import Claim, GiveBack, Kind, Mine
from wire.codec import WireError, decode, encode
from wire.delivery import EpochTop, Hello
from wire.exchange import (
    Answer,
    Answered,
    Asked,
    AskKeys,
    AskOpen,
    Denied,
    FindCode,
    FindIdentity,
    FindOrder,
    Found,
    Granted,
    Offer,
    Question,
    Reserve,
)
from wire.paper import PaperGivenBack, PaperReserved, Sort
from wire.reason import Reason
from wire.words import Words

HUB_KINDS = ("claim", "hello", "live", "backlog", "other")
LOOKED = (Page.CHOOSE, Page.CONFIRM, Page.REFUSED)
TOUCHES = ("next", "all", "print", "cancel", "back", "more")
NAMES = Words("演出", "Show")
ANSWERS: tuple[Answered, ...] = (
    Found((Offer("h1", b"c" * 16, NAMES, NAMES, 1_780_000_000, price_cents=28_000),)),
    Found((Offer("h2", b"d" * 16, NAMES, NAMES, 0, reason=Reason.COLLECTED, since=1.5),)),
    Granted(b"paper-000001", "GH1ABC", 1, "王小明", undone=((b"admission001", 1),)),
    Denied(Reason.TOO_MANY_TRIES, wait_seconds=30.0),
)


def question(data: bytes) -> bool:
    """What a kiosk asks central: any bytes are answered, and what is answered can be read."""
    from django.db import transaction
    from django.test import Client

    _open_venue()
    through = False
    try:
        with transaction.atomic():
            answer = Client(raise_request_exception=True).post(
                "/device/exchange",
                data,
                content_type="application/cbor",
                headers={"Authorization": f"Bearer {TOKEN}"},
            )
            assert answer.status_code in (200, 400, 413, 503), answer.status_code
            if answer.status_code == 200:
                through = not isinstance(decode(answer.content, Answer).answered, Denied)
            raise Undone
    except Undone:
        return through


def _open_venue() -> None:
    """Have a venue, if central has none: on that, each input is tried and undone."""
    from central.venue.models import Ticket

    if not Ticket.objects.exists():
        _sold()


def _sold() -> list[str]:
    """Make a venue whose tickets have an order, the same ones each time; return two codes."""
    from central.venue.prepare import prepare

    told = description(2)
    named = {"kind": "order", "count": 2, "order": "D-2026-7", "phone": "1234"}
    about = {"holder": "王小明", "id_number": "11010519491231002X", "paid": "alipay"}
    told["events"][0]["classes"][0]["tickets"].append(named | about)
    with tempfile.TemporaryDirectory() as folder:
        place, out = Path(folder) / "venue.json", Path(folder) / "tickets.jsonl"
        place.write_text(json.dumps(told))
        prepare(place, out)
        return [json.loads(line)["text"] for line in out.read_text().splitlines()][-2:]


def answer(data: bytes) -> bool:
    """What a kiosk is answered: read or refused, and a visit goes on from it whatever it is."""
    taken = Taken(data)
    touches, payload = taken.some(3), taken.rest()
    try:
        told = decode(payload, Answer).answered
    except WireError:
        return False
    assert decode(encode(Answer(told)), Answer).answered == told
    habits, now = Habits(), Moment(1_780_000_000.0, 100.0)
    one, commands = visit.step(
        Visit(health=Health(able=True, fault="")), Scanned(b"GH1ABC"), now, habits
    )
    (look,) = [command for command in commands if isinstance(command, Look)]
    found = told if isinstance(told, Found | Denied) else None
    one, _ = visit.step(one, Looked(look.number, found), now, habits)
    assert one.page in LOOKED, one.page
    for touch in touches:
        one, _ = visit.step(one, Touched(TOUCHES[touch % len(TOUCHES)]), now, habits)
    return found is not None


def claimed_at_central(data: bytes) -> bool:
    """What a door claims where central keeps the ledger."""
    from django.db import transaction

    from central.ledger import ingest
    from central.ledger.models import Quarantine

    _open_venue()
    through = False
    try:
        with transaction.atomic():
            topic = f"gh/1/v/up/{DEVICE}/claim"
            answers = ingest.take([(topic, data)] * 2, TOPICS)
            through = bool(answers)
            assert not (answers and Quarantine.objects.exists()), "answered, and put aside"
            raise Undone
    except Undone:
        return through


def said_to_a_hub(data: bytes) -> bool:
    """What a device of the venue says to its hub: claims, and its rows as they go by."""
    taken = Taken(data)
    chosen = taken.byte()
    device = (GATE, ONE, b"stranger")[chosen // 8 % 3]
    try:
        said = reading.read(device, HUB_KINDS[chosen % len(HUB_KINDS)], taken.rest())
    except WireError:
        return False
    if said is None:
        return False
    hub = _hub()
    hub.uptime += 0.25
    for answered in hub.ledger.take([said, said], hub.now()):
        assert answered[0].startswith("gh/1/")
    hub.ledger.ask(hub.now())
    return True


@cache
def _hub() -> Hub:
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-hub-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Hub(folder)


def told_by_a_ledger(data: bytes) -> bool:
    """What a ledger tells a device, once its seal was found good."""
    try:
        word = claim.read_told(data, GATE)
    except WireError:
        return False
    assert claim.read_told(claim.write(word), GATE) == word
    return True


def _questions() -> list[bytes]:
    from django.db import transaction

    central_database.use("sqlite")
    with suppress(Undone), transaction.atomic():
        code = _sold()[0].encode()
        raise Undone
    asked: tuple[Asked, ...] = (
        *(FindCode(code), FindOrder("D-2026-7", "1234"), FindIdentity("11010519491231002X")),
        Reserve(b"paper-000001", "ab" * 12, Sort.REISSUE, "chief", "torn", ((1, "unknown"),)),
        *(AskOpen(), AskKeys({"SHOW": bytes(32)})),
    )
    return [encode(Question(one)) for one in asked]


def _claims() -> list[bytes]:
    known = ((b"admission002", 1), (b"admission003", 2))
    cti = ticket(1).cti
    words = (
        Claim(b"admission001", cti, "hall", 2, lane="A1", known=known, abandoned=known[:1]),
        Claim(b"paper-000001", cti, "", 1, kind=Kind.EXCHANGE, paper=1, signed=True, undone=known),
        GiveBack(b"admission001"),
        Mine(b"admission001"),
    )
    return [claim.write(one) for one in words]


def _to_a_hub() -> list[bytes]:
    happened = (authorised(1), has_passed(1), PaperReserved(paper=b"paper-000001"))
    batches = chained(rows(*happened, PaperGivenBack(paper=b"paper-000001", why="no")))
    hello = encode(Hello((EpochTop(EPOCH, 3, bytes(32)),)))
    claims = [bytes([device * 8]) + one for one in _claims() for device in (0, 1)]
    return [*claims, b"\1" + hello, *(b"\2" + encode(one) for one in batches)]


def _told() -> list[bytes]:
    words = (
        claim.Granted(GATE, b"admission001", 3, 2, False, generation=2),
        claim.Denied(GATE, b"admission001", 3, Reason.USED, 1_780_000_000, "Gate 2"),
        claim.Taken(GATE, b"admission001"),
        claim.Ask(GATE, b"paper-000001", Kind.EXCHANGE),
    )
    return [claim.write(one) for one in words]


HARNESSES = (
    Harness("question", question, _questions, values=True, slow=True, central=True),
    Harness("answer", answer, lambda: [b"\0\1\2" + encode(Answer(one)) for one in ANSWERS]),
    Harness("claim", claimed_at_central, _claims, values=True, slow=True, central=True),
    Harness("claim-at-hub", said_to_a_hub, _to_a_hub, slow=True),
    Harness("claim-told", told_by_a_ledger, _told, values=True),
)
