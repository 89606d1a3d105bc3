"""The real server process, serving a board that the test writes, and clients that speak to it byte by byte."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from dsp.design import DspSpec
from dsp.flow import Chunk, Window
from stream.board import Board
from stream.page import About, describe

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60.0
SPEC = DspSpec(500.0, band_hz=None, window_ms=200.0, hop_ms=40.0)
LABELS = ("rest", "fist", "wrist flexion", "gesture04")
CHANNELS = tuple("abcdefgh")


def about_some(**changes: Any) -> About:
    """A stream of eight channels."""
    told: dict[str, Any] = {"title": "an arm", "checkpoint": "tiny", "channels": CHANNELS, "labels": LABELS}
    return describe(SPEC, **(told | {"names": (*LABELS, "wave")} | changes))


class Served:
    """A board and the server that shows it.

    Args:
        token: that visitors have to know.
        address: where it is served; any free port if left out.
        how: words for the process.
        about: the stream.
    """

    def __init__(
        self, token: str = "", address: str = "127.0.0.1:0", how: str = "asked", about: About | None = None
    ) -> None:
        self.board = Board(about or about_some())
        self.made: list[tuple[int, str | None]] = []
        self._random = np.random.default_rng(0)
        environment = {name: value for name, value in os.environ.items() if name != "MYOSTREAM_WEB_TOKEN"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "stream.web", str(self.board.path), address, how],
            cwd=ROOT,
            env=environment | ({"MYOSTREAM_WEB_TOKEN": token} if token else {}),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = ""

    def __enter__(self) -> Served:
        deadline = time.monotonic() + PATIENCE_S
        while not self.board.margin.address:
            assert self.process.poll() is None, self.end()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self.board.close()

    @property
    def url(self) -> str:
        """Of the page, with the token."""
        return self.board.margin.address

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.removeprefix("http://").partition("/")[0].rpartition(":")[2])

    def publish(self, count: int = 1) -> None:
        """Some more decisions, with signals and a latency; every seventh abstains, every fifth is wrong."""
        about, board = self.board.about, self.board
        for _ in range(count):
            number = len(self.made)
            end = about.window + number * about.hop
            samples = self._random.normal(scale=20, size=(about.window, len(about.channels))).astype(np.float32)
            board.watch(Window(samples, end - about.window, end))
            board.margin.hear(Chunk(samples[-about.hop :], end - about.hop))
            true = number // 20 % len(about.labels)
            decided = -1 if number % 7 == 6 else (true + (number % 5 == 4)) % len(about.labels)
            shares = np.full(len(about.labels), 0.1, np.float32)
            shares[decided] = 0.7
            counts = {"right": number, "counted": number + 1, "p50_s": 2e-3, "p99_s": 5e-3}
            board.publish(end, decided, true, 0.7, shares, **counts)
            self.made.append((end, None if decided < 0 else about.labels[decided]))

    def hang_up(self) -> None:
        """Tell it that the run is over, as its parent does."""
        if self.process.stdin is not None:
            self.process.stdin.close()
            self.process.stdin = None

    def end(self) -> str:
        """Hang up and wait; what it wrote on stderr."""
        self.hang_up()
        if self.process.stderr is not None and not self.process.stderr.closed:
            _, self.said = self.process.communicate(timeout=PATIENCE_S)
        return self.said

    def memory_kb(self) -> int:
        """What the server holds in memory (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def ask(port: int, request: bytes) -> bytes:
    """The whole answer to some bytes, until the server closes or says all that it has to."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as plug:
        try:
            plug.sendall(request)
            plug.shutdown(socket.SHUT_WR)
            answer = b""
            while part := plug.recv(65536):
                answer += part
        except OSError:  # closed in the middle: as good as an answer
            return b""
    return answer


def get(port: int, path: str = "/", method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body."""
    given = {"host": f"127.0.0.1:{port}", "connection": "close"} | {k.replace("_", "-"): v for k, v in headers.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
    head, _, body = ask(port, "\r\n".join(lines).encode()).partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    found = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    return int(first.split()[1]), found, body


def handshake(port: int, **headers: str) -> tuple[int, socket.socket]:
    """The answer to a WebSocket's first request, and the connection."""
    given = {
        "host": f"127.0.0.1:{port}",
        "origin": f"http://127.0.0.1:{port}",
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    } | headers
    plug = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
    lines = ["GET /frames HTTP/1.1", *(f"{name}: {value}" for name, value in given.items() if value), "", ""]
    plug.sendall("\r\n".join(lines).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:  # byte by byte, so that the first frame stays on the wire
        part = plug.recv(1)
        if not part:
            break
        answer += part
    return int(answer.split()[1]) if answer else 0, plug


def knock(port: int, **headers: str) -> int:
    """The status of a WebSocket's first request; the connection is let go."""
    status, plug = handshake(port, **headers)
    plug.close()
    return status


def masked(data: bytes, kind: int = 1) -> bytes:
    """A client's frame: text (1), binary (2), a ping (9)."""
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return bytes([0x80 | kind]) + length + bytes(4) + data


def frame_of(plug: socket.socket) -> dict[str, Any] | None:
    """The next frame's text; None where the server closes."""
    data = message_of(plug)
    return None if data is None else parsed(data)[0]


def follow(plug: socket.socket, until: int) -> None:
    """Acknowledge frames until one brings the decision before a number."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        assert time.monotonic() < deadline
        text = frame_of(plug)
        assert text is not None
        plug.sendall(masked(b"ok"))
        if text["decisions"]["from"] + len(text["decisions"]["made"]) >= until:
            return


def message_of(plug: socket.socket) -> bytes | None:
    """The next binary message; pings before it are answered."""
    while True:
        head = _exactly(plug, 2)
        if head is None or head[0] & 15 == 8:
            return None
        length = head[1] & 127
        if length > 125:
            more = _exactly(plug, 2 if length == 126 else 8)
            assert more is not None
            length = int.from_bytes(more, "big")
        data = _exactly(plug, length)
        if head[0] & 15 == 9:
            plug.sendall(masked(data or b"", kind=10))
        if head[0] & 15 == 2:
            return data


def parsed(data: bytes) -> tuple[dict[str, Any], np.ndarray]:
    """A frame's text and its numbers."""
    length = int.from_bytes(data[:4], "little")
    return json.loads(data[4 : 4 + length]), np.frombuffer(data[4 + length :], "<f4")


def _exactly(plug: socket.socket, count: int) -> bytes | None:
    data = b""
    while len(data) < count:
        part = plug.recv(count - len(data))
        if not part:
            return None
        data += part
    return data
