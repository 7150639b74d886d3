"""Messages are read while the database writes others; what they say is the same."""

import pytest

from central.ledger.messages import Message, Reader, Rows, read
from tests.central_messages import DEVICE, TOPICS, chained, passed, register_device, rows, together
from wire.chain import link
from wire.codec import WireError, encode

BATCH = together(chained(rows(*(passed(number) for number in range(20)))))
GOOD = (TOPICS.backlog(DEVICE), encode(BATCH))
BAD = (TOPICS.backlog(DEVICE), b"rubbish")
NOBODY = ("gh/1/v/up/nobody/live", encode(BATCH))


def test_each_row_has_the_hash_that_it_has_on_its_device() -> None:
    told = read(*GOOD).what
    assert isinstance(told, Rows)
    previous = BATCH.previous
    for row, (seq, body) in zip(told.rows, enumerate(BATCH.rows, BATCH.first), strict=True):
        assert (row.seq, row.previous, row.body) == (seq, previous, body)
        previous = link(previous, bytes.fromhex(DEVICE), BATCH.epoch, seq, body)
        assert row.hash == previous


@pytest.mark.parametrize("expected", [(), (GOOD,), (BAD, GOOD, NOBODY)])
def test_what_was_read_ahead_says_what_it_would_have_said(expected: tuple[Message, ...]) -> None:
    reader = Reader()
    reader.expect(expected)
    for _ in range(2):
        ahead, there_and_then = reader(*GOOD).what, read(*GOOD).what
        assert isinstance(ahead, Rows)
        assert isinstance(there_and_then, Rows)
        assert [row.hash for row in ahead.rows] == [row.hash for row in there_and_then.rows]
        for unreadable in (BAD, NOBODY):
            with pytest.raises(WireError):
                reader(*unreadable)
    reader.stop()


def test_a_transaction_of_messages_read_ahead_puts_rubbish_aside_as_ever() -> None:
    from central.ledger import ingest
    from central.ledger.models import Quarantine, Row

    register_device()
    reader, messages = Reader(), [GOOD, BAD, NOBODY, GOOD]
    reader.expect(messages)
    ((topic, _),) = ingest.take(messages, TOPICS, reader=reader)
    assert topic == TOPICS.ack(DEVICE)
    assert Row.objects.count() == 20
    assert len(Quarantine.objects.values_list("why")) == 2
    reader.stop()
