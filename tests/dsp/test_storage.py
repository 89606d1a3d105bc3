"""Files are whole or not there, and what cannot be written is said before the work."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dsp.storage import check_writable, whole, write, write_json


def test_a_file_is_there_with_its_folders_and_the_usual_rights(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "some.json"
    write_json(path, {"a": 1})
    assert json.loads(path.read_text()) == {"a": 1}
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode
    assert [one.name for one in path.parent.iterdir()] == ["some.json"]


def test_after_a_failure_the_old_one_stands(tmp_path: Path) -> None:
    path = tmp_path / "some.bin"
    write(path, b"old")
    with pytest.raises(ZeroDivisionError), whole(path) as neighbour:
        neighbour.write_bytes(b"ne" + bytes([1 // 0]))
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["some.bin"]


def test_a_failing_disk_is_reported_under_the_name_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "some.bin"
    with pytest.raises(OSError, match=r"some\.bin") as caught, whole(path) as neighbour:
        raise OSError(28, "No space left on device", str(neighbour))
    assert caught.value.filename == str(path)


def test_a_name_as_long_as_a_name_may_be(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250 + ".npz")
    write(path, b"1")
    assert path.read_bytes() == b"1"


def test_json_refuses_what_json_cannot_say(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "nan.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_a_folder_is_said_beforehand(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"cannot be a folder, since .*file is a file"):
        check_writable(tmp_path / "file" / "below")
    check_writable(tmp_path / "not" / "there" / "yet")
    if os.name == "posix" and os.geteuid():
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(ValueError, match="not yours to write"):
            check_writable(tmp_path / "locked" / "below")
