"""CSV as it is recorded, read by our own reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from devices.files import load
from devices.formats.csv_writer import channel_columns
from devices.formats.writer import open_writer
from dsp.flow import Chunk
from tests.devices.formats.writer_case import Case, case, states, stream, write_case


def table(raw: bytes) -> tuple[list[int], np.ndarray, list[str]]:
    """Index, samples and label of each whole line."""
    lines = raw[: raw.rindex(b"\n")].decode().splitlines()
    rows = [line.split(",") for line in lines if line[0].isdigit()]
    samples = np.array([[np.float32(value) for value in row[3:]] for row in rows], np.float32)
    return [int(row[0]) for row in rows], samples, [row[2] for row in rows]


def check(raw: bytes, made: Case) -> int:
    indices, samples, labels = table(raw)
    count = len(indices)
    assert indices == made.indices[:count].tolist()
    assert np.array_equal(samples, made.kept[:count])
    expected = [made.labels[index - made.first].replace(",", ";") for index in indices]
    assert labels == expected
    return count


def test_every_value_comes_back(tmp_path: Path) -> None:
    made = case()
    write_case(tmp_path / "a.csv", made)
    assert check((tmp_path / "a.csv").read_bytes(), made) == len(made.kept)


def test_our_reader_reads_it(tmp_path: Path) -> None:
    made = case()
    write_case(tmp_path / "a.csv", made)
    found = load(tmp_path / "a.csv")
    assert found.info.rate_hz == 250
    assert found.info.channels == made.info.channels
    assert (found.person, found.session, found.simulated) == ("7", "morning", True)
    assert np.array_equal(found.samples[made.here], made.kept)
    assert found.labels is not None
    shown = ["" if label < 0 else found.names[label] for label in found.labels[made.here]]
    assert shown == [label.replace(",", ";") for label, here in zip(made.labels, made.here, strict=True) if here]


def test_every_state_on_the_way_is_a_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = case(length=720, gap=(300, 310))
    seen = states(monkeypatch)
    write_case(tmp_path / "a.csv", made)
    counts = [check(raw, made) for _, raw in seen]
    assert counts == sorted(counts)
    for number in range(0, len(seen), 5):
        (tmp_path / "cut.csv").write_bytes(seen[number][1])
        found = load(tmp_path / "cut.csv")
        assert counts[number] <= np.count_nonzero(made.here[: len(found.samples)]) <= counts[number] + 1


@given(arrays(np.float32, (3, 2), elements=st.floats(-1e8, 1e8, width=32, allow_subnormal=True)))
@settings(deadline=None, max_examples=100)
def test_text_gives_the_same_float32_back(samples: np.ndarray) -> None:
    texts = samples.astype(str)
    assert np.array_equal(np.array([[float(text) for text in row] for row in texts]).astype(np.float32), samples)


@pytest.mark.parametrize(
    ("channels", "columns"),
    [
        (("a", "b"), ["a", "b"]),
        (("a", "a"), ["ch1", "ch2"]),
        (("label", "b"), ["ch1", "ch2"]),
        (("EMG (mV)", "x;y,z"), ["EMG mV", "x y z"]),
        (("", "b"), ["ch1", "ch2"]),
    ],
)
def test_names_of_columns_are_such_that_they_can_be_read(channels: tuple[str, ...], columns: list[str]) -> None:
    assert channel_columns(channels) == columns


def test_time_counts_from_the_first_sample(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "a.csv", stream(channels=1))
    writer.write(Chunk(np.zeros((2, 1), np.float32), 0, np.array([100.5, 100.504])))
    writer.close()
    assert (tmp_path / "a.csv").read_text().splitlines()[-2:] == ["0,0.000000,,0.0", "1,0.004000,,0.0"]
    assert "# first_stamp_s: 100.5\n" in (tmp_path / "a.csv").read_text()
