"""BDF and EDF made by three independent writers, and by ours."""

from __future__ import annotations

import datetime
from pathlib import Path

import edfio
import mne
import numpy as np
import pyedflib
import pytest

from devices.files import load
from devices.formats.writer import open_writer
from dsp.flow import Chunk, StreamInfo
from tests.devices.formats.reading_case import refused, runs, wave, written

NOTES = [
    edfio.EdfAnnotation(0.25, 1.0, "fist"),
    edfio.EdfAnnotation(1.5, None, "rest"),
    edfio.EdfAnnotation(2.001, None, "wave"),
    edfio.EdfAnnotation(2.5, 0.0, "BAD_movement"),
]


def edf_signal(values: np.ndarray, rate: float = 1000.0, label: str = "EMG L1", unit: str = "uV") -> edfio.EdfSignal:
    return edfio.EdfSignal(values, rate, label=label, physical_dimension=unit, physical_range=(-1000, 1000))


def bdf_signal(values: np.ndarray, rate: float = 1000.0, label: str = "ch", unit: str = "uV") -> edfio.BdfSignal:
    return edfio.BdfSignal(values, rate, label=label, physical_dimension=unit, physical_range=(-5000, 5000))


def made(path: Path, *signals: edfio.EdfSignal | edfio.BdfSignal, **more: object) -> Path:
    file = (edfio.Bdf if path.suffix == ".bdf" else edfio.Edf)(signals, **more)
    return written(path, file.to_bytes())


def test_samples_labels_rate_and_who_by_edfio(tmp_path: Path) -> None:
    values = wave(3000, 2).astype(np.float64)
    recording = load(
        made(
            tmp_path / "a.bdf",
            *(bdf_signal(values[:, n], label=f"E{n}") for n in range(2)),
            patient=edfio.Patient(code="p07"),
            recording=edfio.Recording(
                startdate=datetime.date(2026, 1, 2), hospital_administration_code="day2", equipment_code="my_armband"
            ),
            annotations=NOTES,
        )
    )
    assert recording.info == StreamInfo("my armband", 1000.0, ("E0", "E1"))
    assert np.abs(recording.samples - values).max() < 1e-3
    assert runs(recording) == [(0, ""), (250, "fist"), (1250, ""), (1500, "rest"), (2001, "wave")]
    assert (recording.person, recording.session, recording.simulated) == ("p07", "day2", False)


def test_a_bdf_by_pyedflib(tmp_path: Path) -> None:
    path, values = tmp_path / "a.bdf", wave(2048, 3).astype(np.float64)
    with pyedflib.EdfWriter(str(path), 3, file_type=pyedflib.FILETYPE_BDFPLUS) as file:
        file.setSignalHeaders(
            [
                {
                    "label": f"F{n}",
                    "dimension": "mV",
                    "sample_frequency": 512,
                    "physical_max": 5.0,
                    "physical_min": -5.0,
                    "digital_max": 8388607,
                    "digital_min": -8388608,
                }
                for n in range(3)
            ]
        )
        file.writeSamples(np.ascontiguousarray(values.T / 1e3))
        file.writeAnnotation(0.5, 0.25, "fist")
        file.writeAnnotation(1.0, -1, "open")
    recording = load(path)
    assert recording.info.rate_hz == 512
    assert recording.info.channels == ("F0", "F1", "F2")
    assert np.abs(recording.samples - values).max() < 1e-2
    assert runs(recording) == [(0, ""), (256, "fist"), (384, ""), (512, "open")]


def test_an_edf_by_mne(tmp_path: Path) -> None:
    path, values = tmp_path / "a.edf", wave(2000, 2).astype(np.float64)
    raw = mne.io.RawArray(values.T * 1e-6, mne.create_info(["a", "b"], 500.0, "emg"), verbose="error")
    raw.set_annotations(mne.Annotations([0.5, 3], [1.0, 0], ["fist", "BAD_x"]))
    mne.export.export_raw(path, raw, verbose="error")
    recording = load(path)
    assert recording.info.rate_hz == 500
    assert np.abs(recording.samples - values).max() < 0.02
    assert runs(recording) == [(0, ""), (250, "fist"), (750, "")]


def test_gaps_are_drawn_straight_and_one_at_the_end_is_cut_off(tmp_path: Path) -> None:
    values = wave(3000, 1).astype(np.float64)
    notes = [
        edfio.EdfAnnotation(0.1, None, "rest"),
        edfio.EdfAnnotation(1.0, 0.25, "BAD_gap"),
        edfio.EdfAnnotation(2.9, 0.1, "BAD_gap"),
    ]
    recording = load(made(tmp_path / "a.bdf", bdf_signal(values[:, 0]), annotations=notes))
    assert recording.gaps == ((1000, 250),)
    assert len(recording.samples) == 2900
    line = recording.samples[999:1251, 0]
    assert np.allclose(line, np.linspace(line[0], line[-1], 252), atol=1e-3)
    assert runs(recording) == [(0, ""), (100, "rest"), (1000, ""), (1250, "rest")]


def test_only_emg_of_the_commonest_rate_is_taken(tmp_path: Path) -> None:
    def sine(rate: int) -> np.ndarray:
        return np.sin(np.arange(2 * rate))

    recording = load(
        made(
            tmp_path / "a.edf",
            edf_signal(sine(256), 256, "EEG Fpz-Cz"),
            edf_signal(sine(2000), 2000, "EMG L1"),
            edf_signal(sine(2000), 2000, "EMG L2", "mV"),
            edf_signal(sine(100), 100, "force", "N"),
            edf_signal(sine(500), 500, "slow"),
        )
    )
    assert recording.info.channels == ("EMG L1", "EMG L2")
    assert recording.info.rate_hz == 2000
    assert recording.samples[1] == pytest.approx([np.sin(1), 1000 * np.sin(1)], abs=20)


def test_units_are_asked_for_and_not_contradicted(tmp_path: Path) -> None:
    plain = made(tmp_path / "a.edf", edf_signal(np.ones(1000), unit=""))
    refused(plain, "--unit")
    assert load(plain, unit="mV").samples[0, 0] == pytest.approx(1000, abs=20)
    said = made(tmp_path / "b.edf", edf_signal(np.ones(1000)))
    refused(said, "uV", "mV", "--unit", unit="mV")
    refused(said, "1000 Hz", "500 Hz", "--rate", rate_hz=500)
    refused(made(tmp_path / "c.edf", edf_signal(np.ones(1000), unit="N")), "no EMG", "EMG L1 [N]")


def test_a_file_that_was_cut_off_is_read_to_its_last_record(tmp_path: Path) -> None:
    values = wave(3000, 1).astype(np.float64)
    path = made(tmp_path / "a.bdf", bdf_signal(values[:, 0]))
    path.write_bytes(path.read_bytes()[:-10])
    assert np.abs(load(path).samples - values[:2000]).max() < 1e-3
    path.write_bytes(path.read_bytes()[:600])
    refused(path, "no whole record")
    path.write_bytes(path.read_bytes()[:300])
    refused(path, "is no BDF file that can be read")


def test_a_file_with_pauses_is_refused(tmp_path: Path) -> None:
    content = edfio.Edf([edf_signal(np.ones(3000))], annotations=NOTES).to_bytes().replace(b"EDF+C", b"EDF+D")
    assert content.count(b"+2\x14\x14") == 1
    path = written(tmp_path / "a.edf", content.replace(b"+2\x14\x14", b"+5\x14\x14"))
    refused(path, "pauses", "EDF+D")


def test_ours(tmp_path: Path) -> None:
    values, path = wave(3333, 2), tmp_path / "a.bdf"
    info = StreamInfo("cyton", 250.0, ("a", "b"), full_scale_uv=187_500.0)
    writer = open_writer(path, info, person="anna", session="2", simulated=True)
    writer.mark(0, "rest")
    writer.mark(1500, "fist")
    writer.write(Chunk(values[:1300], 0))
    writer.write(Chunk(values[1307:], 1307))
    writer.close()
    recording = load(path)
    assert recording.info.name == "cyton"
    assert recording.info.rate_hz == 250
    assert recording.samples.shape == (3333, 2)
    assert recording.gaps == ((1300, 7),)
    assert runs(recording) == [(0, "rest"), (1300, ""), (1307, "rest"), (1500, "fist")]
    measured = np.r_[0:1300, 1307:3333]
    assert np.abs(recording.samples - values)[measured].max() < 0.02
    assert (recording.person, recording.session, recording.simulated) == ("anna", "2", True)
