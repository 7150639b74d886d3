"""The page on its port, and where the browser is told of it."""

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn

from edge.kiosk import browser
from edge.kiosk.config import PageConfig
from edge.kiosk.page import Seen, application
from edge.runtime.config import ConfigError

END_SECONDS = 5.0
"""More than the server takes to say good-bye."""


class Page:
    def __init__(
        self,
        told: PageConfig,
        seen: Seen,
        picture: Callable[[], dict[str, Any]],
        draw: Callable[[int], bytes],
    ) -> None:
        """`picture()`: what the templates of the page name."""
        self._told, self._seen = told, seen
        self._token = browser.token(Path(told.address_file), draw)
        self._server = _Server(
            uvicorn.Config(
                application(seen, picture, self._token),
                host="127.0.0.1",
                port=told.port,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
                loop="asyncio",
                lifespan="off",
            )
        )

    async def serve(self) -> None:
        serving = asyncio.ensure_future(self._server.serve())
        try:
            while not self._server.started and not serving.done():
                await asyncio.wait({serving}, timeout=0.02)
            if serving.done():
                raise ConfigError(f"page.port {self._told.port}: cannot be listened on")
            port = self._server.servers[0].sockets[0].getsockname()[1]
            # What is made by now stays: to look through it for garbage would hold up a touch.
            gc.collect()
            gc.freeze()
            browser.tell(Path(self._told.address_file), port, self._token)
            # Not awaited itself: who is cancelled cancels what it awaits, and a server that is
            # cancelled leaves its port taken, where the next life of this process cannot have it.
            await asyncio.wait({serving})
        finally:
            await self._seen.close()
            self._server.should_exit = True
            await asyncio.wait({serving}, timeout=END_SECONDS)
            serving.cancel()


class _Server(uvicorn.Server):
    """Signals belong to the daemon."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
