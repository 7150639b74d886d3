"""The floor of the clock on disk: kept whole, and worth nothing when it is not what was written."""

from pathlib import Path

import pytest

from edge.store.floor import FILE, FloorFile


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    floor = FloorFile(tmp_path / "device")
    assert floor.read() == 0.0
    floor.keep(1_783_000_000.9)
    floor.keep(1_783_000_600.0)
    assert FloorFile(tmp_path / "device").read() == 1_783_000_600.0
    assert [path.name for path in (tmp_path / "device").iterdir()] == [FILE]


def test_no_flipped_bit_moves_it(tmp_path: Path) -> None:
    floor = FloorFile(tmp_path)
    floor.keep(1_783_000_000.0)
    path = tmp_path / FILE
    good = path.read_bytes()
    for bit in range(len(good) * 8):
        broken = bytearray(good)
        broken[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(broken))
        assert floor.read() in (0.0, 1_783_000_000.0), bytes(broken)


@pytest.mark.parametrize("content", [b"", b"\n", b"nonsense", b"1 2 3", b"\xff\xfe", b"1e400 0"])
def test_anything_else_is_no_floor(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert FloorFile(tmp_path).read() == 0.0
