"""A camera and what is held before it: a program that behaves like `rpicam-vid … -o -`.

    python -m simulators.camera DIRECTORY

It writes JPEG pictures to its standard output, each a little different, as a real camera's are,
and ends with a word on standard error when the camera is not there or goes away. `Camera` is the
hand that plugs it in, holds phones and papers before it, and makes it fail; both meet in a folder,
since whoever reads the pictures starts the program itself. What is simplified: light is even, the
lens is sharp unless it is told otherwise, and nothing moves.
"""

import contextlib
import io
import json
import os
import random
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import segno
from PIL import Image, ImageChops, ImageEnhance, ImageFilter

WIDTH, HEIGHT = 1280, 720
PICTURES_PER_SECOND = 20.0
QUIET_MODULES = 4
NOISE_PIXELS = 24
SHARE = 0.75
"""Of the picture's height that something held before the camera fills at most."""


@dataclass(frozen=True)
class Held:
    """A code on a phone or paper, or a picture file, before the camera."""

    data: str = ""
    """In hexadecimal."""
    picture: str = ""
    module_pixels: float = 5.0
    degrees: float = 0.0
    dark: bool = False
    """Light modules on a dark ground."""
    across: float = 0.5
    """Where its middle is, from 0 (left) to 1."""


@dataclass(frozen=True)
class Scene:
    held: list[Held] = field(default_factory=list)
    light: float = 1.0
    blur_pixels: float = 0.0
    still: bool = False
    """It goes on giving one and the same picture."""
    fault: str = ""
    """hang: it gives none; torn: none is whole; garbage: what it gives is no picture."""


class Camera:
    """A hand at the camera in `folder`; what it does is seen from the next picture on."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.show()

    @property
    def command(self) -> tuple[str, ...]:
        """Return what a reader is to start: kind = "camera", command = …"""
        return (sys.executable, "-m", "simulators.camera", str(self._folder))

    def plug(self) -> None:
        _plug(self._folder).touch()

    def unplug(self) -> None:
        _plug(self._folder).unlink(missing_ok=True)

    @property
    def plugged(self) -> bool:
        return _plug(self._folder).exists()

    def hold(self, data: bytes, **how: Any) -> None:
        """Hold a code before it, and nothing else."""
        self.show(Scene([Held(data.hex(), **how)]))

    def show(self, scene: Scene | None = None) -> None:
        """Set what is before it, and how it does; nothing and well by default."""
        made = self._folder / "scene.new"
        made.write_text(json.dumps(asdict(scene or Scene())))
        made.replace(_scene(self._folder))


def _plug(folder: Path) -> Path:
    return folder / "plugged"


def _scene(folder: Path) -> Path:
    return folder / "scene.json"


def drawn(held: Held) -> Image.Image:
    """Return a code as its owner shows it, or the picture that is held."""
    if held.picture:
        picture = Image.open(held.picture).convert("L")
    else:
        code = segno.make(bytes.fromhex(held.data), error="m", micro=False, boost_error=False)
        rows = [[0 if module else 255 for module in row] for row in code.matrix]
        modules = Image.new("L", (len(rows), len(rows)))
        modules.putdata([module for row in rows for module in row])
        side = round(len(rows) * held.module_pixels)
        quiet = round(QUIET_MODULES * held.module_pixels)
        picture = Image.new("L", (side + 2 * quiet,) * 2, 255)
        picture.paste(modules.resize((side, side), Image.Resampling.NEAREST), (quiet, quiet))
        if held.dark:
            picture = ImageChops.invert(picture)
    room = SHARE if held.picture else 1.0
    if (most := max(picture.width / WIDTH, picture.height / HEIGHT) / room) > 1:
        picture = picture.resize((int(picture.width / most), int(picture.height / most)))
    return picture


def composed(scene: Scene) -> Image.Image:
    """Return what the camera sees, but for the noise that differs from picture to picture."""
    seen = Image.effect_noise((WIDTH, HEIGHT), 12).point(lambda level: level * 0.7)
    for held in scene.held:
        if held.picture and not Path(held.picture).exists():
            continue  # It was taken away before the camera saw it.
        thing = drawn(held)
        mask = Image.new("L", thing.size, 255)
        if held.degrees:
            mask = mask.rotate(held.degrees, expand=True)
            thing = thing.rotate(held.degrees, Image.Resampling.BICUBIC, expand=True)
        left = round(held.across * WIDTH - thing.width / 2)
        seen.paste(thing, (left, (HEIGHT - thing.height) // 2), mask)
    if scene.blur_pixels:
        seen = seen.filter(ImageFilter.GaussianBlur(scene.blur_pixels))
    return ImageEnhance.Brightness(seen).enhance(scene.light) if scene.light != 1.0 else seen


class Film:
    """Pictures of a scene, one after the other."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.scene, self._chance = scene, random.Random(seed)
        self._seen, self._last = composed(scene), b""

    def next(self) -> bytes:
        if self.scene.fault == "garbage":
            return self._chance.randbytes(20_000)
        if not self._last or not self.scene.still:
            self._last = self._picture()
        if self.scene.fault == "torn":
            return self._last[: len(self._last) * 2 // 3]
        return self._last

    def _picture(self) -> bytes:
        # A patch that differs is enough for a picture that differs, and costs next to nothing.
        noise = Image.frombytes("L", (NOISE_PIXELS,) * 2, self._chance.randbytes(NOISE_PIXELS**2))
        if self.scene.light > 0:
            self._seen.paste(noise, (0, 0))
        made = io.BytesIO()
        self._seen.save(made, "JPEG", quality=80)
        return made.getvalue()


def run(folder: Path, pictures_per_second: float) -> str:
    """Write pictures until the camera is gone or nobody takes them; return why it ends."""
    if not _plug(folder).exists():
        return "ERROR: *** no cameras available ***"
    film, told, number = Film(Scene(), 0), "", 0
    due = time.monotonic()
    while _plug(folder).exists():
        if (now := _scene(folder).read_text()) != told:
            told, number = now, number + 1
            film = Film(_read(told), number)
        if film.scene.fault != "hang":
            _write(film.next())
        due = max(due + 1 / pictures_per_second, time.monotonic() - 1)
        time.sleep(max(due - time.monotonic(), 0))
    return "ERROR: Device timeout detected, attempting a restart!!!"


def _read(told: str) -> Scene:
    scene = json.loads(told)
    return Scene(**{**scene, "held": [Held(**one) for one in scene["held"]]})


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]


def main(argv: list[str]) -> int:
    folder, *rest = argv
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        why = run(Path(folder), float(rest[0]) if rest else PICTURES_PER_SECOND)
        sys.stderr.write(f"{why}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
