"""How much a device knows."""

import pytest

from edge.core.ladder import rung
from wire.event import Rung


@pytest.mark.parametrize(
    ("present", "age", "expected"),
    [
        (True, 0.0, Rung.FRESH),
        (True, 300.0, Rung.FRESH),
        (True, 300.1, Rung.STALE),
        (True, None, Rung.STALE),
        (False, 0.0, Rung.SIGNATURE_ONLY),
        (False, None, Rung.SIGNATURE_ONLY),
    ],
)
def test_rung(present: bool, age: float | None, expected: Rung) -> None:
    assert rung(present, age, 300.0) is expected
