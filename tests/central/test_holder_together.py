"""Two phones that open one link at the same moment, as PostgreSQL lets them."""

import time
from typing import Any

import pytest

from tests.central.test_holder import ticket, token_of
from tests.central.test_together import held_up
from tests.clusters import TestCluster
from tests.holder_phone import HolderPhone, point

__all__ = ["ticket"]

pytestmark = [
    pytest.mark.xdist_group("postgresql"),
    pytest.mark.parametrize("central", ["postgresql"], indirect=True),
]


def test_of_two_phones_that_ask_at_once_one_is_bound(cluster: TestCluster, ticket: Any) -> None:
    from central.holder import link, phone
    from central.holder.models import Phone

    there, now, said = link.link_of(ticket), time.time(), list[str]()
    mine, theirs = (
        phone.Asked(point(one.signing), point(one.agreement))
        for one in (HolderPhone(token_of(ticket)), HolderPhone(token_of(ticket)))
    )

    def second() -> None:
        try:
            phone.give(there, theirs, now)
        except phone.Refused as refused:
            said.append(str(refused))

    with held_up(cluster, second):
        assert "sealed" in phone.give(there, mine, now)
    assert said == ["other-phone"]
    assert bytes(Phone.objects.get().signing) == mine.signing
