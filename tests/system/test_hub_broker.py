"""A hub's broker on the file that a hub's machine gets: who may say and hear what."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from central.identity import authority
from edge.core.hub_broker import access_list
from tests.brokers import running
from tests.hub_machine import HubBroker
from tests.secure_broker import (
    VENUE,
    A,
    B,
    Parties,
    Party,
    TestAuthority,
    until,
)
from wire.topic import Topics

HUB = "00112233445566ff"
TOPICS = Topics(VENUE)


@pytest.fixture
def venue(tmp_path: Path, told: TestAuthority) -> Iterator[tuple[TestAuthority, Parties]]:
    authority.write_server(told.issuing, ["127.0.0.1", "localhost"], told.now, "hub")
    authority.write_public("broker.acl", access_list(VENUE, HUB).encode())
    told.device(HUB)
    broker = HubBroker(tmp_path, told.public)
    with running(broker):
        parties = Parties(told, broker)
        yield told, parties
        parties.close()


def hub(parties: Parties) -> Party:
    return parties.comes(HUB).connected().listen(TOPICS.everything_up())


def test_a_gate_claims_and_is_answered(venue: tuple[TestAuthority, Parties]) -> None:
    _, parties = venue
    ledger, gate = hub(parties), parties.comes(A).connected()
    for topic in (TOPICS.ack(A), TOPICS.claim_answer(A)):
        gate.listen(topic)
    said = (TOPICS.claim(A), TOPICS.hello(A), TOPICS.live(A), TOPICS.backlog(A))
    for topic in said:
        gate.say(topic, b"mine")
    until(lambda: [topic for topic, _ in ledger.heard] == list(said), "what the gate said")
    ledger.say(TOPICS.claim_answer(A), b"granted")
    until(lambda: gate.heard == [(TOPICS.claim_answer(A), b"granted")], "the answer")


def test_nobody_claims_or_answers_in_anothers_name(venue: tuple[TestAuthority, Parties]) -> None:
    _, parties = venue
    ledger, gate, other = hub(parties), parties.comes(A).connected(), parties.comes(B).connected()
    gate.listen(TOPICS.claim_answer(A))
    other.listen(TOPICS.claim_answer(A))
    other.say(TOPICS.claim(A), b"not mine")
    other.say(TOPICS.claim_answer(A), b"granted")
    other.say(TOPICS.claim(B), b"mine")
    until(lambda: [said for _, said in ledger.heard] == [b"mine"], "what it may say")
    ledger.say(TOPICS.claim_answer(A), b"granted")
    until(lambda: [said for _, said in gate.heard] == [b"granted"], "the one answer")
    assert other.heard == []


def test_without_a_certificate_of_ours_nobody_gets_in(
    venue: tuple[TestAuthority, Parties],
) -> None:
    told, parties = venue
    told.stranger(A)
    assert parties.comes(None).refused()
    assert parties.comes(f"{A}-stranger").refused()
    assert parties.comes("hub").refused(), "a server's certificate makes nobody a client"
