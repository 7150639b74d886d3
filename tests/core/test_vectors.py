"""The golden vectors: what any other implementation of ours must answer, too.

`tickets.json` is read by the gate's way in (`credential`) and by central's (`wire.ticket`);
`verdicts.json` by the rules that both share.
"""

import json
from math import inf
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import fields as fields_of

from edge.core import credential
from rules.ticket_class import EventRecord, TicketClass
from rules.use import Outcome, Use
from rules.verdict import (
    Admit,
    AfterUncertain,
    Door,
    Facts,
    Refuse,
    Verdict,
    WhenClockSuspect,
    judge,
)
from wire import ticket as gh1
from wire.entry import Entry
from wire.event import ClockQuality, Rung
from wire.key import KeyRecord, KeyRing
from wire.reason import Reason
from wire.rotating import MovingCode
from wire.ticket import Ticket
from wire.words import Words

VECTORS = Path(__file__).parents[1] / "vectors"
VERDICTS: dict[str, Any] = json.loads((VECTORS / "verdicts.json").read_text())
TICKETS: dict[str, Any] = json.loads((VECTORS / "tickets.json").read_text())

JUDGED_BY_RULES = {
    Reason.UNKNOWN,
    Reason.BLOCKED,
    Reason.REFUNDED,
    Reason.RESCHEDULED,
    Reason.SUPERSEDED,
    Reason.WRONG_EVENT,
    Reason.WRONG_GATE,
    Reason.TOO_EARLY,
    Reason.TOO_LATE,
    Reason.STATIC_COPY,
    Reason.FORGED,
    Reason.CODE_TOO_OLD,
    Reason.USED,
    Reason.BEING_USED,
    Reason.SEE_STAFF,
    Reason.OFFLINE_LIMIT,
    Reason.CLOCK_SUSPECT,
}


def ticket_of(claims: dict[str, Any]) -> Ticket:
    return Ticket(**{**claims, "cti": bytes.fromhex(claims["cti"])})


def entry_of(fields: dict[str, Any] | None) -> Entry | None:
    if fields is None:
        return None
    elsewhere = [
        [
            use["checkpoint"],
            bytes.fromhex(use["admission"]),
            use["person"],
            use["wall"],
            use["place"],
        ]
        for use in fields.get("elsewhere", ())
    ]
    undone = [[bytes.fromhex(name), person] for name, person in fields.get("undone", ())]
    plain = {**fields, "elsewhere": elsewhere, "undone": undone}
    short = {field.name: field.encode_name for field in fields_of(Entry)}
    plain = {short[name]: value for name, value in plain.items()}
    return msgspec.convert(plain, Entry, builtin_types=(bytes,))


def use_of(fields: dict[str, Any]) -> Use:
    return Use(
        admission=bytes.fromhex(fields["admission"]),
        person=fields["person"],
        outcome=Outcome[fields["outcome"]],
        lane=fields["lane"],
        boot=bytes.fromhex(fields["boot"]),
        uptime=fields["uptime"],
        wall=fields["wall"],
        reopened=fields.get("reopened", False),
    )


def code_of(fields: dict[str, Any] | None) -> MovingCode | None:
    return MovingCode(fields["time"], fields["totp"]) if fields else None


def door_of(fields: dict[str, Any]) -> Door:
    return Door(
        checkpoint=fields["checkpoint"],
        lane=fields["lane"],
        boot=bytes.fromhex(fields["boot"]),
        rung=Rung(fields["rung"]),
        after_uncertain=AfterUncertain(fields["after_uncertain"]),
        admits_unlisted=frozenset(Rung(rung) for rung in fields["admits_unlisted"]),
        when_clock_suspect=WhenClockSuspect(fields["when_clock_suspect"]),
        clock=ClockQuality(fields["clock"]),
        floor=fields["floor"],
        latest=inf if fields["latest"] is None else fields["latest"],
    )


def question(case: dict[str, Any]) -> tuple[Facts, Door, float, float]:
    ground = VERDICTS["ground"]
    ticket = ticket_of({**ground["ticket"], **case.get("ticket", {})})
    uses, event = case.get("uses", ground["uses"]), case.get("event", ground["event"])
    if event and "rotation_key" in event:
        event = {**event, "rotation_key": bytes.fromhex(event["rotation_key"])}
    name = Words("网球", "Tennis")
    facts = Facts(
        ticket=ticket,
        entry=entry_of(case.get("entry", ground["entry"])),
        ticket_class=None if uses is None else TicketClass(ticket.audience, 1, name, uses),
        event=None if event is None else EventRecord(ticket.audience, name, **event),
        uses=tuple(use_of(use) for use in case.get("own", ground["own"])),
        code=code_of(case.get("code", ground["code"])),
        last_code=case.get("last_code", ground["last_code"]),
        unconfirmed_left=case.get("unconfirmed_left", ground["unconfirmed_left"]),
        list_too_old=case.get("list_too_old", ground["list_too_old"]),
    )
    door = door_of({**ground["door"], **case.get("door", {})})
    return facts, door, ground["wall"], ground["uptime"]


def verdict_of(expected: dict[str, Any]) -> Verdict:
    if "refuse" in expected:
        since, where = expected.get("since"), expected.get("where", "")
        return Refuse(Reason(expected["refuse"]), since, where)
    again = expected.get("reopen")
    reopen = (bytes.fromhex(again[0]), again[1]) if again else None
    return Admit(expected["admit"], expected.get("confirmed", True), reopen)


@pytest.mark.parametrize("case", VERDICTS["cases"], ids=lambda case: case["name"])
def test_verdict(case: dict[str, Any]) -> None:
    assert judge(*question(case)) == verdict_of(case["expect"])


def test_every_reason_that_the_rules_know_has_a_vector() -> None:
    told = {case["expect"].get("refuse") for case in VERDICTS["cases"]} - {None}
    assert {Reason(reason) for reason in told} == JUDGED_BY_RULES


def ring_of(records: list[dict[str, Any]]) -> KeyRing:
    hexed = ("kid", "public")
    return KeyRing(
        msgspec.convert(
            {**one, **{name: bytes.fromhex(one[name]) for name in hexed}},
            KeyRecord,
            builtin_types=(bytes,),
        )
        for one in records
    )


RING = ring_of(TICKETS["ring"])


@pytest.mark.parametrize("case", TICKETS["cases"], ids=lambda case: case["name"])
def test_ticket(case: dict[str, Any]) -> None:
    shown = case["text"].encode() if "text" in case else bytes.fromhex(case["hex"])
    expected = ticket_of(case["claims"]) if "claims" in case else Reason(case["refuse"])
    at_gate = credential.read(shown, RING)
    got = at_gate.ticket if isinstance(at_gate, credential.Shown) else at_gate.reason
    assert got == expected
    # The gate's way in also knows what is wrapped around a code, and what is a payment code.
    if expected is not Reason.PAYMENT_CODE and not shown.startswith(b"]"):
        assert gh1.verify(shown, RING) == expected


@pytest.mark.parametrize("case", [one for one in TICKETS["cases"] if one.get("signed")])
def test_signing_gives_the_same_text_again(case: dict[str, Any]) -> None:
    """Ed25519 is deterministic (RFC 8032), and so is our spelling."""
    seed = bytes.fromhex(TICKETS["private_keys"][case["signed"]])
    key = Ed25519PrivateKey.from_private_bytes(seed)
    ticket = ticket_of(case["claims"])
    assert gh1.sign(ticket, bytes.fromhex(case["signed"]), key) == case["text"]
