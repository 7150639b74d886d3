"""A four-line display on a pty: keeps on its glass what a driver writes."""

from simulators.pty_line import PtyLine

LINES = 4


class Display:
    """Understands ESC @ and US $ x y; everything else is GB18030 text."""

    def __init__(self, line: PtyLine, columns: int = 32) -> None:
        self.line = line
        self.columns = columns
        self._rows = [b""] * LINES
        self._at = 0
        self._waiting = b""
        self.pages = 0
        """How many times the first line was written: each is something new to read."""

    @property
    def words(self) -> list[str]:
        return [row.decode("gb18030", "replace").strip() for row in self._rows]

    async def run(self) -> None:
        """Take in what arrives, for ever."""
        while True:
            self._take(await self.line.read())

    def _take(self, arrived: bytes) -> None:
        data, self._waiting = self._waiting + arrived, b""
        at = 0
        while at < len(data):
            if data[at] == 0x1B:
                if at + 2 > len(data):
                    break
                self._rows, self._at = [b""] * LINES, 0
                at += 2
            elif data[at] == 0x1F:
                if at + 4 > len(data):
                    break
                self._at = min(max(data[at + 3], 1), LINES) - 1
                self._rows[self._at] = b""
                self.pages += self._at == 0
                at += 4
            else:
                self._rows[self._at] += data[at : at + 1]
                at += 1
        self._waiting = data[at:]
