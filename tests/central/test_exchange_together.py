"""Two kiosks that ask for one ticket's paper at the same moment, as PostgreSQL lets them."""

from typing import Any

import pytest

from tests.central.test_exchange import (
    KIOSK_2,
    PAPER,
    SECOND,
    TOKEN_2,
    handle,
    tickets,
)
from tests.central.test_together import held_up
from tests.central_messages import DEVICE
from tests.central_venue import TOKEN
from tests.clusters import TestCluster
from wire.exchange import Answered, Denied, Granted, Reserve
from wire.reason import Reason

__all__ = ["tickets"]

pytestmark = [
    pytest.mark.xdist_group("postgresql"),
    pytest.mark.parametrize("central", ["postgresql"], indirect=True),
]


def test_two_kiosks_in_the_same_second_are_granted_one_paper(
    cluster: TestCluster, tickets: list[Any]
) -> None:
    from central.exchange.granting import reserve
    from central.venue.models import Device

    first, second = (
        (Device.objects.select_related("venue").get(identity=who), handle(tickets[0], token))
        for who, token in ((DEVICE, TOKEN), (KIOSK_2, TOKEN_2))
    )
    answers: list[Answered] = []
    with held_up(cluster, lambda: answers.append(reserve(Reserve(SECOND, second[1]), second[0]))):
        assert isinstance(reserve(Reserve(PAPER, first[1]), first[0]), Granted)
    (refused,) = answers
    assert isinstance(refused, Denied)
    assert refused.reason is Reason.BEING_COLLECTED
