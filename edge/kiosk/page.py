"""The kiosk's page: a picture of the visit, for one browser on this machine.

    GET  /enter/<token>   the browser's first address; sets the cookie that all others ask for
    GET  /                the page; it holds nothing that a reload could lose
    GET  /screen          what is shown now, as a piece of the page
    POST /touch           a control was touched; answered with what is shown then
    GET  /events          one line for each change (server-sent events)

The token is drawn anew with every boot. Nothing is taken from another origin, and nothing outside
is ever asked: the policy says so to the browser as well.
"""

import logging
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger("kiosk.page")

COOKIE = "gatehouse-kiosk"
BODY_BYTES_MAX = 2000
BREATH_SECONDS = 15.0
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=(), usb=(), serial=()",
}
STATIC = Path(__file__).with_name("static")


class Guard:
    """Lets in who has this boot's cookie and calls this address from this page."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                assert isinstance(headers, list)
                message["headers"] = [*headers, *HEADERS.items()]
            await send(message)

        refusal = self._refusal(Request(scope))
        answer: ASGIApp = PlainTextResponse(refusal, 403) if refusal else self._app
        await answer(scope, receive, guarded)  # type: ignore[arg-type]

    def _refusal(self, request: Request) -> str:
        """Return why a request is not let in, or nothing."""
        host = request.headers.get("host", "")
        if host.rpartition(":")[0] not in ("127.0.0.1", "[::1]"):
            return "not this host"  # Another name for this address: somebody else's page.
        origin = request.headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return "not this origin"
        if request.method not in ("GET", "HEAD") and origin is None:
            return "from which page?"
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return "not this origin"
        if request.url.path.startswith("/enter/"):
            return ""
        shown = request.cookies.get(COOKIE, "")
        return "" if secrets.compare_digest(shown.encode(), self._token.encode()) else "no token"


class Seen(Protocol):
    """What the page is a picture of."""

    watched: int
    """How many browsers show it."""

    @property
    def number(self) -> int:
        """Grows with every change of what is shown."""

    @property
    def over(self) -> bool:
        """Whether nothing more will be shown."""

    async def close(self) -> None:
        """Nothing more will be shown: whoever waits for a change may go."""

    async def touch(self, what: str, value: str, at: int) -> None:
        """A control was touched on the page numbered `at`."""

    async def moved_from(self, number: int, seconds: float) -> bool:
        """Wait until something else than `number` is shown; False: it has not come in time."""


def application(seen: Seen, picture: Callable[[], dict[str, Any]], token: str) -> Starlette:
    """Return the page of `seen` for whoever has `token`; `picture()`: what its templates name."""
    drawing = templates()

    def drawn(name: str) -> Response:
        body = drawing.get_template(name).render(picture())
        return Response(body, media_type="text/html; charset=utf-8")

    async def enter(request: Request) -> Response:
        given = str(request.path_params["token"])
        if not secrets.compare_digest(given.encode(), token.encode()):
            return PlainTextResponse("no token", 403)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, token, httponly=True, samesite="strict")
        return answer

    async def page(_: Request) -> Response:
        return drawn("page.html")

    async def screen(_: Request) -> Response:
        return drawn("screen.html")

    async def touch(request: Request) -> Response:
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > BODY_BYTES_MAX:
                return PlainTextResponse("too much", 413)
        try:
            what, value, at = _told(body)
        except ValueError:
            return PlainTextResponse("too many fields", 400)
        if what and at.isascii() and at.isdecimal() and len(at) < 16:
            await seen.touch(what[:40], value[:100], int(at))
        return drawn("screen.html")

    async def events(_: Request) -> Response:
        return StreamingResponse(changes(seen), media_type="text/event-stream")

    return Starlette(
        routes=[
            Route("/enter/{token}", enter),
            Route("/", page),
            Route("/screen", screen),
            Route("/touch", touch, methods=["POST"]),
            Route("/events", events),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Guard, token=token)],
    )


def _told(body: bytes) -> tuple[str, str, str]:
    """Return what was touched, with which value, on which page; ValueError for many fields."""
    told = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    what, value, at = (told.get(name, [""])[0] for name in ("what", "value", "at"))
    return what, value, at


def templates() -> Environment:
    """Return what draws the page, all of it compiled: each would cost its first visitor 20 ms."""
    made = Environment(
        loader=PackageLoader("edge.kiosk"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # Else every picture looks for each of its files on the disk.
    )
    for name in made.list_templates():
        made.get_template(name)
    return made


async def changes(seen: Seen) -> AsyncIterator[str]:
    """Yield the number of what is shown, at once and whenever it changes."""
    told = 0
    seen.watched += 1
    try:
        while not seen.over:
            if seen.number != told:
                told = seen.number
                yield f"data: {told}\n\n"
            elif not await seen.moved_from(told, BREATH_SECONDS):
                yield ": still here\n\n"
    finally:
        seen.watched -= 1
