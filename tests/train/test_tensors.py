from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from train.corpus import load
from train.sources import open_collection
from train.tensors import Tensors

ROWS = 12


def whole(**changes: object) -> dict[str, object]:
    rng = np.random.default_rng(0)
    return {
        "signals": torch.from_numpy(rng.standard_normal((ROWS, 8, 300)).astype(np.float32)),
        "labels": torch.arange(ROWS) % 5,
        "people": torch.arange(ROWS) // 6 + 1,
        "sessions": torch.arange(ROWS) % 3 + 1,
        **changes,
    }


def written(path: Path, held: object) -> Path:
    torch.save(held, path)
    return path


def test_rows_become_trials_of_people(tmp_path: Path) -> None:
    held = whole()
    signals = held["signals"]
    assert isinstance(signals, Tensor)
    corpus = load(str(written(tmp_path / "synapse_full_dataset.pt", held)), [2], [1, 3])
    assert [entry.name for entry in corpus.entries] == ["row000006", "row000009", "row000011", "row000008"]
    assert {entry.person for entry in corpus.entries} == {2}
    assert corpus.layout == "synapse"
    assert corpus.info.rate_hz == 512
    first = corpus.recordings[0]
    np.testing.assert_allclose(first.samples, signals[6].T.numpy() * 1000, rtol=1e-6)
    assert first.label(0, 300) == "gesture01"


OTHERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "samples first": lambda held: {**held, "signals": held["signals"].transpose(1, 2)},
    "other names": lambda held: {"X": held["signals"], "y": held["labels"], "subject": held["people"].tolist()},
    "a tuple": lambda held: (held["signals"], held["labels"], held["people"], held["sessions"]),
    "parameters": lambda held: {**held, "signals": torch.nn.Parameter(held["signals"]).cpu()},
    "sparse": lambda held: {**held, "signals": held["signals"].to_sparse(), "labels": held["labels"].to_sparse()},
    "negated": lambda held: {**held, "signals": torch._neg_view(-held["signals"])},
    "brain floats": lambda held: {**held, "labels": held["labels"].bfloat16()},
    "doubles": lambda held: {**held, "signals": held["signals"].double(), "labels": held["labels"].float()},
}


@pytest.mark.parametrize("form", OTHERS)
def test_other_forms_hold_the_same(tmp_path: Path, form: str) -> None:
    plain, other = (
        load(str(written(tmp_path / name, made(whole()))), [1])
        for name, made in (("plain.pt", lambda held: held), ("other.pt", OTHERS[form]))
    )
    one, two = ({e.name: r for e, r in zip(c.entries, c.recordings, strict=True)} for c in (plain, other))
    assert one.keys() == two.keys()
    for name, recording in one.items():
        assert np.array_equal(recording.samples, two[name].samples)
        assert recording.label(0, 300) == two[name].label(0, 300)


def test_without_people_everybody_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held = whole()
    collection = open_collection(str(written(tmp_path / "a.PTH", (held["signals"], held["labels"]))))
    assert {entry.person for entry in collection.entries} == {1}
    assert "does not say who showed what" in capsys.readouterr().err
    assert len({entry.trial for entry in collection.entries}) == ROWS


def test_labels_outside_the_set_and_broken_rows_are_left_out_by_name(tmp_path: Path) -> None:
    signals = torch.ones(ROWS, 8, 300)
    signals[4, 0, 0] = torch.nan
    labels = torch.zeros(ROWS, dtype=torch.int64)
    labels[7] = 5
    path = written(tmp_path / "a.pt", {"signals": signals, "labels": labels})
    corpus = load(str(path))
    assert len(corpus.entries) == ROWS - 2
    assert set(corpus.left_out) == {
        f"{path} row 4 holds values that are no numbers; mend or remove it",
        f"{path} row 7: its label is 5; gestures are 0 to 4, and -1 says that it is not known",
    }


def test_a_gesture_may_be_unknown(tmp_path: Path) -> None:
    labels = torch.full((ROWS,), -1)
    labels[0] = 3
    corpus = load(str(written(tmp_path / "a.pt", {"signals": torch.ones(ROWS, 8, 300), "labels": labels})))
    assert len(corpus.entries) == ROWS
    assert corpus.labels == ("gesture03",)


def test_names_that_mean_nothing_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Tensors(written(tmp_path / "a.pt", whole(subject_id=torch.ones(ROWS))))
    assert "note: not known in a tensor file, and left alone: subject_id; known are signals" in capsys.readouterr().err


class Program:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("this must not run",))


BAD: list[tuple[object, str]] = [
    ({"signals": torch.zeros(2, 8, 8), "labels": torch.zeros(2)}, "and not both"),
    ({"signals": torch.zeros(2, 7, 9), "labels": torch.zeros(2)}, "must have the 8 channels"),
    ({"signals": torch.zeros(2, 9), "labels": torch.zeros(2)}, "they must be numbers"),
    ({"signals": torch.zeros(2, 8, 9), "labels": torch.zeros(3)}, "one whole number from -1 to "),
    ({"signals": torch.zeros(2, 8, 9), "labels": torch.tensor([0.5, 1])}, "one whole number from -1 to "),
    ({"signals": torch.zeros(0, 8, 9), "labels": torch.zeros(0)}, "they must be numbers"),
    ({"signals": torch.zeros(2, 8, 9), "labels": [0, 1], "people": ["s1", "s2"]}, "people are no plain numbers"),
    ({"signals": torch.zeros(2, 8, 9), "labels": [0, 1], "people": [10**30, 1]}, "people are no plain numbers"),
    ({"signals": torch.zeros(2, 8, 9), "labels": [0, 1], "people": [1e300, 1]}, "one whole number from 0 to "),
    ({"signals": torch.zeros(2, 8, 9), "labels": [0, 1], "people": [-1, 1]}, "one whole number from 0 to "),
    ({"signals": torch.zeros(2, 8, 9), "labels": torch.tensor([1j, 1])}, "labels are no plain numbers"),
    ({"signals": torch.zeros(2, 8, 9), "labels": [[0], 1]}, "labels are no plain numbers"),
    ({"weights": torch.zeros(2)}, "a dictionary of weights, and no signals and no labels"),
    (torch.zeros(2, 8, 9), r"one tensor \(2, 8, 9\), and no signals"),
    (3, "a int, and no signals"),
    ({"signals": Program()}, "programs, which are not run"),
]


@pytest.mark.parametrize(("held", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_anything_else_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], held: object, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        Tensors(written(tmp_path / "a.pt", held))
    assert "this must not run" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"hello" * 100, b"PK\x03\x04", b"ch1,ch2\n1,2\n", b"\x80\x02}q\x00."])
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.pt"):
        Tensors(path)
    with pytest.raises(ValueError, match="cannot be read"):
        Tensors(tmp_path / "absent.pt")
