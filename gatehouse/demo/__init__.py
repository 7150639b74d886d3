"""`gatehouse demo`: a whole venue on this machine, to look at, or to be proved in one run."""

import argparse
import asyncio
import json
import sys
import tempfile
from importlib import util
from pathlib import Path
from typing import Any

from gatehouse.demo.processes import DemoError


def main(argv: list[str]) -> int:
    """Run the demonstration; 0 where everything agrees (or the person ended it), else 1."""
    parser = argparse.ArgumentParser(
        prog="gatehouse demo",
        description="A venue on this machine: broker, central, sync, a gate of two lanes, a crowd.",
    )
    parser.add_argument("--once", action="store_true", help="play a crowd to its end, check, exit")
    parser.add_argument("--visitors", type=_count, default=None, help="how many come (200)")
    parser.add_argument("--seed", type=int, default=1, help="fixes who presents what")
    parser.add_argument("--pace", type=_pace, default=1.0, help="how much faster people are (1)")
    parser.add_argument(
        "--break-broker", action="store_true", help="kill the broker half-way and empty it"
    )
    parser.add_argument(
        "--camera", action="store_true", help="the entry reads by a camera as well as a scanner"
    )
    parser.add_argument("--json", type=Path, help="write the report here too")
    parser.add_argument("--keep", type=Path, help="keep everything in this folder (it must be new)")
    asked = parser.parse_args(argv)
    try:
        if asked.keep:
            asked.keep.mkdir(parents=True)
            return _run(asked, asked.keep)
        # Short, because the path of a Unix socket may have 107 characters at most.
        with tempfile.TemporaryDirectory(prefix="gatehouse-") as folder:
            return _run(asked, Path(folder))
    except FileExistsError:
        sys.stderr.write(f"{asked.keep}: exists already; name a new folder\n")
        return 2
    except DemoError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 0


def _run(asked: argparse.Namespace, root: Path) -> int:
    if asked.camera and util.find_spec("cv2") is None:
        raise DemoError(
            "OpenCV, by which cameras are read, is not installed; run tools/setup test first"
        )
    from gatehouse.demo.show import Options, once, show

    usual = 200 if asked.once else 3000
    options = Options(
        visitors=usual if asked.visitors is None else asked.visitors,
        seed=asked.seed,
        pace=asked.pace,
        break_broker=asked.break_broker,
        camera=asked.camera,
    )
    if not asked.once:
        asyncio.run(show(root, options))
        return 0
    report, disagreements = asyncio.run(once(root, options))
    return _tell(report, disagreements, asked.json)


def _tell(report: dict[str, Any], disagreements: list[str], path: Path | None) -> int:
    text = json.dumps(report, indent=2, ensure_ascii=False)
    if path:
        path.write_text(text + "\n")
    sys.stdout.write(text + "\n")
    for sentence in disagreements:
        sys.stderr.write(f"✗ {sentence}\n")
    if not disagreements:
        sys.stderr.write("✓ 账目一致 · The books agree\n")
    return 1 if disagreements else 0


def _count(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 20000:
        raise argparse.ArgumentTypeError("from 0 to 20000")
    return value


def _pace(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 50:
        raise argparse.ArgumentTypeError("from 0.1 to 50")
    return value
