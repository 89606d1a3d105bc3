"""``kill -9`` at any moment while recording: what was written is read by everybody."""

from __future__ import annotations

import json
import mmap
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from devices.files import load, save_npz
from devices.formats.bdf_writer_header import choose_shape
from devices.formats.writer import open_writer
from devices.recording import Recording
from tests.devices.formats import test_bdf_writer, test_csv_writer, test_hdf5_writer, test_xdf_writer
from tests.devices.formats.writer_case import ALL, Case, case, cyton_samples, stream

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 and fork are of other systems")

KILLS = 20
COUNT = struct.Struct("<q")
RECORD = choose_shape(250, 8, 480).samples


def by_every_bdf_reader(path: Path, made: Case) -> int:
    counts = [test_bdf_writer.beginning(path, made, reader) for reader in test_bdf_writer.READERS]
    # Killed between a record and the count of records: pyedflib goes by the count, the others by what is there.
    assert max(counts) - min(counts) in {0, RECORD}
    return int(np.count_nonzero(made.here[: min(counts)]))


def by_every_reader_of_bids(path: Path, made: Case) -> int:
    """Whatever is there must be a whole data set, or nothing but its beginning without a signal."""
    signals = sorted(path.rglob("*.bdf"))
    if not signals:
        return 0
    (found,) = signals
    stem = found.name.removesuffix("_emg.bdf")
    sidecar = json.loads(found.with_suffix(".json").read_text(encoding="utf-8"))
    assert sidecar["SamplingFrequency"] == 250
    assert len((found.parent / f"{stem}_channels.tsv").read_text().splitlines()) == 9
    for line in (found.parent / f"{stem}_events.tsv").read_text().splitlines()[1:]:
        onset, _, label = line.split("\t")
        index = round(float(onset) * 250)
        assert label in {made.labels[index], "BAD_gap"}
    assert (path / "participants.tsv").read_text().splitlines() == ["participant_id", "sub-01"]
    assert json.loads((path / "dataset_description.json").read_text())["BIDSVersion"]
    return by_every_bdf_reader(found, made)


READ: dict[str, Callable[[Path, Case], int]] = {
    "xdf": test_xdf_writer.check,
    "bdf": by_every_bdf_reader,
    "csv": lambda path, made: test_csv_writer.check(path.read_bytes(), made),
    "hdf5": test_hdf5_writer.check,
    "bids": by_every_reader_of_bids,
}


def write_until_killed(path: Path, format_: str, made: Case, handed_over: mmap.mmap) -> None:
    """In a process of its own: as fast as it can, and tells after each write how many samples it has written."""
    writer = open_writer(path, made.info, format_=format_)
    for count in made.written(writer, longest=8):
        COUNT.pack_into(handed_over, 0, count)
    time.sleep(60)


def wait_for(handed_over: mmap.mmap, samples: int) -> None:
    deadline = time.monotonic() + 30
    while COUNT.unpack_from(handed_over)[0] < samples:
        assert time.monotonic() < deadline, f"{samples} samples were not written in 30 s"
        time.sleep(0.0005)


@pytest.mark.parametrize("format_", ALL)
def test_twenty_kills_at_random_moments(format_: str, tmp_path: Path) -> None:
    made = case(length=20_000, gap=(403, 437))
    chance = np.random.default_rng(len(format_) + 40)
    counts = []
    for number in range(KILLS):
        path, handed_over = tmp_path / str(number) / ALL[format_], mmap.mmap(-1, 8)
        child = os.fork()
        if child == 0:
            try:
                write_until_killed(path, format_, made, handed_over)
            finally:
                os._exit(1)
        wait_for(handed_over, int(chance.integers(0, 6000)) if number else 0)
        time.sleep(chance.uniform(0.0, 0.003))  # until anywhere within a write
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL, "the writer failed before it was killed"
        (handed,) = COUNT.unpack_from(handed_over)
        count = READ[format_](path, made) if path.exists() else 0
        # What a format holds back: nothing, or less than a record of a fifth of a second.
        held = RECORD - 1 if format_ in {"bdf", "bids"} else 0
        assert count >= handed - held
        counts.append(count)
    assert len(set(counts)) > KILLS // 2, "the kills should have come at different moments"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds that the program replays in real time."""
    path = tmp_path_factory.mktemp("source") / "source.npz"
    labels = np.repeat(np.array([0, 1], np.int16), [400, 2100])
    save_npz(path, Recording(stream(), cyton_samples(2500) / 100, ("rest", "fist"), labels))
    return path


def test_the_program_itself_killed(source: Path, tmp_path: Path) -> None:
    begun = {}
    for format_, name in ALL.items():
        command = [sys.executable, "-m", "devices", "record", str(source), "--out", str(tmp_path / name)]
        begun[format_] = subprocess.Popen([*command, "--format", format_], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        chance = np.random.default_rng(5)
        for format_, name in ALL.items():
            while not (signal_file(tmp_path / name) or begun[format_].poll() is not None):
                assert time.monotonic() < deadline, f"{name} did not appear"
                time.sleep(0.02)
            time.sleep(chance.uniform(0.0, 0.4))
            begun[format_].kill()
    finally:
        for process in begun.values():
            process.kill()
            process.wait()
    original = load(source)
    assert original.labels is not None
    made = Case(original.info, original.samples, [original.names[at] for at in original.labels], np.ones(2500, bool), 0)
    for name in ALL.values():
        found = signal_file(tmp_path / name)
        assert found is not None
        samples = first_samples(found)
        assert len(samples) >= 1
        tolerance = 1 / 64 if found.suffix == ".bdf" else 0  # half a step, the device's range being unknown
        assert np.abs(samples - made.samples[: len(samples)]).max() <= tolerance


def signal_file(path: Path) -> Path | None:
    return path if path.is_file() else next(iter(sorted(path.rglob("*.bdf"))), None)


def first_samples(path: Path) -> np.ndarray:
    if path.suffix == ".bdf":
        return test_bdf_writer.by_pyedflib(path)[0]
    if path.suffix == ".csv":
        return test_csv_writer.table(path.read_bytes())[1]
    if path.suffix == ".xdf":
        return np.asarray(test_xdf_writer.streams(path)["EMG"]["time_series"])
    with h5py.File(path, "r") as file:
        return np.asarray(file["samples"]["emg"])
