"""The paper in a simulated printer: a roll or stock that is used up, printed on, cut and torn.

What was cut off lies in `pieces`, what was torn by a fault in `scraps`, each a picture.
"""

from collections.abc import Callable

from PIL import Image

MARGIN_DOTS = 24
NEAR_END_MM = 3000.0
PIECE_DOTS_MAX = 20_000


class Paper:
    """One roll of `mm`, `width_dots` wide at `dots_per_mm`."""

    def __init__(self, width_dots: int, dots_per_mm: float, mm: float = 80_000.0) -> None:
        self.width_dots, self.dots_per_mm = width_dots, dots_per_mm
        self.mm_left = mm
        self.pieces: list[Image.Image] = []
        self.scraps: list[Image.Image] = []
        self.began: Callable[[], None] = lambda: None
        """Called with the first black line of each piece, for whoever measures."""
        self._stripes: list[Image.Image] = []
        self._height = 0

    @property
    def near_end(self) -> bool:
        return self.mm_left < NEAR_END_MM

    @property
    def empty(self) -> bool:
        return self.mm_left <= 0

    @property
    def printed(self) -> bool:
        """Whether there is black on what has not been cut off."""
        return any(stripe.getbbox() for stripe in self._stripes)

    def print(self, dots: Image.Image) -> None:
        """Put a stripe (mode 1, 1 black) on the paper and move on by its height.

        A roll that ends in the middle takes the upper part of it.
        """
        room = max(round(self.mm_left * self.dots_per_mm), 0)
        stripe = Image.new("1", (self.width_dots, min(dots.height, room)), 0)
        stripe.paste(dots, (0, 0))
        if stripe.getbbox() and not self.printed:
            self.began()
        if self._height + stripe.height <= PIECE_DOTS_MAX:
            self._stripes.append(stripe)
            self._height += stripe.height
        self.mm_left -= dots.height / self.dots_per_mm

    def feed(self, dots: int) -> None:
        self.print(Image.new("1", (1, dots), 0))

    def piece(self) -> Image.Image:
        """Return what has been printed since the last cut, with white margins, black on white."""
        size = (self.width_dots + 2 * MARGIN_DOTS, self._height + 2 * MARGIN_DOTS)
        page = Image.new("L", size, 255)
        y = MARGIN_DOTS
        for stripe in self._stripes:
            page.paste(0, (MARGIN_DOTS, y), stripe)
            y += stripe.height
        return page

    def cut(self) -> None:
        self.pieces.append(self.piece())
        self._stripes, self._height = [], 0

    def tear(self) -> None:
        """Take away what hangs out uncut."""
        if self.printed:
            self.scraps.append(self.piece())
        self._stripes, self._height = [], 0

    def load(self, mm: float) -> None:
        """Put in a new roll; what was printed on the end of the old one comes off."""
        self.tear()
        self.mm_left = mm
