"""Tells systemd that a long-running command is ready and alive (sd_notify(3))."""

import os
import socket
import threading


def _notify(message: str) -> None:
    name = os.environ.get("NOTIFY_SOCKET", "")
    if not name:
        return
    address = "\0" + name[1:] if name[0] == "@" else name
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(message.encode(), address)


def ready() -> None:
    _notify("READY=1")


def alive() -> None:
    """To be called by the work itself."""
    _notify("WATCHDOG=1")


def idle(stopping: threading.Event) -> None:
    """Be ready and alive with nothing to do, until told to stop."""
    ready()
    while not stopping.wait(5.0):
        alive()
