"""A PostgreSQL of the tests' own: a cluster in a temporary folder, reached by its socket alone."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

USER = "postgres"
"""PostgreSQL refuses to run as root; Debian's package makes this user."""

CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{folder}'
# What a crash of the machine would cost is nothing here, and most of the time otherwise.
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 16MB
max_connections = 30
"""


def program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs; Debian keeps them off PATH, by version."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    path = os.pathsep.join([*map(str, places), os.environ.get("PATH", "")])
    found = shutil.which(name, path=path)
    assert found, f"PostgreSQL's {name} is not installed: run `make setup`."
    return found


def _version(place: Path) -> float:
    version = place.parent.name
    return float(version) if version.replace(".", "").isdigit() else 0.0


class TestCluster:
    """One cluster; `start` and `stop` as often as the test likes, its data stay."""

    __test__ = False

    def __init__(self, folder: Path) -> None:
        self._folder, self._data = folder, folder / "data"
        self._as: dict[str, str] = {}
        if os.geteuid() == 0:
            self._as = {"user": USER, "group": USER}
            shutil.chown(folder, USER, USER)
        made = subprocess.run(
            [
                *(program("initdb"), "--pgdata", self._data, "--username", USER),
                *("--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"),
            ],
            **self._as,  # type: ignore[call-overload]
            capture_output=True,
            text=True,
            cwd=folder,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        with (self._data / "postgresql.conf").open("a") as configuration:
            configuration.write(CONFIGURATION.format(folder=folder))
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """Return what central.toml says of a database in it."""
        return f"postgresql://{USER}@/{database}?host={self._folder}"

    def start(self) -> None:
        """Start; return when connections are taken."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program("postgres"), "-D", self._data],
                **self._as,  # type: ignore[call-overload]
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )
        ready = [program("pg_isready"), "--quiet", "--host", str(self._folder), "--timeout", "1"]
        for _ in range(600):
            if subprocess.run(ready, check=False).returncode == 0:
                return
            assert self._process.poll() is None, (self._folder / "log").read_text()
            # The socket is missing at first, and pg_isready answers at once.
            time.sleep(0.05)
        raise AssertionError("PostgreSQL did not start")

    def stop(self, at_once: bool = False) -> None:
        """Stop as an upgrade does: whoever is connected is thrown out.

        `at_once`: as a crash does, so that the next start has to recover from its log.
        """
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
            self._process.wait(60)
            self._process = None

    def connections(self) -> int:
        """Return how many clients are connected, beside the one that asks."""
        asked = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        with psycopg.connect(self.url("postgres")) as connection:
            (count,) = connection.execute(asked).fetchone() or (0,)
            return int(count)

    def waiting(self) -> bool:
        """Return whether one transaction waits for another."""
        asked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        with psycopg.connect(self.url("postgres")) as connection:
            return connection.execute(asked).fetchone() is not None


@contextmanager
def running_cluster() -> Iterator[TestCluster]:
    # Not pytest's folder: PostgreSQL's user could not enter it.
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-postgresql-"))
    try:
        cluster = TestCluster(folder)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)
