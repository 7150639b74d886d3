"""A serial line made of a pty, with a symlink as its plug.

`PtyLine(link)` stands for the cable end of a device: the driver opens `link` as it would open
/dev/serial/by-path/…; the simulated device reads and writes the other end. `unplug` closes the
pty, so that an open driver sees what a drawn USB plug shows (end of file, EIO), and removes the
link; `plug` makes a new pty, under another device number, and points the link at it.

A pty shows the baud rate that the driver set, but neither parity nor modem lines.
Use it from one asyncio event loop; dozens of lines fit in one process.
"""

import asyncio
import os
import termios
import time
import tty
from pathlib import Path

READ_BYTES_MAX = 4096
BITS_PER_BYTE = 10
"""On the wire: a start bit, eight data bits, a stop bit."""

_BAUDS = {
    value: int(name[1:])
    for name, value in vars(termios).items()
    if name.startswith("B") and name[1:].isdigit()
}


class PtyLine:
    """One end of a serial line. Starts unplugged."""

    def __init__(self, link: Path, held_max: int = 0) -> None:
        """`held_max`: with so many chunks unread the line takes no more; 0: all that comes."""
        self.link = link
        self.session = 0
        self._held_max = held_max
        self._master: int | None = None
        self._slave: int | None = None
        self._received: asyncio.Queue[bytes] = asyncio.Queue()

    @property
    def plugged(self) -> bool:
        return self._master is not None

    @property
    def baud(self) -> int:
        """The rate that the driver has set in bits per second; 0 if unplugged or not standard."""
        if self._master is None:
            return 0
        return _BAUDS.get(termios.tcgetattr(self._master)[5], 0)

    def plug(self) -> None:
        """Make the device appear at the link; nothing if it is there."""
        if self._master is not None:
            return
        self.session += 1
        self._master, self._slave = os.openpty()
        # Raw at once, or bytes sent before a driver opens the line would be echoed. Our own
        # handle on the slave keeps the master readable while no driver has the line open.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._receive)
        fresh = self.link.with_name(f".{self.link.name}.fresh")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(self.link)

    def unplug(self) -> None:
        """Make the device vanish; what was on its way either way is lost. Nothing if it is gone."""
        if self._master is None or self._slave is None:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        self.link.unlink(missing_ok=True)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = None
        while not self._received.empty():
            self._received.get_nowait()

    async def read(self) -> bytes:
        """Wait for bytes from the driver, through unplugging and plugging if need be."""
        arrived = await self._received.get()
        if self._held_max and self._master is not None:
            asyncio.get_running_loop().add_reader(self._master, self._receive)
        return arrived

    def send(self, message: bytes) -> None:
        """Give the driver `message` at once; lost if unplugged or if nobody empties the line."""
        if self._master is None:
            return
        try:
            os.write(self._master, message)
        except BlockingIOError:
            return

    async def pace(self, message: bytes, baud: int) -> None:
        """Give the driver `message` at the speed of a wire of `baud`; ends early if unplugged."""
        seconds_per_byte = BITS_PER_BYTE / baud
        began = time.monotonic()
        sent = 0
        master = self._master
        while sent < len(message) and self._master == master is not None:
            due = int((time.monotonic() - began) / seconds_per_byte)
            if due > sent:
                self.send(message[sent:due])
                sent = due
            else:
                await asyncio.sleep((sent + 1) * seconds_per_byte - (time.monotonic() - began))

    def _receive(self) -> None:
        if self._master is None:
            return
        try:
            arrived = os.read(self._master, READ_BYTES_MAX)
        except OSError:
            return
        if arrived:
            self._received.put_nowait(arrived)
        if self._held_max and self._received.qsize() >= self._held_max:
            asyncio.get_running_loop().remove_reader(self._master)


def garble(message: bytes, sent_baud: int, read_baud: int) -> bytes:
    """Return what a receiver at `read_baud` makes of `message` sent at `sent_baud`.

    Start bit, eight bits from the lowest, stop bit; the receiver waits for the line to go low and
    samples the middle of each bit by its own clock. A missing stop bit is not noticed.
    """
    if sent_baud == read_baud:
        return message
    bits = [bit for byte in message for bit in (0, *(byte >> n & 1 for n in range(8)), 1)]

    def level(seconds: float) -> int:
        place = int(seconds * sent_baud)
        return bits[place] if place < len(bits) else 1

    heard = bytearray()
    seconds, end = 0.0, len(bits) / sent_baud
    while seconds < end:
        if level(seconds):
            seconds += 0.5 / max(sent_baud, read_baud)
            continue
        heard.append(sum(level(seconds + (1.5 + n) / read_baud) << n for n in range(8)))
        seconds += 9.5 / read_baud
    return bytes(heard)
