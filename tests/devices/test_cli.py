"""``python -m devices`` as a person types it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from devices.cli import app
from devices.files import load


def test_simulates_a_recording_that_can_be_read(tmp_path):
    out = tmp_path / "made.npz"
    arguments = ["simulate", "--person", "3", "--repetitions", "1", "--hold", "1", "--rest", "0.5", "--out", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    recording = load(out)
    assert recording.simulated
    assert recording.person == "sim3"
    assert set(recording.names) == {recording.names[label] for label in recording.labels}
    assert str(out) in result.stdout


@pytest.mark.parametrize("change", [["--person", "-1"], ["--rate", "5"], ["--hold", "0.1"], ["--repetitions", "0"]])
def test_what_cannot_be_simulated_is_one_sentence(tmp_path, change):
    out = tmp_path / "made.npz"
    result = CliRunner().invoke(app, ["simulate", "--person", "1", "--out", str(out), *change])
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert not out.exists()
