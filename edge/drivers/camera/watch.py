"""The process that watches a camera: `python -m edge.drivers.camera.watch JSON`.

It is a process of its own because looking for codes in the gate's own would stretch a pulse of
100 ms to 600 ms, because a camera's driver can hang in the kernel for good, and because reading
pictures is the one thing at a door that is done by large libraries in C. It ends with whoever
started it, and says why whenever it ends by itself.
"""

import contextlib
import ctypes
import os
import signal
import sys

import msgspec

from edge.drivers.camera.words import Fault, Told, Word, framed
from edge.drivers.interfaces import DriverError
from edge.runtime.clock import SystemClock

PR_SET_PDEATHSIG = 1
NICE = 5


def main(argv: list[str]) -> int:
    """Watch until told to end; 1 when it gave up, having said why."""
    told = msgspec.json.decode(argv[0], type=Told)
    _end_with_whoever_started()
    _quiet()
    out = sys.stdout.buffer

    def say(word: Word) -> None:
        out.write(framed(word))
        out.flush()

    with contextlib.suppress(BrokenPipeError):
        try:
            # Here, and not above: a library that is missing is to be said in a sentence.
            from edge.drivers.camera.watcher import Watcher

            Watcher(told, SystemClock(), say).run()
        except DriverError as error:
            say(Fault(str(error)))
        except ImportError as missing:
            say(Fault(
                f"{told.name} cannot be watched, since {missing.name or missing} is not installed; "
                "run provisioning/install with --camera"
            ))  # fmt: skip
    # Not `exit`: a thread may hang in the camera's driver, and would be waited for.
    os._exit(1)


def _quiet() -> None:
    """Keep the C libraries' own words out of the log: a torn picture is one more line each time."""
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _end_with_whoever_started() -> None:
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    # Somebody's ticket that was read is judged before the next picture is looked at. Where
    # systemd's filter does not allow it, all are alike.
    with contextlib.suppress(OSError):
        os.nice(NICE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
