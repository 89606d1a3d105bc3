from __future__ import annotations

import io
import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from devices.formats.npz import save_npz
from devices.recording import Recording
from dsp.design import DspSpec, design
from dsp.flow import StreamInfo
from models import families
from models.checkpoint import Checkpoint, save
from stream.cli import main, parse_speed
from stream.latency import LEGS
from tests.stream.conftest import HOP, RATE_HZ, WINDOW


class Result(NamedTuple):
    exit_code: int
    stdout: str
    stderr: str


def call(*arguments: object) -> Result:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    assert isinstance(end.value.code, int)
    return Result(end.value.code, out.getvalue(), err.getvalue())


def decisions_and_summary(result: Result) -> tuple[list[str], dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    *decisions, summary = result.stdout.splitlines()
    return decisions, json.loads(summary)


def test_json_is_the_same_at_every_speed(recorded: Path, checkpoint: Path, recording: Recording) -> None:
    straight, summary = decisions_and_summary(
        call("replay", recorded, "--checkpoint", checkpoint, "--speed", "max", "--json")
    )
    threaded, other = decisions_and_summary(
        call("replay", recorded, "--checkpoint", checkpoint, "--speed", "50", "--json")
    )
    assert straight == threaded
    count = (len(recording.samples) - WINDOW) // HOP + 1
    assert summary["decisions"] == other["decisions"] == len(straight) == count
    assert summary["accuracy"] == other["accuracy"]
    assert summary["controller_delay_ms"] is None, "there is no time at --speed max"
    delay = 1e3 * (WINDOW / 2 + HOP / 2) / RATE_HZ + other["latency_ms"]["p50"]
    assert other["controller_delay_ms"] == pytest.approx(delay, abs=0.01)
    assert summary["dropped"] == other["dropped"] == 0


def test_a_line_tells_what_was_decided_about_which_samples(
    recorded: Path, checkpoint: Path, recording: Recording
) -> None:
    lines, summary = decisions_and_summary(
        call("replay", recorded, "--checkpoint", checkpoint, "--speed", "max", "--json")
    )
    right = 0
    for k, line in enumerate(map(json.loads, lines)):
        assert set(line) == {"first", "last", "label", "confidence", "probabilities", "true"}
        assert (line["first"], line["last"]) == (k * HOP, k * HOP + WINDOW - 1)
        assert line["true"] == recording.label(k * HOP, k * HOP + WINDOW)
        assert sum(line["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert line["label"] == max(line["probabilities"], key=line["probabilities"].get)
        right += line["label"] == line["true"]
    assert summary["accuracy"] == right / len(lines)
    assert np.sum(summary["confusion"]["counts"]) == len(lines)
    assert list(summary["latency_ms"]["stages"]) == list(LEGS)
    assert summary["latency_ms"]["stages"]["device -> ring"]["p50"] is None, "there is no ring at --speed max"
    assert summary["deadline"] == {"hop_ms": None, "late": None, "skipped": None, "reduced": None}
    assert summary["engine"] == "onnx"
    assert 0 < summary["latency_ms"]["p50"] <= summary["latency_ms"]["p99"] <= summary["latency_ms"]["max"]
    assert summary["duration_s"] == len(recording.samples) / RATE_HZ
    assert summary["simulated"] is True


def test_without_labels_there_is_no_accuracy(recording: Recording, checkpoint: Path, tmp_path: Path) -> None:
    save_npz(tmp_path / "bare.npz", replace(recording, names=(), labels=None))
    lines, summary = decisions_and_summary(
        call("replay", tmp_path / "bare.npz", "--checkpoint", checkpoint, "--speed", "max", "--json")
    )
    assert summary["accuracy"] is None
    assert summary["scored"] == 0
    assert {json.loads(line)["true"] for line in lines} == {None}


def test_plain_lines_and_a_summary_where_there_is_no_terminal(recorded: Path, checkpoint: Path) -> None:
    result = call("replay", recorded, "--checkpoint", checkpoint, "--speed", "max")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].startswith("    0.400 s  ")
    for words in (
        "% right",
        "0 samples dropped",
        "precision",
        "confusion",
        "time from the device to the sinks, ms",
        "simulated",
    ):
        assert words in result.stdout


def test_live_and_profile(recorded: Path, checkpoint: Path, tmp_path: Path, recording: Recording) -> None:
    save_npz(tmp_path / "second.npz", replace(recording, samples=recording.samples[:500], names=(), labels=None))
    lines, _ = decisions_and_summary(call("live", tmp_path / "second.npz", "--checkpoint", checkpoint, "--json"))
    assert len(lines) == (500 - WINDOW) // HOP + 1
    result = call("profile", "--checkpoint", checkpoint, "--source", recorded, "--seconds", 1, "--json")
    assert result.exit_code == 0, result.stderr
    measured = json.loads(result.stdout)
    assert measured["decisions"] == (500 - WINDOW) // HOP + 1
    assert measured["controller_delay_ms"] > measured["window_ms"] / 2 + measured["hop_ms"] / 2
    assert {"processor", "system", "python", "numpy", "numba", "torch", "onnxruntime"} <= set(measured["machine"])
    assert measured["deadline"]["hop_ms"] == 160
    assert measured["deadline"]["skipped"] == 0
    assert list(measured["stages_ms"]) == list(LEGS)
    assert all(set(figures) == {"p50", "p95", "p99", "p99.9", "max"} for figures in measured["stages_ms"].values())


def test_a_profile_has_tables_pictures_and_a_last_line_of_json(
    recorded: Path, checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "profile"
    result = call(
        "profile", "--checkpoint", checkpoint, "--source", recorded, "--seconds", 2, "--hop-ms", 20, "--out", out
    )
    assert result.exit_code == 0, result.stderr
    *shown, last = result.stdout.splitlines()
    measured = json.loads(last)
    assert measured == json.loads((out / "profile.json").read_text())
    assert (out / "latency.png").read_bytes().startswith(b"\x89PNG")
    assert measured["hop_ms"] == 20
    assert measured["decisions"] == (1000 - WINDOW) // 10 + 1
    text = "\n".join(shown)
    for words in ("device -> ring", "p99.9", "from the last sample to the decision", "controller delay", "onnx on cpu"):
        assert words in text


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_a_profile_that_is_interrupted_says_what_it_has(checkpoint: Path) -> None:
    program = [sys.executable, "-m", "stream", "profile", "--checkpoint", str(checkpoint), "--source", "sim:"]
    with subprocess.Popen(
        [*program, "--seconds", "60"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while not process.stderr.readline().startswith("measuring"):
            assert process.poll() is None
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        *shown, last = process.stdout.read().splitlines()
        assert process.wait(60) == 130
    measured = json.loads(last)
    assert measured["interrupted"] is True
    assert measured["decisions"] > 0
    assert 0.5 < measured["measured_s"] < 30
    assert "interrupted; this far: " in "\n".join(shown)


def test_what_cannot_be_written_is_said_before_the_measurement(
    recorded: Path, checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    base = ("profile", "--checkpoint", checkpoint, "--source", recorded, "--seconds", 600)
    assert "cannot be a folder, since" in sentence(call(*base, "--out", tmp_path / "file"))
    (tmp_path / "out" / "latency.png").mkdir(parents=True)
    result = call(
        "profile", "--checkpoint", checkpoint, "--source", recorded, "--seconds", 1, "--out", tmp_path / "out"
    )
    assert result.exit_code == 2
    assert json.loads(result.stdout.splitlines()[-1])["decisions"] > 0, "what was measured is not lost"


def test_a_source_that_ends_early_is_admitted(recorded: Path, checkpoint: Path, recording: Recording) -> None:
    result = call("profile", "--checkpoint", checkpoint, "--source", recorded, "--seconds", 600, "--hop-ms", 21)
    measured = json.loads(result.stdout.splitlines()[-1])
    assert measured["measured_s"] == pytest.approx(len(recording.samples) / RATE_HZ, abs=0.01)
    assert f" in {measured['measured_s']:.1f} s of real time" in result.stdout
    assert "note: a hop of 21 ms becomes 20 ms, a whole number of samples" in result.stderr


def test_less_than_a_window_is_refused(recorded: Path, checkpoint: Path) -> None:
    assert "is shorter than one window" in sentence(call("live", recorded, "-c", checkpoint, "--seconds", 0.1))


def test_how_many_armbands_hold_their_deadlines(recorded: Path, checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "many"
    arguments = ("profile", "--checkpoint", checkpoint, "--source", recorded, "--seconds", 1, "--out", out)
    result = call(*arguments, "--streams", 2)
    assert result.exit_code == 0, result.stderr
    measured = json.loads(result.stdout.splitlines()[-1])
    assert measured["armbands"] == measured["asked"] == 2
    assert measured["decisions_a_second"] == pytest.approx(2 / 0.16)
    assert set(measured["legs_ms"]) == {"filter", "copy", "classify", "decide", "total"}
    assert "2 armbands (as many as were asked about)" in result.stdout
    assert (out / "latency.png").exists()
    assert "--streams" in sentence(call(*arguments, "--streams", 0))


def test_another_engine_and_another_hop(recorded: Path, checkpoint: Path) -> None:
    base = ("replay", recorded, "--checkpoint", checkpoint, "--speed", "max", "--json")
    usual, _ = decisions_and_summary(call(*base))
    other, summary = decisions_and_summary(call(*base, "--engine", "torch", "--device", "cpu", "--hop-ms", 40))
    assert summary["engine"] == "torch"
    assert summary["hop"] == 20
    often = {json.loads(line)["first"]: json.loads(line) for line in other}
    for line in map(json.loads, usual):
        same = often[line["first"]]
        assert same["label"] == line["label"]
        assert same["confidence"] == pytest.approx(line["confidence"], abs=1e-4)
    for arguments, words in (
        (("--engine", "abacus"), "there is no engine 'abacus'"),
        (("--engine", "int8"), "has no form in eight bits"),
        (("--engine", "onnx", "--device", "cuda"), "--engine onnx runs on the CPU"),
        (("--hop-ms", 0), "--hop-ms is 0; give milliseconds above zero"),
        (("--hop-ms", 0.1), "is less than one sample at 500 Hz"),
        (("--engine", "torch", "--device", "cpu", "--precision", "fp16"), "--precision fp16 is for a GPU"),
        (("--keep-up",), "--keep-up needs a speed"),
    ):
        assert words in sentence(call(*base, *arguments))


def sentence(result: Result) -> str:
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_bad_input_gets_one_sentence(recorded: Path, checkpoint: Path, recording: Recording, tmp_path: Path) -> None:
    other_rate = replace(recording, info=StreamInfo("cyton", 250.0, recording.info.channels))
    save_npz(tmp_path / "other.npz", other_rate)
    save_npz(tmp_path / "brief.npz", replace(recording, samples=recording.samples[:99], names=(), labels=None))
    (tmp_path / "empty.csv").touch()
    (tmp_path / "seven.csv").write_text("a,b,c,d,e,f,g\n" + "1,2,3,4,5,6,7\n" * 300)
    (tmp_path / "nan.csv").write_text("a,b,c,d,e,f,g,h\n" + "1,2,3,4,5,6,7,nan\n" * 300)
    (tmp_path / "word.csv").write_text("a,b,c,d,e,f,g,h\n" + "1,2,3,4,five,6,7,8\n" * 300)
    shutil.copytree(checkpoint, tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"nothing")

    def replay(name: str, model: Path = checkpoint, *options: object) -> str:
        return sentence(call("replay", tmp_path / name, "--checkpoint", model, *options))

    table = ("--rate", RATE_HZ, "--unit", "uV")
    assert "trained on 8 at 500 Hz; train one with dsp.rate_hz=250" in replay("other.npz")
    assert "pass a longer recording" in replay("brief.npz")
    assert "missing.npz" in replay("missing.npz")
    assert "empty" in replay("empty.csv", checkpoint, *table)
    assert "streams 7 channels at 500 Hz" in replay("seven.csv", checkpoint, *table)
    assert "line 2" in replay("nan.csv", checkpoint, *table)
    assert "five" in replay("word.csv", checkpoint, *table)
    assert "broken" in sentence(call("replay", recorded, "--checkpoint", tmp_path / "broken"))
    assert "nowhere" in sentence(call("replay", recorded, "--checkpoint", tmp_path / "nowhere"))
    assert "--speed is 'fast'" in sentence(call("replay", recorded, "--checkpoint", checkpoint, "--speed", "fast"))
    assert "no device 'abacus'" in sentence(call("replay", recorded, "--checkpoint", checkpoint, "--device", "abacus"))
    assert "known are sim:" in sentence(call("live", "cyton", "--checkpoint", checkpoint))
    assert "like sim:person=7" in sentence(call("live", "sim:height=3", "--checkpoint", checkpoint))
    assert "--seconds" in sentence(call("profile", "--checkpoint", checkpoint, "--source", recorded, "--seconds", 0.1))
    assert "--seconds is inf" in sentence(
        call("profile", "--checkpoint", checkpoint, "--source", recorded, "--seconds", "inf")
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "No such command 'nonsense'; see 'python -m stream --help'"),
        (["replay"], "Missing argument 'recording'; see 'python -m stream replay --help'"),
        (["replay", "a.csv"], "Missing option '--checkpoint'"),
        (["replay", "a.csv", "--chekpoint", "b"], "--checkpoint"),
        (["replay", "a.csv", "--checkpoint", "b", "--rate", "fast"], "Invalid value for '--rate'"),
        (["replay", "a.csv", "--checkpoint", ""], "is empty; leave it out, or give it a value"),
        (["replay", "cyton:/dev/ttyUSB0", "--checkpoint", "b"], "is a device, and replay is for recordings; use: live"),
        (["live", "sim:repetitions=99999999", "--checkpoint", "b"], "cannot be used"),
    ],
)
def test_wrong_use_is_one_sentence_as_well(arguments: list[str], words: str) -> None:
    assert words in sentence(call(*arguments))


def test_no_words_at_all_get_the_help() -> None:
    result = call()
    assert result.exit_code == 0
    assert "replay" in result.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_sentence(recorded: Path, checkpoint: Path) -> None:
    program = [sys.executable, "-m", "stream", "replay", str(recorded), "--checkpoint", str(checkpoint)]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*program, "--speed", "max"], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
    assert (ended.returncode, ended.stderr) == (2, "error: No space left on device\n")


def test_a_path_may_look_like_markup(recording: Recording, checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "[bold]ü x[green].npz"
    bare = replace(recording, info=StreamInfo("", RATE_HZ, recording.info.channels), names=(), labels=None)
    save_npz(path, bare)
    result = call("replay", path, "--checkpoint", checkpoint, "--speed", "max")
    assert result.exit_code == 0
    assert "[bold]ü x[green].npz (simulated), 8.0 s" in result.stdout


@pytest.mark.parametrize(("text", "speed"), [("max", None), ("1", 1.0), ("2.5", 2.5)])
def test_speeds(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "", "twice"])
def test_impossible_speeds(text: str) -> None:
    with pytest.raises(ValueError, match="above zero"):
        parse_speed(text)


@pytest.mark.parametrize("command", [[], ["replay"], ["live"], ["profile"]])
def test_help_is_there(command: list[str]) -> None:
    result = call(*command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_help_does_not_wait_for_the_network_library() -> None:
    script = "import sys, stream.cli; print([name for name in ('torch', 'numba', 'scipy') if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "[]"


def test_the_live_path_does_not_import_scipy(recorded: Path, checkpoint: Path) -> None:
    script = (
        "import sys; from stream.cli import main\n"
        "try: main(['replay', *sys.argv[1:]])\n"
        "except SystemExit as end: print(end.code, 'scipy.signal' in sys.modules)"
    )
    options = [str(recorded), "--checkpoint", str(checkpoint), "--speed", "max", "--json"]
    found = subprocess.run(
        [sys.executable, "-c", script, *options], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.splitlines()[-1] == "0 False"
    assert found.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="needs head")
def test_a_reader_that_goes_away_ends_it_quietly(recorded: Path, checkpoint: Path) -> None:
    program = [
        sys.executable,
        "-m",
        "stream",
        "replay",
        str(recorded),
        "--checkpoint",
        str(checkpoint),
        "--speed",
        "20",
    ]
    with subprocess.Popen([*program, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["first"] == 0
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 0


@pytest.mark.data
def test_a_real_trial_gives_one_decision_for_each_hop(synapse_zip: Path, tmp_path: Path) -> None:
    spec = DspSpec(512.0, band_hz=(20.0, 205.0), scale_uv=(20.0,))
    labels = tuple(f"gesture{k:02d}" for k in range(5))
    config = {"classes": 5, "widths": [8], "depth": 1}
    golden = np.random.default_rng(0).normal(size=(1, spec.window, 8)).astype(np.float32)
    untrained = Checkpoint("se_resnet", config, labels, design(spec))
    save(tmp_path / "untrained", untrained, families.build("se_resnet", config), golden)
    trial = synapse_zip / "Session1" / "session1_subject_18" / "gesture04_trial01.csv"
    told = ("replay", trial, "--checkpoint", tmp_path / "untrained", "--json", "--speed")
    straight, summary = decisions_and_summary(call(*told, "max"))
    threaded, _ = decisions_and_summary(call(*told, "10"))
    assert len(straight) == summary["decisions"] == (2560 - 204) // spec.hop + 1
    assert straight == threaded
    assert {json.loads(line)["true"] for line in straight} == {"gesture04"}


def test_the_folder_of_a_run_is_a_checkpoint_too(recorded: Path, checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoint, tmp_path / "run" / "checkpoint")
    inner = call("replay", recorded, "--checkpoint", checkpoint, "--speed", "max", "--json")
    outer = call("replay", recorded, "--checkpoint", tmp_path / "run", "--speed", "max", "--json")
    assert decisions_and_summary(inner)[0] == decisions_and_summary(outer)[0]


def test_gestures_that_are_all_foreign_are_not_scored(recording: Recording, checkpoint: Path, tmp_path: Path) -> None:
    names = tuple(f"foreign {name}" for name in recording.names)
    save_npz(tmp_path / "foreign.npz", replace(recording, names=names))
    result = call("replay", tmp_path / "foreign.npz", "--checkpoint", checkpoint, "--speed", "max", "--json")
    decisions, summary = decisions_and_summary(result)
    assert (summary["accuracy"], summary["scored"], summary["decisions"]) == (None, 0, len(decisions))
    assert len(result.stderr.strip().splitlines()) == 1
    assert "knows none" in result.stderr
