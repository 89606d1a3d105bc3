"""What holds for every format that is written as the samples come."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from devices.files import load
from devices.formats.writer import FORMATS, destination, open_writer
from devices.formats.writer_file import write_whole
from dsp.flow import Chunk, StreamInfo
from tests.devices.formats.writer_case import ALL, case, cyton_samples, stream, write_case


def everything(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_every_format_is_under_test() -> None:
    assert set(ALL) == set(FORMATS)


@pytest.mark.parametrize("format_", ALL)
def test_a_recording_without_samples_leaves_nothing_behind(format_: str, tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "new" / ALL[format_], stream(), format_=format_)
    writer.mark(0, "rest")
    writer.offset(1.0, 0.0)
    writer.write(Chunk(cyton_samples(0), 0))
    writer.flush()
    assert everything(tmp_path) == []
    writer.close()
    writer.close()
    assert everything(tmp_path) == []


@pytest.mark.parametrize("format_", ALL)
def test_no_temporary_file_is_left(format_: str, tmp_path: Path) -> None:
    writer = write_case(tmp_path / ALL[format_], case(), format_)
    assert writer.path == tmp_path / ALL[format_]
    assert writer.path.exists()
    assert [path for path in everything(tmp_path) if path.suffix == ".tmp"] == []


@pytest.mark.parametrize("format_", sorted(set(ALL) - {"bids"}))
def test_an_existing_file_is_never_overwritten(format_: str, tmp_path: Path) -> None:
    path = tmp_path / ALL[format_]
    path.write_text("mine")
    with pytest.raises(ValueError, match=rf"already is .*{path.name}.*another name"):
        open_writer(path, stream())
    assert path.read_text() == "mine"


@pytest.mark.parametrize("format_", sorted(set(ALL) - {"bids"}))
def test_nor_one_that_somebody_makes_meanwhile(format_: str, tmp_path: Path) -> None:
    path = tmp_path / ALL[format_]
    writer = open_writer(path, stream())
    path.write_text("mine")
    with pytest.raises(ValueError, match=rf"somebody else made .*{path.name}"):
        writer.write(Chunk(cyton_samples(300), 0))
    writer.close()
    assert path.read_text() == "mine"
    assert everything(tmp_path) == [path]


def test_nor_where_the_file_system_has_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    write_whole(tmp_path / "a", b"mine")
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "a", b"yours")
    assert (tmp_path / "a").read_bytes() == b"mine"
    assert everything(tmp_path) == [tmp_path / "a"]


@pytest.mark.parametrize("format_", sorted(set(ALL) - {"bids"}))
def test_a_folder_that_is_none_is_said_before_the_first_sample(format_: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"nothing can be written into .*file"):
        open_writer(tmp_path / "file" / ALL[format_], stream())


@pytest.mark.parametrize(
    ("given", "format_", "path", "found"),
    [
        ("a", None, "a.xdf", "xdf"),
        ("a", "bdf", "a.bdf", "bdf"),
        ("a.H5", None, "a.H5", "hdf5"),
        ("a.hdf5", "hdf5", "a.hdf5", "hdf5"),
        ("day.2", "csv", "day.2.csv", "csv"),
        ("a", "bids", "a", "bids"),
    ],
)
def test_the_suffix_and_the_format_agree(given: str, format_: str | None, path: str, found: str) -> None:
    assert destination(Path("x") / given, format_) == (Path("x") / path, found)


@pytest.mark.parametrize(
    ("given", "format_", "sentence"),
    [
        ("a.npz", None, r"a\.npz.*\.npz.*known are \.xdf, \.bdf"),
        ("a.csv", "bdf", r"a\.csv.*--format says bdf"),
        ("a.bdf", "bids", r"a\.bdf.*a folder"),
        ("a", "edf", "'edf' cannot be recorded; known are xdf"),
    ],
)
def test_or_else_it_is_said(given: str, format_: str | None, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        destination(Path(given), format_)


@pytest.mark.parametrize(
    ("chunk", "sentence"),
    [
        (Chunk(cyton_samples(2, channels=3), 10), r"8 channels.*\(2, 3\)"),
        (Chunk(cyton_samples(2), 9), "sample 9 after sample 9"),
    ],
)
def test_what_does_not_fit_is_refused_and_the_rest_goes_on(chunk: Chunk, sentence: str, tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "a.csv", stream())
    writer.write(Chunk(cyton_samples(10), 0))
    with pytest.raises(ValueError, match=sentence):
        writer.write(chunk)
    writer.write(Chunk(cyton_samples(1), 12))
    writer.close()
    assert (tmp_path / "a.csv").read_text().splitlines()[-1].startswith("12,")
    with pytest.raises(ValueError, match="is closed"):
        writer.write(Chunk(cyton_samples(1), 13))


@pytest.mark.parametrize("format_", ALL)
def test_a_value_that_is_none_costs_its_sample_and_no_other(format_: str, tmp_path: Path) -> None:
    samples = cyton_samples(100)
    broken = samples.copy()
    broken[40, 3], broken[41, 0], broken[70, 7], broken[99, 1] = np.nan, -np.inf, 2e9, np.nan
    writer = open_writer(tmp_path / ALL[format_], stream(), format_=format_)
    writer.mark(41, "fist")
    writer.write(Chunk(broken[:60], 0))
    writer.write(Chunk(broken[60:], 60))
    writer.close()
    assert writer.complaint.startswith("4 samples held no numbers")
    again = load(tmp_path / ALL[format_])
    assert again.gaps == ((40, 2), (70, 1))
    measured = np.setdiff1d(np.arange(99), [40, 41, 70])
    assert np.array_equal(again.samples[measured], samples[measured])
    assert [again.label(at, at + 1) for at in (39, 42, 98)] == [None, "fist", "fist"]


@pytest.mark.parametrize(("value", "sentence"), [(np.nan, "sent no number"), (5e9, r"5e\+09 uV, which no electrode")])
def test_a_recording_does_not_begin_with_values_that_are_none(value: float, sentence: str, tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "a.csv", stream())
    with pytest.raises(ValueError, match=f"{sentence}.*nothing was recorded"):
        writer.write(Chunk(np.full((2, 8), value, np.float32), 10))
    writer.close()
    assert everything(tmp_path) == []


@pytest.mark.parametrize("format_", ALL)
def test_text_that_cannot_be_printed_does_not_spoil_the_file(format_: str, tmp_path: Path) -> None:
    text = "a\x1b[1m\0\udcff\nb"
    info = StreamInfo(text, 250.0, (text, "ch2"))
    about = {"names": (text,), "person": text, "session": text, "task": text, "remarks": {"device": text}}
    writer = open_writer(tmp_path / ALL[format_], info, format_=format_, **about)  # type: ignore[arg-type]
    writer.mark(0, text)
    writer.write(Chunk(np.ones((300, 2), np.float32), 0))
    writer.close()
    again = load(tmp_path / ALL[format_])
    assert (again.info.name, again.names) == ("a [1m b", ("a [1m b",))
    assert again.label(0, 300) == "a [1m b"


@pytest.mark.parametrize("format_", ["bdf", "bids"])
def test_a_label_that_bdf_takes_for_a_mark_is_refused(format_: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'bad hold' cannot be kept in BDF.*xdf, csv or hdf5"):
        open_writer(tmp_path / ALL[format_], stream(), names=("rest", "bad hold"), format_=format_)
    assert everything(tmp_path) == []


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    for given in (tmp_path, Path(), Path("/")):
        with pytest.raises(ValueError, match=r"is a folder; name a file in it, such as '.*first\.xdf'"):
            destination(given, None)
    assert destination(tmp_path, "bids") == (tmp_path, "bids")


def labels_written(path: Path) -> str:
    rows = [line for line in path.read_text(encoding="utf-8").splitlines() if line[0].isdigit()]
    return " ".join(row.split(",")[2] or "-" for row in rows)


@pytest.mark.parametrize(
    ("marks", "written"),
    [
        ([(2, "a")], "- - a a a a"),
        ([(0, "a"), (3, "")], "a a a - - -"),
        ([(1, "a"), (1, "b")], "- b b b b b"),
        ([(4, "b"), (1, "a")], "- a a a b b"),
        ([(-5, "a")], "a a a a a a"),
        ([(9, "a")], "- - - - - -"),
        ([(1, " a\n b\t")], "- a b a b a b a b a b"),
        ([(1, "x" * 100)], " ".join(["-", *["x" * 60] * 5])),
        ([(1, 'q"a,b')], "- qa;b qa;b qa;b qa;b qa;b"),
    ],
)
def test_marks_put_labels_on_samples(marks: list[tuple[int, str]], written: str, tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "a.csv", stream())
    for first, label in marks:
        writer.mark(first, label)
    writer.write(Chunk(cyton_samples(4), 0))
    writer.write(Chunk(cyton_samples(2), 4))
    writer.close()
    assert labels_written(tmp_path / "a.csv") == written


def test_a_late_mark_counts_from_the_next_sample_on(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "a.csv", stream())
    writer.write(Chunk(cyton_samples(3), 0))
    writer.mark(1, "a")
    writer.write(Chunk(cyton_samples(2), 3))
    writer.mark(6, "b")  # falls into a gap
    writer.write(Chunk(cyton_samples(2), 8))
    writer.close()
    assert labels_written(tmp_path / "a.csv") == "- - - a a b b"
