"""What drivers of devices that come and go have in common.

`for_ever` turns one connection after the other into the stream that `edge.drivers.interfaces`
promises: `Lost` once, calm tries, `Found` once. `read_until` reads with a deadline of the Clock.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from edge.drivers.interfaces import DriverError, Found, Lost
from edge.runtime.clock import Clock

RETRY_SECONDS = 1.0

T = TypeVar("T")


async def for_ever(
    connect: Callable[[], AsyncGenerator[T | Found, None]], clock: Clock
) -> AsyncIterator[T | Lost | Found]:
    """Yield what each connection yields; when one ends in DriverError, try the next.

    A connection opens its device when it is first asked, says `Found` when the device answers (as
    often as it likes) and closes the device in a `finally`. Whatever it yields means found.
    """
    found: bool | None = None
    while True:
        try:
            async with aclosing(connect()) as connection:
                async for said in connection:
                    if not found:
                        found = True
                        yield Found()
                    if not isinstance(said, Found):
                        yield said
        except DriverError as error:
            if found is not False:
                found = False
                yield Lost(str(error))
        await clock.wait(RETRY_SECONDS)


async def read_until(
    deadline: float | None,
    clock: Clock,
    read: Callable[[], Coroutine[Any, Any, T]],
    read_waiting: Callable[[], T],
) -> T:
    """Wait for `read` until `deadline`; then return what `read_waiting` still finds, maybe nothing.

    Asking once more keeps a busy process from taking its own pause for one of the device.
    """
    if deadline is None:
        return await read()
    reading = asyncio.create_task(read())
    due = asyncio.create_task(clock.wait_until(deadline))
    try:
        await asyncio.wait({reading, due}, return_when=asyncio.FIRST_COMPLETED)
        return reading.result() if reading.done() else read_waiting()
    finally:
        reading.cancel()
        due.cancel()
