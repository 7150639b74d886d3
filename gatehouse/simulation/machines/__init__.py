"""Machines, the processes that live on them, time, the lines between, and what stands there."""
