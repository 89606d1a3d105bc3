"""``python -m devices record`` as a person types it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devices.cli import main
from devices.files import load, save_npz
from devices.formats.writer import FORMATS
from devices.recording import Recording
from tests.devices.formats.test_csv_writer import table
from tests.devices.formats.test_xdf_writer import indices_and_labels, streams
from tests.devices.formats.writer_case import stream


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty seconds that are replayed in real time."""
    path = tmp_path_factory.mktemp("source") / "source.npz"
    labels = np.repeat(np.array([0, 1, -1], np.int16), [40, 60, 4900])
    samples = np.random.default_rng(0).normal(0, 50, (5000, 8)).astype(np.float32)
    save_npz(path, Recording(stream(), samples, ("rest", "fist"), labels, simulated=True))
    return path


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["record", *map(str, arguments)])
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format(format_: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [source, "--out", tmp_path / "made", "--format", format_, "--seconds", "0.5", "--json"]
    code, said, err = call(capsys, *arguments)
    assert (code, err) == (0, "")
    summary: dict[str, Any] = json.loads(said)
    suffix = FORMATS[format_][0] if FORMATS[format_] else ""
    assert summary["path"] == str(tmp_path / f"made{suffix}")
    assert Path(summary["path"]).exists()
    assert (summary["samples"], summary["seconds"], summary["ended"]) == (125, 0.5, "time")
    assert summary["integrity"]["lost"] == 0
    assert (summary["missed"], summary["complaint"]) == (0, "")


def test_what_was_recorded_is_the_source(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made.csv"
    code, said, _ = call(capsys, source, "--out", out, "--seconds", "0.5", "--person", "7", "--recording-session", "b")
    assert code == 0
    assert said.startswith(f"{out}: 0.5 s of ")
    assert said.endswith("8 channels at 250 Hz; nothing lost\n")
    indices, samples, labels = table(out.read_bytes())
    assert indices == list(range(125))
    assert np.array_equal(samples, load(source).samples[:125])
    assert labels == ["rest"] * 40 + ["fist"] * 60 + [""] * 25
    assert "# simulated: true\n" in out.read_text()
    assert "# person: 7\n# session: b\n" in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--seconds", "0"], "--seconds is 0"),
        (["--seconds", "nan"], "--seconds is nan"),
        (["--format", "edf"], "'edf' cannot be recorded; known are xdf"),
        (["--labels", "rest,,fist"], "is empty"),
        (["--patience", "-1"], "patience"),
    ],
)
def test_wrong_use_is_one_sentence(
    arguments: list[str], sentence: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said, err = call(capsys, source, "--out", tmp_path / "made", *arguments)
    assert (code, said) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert sentence in err
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_left_alone(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made.csv"
    out.write_text("mine")
    code, said, err = call(capsys, source, "--out", out, "--seconds", "0.1")
    assert (code, said) == (2, "")
    assert "already is" in err
    assert out.read_text() == "mine"


def test_there_is_no_such_device(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, err = call(capsys, tmp_path / "nothing.npz", "--out", tmp_path / "made")
    assert (code, said) == (2, "")
    assert "nothing.npz" in err


def started(source: Path, out: Path, *more: str, **how: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "devices", "record", str(source), "--out", str(out), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)


def appeared(out: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not out.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the file did not appear"
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of other systems")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_ctrl_c_and_sigterm_end_it_in_order(name: str, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "made.xdf"
    number = getattr(signal, name)
    with started(source, out, "--json") as process:
        try:
            appeared(out, process)
            process.send_signal(number)
            said, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, err) == (0, "")
    summary = json.loads(said)
    assert summary["ended"] == "asked"
    found = streams(out)["EMG"]
    assert found["footer"]["info"]["sample_count"] == [str(summary["samples"])]
    assert np.array_equal(found["time_series"], load(source).samples[: summary["samples"]])


def test_labels_are_chosen_through_a_pipe(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "made.xdf"
    with started(source, out, "--seconds", "2", "--labels", "rest,open hand", stdin=subprocess.PIPE) as process:
        try:
            said, err = process.communicate("nonsense\n2\n", timeout=60)
        finally:
            process.kill()
    assert (process.returncode, said.count("\n")) == (0, 1)
    assert "labels: 1 rest, 2 open hand, 0 none" in err
    assert "there is no label 'nonsense'" in err
    indices, labels = indices_and_labels(streams(out, dejitter_timestamps=False))
    assert indices == list(range(500))
    begin = labels.index("open hand")
    assert labels == [""] * begin + ["open hand"] * (500 - begin)
