"""What is on the screen has a number, which grows with every change of it."""

import asyncio


class Showing:
    def __init__(self) -> None:
        self.number = 1
        self.changed = asyncio.Condition()
        self.over = False
        """Nothing more will be shown: whoever waits for a change may go."""
        self.watched = 0
        """How many browsers show the page: they listen for changes."""

    async def show(self) -> None:
        """Something else is to be seen: have the page drawn anew."""
        self.number += 1
        async with self.changed:
            self.changed.notify_all()

    async def close(self) -> None:
        self.over = True
        async with self.changed:
            self.changed.notify_all()

    async def moved_from(self, number: int, seconds: float) -> bool:
        """Wait until something else than `number` is shown; False: it has not come in time."""
        try:
            async with asyncio.timeout(seconds), self.changed:
                await self.changed.wait_for(lambda: self.over or self.number != number)
        except TimeoutError:
            return False
        return True
