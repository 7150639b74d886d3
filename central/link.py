"""Central's connection to the broker."""

import logging
import socket
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from central.config import Broker

log = logging.getLogger("central.link")

RETRY_SECONDS_MAX = 5


def connect(broker: Broker, client_id: str) -> mqtt.Client:
    """Return a client that connects, and connects again, on a thread of its own.

    MQTT 3.1.1 and clean sessions: nothing rests on what a broker remembers.
    """
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv311)
    if broker.username:
        client.username_pw_set(broker.username, broker.password)
    client.max_inflight_messages_set(1000)
    client.reconnect_delay_set(1, RETRY_SECONDS_MAX)
    client.on_socket_open = _no_delay
    client.connect_async(broker.host, broker.port, keepalive=20)
    client.loop_start()
    return client


def _no_delay(_client: mqtt.Client, _data: Any, sock: Any) -> None:
    # Without it every round trip waits for Nagle and the delayed ACK: 40 ms instead of 2.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
