"""``python -m devices`` as a person types it."""

from __future__ import annotations

import pytest

from devices.cli import main
from devices.files import load


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


def test_simulates_a_recording_that_can_be_read(tmp_path, capsys):
    out = tmp_path / "made.npz"
    arguments = ["simulate", "--person", "3", "--repetitions", "1", "--hold", "1", "--rest", "0.5", "--out", out]
    code, said, err = call(capsys, *arguments)
    assert code == 0, err
    recording = load(out)
    assert recording.simulated
    assert recording.person == "sim3"
    assert set(recording.names) == {recording.names[label] for label in recording.labels}
    assert str(out) in said
    before = out.read_bytes()
    code, _, err = call(capsys, *arguments)
    assert (code, f"there already is a '{out}'" in err, out.read_bytes()) == (2, True, before)
    assert call(capsys, *arguments, "--force")[0] == 0


@pytest.mark.parametrize(
    "change",
    [
        ["--person", "-1"],
        ["--person", "somebody"],
        ["--rate", "5"],
        ["--rate", "nan"],
        ["--hold", "0.1"],
        ["--repetitions", "0"],
        ["--repetitions", "99999999"],
        ["--height", "3"],
    ],
)
def test_what_cannot_be_simulated_is_one_sentence(tmp_path, change, capsys):
    out = tmp_path / "made.npz"
    code, said, err = call(capsys, "simulate", "--person", "1", "--out", out, *change)
    assert (code, said) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert not out.exists()
