"""PostgreSQL is restarted below the running daemons: nothing is lost, and nobody has to help."""

import os
import queue
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
import requests
from paho.mqtt.enums import CallbackAPIVersion

from tests.brokers import free_port, running_broker
from tests.central_database import set_up
from tests.central_messages import DEVICE, EPOCH, TOPICS, chained, register_device, rows
from tests.clusters import TestCluster
from tests.device import authorised
from tests.trusted import inside
from wire.codec import decode, encode
from wire.delivery import Ack
from wire.snapshot import Heartbeat

pytestmark = [
    pytest.mark.xdist_group("postgresql"),
    pytest.mark.parametrize("central", ["postgresql"], indirect=True),
]

CONFIGURATION = """\
venue = "v"
directory = "{folder}"
database = "{database}"
[broker]
port = {port}
[devices]
tokens = true
[web]
port = {web_port}
"""


class Daemon:
    """One of central's, with what it says, a client on its broker, and where its pages are."""

    def __init__(
        self, process: subprocess.Popen[bytes], said: Path, client: mqtt.Client, pages: str
    ) -> None:
        self.process, self.client, self.pages, self._said = process, client, pages, said
        self.heard: queue.Queue[bytes] = queue.Queue()
        client.on_message = lambda _client, _data, message: self.heard.put(bytes(message.payload))

    def said(self, words: str) -> bool:
        assert self.process.poll() is None, self._said.read_text()
        return words in self._said.read_text()

    def wait_for(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not what():
            assert time.monotonic() < deadline, self._said.read_text()
            time.sleep(0.05)


@contextmanager
def running(command: str, cluster: TestCluster, folder: Path) -> Iterator[Daemon]:
    with running_broker(folder) as broker:
        told = folder / "central.toml"
        database = cluster.url("postgres")
        web_port = free_port()
        ports = {"port": broker.port, "web_port": web_port}
        told.write_text(CONFIGURATION.format(folder=folder, database=database, **ports))
        keys = set_up() / "keys"
        if keys.exists():
            shutil.copytree(keys, folder / "keys")
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        said = folder / "said"
        with said.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "central", "--config", told, command],
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        try:
            yield Daemon(process, said, client, f"http://127.0.0.1:{web_port}")
            process.terminate()
            # uvicorn ends by the signal it was sent.
            assert process.wait(60) in (0, -signal.SIGTERM), said.read_text()
        finally:
            process.kill()
            process.wait()
            client.loop_stop()


@contextmanager
def away(cluster: TestCluster) -> Iterator[None]:
    from django.db import connection

    connection.close()
    cluster.stop()
    try:
        yield
    finally:
        cluster.start()


def test_what_came_while_the_database_was_away_is_taken_in(
    cluster: TestCluster, tmp_path: Path
) -> None:
    register_device()
    first, second = chained(rows(authorised(1), authorised(2)))
    with running("ingest", cluster, tmp_path) as ingest:
        ingest.client.subscribe(TOPICS.ack(DEVICE), qos=1)

        def is_taken() -> bool:
            ingest.client.publish(TOPICS.live(DEVICE), encode(first), qos=1)
            return not ingest.heard.empty()

        ingest.wait_for(is_taken)
        with away(cluster):
            ingest.client.publish(TOPICS.live(DEVICE), encode(second), qos=1)
            ingest.wait_for(lambda: ingest.said("the database does not answer"))
        while (ack := decode(ingest.heard.get(timeout=60), Ack)) != Ack(EPOCH, 2):
            assert ack == Ack(EPOCH, 1)


def test_it_can_be_stopped_while_the_database_is_away(cluster: TestCluster, tmp_path: Path) -> None:
    register_device()
    with away(cluster), running("publish", cluster, tmp_path) as publish:
        publish.wait_for(lambda: publish.said("the database does not answer"))


@pytest.mark.usefixtures("tickets")
def test_the_list_is_published_after_the_restart(cluster: TestCluster, tmp_path: Path) -> None:
    from central.lists.changes import head, set_standing
    from central.venue.models import Ticket, Venue
    from wire.entry import Standing

    with running("publish", cluster, tmp_path) as publish:
        publish.client.subscribe(TOPICS.heartbeat())
        publish.heard.get(timeout=60)
        with away(cluster):
            publish.wait_for(lambda: publish.said("the database does not answer"))
        set_standing(list(Ticket.objects.all()[:1]), Standing.BLOCKED)
        wanted = head(Venue.objects.get())
        while True:
            beat = decode(inside(publish.heard.get(timeout=60)), Heartbeat)
            if (beat.sequence, beat.head) == wanted:
                break


def log_in(pages: str) -> requests.Session:
    """Return a session of an administrator."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.hashers import PBKDF2PasswordHasher

    get_user_model().objects.all().delete()
    chief = get_user_model().objects.create_superuser("chief")
    # As the server keeps it, which is another process; this one has a quicker way.
    chief.password = PBKDF2PasswordHasher().encode("opensesame", "salt")
    chief.save()
    session = requests.Session()
    login = f"{pages}/admin/login/"
    session.get(login, timeout=30)
    form = {"username": "chief", "password": "opensesame", "next": "/live/"}
    form["csrfmiddlewaretoken"] = session.cookies["csrftoken"]
    answer = session.post(login, form, timeout=30)
    assert answer.url.endswith("/live/"), answer.status_code
    return session


def test_who_looks_all_day_holds_no_connection_and_looks_again_after_the_restart(
    cluster: TestCluster, tmp_path: Path
) -> None:
    from django.db import connection

    def is_up() -> bool:
        try:
            return requests.get(f"{web.pages}/healthz", timeout=30).ok
        except requests.ConnectionError:
            return False

    with running("web", cluster, tmp_path) as web:
        web.wait_for(is_up)
        session = log_in(web.pages)
        connection.close()
        events = f"{web.pages}/live/events"
        streams = [session.get(events, stream=True, timeout=60) for _ in range(5)]
        lines = [stream.iter_lines(1) for stream in streams]
        assert all(next(line).startswith(b"data: {") for line in lines)
        web.wait_for(lambda: cluster.connections() == 0)
        with away(cluster):
            for line in lines:
                assert list(line)[-1] == b"", "the stream ends, and the page says so"
        assert next(session.get(events, stream=True, timeout=60).iter_lines(1))
        web.wait_for(lambda: web.said("the live page ends"))
