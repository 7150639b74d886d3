"""Files that the web server hands out piece by piece, under an asynchronous server as well.

Handed an iterator that is not asynchronous, such a server reads the file to its end first: 200
gates that begin anew would each take as much memory as the list is long.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from whitenoise.middleware import WhiteNoiseMiddleware

Pieces = Iterator[bytes] | AsyncIterator[bytes]


def in_pieces(request: HttpRequest, pieces: Iterator[bytes]) -> Pieces:
    """Return `pieces` as the server that asks takes them one by one."""
    return _in_turn(pieces) if isinstance(request, ASGIRequest) else pieces


async def _in_turn(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (piece := await asyncio.to_thread(next, pieces, b"")) != b"":
        yield piece


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise, whose own answers are read at once."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> Any:
        answer = WhiteNoiseMiddleware.serve(static_file, request)
        if answer.streaming and not answer.is_async:
            answer.streaming_content = in_pieces(request, iter(answer.streaming_content))
        return answer
