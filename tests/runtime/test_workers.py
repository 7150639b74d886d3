"""Work on a thread of its own, and whoever waits for it."""

import asyncio
import gc
import threading

import pytest

from edge.runtime.workers import Workers


def test_what_nobody_waits_for_any_more_leaves_no_traceback_in_the_log() -> None:
    """As when sync is stopped in the midst of a download, which then ends with an error."""
    said: list[str] = []
    go_on = threading.Event()

    def work() -> None:
        go_on.wait()
        raise OSError("closed")

    async def story() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, about: said.append(str(about)))
        thread = Workers().single("fetch")
        waiting = asyncio.create_task(thread.run(work))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go_on.set()
        thread.close()
        for _ in range(10):
            await asyncio.sleep(0)
        del waiting
        gc.collect()

    asyncio.run(story())
    gc.collect()
    assert said == []


def test_whoever_waits_gets_what_it_raised() -> None:
    def work() -> None:
        raise OSError("no medium")

    async def story() -> None:
        thread = Workers().single("store")
        with pytest.raises(OSError, match="no medium"):
            await thread.run(work)
        thread.close()

    asyncio.run(story())
