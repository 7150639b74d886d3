"""`python -m tests.system.off_clock SECONDS gate …`: a gate on a machine whose wall clock is off.

The whole process is the real one; only what the kernel would say of the wall clock is moved.
"""

import sys
import time

from gatehouse.__main__ import main

if __name__ == "__main__":
    off, true = float(sys.argv[1]), time.time
    time.time = lambda: true() + off
    sys.exit(main(sys.argv[2:]))
