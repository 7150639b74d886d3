"""Any bytes get an answer: the corpus of every parser that strangers reach, and changes of it.

The same inputs every time. Millions of others, led by what they reach, are tried at night
(`make nightly PART=fuzz`); what they find is committed to the corpus and played here ever after.
"""

from collections.abc import Iterator

import pytest

from tests.covered import note
from tests.fuzz.every import HARNESSES
from tests.fuzz.harness import Harness, corpus, inputs
from tests.fuzz.reported import central

CHANGES = 300


@pytest.fixture(autouse=True)
def central_where_it_is_wanted(name: str) -> Iterator[None]:
    if HARNESSES[name].central:
        with central():
            yield
    else:
        yield


@pytest.mark.parametrize("name", HARNESSES)
def test_any_bytes_get_an_answer(name: str) -> None:
    harness = HARNESSES[name]
    tried = list(inputs(name, CHANGES // 20 if harness.slow else CHANGES, 1, harness.values))
    through = sum(played(harness, data) for data in tried)
    assert through, "nothing got through: the corpus is out of date"
    note("inputs", len(tried))
    note("inputs through the whole of it", through)


@pytest.mark.parametrize("name", HARNESSES)
def test_what_our_own_writers_make_gets_through(name: str) -> None:
    assert any(played(HARNESSES[name], data) for data in HARNESSES[name].seeds())


@pytest.mark.parametrize("name", HARNESSES)
def test_the_corpus_is_small(name: str) -> None:
    inputs = corpus(name)
    assert 0 < len(inputs) <= 80
    assert sum(map(len, inputs)) <= 64 * 1024


def played(harness: Harness, data: bytes) -> bool:
    try:
        return harness.play(data)
    except Exception as error:
        error.add_note(f"played to {harness.name}: {data.hex()}")
        raise
