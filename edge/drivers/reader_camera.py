"""A camera that reads codes: kind = "camera".

    reader = [{ kind = "camera", path = "/dev/v4l/by-path/…-video-index0" }]
    reader = [{ kind = "camera", command = ["rpicam-vid", "-t", "0", "-n", "--codec", "mjpeg",
        "--width", "1280", "--height", "720", "--framerate", "20", "--flush", "-o", "-"] }]

The camera is watched by a process of its own (`edge/drivers/camera/watch.py`); this is what starts
it, hears it, and ends it when it hangs. No picture is kept, and none comes here.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path

import msgspec

from edge.drivers.camera.words import (
    BEGIN_SECONDS_MAX,
    FRAME_BYTES_MAX,
    SILENT_SECONDS_MAX,
    Fault,
    Look,
    Seen,
    Told,
    unframed,
)
from edge.drivers.hotplug import for_ever
from edge.drivers.interfaces import Code, DriverError, Found, Lost
from edge.runtime.clock import Clock

FALL_SECONDS, FALLS_SECONDS_MAX = 1.0, 9.0
"""So much longer it is waited after each fall without a picture in between."""
WATCH = ("-P", "-m", "edge.drivers.camera.watch")
"""-P: nothing is loaded from the folder it happens to stand in, where others may write."""


class CameraReader:
    """Reads what is held before the camera that `told` describes."""

    def __init__(self, told: Told, clock: Clock) -> None:
        self._told = told
        self._clock = clock
        self._falls = 0

    def codes(self) -> AsyncIterator[Code | Lost | Found]:
        return for_ever(self._connection, self._clock)

    async def _connection(self) -> AsyncGenerator[Code | Found, None]:
        # What is not there needs no process to be missed by, and one that falls each time, with
        # all that it has to load, would keep a core busy.
        if _is_absent(self._told.path):
            raise DriverError(f"{self._told.path} is not there; plug it in, or correct its path")
        await self._clock.wait(min(self._falls * FALL_SECONDS, FALLS_SECONDS_MAX))
        self._falls += 1
        async with aclosing(watched(self._told, self._clock)) as words:
            async for word in words:
                match word:
                    case Seen(data, taken, read):
                        yield Code(data, taken, read)
                    case Look():
                        self._falls = 0
                        yield Found()


def _is_absent(path: str) -> bool:
    return path != "" and not Path(path).exists()


async def watched(told: Told, clock: Clock) -> AsyncGenerator[Seen | Look, None]:
    """Yield what is said by the process that watches a camera; raise DriverError when it ends."""
    process = await _started(told)
    out, patience = process.stdout, BEGIN_SECONDS_MAX
    assert out is not None
    try:
        while True:
            word = await _word(out, told.name, patience, clock)
            if isinstance(word, Fault):
                raise DriverError(word.why)
            patience = SILENT_SECONDS_MAX
            yield word
    finally:
        await _end(process)


async def _started(told: Told) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, *WATCH, msgspec.json.encode(told).decode()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            # A group of its own: with it ends whatever program it has started.
            start_new_session=True,
        )
    except OSError as error:  # No memory, or no more processes.
        raise DriverError(
            f"{told.name} cannot be watched: {error.strerror}; it is tried again"
        ) from None


async def _word(
    out: asyncio.StreamReader, name: str, patience: float, clock: Clock
) -> Seen | Look | Fault:
    reading = asyncio.create_task(_read(out))
    due = asyncio.create_task(clock.wait(patience))
    try:
        await asyncio.wait({reading, due}, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            raise DriverError(f"{name} hangs; it is started anew. If it stays so, plug it in again")
        return reading.result()
    except (EOFError, ValueError):
        raise DriverError(f"{name}: what watches it has ended; it is started anew") from None
    finally:
        reading.cancel()
        due.cancel()


async def _read(out: asyncio.StreamReader) -> Seen | Look | Fault:
    length = int.from_bytes(await out.readexactly(4), "big")
    if length > FRAME_BYTES_MAX:
        raise ValueError("a frame that is too long")
    return unframed(await out.readexactly(length))


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    # What it still had to say is nobody's business; reading to the end closes the pipe.
    if process.stdout:
        await process.stdout.read()
