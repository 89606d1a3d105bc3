from __future__ import annotations

import io
from pathlib import Path, PurePath

import numpy as np
import pytest

from devices.datasets import open_dataset
from devices.files import load
from devices.formats import hht


def raw(**arrays: object) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type] # what is no array is a test of its own
    return out.getvalue()


MATRIX = np.linspace(0, 1, 16 * 16, dtype=np.float32).reshape(16, 16)


@pytest.mark.parametrize(
    ("name", "quality", "person"),
    [
        ("BICEPS_fatiguetest_M_006.npz", "full", 6),
        ("TRICEPS_half_F_012.npz", "half", 1012),
        ("FOREARM_invalid_M_003.npz", "invalid", 3),
        ("BICEPS_full_F_100.npz", "full", 1100),
        ("Test_007.npz", None, 0),
    ],
)
def test_the_name_tells_what_the_matrix_shows(tmp_path: Path, name: str, quality: str | None, person: int) -> None:
    (tmp_path / name).write_bytes(raw(hht=MATRIX))
    entry = hht.entry(PurePath(name), name)
    assert entry is not None
    assert (entry.gesture, entry.person) == (quality, person)
    recording = load(tmp_path / name)
    assert recording.info.rate_hz == 16
    assert len(recording.info.channels) == 16
    np.testing.assert_array_equal(recording.samples, MATRIX.T)
    assert recording.label(0, 16) == quality


@pytest.mark.parametrize("name", ["recording.npz", "BICEPS_most_M_006.npz", "BICEPS_half_X_006.npz", "test_1.npz"])
def test_other_names_are_none_of_it(name: str) -> None:
    assert hht.entry(PurePath(name), name) is None
    assert not hht.recognises(PurePath(name))


def test_the_first_array_does_where_there_is_none_of_that_name() -> None:
    found = hht.parse(PurePath("BICEPS_half_M_006.npz"), raw(energy=MATRIX), rate_hz=None, unit=None)
    np.testing.assert_array_equal(found.samples, MATRIX.T)


def test_energies_beyond_one_are_scaled() -> None:
    found = hht.parse(PurePath("BICEPS_half_M_006.npz"), raw(hht=MATRIX * 7), rate_hz=None, unit=None)
    np.testing.assert_allclose(found.samples, MATRIX.T, rtol=1e-6)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no zip", "is no whole .npz file"),
        (raw(), "is no whole .npz file"),
        (raw(hht=MATRIX)[:-40], "is no whole .npz file"),
        (raw(hht=MATRIX[:8]), r"of shape \(8, 16\); a Hilbert-Huang matrix is square"),
        (raw(hht=MATRIX[0]), "is square"),
        (raw(hht=-MATRIX), "values that are no energies"),
        (raw(hht=MATRIX * np.nan), "values that are no energies"),
        (raw(hht=MATRIX.astype(np.float64) * 1e300), "values that are no energies"),
        (raw(hht=MATRIX.astype(np.str_)), "values that are no energies"),
    ],
)
def test_what_is_no_matrix_is_refused(content: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        hht.parse(PurePath("BICEPS_half_M_006.npz"), content, rate_hz=None, unit=None)


def test_a_folder_of_them_is_a_data_set(tmp_path: Path) -> None:
    for name in ("BICEPS_full_M_001.npz", "BICEPS_half_F_002.npz", "Test_1.npz", "Test_2.npz"):
        (tmp_path / name).write_bytes(raw(hht=MATRIX))
    (tmp_path / "BICEPS_invalid_M_003.npz").write_bytes(b"damaged")
    (tmp_path / "other.npz").write_bytes(raw(hht=MATRIX))
    with open_dataset(tmp_path) as dataset:
        assert dataset.layout == "hht"
        found = list(dataset.read_all())
        assert [(entry.person, entry.gesture) for entry, _ in found] == [
            (0, None),
            (0, None),
            (1, "full"),
            (1002, "half"),
        ]
        assert len(dataset.skipped) == 2
        assert any("other.npz" in sentence for sentence in dataset.skipped)
        assert any("BICEPS_invalid_M_003.npz" in sentence for sentence in dataset.skipped)
