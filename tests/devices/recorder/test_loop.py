"""The loop of ``record``: labels, the limit to the sample, and every way to end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.formats.writer import open_writer
from devices.integrity import Integrity
from devices.recorder.feeding import Recorder
from devices.recorder.labels import TypedLines, chosen, menu, parse_labels
from devices.recorder.loop import Progress, changes, record
from dsp.flow import Chunk, StreamInfo
from tests.devices.formats.test_csv_writer import table
from tests.devices.formats.writer_case import cyton_samples, stream


class Given:
    """A source that gives what it was given, an exception included."""

    def __init__(self, items: Iterable[Chunk | Exception]) -> None:
        self.items = iter(items)
        self.info: StreamInfo = stream(channels=2)
        self.integrity = Integrity(2)

    def read(self) -> Chunk | None:
        item = next(self.items, None)
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None: ...


def chunk(first: int, count: int) -> Chunk:
    return Chunk(cyton_samples(count, 2), first)


def recorded(path: Path, items: Iterable[Chunk | Exception], **how: object) -> Progress:
    source = Given(items)
    recorder = Recorder(open_writer(path, source.info), 250.0)
    progress = Progress(recorder, source.integrity, 250.0)
    try:
        how.setdefault("ending", threading.Event())
        record(source, recorder, progress, **how)  # type: ignore[arg-type]
    finally:
        recorder.close()
    return progress


def test_the_end_of_the_stream_ends_it(tmp_path: Path) -> None:
    progress = recorded(tmp_path / "a.csv", [chunk(5, 10), chunk(0, 0), chunk(20, 5)])
    assert progress.ended == "end of the stream"
    assert (progress.samples, progress.first, progress.end) == (15, 5, 25)
    assert progress.seconds == 20 / 250
    assert table((tmp_path / "a.csv").read_bytes())[0] == [*range(5, 15), *range(20, 25)]


@pytest.mark.parametrize(
    ("seconds", "indices"),
    [
        (0.04, list(range(5, 15))),
        (0.02, list(range(5, 10))),
        (0.048, list(range(5, 15))),  # within the gap
        (0.064, [*range(5, 15), 20]),
        (0.001, [5]),
    ],
)
def test_so_many_seconds_are_recorded_to_the_sample(seconds: float, indices: list[int], tmp_path: Path) -> None:
    endless = (chunk(first, 5) for first in [5, 10, *range(20, 10_000, 5)])
    progress = recorded(tmp_path / "a.csv", endless, seconds=seconds)
    assert progress.ended == "time"
    assert table((tmp_path / "a.csv").read_bytes())[0] == indices
    assert progress.seconds == pytest.approx(max(seconds, 1 / 250))


def test_somebody_asks_for_the_end(tmp_path: Path) -> None:
    ending, told = threading.Event(), []

    def tell(progress: Progress) -> None:
        told.append(progress.samples)
        if progress.samples == 50:
            ending.set()

    progress = recorded(tmp_path / "a.csv", (chunk(at, 10) for at in range(0, 1000, 10)), tell=tell, ending=ending)
    assert progress.ended == "asked"
    assert told == [10, 20, 30, 40, 50, 60]


def test_a_device_that_goes_away_leaves_what_came_before(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="gone"):
        recorded(tmp_path / "a.csv", [chunk(0, 10), ValueError("the device is gone; plug it in")])
    assert len(table((tmp_path / "a.csv").read_bytes())[0]) == 10


def test_a_recording_that_fails_ends_the_loop(tmp_path: Path) -> None:
    source = Given(chunk(at, 10) for at in range(0, 10**9, 10))
    recorder = Recorder(open_writer(tmp_path / "a.csv", source.info), 250.0)
    (tmp_path / "a.csv").write_text("somebody else's")
    progress = Progress(recorder, source.integrity, 250.0)
    record(source, recorder, progress, ending=threading.Event())
    assert progress.ended == "error"
    with pytest.raises(ValueError, match="somebody else made"):
        recorder.close()


def test_labels_of_the_source_and_of_a_person(tmp_path: Path) -> None:
    items = [chunk(at, 10) for at in range(0, 60, 10)]
    known = [*["rest"] * 13, *["fist"] * 20, *[None] * 27]
    recorded(tmp_path / "a.csv", items, label_of=lambda first, _: known[first])
    assert table((tmp_path / "a.csv").read_bytes())[2] == [name or "" for name in known]
    typed = iter([None, "open", None, "", "fist", None])
    recorded(tmp_path / "b.csv", items, typed=lambda: next(typed))
    assert table((tmp_path / "b.csv").read_bytes())[2] == [*[""] * 20, *["open"] * 20, *[""] * 10, *["fist"] * 10]


@given(st.lists(st.integers(0, 2), min_size=1, max_size=12), st.integers(1, 4), st.integers(0, 2))
@settings(deadline=None, max_examples=200)
def test_changes_are_found_where_they_are(runs: list[int], length: int, before: int) -> None:
    # Each label lasts as long as a chunk at least; a shorter one may be overlooked.
    names = ["", "rest", "fist"]
    labels = [names[run] for run in runs for _ in range(length)]
    found, current = [], names[before]
    for first in range(0, len(labels), length):
        end = min(first + length, len(labels))
        for at, label in changes(lambda begin, _: labels[begin] or None, first, end, current):
            found.append((at, label))
            current = label
    expected = [
        (at, new) for at, (old, new) in enumerate(zip([names[before], *labels], labels, strict=False)) if old != new
    ]
    assert found == expected


def test_within_a_chunk_as_well() -> None:
    labels = ["a"] * 7 + ["b"] * 3 + ["c"] * 90
    assert changes(lambda begin, _: labels[begin], 0, 100, "") == [(0, "a"), (7, "b"), (10, "c")]


def test_the_clock_offset_is_kept(tmp_path: Path) -> None:
    source = Given([chunk(0, 10)])
    source.integrity.clock_offset_s = 12.5
    recorder = Recorder(open_writer(tmp_path / "a.xdf", source.info), 250.0)
    progress = Progress(recorder, source.integrity, 250.0)
    record(source, recorder, progress, ending=threading.Event())
    recorder.close()
    assert b"<value>12.5</value>" in (tmp_path / "a.xdf").read_bytes()


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("1", "rest"),
        (" 2 ", "fist"),
        ("FIST", "fist"),
        ("0", ""),
        ("", ""),
        ("3", "3"),
        ("4", None),
        ("x", None),
        ("-1", None),
    ],
)
def test_what_is_typed_chooses_a_label(typed: str, label: str | None) -> None:
    assert chosen(typed, ("rest", "fist", "3")) == label


def test_a_list_of_labels() -> None:
    assert parse_labels("rest, open  hand,fist") == ("rest", "open hand", "fist")
    assert menu(("rest", "fist")) == "1 rest, 2 fist, 0 none"
    with pytest.raises(ValueError, match="one of the labels in 'rest,,fist' is empty"):
        parse_labels("rest,,fist")
    with pytest.raises(ValueError, match="'rest' is given twice"):
        parse_labels("rest,fist,rest")
    with pytest.raises(ValueError, match=r"'x+' has 61 characters, more than the 60 that are kept"):
        parse_labels(f"rest,{'x' * 61}")


def test_lines_come_when_they_are_whole() -> None:
    reading, writing = os.pipe()
    try:
        lines = TypedLines(reading)
        assert lines.take() == []
        os.write(writing, b"one\ntw")
        os.write(writing, "o\ndrü".encode())
        os.close(writing)
        lines.join()
        assert lines.take() == ["one", "two"]
    finally:
        os.close(reading)


def test_whoever_types_without_end_is_held_up_and_holds_up_nobody() -> None:
    reading, writing = os.pipe()

    def type_on() -> None:
        for _ in range(100):
            os.write(writing, b"rest\n" * 50)
        os.close(writing)

    typist = threading.Thread(target=type_on)
    typist.start()
    lines, taken, deadline = TypedLines(reading), 0, time.monotonic() + 30
    try:
        while taken < 5000 and time.monotonic() < deadline:
            some = lines.take()
            assert len(some) <= 100
            taken += len(some)
        assert taken == 5000
    finally:
        typist.join(10)
        lines.join()
        os.close(reading)


def test_the_measured_rate_counts_from_the_first_chunk_on() -> None:
    progress = Progress(None, Integrity(1), 250.0, first=0, start=10, end=510, began_s=5.0, latest_s=7.0)  # type: ignore[arg-type]
    assert progress.measured_hz == 250
    progress.latest_s = 5.9
    assert progress.measured_hz == 0
    assert np.isclose(progress.seconds, 2.04)
