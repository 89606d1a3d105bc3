"""Every format that is read, byte for byte, and one clear sentence for everything else."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path, PurePath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from devices.files import load, parse
from devices.formats import myo_readings, synapse
from devices.formats.writer import open_writer
from devices.recording import Recording
from dsp.flow import Chunk, StreamInfo
from tests.devices.formats.reading_case import refused
from tests.devices.formats.reading_case import written as write

HEADER = "ch1,ch2,ch3,ch4,ch5,ch6,ch7,ch8\n"
ROW = "0.1289,0.0449,-0.0925,-0.0442,-0.1054,-0.0894,-0.0869,-0.0337\n"


def trial(folder: Path, content: str | bytes = HEADER + ROW * 3, name: str = "gesture04_trial01.csv") -> Path:
    return write(folder / "Session1" / "session1_subject_18" / name, content)


# --- Synapse ---------------------------------------------------------------------------------------------------------


def test_a_synapse_trial_knows_everything_about_itself(tmp_path: Path) -> None:
    recording = load(trial(tmp_path))
    assert recording.info.rate_hz == 512
    assert recording.info.channels == tuple(f"ch{n}" for n in range(1, 9))
    assert recording.info.name == "session1_subject_18/gesture04_trial01.csv"
    assert recording.samples.dtype == np.float32
    expected = np.float32([128.9, 44.9, -92.5, -44.2, -105.4, -89.4, -86.9, -33.7])
    assert np.array_equal(recording.samples, np.tile(expected, (3, 1)))
    assert recording.names == ("gesture00", "gesture01", "gesture02", "gesture03", "gesture04")
    assert recording.labels is not None
    assert recording.labels.tolist() == [4, 4, 4]
    assert (recording.person, recording.session, recording.simulated) == ("18", "1", False)


def test_line_ends_a_byte_order_mark_and_a_missing_last_line_end_do_not_matter(tmp_path: Path) -> None:
    plain = load(trial(tmp_path / "a"))
    odd = "\ufeff" + (HEADER + ROW * 3).replace("\n", "\r\n").rstrip()
    assert np.array_equal(plain.samples, load(trial(tmp_path / "b", odd)).samples)


def test_a_trial_taken_out_of_its_folder_loses_only_the_person(tmp_path: Path) -> None:
    recording = load(write(tmp_path / "gesture02_trial07.csv", HEADER + ROW))
    assert recording.label(0, 1) == "gesture02"
    assert (recording.person, recording.session) == ("", "")


def test_a_trial_inside_a_zip_is_the_same(tmp_path: Path) -> None:
    path = trial(tmp_path / "folder")
    inner = path.relative_to(tmp_path / "folder")
    with zipfile.ZipFile(tmp_path / "synapse.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, inner.as_posix())
    zipped, plain = load(tmp_path / "synapse.zip" / inner), load(path)
    assert np.array_equal(zipped.samples, plain.samples)
    assert plain.samples.flags.c_contiguous
    assert (zipped.person, zipped.session, zipped.info) == (plain.person, plain.session, plain.info)


def test_rate_and_unit_of_a_trial_may_be_repeated_but_not_contradicted(tmp_path: Path) -> None:
    path = trial(tmp_path)
    assert np.array_equal(load(path, rate_hz=512, unit="mV").samples, load(path).samples)
    refused(path, "512 Hz", "1000 Hz", "--rate", rate_hz=1000)
    refused(path, "mV", "uV", "--unit", unit="uV")


def test_a_trial_with_seven_columns_is_refused(tmp_path: Path) -> None:
    seven = "ch1,ch2,ch3,ch4,ch5,ch6,ch7\n" + "1,2,3,4,5,6,7\n"
    refused(trial(tmp_path, seven), "7 columns", "has 8")


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        ("1,2,3,4,x5,6,7,8", ("line 4", "'ch5'", "'x5' is not a number")),
        ("1,2,3,4,,6,7,8", ("line 4", "'ch5'", "'' is not a number")),
        ("1,2,3,4,1_0,6,7,8", ("line 4", "'ch5'", "'1_0' is not a number")),
        ("1,nan,3,4,5,6,7,8", ("line 4", "'ch2'", "'nan' is not a finite number")),
        ("1,2,-inf,4,5,6,7,8", ("line 4", "'ch3'", "'-inf' is not a finite number")),
        ("1,2,1e999,4,5,6,7,8", ("line 4", "'ch3'", "'1e999' is too large")),
        ("1,2,1e9,4,5,6,7,8", ("1e+12 uV", "--unit")),
        ("1,2,3,4,5,6,7", ("line 4", "7 values where 8 belong")),
        ("1,2,3,4,5,6,7,8,9", ("line 4", "9 values where 8 belong")),
        ("", ("line 4", "blank")),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: str, parts: tuple[str, ...]) -> None:
    refused(trial(tmp_path, HEADER + ROW * 2 + row + "\n" + ROW), *parts)


def test_every_row_one_field_short_is_named_by_the_first(tmp_path: Path) -> None:
    refused(trial(tmp_path, HEADER + "1,2,3,4,5,6,7\n" * 3), "line 2", "7 values where 8 belong")


def test_nothing_after_the_header_is_refused(tmp_path: Path) -> None:
    refused(trial(tmp_path, HEADER), "no samples")


# --- Myo readings ----------------------------------------------------------------------------------------------------

READINGS = "12,2,-6,2,3,2,0,-1,0\r\n-128,127,1,3,0,1,0,-2,3\r\n"


def test_a_myo_file_is_counts_and_a_label_per_sample(tmp_path: Path) -> None:
    recording = load(write(tmp_path / "_readings_right_hand" / "12345-2" / "3.txt", READINGS))
    assert recording.info.rate_hz == 200
    assert recording.samples.flags.c_contiguous
    assert recording.samples.tolist() == [[12, 2, -6, 2, 3, 2, 0, -1], [-128, 127, 1, 3, 0, 1, 0, -2]]
    assert recording.names[0] == "rest"
    assert recording.label(0, 1) == "rest"
    assert recording.label(1, 2) == "radial deviation"
    assert (recording.person, recording.session) == ("12345", "2")


def test_a_myo_file_of_another_name_is_known_by_its_content(tmp_path: Path) -> None:
    recording = load(write(tmp_path / "mine.txt", READINGS))
    assert recording.label(1, 2) == "radial deviation"
    assert (recording.person, recording.session) == ("", "")


def test_the_minute_of_distraction_is_rest_and_its_entry_shows_no_gesture(tmp_path: Path) -> None:
    path = write(tmp_path / "12345-2" / "0.txt", "1,2,3,4,5,6,7,8,0\n")
    assert load(path).label(0, 1) == "rest"
    entry = myo_readings.entry(path, "12345-2/0.txt")
    assert entry is not None
    assert entry.gesture is None


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("4,2,1,0,-1,0,0,0,00,3,2,0,1,1,-1,0,0", ("line 2", "17 values where 9 belong")),
        ("1,2,3,4,5,6,7,8", ("line 2", "8 values where 9 belong")),
        ("1,2,3,4,5.5,6,7,8,0", ("line 2", "'ch5'", "'5.5' is not a whole number")),
        ("1,2,3,4,99999999999999999999,6,7,8,0", ("line 2", "'ch5'", "too large")),
        ("1,2,3,4,128,6,7,8,0", ("line 2", "'ch5'", "128", "int8")),
        ("1,2,3,4,5,6,7,8,4", ("line 2", "labelled 4", "0 or 3")),
        ("1,2,3,4,5,6,7,8,9", ("line 2", "labelled 9")),
    ],
)
def test_a_wrong_line_of_a_myo_file_is_named(tmp_path: Path, line: str, parts: tuple[str, ...]) -> None:
    refused(write(tmp_path / "12345-2" / "3.txt", f"1,2,3,4,5,6,7,8,0\n{line}\n1,2,3,4,5,6,7,8,3\n"), *parts)


def test_another_rate_or_unit_for_a_myo_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "12345-2" / "3.txt", READINGS)
    refused(path, "200 Hz", rate_hz=1000)
    refused(path, "mV", unit="mV")


# --- tables of any origin --------------------------------------------------------------------------------------------


def test_a_table_asks_for_what_it_does_not_say(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", "a,b,c\n1,2,3\n4,5,6\n")
    refused(path, "--rate")
    refused(path, "--unit", rate_hz=1000)
    recording = load(path, rate_hz=1000, unit="mV")
    assert recording.samples.tolist() == [[1000, 2000, 3000], [4000, 5000, 6000]]
    assert recording.info.channels == ("a", "b", "c")
    assert recording.info.rate_hz == 1000
    assert recording.labels is None
    assert recording.names == ()


@pytest.mark.parametrize(("unit", "scale"), [("uV", 1), ("µV", 1), ("μV", 1), ("mv", 1e3), ("V", 1e6)])
def test_units(tmp_path: Path, unit: str, scale: float) -> None:
    path = write(tmp_path / "mine.tsv", "a\tb\n1\t2\n")
    assert load(path, rate_hz=10, unit=unit).samples.tolist() == [[scale, 2 * scale]]


def test_an_unknown_unit_and_an_impossible_rate_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", "a,b\n1,2\n")
    refused(path, "'furlong'", "uV, mV, V", rate_hz=10, unit="furlong")
    refused(path, "0 Hz", rate_hz=0, unit="uV")
    refused(path, "nan Hz", rate_hz=float("nan"), unit="uV")


def test_remarks_above_the_header_say_what_the_options_would(tmp_path: Path) -> None:
    remarks = "# rate_hz: 250 Hz\n# Unit = mV\n% person: 3\n#session:2\n# simulated: true\n# anything else\n\n"
    path = write(tmp_path / "mine.csv", remarks + "a;b\n1;2\n")
    recording = load(path)
    assert recording.info.rate_hz == 250
    assert recording.samples.tolist() == [[1000, 2000]]
    assert (recording.person, recording.session, recording.simulated) == ("3", "2", True)
    refused(path, "250 Hz", "1000 Hz", rate_hz=1000)
    refused(path, "mV", "uV", unit="uV")


def test_a_remark_that_is_no_rate_is_refused(tmp_path: Path) -> None:
    refused(write(tmp_path / "mine.csv", "# rate: fast\na,b\n1,2\n"), "'fast'", unit="uV")


def test_the_line_of_a_fault_counts_the_remarks(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", "# rate_hz: 250\n# unit: uV\na,label,b\n1,fist,2\n3,fist,x\n")
    refused(path, "line 5", "'b'", "'x' is not a number")
    path = write(tmp_path / "mine.csv", "# rate_hz: 250\n# unit: uV\na,label,b\n1,fist,2\n3,fist\n")
    refused(path, "line 5", "2 values where 3 belong")


def test_units_in_the_header(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", "ch1 [mV],ch2 (mV)\n1,2\n")
    recording = load(path, rate_hz=10)
    assert recording.info.channels == ("ch1", "ch2")
    assert recording.samples.tolist() == [[1000, 2000]]
    refused(write(tmp_path / "two.csv", "a [mV],b [uV]\n1,2\n"), "several units", rate_hz=10)


@pytest.mark.parametrize(
    ("column", "times", "rate"),
    [
        ("time", ["0", "0.002", "0.004", "0.006"], 500.0),
        ("time_s", ["10.0", "10.005", "10.010", "10.015"], 200.0),
        ("Time_ms", ["0", "1", "2", "3"], 1000.0),
        ("time_us", ["0", "1953", "3906", "5859"], 512.0),
        ("time_ns", ["0", "675000", "1350000", "2025000"], 1481.4814814814815),
    ],
)
def test_a_time_column_gives_the_rate(tmp_path: Path, column: str, times: list[str], rate: float) -> None:
    rows = "".join(f"{time},{n},{n}\n" for n, time in enumerate(times))
    recording = load(write(tmp_path / "mine.csv", f"{column},a,b\n{rows}"), unit="uV")
    assert recording.info.rate_hz == pytest.approx(rate)
    assert recording.info.channels == ("a", "b")
    assert recording.samples[3].tolist() == [3, 3]


def test_a_time_column_must_agree_with_the_rate_given(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", "time,a\n0,1\n0.002,1\n0.004,1\n")
    assert load(path, rate_hz=500.5, unit="uV").info.rate_hz == 500.5
    refused(path, "500 Hz", "1000 Hz", rate_hz=1000, unit="uV")
    refused(write(path, "# rate: 1000\ntime,a\n0,1\n0.002,1\n0.004,1\n"), "500 Hz", "1000 Hz", unit="uV")


def test_stamps_that_come_in_bursts_still_give_a_rate(tmp_path: Path) -> None:
    rows = "".join(f"{n // 4 * 0.02},{n}\n" for n in range(401))
    recording = load(write(tmp_path / "mine.csv", f"time,a\n{rows}"), unit="uV")
    assert recording.info.rate_hz == 200


@pytest.mark.parametrize(
    ("times", "parts"),
    [
        ([0, 1, 2, 1, 2, 3], ("line 5", "backwards")),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13], ("line 13", "jumps by 0.002 s")),
        ([0, 0, 0, 300, 300, 300], ("line 5", "jumps by 0.3 s")),
        ([5, 5, 5], ("does not advance", "--rate")),
        ([5], ("does not advance", "--rate")),
    ],
)
def test_a_lost_stretch_is_never_closed_in_silence(tmp_path: Path, times: list[int], parts: tuple[str, ...]) -> None:
    rows = "".join(f"{time},0\n" for time in times)
    refused(write(tmp_path / "mine.csv", f"time_ms,a\n{rows}"), *parts, unit="uV")


def test_labels_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", "sample,a,label,b\n0,1,rest,4\n1,2,fist,5\n2,3,,6\n")
    recording = load(path, rate_hz=10, unit="uV")
    assert recording.names == ("fist", "rest")
    assert [recording.label(n, n + 1) for n in range(3)] == ["rest", "fist", None]
    assert recording.info.channels == ("a", "b")
    assert recording.samples.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert recording.samples.flags.c_contiguous


def test_labels_by_number_are_in_numerical_order(tmp_path: Path) -> None:
    recording = load(write(tmp_path / "mine.csv", "a,label\n1,10\n2,9\n3,-1\n"), rate_hz=10, unit="uV")
    assert recording.names == ("-1", "9", "10")
    assert recording.labels is not None
    assert recording.labels.tolist() == [2, 1, 0]


def test_a_measured_column_is_no_label(tmp_path: Path) -> None:
    rows = "".join(f"1,{n}.5\n" for n in range(2000))
    refused(write(tmp_path / "mine.csv", f"a,label\n{rows}"), "2000 different labels", rate_hz=10, unit="uV")


def test_an_empty_label_column_says_nothing(tmp_path: Path) -> None:
    recording = load(write(tmp_path / "mine.csv", "a,label\n1,\n2,\n"), rate_hz=10, unit="uV")
    assert recording.labels is None


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("1,2\n3,4\n", ("no header", "line 1")),
        ("a,a\n3,4\n", ("'a' twice",)),
        ("a,,b\n3,4,5\n", ("column 2", "no name")),
        ("label,time\nx,1\n", ("no channel",)),
        ("# rate: 3\n# unit: uV\n", ("nothing but remarks",)),
        ("a,b\n", ("no samples",)),
        ("a,b\n1,5;2,5\n", ("line 2", "3 values where 2 belong")),
        ("a,b\n1,\"2\"\n", ("line 2", "'b'", "not a number")),
    ],
)  # fmt: skip
def test_a_malformed_table_is_refused(tmp_path: Path, content: str, parts: tuple[str, ...]) -> None:
    refused(write(tmp_path / "mine.csv", content), *parts, rate_hz=10, unit="uV")


def test_row_numbers_that_jump_are_gaps(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n / 100},{label},{n}\n" for n, label in ((7, "a"), (8, "a"), (9, ""), (13, "b"), (14, "b")))
    recording = load(write(tmp_path / "mine.csv", f"sample,time_s,label,x\n{rows}"), unit="uV")
    assert recording.info.rate_hz == 100
    assert recording.gaps == ((3, 3),)
    assert recording.samples[:, 0].tolist() == [7, 8, 9, 10, 11, 12, 13, 14]
    assert recording.labels is not None
    assert recording.labels.tolist() == [0, 0, -1, -1, -1, -1, 1, 1]


def test_a_jump_in_time_that_the_row_numbers_do_not_show_is_a_loss_all_the_same(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n / 100 + (n > 6)},{n}\n" for n in range(20))
    refused(write(tmp_path / "mine.csv", f"index,time,x\n{rows}"), "line 9", "time jumps by 1.01 s", unit="uV")


@pytest.mark.parametrize(
    "column", [[254, 255, 0, 1, 2], [0, 10, 20, 30, 40], [3, 3, 3, 3, 3], [0.5, 1.5, 2.5, 3.5, 4.5]]
)
def test_a_column_that_does_not_count_rows_is_left_out(tmp_path: Path, column: list[float]) -> None:
    rows = "".join(f"{n},{n}\n" for n in column)
    recording = load(write(tmp_path / "mine.csv", f"sample,x\n{rows}"), rate_hz=10, unit="uV")
    assert recording.gaps == ()
    assert recording.samples[:, 0].tolist() == column


@pytest.mark.parametrize("last", ["3", "3,", "3,-", "3,1e", "3,1e-"])
def test_a_last_line_that_was_cut_off_is_left_out(tmp_path: Path, last: str) -> None:
    path = write(tmp_path / "mine.csv", f"a,b\n1,2\n2,3\n{last}")
    assert load(path, rate_hz=10, unit="uV").samples.tolist() == [[1, 2], [2, 3]]
    path.write_text(f"a,b\n1,2\n2,3\n{last}\n")
    refused(path, "line 4", rate_hz=10, unit="uV")


def test_a_last_line_that_is_whole_is_kept_and_one_that_is_wrong_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", "a,b\n1,2\n2,3")
    assert len(load(path, rate_hz=10, unit="uV").samples) == 2
    refused(write(path, "a,b\n1,2\n2,x"), "line 3", "'x'", rate_hz=10, unit="uV")


def test_a_recording_of_ours_as_csv(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    values = np.random.default_rng(0).normal(0, 50, (300, 2)).astype(np.float32)
    info = StreamInfo("sim", 333.3, ("a", "b"), full_scale_uv=500.0)
    writer = open_writer(path, info, names=("rest", "fist", "wave"), person="7", session="2", simulated=True)
    writer.mark(5, "rest")
    writer.mark(150, "fist")
    stamps = np.sort(np.random.default_rng(1).uniform(3, 4, 300))  # stamps tremble, and ours are counted by samples
    writer.write(Chunk(values[:100], 5, stamps[:100]))
    writer.write(Chunk(values[120:], 125, stamps[120:]))
    writer.close()
    recording = load(path)
    assert recording.info == info
    assert recording.gaps == ((100, 20),)
    assert np.array_equal(recording.samples[120:], values[120:])
    assert recording.names == ("rest", "fist", "wave")
    assert [recording.label(n, n + 1) for n in (0, 99, 110, 120, 144, 145, 299)] == [
        *("rest", "rest", None, "rest", "rest", "fist", "fist")
    ]
    assert (recording.person, recording.session, recording.simulated) == ("7", "2", True)
    content = path.read_bytes()
    path.write_bytes(content[:-1])  # a number or a label may have lost its end, so half a line of ours is worth nothing
    assert len(load(path).samples) == 299


# --- places ----------------------------------------------------------------------------------------------------------


def test_what_is_not_there_or_no_file(tmp_path: Path) -> None:
    refused(tmp_path / "none.csv", "there is no")
    refused(tmp_path / "none" / "none.csv", "there is no")
    refused(tmp_path, "is a folder")
    file = write(tmp_path / "a.csv", "a\n1\n")
    refused(file / "b.csv", "is a file, not a folder")


@pytest.mark.parametrize("name", ["gesture04_trial01.csv", "3.txt", "mine.tsv", "mine.npz"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    refused(write(tmp_path / name, b""), "is empty")


def test_blank_and_binary_files_are_refused(tmp_path: Path) -> None:
    refused(write(tmp_path / "blank.csv", "\n \n"), "is empty")
    refused(write(tmp_path / "binary.csv", b"\x89HDF\r\n\0\0"), "not text")


def test_an_unknown_suffix_lists_the_known(tmp_path: Path) -> None:
    refused(write(tmp_path / "mine.xlsx", b"PK"), ".csv, .tsv, .txt, .xdf", ".npz, .bdf, .edf, .h5")


def test_zips_that_cannot_be_read(tmp_path: Path) -> None:
    corrupt = write(tmp_path / "corrupt.zip", b"PK\3\4 and then nothing")
    refused(corrupt, "not a zip that can be read")
    with pytest.raises(ValueError, match=r"corrupt\.zip.*not a zip that can be read"):
        load(corrupt / "a.csv")
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/a.csv", "a,b\n" + "1,2\n" * 1000)
    refused(whole, "is a zip", "folder/a.csv")
    with pytest.raises(ValueError, match=r"there is no 'b\.csv'.*for example 'folder/a\.csv'"):
        load(whole / "b.csv")
    refused(whole / "folder", "is a folder")
    damaged = bytearray(whole.read_bytes())
    damaged[60] ^= 0xFF
    with pytest.raises(ValueError, match=r"a\.csv' is damaged in its archive"):
        load(write(tmp_path / "damaged.zip", bytes(damaged)) / "folder" / "a.csv")


def test_a_zip_bomb_is_not_opened(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.csv", "w", force_zip64=True) as member,
    ):
        for _ in range(65):
            member.write(bytes(2**20))
    with pytest.raises(ValueError, match="no recording shrinks so far"):
        load(bomb / "a.csv")


WHOLE = {
    "gesture01_trial01.csv": (HEADER + ROW * 3).encode(),
    "3.txt": b"1,2,3,4,5,6,7,8,0\n" * 3,
    "mine.csv": b"# rate: 10\n# unit: uV\ntime,a,label\n0,1,x\n0.1,2,y\n0.2,3,z\n",
}


@given(st.data())
@hypothesis_settings(deadline=None, max_examples=150)
def test_whatever_the_bytes_there_is_a_recording_or_a_sentence(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([*WHOLE, "a.npz"]))
    whole = WHOLE[name] if name in WHOLE else example_npz()
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + data.draw(st.binary(max_size=3)) + whole[at + data.draw(st.integers(0, 3)) :]
    outcome = recording_or_sentence(name, damaged)
    if isinstance(outcome, str):
        assert name in outcome
        assert "\n" not in outcome
    else:
        assert np.isfinite(outcome.samples).all()
        assert len(outcome.samples)


def recording_or_sentence(name: str, raw: bytes) -> Recording | str:
    try:
        return parse(PurePath(name), raw)
    except ValueError as error:
        return str(error)


@cache
def example_npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, samples=np.ones((3, 2)), rate_hz=10.0, names=np.array(["a"]), labels=np.zeros(3, np.int16))
    return file.getvalue()


@pytest.mark.data
def test_the_first_row_of_a_real_trial(synapse_zip: Path) -> None:
    recording = load(synapse_zip / "Session1" / "session1_subject_18" / "gesture04_trial01.csv")
    assert recording.samples.shape == (2560, 8)
    assert np.array_equal(recording.samples[0], np.float32([128.9, 44.9, -92.5, -44.2, -105.4, -89.4, -86.9, -33.7]))
    assert (recording.person, recording.session) == ("18", "1")
    assert recording.names == synapse.NAMES


def test_no_library_for_a_format_is_imported_before_a_file_needs_it() -> None:
    heavy = "pyxdf", "edfio", "h5py", "pyarrow", "scipy"
    code = f"import devices.files, devices.datasets, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
