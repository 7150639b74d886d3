"""Words on a four-line display on a serial line.

[[lane.panel]] kind = "serial", path = "/dev/gatehouse/display", baud = 9600, columns = 32

The common customer-display commands (ESC/POS: ESC @ initialise, US $ x y move) and GB18030 text;
lines are overwritten in place, so that nothing flickers. A display that is missing or slow costs
words, never an admission. Tried against a simulated display only.
"""

from contextlib import suppress
from pathlib import Path

from edge.core.display import ENCODING, lines
from edge.core.notice import Notice
from edge.drivers.interfaces import DriverError
from edge.drivers.serial_line import SerialLine, open_line

INITIALISE = b"\x1b@"


def move_to(line: int) -> bytes:
    """US $ x y: to the first column of `line`, counted from 1."""
    return bytes([0x1F, 0x24, 1, line])


class SerialPanel:
    def __init__(self, path: Path, baud: int, columns: int) -> None:
        self._path = path
        self._baud = baud
        self._columns = columns
        self._line: SerialLine | None = None

    async def show(self, notice: Notice) -> None:
        said = lines(notice, self._columns)
        page = b"".join(
            move_to(number) + text.encode(ENCODING, "replace")
            for number, text in enumerate(said, 1)
        )
        if self._line is not None:
            try:
                self._line.write(page)
                return
            except DriverError:
                # It may have been drawn and put back meanwhile: then it is another line now.
                self._drop()
        try:
            self._line = open_line(self._path, self._baud)
            self._line.write(INITIALISE + page)
        except DriverError:
            self._drop()
            raise

    async def close(self) -> None:
        if self._line is not None:
            with suppress(DriverError):
                self._line.write(INITIALISE)
        self._drop()

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line:
            line.close()
