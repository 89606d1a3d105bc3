from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

pytest.importorskip("websockets", reason="needs websockets (pip install -e '.[web]')")
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from stream.destinations import check
from stream.outlets import ws_server
from stream.outlets.ws_server import parse
from tests.stream.outlets.saying import PATIENCE_S, Counting, decision, free_port, sink_of, until


@contextmanager
def reader(port: int, origin: str | None = None) -> Iterator[ClientConnection]:
    with connect(f"ws://127.0.0.1:{port}/", origin=origin, proxy=None, close_timeout=5) as connection:
        yield connection


def test_every_client_gets_everything_in_order() -> None:
    port = free_port()
    with ExitStack() as stack:
        sink = stack.enter_context(sink_of(f"ws:{port}"))
        send = Counting(sink)
        until(lambda: sink.dropped, meanwhile=send)
        assert sink.why == "nobody is connected"
        readers = [stack.enter_context(reader(port, origin)) for origin in (None, "http://localhost:8000")]
        missed = sink.dropped
        for _ in range(40):
            send()
        sink.mark(17, "here")
        sink.pause(True)
        for each in readers:
            got = [json.loads(each.recv(PATIENCE_S)) for _ in range(42)]
            assert [line["last"] for line in got[:40]] == [
                decision(n).end - 1 for n in range(send.sent - 40, send.sent)
            ]
            assert (got[40]["marker"], got[41]["paused"]) == ("here", True)
        assert (sink.delivered, sink.dropped) == (40, missed)


def test_a_client_that_goes_takes_nothing_with_it() -> None:
    port = free_port()
    with sink_of(f"ws:{port}") as sink, reader(port) as stays:
        send = Counting(sink)
        for _ in range(3):
            with reader(port) as goes:
                send()
                goes.recv(PATIENCE_S)
            send()
        assert [json.loads(stays.recv(PATIENCE_S))["last"] for _ in range(6)] == [decision(n).end - 1 for n in range(6)]
        assert sink.dropped == 0


@pytest.mark.parametrize(
    "origin", ["https://example.org", "null", "http://127.0.0.1.example.org", "http://localhost.example.org:8000", ""]
)
def test_pages_of_others_are_refused_and_it_is_said_once(origin: str) -> None:
    port, said = free_port(), list[str]()
    with sink_of(f"ws:{port}", said=said):
        for _ in range(3):
            with pytest.raises(InvalidStatus) as refused, reader(port, origin):
                pass
            assert refused.value.response.status_code == 403
        with reader(port, "http://[::1]:80"):
            pass
    assert len(said) == 1
    assert repr(origin) in said[0]


def test_pages_that_are_asked_for_may_read() -> None:
    port = free_port()
    with sink_of(f"ws:{port}?origin=https://example.org&origin=null"):
        for origin in ("https://example.org", "null"):
            with reader(port, origin):
                pass
        with pytest.raises(InvalidStatus), reader(port, "https://example.com"):
            pass


def _shout(connection: ClientConnection) -> None:
    for _ in range(10_000):
        connection.send("x" * 2000)


def _listen(connection: ClientConnection) -> None:
    while True:
        connection.recv(PATIENCE_S)


def test_noise_changes_nothing_for_the_others() -> None:
    port, said = free_port(), list[str]()
    with sink_of(f"ws:{port}", said=said) as sink, reader(port) as quiet:
        send = Counting(sink)
        with socket.create_connection(("127.0.0.1", port)) as rude:
            rude.sendall(b"\x00\xff" * 5000)
            send()
        with reader(port) as loud:
            with pytest.raises(ConnectionClosed):
                _shout(loud)
            send()
        with reader(port) as broken:
            broken.socket.sendall(b"\xff" * 1000)
            with pytest.raises(ConnectionClosed):
                _listen(broken)
        send()
        assert [json.loads(quiet.recv(PATIENCE_S))["last"] for _ in range(3)] == [decision(n).end - 1 for n in range(3)]
    assert said == []


STILL = """
import sys, time
from websockets.sync.client import connect
with connect(sys.argv[1], proxy=None, max_queue=1) as connection:
    print(connection.recv(), flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
def test_a_client_that_is_stopped_is_let_go_and_the_others_get_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws_server, "STALL_S", 0.3)
    port, said = free_port(), list[str]()
    with sink_of(f"ws:{port}", said=said) as sink, reader(port) as quick:
        got: list[int] = []
        listening = threading.Thread(target=lambda: got.extend(json.loads(line)["last"] for line in quick))
        listening.start()
        stopped = subprocess.Popen([sys.executable, "-c", STILL, f"ws://127.0.0.1:{port}"], stdout=subprocess.PIPE)
        try:
            send = Counting(sink)
            assert stopped.stdout is not None
            heard = threading.Thread(target=stopped.stdout.readline)
            heard.start()
            until(lambda: not heard.is_alive(), meanwhile=send)
            os.kill(stopped.pid, signal.SIGSTOP)
            until(lambda: said, meanwhile=send, pause_s=0.0002)
            until(lambda: sink.delivered + sink.dropped == send.sent)
            before = sink.dropped
            for _ in range(20):
                send()
            until(lambda: sink.delivered + sink.dropped == send.sent)
            assert sink.dropped == before
        finally:
            stopped.kill()
            stopped.communicate()
    listening.join(PATIENCE_S)
    assert said == ["note: a client of the WebSocket server took nothing and was let go"]
    assert sink.dropped > 0
    assert sink.why == "a client is too slow"
    assert got == [decision(n).end - 1 for n in range(send.sent)]


def test_at_most_so_many_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws_server, "CLIENTS", 2)
    port = free_port()
    with sink_of(f"ws:{port}") as sink, reader(port), reader(port):
        send = Counting(sink)
        until(lambda: sink.delivered, meanwhile=send)
        with pytest.raises(InvalidStatus) as refused, reader(port):
            pass
        assert refused.value.response.status_code == 503


def test_where_it_listens_is_this_machine_unless_asked_otherwise() -> None:
    assert parse("ws:8765").host == "127.0.0.1"
    assert parse("ws:0.0.0.0:8765").host == "0.0.0.0"  # noqa: S104 - asked for
    assert parse("ws:[::1]:8765").host == "::1"
    assert parse("ws:192.168.1.5:8765").allows(["http://192.168.1.5:8000"])
    assert not parse("ws:8765").allows(["http://192.168.1.5:8000"])


def test_what_cannot_be_is_said() -> None:
    for spec in ("ws:0", "ws:x", "ws:127.0.0.1:", "ws:8765?token=a", "ws:8765?origin="):
        with pytest.raises(ValueError, match="give a port"):
            check([spec])
    taken = socket.create_server(("127.0.0.1", 0))
    with taken, pytest.raises(ValueError, match="cannot listen there: Address already in use"):
        check([f"ws:{taken.getsockname()[1]}"])
    with pytest.raises(ValueError, match="cannot listen there"):
        check(["ws:no.such.host.invalid:8765"])
