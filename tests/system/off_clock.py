"""`python -m tests.system.off_clock SECONDS gate …`: a gate on a machine whose wall clock is off.

The whole process is the real one; only what the kernel would say of the wall clock is moved. In
place of SECONDS a file may be named that holds them: the clock is stepped whenever it changes.
"""

import sys
import time
from pathlib import Path

from gatehouse.__main__ import main

if __name__ == "__main__":
    told, true = Path(sys.argv[1]), time.time
    if told.exists():
        time.time = lambda: true() + float(told.read_text() or 0.0)
    else:
        off = float(sys.argv[1])
        time.time = lambda: true() + off
    sys.exit(main(sys.argv[2:]))
