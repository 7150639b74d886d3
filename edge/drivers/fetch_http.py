"""Files and answers from central over HTTP, by requests in a worker thread.

A download goes on where it was cut (RFC 9110, 14: Range); whether the bytes are the right ones is
for the caller to say, by their hash.
"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from edge.drivers import tls as secured
from edge.drivers.interfaces import Declined, Deferred, DriverError, Impostor
from edge.drivers.tls import Tls
from edge.runtime.clock import Clock
from edge.runtime.workers import SingleThread

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 15.0
"""How long central may send nothing."""
GET_SECONDS = 60.0
DOWNLOAD_SECONDS = 1800.0
ANSWER_BYTES_MAX = 4 * 1024 * 1024
FILE_BYTES_MAX = 1024 * 1024 * 1024
CHUNK_BYTES = 4096
"""Small, because of a chunk that is cut nothing is handed over, and a download has to go on."""


WHY_CHARACTERS_MAX = 300
ACCEPTED = 202
"""As an EST server says it whose certificates a person looks at first (RFC 7030, 4.2.3)."""
LATER_SECONDS, LATER_SECONDS_MAX = 60.0, 86_400.0


class _Verifying(HTTPAdapter):
    """Connects with our own idea of whom to believe."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **named: Any) -> None:
        super().init_poolmanager(*args, **named, ssl_context=self._context)


def _later(said: str, now: float) -> float:
    """Return how many seconds Retry-After (RFC 9110, 10.2.3) says: a number, or a date."""
    seconds = LATER_SECONDS
    with suppress(ValueError, OverflowError):
        seconds = float(said) if said.isdigit() else parsedate_to_datetime(said).timestamp() - now
    return min(max(seconds, 1.0), LATER_SECONDS_MAX)


class HttpFetch:
    def __init__(
        self,
        url: str,
        thread: SingleThread,
        clock: Clock,
        token: str | None = None,
        tls: Tls | None = None,
        verified: bool = True,
    ) -> None:
        """`url` without the path; `token` is shown to central alone: no redirect is followed.

        Not `verified`: whoever answers is believed to be there, and nothing else of them.
        """
        self._url = url.rstrip("/")
        self._thread = thread
        self._clock = clock
        self._closed = False
        self._session = requests.Session()
        # Or else a .netrc would put its own password in place of the token.
        self._session.trust_env = False
        if token is not None:
            self._session.headers["Authorization"] = f"Bearer {token}"
        self._tls = tls
        self._secured = tls is None
        if tls is not None:
            # Without this requests would believe the system's authorities as well.
            self._session.verify = tls.authority
        elif not verified:
            # Said once in a device's life, and meant.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            self._session.verify = False
            self._session.mount("https://", _Verifying(secured.unverified()))

    async def get(self, path: str) -> bytes:
        return await self._thread.run(self._ask, "GET", path, None, {})

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        return await self._thread.run(self._ask, "POST", path, body, headers)

    async def part(self, path: str, first: int, count: int) -> bytes:
        wanted = {"Range": f"bytes={first}-{first + count - 1}", "Accept-Encoding": "identity"}
        told = await self._thread.run(self._ask, "GET", path, None, wanted, 206)
        if len(told) != count:
            raise DriverError(f"{self._url}{path} answers with another part than was asked for")
        return told

    async def download(self, path: str, target: Path, size_bytes: int) -> None:
        await self._thread.run(self._download, path, target, size_bytes)

    def close(self) -> None:
        """End a download under way at its next bytes, so that the thread can end."""
        self._closed = True

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        status: int = 200,
    ) -> bytes:
        deadline = self._clock.now().uptime + GET_SECONDS
        told = bytearray()
        with self._answer(method, path, headers, body) as answer:
            self._expect(answer, path, status)
            for chunk in answer.iter_content(CHUNK_BYTES):
                told += chunk
                if len(told) > ANSWER_BYTES_MAX:
                    raise DriverError(f"{self._url}{path} answers with too many bytes")
                self._not_past(deadline, path)
        return bytes(told)

    def _download(self, path: str, target: Path, size_bytes: int) -> None:
        if not 0 < size_bytes <= FILE_BYTES_MAX:
            raise DriverError(f"{self._url}{path} cannot be {size_bytes} bytes long")
        try:
            had = target.stat().st_size if target.exists() else 0
            if had == size_bytes:
                return
            # More than there should be is some other file: begin again.
            self._continue(path, target, had if had < size_bytes else 0, size_bytes)
        except OSError as error:
            raise DriverError(f"{target} cannot be written: {error.strerror}") from error

    def _continue(self, path: str, target: Path, had: int, size_bytes: int) -> None:
        deadline = self._clock.now().uptime + DOWNLOAD_SECONDS
        # The bytes themselves are asked for, so that a position in them means something.
        wanted = {"Range": f"bytes={had}-", "Accept-Encoding": "identity"}
        with self._answer("GET", path, wanted) as answer:
            goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {had}-")
            if answer.status_code == 206 and not goes_on:
                raise DriverError(f"{self._url}{path} answers with another part than was asked for")
            if answer.status_code == 416:
                # What is there is no beginning of this file, or it is shorter than was said.
                target.unlink()
            self._expect(answer, path, 200, 206)
            had = had if answer.status_code == 206 else 0
            with target.open("ab" if had else "wb") as file:
                for chunk in answer.iter_content(CHUNK_BYTES):
                    had += len(chunk)
                    if had > size_bytes:
                        raise DriverError(f"{self._url}{path} is longer than {size_bytes} bytes")
                    file.write(chunk)
                    self._not_past(deadline, path)
        if had < size_bytes:
            raise DriverError(f"{self._url}{path} was cut after {had} of {size_bytes} bytes")

    @contextmanager
    def _answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Iterator[requests.Response]:
        self._secure()
        try:
            with self._session.request(
                method,
                self._url + path,
                data=body,
                headers=headers,
                timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
                stream=True,
                allow_redirects=False,
            ) as answer:
                yield answer
        except requests.exceptions.SSLError as error:
            raise self._unsafe(error) from error
        except requests.Timeout as error:
            raise DriverError(f"{self._url} does not answer in time") from error
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise DriverError(f"{self._url} cannot be reached, or was cut off") from error
        except (requests.RequestException, ValueError) as error:
            raise DriverError(f"{self._url}{path} cannot be fetched: {error}") from error

    def _secure(self) -> None:
        """Read the certificates: when first asked, so that a fetch is made without any file."""
        if self._tls is None or self._secured:
            return
        try:
            self._session.mount("https://", _Verifying(secured.context(self._tls, self._clock)))
        except (OSError, ValueError) as error:
            raise DriverError(f"{self._tls.authority} cannot be used for TLS: {error}") from error
        self._secured = True

    def _unsafe(self, error: requests.exceptions.SSLError) -> DriverError:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return Impostor(f"{self._url} is not central, or its certificate is no good: {error}")
        return DriverError(f"{self._url} does not agree to TLS with this device: {error}")

    def _expect(self, answer: requests.Response, path: str, *statuses: int) -> None:
        status = answer.status_code
        if status in statuses:
            return
        if status == ACCEPTED:
            seconds = _later(answer.headers.get("Retry-After", ""), self._clock.now().wall)
            raise Deferred(f"{self._url}{path} answers in {seconds:.0f} s or later", seconds)
        why = ""
        if answer.headers.get("Content-Type", "").startswith("text/plain"):
            said = next(answer.iter_content(4 * WHY_CHARACTERS_MAX), b"")
            why = " ".join(said.decode(errors="replace").split())[:WHY_CHARACTERS_MAX]
        known = "certificate" if self._tls else "token; correct [central] token"
        message = f"{self._url}{path} answers with status {status}"
        if status in (401, 403):
            message = f"{self._url} refuses this device's {known}"
        elif status == 404:
            message = f"{self._url} has nothing at {path}"
        raise Declined(f"{message}: {why}" if why else message, status, why)

    def _not_past(self, deadline: float, path: str) -> None:
        if self._closed:
            raise DriverError(f"{self._url}{path} is not fetched to its end: closed")
        if self._clock.now().uptime > deadline:
            raise DriverError(f"{self._url}{path} comes too slowly")
