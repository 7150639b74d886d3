"""Central's connections to the broker: one for each of its programs, each with its own name."""

import logging
import socket
import ssl
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from central.config import Broker, BrokerTls, ConfigError

log = logging.getLogger("central.link")

RETRY_SECONDS_MAX = 5
KEEPALIVE_SECONDS = 20


class Program(StrEnum):
    """Who of central speaks; with TLS the name in its certificate, and in the access list."""

    INGEST = "central-ingest"
    PUBLISH = "central-publish"
    IDENTITY = "central-identity"


def connect(broker: Broker, program: Program, venue: str) -> mqtt.Client:
    """Return a client that connects, and connects again for ever, on a thread of its own.

    MQTT 3.1.1 and clean sessions: nothing rests on what a broker remembers. Raise ConfigError if
    the files of `[broker.tls]` cannot be used.
    """
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=f"{program}-{venue}", protocol=mqtt.MQTTv311
    )
    # Whatever a callback meets, the thread that connects again goes on.
    client.suppress_exceptions = True
    if broker.username:
        client.username_pw_set(broker.username, broker.password)
    if broker.tls:
        _secure(client, broker.tls, program)
    client.max_inflight_messages_set(1000)
    client.reconnect_delay_set(1, RETRY_SECONDS_MAX)
    client.on_socket_open = _no_delay
    client.connect_async(broker.host, broker.port, keepalive=KEEPALIVE_SECONDS)
    client.loop_start()
    return client


def _secure(client: mqtt.Client, tls: BrokerTls, program: Program) -> None:
    certificate, key = (Path(tls.certificates) / f"{program}{end}" for end in (".pem", ".key"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def read_again(*_: object) -> None:
        """Certificates are renewed while this runs; what cannot be read leaves the old one."""
        with suppress(OSError, ValueError):
            context.load_cert_chain(certificate, key)
            context.load_verify_locations(tls.authority)

    try:
        context.load_verify_locations(tls.authority)
        context.load_cert_chain(certificate, key)
        client.tls_set_context(context)
        client.on_pre_connect = read_again
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"central.toml: broker.tls: {tls.authority}, {certificate} and its key cannot be used"
            f" ({error}); `gatehouse central authority broker` makes them"
        ) from None


def _no_delay(_client: mqtt.Client, _data: Any, sock: Any) -> None:
    # Without it every round trip waits for Nagle and the delayed ACK: 40 ms instead of 2.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
