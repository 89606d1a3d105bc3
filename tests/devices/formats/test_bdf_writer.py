"""BDF+ as it is recorded, read by pyedflib, mne and edfio."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import replace
from pathlib import Path

import edfio
import mne
import numpy as np
import pyedflib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.formats.bdf_writer import GAP
from devices.formats.bdf_writer_header import choose_scale, choose_shape, labels
from devices.formats.writer import open_writer
from dsp.flow import Chunk, Samples
from tests.devices.formats.writer_case import CYTON_UV, Case, case, cyton_samples, states, stream, write_case

Notes = list[tuple[float, float, str]]


def by_pyedflib(path: Path) -> tuple[Samples, Notes, float]:
    reader = pyedflib.EdfReader(str(path))
    try:
        samples = np.stack([reader.readSignal(at) for at in range(reader.signals_in_file)], axis=1)
        return (
            samples.astype(np.float32),
            list(zip(*reader.readAnnotations(), strict=True)),
            reader.getSampleFrequency(0),
        )
    finally:
        reader.close()


def by_mne(path: Path) -> tuple[Samples, Notes, float]:
    raw = mne.io.read_raw_bdf(path, preload=True, verbose="error")
    notes = raw.annotations
    listed = list(zip(notes.onset, notes.duration, notes.description, strict=True))
    return (raw.get_data() * 1e6).T.astype(np.float32), listed, raw.info["sfreq"]


def by_edfio(path: Path) -> tuple[Samples, Notes, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # half a record at the end is worth a warning to it, and nothing more
        found = edfio.read_bdf(path)
    notes = [(note.onset, note.duration or 0.0, note.text) for note in found.annotations]
    return (
        np.stack([each.data for each in found.signals], axis=1).astype(np.float32),
        notes,
        found.signals[0].sampling_frequency,
    )


READERS = {"pyedflib": by_pyedflib, "mne": by_mne, "edfio": by_edfio}


def check(path: Path, made: Case, reader: str, *, closed: bool) -> int:
    samples, notes, rate = READERS[reader](path)
    assert rate == made.info.rate_hz
    count = len(samples)
    gaps = np.zeros(count, np.bool_)
    labelled = [""] * count
    for onset, duration, text in notes:
        first, end = round(onset * rate), round((onset + duration) * rate)
        assert end > first
        for index in range(first, min(end, count)):
            if text == GAP:
                gaps[index] = True
            else:
                labelled[index] = text
    within = min(count, len(made.samples))
    assert np.array_equal(~gaps[:within], made.here[:within])
    assert gaps[within:].all()
    tolerance = 0 if reader != "mne" else 0.01  # mne computes in volts
    assert np.abs(samples[~gaps] - made.samples[:within][~gaps[:within]]).max() <= tolerance
    assert closed or within == count
    assert labelled[:within] == made.labels[:within]
    return within


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("rate_hz", [200.0, 250.0, 500.0, 512.0, 1000.0, 1111.1, 2048.0, 33.3])
def test_every_value_comes_back(reader: str, rate_hz: float, tmp_path: Path) -> None:
    made = case(rate_hz=rate_hz)
    write_case(tmp_path / "a.bdf", made)
    stated = round(choose_shape(rate_hz, 8, 480).samples / choose_shape(rate_hz, 8, 480).duration_s, 12)
    assert stated == pytest.approx(rate_hz, rel=2e-6)
    samples, _, found = READERS[reader](tmp_path / "a.bdf")
    assert found == pytest.approx(stated, rel=1e-9)
    tolerance = 0 if reader != "mne" else 0.01
    assert np.abs(samples[: len(made.samples)] - made.samples)[made.here].max() <= tolerance
    if stated == rate_hz:
        assert check(tmp_path / "a.bdf", made, reader, closed=True) == len(made.samples)


@pytest.mark.parametrize("reader", READERS)
def test_every_state_on_the_way_is_read(reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = case()
    seen = states(monkeypatch)
    writer = write_case(tmp_path / "a.bdf", made, close=False)
    before_its_end = list(seen)
    writer.close()
    counts = []
    for _, raw in before_its_end:
        (tmp_path / "cut.bdf").write_bytes(raw)
        counts.append(beginning(tmp_path / "cut.bdf", made, reader))
    assert counts == sorted(counts)
    assert len(made.samples) - counts[-1] < choose_shape(250, 8, 480).samples


def beginning(path: Path, made: Case, reader: str) -> int:
    """As ``check``; a label that lasts may be a record behind, for it is patched after the samples."""
    samples, notes, _ = READERS[reader](path)
    gaps = np.zeros(len(samples), np.bool_)
    for onset, duration, text in notes:
        first, end = round(onset * 250), round((onset + duration) * 250)
        if text == GAP:
            gaps[first:end] = True
        else:
            assert made.labels[first] == text
            assert first == 0 or made.labels[first - 1] != text
            assert set(made.labels[first:end]) <= {text}
    assert np.array_equal(~gaps, made.here[: len(samples)])
    tolerance = 0 if reader != "mne" else 0.01
    assert np.abs(samples[~gaps] - made.samples[: len(samples)][~gaps]).max() <= tolerance
    return len(samples)


def test_the_header_says_who_and_when(tmp_path: Path) -> None:
    writer = write_case(tmp_path / "a.bdf", case())
    with pyedflib.EdfReader(str(writer.path)) as reader:
        assert reader.filetype == pyedflib.FILETYPE_BDFPLUS
        assert reader.getPatientCode() == "7"
        assert reader.getAdmincode() == "morning"
        assert reader.getEquipment() == "cyton on COM3"
        assert reader.getRecordingAdditional() == "simulated"
        assert reader.getSignalLabels() == [f"ch{number}" for number in range(1, 9)]
        assert reader.getPhysicalDimension(0) == "uV"
        assert (reader.getPhysicalMinimum(0), reader.getPhysicalMaximum(0)) == (-187500, 187500)


def test_more_labels_than_a_record_has_room_for_come_in_the_next_ones(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "a.bdf", stream(channels=1))
    for index in range(100):
        writer.mark(index, f"a rather long label with the number {index}")
    writer.write(Chunk(cyton_samples(101, 1), 0))
    writer.close()
    for read in READERS.values():
        samples, notes, _ = read(tmp_path / "a.bdf")
        texts = [text for _, _, text in notes if text != GAP]
        assert texts == [f"a rather long label with the number {index}" for index in range(100)]
        padding = [(round(onset * 250), round((onset + duration) * 250)) for onset, duration, t in notes if t == GAP]
        assert min(padding)[0] == 101
        assert max(padding)[1] == len(samples)


def test_a_long_gap_is_filled_and_said(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "a.bdf", stream())
    samples = cyton_samples(20)
    writer.write(Chunk(samples[:10], 0))
    writer.write(Chunk(samples[10:], 250 * 3600))
    writer.close()
    found, notes, _ = by_edfio(tmp_path / "a.bdf")
    assert np.array_equal(found[:10], samples[:10])
    assert (found[10 : 250 * 3600] == samples[9]).all()
    assert np.array_equal(found[250 * 3600 : 250 * 3600 + 10], samples[10:])
    assert notes[0] == (0.04, 3599.96, GAP)


def test_values_beyond_the_range_are_clipped_and_said(tmp_path: Path) -> None:
    samples = np.zeros((500, 2), np.float32)
    samples[300:302, 0] = CYTON_UV + 1
    samples[302, 1] = -CYTON_UV - 0.02  # the last step of a two's complement: rounding, no clipping
    writer = open_writer(tmp_path / "a.bdf", stream(channels=2))
    writer.write(Chunk(samples[:250], 0))
    assert writer.complaint == ""
    writer.write(Chunk(samples[250:], 250))
    writer.close()
    assert "2 values lie beyond +-187500 uV" in writer.complaint
    assert by_edfio(tmp_path / "a.bdf")[0].max() == CYTON_UV


@given(st.floats(1, 20_000))
@settings(deadline=None, max_examples=200)
def test_records_give_any_rate(rate_hz: float) -> None:
    shape = choose_shape(rate_hz, 8, 480)
    assert len(f"{shape.duration_s:.6f}".rstrip("0").rstrip(".")) <= 8
    assert shape.samples / shape.duration_s == pytest.approx(rate_hz, rel=3e-5)
    assert shape.samples == 1 or shape.duration_s <= 0.5 + 1e-6


@pytest.mark.parametrize("rate_hz", [125, 200, 250, 500, 512, 1000, 1024, 1200, 2000, 2048, 4000, 500 / 3])
def test_the_usual_rates_exactly(rate_hz: float) -> None:
    shape = choose_shape(rate_hz, 8, 480)
    assert shape.samples / shape.duration_s == pytest.approx(rate_hz, rel=1e-15)
    assert 0.1 <= shape.duration_s <= 0.5


@pytest.mark.parametrize(
    ("full_scale_uv", "step"),
    [(CYTON_UV, CYTON_UV / (2**23 - 1)), (128.0, 1.0), (127.0, 1.0), (1.65e6, 3.3e6 / 2**14), (5000.0, 10000 / 2**16)],
)
def test_the_steps_of_a_device_are_kept(full_scale_uv: float, step: float) -> None:
    counts = np.random.default_rng(0).integers(-int(full_scale_uv / step) + 1, int(full_scale_uv / step), (500, 4))
    rows = (counts * step).astype(np.float32)
    found, most = choose_scale(full_scale_uv, rows)
    assert found * most >= full_scale_uv
    assert most <= 2**23 - 1
    assert np.array_equal((np.rint(rows.astype(np.float64) / found) * found).astype(np.float32), rows)


@pytest.mark.parametrize("peak", [0.0, 1.0, 200_000.0, 1e6, 9e6])
def test_an_unknown_range_holds_what_comes_first(peak: float) -> None:
    step, most = choose_scale(float("inf"), np.array([[-peak]], np.float32))
    assert step * most >= peak
    assert len(f"-{step * most:.7f}".rstrip("0").rstrip(".")) <= 8
    assert step == 1 / 32 or peak > 131_000


def test_a_range_that_does_not_fit_the_header_is_rounded_up(tmp_path: Path) -> None:
    made = replace(case(), info=stream(full_scale_uv=187500.04321))
    write_case(tmp_path / "a.bdf", made)
    for read in READERS.values():
        samples = read(tmp_path / "a.bdf")[0][: len(made.samples)]
        assert np.abs(samples - made.samples)[made.here].max() <= 1 / 64 + 0.01


def test_names_of_channels_differ_in_the_header() -> None:
    assert labels(("a", "b")) == ("a", "b")
    assert labels(("a rather long name 1", "a rather long name 2")) == ("ch1", "ch2")
    assert labels(("BDF Annotations",)) == ("ch1",)
    assert labels(("µV", "b")) == ("?V", "b")


def test_a_short_recording_is_one_record(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "a.bdf", stream())
    writer.mark(0, "rest")
    for index, chunk in enumerate(itertools.repeat(cyton_samples(1), 3)):
        writer.write(Chunk(chunk, index))
    assert not writer.path.exists()
    writer.close()
    for read in READERS.values():
        samples, notes, _ = read(writer.path)
        assert len(samples) == choose_shape(250, 8, 480).samples
        assert [(round(o * 250), round(d * 250), t) for o, d, t in notes] == [
            (0, 3, "rest"),
            (3, len(samples) - 3, GAP),
        ]
