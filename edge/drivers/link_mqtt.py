"""The link to central over MQTT 3.1.1, by paho-mqtt in a thread of its own.

Each connection is a new paho client with a clean session, because a client that is used again
sends by itself what it had queued, and the queue is bounded, unordered and lost with the process
(eclipse-paho/paho.mqtt.python #223, #634, #856). What to send again is for the delivery core to
say. Whatever paho calls back with is handed over to the event loop; nothing else happens there,
since an exception in a callback ends paho's thread.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from edge.drivers.interfaces import Connected, Disconnected, DriverError, Message
from edge.drivers.tls import Tls, context
from edge.runtime.clock import Clock

log = logging.getLogger("link")

KEEPALIVE_SECONDS = 15
CONNECT_SECONDS = 20.0
PUBLISH_SECONDS = 30.0
RETRY_SECONDS = 1.0
RETRY_MAX_SECONDS = 15.0
IN_FLIGHT_MAX = 16
WAITING_MAX = 1000
PAYLOAD_BYTES_MAX = 256 * 1024
"""What the broker takes (`max_packet_size`), less the topic."""


@dataclass(frozen=True, slots=True)
class Broker:
    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = None
    tls: Tls | None = None

    @property
    def name(self) -> str:
        return f"the broker at {self.host}:{self.port}"


class MqttLink:
    def __init__(
        self,
        broker: Broker,
        client_id: str,
        topics: tuple[str, ...],
        clock: Clock,
        draw: Callable[[], float],
    ) -> None:
        """Listen to `topics`; `draw` gives a number from 0 to 1 that spreads reconnections."""
        self._broker = broker
        self._client_id = client_id
        self._topics = topics
        self._clock = clock
        self._draw = draw
        self._connection: _Connection | None = None
        self._inbox: asyncio.Queue[Connected | Disconnected | Message] = asyncio.Queue()
        self._dropped = 0

    async def run(self) -> None:
        patience = RETRY_SECONDS
        said = ""
        while True:
            connection = _Connection(
                self._broker, self._client_id, self._topics, self._clock, self._receive
            )
            try:
                why = await connection.open()
                if why is None:
                    self._connection = connection
                    self._inbox.put_nowait(Connected())
                    patience, said = RETRY_SECONDS, ""
                    why = await connection.ended
            except DriverError as error:
                why = str(error)
            finally:
                connection.close()
            if why != said:
                self._inbox.put_nowait(Disconnected(why))
            self._connection, said = None, why
            await self._clock.wait(patience * (0.5 + self._draw()))
            patience = min(patience * 2, RETRY_MAX_SECONDS)

    async def messages(self) -> AsyncIterator[Connected | Disconnected | Message]:
        while True:
            yield await self._inbox.get()

    async def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        if len(payload) > PAYLOAD_BYTES_MAX:
            raise DriverError(
                f"{len(payload)} bytes for {topic} are more than {self._broker.name} may be sent"
            )
        if self._connection is None:
            raise DriverError(f"{self._broker.name} is not connected")
        await self._connection.publish(topic, payload, retain)

    def _receive(self, message: Message) -> None:
        if self._inbox.qsize() < WAITING_MAX and len(message.payload) <= PAYLOAD_BYTES_MAX:
            self._inbox.put_nowait(message)
            return
        # Acks, heartbeats and deltas all come again, or are asked for again.
        self._dropped += 1
        if self._dropped & (self._dropped - 1) == 0:
            log.warning("%d messages dropped: too many at once, or too large", self._dropped)


class _Connection:
    """One paho client, from connecting to its end. Used from the event loop's thread."""

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        topics: tuple[str, ...],
        clock: Clock,
        receive: Callable[[Message], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._broker = broker
        self._topics = topics
        self._clock = clock
        self._receive = receive
        self._places = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._unanswered: dict[int, asyncio.Future[None]] = {}
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[str] = self._loop.create_future()
        """Why the connection ended, as a sentence."""
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        self._client.suppress_exceptions = True
        self._client.max_inflight_messages_set(2 * IN_FLIGHT_MAX)
        self._client.username_pw_set(broker.username, broker.password)
        self._client.on_socket_open = _without_delay
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message

    async def open(self) -> str | None:
        """Connect and subscribe; return why not, or None. Raise DriverError for bad settings."""
        tls = self._broker.tls
        try:
            if tls is not None:
                self._client.tls_set_context(context(tls, self._clock))
            self._client.connect_async(self._broker.host, self._broker.port, KEEPALIVE_SECONDS)
        except (OSError, ValueError) as error:
            raise DriverError(f"{self._broker.name} cannot be set up: {error}") from error
        self._client.loop_start()
        due = asyncio.ensure_future(self._clock.wait(CONNECT_SECONDS))
        awaited: set[asyncio.Future[Any]] = {self._ready, self.ended, due}
        try:
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            due.cancel()
        if self.ended.done():
            return self.ended.result()
        return None if self._ready.done() else f"{self._broker.name} does not answer"

    def close(self) -> None:
        """Say goodbye; paho's thread ends by itself. May be called twice."""
        self._client.disconnect()
        self._end(f"{self._broker.name} is not connected")

    async def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        async with self._places:
            if self.ended.done():
                raise DriverError(self.ended.result())
            sent = self._client.publish(topic, payload, qos=1, retain=retain)
            if sent.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise DriverError(f"{self._broker.name} cannot be sent to: {sent.rc.name}")
            # PUBACK is handed over by call_soon, so it cannot come before this line.
            answered: asyncio.Future[None] = self._loop.create_future()
            self._unanswered[sent.mid] = answered
            due = asyncio.ensure_future(self._clock.wait(PUBLISH_SECONDS))
            try:
                await asyncio.wait({answered, due}, return_when=asyncio.FIRST_COMPLETED)
                if not answered.done():
                    raise DriverError(f"{self._broker.name} does not acknowledge messages")
                answered.result()
            finally:
                due.cancel()
                self._unanswered.pop(sent.mid, None)
                answered.cancel()

    def _end(self, why: str) -> None:
        if self.ended.done():
            return
        self.ended.set_result(why)
        for answered in self._unanswered.values():
            if not answered.done():
                answered.set_exception(DriverError(why))

    def _subscribed(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def _published(self, mid: int) -> None:
        answered = self._unanswered.get(mid)
        if answered is not None and not answered.done():
            answered.set_result(None)

    # Called by paho, in its thread.

    def _hand_over(self, call: Callable[..., None], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody is left to be told.
            self._loop.call_soon_threadsafe(call, *arguments)

    def _on_connect(
        self, client: Client, _data: object, _flags: object, reason: Any, _properties: object
    ) -> None:
        if reason.is_failure:
            self._hand_over(self._end, f"{self._broker.name} refuses this device: {reason}")
            client.disconnect()
        else:
            client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(
        self, client: Client, _data: object, _mid: int, reasons: list[Any], _properties: object
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._hand_over(self._end, f"{self._broker.name} does not let this device listen")
            client.disconnect()
        else:
            self._hand_over(self._subscribed)

    def _on_connect_fail(self, client: Client, _data: object) -> None:
        self._hand_over(self._end, f"{self._broker.name} cannot be reached")
        client.disconnect()

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: object, reason: Any, _properties: object
    ) -> None:
        self._hand_over(self._end, f"{self._broker.name} has gone: {reason}")

    def _on_publish(
        self, _client: Client, _data: object, mid: int, _reason: object, _properties: object
    ) -> None:
        self._hand_over(self._published, mid)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        self._hand_over(self._receive, Message(topic, bytes(message.payload), message.retain))


def _without_delay(_client: Client, _data: object, opened: Any) -> None:
    """Without this a round trip waits for the delayed ACK of TCP: 40 ms instead of 2."""
    with contextlib.suppress(OSError):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
