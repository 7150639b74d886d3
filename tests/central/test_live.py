"""The live page: who may look, in which language, and what its stream says."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from django.test import Client, override_settings

from tests.central_messages import chained, passed, register_device, rows, take, together
from tests.device import authorised
from wire import event
from wire.event import KINDS, Mode
from wire.reason import Reason


def test_everybody_may_look_where_the_venue_says_so() -> None:
    answer = Client(headers={"Accept-Language": "zh-CN"}).get("/live/")
    assert answer.status_code == 200
    assert "正在发生" in answer.content.decode()


def test_where_not_it_asks_who_one_is() -> None:
    from django.conf import settings

    told = settings.TOLD

    closed = msgspec.structs.replace(
        told, web=msgspec.structs.replace(told.web, open_live_page=False)
    )
    with override_settings(TOLD=closed):
        answer = Client().get("/live/")
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")
        assert Client().get("/live/events").status_code == 302


def test_the_language_can_be_changed() -> None:
    client = Client(headers={"Accept-Language": "zh-CN"})
    client.post("/i18n/setlang/", {"language": "en", "next": "/live/"})
    assert "As it happens" in client.get("/live/").content.decode()


def test_the_stream_says_what_happened() -> None:
    from central.live import views

    register_device()
    take(together(chained(rows(authorised(1), passed(1)))))

    async def first() -> Any:
        views._poller = views._Poller()  # noqa: SLF001
        stream: AsyncIterator[str] = views._stream()  # noqa: SLF001
        return json.loads((await anext(stream)).removeprefix("data: "))

    drawn = asyncio.run(first())
    assert drawn["counters"]["admitted"] == drawn["counters"]["passed"] == 1
    assert [one["kind"] for one in drawn["feed"]] == ["passed", "authorised"]
    (gate,) = drawn["devices"]
    assert (gate["name"], gate["rows"], gate["silent"]) == ("Gate 1", 2, False)


def test_the_feed_says_what_was_set_and_which_part_is_lost_and_names_nobody() -> None:
    """Somebody's name is for the device's track, which needs a login."""
    from central.live.picture import picture

    register_device()
    told = (
        event.ModeChanged(lane="A1", mode=Mode.FREE_PASS, by="card: Li"),
        event.DriverLost(lane="A1", driver="pass_contact", why="unplugged"),
        event.OpenedByHand(lane="A1", by="card: Li"),
    )
    take(together(chained(rows(*told))))
    drawn = picture()
    said = [(one["kind"], one["said"]["zh"], one["said"]["en"]) for one in drawn["feed"]]
    assert said == [
        ("opened-by-hand", "", ""),
        ("driver-lost", "pass_contact", "pass_contact"),
        ("mode-changed", "自由通行", "free passage"),
    ]
    assert "Li" not in json.dumps(drawn)


def test_the_page_has_words_for_every_reason() -> None:
    from central.live.words import REASONS

    assert set(REASONS) == {reason.value for reason in Reason}


@pytest.mark.parametrize("kind", ["authorised", "refused", "passed", "uncertain", "tailgated"])
def test_the_page_has_words_for_what_people_do(kind: str) -> None:
    from central.live.words import KINDS as SPOKEN

    assert kind in KINDS
    assert SPOKEN[kind].zh
    assert SPOKEN[kind].en
