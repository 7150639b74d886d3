"""The holder's page, what it asks of central, and the worker that keeps it usable offline.

A page is opened by whoever has its address; what may be asked with that alone is how the ticket
stands. The moving code's key is asked for with the phone's own signature.
"""

import json
import time
from collections.abc import Callable
from functools import lru_cache, wraps
from hashlib import sha256
from pathlib import Path
from typing import Any

import segno
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    JsonResponse,
)
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.utils.translation import get_language
from django.views.decorators.csrf import csrf_exempt

from central.holder import link as links
from central.holder import phone
from central.holder.models import Link
from central.holder.state import said, state
from central.venue import keys
from central.venue.issue import texts
from central.venue.keys import KeyMissing

BODY_BYTES_MAX = 2000
STATIC = Path(__file__).parent / "static" / "holder"
ASSETS = ("holder.css", "holder.mjs", "phone.mjs", "lean-qr.mjs")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

View = Callable[..., HttpResponseBase]


def _guarded(method: str) -> Callable[[View], View]:
    """Nothing from elsewhere, nothing to elsewhere, kept by nobody on the way."""

    def guard(view: View) -> View:
        @csrf_exempt  # No cookie lets anybody in here.
        @wraps(view)
        def answer(request: HttpRequest, *args: str, **named: str) -> HttpResponseBase:
            allowed = request.method == method
            made = view(request, *args, **named) if allowed else HttpResponseNotAllowed([method])
            made["Content-Security-Policy"] = POLICY
            made["Referrer-Policy"] = "no-referrer"
            made["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
            made["X-Robots-Tag"] = "noindex"
            made["Cache-Control"] = "no-store"
            # Django would write the path of every refusal to the log, and with it the token.
            made._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
            return made

        return answer

    return guard


def _of_a_ticket(view: View) -> View:
    @wraps(view)
    def found(request: HttpRequest, token: str) -> HttpResponseBase:
        link = links.find(token)
        return view(request, token, link) if link else _gone(request)

    return found


@_guarded("GET")
def gone(request: HttpRequest) -> HttpResponseBase:
    return _gone(request)


def _gone(request: HttpRequest) -> HttpResponse:
    context = {"language": _language(), "version": version(), "gone": True}
    return render(request, "holder/page.html", context, status=404)


@_guarded("GET")
@_of_a_ticket
def page(request: HttpRequest, token: str, link: Link) -> HttpResponseBase:
    ticket = link.ticket
    event = ticket.ticket_class.event
    told = state(ticket)
    code = None
    if not ticket.must_move and told["standing"] == "good" and not told["used_up"]:
        try:
            code = next(texts([ticket], *keys.active(event.venue)))
        except KeyMissing:
            return HttpResponse("no key to sign with\n", status=503, content_type="text/plain")
    context = {
        "language": _language(),
        "token": token,
        "state": told,
        "event": event,
        "ticket": ticket,
        "number": f"{ticket.serial:06d}"[:-3] + " " + f"{ticket.serial:06d}"[-3:],
        "opens": said(told["opens"]),
        "closes": said(told["closes"]),
        "code_from": said(told["code_from"]),
        # Drawn by segno from an alphabet without any markup.
        "code": mark_safe(_drawn(code)) if code else None,
        "version": version(),
    }
    return render(request, "holder/page.html", context)


@_guarded("GET")
@_of_a_ticket
def how_it_stands(_: HttpRequest, token: str, link: Link) -> HttpResponseBase:  # noqa: ARG001
    return JsonResponse(state(link.ticket))


def _asking(verb: str, deed: Callable[[Link, phone.Asked], dict[str, Any]]) -> View:
    @_guarded("POST")
    @_of_a_ticket
    def answer(request: HttpRequest, token: str, link: Link) -> HttpResponseBase:
        try:
            if len(request.body) > BODY_BYTES_MAX:
                raise phone.Refused("malformed")
            told = json.loads(request.body)
            return JsonResponse(deed(link, phone.read(verb, token, told, time.time())))
        except (ValueError, RecursionError):
            return JsonResponse({"refused": "malformed"}, status=400)
        except phone.Refused as refused:
            word = str(refused)
            status = 409 if word == "other-phone" else 403
            return JsonResponse({"refused": word, "now": time.time()}, status=status)
        except KeyMissing:
            return JsonResponse({"refused": "not-now"}, status=503)

    return answer


def _give(link: Link, asked: phone.Asked) -> dict[str, Any]:
    return phone.give(link, asked, time.time())


def _kept(link: Link, asked: phone.Asked) -> dict[str, Any]:
    phone.kept(link, asked)
    return {}


def _tried(link: Link, asked: phone.Asked) -> dict[str, Any]:
    phone.tried(link, asked)
    return {}


def _release(link: Link, asked: phone.Asked) -> dict[str, Any]:
    return {"released": phone.release(link.ticket, "持票人 holder", asked)}


key = _asking("key", _give)
kept = _asking("kept", _kept)
tried = _asking("tried", _tried)
release = _asking("release", _release)


@_guarded("GET")
def worker(_: HttpRequest) -> HttpResponseBase:
    """The service worker; a byte of it changes with every file of the page."""
    told = json.dumps(
        {"version": version(), "assets": [f"/static/holder/{name}" for name in ASSETS]}
    )
    script = (STATIC / "worker.js").read_text().replace("/* told */ {}", told)
    return HttpResponse(script, content_type="text/javascript")


@lru_cache(maxsize=1)
def version() -> str:
    """Name the page's files by what is in them."""
    content = b"".join((STATIC / name).read_bytes() for name in (*ASSETS, "worker.js"))
    return sha256(content).hexdigest()[:12]


def _drawn(text: str) -> str:
    code = segno.make(text, micro=False, error="m", boost_error=False)
    return str(code.svg_inline(border=0, omitsize=True, svgclass="code", lineclass=None))


def _language() -> str:
    return "en" if (get_language() or "").startswith("en") else "zh-CN"
