"""XDF as it is recorded, read by pyxdf."""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyxdf
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.files import load
from devices.formats.writer import open_writer
from devices.formats.writer_file import PAGE
from devices.formats.xdf_writer import Sheet
from dsp.flow import Chunk
from tests.devices.formats.writer_case import Case, case, cyton_samples, states, stream, write_case


def streams(path: Path, **options: Any) -> dict[str, dict[str, Any]]:
    logging.getLogger("pyxdf").setLevel(logging.CRITICAL)  # a cut file is logged as an error, and read
    found, _ = pyxdf.load_xdf(path, **options)
    return {each["info"]["type"][0]: each for each in found}


def indices_and_labels(found: dict[str, dict[str, Any]]) -> tuple[list[int], list[str]]:
    """For every row of the signal, by the third stream."""
    count = len(found["EMG"]["time_series"])
    entries = [tuple(map(int, row)) for row in found["Index"]["time_series"]]
    texts = [text for (text,) in found["Markers"]["time_series"]]
    indices: list[int] = []
    labels: list[str] = []
    for (row, sample, marker), (after, *_) in pairwise([*entries, (count, 0, 0)]):
        rows = range(min(after, count) - row)
        indices += [sample + step for step in rows]
        labels += [texts[marker] if marker >= 0 else ""] * len(rows)
    return indices, labels


def check(path: Path, made: Case) -> int:
    found = streams(path, synchronize_clocks=False, dejitter_timestamps=False)
    count = len(found["EMG"]["time_series"])
    assert np.array_equal(found["EMG"]["time_series"], made.kept[:count])
    assert np.array_equal(found["EMG"]["time_stamps"], made.raw()[made.here][:count])
    indices, labels = indices_and_labels(found)
    assert indices == made.indices[:count].tolist()
    assert labels == [made.labels[index - made.first] for index in indices]
    return count


def test_every_value_comes_back(tmp_path: Path) -> None:
    made = case()
    write_case(tmp_path / "a.xdf", made)
    assert check(tmp_path / "a.xdf", made) == len(made.kept)


def test_as_pyxdf_reads_it_by_itself(tmp_path: Path) -> None:
    made = case(length=4000, gap=(1500, 2500))
    write_case(tmp_path / "a.xdf", made)
    found = streams(tmp_path / "a.xdf")
    signal = found["EMG"]
    assert np.array_equal(signal["time_series"], made.kept)
    assert signal["info"]["segments"] == [(0, 1499), (1500, 2999)]  # the gap is longer than its threshold
    # The clock offset is applied to all streams: everything is on the host's clock.
    assert signal["time_stamps"] == pytest.approx(made.raw()[made.here] + 60.0, abs=1e-6)
    begins = [at for at, (old, new) in enumerate(pairwise(["", *made.labels])) if old != new]
    assert found["Markers"]["time_stamps"] == pytest.approx(made.raw()[begins] + 60.0, abs=1e-6)
    assert [text for (text,) in found["Markers"]["time_series"]] == ["rest", "open hand, slowly", "", "fist"]


def test_it_describes_itself_as_streams_do(tmp_path: Path) -> None:
    made = case()
    writer = open_writer(tmp_path / "a.xdf", made.info, person="<7> & co", remarks={"manufacturer": "OpenBCI"})
    made.write(writer)
    writer.close()
    found = streams(tmp_path / "a.xdf")
    info = found["EMG"]["info"]
    assert (info["name"], info["nominal_srate"], info["channel_format"]) == (["cyton on COM3"], ["250.0"], ["float32"])
    description = info["desc"][0]
    channels = description["channels"][0]["channel"]
    assert [(c["label"][0], c["unit"][0], c["type"][0]) for c in channels] == [
        (name, "microvolts", "EMG") for name in made.info.channels
    ]
    assert description["acquisition"][0]["manufacturer"] == ["OpenBCI"]
    assert description["subject"][0]["id"] == ["<7> & co"]
    assert info["effective_srate"] == pytest.approx(250, rel=0.1)
    footer = found["EMG"]["footer"]["info"]
    assert footer["sample_count"] == [str(len(made.kept))]
    assert float(footer["first_timestamp"][0]) == made.raw()[0]
    offsets = footer["clock_offsets"][0]["offset"]
    assert [float(each["value"][0]) for each in offsets] == found["EMG"]["clock_values"] == [60.0] * len(offsets)
    # As LabRecorder does, the time of an offset is on the stream's own clock.
    assert found["EMG"]["clock_times"][0] <= made.raw()[-1]


def test_every_state_on_the_way_is_a_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = case()
    seen = states(monkeypatch)
    write_case(tmp_path / "a.xdf", made)
    counts = []
    for _, raw in seen:
        (tmp_path / "cut.xdf").write_bytes(raw)
        counts.append(check(tmp_path / "cut.xdf", made))
    assert counts == sorted(counts)
    assert len(set(counts)) > 30


@given(
    st.integers(0, 2 * PAGE),
    st.lists(st.tuples(st.integers(3, 6), st.integers(20, 300), st.integers(0, 20)), min_size=10, max_size=80),
)
@settings(deadline=None, max_examples=200)
def test_where_a_page_ends_pyxdf_forgives_a_cut(place: int, chunks: list[tuple[int, int, int]]) -> None:
    sheet, frail = Sheet(place), []
    for tag, length, tail in chunks:
        sheet.add(tag, bytes(length), tail)
        end = place + len(sheet.content)
        frail += list(range(end - tail + 1, end))
    content, at = bytes(sheet.content), 0
    while at < len(content):
        size = content[at]
        begin = at + 1 + size
        frail += [place + begin, place + begin + 1]
        at = begin + int.from_bytes(content[at + 1 : begin], "little")
    assert at == len(content)
    assert not [cut for cut in frail if cut % PAGE == 0]


@pytest.mark.parametrize("length", range(0, 4096, 97))
def test_cut_where_a_page_ends_it_is_read_up_to_there(length: int, tmp_path: Path) -> None:
    made = case(length=720)
    writer = open_writer(tmp_path / "a.xdf", made.info, remarks={"notes": "x" * length})
    made.write(writer, seed=length)
    writer.close()
    whole = (tmp_path / "a.xdf").read_bytes()
    counts = []
    for cut in range(2 * PAGE, len(whole), PAGE):  # the headers are never cut: the file appears with them
        (tmp_path / "cut.xdf").write_bytes(whole[:cut])
        counts.append(check(tmp_path / "cut.xdf", made))
    assert counts == sorted(counts)
    assert counts[-1] > 600


def test_a_long_chunk_is_cut_so_that_little_can_be_torn(tmp_path: Path) -> None:
    samples = cyton_samples(10_000)
    writer = open_writer(tmp_path / "a.xdf", stream())
    writer.write(Chunk(samples, 0))
    writer.close()
    raw = (tmp_path / "a.xdf").read_bytes()
    (tmp_path / "cut.xdf").write_bytes(raw[: len(raw) // 2])
    found = streams(tmp_path / "cut.xdf", dejitter_timestamps=False)["EMG"]
    assert 4500 < len(found["time_series"]) < 5100
    assert np.array_equal(found["time_series"], samples[: len(found["time_series"])])
    assert np.array_equal(found["time_stamps"], np.arange(len(found["time_series"])) / 250)


def test_boundaries_let_a_damaged_file_be_read_on(tmp_path: Path) -> None:
    samples = cyton_samples(10_000)
    writer = open_writer(tmp_path / "a.xdf", stream())
    for first in range(0, 10_000, 50):
        writer.write(Chunk(samples[first : first + 50], first))
    writer.close()
    raw = bytearray((tmp_path / "a.xdf").read_bytes())
    raw[len(raw) // 3 : len(raw) // 3 + 5000] = bytes(5000)
    (tmp_path / "a.xdf").write_bytes(raw)
    found = streams(tmp_path / "a.xdf", dejitter_timestamps=False)["EMG"]
    assert np.array_equal(found["time_series"][-2000:], samples[-2000:])


NOTES = {1000: "prompt: fist", 1010: "muscle: f\u00e4ust", 1450: "discarded: fist", 1410: "in the gap", 9999: "never"}


def noted(path: Path, made: Case, notes: dict[int, str], seed: int = 3) -> None:
    writer = open_writer(path, made.info)
    for first, text in notes.items():
        writer.note(first, text)
    made.write(writer, seed=seed)
    writer.close()


def test_notes_are_a_stream_of_their_own_and_no_labels(tmp_path: Path) -> None:
    made = case()
    noted(tmp_path / "a.xdf", made, NOTES)
    assert check(tmp_path / "a.xdf", made) == len(made.kept)
    events = streams(tmp_path / "a.xdf")["Events"]
    assert [text for (text,) in events["time_series"]] == [
        "prompt: fist",
        "muscle: f\u00e4ust",
        "in the gap",
        NOTES[1450],
    ]
    when = made.raw()[[0, 10, 437, 450]] + 60.0  # what was lost counts for the next sample
    assert events["time_stamps"] == pytest.approx(when, abs=1e-6)
    assert set(load(tmp_path / "a.xdf").names) == {"rest", "open hand, slowly", "fist"}


@pytest.mark.parametrize("seed", range(30))
def test_notes_cut_where_a_page_ends_are_forgiven(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = case(length=720)
    seen = states(monkeypatch)
    first = 1030 + 7 * seed  # where their header comes
    noted(tmp_path / "a.xdf", made, {index: f"note {index}" for index in range(first, 1720, 9)}, seed)
    counts = []
    for _, raw in seen:
        if len(raw) % PAGE and raw is not seen[-1][1]:
            continue
        (tmp_path / "cut.xdf").write_bytes(raw)
        counts.append(check(tmp_path / "cut.xdf", made))
    assert counts == sorted(counts)
    assert len(counts) > 3
