from __future__ import annotations

from pathlib import Path

import pytest

from devices.files import load
from devices.recorder.pipe import Elsewhere
from devices.recording import Recording
from devices.replay import Replay
from devices.watched import Watched
from dsp.flow import Chunk
from stream.taping import recordable, taping
from tests.devices.emulators.recordings import wait_for


def next_of(source: Watched) -> Chunk:
    chunk = source.read()
    assert chunk is not None
    return chunk


def test_what_was_recorded_is_said_also_after_an_interrupt(
    recording: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Watched(Replay(recording, None))

    def record() -> None:
        with taping(tmp_path / "until", source) as tape:
            for _ in range(3):
                tape(next_of(source))
            assert tape.trouble() == ""
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record()
    count = source.integrity.samples
    assert capsys.readouterr().err == f"note: {count} samples are in {tmp_path / 'until.xdf'}\n"
    assert len(load(tmp_path / "until.xdf").samples) == count > 0


def test_nothing_recorded_leaves_nothing(
    recording: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with taping(tmp_path / "empty.csv", Watched(Replay(recording, None))):
        pass
    assert capsys.readouterr().err == "note: nothing was recorded\n"
    assert not list(tmp_path.iterdir())


def test_a_recording_that_fails_is_said_while_the_stream_goes_on(recording: Recording, tmp_path: Path) -> None:
    source = Watched(Replay(recording, None))
    gone_on = False

    def record() -> None:
        nonlocal gone_on
        with taping(tmp_path / "a.csv", source) as tape:
            writer = tape._recorder._writer
            assert isinstance(writer, Elsewhere)
            writer._process.kill()
            wait_for(lambda: bool(tape.trouble()), 30)
            assert tape.trouble().startswith("the recording has ended early: ")
            tape(next_of(source))
            gone_on = True

    with pytest.raises(ValueError, match=r"a\.csv.*ended early"):
        record()
    assert gone_on


def test_what_cannot_be_recorded_into_is_said_beforehand(tmp_path: Path) -> None:
    (tmp_path / "taken.csv").touch()
    with pytest.raises(ValueError, match="never overwrites"):
        recordable(tmp_path / "taken.csv")
    with pytest.raises(ValueError, match="cannot be recorded; known are"):
        recordable(tmp_path / "new.mp3")
    recordable(tmp_path / "new.csv")
