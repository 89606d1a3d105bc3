"""``mqtt://HOST[:PORT]/TOPIC``: everything that is sent, published through a broker."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from models.decision import Decision
from stream.behind import Missed
from stream.outlets.kinds import shown
from stream.outlets.outlet import Outlet, Stream, Wording

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessageInfo

PORT = 1883
KEEP_ALIVE_S = 5
"""A broker that has not answered for so long counts as gone."""

MOST_S = 8
"""Between two tries to connect; the first come after one second, then twice as long each."""

SEND_BYTES = 2**16
"""That the system keeps for a broker that is slow; without a limit it would be megabytes of old decisions."""

UNDER_WAY = 64
"""Messages that wait for the network; beyond them, decisions are missed."""

STALL_S = 5.0
"""How long the network may stand still, or the broker be away, where nothing may be lost."""

LEAVE_S = 1.0


@dataclass(frozen=True, slots=True)
class Where:
    """What a spec says."""

    host: str
    port: int
    topic: str
    user: str | None = None
    password: str | None = None


def check(spec: str) -> None:
    """Refuses what is no address of a broker with a topic, and where the library is missing.

    Raises:
        ValueError: says which.
    """
    parse(spec)
    _client()


def open_outlet(spec: str, stream: Stream) -> Outlet:
    """Begins to connect; whether the broker is there does not matter."""
    return Published(parse(spec), stream)


class Published:
    """Decisions under TOPIC, markers under TOPIC/marker, pauses under TOPIC/paused, and TOPIC/status, which is kept.

    The status is ``online`` while we are connected and ``offline`` otherwise: the broker says so itself where we are
    gone without a word.

    Args:
        where: the broker and the topic.
        stream: what it needs to know.
    """

    def __init__(self, where: Where, stream: Stream) -> None:
        self._where, self._stream, self._wording = where, stream, Wording(stream)
        self._why = "the broker is not there"
        self._under_way: deque[tuple[MQTTMessageInfo, bool]] = deque()  # with whether it is about a decision
        self._lost = 0
        self._waited = False
        self._client = client = _client()
        client.will_set(f"{where.topic}/status", "offline", qos=1, retain=True)
        if where.user is not None:
            client.username_pw_set(where.user, where.password)
        client.reconnect_delay_set(1, MOST_S)
        client.connect_timeout = 2.0
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_socket_open = _small
        client.connect_async(where.host, where.port, keepalive=KEEP_ALIVE_S)
        client.loop_start()

    def decide(self, decision: Decision) -> None:
        """See ``Outlet``."""
        self._publish("", self._wording.decision(decision))

    def mark(self, index: int, text: str) -> None:
        """See ``Outlet``."""
        self._publish("/marker", self._wording.marker(index, text))

    def pause(self, paused: bool) -> None:
        """See ``Outlet``."""
        self._publish("/paused", self._wording.pause(paused))

    def close(self) -> None:
        """Says that it is offline, and waits a moment for everything to be on its way."""
        if self._client.is_connected():
            last = self._client.publish(f"{self._where.topic}/status", "offline", qos=1, retain=True)
            self._under_way.append((last, False))
            _wait(self._all_gone, LEAVE_S)
        self._client.disconnect()
        self._client.loop_stop()

    def _publish(self, below: str, text: str) -> None:
        if self._stream.patient and not self._waited:
            self._waited = not _wait(self._client.is_connected, STALL_S)
        if not self._client.is_connected():
            raise Missed(self._why)
        if not self._room() and not (self._stream.patient and _wait(self._room, STALL_S)):
            raise Missed("the broker takes nothing at the moment")
        self._under_way.append((self._client.publish(self._where.topic + below, text), not below))
        if self._lost:  # with the connection before this one
            lost, self._lost = self._lost, 0
            raise Missed("the broker went away", before=lost - 1)

    def _room(self) -> bool:
        self._all_gone()
        return len(self._under_way) < UNDER_WAY

    def _all_gone(self) -> bool:
        while self._under_way:
            info, decision = self._under_way[0]
            failed = info.rc != 0  # which those of a lost connection become when there is another one
            if not failed and not info.is_published():
                return False
            self._lost += decision and failed
            self._under_way.popleft()
        return True

    def _connected(self, client: Client, _: Any, flags: Any, reason: Any, properties: Any) -> None:  # noqa: ARG002
        if reason.is_failure:
            self._why = f"the broker refuses it ({str(reason).lower()})"
            return
        self._waited = False
        client.publish(f"{self._where.topic}/status", "online", qos=1, retain=True)

    def _disconnected(self, client: Client, _: Any, flags: Any, reason: Any, properties: Any) -> None:  # noqa: ARG002
        if not self._why.startswith("the broker refuses"):
            self._why = "the broker went away"


def _small(_: Any, __: Any, plug: Any) -> None:
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)


def parse(spec: str) -> Where:
    """What a spec says.

    Raises:
        ValueError: it is no address of a broker with a topic.
    """
    try:
        parts = urlsplit(spec)
        port = parts.port or PORT
    except ValueError:
        parts, port = urlsplit("mqtt:"), 0
    topic = unquote(parts.path.removeprefix("/"))
    if not parts.hostname or not topic or set(topic) & set("+#\0") or set(spec) & set("?#"):
        raise ValueError(
            f"--sink cannot be {shown(spec)!r}; give a broker and a topic without + and #, like "
            "mqtt://127.0.0.1:1883/myostream/arm"
        )
    user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
    return Where(parts.hostname, port, topic.rstrip("/"), user, password)


def _client() -> Client:
    try:
        from paho.mqtt.client import Client  # noqa: PLC0415 - an extra
        from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415 - the same
    except ModuleNotFoundError:
        raise ValueError("mqtt:// needs paho-mqtt 2; install it with: python -m pip install -e '.[mqtt]'") from None
    return Client(CallbackAPIVersion.VERSION2)


def _wait(done: Callable[[], bool], most_s: float) -> bool:
    """Waits until something is so, at most so many seconds; whether it is."""
    end = monotonic() + most_s
    while not done():
        if monotonic() > end:
            return False
        sleep(0.005)
    return True
