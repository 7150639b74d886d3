"""Files and answers from central over HTTP, by requests in a worker thread.

A download goes on where it was cut (RFC 9110, 14: Range); whether the bytes are the right ones is
for the caller to say, by their hash.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from edge.drivers.interfaces import DriverError
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


class HttpFetch:
    def __init__(self, url: str, token: str, thread: SingleThread, clock: Clock) -> None:
        """`url` without the path; `token` is shown to central alone: no redirect is followed."""
        self._url = url.rstrip("/")
        self._thread = thread
        self._clock = clock
        self._closed = False
        self._session = requests.Session()
        # Or else a .netrc would put its own password in place of the token.
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {token}"

    async def get(self, path: str) -> bytes:
        return await self._thread.run(self._get, path)

    async def download(self, path: str, target: Path, size_bytes: int) -> None:
        await self._thread.run(self._download, path, target, size_bytes)

    def close(self) -> None:
        """End a download under way at its next bytes, so that the thread can end."""
        self._closed = True

    def _get(self, path: str) -> bytes:
        deadline = self._clock.now().uptime + GET_SECONDS
        body = bytearray()
        with self._answer(path, {}) as answer:
            self._expect(answer, path, 200)
            for chunk in answer.iter_content(CHUNK_BYTES):
                body += chunk
                if len(body) > ANSWER_BYTES_MAX:
                    raise DriverError(f"{self._url}{path} answers with too many bytes")
                self._not_past(deadline, path)
        return bytes(body)

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
        with self._answer(path, wanted) as answer:
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
    def _answer(self, path: str, headers: dict[str, str]) -> Iterator[requests.Response]:
        try:
            with self._session.get(
                self._url + path,
                headers=headers,
                timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
                stream=True,
                allow_redirects=False,
            ) as answer:
                yield answer
        except requests.Timeout as error:
            raise DriverError(f"{self._url} does not answer in time") from error
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise DriverError(f"{self._url} cannot be reached, or was cut off") from error
        except (requests.RequestException, ValueError) as error:
            raise DriverError(f"{self._url}{path} cannot be fetched: {error}") from error

    def _expect(self, answer: requests.Response, path: str, *statuses: int) -> None:
        status = answer.status_code
        if status in statuses:
            return
        if status in (401, 403):
            raise DriverError(f"{self._url} refuses this device's token; correct [central] token")
        if status == 404:
            raise DriverError(f"{self._url} has nothing at {path}")
        raise DriverError(f"{self._url}{path} answers with status {status}")

    def _not_past(self, deadline: float, path: str) -> None:
        if self._closed:
            raise DriverError(f"{self._url}{path} is not fetched to its end: closed")
        if self._clock.now().uptime > deadline:
            raise DriverError(f"{self._url}{path} comes too slowly")
