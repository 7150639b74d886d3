"""A kiosk's printer: the simulator's own reading of each byte, in the venue's time, not drawn.

What matters of a paper is which codes stand on it whole, and whether it was cut.
"""

import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from PIL import Image

from edge.core.escpos import picture
from edge.core.printer_profile import PROFILES, Profile
from gatehouse.simulation.machines.loop import Scheduler
from gatehouse.simulation.machines.printer_cable import Cable
from paper import code
from simulators import printer as simulator
from simulators.escpos_reader import COLUMN_DOTS, Reader
from simulators.printer_body import Mishap
from simulators.printer_paper import Paper

MODELS = {
    "epson-80": simulator.EPSON_80,
    "china-80": simulator.CHINA_80,
    "custom-80": simulator.CUSTOM_80,
}
"""By profile: one that confirms by number, one by its status, one with a mouth."""
MENDED_SECONDS, NOTICED_SECONDS = 8.0, 4.0
"""Nobody is there at once; and whoever is there for something else does not see it before."""
SHEET_BYTES = 12_000
"""Something breaks within so many bytes."""
STRIPE_HEAD_BYTES = 8
MISHAPS = tuple(one for one in Mishap if one is not Mishap.CHATTER)
"""All but the one that lies: whatever a printer answers unasked, it does not print."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Paper that is off the roll: cut, or torn off by whoever mended the printer."""

    at: float
    codes: tuple[str, ...]
    """Those that can be read on it."""
    cut: bool


class _Roll(Paper):
    """So many millimetres, and whether there is anything on what was not cut off."""

    _black = False

    @property
    def printed(self) -> bool:
        return self._black

    def print(self, dots: Image.Image) -> None:
        self._black = True
        self.mm_left -= dots.height / self.dots_per_mm

    def cut(self) -> None:
        self._black = False

    tear = cut


class VenuePrinter(simulator.EscposPrinter):
    """`on_piece(piece)` is told of whatever comes off the roll."""

    def __init__(self, scheduler: Scheduler, profile: str) -> None:
        self.cable = Cable(scheduler)
        self.profile: Profile = PROFILES[profile]
        self.on_piece: Callable[[Piece], None] = lambda _piece: None
        self.sheets: dict[str, bytes] = {}
        """Code -> the dots it is drawn by, of every code that was ever sent here."""
        self.held: Piece | None = None
        """What stands in its mouth."""
        self._scheduler = scheduler
        self._codes: list[str] = []
        self._dots = bytearray()
        super().__init__(MODELS[profile], self.cable, paced=True)
        self.mended_seconds = MENDED_SECONDS
        self.mending: object = None
        self._broke_at = 0.0
        self.changed = self._look_after
        model = self.model
        self.paper = _Roll(model.width_dots, model.dots_per_mm)

    def is_sent(self, text: str) -> None:
        """A sheet with this code is about to be sent."""
        if text not in self.sheets:
            self.sheets[text] = b"" if self.profile.draws_codes else self._drawn(text)

    def reading(self) -> Coroutine[Any, Any, None]:
        self.reader = _Reading(self)
        return self.reader.run()

    async def next_bytes(self, count: int) -> bytes:
        buffer = self.buffer
        if self.breaks or len(buffer) < count or not self.going.is_set():
            return await super().next_bytes(count)
        some = bytes(buffer[:count])
        del buffer[:count]
        self._emptied.set()
        self.counted.bytes_read += count
        return some

    def burns(self, dots: bytes) -> None:
        """A stripe of a picture is on the paper."""
        self._dots += dots

    def draws(self, text: str) -> None:
        """A code that it draws itself is on the paper."""
        self._codes.append(text)

    def cut_off(self) -> None:
        super().cut_off()
        piece = self._off(cut=True)
        if self.model.mouth:
            self._push_out()
            self.held = piece
        else:
            self.on_piece(piece)

    async def present(self, function: int, steps: int) -> None:
        if function == 2 and self.in_mouth:
            self.held = None  # Into its bin.
        await super().present(function, steps)

    def take(self) -> None:
        """Somebody takes what stands in its mouth."""
        self._push_out()
        super().take()

    def load(self, mm: float = 80_000.0) -> None:
        self._tear()
        super().load(mm)

    def power_off(self) -> None:
        self._tear()
        super().power_off()

    def mend(self) -> None:
        self._push_out()
        super().mend()

    def ends(self, mm: float, mended_seconds: float) -> None:
        """Let its roll be good for so much more, and a new one be put in so long after that."""
        self.paper.mm_left, self.mended_seconds = mm, mended_seconds
        self.now()

    @property
    def broken(self) -> bool:
        stopped = self.health.stopped or self.paper.empty
        return stopped or self.mute or not self.on or not self.cable.plugged

    def heal(self) -> None:
        """Put everything right that keeps it from printing; what is well is not touched."""
        self.mending = None
        if self.broken and self._scheduler.now - self._broke_at < NOTICED_SECONDS:
            self.mending = self._scheduler.world.call_later(NOTICED_SECONDS, self.heal)
            return
        self.now(hot=False)  # Which nobody mends: it cools.
        # A blade that sticks is seen when it is to cut, or by whoever looks at an empty slot.
        if self.broken or (self.health.cutter_stuck and not self.paper.printed):
            self.mend()

    def _look_after(self) -> None:
        """Whoever sees that it is broken comes and mends it."""
        if not self.broken:
            return
        self._broke_at = self._scheduler.now
        if self.mending is None:
            world = self._scheduler.world
            self.mending = world.call_later(self.mended_seconds, self.heal)

    def breaks_soon(self, chance: random.Random, mended_seconds: float) -> None:
        """Let something happen to it while it reads what comes next; it is mended after that."""
        self.mended_seconds = mended_seconds
        at = self.counted.bytes_read + chance.randrange(1, SHEET_BYTES)
        self.breaks[at] = chance.choice(MISHAPS)

    def _push_out(self) -> None:
        held, self.held = self.held, None
        if held is not None:
            self.on_piece(held)

    def _tear(self) -> None:
        if self._codes or self._dots or self.paper.printed:
            self.on_piece(self._off(cut=False))

    @property
    def hanging(self) -> tuple[str, ...]:
        """The codes that can be read on what is not cut off yet."""
        dots = bytes(self._dots)
        drawn = [text for text, picture in self.sheets.items() if picture and picture in dots]
        return (*self._codes, *drawn)

    def _off(self, cut: bool) -> Piece:
        piece = Piece(self._scheduler.now, self.hanging, cut)
        self._codes, self._dots = [], bytearray()
        return piece

    def _drawn(self, text: str) -> bytes:
        paper = self.profile.paper
        stripes = picture(code.bitmap(text, paper.width_dots, paper.dots_per_mm))
        return b"".join(stripe[STRIPE_HEAD_BYTES:] for stripe in stripes)


class _Reading(Reader):
    """As the simulator reads, but letters take their room and are not drawn."""

    _printer: VenuePrinter

    async def _flush(self) -> None:
        style = self._style
        height = max((2 * COLUMN_DOTS * style.height for _, style in self._line), default=0)
        self._line = []
        await self._printer.advance(_blank(max(height, style.spacing)))

    async def _raster(self) -> None:
        head = await self._bytes(6)
        width, height = int.from_bytes(head[2:4], "little"), int.from_bytes(head[4:6], "little")
        rows = await self._bytes(width * height)
        await self._printer.advance(_blank(height))
        self._printer.burns(rows)

    async def _native_code(self) -> None:
        text, dots = self._code.get("text"), self._code.get("dots", 3)
        if not isinstance(text, bytes) or not isinstance(dots, int):
            self.unknown.append(b"\x1d(k")
            return
        size = code.size_in_bytes(len(text))
        await self._printer.advance(_blank(size * dots))
        self._printer.draws(text.decode("ascii"))


def _blank(height: int) -> Image.Image:
    return Image.new("1", (1, height), 0)
