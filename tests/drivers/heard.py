"""What a reader says, collected while a test plays with what is before it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

from edge.drivers.interfaces import Code, Found, Lost, Reader

PATIENCE_SECONDS = 30.0
Said = Code | Lost | Found


@asynccontextmanager
async def listening(reader: Reader) -> AsyncIterator[list[Said]]:
    """Collect what `reader` says."""
    heard: list[Said] = []

    async def listen() -> None:
        async with aclosing(cast("Any", reader.codes())) as codes:
            async for said in codes:
                heard.append(said)

    task = asyncio.create_task(listen())
    try:
        yield heard
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(condition: Callable[[], bool]) -> None:
    """Wait for `condition`; fail where it does not come about in a time that is ample anywhere."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():  # noqa: ASYNC110 - the condition is made of plain lists
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError("in vain: what was waited for has not happened") from None


def kinds(heard: list[Said]) -> list[type[Said]]:
    return [type(said) for said in heard]


def data(heard: list[Said]) -> list[bytes]:
    return [said.data for said in heard if isinstance(said, Code)]
