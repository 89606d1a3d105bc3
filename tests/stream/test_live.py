"""Live recognition from emulated devices: losses counted, devices that go away, one sentence for what cannot work."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

if sys.platform == "win32":
    pytest.skip("needs pseudo-terminals", allow_module_level=True)

from devices.emulators.cyton import Cyton
from devices.emulators.faults import NO_FAULTS, Faults
from devices.emulators.feed import Feed
from devices.emulators.serve import Served
from devices.files import load
from devices.formats.npz import save_npz
from devices.recording import Recording
from dsp.design import DspSpec, design
from models import families
from models.checkpoint import Checkpoint, save
from tests.stream.test_cli import Result, call, decisions_and_summary, sentence
from tests.stream.test_terminal import ENTER, PATIENCE_S, Terminal, assert_whole

WINDOW, HOP, BRIDGE = 100, 40, 25


@pytest.fixture(scope="module")
def checkpoint(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny recogniser for a Cyton's 250 Hz."""
    path = tmp_path_factory.mktemp("checkpoint") / "tiny"
    spec = DspSpec(250.0, band_hz=(20.0, 110.0), notch_hz=50.0, notch_harmonics=1, scale_uv=(20.0,))
    assert (spec.window, spec.hop) == (WINDOW, HOP)
    config = {"classes": len(recording.names), "widths": [8, 16], "depth": 1}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        module = families.build("se_resnet", config)
    golden = np.random.default_rng(0).normal(size=(2, WINDOW, 8)).astype(np.float32)
    save(path, Checkpoint("se_resnet", config, recording.names, design(spec)), module, golden)
    return path


@contextmanager
def cyton(recording: Recording, faults: Faults = NO_FAULTS) -> Iterator[Served]:
    with Served(Cyton(Feed(recording, 250.0, 8)), faults) as served:
        yield served


def live(device: str, checkpoint: Path, *options: object) -> Result:
    return call("live", device, "--checkpoint", checkpoint, *options)


def grid(lines: list[str]) -> list[dict[str, Any]]:
    decisions = [json.loads(line) for line in lines]
    assert all(each["last"] - each["first"] == WINDOW - 1 for each in decisions)
    return decisions


def test_what_is_lost_is_counted_and_windows_that_touch_it_get_no_decision(
    recording: Recording, checkpoint: Path
) -> None:
    with cyton(recording, Faults(drop=0.008, burst=(0.06, 2), seed=5)) as served:
        lines, summary = decisions_and_summary(live(f"cyton:{served.path}", checkpoint, "--seconds", 3, "--json"))
    integrity = summary["integrity"]
    read = integrity["samples"] + integrity["lost"]
    assert 750 <= read < 800
    missing = {packet for fault in served.log for packet in range(fault.packet, fault.packet + fault.count)}
    missing = {packet for packet in missing if packet < read}
    assert {fault.fault for fault in served.log} == {"drop", "burst"}
    assert integrity["lost"] == integrity["bridged"] == summary["dropped"] == len(missing)
    decisions = grid(lines)
    assert [each["first"] for each in decisions] == list(range(0, 750 - WINDOW + 1, HOP)), "one for each hop"
    for each in decisions:
        touched = bool(missing & set(range(each["first"], each["last"] + 1)))
        assert (each["label"] is None) == touched
    assert 0 < integrity["windows_not_intact"] == sum(each["label"] is None for each in decisions) < len(decisions)


def test_recognition_goes_on_when_the_device_returns(recording: Recording, checkpoint: Path) -> None:
    with cyton(recording, Faults(disconnect=(0.7, 1.0))) as served:
        result = live(f"cyton:{served.path}", checkpoint, "--seconds", 3.5, "--json")
    lines, summary = decisions_and_summary(result)
    (away,) = [fault for fault in served.log if fault.fault == "disconnect"]
    assert summary["integrity"]["returns"] == summary["integrity"]["gaps"] == 1
    assert summary["integrity"]["lost"] == pytest.approx(away.count, abs=5), "by the host's clock"
    decisions = grid(lines)
    resumed = next(each for each in decisions if each["first"] >= away.packet)
    back_s, came_s = away.packet / 250 + 0.7, resumed["last"] / 250
    assert came_s - back_s < 1.0
    assert not [each for each in decisions if each["first"] < away.packet <= each["last"]], "none spans the absence"
    assert "is back" in result.stderr


def test_a_device_that_stays_away_costs_a_sentence_and_nothing_that_was_recognised(
    recording: Recording, checkpoint: Path, tmp_path: Path
) -> None:
    tape = tmp_path / "until.csv"
    with cyton(recording, Faults(disconnect=(60, 1.0))) as served:
        result = live(f"cyton:{served.path}", checkpoint, "--json", "--patience", 0.5, "--record", tape)
    assert result.exit_code == 2
    *lines, summary = result.stdout.splitlines()
    assert len(grid(lines)) == json.loads(summary)["decisions"] == (250 - WINDOW) // HOP + 1
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "was not back within 0.5 s" in errors[0]
    assert len(load(tape).samples) == 250


def test_what_is_recorded_is_what_was_recognised(recording: Recording, checkpoint: Path, tmp_path: Path) -> None:
    tape, log = tmp_path / "tape.csv", tmp_path / "log.jsonl"
    with cyton(recording, Faults(drop=0.01, seed=2)) as served:
        result = live(
            f"cyton:{served.path}", checkpoint, "--seconds", 3, "--json", "--record", tape, "--sink", f"jsonl:{log}"
        )
    lines, summary = decisions_and_summary(result)
    logged = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    times = np.array([each.pop("time") for each in logged])
    assert abs(times - time.time()).max() < 60
    assert np.diff(times).min() > 0
    assert logged == [json.loads(line) for line in lines]
    assert summary["integrity"]["sinks_dropped"] == {"stdout": 0, f"jsonl:{log}": 0}
    again, _ = decisions_and_summary(call("replay", tape, "--checkpoint", checkpoint, "--speed", "max", "--json"))
    assert again == lines, "gaps included"


def test_datagrams_carry_the_decisions(recorded: Path, checkpoint: Path, recording: Recording, tmp_path: Path) -> None:
    path = tmp_path / "slow.npz"
    info = replace(recording.info, rate_hz=250.0)
    save_npz(path, replace(recording, info=info, samples=recording.samples[:400], names=(), labels=None))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(30)
        port = receiver.getsockname()[1]
        lines, _ = decisions_and_summary(live(str(path), checkpoint, "--json", "--sink", f"udp:127.0.0.1:{port}"))
        assert len(lines) == (400 - WINDOW) // HOP + 1
        received = [json.loads(receiver.recv(65536)) for _ in lines]
        assert all(each.pop("time") > 0 for each in received)
        assert received == [json.loads(line) for line in lines]


def test_what_cannot_work_is_one_sentence(recording: Recording, checkpoint: Path, tmp_path: Path) -> None:
    with cyton(recording) as served:
        other = design(DspSpec(1000.0))
        config = {"classes": 2, "widths": [8], "depth": 1}
        golden = np.zeros((1, other.spec.window, 8), np.float32)
        module = families.build("se_resnet", config)
        save(tmp_path / "fast", Checkpoint("se_resnet", config, ("a", "b"), other), module, golden)
        said = sentence(live(f"cyton:{served.path}", tmp_path / "fast"))
        assert "streams 8 channels at 250 Hz, but this checkpoint was trained on 8 at 1000 Hz" in said
        taken = tmp_path / "taken.csv"
        taken.write_text("precious")
        assert "taken.csv" in sentence(live(f"cyton:{served.path}", checkpoint, "--record", taken))
        assert taken.read_text() == "precious"
        assert "known are jsonl:PATH" in sentence(live(f"cyton:{served.path}", checkpoint, "--sink", "pigeon:home"))
        assert "not overwritten" in sentence(live(f"cyton:{served.path}", checkpoint, "--sink", f"jsonl:{taken}"))
        assert "--seconds is 0" in sentence(live(f"cyton:{served.path}", checkpoint, "--seconds", 0))
    assert "no such port" in sentence(live(f"cyton:{tmp_path}/nowhere", checkpoint))
    assert "known are sim:" in sentence(live("abacus:7", checkpoint))


def test_the_view_says_that_a_device_is_away_and_leaves_the_terminal_whole(
    recording: Recording, checkpoint: Path
) -> None:
    with cyton(recording, Faults(disconnect=(1.5, 1.5))) as served:
        arguments = ["live", f"cyton:{served.path}", "--checkpoint", str(checkpoint), "--seconds", "4"]
        terminal = Terminal(["-m", "stream", *arguments])
        try:
            terminal.read_until(ENTER)
            terminal.read_until(b"came back 1 time")
            output = terminal.read_to_end()
            assert terminal.process.wait(PATIENCE_S) == 0
        finally:
            terminal.close()
    assert_whole(output)
    assert b"wait" in output.lower()
    assert b"Traceback" not in output
