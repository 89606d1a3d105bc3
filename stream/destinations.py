"""``--sink SPEC``: where decisions go besides the screen."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from dsp.complaints import one_sentence
from models.decision import Decision
from stream.behind import Behind, Missed
from stream.sinks import JsonLines, Truth, as_line

KNOWN = {
    "jsonl": "jsonl:PATH, one line of JSON for each decision in a new file",
    "udp": "udp:HOST:PORT, each decision as one datagram of JSON",
    "lsl": "lsl:NAME, the label of each decision as an LSL marker, stamped with the time of its last sample",
}
"""Every kind of sink and how it is written."""

TimeOf = Callable[[int], float]
"""When the sample of this index was taken, seconds on ``time.perf_counter``; NaN where that is unknown."""


def check(specs: Sequence[str]) -> None:
    """Complains of what cannot be opened before anything else is: no device is woken and no file made for nothing.

    Raises:
        ValueError: a spec is not understood or given twice, a file is there already, or a host is not known.
    """
    for at, spec in enumerate(specs):
        kind, where = _parse(spec)
        if spec in specs[:at]:
            raise ValueError(f"--sink {spec} is given twice; leave one out, or give the other a name of its own")
        if kind == "jsonl" and os.path.lexists(where):
            raise _taken(Path(where))
        if kind == "jsonl" and not Path(where).absolute().parent.is_dir():
            raise ValueError(f"there is no folder for '{where}'; make it, or choose another path")
        if kind == "udp":
            _address(where, spec)


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
    kind, where = _parse(spec)
    if kind == "jsonl":
        return _file(Path(where), spec, labels, truth)
    if kind == "udp":
        return _datagrams(where, spec, labels, truth)
    return _markers(where, spec, time_of)


def own_stdout() -> IO[str]:
    """Stdout once more, with a buffer and a lock of its own, for a thread.

    Where nobody reads what it writes, it waits alone: whoever else prints can still be interrupted. ``sys.stdout``
    itself where that is no file of the system.
    """
    try:
        descriptor = os.dup(sys.stdout.fileno())
    except (OSError, ValueError):
        return sys.stdout
    return os.fdopen(descriptor, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors)


def _parse(spec: str) -> tuple[str, str]:
    kind, _, where = spec.partition(":")
    if kind not in KNOWN or not where:
        raise ValueError(f"--sink cannot be {spec!r}; known are {'; '.join(KNOWN.values())}")
    return kind, where


def _taken(path: Path) -> ValueError:
    return ValueError(f"'{path}' is there already and is not overwritten; choose another name")


def _file(path: Path, spec: str, labels: tuple[str, ...], truth: Truth) -> Behind:
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        raise _taken(path) from None
    lines = JsonLines(file, labels, truth)

    def write(decision: Decision) -> None:
        try:
            lines(decision)
        except OSError as error:
            raise ValueError(
                f"'{path}' takes no more decisions ({one_sentence(error)}); those before are in it"
            ) from None

    return Behind(write, spec, after=file.close)


def _datagrams(where: str, spec: str, labels: tuple[str, ...], truth: Truth) -> Behind:
    family, kind, protocol, address = _address(where, spec)
    plug = socket.socket(family, kind, protocol)
    plug.setblocking(False)

    def send(decision: Decision) -> None:
        try:
            plug.sendto(json.dumps(as_line(decision, labels, truth)).encode(), address)
        except OSError:  # nobody listens there at the moment, or the network is full: the next one may pass
            raise Missed from None

    return Behind(send, spec, after=plug.close)


def _address(where: str, spec: str) -> tuple[int, int, int, Any]:
    """Family, kind, protocol and address of a socket, as ``socket`` takes them."""
    host, _, port = where.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"--sink cannot be {spec!r}; give host and port, like udp:127.0.0.1:5005")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
    except (OSError, UnicodeError) as error:
        raise ValueError(f"--sink cannot be {spec!r}: {one_sentence(error)}; give the address as a number") from None
    return family, kind, protocol, address


def _markers(name: str, spec: str, time_of: TimeOf) -> Behind:
    from devices.lsl.outlet import MarkerOutlet  # noqa: PLC0415 - only who asks for it needs liblsl

    outlet = MarkerOutlet(name)

    def push(decision: Decision) -> None:
        outlet.push(decision.label or "", time_of(decision.end - 1))

    return Behind(push, spec, after=outlet.close)
