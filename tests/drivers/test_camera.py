"""What is particular to a camera: all that can be held before it, and all the ways it can fail.

The camera is a program that writes pictures (`simulators.camera`); a video device is a video file,
read by OpenCV as it reads a device. What watches it is the real process, as a gate starts it.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import segno

from edge.drivers.camera.decoder import open_decoder
from edge.drivers.camera.scene import Calm
from edge.drivers.camera.source import Device, Picture, Program
from edge.drivers.camera.words import BEGIN_SECONDS_MAX, SILENT_SECONDS_MAX, Look, Seen, Told
from edge.drivers.interfaces import DriverError, Found, Lost
from edge.drivers.reader_camera import CameraReader, watched
from edge.drivers.reader_config import CameraReaderConfig
from edge.runtime.clock import SystemClock
from simulators.camera import Camera, Film, Held, Scene, drawn
from tests.drivers.heard import Said, data, kinds, listening, until

CLOCK = SystemClock()
TICKET = b"GH1" + b"KLNA4TUOVXW6MRSGE3TSMBRGI4TGNBZ2QWERTYUIOPASDFGHJKLZXCVBNM" * 4
OTHER = b"GH1OTHER"
LONGEST = b"GH9" + b"A2" * 129 + b"7"


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Camera]:
    made = Camera(tmp_path / "camera")
    made.plug()
    yield made
    made.unplug()


def reader(camera: Camera, **how: str | float) -> CameraReader:
    return CameraReader(msgspec.structs.replace(Told(command=camera.command), **how), CLOCK)


def processes(camera: Camera) -> dict[str, int]:
    """Return whoever has to do with this camera: "watch" and "program", with their ids."""
    found = dict[str, int]()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if camera.command[-1].encode() in words:
            known = (b"camera.watch", "watch"), (b"asyncio.run", "reader"), (b"", "program")
            found[next(name for word, name in known if word in words)] = int(entry.name)
    return found


def files(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def lost(heard: list[Said]) -> list[str]:
    return [said.why for said in heard if isinstance(said, Lost)]


# What is held before it.


@pytest.mark.parametrize("decoder", ["zxing", "zbar"])
@pytest.mark.parametrize(
    ("code", "how"),
    [
        pytest.param(TICKET, {}, id="phone"),
        pytest.param(TICKET, {"dark": True}, id="dark-mode"),
        pytest.param(TICKET, {"degrees": 30.0}, id="askew"),
        pytest.param(TICKET, {"degrees": 180.0}, id="upside-down"),
        pytest.param(TICKET, {"module_pixels": 3.0}, id="far-away"),
        pytest.param(TICKET, {"across": 0.8}, id="at-the-edge"),
        pytest.param(LONGEST, {"module_pixels": 4.0}, id="longest-ticket"),
        pytest.param(b"0", {}, id="one-letter"),
    ],
)
def test_a_ticket_is_read_however_it_is_held(
    camera: Camera, decoder: str, code: bytes, how: dict[str, float]
) -> None:
    async def play() -> None:
        camera.hold(code, **how)
        async with listening(reader(camera, decoder=decoder)) as heard:
            await until(lambda: code in data(heard))
            assert set(data(heard)) == {code}

    asyncio.run(play())


@pytest.mark.parametrize(
    "code",
    [b"\x00\x1b@\r\n", bytes(range(256)), "门票 A-12".encode(), "门票".encode("gb18030")],
    ids=["control", "every-byte", "utf-8", "gb18030"],
)
def test_bytes_that_are_no_ticket_come_as_they_are(camera: Camera, code: bytes) -> None:
    async def play() -> None:
        camera.hold(code)
        async with listening(reader(camera)) as heard:
            await until(lambda: bool(data(heard)))
            assert set(data(heard)) == {code}

    asyncio.run(play())


@pytest.mark.parametrize("decoder", ["zxing", "zbar"])
def test_a_code_of_a_series_stops_nobody(camera: Camera, tmp_path: Path, decoder: str) -> None:
    first = segno.make_sequence("A" * 300, symbol_count=2)[0]
    first.save(str(tmp_path / "series.png"), scale=5, border=4)

    async def play() -> None:
        camera.show(Scene([Held(picture=str(tmp_path / "series.png"))]))
        async with listening(reader(camera, decoder=decoder)) as heard:
            await until(lambda: bool(heard))
            await asyncio.sleep(0.5)
            camera.hold(TICKET)
            await until(lambda: TICKET in data(heard))
            assert not lost(heard)

    asyncio.run(play())


def test_the_nearer_of_two_is_read_and_what_hangs_on_the_wall_is_not(camera: Camera) -> None:
    poster = Held(OTHER.hex(), module_pixels=8.0, across=0.15)
    ticket = Held(TICKET.hex(), module_pixels=4.0, across=0.7)

    async def play() -> None:
        camera.show(Scene([poster]))
        # On a machine that stands still for a moment the poster has not been away.
        async with listening(reader(camera, away_seconds=20.0)) as heard:
            await until(lambda: data(heard).count(OTHER) >= 2)
            camera.show(Scene([poster, ticket]))
            await until(lambda: TICKET in data(heard))
            first = data(heard).index(TICKET)
            await until(lambda: data(heard)[first:].count(TICKET) >= 4)
            assert set(data(heard)[first:]) == {TICKET}

    asyncio.run(play())


def test_a_held_code_is_said_again_for_as_long_as_it_is_held(camera: Camera) -> None:
    async def play() -> None:
        camera.hold(TICKET)
        async with listening(reader(camera)) as heard:
            await until(lambda: len(data(heard)) >= 4)
            camera.hold(OTHER)
            await until(lambda: data(heard).count(OTHER) >= 4)
            first = data(heard).index(OTHER)
            assert data(heard) == [TICKET] * first + [OTHER] * (len(data(heard)) - first)

    asyncio.run(play())


# How it fails.


def test_a_camera_that_gives_no_picture_is_lost_and_found_when_it_does(camera: Camera) -> None:
    async def play() -> None:
        async with listening(reader(camera)) as heard:
            await until(lambda: len(heard) == 1)
            camera.show(Scene(fault="hang"))
            await until(lambda: len(heard) == 2)
            assert "gives no picture" in lost(heard)[0]
            camera.hold(TICKET)
            await until(lambda: TICKET in data(heard))
            assert len(lost(heard)) == 1

    asyncio.run(play())


@pytest.mark.parametrize(
    ("fault", "why"), [("torn", "gives damaged pictures"), ("garbage", "gives damaged pictures")]
)
def test_pictures_that_are_none_are_said(camera: Camera, fault: str, why: str) -> None:
    async def play() -> None:
        async with listening(reader(camera)) as heard:
            await until(lambda: len(heard) == 1)
            camera.show(Scene([Held(TICKET.hex())], fault=fault))
            await until(lambda: len(heard) == 2)
            assert why in lost(heard)[0]
            assert not data(heard)

    asyncio.run(play())


def test_a_picture_that_stands_still_is_a_camera_that_is_gone(camera: Camera) -> None:
    async def play() -> None:
        async with listening(reader(camera)) as heard:
            await until(lambda: len(heard) == 1)
            camera.show(Scene(still=True))
            await until(lambda: len(heard) == 2)
            assert "one and the same picture" in lost(heard)[0]
            camera.show()
            await until(lambda: len(heard) == 3)

    asyncio.run(play())


def test_the_dark_stands_still_and_is_no_fault(camera: Camera) -> None:
    async def play() -> None:
        camera.show(Scene(still=True, light=0.0))
        seconds = 0.0
        async with aclosing(watched(Told(command=camera.command), CLOCK)) as words:
            async for word in words:
                assert isinstance(word, Look)
                assert word.brightness < 1.0
                seconds += word.seconds
                if seconds > 6.0:
                    return

    asyncio.run(play())


def test_a_program_that_is_not_installed_is_said(tmp_path: Path) -> None:
    async def play() -> None:
        missing = CameraReader(Told(command=(str(tmp_path / "rpicam-vid"),)), CLOCK)
        async with listening(missing) as heard:
            await until(lambda: bool(heard))
            assert "rpicam-vid could not be started" in lost(heard)[0]
            assert "install it" in lost(heard)[0]

    asyncio.run(play())


class Hasty(SystemClock):
    """Does not wait between two tries, and keeps in mind how long it should have."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    async def wait(self, seconds: float) -> None:
        if seconds in (BEGIN_SECONDS_MAX, SILENT_SECONDS_MAX):
            await super().wait(seconds)
        self.waited.append(seconds)
        await asyncio.sleep(0.01)


def test_a_camera_that_is_lost_for_long_is_started_ever_more_seldom(camera: Camera) -> None:
    async def play() -> None:
        clock = Hasty()
        camera.unplug()
        async with listening(CameraReader(Told(command=camera.command), clock)) as heard:
            await until(lambda: len(clock.waited) >= 7)
            assert clock.waited[:7] == [0.0, 1.0, 1.0, 1.0, 2.0, 1.0, 3.0]
            camera.plug()
            await until(lambda: kinds(heard) == [Lost, Found])
            before = len(clock.waited)
            camera.unplug()
            await until(lambda: len(clock.waited) > before + 1)
            assert clock.waited[before : before + 2] == [1.0, 0.0], (
                "and after it was there, at once"
            )

    asyncio.run(play())


def test_a_process_that_cannot_be_started_is_a_camera_that_is_lost(
    camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, missing = sys.executable, str(Path(camera.command[-1]) / "python")

    async def play() -> None:
        watches = reader(camera)
        monkeypatch.setattr(sys, "executable", missing)
        async with listening(watches) as heard:
            await until(lambda: bool(heard))
            assert "cannot be watched" in lost(heard)[0]
            monkeypatch.setattr(sys, "executable", good)
            await until(lambda: kinds(heard) == [Lost, Found])

    asyncio.run(play())


def test_nothing_is_loaded_from_the_folder_the_gate_stands_in(
    camera: Camera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cv2.py").write_text("raise SystemExit(3)\n")
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    monkeypatch.chdir(tmp_path)

    async def play() -> None:
        camera.hold(TICKET)
        async with listening(reader(camera)) as heard:
            await until(lambda: bool(heard))
            assert not lost(heard)

    asyncio.run(play())


def test_a_device_that_is_not_there_costs_no_process(camera: Camera) -> None:
    async def play() -> None:
        path = str(camera.command[-1]) + "/video9"
        async with listening(CameraReader(Told(path=path), Hasty())) as heard:
            await until(lambda: bool(heard))
            for _ in range(100):
                await asyncio.sleep(0.005)
                assert not processes(camera)
            assert f"{path} is not there" in lost(heard)[0]

    asyncio.run(play())


def test_what_the_program_says_at_its_end_is_passed_on(camera: Camera) -> None:
    async def play() -> None:
        camera.unplug()
        async with listening(reader(camera)) as heard:
            await until(lambda: bool(heard))
            assert "no cameras available" in lost(heard)[0]

    asyncio.run(play())


@pytest.mark.parametrize(
    ("path", "why"),
    [("/dev/video99", "is not there"), ("/dev/null", "gives no pictures")],
)
def test_what_is_no_camera_is_said(path: str, why: str) -> None:
    async def play() -> None:
        async with listening(CameraReader(Told(path=path), CLOCK)) as heard:
            await until(lambda: bool(heard))
            assert why in lost(heard)[0]
            assert path in lost(heard)[0]

    asyncio.run(play())


def test_a_library_that_is_missing_is_said(
    camera: Camera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lacking").mkdir()
    lacking = 'raise ModuleNotFoundError("No module named \'zxingcpp\'", name="zxingcpp")\n'
    (tmp_path / "lacking/zxingcpp.py").write_text(lacking)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'lacking'}{os.pathsep}{Path.cwd()}")

    async def play() -> None:
        async with listening(reader(camera)) as heard:
            await until(lambda: bool(heard))
            assert "zxingcpp is not installed" in lost(heard)[0]
            assert "provisioning/install" in lost(heard)[0]

    asyncio.run(play())


@pytest.mark.parametrize(
    ("deed", "why"), [(signal.SIGKILL, "has ended"), (signal.SIGSTOP, "hangs")]
)
def test_what_watches_it_falls_or_hangs_and_is_started_anew(
    camera: Camera, deed: signal.Signals, why: str
) -> None:
    async def play() -> None:
        async with listening(reader(camera)) as heard:
            await until(lambda: len(heard) == 1)
            before = processes(camera)
            os.kill(before["watch"], deed)
            await until(lambda: len(heard) >= 2)
            assert why in lost(heard)[0]
            camera.hold(TICKET)
            await until(lambda: TICKET in data(heard))
            after = processes(camera)
            assert not set(before.values()) & set(after.values())
        await until(lambda: not processes(camera))

    asyncio.run(play())


LISTENS = """
import asyncio, sys
from edge.drivers.camera.words import Told
from edge.drivers.reader_camera import CameraReader
from edge.runtime.clock import SystemClock

async def listen():
    async for said in CameraReader(Told(command=tuple(sys.argv[1:])), SystemClock()).codes():
        print(said, flush=True)

asyncio.run(listen())
"""


@pytest.mark.parametrize("hangs", [False, True])
def test_nothing_is_left_of_it_when_its_reader_is_killed(camera: Camera, hangs: bool) -> None:
    command = [sys.executable, "-c", LISTENS, *camera.command]
    listens = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert listens.stdout
        assert "Found" in listens.stdout.readline()
        assert set(processes(camera)) == {"reader", "watch", "program"}
        if hangs:
            os.kill(processes(camera)["watch"], signal.SIGSTOP)
    finally:
        listens.kill()
        listens.wait()
        if listens.stdout:
            listens.stdout.close()

    async def play() -> None:
        await until(lambda: not processes(camera))

    asyncio.run(play())


def test_a_program_that_hangs_is_ended_with_what_watches_it(camera: Camera) -> None:
    async def play() -> None:
        async with listening(reader(camera)) as heard:
            await until(lambda: len(heard) == 1)
            assert "program" in processes(camera)
            camera.show(Scene(fault="hang"))
            await asyncio.sleep(0.5)
        await until(lambda: not processes(camera))

    asyncio.run(play())


def test_no_picture_is_kept_unless_one_is_asked_for(camera: Camera, tmp_path: Path) -> None:
    async def play() -> None:
        before = files(tmp_path)
        async with listening(reader(camera)) as heard:
            await until(lambda: len(heard) == 1)
        assert files(tmp_path) == before
        camera.hold(TICKET)
        async with listening(reader(camera, picture=str(tmp_path / "aim.png"))) as heard:
            await until(lambda: TICKET in data(heard))
        kept = cv2.imread(str(tmp_path / "aim.png"), cv2.IMREAD_GRAYSCALE)
        assert kept is not None
        assert kept.shape == (720, 1280)

    asyncio.run(play())


# A video device.


def video(path: Path, *scenes: Scene, pictures: int = 30) -> Path:
    """Write a video of Motion JPEG, as a camera makes it, of each scene in turn."""
    out = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (1280, 720))
    for number, scene in enumerate(scenes):
        film = Film(scene, number)
        for _ in range(pictures):
            shown = cv2.imdecode(np.frombuffer(film.next(), np.uint8), cv2.IMREAD_COLOR)
            assert shown is not None
            out.write(shown)
    out.release()
    return path


def test_a_video_device_gives_pictures_until_it_is_gone(tmp_path: Path) -> None:
    path = video(tmp_path / "camera.avi", Scene([Held(TICKET.hex())]), pictures=3)
    device = Device(Told(path=str(path)), CLOCK, cv2.VideoCapture)
    decoder = open_decoder(Told(path=str(path)))
    picture = device.newest(30.0)
    assert picture is not None
    grey = picture.grey()
    assert grey is not None
    assert [found.data for found in decoder.find(grey).sightings] == [TICKET]
    with pytest.raises(DriverError, match=r"camera\.avi gives no more pictures"):
        list(iter(lambda: device.newest(30.0), None))
    device.close()


def test_of_what_waits_only_the_newest_is_looked_at(tmp_path: Path) -> None:
    path = video(tmp_path / "camera.avi", Scene([Held(OTHER.hex())]), Scene([Held(TICKET.hex())]))
    device = Device(Told(path=str(path)), CLOCK, cv2.VideoCapture)
    device._thread.join(60.0)  # noqa: SLF001 - then it has read all there is.
    assert not device._thread.is_alive()  # noqa: SLF001
    picture = device.newest(30.0)
    assert picture is not None
    grey = picture.grey()
    assert grey is not None
    found = open_decoder(Told(path=str(path))).find(grey)
    assert [one.data for one in found.sightings] == [TICKET]
    device.close()


def test_of_pictures_that_come_at_once_the_last_is_looked_at(tmp_path: Path) -> None:
    made = list[bytes]()
    for code in (OTHER, TICKET):
        drawn(Held(code.hex())).save(tmp_path / "one.jpg", quality=60)
        made.append((tmp_path / "one.jpg").read_bytes())
    (tmp_path / "both").write_bytes(b"".join(made))
    assert sum(map(len, made)) < 60_000, "a pipe takes them at once"
    told = Told(command=("sh", "-c", f"cat {tmp_path}/both; exec sleep 60"))
    source = Program(told, CLOCK)
    last, picture = None, source.newest(30.0)
    while picture is not None:
        last, picture = picture, source.newest(1.0)
    source.close()
    grey = last.grey() if last else None
    assert grey is not None
    assert [one.data for one in open_decoder(told).find(grey).sightings] == [TICKET]


def test_whatever_a_driver_calls_a_picture_becomes_one_or_is_damaged() -> None:
    grey = np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))
    made, packed = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert made
    jpeg = packed.tobytes()
    coloured = np.repeat(grey[:, :, None], 3, axis=2)
    yuyv = np.stack([grey, np.full_like(grey, 128)], axis=2)
    flat = np.frombuffer(jpeg, np.uint8)
    for raw in (jpeg, flat, flat.reshape(1, -1), flat.reshape(-1, 1), grey, coloured, yuyv):
        seen = Picture(raw, 0.0).grey()
        assert seen is not None
        assert seen.shape == grey.shape
        assert np.abs(seen.astype(int) - grey).max() <= 6
    # What says that it is larger than any camera's picture takes no memory for it.
    says = bytearray(jpeg)
    at = says.index(b"\xff\xc0") + 5
    says[at : at + 4] = (30_000).to_bytes(2, "big") * 2
    nothing = np.zeros((0,), np.uint8)
    for raw in (
        b"",
        b"\xff\xd8\xff\xd9",
        jpeg[:30],
        bytes(says),
        nothing,
        np.zeros((2, 2, 2, 2), np.uint8),
    ):
        assert Picture(raw, 0.0).grey() is None


def test_two_pictures_have_the_same_mark_only_if_they_are_the_same() -> None:
    film = Film(Scene([Held(TICKET.hex())]), 1)
    one, two = film.next(), film.next()
    assert Picture(one, 0.0).mark() == Picture(one, 1.0).mark()
    assert Picture(one, 0.0).mark() != Picture(two, 0.0).mark()


# What it is told.


def test_a_camera_is_told_by_path_or_by_command() -> None:
    def told(text: str) -> CameraReaderConfig:
        return msgspec.toml.decode(text, type=CameraReaderConfig)

    assert told('kind = "camera"\npath = "/dev/video0"').told().name == "/dev/video0"
    by_command = told('kind = "camera"\ncommand = ["rpicam-vid", "-o", "-"]\nwidth = 640')
    assert by_command.told("aim.png").picture == "aim.png"
    assert by_command.told().width == 640
    assert by_command.told().name == "the camera of rpicam-vid"
    for text, why in (
        ('kind = "camera"', "path or command"),
        ('kind = "camera"\npath = "/dev/video0"\ncommand = ["x"]', "not both"),
        ('kind = "camera"\npath = "/dev/video0"\nwidth = 100000', "width"),
        ('kind = "camera"\npath = "/dev/video0"\nzoom = 2', "zoom"),
        ('kind = "camera"\npath = "/dev/video0"\nsymbologies = ["ean"]', "symbologies"),
        ('kind = "camera"\npath = "a"\ndecoder = "zbar"\nsymbologies = ["aztec"]', "zbar reads"),
    ):
        with pytest.raises(msgspec.ValidationError, match=why):
            told(text)


def test_other_symbologies_are_read_where_they_are_told(camera: Camera, tmp_path: Path) -> None:
    import zxingcpp

    made = zxingcpp.create_barcode(TICKET.decode(), zxingcpp.BarcodeFormat.Aztec)
    picture = np.asarray(made.to_image(scale=5, add_quiet_zones=True))
    cv2.imwrite(str(tmp_path / "aztec.png"), picture)

    async def play() -> None:
        camera.show(Scene([Held(picture=str(tmp_path / "aztec.png"))]))
        told = Told(command=camera.command, symbologies=("qr", "aztec"))
        async with aclosing(watched(told, CLOCK)) as words:
            async for word in words:
                if isinstance(word, Seen):
                    assert word.data == TICKET
                    return

    asyncio.run(play())


def test_where_nothing_moves_few_pictures_are_looked_at_and_a_phone_wakes_it_at_once() -> None:
    empty, phone = Film(Scene(), 1), Film(Scene([Held(OTHER.hex(), module_pixels=2.0)]), 2)
    calm, looked, uptime = Calm(), 0, 0.0

    def next_of(film: Film) -> bool:
        nonlocal uptime
        uptime += 0.05
        grey = Picture(film.next(), uptime).grey()
        assert grey is not None
        return calm.look(grey, uptime)

    for _ in range(10):
        next_of(empty)
    looked = sum(next_of(empty) for _ in range(100))
    assert 20 <= looked <= 30
    assert all(next_of(phone) for _ in range(30)), "from the first picture that has it"
    # Held still, it is looked at often enough to be told again in time.
    for _ in range(30):
        next_of(phone)
    assert sum(next_of(phone) for _ in range(20)) >= 5
