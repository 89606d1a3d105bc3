from __future__ import annotations

import json
import os
import queue
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

pytest.importorskip("paho.mqtt.client", reason="needs paho-mqtt (pip install -e '.[mqtt]')")
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from stream.destinations import check
from stream.outlets import mqtt
from stream.outlets.mqtt import Where, parse
from tests.stream.outlets.broker import broker
from tests.stream.outlets.saying import PATIENCE_S, Counting, decision, sink_of, until

Messages = queue.SimpleQueue[tuple[str, str]]


@contextmanager
def reader(port: int, topic: str, user: str = "", password: str = "") -> Iterator[Messages]:
    got: Messages = queue.SimpleQueue()
    ready = queue.SimpleQueue[bool]()
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _, __, message: got.put((message.topic, message.payload.decode()))
    client.on_connect = lambda client, *_: client.subscribe(topic)
    client.on_subscribe = lambda *_: ready.put(True)
    if user:
        client.username_pw_set(user, password)
    client.reconnect_delay_set(1, 1)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        ready.get(timeout=PATIENCE_S)
        yield got
    finally:
        client.disconnect()
        client.loop_stop()


def until_said(messages: Messages, topic: str, text: str | None = None) -> str:
    while True:
        at, said = messages.get(timeout=PATIENCE_S)
        if at == topic and (text is None or said == text):
            return said


def test_everything_arrives_in_order_under_its_topic(tmp_path: Path) -> None:
    with broker(tmp_path) as served:
        served.start()
        with reader(served.port, "lab/arm/#") as got:
            with sink_of(f"mqtt://127.0.0.1:{served.port}/lab/arm") as sink:
                send = Counting(sink)
                until(lambda: sink.delivered, meanwhile=send)
                missed = sink.dropped
                for _ in range(200):
                    send()
                    until(lambda: sink.delivered + sink.dropped == send.sent, pause_s=0.001)
                sink.mark(17, "here")
                sink.pause(True)
            messages = [got.get(timeout=PATIENCE_S)]
            while messages[-1] != ("lab/arm/status", "offline"):
                messages.append(got.get(timeout=PATIENCE_S))
        assert ("lab/arm/status", "online") in messages
        lines = [json.loads(said) for topic, said in messages if topic == "lab/arm"]
        assert [line["last"] for line in lines] == [decision(n).end - 1 for n in range(missed, send.sent)]
        assert [json.loads(said)["marker"] for topic, said in messages if topic == "lab/arm/marker"] == ["here"]
        assert [json.loads(said)["paused"] for topic, said in messages if topic == "lab/arm/paused"] == [True]
        assert (sink.delivered, sink.dropped) == (send.sent - missed, missed)
        with reader(served.port, "lab/arm/status") as late:
            assert until_said(late, "lab/arm/status") == "offline", "it is kept"


def test_a_broker_that_is_not_there_yet_and_one_that_comes_back_get_what_is_sent_then(tmp_path: Path) -> None:
    with broker(tmp_path) as served, sink_of(f"mqtt://127.0.0.1:{served.port}/arm") as sink:
        send = Counting(sink)
        until(lambda: sink.dropped > 3, meanwhile=send)
        assert sink.why == "the broker is not there"
        for _ in range(2):
            before, delivered = sink.dropped, sink.delivered
            served.start()
            with reader(served.port, "arm") as got:
                until(lambda got=got: not got.empty(), meanwhile=send)
                assert json.loads(got.get()[1])["label"] == "fist"
            assert sink.delivered > delivered
            served.stop()
            until(lambda before=before: sink.dropped > before + 3, meanwhile=send)
        assert "went away" in sink.why
    assert sink.delivered + sink.dropped == send.sent


def test_a_password_is_asked_for_and_not_shown(tmp_path: Path) -> None:
    with broker(tmp_path, "me", "s3cret") as served:
        served.start()
        with sink_of(f"mqtt://me:wrong@127.0.0.1:{served.port}/arm") as sink:
            send = Counting(sink)
            until(lambda: "refuses" in sink.why, meanwhile=send)
        with (
            reader(served.port, "arm", "me", "s3cret") as got,
            sink_of(f"mqtt://me:s3cret@127.0.0.1:{served.port}/arm") as sink,
        ):
            send = Counting(sink)
            until(lambda: not got.empty(), meanwhile=send)
            assert sink.name == f"mqtt://me:...@127.0.0.1:{served.port}/arm"
            assert "s3cret" not in sink.trouble() + sink.name


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
def test_a_broker_that_is_stopped_is_counted_and_gets_decisions_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "KEEP_ALIVE_S", 1)
    with broker(tmp_path) as served, sink_of(f"mqtt://127.0.0.1:{served.port}/arm") as sink:
        served.start()
        send = Counting(sink)
        until(lambda: sink.delivered, meanwhile=send)
        assert served.process is not None
        os.kill(served.process.pid, signal.SIGSTOP)
        before = sink.dropped
        until(lambda: sink.dropped > before, meanwhile=send, pause_s=0.0002)
        os.kill(served.process.pid, signal.SIGCONT)
        with reader(served.port, "arm") as got:
            until(lambda: not got.empty(), meanwhile=send)


def _packet(kind: int, body: bytes) -> bytes:
    assert len(body) < 128
    return bytes([kind, len(body)]) + body


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def _read_packet(file: IO[bytes]) -> tuple[int, bytes]:
    """One packet of MQTT 3.1.1 (OASIS, 2014)."""
    kind, length, shift = file.read(1)[0], 0, 0
    while True:
        digit = file.read(1)[0]
        length, shift = length + ((digit & 127) << shift), shift + 7
        if digit < 128:
            return kind & 0xF0, file.read(length)


def test_a_client_that_shares_no_code_with_ours_reads_it_too(tmp_path: Path) -> None:
    with broker(tmp_path) as served, sink_of(f"mqtt://127.0.0.1:{served.port}/arm") as sink:
        served.start()
        with socket.create_connection(("127.0.0.1", served.port), 30) as plug, plug.makefile("rb") as file:
            plug.sendall(_packet(0x10, _text("MQTT") + b"\x04\x02\x00\x3c" + _text("other")))
            assert _read_packet(file) == (0x20, b"\0\0")
            plug.sendall(_packet(0x82, b"\0\1" + _text("arm") + b"\0"))
            assert _read_packet(file) == (0x90, b"\0\1\0")
            send = Counting(sink)
            until(lambda: sink.delivered, meanwhile=send)
            kind, body = _read_packet(file)
    assert kind == 0x30
    assert body.startswith(_text("arm"))
    assert json.loads(body[len(_text("arm")) :])["label"] == "fist"


def test_what_a_spec_says() -> None:
    assert parse("mqtt://host/a/b") == Where("host", 1883, "a/b")
    assert parse("mqtt://me:a%40b@[::1]:1884/a%20b/") == Where("::1", 1884, "a b", "me", "a@b")
    for spec in ("mqtt://host", "mqtt://host/", "mqtt:///a", "mqtt://host/a+", "mqtt://host:x/a", "mqtt://host/a?b=1"):
        with pytest.raises(ValueError, match="give a broker and a topic"):
            check([spec])
