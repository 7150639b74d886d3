"""What is remembered after a journal was lost."""

import pytest

from edge.core.memory import ASKING_SECONDS, Memory, memory


@pytest.mark.parametrize(
    ("lost_at", "confirmed_at", "uptime", "remembered"),
    [
        (None, None, 100.0, Memory.WHOLE),
        (100.0, None, 100.0, Memory.ASKING),
        (100.0, None, 100.0 + ASKING_SECONDS - 0.1, Memory.ASKING),
        (100.0, None, 100.0 + ASKING_SECONDS, Memory.WITHOUT),
        (100.0, 99.0, 101.0, Memory.ASKING),  # Said before the loss: it proves nothing.
        (100.0, 101.0, 101.0, Memory.WHOLE),
        (100.0, 500.0, 600.0, Memory.WHOLE),
    ],
)
def test_until_central_has_been_heard(
    lost_at: float | None, confirmed_at: float | None, uptime: float, remembered: Memory
) -> None:
    assert memory(lost_at, confirmed_at, uptime) is remembered
