"""When somebody says more than any device of ours ever would, and how much of it is kept.

A device waits for acknowledgements: with four batches and four live messages on their way it says
some dozens of messages in a second, a few megabytes, while it empties the largest journal.
"""

from dataclasses import dataclass, field

FLOOD_SECONDS = 5.0
FLOOD_MESSAGES = 5_000
FLOOD_BYTES = 200_000_000


@dataclass(slots=True)
class Meter:
    """Counts what each sender says within a while. Seconds of any clock that only grows."""

    seconds: float = FLOOD_SECONDS
    messages_max: int = FLOOD_MESSAGES
    bytes_max: int = FLOOD_BYTES
    _began: float = float("-inf")
    _said: dict[str, tuple[int, int]] = field(default_factory=dict)

    def beyond(self, sender: str, size: int, now: float) -> bool:
        """Count one message; whether it is beyond what one sender may say."""
        if now - self._began >= self.seconds:
            self._began = now
            self._said.clear()
        messages, total = self._said.get(sender, (0, 0))
        self._said[sender] = messages, total = messages + 1, total + size
        return messages > self.messages_max or total > self.bytes_max
