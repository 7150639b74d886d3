"""`gatehouse camera`: what is said to whoever aims a camera, and what becomes of what it shows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from edge.drivers.catalog import Look
from gatehouse.camera import Aim, cameras
from simulators.camera import Camera, Scene

ROOT = Path(__file__).parent.parent
TICKET = b"GH1" + b"KLNA4TUOVXW6MRSGE3TSMBRGI4TGNBZ2QWERTYUIOPASDFGHJKLZXCVBNM" * 3


def look(**how: float) -> Look:
    usual = {
        **{"pictures": 10, "damaged": 0, "width": 1280, "height": 720, "brightness": 100.0},
        **{"sharpness": 900.0, "decode_seconds": 0.01, "module_pixels": 0.0, "seconds": 0.5},
    }
    return Look(**{**usual, **how})  # type: ignore[arg-type]


def gate_toml(folder: Path, *lanes: Camera) -> Path:
    path = folder / "gate.toml"
    text = [
        f'[[lane]]\nname = "A{number}"\nreader = [{{ kind = "serial", path = "/dev/null" }}, '
        f'{{ kind = "camera", command = {json.dumps(list(camera.command))} }}]\n'
        for number, camera in enumerate(lanes, 1)
    ]
    path.write_text("\n".join(text))
    return path


def ask(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "gatehouse", "camera", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize(
    ("how", "sign", "zh", "en"),
    [
        ({}, "✓", "每秒 20 幅", "20 pictures a second"),
        ({"pictures": 2}, "!", "每秒 4 幅", "4 pictures a second"),
        ({"damaged": 3}, "✗", "3 幅画面损坏", "3 pictures were damaged"),
        ({}, "✓", "光线合适", "the light is good"),
        ({"brightness": 20.0}, "✗", "太暗", "too dark"),
        ({"brightness": 240.0}, "✗", "过亮", "too bright"),
        ({}, "✓", "清晰度", "sharpness"),
        ({"module_pixels": 2.0}, "✗", "码太小，每格 2.0 像素", "too small, 2.0 pixels"),
        ({"module_pixels": 3.0}, "!", "偏小", "nearer is surer"),
        ({"module_pixels": 5.0}, "✓", "码够大", "large enough"),
        ({"module_pixels": 0.0}, "!", "离开画面", "out of sight"),
    ],
)
def test_each_thing_that_matters_is_said_with_what_to_do(
    how: dict[str, float], sign: str, zh: str, en: str
) -> None:
    aim = Aim()
    aim.see(TICKET)
    aim.look(look(**how))
    said = [line for line in aim.lines if zh in line.words.zh]
    assert [line.sign for line in said] == [sign]
    assert en in said[0].words.en


def test_sharpness_is_held_against_the_sharpest_picture_so_far() -> None:
    aim = Aim()
    for sharpness, sign in ((300.0, "✓"), (1000.0, "✓"), (400.0, "!"), (900.0, "✓")):
        aim.look(look(sharpness=sharpness))
        assert [line.sign for line in aim.lines if "sharpness" in line.words.en] == [sign]


def test_a_ticket_before_it_is_good_and_nothing_before_it_is_said(tmp_path: Path) -> None:
    camera = Camera(tmp_path / "camera")
    camera.plug()
    told = gate_toml(tmp_path, camera)
    camera.hold(TICKET)
    picture = tmp_path / "aim.png"
    done = ask("--config", str(told), "--seconds", "2", "--picture", str(picture))
    assert done.returncode == 0, done.stderr
    assert "码够大" in done.stdout
    assert "the code is large enough" in done.stdout
    assert TICKET.decode() not in done.stdout
    assert Image.open(picture).size == (1280, 720)
    camera.show(Scene(light=0.1))
    done = ask("--config", str(told), "--seconds", "1")
    assert done.returncode == 1
    assert "太暗" in done.stdout
    assert "hold a ticket where visitors will hold theirs" in done.stdout
    camera.unplug()
    done = ask("--config", str(told), "--seconds", "1")
    assert done.returncode == 2
    assert "no cameras available" in done.stderr
    assert "Traceback" not in done.stderr


def test_of_several_cameras_one_is_to_be_named(tmp_path: Path) -> None:
    one, two = Camera(tmp_path / "1"), Camera(tmp_path / "2")
    two.plug()
    told = gate_toml(tmp_path, one, two)
    done = ask("--config", str(told))
    assert done.returncode == 2
    assert "A1, A2" in done.stderr
    two.hold(TICKET)
    done = ask("--config", str(told), "--lane", "A2", "--seconds", "2")
    assert done.returncode == 0, done.stderr


def test_a_configuration_without_a_camera_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text('[[lane]]\nname = "A1"\n')
    done = ask("--config", str(tmp_path / "gate.toml"))
    assert done.returncode == 2
    assert "没有摄像头" in done.stderr
    assert 'give it a reader of kind "camera"' in done.stderr
    done = ask("--config", str(tmp_path / "absent.toml"))
    assert (done.returncode, "absent.toml" in done.stderr) == (2, True)
    (tmp_path / "gate.toml").write_text('[[lane]]\nreader = [{ kind = "camera" }]\n')
    done = ask("--config", str(tmp_path / "gate.toml"))
    assert (done.returncode, "lane[0].reader[0]" in done.stderr) == (2, True)


def test_a_kiosk_s_cameras_are_found_too() -> None:
    told = b'name = "K1"\nreader = [{ kind = "camera", path = "/dev/video0" }]\n[printer]\nx = 1\n'
    found = cameras(told, "kiosk.toml")
    assert [(name, one.path) for name, one in found] == [("K1/1", "/dev/video0")]
