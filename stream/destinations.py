"""``--sink SPEC``: where decisions go besides the screen."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

from models.decision import Decision
from stream.behind import Behind
from stream.sinks import JsonLines, Truth, as_line

KNOWN = {
    "jsonl": "jsonl:PATH, one line of JSON for each decision in a new file",
    "udp": "udp:HOST:PORT, each decision as one datagram of JSON",
    "lsl": "lsl:NAME, the label of each decision as an LSL marker, stamped with the time of its last sample",
}
"""Every kind of sink and how it is written."""

TimeOf = Callable[[int], float]
"""When the sample of this index was taken, seconds on ``time.perf_counter``; NaN where that is unknown."""


def open_sink(spec: str, labels: tuple[str, ...], truth: Truth, time_of: TimeOf) -> Behind:
    """A sink behind a buffer of its own.

    Args:
        spec: one of the forms in ``KNOWN``.
        labels: the gestures, in the order of the probabilities.
        truth: the true labels.
        time_of: turns an index into a time.

    Raises:
        ValueError: the spec is not understood, or what it names cannot be opened.
    """
    kind, _, where = spec.partition(":")
    if kind not in KNOWN or not where:
        raise ValueError(f"--sink cannot be {spec!r}; known are {'; '.join(KNOWN.values())}")
    if kind == "jsonl":
        return _file(Path(where), spec, labels, truth)
    if kind == "udp":
        return _datagrams(where, spec, labels, truth)
    return _markers(where, spec, time_of)


def _file(path: Path, spec: str, labels: tuple[str, ...], truth: Truth) -> Behind:
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        raise ValueError(f"'{path}' is there already and is not overwritten; choose another name") from None
    return Behind(JsonLines(file, labels, truth), spec, after=file.close)


def _datagrams(where: str, spec: str, labels: tuple[str, ...], truth: Truth) -> Behind:
    host, _, port = where.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"--sink cannot be {spec!r}; give host and port, like udp:127.0.0.1:5005")
    family, kind, protocol, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
    plug = socket.socket(family, kind, protocol)
    plug.setblocking(False)

    def send(decision: Decision) -> None:
        try:
            plug.sendto(json.dumps(as_line(decision, labels, truth)).encode(), address)
        except OSError:  # nobody listens there at the moment, or the network is full: the next one may pass
            behind.dropped += 1

    behind = Behind(send, spec, after=plug.close)
    return behind


def _markers(name: str, spec: str, time_of: TimeOf) -> Behind:
    from devices.lsl.outlet import MarkerOutlet  # noqa: PLC0415 - only who asks for it needs liblsl

    outlet = MarkerOutlet(name)

    def push(decision: Decision) -> None:
        outlet.push(decision.label or "", time_of(decision.end - 1))

    return Behind(push, spec, after=outlet.close)
