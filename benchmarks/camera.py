"""A camera: looking for codes in a picture, what a picture takes to become a code, and its share.

Pictures are drawn, so what is read of them says how decoders compare, not how many of a venue's
visitors are read: for that, pictures of real phones are needed. The camera is a simulated one in a
process of its own; what is measured is the process that watches it.
"""

import asyncio
import os
import random
from contextlib import aclosing
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks import rig
from edge.drivers.camera.decoder import Decoder, open_decoder
from edge.drivers.camera.source import Grey
from edge.drivers.camera.words import Look, Told
from edge.drivers.interfaces import Code
from edge.drivers.reader_camera import CameraReader, watched
from edge.runtime.clock import SystemClock
from simulators.camera import Camera, Held, Scene, composed

TICKET = rig.text(1)
PICTURES = 24
SHOWN = 40
WATCHED_SECONDS = 10.0
SCENES: dict[str, dict[str, Any]] = {
    "near": {},
    "far, 3 pixels a module": {"module_pixels": 3.0},
    "dark mode": {"dark": True},
    "blurred": {"blur_pixels": 1.8},
    "dim": {"light": 0.25},
    "glare": {"glare": True},
    "nothing": {"nothing": True},
}


def measure(folder: Path) -> rig.Report:
    report = rig.Report()
    for decoder in ("zxing", "zbar"):
        told = Told(path="bench", decoder=decoder)  # type: ignore[arg-type]
        for name, scene in SCENES.items():
            _look(report, f"camera, {decoder}: {name}", open_decoder(told), scene)
    asyncio.run(_watch(report, folder))
    return report


def _look(report: rig.Report, name: str, decoder: Decoder, scene: dict[str, Any]) -> None:
    """Each picture is turned some other way; each is looked at once, as it is at a door."""
    chance, stopwatch, read = random.Random(7), rig.Stopwatch(), 0
    for _ in range(PICTURES):
        picture = _picture(scene, chance.uniform(0, 360), chance)
        with stopwatch:
            found = decoder.find(picture)
        read += any(one.data == TICKET for one in found.sightings)
    report.add(stopwatch.row(name), rig.SLOWER)
    if "nothing" not in scene:
        report.figure(f"{name}, read of {PICTURES}", read)


def _picture(scene: dict[str, Any], degrees: float, chance: random.Random) -> Grey:
    how = {key: scene[key] for key in ("module_pixels", "dark") if key in scene}
    held = [] if "nothing" in scene else [Held(TICKET.hex(), degrees=degrees, **how)]
    light, blur = scene.get("light", 1.0), scene.get("blur_pixels", 0.0)
    grey = np.asarray(composed(Scene(held, light, blur)), np.uint8).copy()
    if "glare" in scene:
        centre = (640 + chance.randint(-90, 90), 360 + chance.randint(-90, 90))
        spot = np.zeros_like(grey)
        cv2.circle(spot, centre, 45, 255, -1)
        soft = np.asarray(cv2.GaussianBlur(spot, (0, 0), 12), np.uint8)
        grey = np.asarray(cv2.add(grey, soft), np.uint8)
    return grey


async def _watch(report: rig.Report, folder: Path) -> None:
    camera = Camera(folder / "camera")
    camera.plug()
    for words, scene in (
        ("nothing before it", Scene()),
        ("a ticket held", Scene([Held(TICKET.hex())])),
    ):
        camera.show(scene)
        await _share(report, camera, words)
    camera.show()
    report.add(await _shown(camera), rig.SLOWER)
    camera.unplug()


async def _share(report: rig.Report, camera: Camera, words: str) -> None:
    """How much of a core it takes to watch 1280 × 720 at 20 pictures a second, and of memory."""
    pictures = seconds = spent = 0.0
    async with aclosing(watched(Told(command=camera.command), SystemClock())) as said:
        async for word in said:
            if not isinstance(word, Look):
                continue
            process = _watching(camera)
            if not seconds:
                began = _cpu_seconds(process)
                seconds = 1e-9
                continue
            pictures, seconds = pictures + word.pictures, seconds + word.seconds
            if seconds >= WATCHED_SECONDS:
                spent = _cpu_seconds(process) - began
                break
        report.figure(f"camera watched, {words}: share of a core", round(spent / seconds, 3))
        report.figure(f"camera watched, {words}: pictures a second", round(pictures / seconds, 1))
        report.figure(
            f"camera watched, {words}: memory (PSS), MB", round(rig.pss_kb(process) / 1024, 1)
        )


async def _shown(camera: Camera) -> rig.Row:
    """From a picture's last byte, read from the camera, to its code at the gate's own process."""
    clock, took = SystemClock(), list[float]()
    reader = CameraReader(Told(command=camera.command, away_seconds=0.2), clock)
    async with aclosing(reader.codes()) as said:  # type: ignore[type-var]
        async for word in said:
            if not isinstance(word, Code):
                camera.hold(TICKET)
                continue
            took.append((clock.now().uptime - word.first_byte_uptime) * 1000)
            if len(took) == SHOWN:
                break
    return rig.row("camera: picture to code", [], took)


def _watching(camera: Camera) -> int:
    for entry in Path("/proc").glob("[0-9]*"):
        words = (entry / "cmdline").read_bytes() if (entry / "cmdline").exists() else b""
        if b"camera.watch" in words and camera.command[-1].encode() in words:
            return int(entry.name)
    raise AssertionError("nobody watches the camera")


def _cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
