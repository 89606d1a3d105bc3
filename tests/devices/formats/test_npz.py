"""Our own format: what is written comes back, and what is foreign is refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from devices.files import load, save_npz
from devices.formats import npz
from devices.recording import Recording
from dsp.flow import StreamInfo

names = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8)


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    peak = draw(st.sampled_from([0.0, 1e-3, 1.0, 80.0, 3000.0, 5000.0, 1e5]))
    shape = draw(array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20))
    elements = st.floats(-1, 1, width=32)
    samples = (draw(arrays(np.float32, shape, elements=elements)) * np.float32(peak)).astype(np.float32)
    gestures = tuple(draw(st.lists(names, max_size=4)))
    labels = draw(st.none() | arrays(np.int16, shape[0], elements=st.integers(-1, len(gestures) - 1)))
    info = StreamInfo(draw(names.filter(bool)), draw(st.floats(1, 1e4)), tuple(f"é{n}" for n in range(shape[1])))
    return Recording(info, samples, gestures, labels, draw(names), draw(names), draw(st.booleans()))


@given(recordings())
@hypothesis_settings(deadline=None, max_examples=100)
def test_a_recording_comes_back(tmp_path_factory: pytest.TempPathFactory, recording: Recording) -> None:
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    save_npz(path, recording)
    back = load(path)
    for field in ("info", "names", "person", "session", "simulated"):
        assert getattr(back, field) == getattr(recording, field)
    assert (back.labels is None) == (recording.labels is None)
    if recording.labels is not None:
        assert np.array_equal(back.labels, recording.labels)
    error = back.samples.astype(np.float64) - recording.samples
    assert np.sqrt(np.mean(error**2)) < npz.LARGEST_ERROR_UV
    assert back.samples.dtype == np.float32
    assert list(path.parent.iterdir()) == [path]


def test_gaps_come_back_and_are_not_there_where_there_is_none(tmp_path: Path) -> None:
    for gaps in ((), ((2, 3), (7, 1))):
        save_npz(tmp_path / "a.npz", recording_of(np.ones((10, 1)), gaps=gaps))
        assert load(tmp_path / "a.npz").gaps == gaps
        with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
            assert ("gaps" in arrays) == bool(gaps)


@pytest.mark.parametrize("gaps", [[1, 2], [[1, 2, 3]], [[8, 5]], [[-1, 1]]])
def test_gaps_that_cannot_be_are_refused(tmp_path: Path, gaps: list[Any]) -> None:
    np.savez(tmp_path / "a.npz", samples=np.ones((10, 1), np.float32), rate_hz=10.0, gaps=np.array(gaps))
    with pytest.raises(ValueError, match=r"a\.npz' .*gap"):
        load(tmp_path / "a.npz")


def recording_of(samples: Any, **more: Any) -> Recording:
    samples = np.asarray(samples, np.float32)
    return Recording(StreamInfo("x", 1000.0, tuple(f"ch{n + 1}" for n in range(samples.shape[1]))), samples, **more)


@pytest.mark.parametrize(
    ("peak", "step"),
    [(127.0, 0.1), (100.0, 0.1), (99.0, 0.01), (0.5, 1e-4), (3276.7, 0.1), (5000.0, 5000 / 32767), (0.0, 0.1)],
)
def test_the_size_of_a_count_follows_the_signal(tmp_path: Path, peak: float, step: float) -> None:
    save_npz(tmp_path / "a.npz", recording_of([[peak], [-peak]]))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        assert stored["samples"].dtype == np.int16
        assert stored["uv_per_count"] == pytest.approx(step)


def test_a_signal_too_wide_for_int16_stays_as_it_is(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).uniform(-40_000, 40_000, (100, 2)).astype(np.float32)
    save_npz(tmp_path / "a.npz", recording_of(samples))
    assert np.array_equal(load(tmp_path / "a.npz").samples, samples)


def test_samples_on_the_grid_of_a_tenth_of_a_microvolt_are_exact(tmp_path: Path) -> None:
    samples = (np.arange(-5000, 5000).reshape(-1, 2) / 10).astype(np.float32)
    save_npz(tmp_path / "a.npz", recording_of(samples))
    assert np.array_equal(load(tmp_path / "a.npz").samples, samples)


def test_the_same_recording_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        save_npz(tmp_path / name, recording_of(np.arange(20).reshape(-1, 2)))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.npz"
    save_npz(path, recording_of([[1.0]]))
    before = path.read_bytes()

    def half(file: Any, **_: Any) -> None:
        file.write(b"PK half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", half)
    with pytest.raises(OSError, match="No space left"):
        save_npz(path, recording_of([[2.0]]))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"should end in \.npz"):
        save_npz(tmp_path / "a.csv", recording_of([[1.0]]))
    with pytest.raises(ValueError, match="not finite"):
        save_npz(tmp_path / "a.npz", recording_of([[np.nan]]))
    with pytest.raises(ValueError, match=r"no folder .*none"):
        save_npz(tmp_path / "none" / "a.npz", recording_of([[1.0]]))
    assert list(tmp_path.iterdir()) == []


def test_two_arrays_of_ones_own_are_enough(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", samples=np.array([[1.5, 2.5]]), rate_hz=250)
    recording = load(tmp_path / "mine.npz")
    assert recording.samples.tolist() == [[1.5, 2.5]]
    assert recording.info == StreamInfo("mine.npz", 250.0, ("ch1", "ch2"))
    assert recording.labels is None


def test_fortran_order_and_other_byte_orders(tmp_path: Path) -> None:
    samples = np.asfortranarray(np.arange(6).reshape(3, 2).astype(">i2"))
    np.savez(tmp_path / "mine.npz", samples=samples, rate_hz=250.0, uv_per_count=2.0)
    recording = load(tmp_path / "mine.npz")
    assert recording.samples.tolist() == [[0, 2], [4, 6], [8, 10]]
    assert recording.samples.flags.c_contiguous


@pytest.mark.parametrize(
    ("arrays_of_file", "sentence"),
    [
        ({"hht": np.zeros((4, 4))}, "is no recording: it needs 'samples' and 'rate_hz', and holds 'hht'"),
        ({"samples": np.zeros((4, 2))}, "--rate"),
        ({"samples": np.zeros(4), "rate_hz": 10.0}, r"shape \(4,\), not \(time, channels\)"),
        ({"samples": np.zeros((0, 2)), "rate_hz": 10.0}, r"shape \(0, 2\)"),
        ({"samples": np.zeros((4, 2), np.int16), "rate_hz": 10.0}, "no 'uv_per_count'"),
        ({"samples": np.zeros((4, 2), np.int16), "rate_hz": 10.0, "uv_per_count": -1.0}, "above zero"),
        ({"samples": np.array([["a"]]), "rate_hz": 10.0}, "'samples' has the type"),
        ({"samples": np.zeros((4, 2)), "rate_hz": -1.0}, "-1 Hz"),
        ({"samples": np.zeros((4, 2)), "rate_hz": np.zeros(2)}, "'rate_hz' should be one value"),
        ({"samples": np.array([[0, np.nan]]), "rate_hz": 10.0}, "sample 0 of column 2 is not a finite number"),
        ({"samples": np.array([[0, 1e300]]), "rate_hz": 10.0}, "not a finite number"),
        ({"samples": np.zeros((4, 2)), "rate_hz": 10.0, "channels": np.array(["a"])}, "names 1 channels"),
        ({"samples": np.zeros((4, 2)), "rate_hz": 10.0, "channels": np.array("a")}, "a list of names"),
        ({"samples": np.zeros((4, 2)), "rate_hz": 10.0, "labels": np.zeros(4, int)}, "labels"),
        (
            {"samples": np.zeros((4, 2)), "rate_hz": 10.0, "labels": np.zeros(3, int), "names": np.array(["a"])},
            "3 labels",
        ),
    ],
)
def test_a_foreign_file_is_refused(tmp_path: Path, arrays_of_file: dict[str, Any], sentence: str) -> None:
    np.savez(tmp_path / "mine.npz", **arrays_of_file)
    with pytest.raises(ValueError, match=rf"mine\.npz.*{sentence}"):
        load(tmp_path / "mine.npz")


def test_a_pickled_object_is_never_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", samples=np.array([[object()]], dtype=object), rate_hz=1.0)
    with pytest.raises(ValueError, match=r"mine\.npz.*'samples' has the type \|O"):
        load(tmp_path / "mine.npz")


def test_rate_and_unit_may_be_repeated_but_not_contradicted(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    save_npz(path, recording_of([[1.0]]))
    assert load(path, rate_hz=1000, unit="uV").samples.tolist() == [[1]]
    with pytest.raises(ValueError, match=r"a\.npz.*1000 Hz.*500 Hz"):
        load(path, rate_hz=500)
    with pytest.raises(ValueError, match=r"a\.npz.*uV.*mV"):
        load(path, unit="mV")


@pytest.mark.parametrize("keep", [4, 100, -30])
def test_a_cut_off_file_is_refused(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "a.npz"
    save_npz(path, recording_of(np.zeros((100, 8))))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"a\.npz.*not a zip that can be read"):
        load(path)


def test_a_shape_that_lies_asks_for_no_memory(tmp_path: Path) -> None:
    whole = io.BytesIO()
    np.lib.format.write_array_header_1_0(whole, {"descr": "<f4", "fortran_order": False, "shape": (10**12, 8)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("samples.npy", whole.getvalue() + bytes(64))
    with pytest.raises(ValueError, match=r"a\.npz.*its bytes are fewer or more"):
        load(tmp_path / "a.npz")
