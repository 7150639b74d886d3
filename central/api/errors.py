"""Whatever goes wrong under /api/: one sentence in each language, and a code that stays."""

from collections.abc import Callable
from math import ceil
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.decorators import sync_and_async_middleware
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from central.tickets.refusal import Code, Refused
from central.venue.keys import KeyMissing
from central.venue.trust import TrustMissing

ROOT = "/api/"
DETAIL_CHARACTERS_MAX = 200

_BY_STATUS = {
    400: Code.MALFORMED,
    401: Code.WHO_ARE_YOU,
    403: Code.NOT_ALLOWED,
    404: Code.NO_SUCH_PAGE,
    405: Code.METHOD,
    413: Code.TOO_LARGE,
    429: Code.TOO_OFTEN,
}


def answer(refused: Refused, status: int | None = None) -> JsonResponse:
    body = {"code": refused.code.value, "zh": refused.said.zh, "en": refused.said.en}
    made = JsonResponse(body, status=status or refused.status)
    made["Cache-Control"] = "no-store"
    if refused.wait_seconds:
        made["Retry-After"] = str(ceil(refused.wait_seconds))
    if made.status_code == 401:
        made["WWW-Authenticate"] = "Bearer"
    return made


def teach(api: NinjaAPI) -> None:
    """Let an API answer its errors so."""

    def said(_: HttpRequest, error: Any) -> HttpResponse:
        return answer(_refusal(error), getattr(error, "status_code", None))

    kinds: tuple[type[Exception], ...] = (
        *(Refused, AuthenticationError, ValidationError, HttpError),
        *(KeyMissing, TrustMissing, OperationalError),
    )
    for kind in kinds:
        api.add_exception_handler(kind, said)


def _refusal(error: Exception) -> Refused:
    match error:
        case Refused():
            return error
        case ValidationError():
            return Refused(Code.MALFORMED, _first(error.errors))
        case HttpError():
            code = _BY_STATUS.get(error.status_code, Code.MALFORMED)
            return Refused(code, "JSON" if code is Code.MALFORMED else "")
        case KeyMissing() | TrustMissing():
            return Refused(Code.NO_SIGNING_KEY)
        case _:
            return Refused(Code.TRY_AGAIN)


def _first(errors: list[dict[str, Any]]) -> str:
    """Return where the first fault is and what it is, as pydantic says it."""
    fault = errors[0] if errors else {}
    where = ".".join(str(part) for part in fault.get("loc", ()))
    return f"{where}: {fault.get('msg', '')}"[:DETAIL_CHARACTERS_MAX]


@sync_and_async_middleware
def spoken(get_response: Any) -> Callable[[HttpRequest], Any]:
    """Middleware: what Django itself refuses under /api/ is answered like all else there."""
    if iscoroutinefunction(get_response):

        async def awaited(request: HttpRequest) -> HttpResponseBase:
            return _in_our_words(request, await get_response(request))

        return awaited
    return lambda request: _in_our_words(request, get_response(request))


def nothing_here(_: HttpRequest) -> HttpResponse:
    return answer(Refused(Code.NO_SUCH_PAGE))


def _in_our_words(request: HttpRequest, given: HttpResponseBase) -> HttpResponseBase:
    if request.path.startswith(ROOT):
        # Django would write the path of every refusal to the log, and with it a ticket's code.
        given._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
    foreign = not given.get("Content-Type", "").startswith("application/json")
    code = _BY_STATUS.get(given.status_code)
    if code is None or not foreign or not request.path.startswith(ROOT):
        return given
    made = answer(Refused(code, "HTTP" if code is Code.MALFORMED else ""), given.status_code)
    if "Allow" in given:
        made["Allow"] = given["Allow"]
    made._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
    return made
