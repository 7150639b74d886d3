"""Keeps off the broker whom central has denied: a revoked device's open connection ends as well.

A revocation list is looked at when a connection is made, and never again; what ends a connection
that is open is mosquitto's dynamic security plugin, by which central says over MQTT who is denied.
The plugin is asked before the access list, and knows nobody but those who are denied:

    role denied           may send, receive and subscribe to nothing
    client <device id>    has that role; `disableClient` ends its connection

So whoever is denied is off the broker at once. Until the broker has read the revocation list
again, it may connect, and be neither heard nor told anything. The database is the truth: what the
broker holds is asked for after each connection, and mended. A device whose certificate was only
replaced is put off for a moment: it comes back with the new one, and the old one no more.

The commands: https://mosquitto.org/documentation/dynamic-security/, JSON on one topic, answered
to the one who asked. Needs `[broker.tls]`: without names there is nobody to be told apart.
"""

import json
import logging
import time
from typing import Any

import msgspec
import paho.mqtt.client as mqtt

from central.config import Broker
from central.identity.access import CONTROL, CONTROL_RESPONSE, running_out
from central.identity.models import Certificate, Denied
from central.ledger.models import Incident
from central.link import Program, connect

log = logging.getLogger("central.identity")

ROLE = "denied"
LOOK_SECONDS = 0.5
LIST_READ_SECONDS = 5
"""By then the broker has read a new revocation list: who is put off cannot come back."""
FLOOD_SECONDS = 600
"""Who talks without end is put off for so long. Its door works on, its rows wait."""
DAY = 86_400
"""Older than that, a session by a revoked certificate has ended by itself, or by a restart."""
ANSWER_SECONDS = 10.0

Command = dict[str, Any]

MAKE_ROLE: Command = {
    "command": "createRole",
    "rolename": ROLE,
    "acls": [
        {"acltype": kind, "topic": "#", "priority": 0, "allow": False}
        for kind in ("publishClientSend", "publishClientReceive", "subscribePattern")
    ],
}
ASK: Command = {"command": "listClients"}


class _Named(msgspec.Struct, frozen=True):
    clients: frozenset[str] | None = None


class _Response(msgspec.Struct, frozen=True):
    command: str
    data: _Named = _Named()


class _Responses(msgspec.Struct, frozen=True):
    responses: list[_Response]


def orders(
    wanted: frozenset[str], held: frozenset[str], ended: frozenset[str] = frozenset()
) -> list[Command]:
    """Return what to say to a broker that keeps off `held`, so that it keeps off `wanted`.

    Connections of `ended` end, and may be made again.
    """
    told: list[Command] = []
    for device in sorted((wanted | ended) - held):
        roles = [{"rolename": ROLE}]
        told.append({"command": "createClient", "username": device, "roles": roles})
        told.append({"command": "disableClient", "username": device})
    allowed = (held | ended) - wanted
    return told + [{"command": "deleteClient", "username": device} for device in sorted(allowed)]


def read(payload: bytes) -> frozenset[str] | None:
    """Return the clients that an answer of the broker names, if it names them."""
    try:
        responses = msgspec.json.decode(payload, type=_Responses).responses
    except msgspec.DecodeError as error:
        log.warning("an answer of the broker cannot be read: %s", error)
        return None
    named = (one.data.clients for one in responses if one.command == ASK["command"])
    return next(named, None)


def _unwanted() -> frozenset[str]:
    """Return who is to be kept off now: the denied, and who lately flooded ingest."""
    denied = Denied.objects.values_list("device__identity", flat=True)
    lately_ms = (int(time.time()) - FLOOD_SECONDS) * 1000
    flooded = Incident.objects.filter(kind="flood", received_ms__gt=lately_ms)
    return frozenset(denied) | frozenset(flooded.values_list("device__identity", flat=True))


def _warn() -> None:
    for path in running_out(int(time.time())):
        log.error(
            "%s runs out and was not renewed; why is in this log. `gatehouse central authority"
            " broker NAME` makes it anew; then restart mosquitto and gatehouse.target",
            path,
        )


class Guard:
    """Central's word to the broker on who is denied. `look` is called again and again."""

    def __init__(self, broker: Broker, venue: str) -> None:
        self._held: frozenset[str] | None = None
        """Whom the broker keeps off, as it said since the last thing we told it."""
        self._looked_at = self._asked_at = self._warned_at = float("-inf")
        self._silent = False
        self._ended: set[int] = set()
        """Certificates whose sessions were ended."""
        self._client = connect(broker, Program.IDENTITY, venue)
        self._client.on_message = self._on_message
        self._client.on_connect = self._on_connect
        if self._client.is_connected():
            self._on_connect(self._client)

    def look(self) -> None:
        """Compare what the broker holds with the database, and tell it what has changed."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS or not self._client.is_connected():
            return
        self._looked_at = now
        if now - self._warned_at >= DAY:
            self._warned_at = now
            _warn()
        held = self._held
        if held is None:
            self._ask_again(now)
            return
        revoked = self._revoked()
        told = orders(_unwanted(), held, frozenset(revoked.values()))
        self._ended |= revoked.keys()
        if told:
            log.info("broker: %s", ", ".join(f"{one['command']} {one['username']}" for one in told))
            self._held = None
            self._asked_at = now
            self._say([MAKE_ROLE, *told, ASK])

    @property
    def held(self) -> frozenset[str] | None:
        """Whom the broker keeps off; None while it has not answered to what it was last told."""
        return self._held

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _revoked(self) -> dict[int, str]:
        """Return certificates that were revoked and whose sessions were not ended yet."""
        now = int(time.time())
        lately = (now - DAY, now - LIST_READ_SECONDS)
        found = Certificate.objects.filter(revoked_at__range=lately).exclude(pk__in=self._ended)
        return dict(found.values_list("pk", "device__identity"))

    def _ask_again(self, now: float) -> None:
        if now - self._asked_at < ANSWER_SECONDS:
            return
        if self._asked_at > float("-inf") and not self._silent:
            self._silent = True
            log.error(
                "the broker does not answer on %s: whom central revokes keeps an open connection",
                CONTROL,
            )
        self._asked_at = now
        self._say([ASK])

    def _say(self, commands: list[Command]) -> None:
        self._client.publish(CONTROL, json.dumps({"commands": commands}), qos=1)

    # Called by paho, in its thread.

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        # It may be another broker, or one that has lost its files.
        self._held, self._asked_at = None, float("-inf")
        client.subscribe(CONTROL_RESPONSE, qos=1)

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        clients = read(bytes(message.payload))
        if clients is not None:
            self._held, self._silent = clients, False
