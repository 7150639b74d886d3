"""Networks and mounts of a test's own, where nothing of the machine's is touched.

The calling thread leaves the machine's network for an empty one, and takes along the processes and
threads that it starts from then on; what they must not share is in another one, behind a cable
(veth). So it is with mounts. Needs root; where that, or the kernel, does not allow it, the test is
skipped with the reason.
"""

import ctypes
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
HERE, THERE = "10.73.0.1", "10.73.0.2"
_libc = ctypes.CDLL(None, use_errno=True)

BUSY_TRIES = 60


def run(*command: str) -> None:
    """Run a command; raise with what it says."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"


@contextmanager
def holding(*unshared: str, first: str = "true") -> Iterator[int]:
    """Hold namespaces (options of unshare) open by a process; yield its id."""
    if os.geteuid() != 0:
        pytest.skip("namespaces of a test's own need root")
    script = f"{first} && echo ready && exec sleep infinity"
    process = subprocess.Popen(
        ["unshare", *unshared, "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout
        assert process.stderr
        if process.stdout.readline() != b"ready\n":
            said = process.stderr.read().decode().strip()
            pytest.skip(f"this machine does not let a test have {' '.join(unshared)}: {said}")
        yield process.pid
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()


@dataclass
class Cable:
    """Between this thread's network (HERE) and another (THERE), which `holder` has."""

    holder: int

    @property
    def there(self) -> tuple[str, ...]:
        """The beginning of a command that runs at its other end."""
        return ("nsenter", f"--net=/proc/{self.holder}/ns/net")

    def cut(self) -> None:
        run("ip", "link", "set", "gh-here", "down")

    def mend(self) -> None:
        run("ip", "link", "set", "gh-here", "up")

    def shape(self, *how: str) -> bool:
        """Have tc do something to what goes either way; False where the kernel cannot."""
        for before, end in (((), "gh-here"), (self.there, "gh-there")):
            command = [*before, "tc", "qdisc", "replace", "dev", end, "root", *how]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if "unknown" in done.stderr:
                return False
            assert done.returncode == 0, done.stderr
        return True

    def unshape(self) -> None:
        run("tc", "qdisc", "del", "dev", "gh-here", "root")
        run(*self.there, "tc", "qdisc", "del", "dev", "gh-there", "root")


@contextmanager
def own_network() -> Iterator[Cable]:
    """Put this thread, and what it starts, into a network with one cable to another."""
    with holding("--net", first="ip link set lo up") as holder:
        machine = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _leave(CLONE_NEWNET)
            try:
                run("ip", "link", "set", "lo", "up")
                peer = ("peer", "name", "gh-there", "netns", str(holder))
                run("ip", "link", "add", "gh-here", "type", "veth", *peer)
                cable = Cable(holder)
                run("ip", "address", "add", f"{HERE}/24", "dev", "gh-here")
                run("ip", "link", "set", "gh-here", "up")
                run(*cable.there, "ip", "address", "add", f"{THERE}/24", "dev", "gh-there")
                run(*cable.there, "ip", "link", "set", "gh-there", "up")
                yield cable
            finally:
                assert _libc.setns(machine, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        finally:
            os.close(machine)


@dataclass
class Disk:
    """A small ext4 of its own, mounted at `path` for this thread and the processes it starts."""

    path: Path
    image: Path

    def mount(self) -> None:
        run("mount", "-o", "loop,errors=remount-ro", str(self.image), str(self.path))

    def break_down(self) -> None:
        """Have the kernel find an error in it: it goes read-only under whoever has it open."""
        mounts = Path("/proc/thread-self/mounts").read_text().splitlines()
        (device,) = (line.split()[0] for line in mounts if line.split()[1] == str(self.path))
        trigger = Path("/sys/fs/ext4", Path(device).name, "trigger_fs_error")
        if not trigger.exists():
            pytest.skip("this kernel has no way to have an error found in an ext4")
        trigger.write_text("1")

    def repair(self) -> None:
        """What a boot does with it, once nobody has it open any more."""
        for _ in range(BUSY_TRIES):  # Whoever had it open may be ending still.
            if subprocess.run(["umount", str(self.path)], check=False).returncode == 0:
                break
            time.sleep(0.5)
        else:
            run("umount", str(self.path))
        done = subprocess.run(["e2fsck", "-p", "-f", str(self.image)], check=False)
        assert done.returncode in (0, 1), "beyond what e2fsck corrects by itself"
        self.mount()

    def free_bytes(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize


@contextmanager
def small_disk(path: Path, size_bytes: int) -> Iterator[Disk]:
    """Mount a new file system over a folder, for this thread and the processes it starts."""
    path.mkdir(parents=True, exist_ok=True)
    disk = Disk(path, path.with_name(f"{path.name}.ext4"))
    with disk.image.open("wb") as file:
        file.truncate(size_bytes)
    run("mkfs.ext4", "-q", "-m", "0", str(disk.image))
    machine, here = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC), Path.cwd()
    root = os.open("/", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _leave(CLONE_NEWNS)
        try:
            run("mount", "--make-rprivate", "/")
            try:
                disk.mount()
            except AssertionError as error:
                pytest.skip(f"no disk of a test's own: {error}")
            yield disk
            subprocess.run(["umount", "--lazy", str(path)], check=False)
        finally:
            assert _libc.setns(machine, CLONE_NEWNS) == 0, os.strerror(ctypes.get_errno())
            # It is back at the root of the machine, which for a thread in a chroot is another one.
            os.fchdir(root)
            os.chroot(".")
            os.chdir(here)
    finally:
        os.close(root)
        os.close(machine)


def _leave(namespace: int) -> None:
    """Leave the machine's namespace for a new one, which starts as a copy or empty."""
    if _libc.unshare(namespace) != 0:
        pytest.skip(f"no namespaces of a test's own: {os.strerror(ctypes.get_errno())}")
