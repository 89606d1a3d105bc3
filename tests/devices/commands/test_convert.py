"""``python -m devices convert``: what comes out is what went in, or it is said."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from devices.cli import main
from devices.conversion import differences
from devices.datasets import open_dataset
from devices.files import load, save_npz
from devices.recording import Recording
from dsp.flow import StreamInfo

NAMES = ("fist", "rest", "wave hands")
FORMATS = [
    ("xdf", ".xdf"),
    ("bdf", ".bdf"),
    ("csv", ".csv"),
    ("hdf5", ".h5"),
    ("hdf5", ".hdf5"),
    ("bids", ""),
    ("npz", ".npz"),
]


def recording(gaps: tuple[tuple[int, int], ...] = ((700, 40), (1990, 5))) -> Recording:
    samples = np.round(np.random.default_rng(0).normal(0, 50, (3001, 3)), 1).astype(np.float32)
    labels = np.repeat([-1, 1, 0, 2, 1], [100, 900, 900, 900, 201]).astype(np.int16)
    for first, count in gaps:
        samples[first : first + count] = 0
        labels[first : first + count] = -1
    info = StreamInfo("my armband", 1000.0, ("a", "b", "c"))
    return Recording(info, samples, NAMES, labels, "7", "2", True, gaps)


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["convert", *map(str, arguments)])
    told = capsys.readouterr()
    return int(end.value.code or 0), told.out, told.err


def original(folder: Path) -> Path:
    save_npz(folder / "in.npz", recording())
    return folder / "in.npz"


@pytest.mark.parametrize(("format_", "suffix"), FORMATS)
def test_there_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str], format_: str, suffix: str) -> None:
    source, there, back = original(tmp_path), tmp_path / f"there{suffix}", tmp_path / "back.npz"
    status, out, err = run(capsys, source, there)
    assert status == 0
    assert f"there{suffix}: my armband, 3 s, 3 channels at 1000 Hz" in out
    rounds = f"note: {there} rounds samples by up to 0.013 uV\n"
    assert err == (rounds if format_ in {"bdf", "bids"} else "")
    assert run(capsys, there, back)[0] == 0
    before, after = load(source), load(back)
    assert after.info == before.info
    assert after.gaps == before.gaps
    assert (after.person, after.session, after.simulated) == ("7", "2", True)
    shown = [
        [None if n < 0 else one.names[n] for n in (one.labels if one.labels is not None else [])]
        for one in (before, after)
    ]
    assert shown[0] == shown[1]
    assert {path.name for path in tmp_path.iterdir()} == {"in.npz", there.name, "back.npz"}
    assert differences(before, load(there))[1:] == []


def test_the_format_may_be_named_instead_of_a_suffix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = original(tmp_path)
    for format_, suffix in FORMATS:
        if suffix != ".hdf5":
            assert run(capsys, source, tmp_path / "out", "--to", format_)[0] == 0
            assert (tmp_path / f"out{suffix}").exists()


def test_what_a_format_cannot_hold_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    info = StreamInfo("my armband", 1000.0, ("a", "a channel with a name too long"), full_scale_uv=5000.0)
    samples = np.zeros((100, 2), np.float32)
    save_npz(tmp_path / "in.npz", Recording(info, samples, ("fist", "never", "a,b"), np.zeros(100, np.int16), "ann a"))
    status, _, err = run(capsys, tmp_path / "in.npz", tmp_path / "out.bdf")
    assert status == 0
    assert err == (
        f"note: {tmp_path / 'out.bdf'} keeps the person 'ann a' as 'ann_a'; calls its channels a, a channel with a; "
        "forgets labels that do not occur\n"
    )


def test_labels_that_change_are_counted() -> None:
    before, samples = recording(()), recording(()).samples
    labels = np.zeros(3001, np.int16)
    after = Recording(before.info, samples + np.float32(0.5), ("rest",), labels, "7", "", gaps=((5, 1),))
    assert differences(before, after) == [
        "keeps the session '2' as ''",
        "does not say that no human arm was involved",
        "forgets labels that do not occur",
        "has 1 gaps instead of 0",
        "rounds samples by up to 0.5 uV",
        "labels 1900 samples otherwise",
    ]


def test_rate_and_unit_for_a_file_that_does_not_say_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.csv").write_text("a,b\n1,2\n3,4\n")
    assert "--rate" in run(capsys, tmp_path / "in.csv", tmp_path / "out.npz")[2]
    assert run(capsys, tmp_path / "in.csv", tmp_path / "out.npz", "--rate", 100, "--unit", "mV")[0] == 0
    assert np.allclose(load(tmp_path / "out.npz").samples, [[1000, 2000], [3000, 4000]], atol=0.1)
    status, _, err = run(capsys, tmp_path, tmp_path / "out", "--rate", 100)
    assert (status, "for a single file" in err) == (2, True)


@pytest.mark.parametrize("rate_hz", ["0", "nan", "1e300", "1e-300"])
def test_nothing_is_sampled_at_such_a_rate(rate_hz: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.csv").write_text("a,b\n1,2\n3,4\n")
    status, _, err = run(capsys, tmp_path / "in.csv", tmp_path / "out.bdf", "--rate", rate_hz, "--unit", "uV")
    assert (status, "cannot have a sampling rate of" in err) == (2, True)


def test_what_is_no_recording_is_said_to_be_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes").write_text("hello")
    (tmp_path / "notes.docx").write_text("hello")
    for name in ("notes", "notes.docx"):
        assert "is in no format that is known; known are .csv" in run(capsys, tmp_path / name, tmp_path / "o.xdf")[2]
    assert "is a device, and convert is for recordings" in run(capsys, "cyton:/dev/ttyUSB0", tmp_path / "o.xdf")[2]
    assert not (tmp_path / "o.xdf").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_full_disk_is_said_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        with Path("/dev/full").open("wb", buffering=0) as file:
            file.write(b"x")

    monkeypatch.setattr("devices.conversion.write", full)
    status, _, err = run(capsys, original(tmp_path), tmp_path / "out.csv")
    assert (status, f"'{tmp_path / 'out.csv'}' cannot be used: No space left on device" in err) == (2, True)
    assert {path.name for path in tmp_path.iterdir()} == {"in.npz"}


def synapse(folder: Path) -> Path:
    for session in (1, 2):
        for gesture in (0, 4):
            place = folder / f"Session{session}" / f"session{session}_subject_3"
            place.mkdir(parents=True, exist_ok=True)
            rows = "".join(f"{gesture},2,3,4,5,6,7,{n / 100}\n" for n in range(600))
            header = ",".join(f"ch{n}" for n in range(1, 9))
            (place / f"gesture0{gesture}_trial01.csv").write_text(f"{header}\n{rows}")
    (folder / "Session1" / "session1_subject_3" / "gesture01_trial01.csv").write_text("ch1\nx\n")
    return folder


def test_a_data_set_becomes_a_folder_of_bids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = synapse(tmp_path / "set")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in sorted(folder.rglob("*.csv")):
            archive.write(file, file.relative_to(folder).as_posix())
    for source in (folder, tmp_path / "set.zip"):
        out = tmp_path / f"{source.name}-bids" if source == folder else tmp_path / "zipped"
        status, said, err = run(capsys, source, out)
        assert status == 0
        assert "4 recordings of 1 person" in said
        assert "left out: " in err
        assert "gesture01_trial01.csv" in err
        assert "forgets labels that do not occur (4 of 4 recordings)" in err
        with open_dataset(out) as made:
            shown = [(one.person, one.session, one.names) for _, one in made.read_all()]
        assert shown == [("3", str(s), (f"gesture0{g}",)) for s in (1, 2) for g in (0, 4)]


def test_a_data_set_is_not_pressed_into_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, synapse(tmp_path / "set"), tmp_path / "out.xdf")
    assert status == 2
    assert "5 recordings, and 'out.xdf' is a single file" in err
    assert {path.name for path in tmp_path.iterdir()} == {"set"}


def test_an_output_that_exists_is_kept_without_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = original(tmp_path)
    for out in (tmp_path / "out.csv", tmp_path / "out"):
        assert run(capsys, source, out)[0] == 0
        before = sorted((path, path.stat().st_mtime_ns) for path in (out, *out.rglob("*")))
        status, _, err = run(capsys, source, out)
        assert (status, "--force" in err) == (2, True)
        assert before == sorted((path, path.stat().st_mtime_ns) for path in (out, *out.rglob("*")))
        assert run(capsys, source, out, "--force")[0] == 0
        assert len(load(out).samples) == 3001
    assert {path.name for path in tmp_path.iterdir()} == {"in.npz", "out.csv", "out"}
    assert run(capsys, source, source, "--force")[0] == 0


@pytest.mark.parametrize("what", ["folder", "text"])
def test_what_is_no_recording_is_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str) -> None:
    precious = tmp_path / "out"
    if what == "folder":
        precious.mkdir()
        (precious / "thesis.tex").write_text("x")
    else:
        precious.write_text("x")
    status, _, err = run(capsys, original(tmp_path), precious, "--force")
    assert (status, "is not replaced" in err) == (2, True)
    assert precious.exists()


def test_a_conversion_that_fails_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = original(tmp_path)

    def full(self: object, *_: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "out.csv"))

    monkeypatch.setattr("devices.formats.writer_file.Growing.append", full)
    for out in ("out.csv", "out.xdf", "out"):
        status, _, err = run(capsys, source, tmp_path / out)
        assert (status, "No space left" in err) == (2, True)
    assert {path.name for path in tmp_path.iterdir()} == {"in.npz"}


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("in.npz", "out.wav"), "'.wav', which cannot be written"),
        (("in.npz", "out.xdf", "--to", "bdf"), "--to says bdf"),
        (("in.npz", "out", "--to", "wav"), "'wav' cannot be written; known are npz, xdf, bdf, csv, hdf5, bids"),
        (("none.npz", "out.xdf"), "there is no"),
        (("in.npz", "nowhere/out.xdf"), "there is no folder"),
        (("empty", "out"), "no data set"),
    ],
)
def test_wrong_use_is_one_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    part: str,
) -> None:
    original(tmp_path)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert part in err
    assert {path.name for path in tmp_path.iterdir()} == {"in.npz", "empty"}
