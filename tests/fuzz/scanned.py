"""Harnesses of what is shown to a door: the ticket, the code that moves, the text that enrols."""

from edge.core import credential
from edge.core.credential import Shown
from edge.core.decision import Decision, Place, decide, refuse
from edge.core.lane import Authorised, Refused
from edge.core.moment import Moment
from edge.core.scan import Scan, without_aim
from rules.ticket_class import EventRecord, TicketClass
from rules.verdict import Door, Facts
from tests.core.test_delegated import DELEGATED, EXCHANGE_KEY
from tests.device import KEY, ROTATION_KEY, ticket
from tests.fuzz.harness import Harness, Taken
from wire import cose, delegated, enrolment, rotating
from wire import ticket as gh1
from wire.codec import WireError, encode
from wire.enrolment import Enrolment
from wire.entry import Entry
from wire.event import ClockQuality, Direction, Rung
from wire.key import KeyRecord, KeyRing
from wire.ticket import FLAG_ROTATION_REQUIRED, Ticket
from wire.words import Words

WALL = 1_780_000_000.0
RING = KeyRing([KeyRecord(b"k1", KEY.public_key().public_bytes_raw()), DELEGATED])
NAME = Words("演出", "Show")
CLASS = TicketClass("SHOW", 1, NAME, {"hall": 1})
EVENT = EventRecord("SHOW", NAME, rotation_key=ROTATION_KEY)
PLACES = tuple(
    Place(Door("hall", "A1", b"boot-one", rung, clock=clock), direction, b"key")
    for rung in Rung
    for clock in ClockQuality
    for direction in Direction
)


def shown(data: bytes) -> bool:
    """Whatever is shown is read and decided; what is read as a ticket is spelled as we spell it."""
    found = credential.read(data, RING)
    credential.kid(data)
    credential.is_enrolment(data)
    place = PLACES[sum(data[:8]) % len(PLACES)]
    scan = Scan(bytes(12), "reader", data, 99.0)
    if not isinstance(found, Shown):
        assert isinstance(refuse(scan, place, found.reason).answer, Refused)
        return False
    assert gh1.verify(spelled(found.ticket), RING) == found.ticket
    facts = Facts(found.ticket, Entry(0), CLASS, EVENT, code=found.code)
    quality = place.door.clock
    decided = decide(facts, scan, place, bytes(12), False, 1, Moment(WALL, 100.0, quality=quality))
    assert isinstance(decided, Decision), "these places claim nothing"
    assert isinstance(decided.answer, Authorised | Refused)
    assert bool(decided.events) == isinstance(decided.answer, Authorised)
    return True


def spelled(read: Ticket) -> bytes:
    return gh1.sign(read, b"k1", KEY).encode()


def scanned(data: bytes) -> bool:
    """As it comes from a scanner: a good one has exactly the text that our writer gives it."""
    through = shown(data)
    if through:
        _, bare = without_aim(data)
        bare = bare.strip(b" \t\r\n")
        found = credential.read(data, RING)
        assert isinstance(found, Shown)
        said = bare[3:-18] if found.code else bare[3:]
        again = gh1.read(b"GH1" + said)
        assert isinstance(again, gh1.Signed)
        assert again.ticket == found.ticket
        assert said.upper() == said.upper().strip()
    return through


def signed(payload: bytes) -> bool:
    """Claims of any kind with a good signature: whatever central's key could ever have signed."""
    return shown(sealed_ticket(payload))


def sealed_ticket(payload: bytes) -> bytes:
    protected = cose.header(b"k1")
    signature = KEY.sign(cose.to_be_signed(protected, payload))
    text = gh1.PREFIX + gh1.base32(cose.enclose(protected, payload, signature))
    return text.encode()


def delegated_paper(payload: bytes) -> bool:
    """A kiosk's paper of any kind with a good signature of the key that central delegated."""
    protected = cose.header(DELEGATED.kid)
    signature = EXCHANGE_KEY.sign(cose.to_be_signed(protected, payload, delegated.EXTERNAL))
    text = delegated.PREFIX + gh1.base32(cose.enclose(protected, payload, signature))
    return shown(text.encode())


def minted(data: bytes) -> bool:
    """Every ticket that can be written reads as it was, whatever stands in it."""
    taken = Taken(data)
    made = Ticket(
        cti=taken.some(16).ljust(16, b"."),
        audience="".join(chr(33 + byte % 94) for byte in taken.some(1 + taken.byte() % 8)) or "S",
        not_before=taken.number(4),
        expires=taken.number(4),
        issued_at=taken.number(4),
        ticket_class=taken.number(2),
        seat=taken.number(4),
        flags=taken.byte() % 24,
        serial=taken.number(4),
        generation=taken.byte() % 24,
        quantity=taken.byte() % 24,
        leg=taken.byte() % 24,
    )
    try:
        text = spelled(made)
    except gh1.TicketError:
        assert gh1.out_of_bounds(made)
        return False
    assert len(text) <= gh1.TICKET_CHARACTERS_MAX
    assert gh1.verify(text, RING) == made
    assert gh1.verify(text.lower(), RING) == made
    return shown(text)


def moving(data: bytes) -> bool:
    """A code that moves: any digits behind a good ticket, and any ticket before good digits."""
    taken = Taken(data)
    made = ticket(taken.byte())
    text = spelled(made).decode()
    time = (round(WALL) - 90 + taken.byte()) if taken.byte() % 4 else taken.number(4)
    code = rotating.text(text, rotating.key_of(made.cti, ROTATION_KEY), time).encode()
    extra = taken.rest()
    if extra:
        code = code[: len(code) - len(extra)] + extra
    read = rotating.read(code)
    if isinstance(read, tuple) and not extra:
        assert read[0].decode() == text
        assert read[1].time == time
        assert rotating.genuine(read[1], made.cti, ROTATION_KEY)
    return shown(code)


def enrolled(data: bytes) -> bool:
    """What is read as an enrolment is exactly what would be written, up to case and white space."""
    text = data.decode("latin-1")
    enrolment.looks_like(text)
    try:
        found = enrolment.read(text)
    except WireError:
        return False
    written = enrolment.compose(found)
    plain = "".join(text.upper().replace("-", " ").split())
    assert written == plain
    assert enrolment.read(written) == found
    return True


def enrolled_with_its_sum(body: bytes) -> bool:
    """The same, with a good sum at its end."""
    digits = gh1.base32(body + enrolment._sum(body))  # noqa: SLF001
    return enrolled((enrolment.PREFIX + digits).encode())


def _enrolment(url: str = "https://central.example:8443/gate") -> Enrolment:
    return Enrolment(url, bytes(32), bytes(range(16)), bytes(range(8)), bytes(32))


def _tickets() -> list[Ticket]:
    many = Ticket(bytes(16), "S", 0, 2**32 - 1, 0, 65535, 2**32 - 1, 1, 7, 23, 23, 23)
    must_move = Ticket(bytes(16), "SHOW", 0, 2**32 - 1, 0, 1, flags=FLAG_ROTATION_REQUIRED)
    return [ticket(1), ticket(2, quantity=4), many, must_move]


def _payloads() -> list[bytes]:
    read = (gh1.read(spelled(one)) for one in _tickets())
    found = [cose.parts(gh1.from_base32(spelled(one)[3:]))[1] for one in _tickets()]
    assert all(isinstance(one, gh1.Signed) for one in read)
    return found


def _papers() -> list[bytes]:
    texts = (
        delegated.sign(spelled(one).decode(), generation, round(WALL), DELEGATED.kid, EXCHANGE_KEY)
        for one in _tickets()
        for generation in (1, 23)
    )
    return [cose.parts(gh1.from_base32(one[3:].encode()))[1] for one in texts]


HARNESSES = (
    Harness(
        "ticket",
        scanned,
        lambda: [
            *map(spelled, _tickets()),
            b"]Q1" + spelled(ticket(3)).lower() + b"\r\n",
            rotating.text(spelled(ticket(1)).decode(), bytes(20), round(WALL)).encode(),
            b"134567890123456789",
            b"GHE1:AAAA",
            b"",
        ],
        share=3,
    ),
    Harness("ticket-signed", signed, _payloads, values=True, share=2),
    Harness("ticket-delegated", delegated_paper, _papers, values=True),
    Harness("ticket-minted", minted, lambda: [bytes(44), b"\xff" * 44, bytes(range(44))], share=2),
    Harness(
        "ticket-moving", moving, lambda: [b"\x01\x60\x01", b"\x02\x10\x00\0\0\0\x01" + b"9" * 18]
    ),
    Harness(
        "enrolment",
        enrolled,
        lambda: [enrolment.compose(_enrolment()).encode(), b"ghe1: aaaa-bbbb", b"GHE1:"],
    ),
    Harness(
        "enrolment-summed",
        enrolled_with_its_sum,
        lambda: [encode(_enrolment()), encode(_enrolment("http://[::1]:1"))],
        values=True,
    ),
)
