"""The fault proxy does what it says: a test that stands on it would prove nothing otherwise."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.fault_proxy import FaultProxy, faulty

LATENCY_SECONDS = 0.2


class Echo:
    """Says everything back, and notices who has nothing more to say."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                came, _ = self._listening.accept()
            except OSError:
                return
            try:
                while said := came.recv(4096):
                    came.sendall(said)
                self.ended.set()
            except OSError:
                pass
            came.close()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[FaultProxy]:
    with faulty(echo.port) as proxy:
        yield proxy


@pytest.fixture
def line(proxy: FaultProxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as line:
        line.sendall(b"hello")
        assert line.recv(100) == b"hello"
        yield line


def read_to_its_end(line: socket.socket) -> None:
    while line.recv(100):
        pass


def test_latency_is_added_each_way(line: socket.socket, proxy: FaultProxy) -> None:
    proxy.latency_seconds = LATENCY_SECONDS
    began = time.monotonic()
    line.sendall(b"slow")
    assert line.recv(100) == b"slow"
    assert time.monotonic() - began >= 2 * LATENCY_SECONDS


def test_a_bit_is_flipped(line: socket.socket, proxy: FaultProxy) -> None:
    proxy.flips = 1
    line.sendall(bytes(100))
    came = line.recv(100)
    assert 1 <= sum(byte.bit_count() for byte in came) <= 2
    assert proxy.done["flipped"] == 2


def test_a_black_hole_takes_all_and_says_nothing(line: socket.socket, proxy: FaultProxy) -> None:
    proxy.swallows = True
    line.sendall(b"lost")
    line.settimeout(0.3)
    with pytest.raises(TimeoutError):
        line.recv(100)
    proxy.swallows = False
    line.settimeout(30)
    line.sendall(b"found")
    assert line.recv(100) == b"found"


def test_a_reset_is_one(line: socket.socket, proxy: FaultProxy) -> None:
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        line.recv(100)


def test_it_resets_after_so_many_bytes(line: socket.socket, proxy: FaultProxy) -> None:
    proxy.resets_after = 50
    line.sendall(bytes(60))
    with pytest.raises(ConnectionResetError):
        read_to_its_end(line)


def test_who_comes_is_refused(line: socket.socket, proxy: FaultProxy) -> None:
    assert line
    proxy.refuses = True
    at = ("127.0.0.1", proxy.port)
    # At once, or with the first byte.
    with pytest.raises(ConnectionResetError), socket.create_connection(at, timeout=30) as other:
        other.recv(100)


def test_half_closed_the_far_end_hears_of_it_and_the_near_one_does_not(
    line: socket.socket, proxy: FaultProxy, echo: Echo
) -> None:
    proxy.half_close()
    assert echo.ended.wait(30)
    line.settimeout(0.3)
    with pytest.raises(TimeoutError):
        line.recv(100)
