from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("websockets", reason="needs websockets (pip install -e '.[web]')")
from websockets.sync.server import Server, ServerConnection, serve

from stream.destinations import check
from stream.outlets import ws_client
from tests.stream.outlets.saying import PATIENCE_S, Counting, decision, free_port, sink_of, until


@contextmanager
def server(port: int) -> Iterator[queue.SimpleQueue[dict[str, Any]]]:
    got: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    there: list[ServerConnection] = []

    def attend(connection: ServerConnection) -> None:
        there.append(connection)
        for line in connection:
            got.put(json.loads(line))

    listening: Server = serve(attend, "127.0.0.1", port)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield got
    finally:
        listening.shutdown()
        for connection in there:
            connection.close()
        thread.join(PATIENCE_S)


def test_a_server_that_is_not_there_yet_and_one_that_comes_back_get_what_is_sent_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ws_client, "FIRST_S", 0.05)
    port = free_port()
    with sink_of(f"ws://127.0.0.1:{port}/decisions") as sink:
        send = Counting(sink)
        for why in ("the server is not there", "the server went away"):
            before = sink.dropped
            until(lambda before=before: sink.dropped > before + 3, meanwhile=send)
            assert sink.why in (why, "the server is not there")
            with server(port) as got:
                until(lambda got=got: not got.empty(), meanwhile=send)
                first = got.get()
                assert first["label"] == "fist"
                sink.mark(17, "here")
                sink.pause(True)
                until(lambda got=got: not got.empty() and got.get().get("paused"))
    assert sink.delivered + sink.dropped == send.sent


def test_what_waits_is_sent_before_it_ends() -> None:
    port = free_port()
    with server(port) as got:
        with sink_of(f"ws://127.0.0.1:{port}") as sink:
            send = Counting(sink)
            until(lambda: sink.delivered, meanwhile=send)
            missed = sink.dropped
            for _ in range(200):
                send()
        lasts = [got.get(timeout=PATIENCE_S)["last"] for _ in range(send.sent - missed)]
    assert lasts == [decision(n).end - 1 for n in range(missed, send.sent)]
    assert sink.dropped == missed


STILL = """
import sys, time
from websockets.sync.server import serve
def attend(connection):
    print(connection.recv(), flush=True)
    time.sleep(600)
with serve(attend, "127.0.0.1", int(sys.argv[1]), max_queue=1) as listening:
    listening.serve_forever()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
def test_a_server_that_is_stopped_counts_as_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws_client, "FIRST_S", 0.05)
    monkeypatch.setattr(ws_client, "STALL_S", 0.3)
    port = free_port()
    stopped = subprocess.Popen([sys.executable, "-c", STILL, str(port)], stdout=subprocess.PIPE)
    try:
        with sink_of(f"ws://127.0.0.1:{port}") as sink:
            send = Counting(sink)
            until(lambda: sink.delivered, meanwhile=send)
            os.kill(stopped.pid, signal.SIGSTOP)
            before = sink.dropped
            until(lambda: sink.dropped > before, meanwhile=send, pause_s=0.0002)
            assert sink.why in ("the server takes nothing", "the server went away")
    finally:
        stopped.kill()
        stopped.communicate()


def test_what_cannot_be_is_said_without_its_secrets() -> None:
    with pytest.raises(ValueError, match="give the address of a WebSocket server") as said:
        check(["ws://me:s3cret@:8765/x?token=s3cret"])
    assert "s3cret" not in str(said.value)
