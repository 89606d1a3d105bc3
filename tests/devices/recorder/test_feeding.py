"""The recorder takes everything at once and writes it elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from devices.formats.writer import open_writer
from devices.recorder.feeding import CAPACITY_S, Recorder, elsewhere
from devices.recorder.pipe import packed, unpacked
from dsp.flow import Chunk
from tests.devices.emulators.recordings import wait_for
from tests.devices.formats import test_csv_writer, test_hdf5_writer, test_xdf_writer
from tests.devices.formats.writer_case import Case, case, cyton_samples, stream

LINUX = sys.platform.startswith("linux")


def feed(recorder: Recorder, made: Case) -> None:
    """As the case writes to a writer."""

    class AsWriter:
        write, mark, offset = recorder.put, recorder.mark, recorder.offset

        def flush(self) -> None: ...

    made.write(AsWriter())  # type: ignore[arg-type]


@pytest.mark.parametrize("other_process", [False, True])
def test_everything_put_is_in_the_file(other_process: bool, tmp_path: Path) -> None:
    made = case(length=5000)
    names = ("rest", "fist")
    for name, check in (
        ("a.xdf", test_xdf_writer.check),
        ("a.h5", test_hdf5_writer.check),
        ("a.csv", lambda path, of: test_csv_writer.check(path.read_bytes(), of)),
    ):
        path = tmp_path / name
        if other_process:
            recorder = elsewhere(path, made.info, names=names, remarks={"device": "cyton:COM3"})
        else:
            recorder = Recorder(open_writer(path, made.info, names=names), made.info.rate_hz)
        assert recorder.path == path
        feed(recorder, made)
        recorder.close()
        recorder.close()
        assert (recorder.written, recorder.missed, recorder.state, recorder.complaint) == (len(made.kept), 0, "", "")
        assert check(path, made) == len(made.kept)


@pytest.mark.parametrize(("stamps", "raw"), [(True, True), (True, False), (False, False)])
def test_a_chunk_passes_through_a_pipe_as_it_is(stamps: bool, raw: bool) -> None:
    chunk = Chunk(cyton_samples(5, 3), 2**40, np.arange(5.0) if stamps else None, np.arange(5.0) - 7 if raw else None)
    found = unpacked(packed(chunk))
    assert found.first == chunk.first
    assert np.array_equal(found.samples, chunk.samples)
    assert (found.stamps is None, found.raw is None) == (not stamps, not raw)
    assert not stamps or np.array_equal(found.stamps, np.arange(5.0))
    assert not raw or np.array_equal(found.raw, np.arange(5.0) - 7)


def test_what_is_put_may_be_reused_by_the_caller(tmp_path: Path) -> None:
    recorder = Recorder(open_writer(tmp_path / "a.csv", stream(channels=1)), 250.0)
    memory = np.zeros((1, 1), np.float32)
    for index in range(20):
        memory[:] = index
        recorder.put(Chunk(memory, index))
    recorder.close()
    assert test_csv_writer.table((tmp_path / "a.csv").read_bytes())[1][:, 0].tolist() == list(range(20))


class Stalled:
    """A disk that stands still until it is told otherwise."""

    path = Path("stalled")
    complaint = ""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.stalls = threading.Event()
        self.firsts: list[tuple[int, int]] = []

    def write(self, chunk: Chunk) -> None:
        self.stalls.set()
        assert self.go_on.wait(30)
        self.firsts.append((chunk.first, chunk.end))

    def mark(self, first: int, label: str) -> None: ...

    def offset(self, at_s: float, offset_s: float) -> None: ...

    def flush(self) -> None: ...

    def close(self) -> None: ...


def test_a_disk_that_stands_still_holds_up_nobody_and_is_counted() -> None:
    disk, capacity = Stalled(), int(CAPACITY_S * 250)
    recorder = Recorder(disk, 250.0)
    chunk = cyton_samples(50)
    recorder.put(Chunk(chunk, 0))
    assert disk.stalls.wait(30)
    for first in range(50, capacity + 500, 50):
        recorder.put(Chunk(chunk, first))
    assert recorder.missed == 500
    disk.go_on.set()
    wait_for(lambda: recorder.written == capacity, 30)
    recorder.put(Chunk(chunk, capacity + 500))
    recorder.close()
    assert disk.firsts == [(0, 50), (50, capacity), (capacity + 500, capacity + 550)]
    assert "too slow for 500 samples" in recorder.complaint
    recorder.put(Chunk(chunk, capacity + 550))
    assert recorder.missed == 500


@pytest.mark.parametrize("other_process", [False, True])
@pytest.mark.skipif(not LINUX, reason="limits the size of files as Linux does")
def test_a_full_disk_ends_the_recording_and_nothing_else(other_process: bool, tmp_path: Path) -> None:
    import resource  # noqa: PLC0415 - not on Windows

    made = case(length=10_000)
    path = tmp_path / "a.xdf"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        recorder = elsewhere(path, made.info) if other_process else Recorder(open_writer(path, made.info), 250.0)
        for first in range(0, 10_000, 500):
            if not recorder.state:
                recorder.put(Chunk(cyton_samples(500), first))
                end = first + 500
                wait_for(lambda end=end: recorder.written == end or bool(recorder.state), 30)
        wait_for(lambda: bool(recorder.state), 30)
        recorder.put(Chunk(cyton_samples(100), 10_000))
        assert recorder.missed >= 100
        with pytest.raises(ValueError, match=r"a\.xdf.*ended early.*File too large"):
            recorder.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "too slow" not in recorder.complaint
    assert path.stat().st_size <= 100_000
    found = test_xdf_writer.streams(path)["EMG"]["time_series"]
    assert len(found) > 0
    assert len(found) % 500 == 0
    assert np.array_equal(found[-500:], cyton_samples(500))


def test_what_cannot_be_written_is_said_when_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a.xdf").write_text("mine")
    with pytest.raises(ValueError, match=r"already is .*a\.xdf"):
        elsewhere(tmp_path / "a.xdf", stream())
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "other").write_text("mine")
    with pytest.raises(ValueError, match="no BIDS data set"):  # this one is found out by the process
        elsewhere(tmp_path / "set", stream(), format_="bids")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.xdf", "other", "set"]


def test_a_recording_without_samples_leaves_nothing(tmp_path: Path) -> None:
    recorder = elsewhere(tmp_path / "new" / "a.bdf", stream())
    recorder.mark(0, "rest")
    recorder.close()
    assert list(tmp_path.iterdir()) == []


def process_of(recorder: Recorder) -> subprocess.Popen[bytes]:
    process: subprocess.Popen[bytes] = recorder._writer._process  # type: ignore[attr-defined]
    return process


def test_the_process_killed_is_said_in_a_sentence(tmp_path: Path) -> None:
    recorder = elsewhere(tmp_path / "a.csv", stream())
    recorder.put(Chunk(cyton_samples(100), 0))
    wait_for((tmp_path / "a.csv").exists, 30)
    process_of(recorder).kill()
    wait_for(lambda: bool(recorder.state), 30)
    assert "ended without a word" in recorder.state
    with pytest.raises(ValueError, match=r"a\.csv.*ended early"):
        recorder.close()


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are otherwise there")
def test_the_terminals_ctrl_c_does_not_reach_the_process(tmp_path: Path) -> None:
    recorder = elsewhere(tmp_path / "a.csv", stream())
    try:
        assert os.getpgid(process_of(recorder).pid) != os.getpgid(0)
    finally:
        recorder.close()


PARENT = """
import sys, time
from pathlib import Path
from devices.recorder.feeding import elsewhere
from dsp.flow import Chunk
from tests.devices.formats.writer_case import cyton_samples, stream
recorder = elsewhere(Path(sys.argv[1]), stream())
for first in range(0, 1000, 100):
    recorder.put(Chunk(cyton_samples(100), first))
while recorder.written < 1000:
    time.sleep(0.01)
print("written", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is of other systems")
def test_a_killed_parent_still_gets_a_complete_file(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "written\n"
        parent.send_signal(signal.SIGKILL)
        parent.wait(30)
    finally:
        parent.kill()
        parent.communicate()
    wait_for(lambda: b"sample_count" in path.read_bytes()[-2000:], 30)
    found = test_xdf_writer.streams(path)["EMG"]
    assert len(found["time_series"]) == 1000
    assert found["footer"]["info"]["sample_count"] == ["1000"]


def test_started_by_hand_it_says_what_to_use() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "devices.recorder.process"], input=b"", capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert b"python -m devices record" in done.stdout
