"""The examples of ``stream/SINKS.md``, run word for word but for the addresses."""

from __future__ import annotations

import os
import queue
import re
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

if sys.platform == "win32":
    pytest.skip("needs pseudo-terminals", allow_module_level=True)

import pty
import tty

from stream.outlets.keymap import load
from tests.stream.outlets.broker import broker
from tests.stream.outlets.saying import PATIENCE_S, Counting, free_port, sink_of, until

DOCUMENT = (Path(__file__).parents[3] / "stream" / "SINKS.md").read_text(encoding="utf-8")


def example(form: str, language: str = "python", **instead: str) -> str:
    """The example of a kind, with something else in place of some words, each of which has to be there."""
    section = DOCUMENT.split(f"\n## `{form}`\n")[1].split("\n## ")[0]
    (text,) = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    for word, other in instead.items():
        word = word.removeprefix("_")
        assert word in text
        text = text.replace(word, other)
    assert isinstance(text, str)
    return text


@contextmanager
def running(program: str, folder: Path) -> Iterator[queue.SimpleQueue[str]]:
    """The lines that a program prints while it runs; it is ended."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", program], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None

    def listen(file: Iterator[str]) -> None:
        for line in file:
            lines.put(line.strip())

    thread = threading.Thread(target=listen, args=(process.stdout,))
    thread.start()
    try:
        yield lines
        assert process.poll() is None, process.stderr and process.stderr.read()
    finally:
        process.kill()
        thread.join(PATIENCE_S)
        process.communicate()


def assert_it_reads(spec: str, program: str, folder: Path, said: str = "fist 0.") -> None:
    with sink_of(spec) as sink, running(program, folder) as lines:
        send = Counting(sink)
        for _ in range(3):
            until(lambda: not lines.empty(), meanwhile=send)
            line = lines.get()
            assert line.startswith(said), line


def test_a_file_can_be_followed(tmp_path: Path) -> None:
    assert_it_reads(f"jsonl:{tmp_path}/decisions.jsonl", example("jsonl:PATH"), tmp_path)


def test_udp(tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    assert_it_reads(f"udp:127.0.0.1:{port}", example("udp:HOST:PORT", _5005=str(port)), tmp_path)


def test_lsl(tmp_path: Path) -> None:
    name = f"example {uuid.uuid4()}"
    assert_it_reads(f"lsl:{name}", example("lsl:NAME", decisions=name), tmp_path, "fist at ")
    program = example("lsl-probabilities:NAME", probabilities=name)
    assert_it_reads(f"lsl-probabilities:{name}", program, tmp_path, "{'rest': 0.")


def test_osc(tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    assert_it_reads(f"osc:127.0.0.1:{port}", example("osc:HOST:PORT[/PREFIX]", _5005=str(port)), tmp_path)


def test_a_client_of_our_websocket_server(tmp_path: Path) -> None:
    pytest.importorskip("websockets")
    port = free_port()
    assert_it_reads(f"ws:{port}", example("ws:[HOST:]PORT", _9001=str(port)), tmp_path)


@pytest.mark.browser
def test_a_web_page(browser: Browser, tmp_path: Path) -> None:
    pytest.importorskip("websockets")
    port = free_port()
    (tmp_path / "index.html").write_text(example("ws:[HOST:]PORT", "html", _9001=str(port)))
    serve = partial(QuietFiles, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as files, sink_of(f"ws:{port}") as sink:
        thread = threading.Thread(target=files.serve_forever, args=(0.05,))
        thread.start()
        try:
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{files.server_address[1]}/")
            send = Counting(sink)
            until(lambda: page.text_content("#decision") == "fist", meanwhile=send)
            page.close()
        finally:
            files.shutdown()
            thread.join(PATIENCE_S)


class QuietFiles(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_a_websocket_server_of_somebody(tmp_path: Path) -> None:
    pytest.importorskip("websockets")
    port = free_port()
    program = example("ws[s]://HOST[:PORT]/PATH", _9001=str(port))
    assert_it_reads(f"ws://127.0.0.1:{port}/x", program, tmp_path)


def test_mqtt(tmp_path: Path) -> None:
    pytest.importorskip("paho.mqtt.client")
    with broker(tmp_path) as served:
        served.start()
        program = example("mqtt://HOST[:PORT]/TOPIC", _1883=str(served.port))
        assert_it_reads(f"mqtt://127.0.0.1:{served.port}/myostream/arm", program, tmp_path)


def test_serial(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    tty.setraw(ours)
    tty.setraw(theirs)
    other, others = pty.openpty()
    tty.setraw(others)
    threading.Thread(target=_cable, args=(ours, other), daemon=True).start()
    program = example("serial:PORT[?baud=115200]", **{"/dev/ttyUSB0": os.ttyname(others)})
    assert_it_reads(f"serial:{os.ttyname(theirs)}", program, tmp_path, "fist ")


def _cable(one: int, other: int) -> None:
    while data := os.read(one, 4096):
        os.write(other, data)


def test_the_map_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(example("keyboard:MAP.toml", "toml"))
    keymap = load(path)
    assert (keymap.while_held, keymap.dead_man_ms) == ("ctrl_r", 500)
    assert keymap.strokes["open hand"].keys == ("shift", "right")
    section = DOCUMENT.split("\n## `keyboard:MAP.toml`\n")[1]
    from_text = " ".join(section.split("or one of: ")[1].split(". Gestures")[0].split())
    for key in from_text.replace("f1 to f20", "f1 f20").split():
        path.write_text(f'[keys]\nfist = "{key}"')
        load(path)
