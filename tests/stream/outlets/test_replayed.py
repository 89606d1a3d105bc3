"""Sinks of whole runs: what is replayed, what is live, and peers that are dead or stopped."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from itertools import pairwise
from pathlib import Path
from typing import Any

import pylsl
import pytest

from devices.lsl.library import offset_s
from stream.sinks import unix_s
from tests.stream.outlets.saying import PATIENCE_S, free_port
from tests.stream.test_cli import call, decisions_and_summary


def logged(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def without_time(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in line.items() if key != "time"} for line in lines]


def test_as_fast_as_possible_nothing_is_lost(recorded: Path, checkpoint: Path, tmp_path: Path) -> None:
    pytest.importorskip("websockets")
    from websockets.sync.server import ServerConnection, serve  # noqa: PLC0415 - an extra

    got: list[str] = []

    def attend(connection: ServerConnection) -> None:
        got.extend(connection)

    log = tmp_path / "log.jsonl"
    with serve(attend, "127.0.0.1", 0, max_queue=1) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        result = call(
            "replay", recorded, "--checkpoint", checkpoint, "--speed", "max", "--json", "--hop-ms", 6,
            "--sink", f"jsonl:{log}", "--sink", address,
        )  # fmt: skip
        server.shutdown()
        thread.join(PATIENCE_S)
    lines, summary = decisions_and_summary(result)
    expected = [json.loads(line) for line in lines]
    assert len(expected) > 1024, "more than a buffer holds"
    assert {line["time"] for line in logged(log)} == {None}, "there is no time"
    assert without_time(logged(log)) == expected
    dropped = summary["integrity"]["sinks_dropped"]
    assert dropped[f"jsonl:{log}"] == 0
    assert dropped[address] == 0
    assert without_time([json.loads(text) for text in got]) == expected


def test_a_timed_replay_tells_the_time(recorded: Path, checkpoint: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    result = call("replay", recorded, "--checkpoint", checkpoint, "--speed", "20", "--json", "--sink", f"jsonl:{log}")
    lines, _ = decisions_and_summary(result)
    assert without_time(logged(log)) == [json.loads(line) for line in lines]
    times = [line["time"] for line in logged(log)]
    hop_s = 80 / 500 / 20
    assert [b - a for a, b in pairwise(times)] == pytest.approx([hop_s] * (len(times) - 1), abs=1e-3)
    assert abs(times[-1] - time.time()) < 60


def test_what_cannot_be_opened_is_said_before_anything_else(recorded: Path, checkpoint: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text('[keys]\nfits = "a"\n')
    for sinks, said in (
        (["pigeon:home"], "known are jsonl:PATH"),
        (["udp:127.0.0.1:5005", "udp:127.0.0.1:5005"], "given twice"),
        ([f"serial:{tmp_path}/nowhere"], "there is no port"),
    ):
        options = [word for sink in sinks for word in ("--sink", sink)]
        for command, what in (("replay", recorded), ("live", "sim:")):
            result = call(command, what, "--checkpoint", checkpoint, *options)
            assert result.exit_code == 2
            assert result.stderr.count("\n") == 1
            assert said in result.stderr


STOPPED = """
import sys, time
from websockets.sync.server import serve
def attend(connection):
    print("connected", flush=True)
    time.sleep(600)
with serve(attend, "127.0.0.1", int(sys.argv[1]), max_queue=1) as server:
    print("ready", flush=True)
    server.serve_forever()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
def test_dead_and_stopped_peers_change_nothing_for_the_others(recorded: Path, checkpoint: Path, tmp_path: Path) -> None:
    pytest.importorskip("websockets")
    port, log = free_port(), tmp_path / "log.jsonl"
    dead = [f"udp:127.0.0.1:{free_port()}", f"ws://127.0.0.1:{free_port()}/", f"ws:{free_port()}"]
    stopped = subprocess.Popen([sys.executable, "-c", STOPPED, str(port)], stdout=subprocess.PIPE)
    try:
        assert stopped.stdout is not None
        assert stopped.stdout.readline() == b"ready\n"
        os.kill(stopped.pid, signal.SIGSTOP)
        sinks = [*dead, f"ws://127.0.0.1:{port}/", f"jsonl:{log}"]
        options = [word for sink in sinks for word in ("--sink", sink)]
        result = call("replay", recorded, "--checkpoint", checkpoint, "--speed", "2", "--json", *options)
    finally:
        stopped.kill()
        stopped.communicate()
    lines, summary = decisions_and_summary(result)
    alone, _ = decisions_and_summary(call("replay", recorded, "--checkpoint", checkpoint, "--speed", "max", "--json"))
    assert lines == alone
    assert without_time(logged(log)) == [json.loads(line) for line in lines]
    dropped = summary["integrity"]["sinks_dropped"]
    assert dropped.pop(f"jsonl:{log}") == 0
    assert dropped == dict.fromkeys(sinks[:-1], len(lines)) | {dead[0]: len(lines) - 1}, "all but UDP's last"
    assert summary["dropped"] == 0
    for sink in sinks[:-1]:
        notes = [line for line in result.stderr.splitlines() if sink in line]
        assert 1 <= len(notes) <= len(sinks), "said when it begins, and where another one begins"


def test_a_summary_names_what_did_not_get_through_and_why(recorded: Path, checkpoint: Path) -> None:
    sink = f"udp:127.0.0.1:{free_port()}"
    result = call("replay", recorded, "--checkpoint", checkpoint, "--speed", "max", "--sink", sink)
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    assert re.search(rf"{sink} did not get \d\d decisions: nobody listens there", words)


def test_markers_read_by_lsl_carry_the_time_of_their_samples(recorded: Path, checkpoint: Path, tmp_path: Path) -> None:
    name, log = f"decisions {uuid.uuid4()}", tmp_path / "log.jsonl"
    got: queue.SimpleQueue[tuple[str, float, float]] = queue.SimpleQueue()
    offset = offset_s(pylsl)
    over = threading.Event()

    def read() -> None:
        found = pylsl.resolve_byprop("name", name, timeout=PATIENCE_S)
        inlet = pylsl.StreamInlet(found[0], recover=False)
        inlet.open_stream(timeout=PATIENCE_S)
        while not over.is_set():
            try:
                sample, stamp = inlet.pull_sample(timeout=0.2)
            except pylsl.util.LostError:  # it has ended
                break
            if sample is not None:
                at = time.perf_counter()
                got.put((sample[0], unix_s(stamp + offset) or 0.0, at - stamp - offset))
        inlet.close_stream()

    thread = threading.Thread(target=read)
    thread.start()
    try:
        result = call(
            "replay", recorded, "--checkpoint", checkpoint, "--json", "--sink", f"lsl:{name}", "--sink", f"jsonl:{log}"
        )
    finally:
        over.set()
        thread.join(PATIENCE_S)
    lines, summary = decisions_and_summary(result)
    markers = [got.get() for _ in range(got.qsize())]
    missed = summary["integrity"]["sinks_dropped"][f"lsl:{name}"]
    assert len(markers) >= len(lines) - missed > 0
    expected = logged(log)[len(lines) - len(markers) :]
    assert [label for label, _, _ in markers] == [line["label"] or "" for line in expected]
    assert [at for _, at, _ in markers] == pytest.approx([line["time"] for line in expected], abs=1e-3)
    lateness = sorted(late for _, _, late in markers)
    assert lateness[0] >= 0
    assert lateness[len(lateness) // 2] < 1, f"from the sample to the reader, seconds: {lateness}"
