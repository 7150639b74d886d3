"""The live page and its stream: one question to the database, whoever many are looking."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import wraps
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import OperationalError, close_old_connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import get_language

from central.database import first_line
from central.live.picture import picture
from central.live.words import ALARMS, CLOCKS, KINDS, REASONS, RUNGS, spoken

log = logging.getLogger("central.live")

LOOK_SECONDS = 0.4
REST_SECONDS = 15.0
"""A comment line now and then tells proxies and browsers that the stream lives."""


class _Poller:
    """Asks at most once per LOOK_SECONDS, and only while somebody looks."""

    def __init__(self) -> None:
        self._asking = asyncio.Lock()
        self._asked_at = 0.0
        self._drawn = ""

    async def drawn(self) -> str:
        async with self._asking:
            if time.monotonic() - self._asked_at >= LOOK_SECONDS:
                self._drawn = await sync_to_async(_draw)()
                self._asked_at = time.monotonic()
            return self._drawn


def _draw() -> str:
    try:
        return json.dumps(picture(), ensure_ascii=False)
    finally:
        close_old_connections()


_poller = _Poller()

View = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponseBase]]


def _for_viewers(view: View) -> View:
    @wraps(view)
    async def checked(request: HttpRequest) -> HttpResponseBase:
        user = await request.auser()
        if settings.TOLD.web.open_live_page or user.is_authenticated:
            return await view(request)
        return redirect_to_login(request.get_full_path())

    return checked


@_for_viewers
async def page(request: HttpRequest) -> HttpResponse:
    """The page itself; what it shows comes by `events`."""
    language = get_language() or "zh-hans"
    tables = {
        "kinds": KINDS,
        "reasons": REASONS,
        "rungs": RUNGS,
        "clocks": CLOCKS,
        "alarms": ALARMS,
    }
    words = {
        name: {word: spoken(said, language) for word, said in table.items()}
        for name, table in tables.items()
    }
    context = {"words": words, "zh": language.startswith("zh"), "language": language}
    return await sync_to_async(render)(request, "live/page.html", context)


@_for_viewers
async def events(_: HttpRequest) -> HttpResponseBase:
    # Who looks all day would otherwise hold a connection that only the login needed.
    await sync_to_async(close_old_connections)()
    answer = StreamingHttpResponse(_stream(), content_type="text/event-stream")
    answer["Cache-Control"] = "no-store"
    answer["X-Accel-Buffering"] = "no"
    return answer


async def _stream() -> AsyncIterator[str]:
    before, rested = "", time.monotonic()
    while True:
        try:
            drawn = await _poller.drawn()
        except OperationalError as error:
            log.error("the live page ends, the database does not answer: %s", first_line(error))
            return  # The page says that it is cut off, and asks again.
        if drawn != before:
            yield f"data: {drawn}\n\n"
            before, rested = drawn, time.monotonic()
        elif time.monotonic() - rested > REST_SECONDS:
            yield ": still here\n\n"
            rested = time.monotonic()
        await asyncio.sleep(LOOK_SECONDS)
