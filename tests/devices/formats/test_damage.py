"""Whatever has happened to a file, reading it ends in a recording or in one sentence."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import edfio
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from devices.files import parse
from devices.formats.writer import open_writer
from devices.recording import Recording
from dsp.flow import Chunk, StreamInfo
from tests.devices.formats import xdf_bytes as xdf
from tests.devices.formats.reading_case import wave

STAMPS = (100 + np.arange(60) / 1000).tolist()


def a_xdf() -> bytes:
    return xdf.file(
        xdf.header(1, units=("uV", "uV")),
        xdf.header(2, name="labels", kind="Markers", channels=1, rate=0, format_="string"),
        xdf.samples(1, wave(30, 2), STAMPS[:30]),
        xdf.texts(2, [(100.01, "rest"), (100.02, "")]),
        xdf.chunk(5, xdf.BOUNDARY),
        xdf.samples(1, wave(30, 2), STAMPS[30:]),
        xdf.offset(1, 100.0, 1.0),
        xdf.offset(1, 101.0, 1.0),
    )


def a_bdf(kind: type[edfio.Edf] | type[edfio.Bdf]) -> bytes:
    signal = edfio.EdfSignal if kind is edfio.Edf else edfio.BdfSignal
    signals = [signal(wave(30, 1)[:, 0].astype(float), 10, label="a", physical_dimension="uV") for _ in range(2)]
    notes = [edfio.EdfAnnotation(1, 0.5, "rest"), edfio.EdfAnnotation(2, 0.5, "BAD_gap")]
    return kind(signals, annotations=notes).to_bytes()


def a_hdf5() -> bytes:
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.create_dataset("emg", data=wave(30, 2)).attrs.update({"rate_hz": 100, "unit": "uV"})
        file["labels"] = [b"rest"] * 30
    return memory.getvalue()


def a_mat() -> bytes:
    memory = io.BytesIO()
    scipy.io.savemat(memory, {"emg": wave(30, 12) * 1e-6, "restimulus": np.ones((30, 1)), "subject": 3})
    return memory.getvalue()


def a_parquet() -> bytes:
    memory = io.BytesIO()
    pq.write_table(
        pa.table({name: np.arange(30.0) for name in [*(f"EMG_{n}" for n in range(9, 17)), "TRAJ_1"]}), memory
    )
    return memory.getvalue()


def a_header() -> bytes:
    return b"a 2 100 4\na.dat 16 100(3)/mV 16 0 0 0 0 F1\na.dat 16+2 100/uV 16 0 0 0 0 left arm\n"


def a_csv() -> bytes:
    return b"# rate_hz: 100\n# unit: uV\nsample,time_s,label,a\n" + b"".join(
        b"%d,%.2f,rest,%d\n" % (n, n / 100, n) for n in (*range(20), *range(25, 30))
    )


MAKERS: dict[str, Callable[[], bytes]] = {
    "a.xdf": a_xdf,
    "a.bdf": lambda: a_bdf(edfio.Bdf),
    "a.edf": lambda: a_bdf(edfio.Edf),
    "sub-1_task-x_emg.edf": lambda: a_bdf(edfio.Edf),
    "a.h5": a_hdf5,
    "a.mat": a_mat,
    "a.parquet": a_parquet,
    "a.hea": a_header,
    "a.csv": a_csv,
}
SOUND = cache(lambda name: MAKERS[name]())


def beside(name: str) -> bytes | None:
    return {"a.dat": bytes(range(40))}.get(name)


def read(name: str, raw: bytes) -> Recording | str:
    """The recording, or the sentence it ended in."""
    try:
        return parse(Path(name), raw, beside=beside)
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("name", MAKERS)
def test_sound_files_are_read(name: str) -> None:
    assert len(parse(Path(name), SOUND(name), beside=beside).samples)


@pytest.mark.parametrize("suffix", [".xdf", ".csv", ".bdf"])
def test_ours_cut_anywhere_is_its_beginning(tmp_path: Path, suffix: str) -> None:
    path, values = tmp_path / f"a{suffix}", np.round(wave(900, 2))
    writer = open_writer(path, StreamInfo("sim", 100.0, ("a", "b")))
    for first in range(0, 900, 30):
        writer.mark(first, f"label {first % 70}")
        at = first + 5 * (first > 400)
        writer.write(Chunk(values[first : first + 30], at))
    writer.close()
    sound = path.read_bytes()
    whole = parse(path, sound)
    assert whole.gaps == ((420, 5),)
    readable = 0
    for length in np.linspace(0, len(sound), 200).astype(int).tolist():
        result = read(path.name, sound[:length])
        if isinstance(result, Recording):
            readable += 1
            count = len(result.samples)
            assert np.array_equal(result.samples, whole.samples[:count])
            assert [result.label(n, n + 1) for n in range(count)] == [whole.label(n, n + 1) for n in range(count)]
    assert readable > 150


@pytest.mark.parametrize("name", MAKERS)
@given(
    st.one_of(
        st.tuples(st.just("cut"), st.floats(0, 1), st.just(b"")),
        st.tuples(st.just("over"), st.floats(0, 1), st.binary(min_size=1, max_size=8)),
        st.tuples(st.just("in"), st.floats(0, 1), st.binary(min_size=1, max_size=8)),
        st.tuples(st.just("all"), st.just(0.0), st.binary(min_size=1, max_size=200)),
    )
)
@hypothesis_settings(deadline=None, max_examples=120)
def test_damage_is_one_sentence_or_survived(name: str, damage: tuple[str, float, bytes]) -> None:
    how, where, new = damage
    if name in {"a.h5", "a.mat"} and how in {"over", "in"}:
        return  # the libraries for HDF5 and MATLAB themselves may fall over such a file, or never come back
    sound = SOUND(name)
    place = int(where * len(sound))
    raw = {
        "cut": sound[:place],
        "over": sound[:place] + new + sound[place + len(new) :],
        "in": sound[:place] + new + sound[place:],
        "all": new,
    }[how]
    result = read(name, raw)
    if isinstance(result, Recording):
        assert np.isfinite(result.samples).all()
    else:
        assert name in result
        assert "\n" not in result
