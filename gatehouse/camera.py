"""`gatehouse camera`: aim and focus a camera that reads tickets, for whoever mounts it.

It watches the camera as the gate does, so the gate has to be stopped meanwhile, and says twice a
second what a code before it would need: light, a sharp picture, and modules large enough to be
told apart. How large is large enough was measured on drawn tickets: under good light all are read
from 2.5 pixels a module on, three of four at 1.8; over blur, glare and bad light too, half at 2.7
and four of five at 4.4.
"""

import argparse
import asyncio
import sys
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from edge.drivers.catalog import CameraReaderConfig, Catalog, Look, ReaderConfig, Seen
from edge.drivers.interfaces import DriverError
from edge.runtime import config
from edge.runtime.clock import SystemClock
from edge.runtime.config import ConfigError
from gatehouse.device_state import Trouble
from wire.words import Words

GATE = Path("/etc/gatehouse/gate.toml")
MODULE_PIXELS_LEAST, MODULE_PIXELS_GOOD = 2.5, 4.4
DARK, BRIGHT = 40.0, 215.0
SLOW_PER_SECOND = 8.0
BLURRED_SHARE = 0.5
"""Of the sharpest picture so far; how sharp a scene can be depends on the scene."""
BAR_CELLS = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One line of what is said: sign and words together, so that it can be read without colour."""

    style: str
    sign: str
    words: Words


def good(zh: str, en: str) -> Line:
    return Line("green", "✓", Words(zh, en))


def bad(zh: str, en: str) -> Line:
    return Line("red", "✗", Words(zh, en))


def fair(zh: str, en: str) -> Line:
    return Line("yellow", "!", Words(zh, en))


@dataclass(slots=True)
class Aim:
    """What was seen so far, and what is to be said of it."""

    codes: int = 0
    code: bytes = b""
    module_pixels: float = 0.0
    sharpest: float = 0.0
    lines: list[Line] = field(default_factory=list)

    def see(self, data: bytes) -> None:
        """Take a code that was read."""
        self.codes, self.code = self.codes + 1, data

    def look(self, look: Look) -> None:
        """Take a look of the camera's."""
        self.sharpest = max(self.sharpest, look.sharpness)
        self.module_pixels = look.module_pixels
        self.lines = [
            _pictures(look), _light(look), _sharpness(look, self.sharpest), self._code()
        ]  # fmt: skip

    def _code(self) -> Line:
        if not self.code:
            return fair(
                "还没有读到码：把一张票放到观众会放的位置",
                "no code read yet: hold a ticket where visitors will hold theirs",
            )
        if not self.module_pixels:
            return fair("码已离开画面", "the code is out of sight, or is not read any more")
        pixels = f"{self.module_pixels:.1f}"
        if self.module_pixels < MODULE_PIXELS_LEAST:
            return bad(
                f"码太小，每格 {pixels} 像素：再近一些，或换窄视角镜头",
                f"the code is too small, {pixels} pixels a module: nearer, or a narrower lens",
            )
        if self.module_pixels < MODULE_PIXELS_GOOD:
            return fair(
                f"能读到，但偏小，每格 {pixels} 像素：再近一些更稳",
                f"read, but small, {pixels} pixels a module: nearer is surer",
            )
        return good(
            f"码够大，每格 {pixels} 像素，共 {len(self.code)} 字节",
            f"the code is large enough, {pixels} pixels a module, {len(self.code)} bytes",
        )


def _pictures(look: Look) -> Line:
    rate = look.pictures / look.seconds if look.seconds else 0.0
    size, spent = f"{look.width}×{look.height}", f"{look.decode_seconds * 1000:.0f} ms"
    if look.damaged:
        return bad(
            f"有 {look.damaged} 幅画面损坏：检查线缆",
            f"{look.damaged} pictures were damaged: look to the cable",
        )
    words = (
        f"{size}，每秒 {rate:.0f} 幅，每幅识别 {spent}",
        f"{size}, {rate:.0f} pictures a second, {spent} to look at one",
    )
    return good(*words) if rate >= SLOW_PER_SECOND else fair(*words)


def _light(look: Look) -> Line:
    level = f"{look.brightness:.0f}"
    if look.brightness < DARK:
        return bad(f"太暗（{level}）：加灯", f"too dark ({level}): add light")
    if look.brightness > BRIGHT:
        return bad(
            f"过亮（{level}）：遮光或缩短曝光", f"too bright ({level}): shade it, or expose less"
        )
    return good(f"光线合适（{level}）", f"the light is good ({level})")


def _sharpness(look: Look, sharpest: float) -> Line:
    share = look.sharpness / sharpest if sharpest else 0.0
    bar = "█" * round(share * BAR_CELLS) + "░" * (BAR_CELLS - round(share * BAR_CELLS))
    words = (
        f"{bar} 清晰度为此前最高的 {share:.0%}：转动镜头，取最高处",
        f"sharpness, {share:.0%} of the sharpest so far: turn the lens to where it is highest",
    )
    return good(*words) if share >= BLURRED_SHARE else fair(*words)


OPENING = fair("正在打开摄像头…", "opening the camera …")


def main(argv: list[str]) -> int:
    """Return 0 if a code was read, 1 if none was, 2 if the camera cannot be watched."""
    asked, aim = parser().parse_args(argv), Aim()
    try:
        name, told = _camera(asked)
        asyncio.run(_watch(told, name, aim, asked.seconds, asked.picture))
    except KeyboardInterrupt:
        pass
    except (DriverError, ConfigError, Trouble) as error:
        print(f"gatehouse camera: {error}", file=sys.stderr)
        return 2
    if asked.picture and Path(asked.picture).exists():
        print(f"画面 picture: {asked.picture}")
    return 0 if aim.codes else 1


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="gatehouse camera",
        description="Aim and focus a camera that reads tickets, while the gate is stopped.",
    )
    which = top.add_mutually_exclusive_group()
    which.add_argument("--config", type=Path, default=GATE, help=f"gate.toml or kiosk.toml; {GATE}")
    which.add_argument("--path", help="a video device that is in no configuration yet")
    top.add_argument("--lane", help="of a gate with several cameras: the lane's name")
    top.add_argument("--seconds", type=float, help="end by itself after so long")
    top.add_argument("--picture", default="", metavar="FILE.png", help="keep the first picture")
    return top


def _camera(asked: argparse.Namespace) -> tuple[str, CameraReaderConfig]:
    if asked.path:
        return asked.path, CameraReaderConfig(path=asked.path)
    found = cameras(config.read(asked.config), str(asked.config))
    chosen = [one for one in found if asked.lane in (None, one[0].split("/")[0])]
    if not found:
        raise Trouble(
            f'{asked.config} 里没有摄像头：加上 kind = "camera" 的 reader，或用 --path 指定设备。',
            f'{asked.config} names no camera: give it a reader of kind "camera", or name a device '
            "with --path.",
        )
    if len(chosen) != 1:
        names = ", ".join(name.split("/")[0] for name, _ in found)
        raise Trouble(
            f"用 --lane 指定一条有摄像头的通道：{names}。",
            f"name one lane that has a camera, with --lane: {names}.",
        )
    return chosen[0]


class _Lane(msgspec.Struct, frozen=True):
    name: str = ""
    reader: tuple[ReaderConfig, ...] = ()


class _Doors(_Lane, frozen=True):
    """What gate.toml and kiosk.toml have in common, as far as it is asked for here."""

    lane: tuple[_Lane, ...] = ()


def cameras(raw: bytes, path: str) -> list[tuple[str, CameraReaderConfig]]:
    """Return the cameras of a gate.toml or kiosk.toml by their readers' names; raise ConfigError.

    Whatever else may be wrong in the file is not the business of whoever aims a camera.
    """
    told = config.parse(raw, path, _Doors)
    return [
        (f"{place.name}/{number}", reader)
        for place in (*told.lane, told)
        for number, reader in enumerate(place.reader, 1)
        if isinstance(reader, CameraReaderConfig)
    ]


async def _watch(
    told: CameraReaderConfig, name: str, aim: Aim, seconds: float | None, picture: str
) -> None:
    clock, console = SystemClock(), Console()
    until = clock.now().uptime + seconds if seconds is not None else None
    head = Text(f"{name}  {told.path or ' '.join(told.command)}", style="bold")
    with Live(Group(head, _drawn(OPENING)), console=console, auto_refresh=False) as live:
        live.refresh()
        async with aclosing(Catalog(clock).watched(told, picture)) as words:
            async for word in words:
                if isinstance(word, Seen):
                    aim.see(word.data)
                    continue
                aim.look(word)
                live.update(Group(head, *map(_drawn, aim.lines)), refresh=True)
                if until is not None and clock.now().uptime >= until:
                    break
    if not console.is_terminal:
        print()  # There its last line has no end.


def _drawn(line: Line) -> Text:
    return Text(f"{line.sign} {line.words.zh}\n  {line.words.en}", style=line.style)
