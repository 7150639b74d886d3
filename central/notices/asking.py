"""How a provider is asked over HTTP: with time-outs, its certificate checked, no redirect followed.

What goes wrong before the request was out is told from what goes wrong afterwards: then nobody
knows whether it was heard. Addresses of requests hold numbers and tokens, so that nothing of them
reaches an error's words or the log.
"""

import json
import logging
import time
from typing import Any

import requests
import urllib3.exceptions

from central.config import ConfigError
from central.core.sending import Answer, Down, Unclear, Why

CONNECT_SECONDS, READ_SECONDS, WHOLE_SECONDS = 5.0, 15.0, 30.0
BODY_BYTES_MAX = 64 * 1024
_PIECE_BYTES = 1
"""A larger piece is waited for until it is full, however slowly it comes."""
# It writes the addresses of requests into its warnings.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class Unanswered(Exception):
    """There is no answer to read; `answer` says what that means for what was to be sent."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(answer)


class Provider:
    """The server of a provider, spoken to in JSON."""

    def __init__(self, authority: str | None, key: str) -> None:
        """`authority`: a PEM file, in place of what the system believes. Raise ConfigError."""
        self._authority = authority
        if authority is not None:
            try:
                with open(authority, "rb") as file:  # noqa: PTH123 (only whether it can be read)
                    file.read(1)
            except OSError as error:
                raise ConfigError(
                    f"central.toml: {key}.authority: {authority} cannot be read ({error.strerror})"
                ) from None

    def post(
        self, url: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Return status and object of the answer; raise Unanswered."""
        until = time.monotonic() + WHOLE_SECONDS
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        kind = {} if body is None else {"Content-Type": "application/json; charset=utf-8"}
        told = {**kind, "Connection": "close", "Accept": "application/json", **(headers or {})}
        session = requests.Session()
        # Neither ~/.netrc nor a variable of somebody's shell has a say in where this goes.
        session.trust_env = False
        # A new connection each time: of one that was kept and is gone by now, nobody could say
        # whether the request was heard.
        with session:
            return self._answered(session, url, data, told, until)

    def _answered(
        self,
        session: requests.Session,
        url: str,
        data: bytes,
        headers: dict[str, str],
        until: float,
    ) -> tuple[int, dict[str, Any]]:
        try:
            answer = session.post(
                url,
                data=data,
                headers=headers,
                verify=self._authority or True,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            )
        except requests.RequestException as error:
            raise Unanswered(_before_an_answer(error)) from None
        with answer:
            if 300 <= answer.status_code < 400:
                raise Unanswered(Down(Why.GARBLED, f"HTTP {answer.status_code}"))
            return answer.status_code, _object(answer, until)


def _object(answer: requests.Response, until: float) -> dict[str, Any]:
    status, body = f"HTTP {answer.status_code}", b""
    try:
        for piece in answer.iter_content(_PIECE_BYTES):
            body += piece
            if len(body) > BODY_BYTES_MAX or time.monotonic() > until:
                raise Unanswered(Unclear(Why.GARBLED, status))
    except (requests.RequestException, OSError):
        raise Unanswered(Unclear(Why.SILENT, status)) from None
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise Unanswered(Unclear(Why.GARBLED, status)) from None
    if not isinstance(told, dict):
        raise Unanswered(Unclear(Why.GARBLED, status))
    return told


def _before_an_answer(error: requests.RequestException) -> Answer:
    """Return what an error means that came in place of the answer's first line."""
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", None)
    said = type(reason or error).__name__
    if isinstance(error, requests.exceptions.SSLError):
        return Down(Why.UNSAFE, said)
    never_out = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, never_out):
        return Down(Why.UNREACHABLE, said)
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return Down(Why.UNREACHABLE, said)
    return Unclear(Why.SILENT, said)
