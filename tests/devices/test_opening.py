"""From a DEVICE string to samples."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest

from devices.files import save_npz
from devices.opening import open_source
from devices.recording import Recording
from devices.simulator import GESTURES, simulate
from devices.source import Source
from devices.watched import Watched
from dsp.flow import StreamInfo


def take(source: Source, least: int) -> np.ndarray:
    """The next samples, as many as asked for or until the end."""
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < least and (chunk := source.read()) is not None:
        parts.append(chunk.samples.copy())
    return np.concatenate(parts)


def ramp(samples: int = 40, rate_hz: float = 200.0) -> Recording:
    values = np.arange(samples * 2, dtype=np.float32).reshape(-1, 2)
    return Recording(StreamInfo("ramp", rate_hz, ("a", "b")), values)


def test_a_recording_is_replayed_in_real_time_with_its_integrity(tmp_path):
    save_npz(tmp_path / "ramp.npz", ramp())
    with closing(open_source(str(tmp_path / "ramp.npz"))) as source:
        assert isinstance(source, Watched)
        assert np.array_equal(take(source, 1000), ramp().samples)
        assert source.integrity.samples == 40


def test_rate_and_unit_of_a_file_that_does_not_say_them(tmp_path):
    path = tmp_path / "plain.csv"
    path.write_text("a,b\n" + "1,2\n" * 20)
    with closing(open_source(str(path), file_rate_hz=200, unit="mV", speed=None)) as source:
        assert source.info.rate_hz == 200
        assert take(source, 1000)[0].tolist() == [1000, 2000]


@pytest.mark.parametrize(
    ("text", "rate_hz", "expected_hz"),
    [("sim:person=3,session=2", 200, 200), ("sim:person=3,rate=500", 200, 500)],
)
def test_the_simulator_runs_at_the_rate_that_was_typed_or_else_asked_for(text, rate_hz, expected_hz):
    session = 2 if "session" in text else 1
    expected = simulate(3, session, repetitions=1, rate_hz=expected_hz).samples[:100]
    with closing(open_source(text, rate_hz=rate_hz, speed=None)) as source:
        assert source.info.rate_hz == expected_hz
        assert source.simulated
        assert np.array_equal(take(source, 100)[:100], expected)


def test_the_simulated_person_never_ends_and_repetitions_are_accepted():
    longest_s = 1.1 * (1 + 1) * len(GESTURES) + 1.1  # of one repetition with the rests around it
    with closing(open_source("sim:person=1,repetitions=1,hold=1,rest=1,rate=100", speed=None)) as source:
        assert len(take(source, round(100 * longest_s) + 1)) > 100 * longest_s


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sim:rate=5", "5"),
        ("text:/dev/ttyUSB9?channels=8", "does not say the rate and unit"),
        ("text:/dev/ttyUSB9?channels=8&rate=1000", "does not say the unit"),
        ("text:/dev/ttyUSB9?channels=8&rate=1000&unit=uV", "there is no such port"),
        ("cyton:/dev/ttyUSB9", "there is no such port"),
        ("myo:/dev/ttyACM9", "there is no such port"),
        ("chords:/dev/ttyACM9?baud=115200", "there is no such port"),
        ("cyton:/dev/null", "cannot be opened as a serial port"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence(text, words):
    with pytest.raises(ValueError, match=words) as caught:
        open_source(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said", "words"),
    [
        ("sim:rate=500", {"file_rate_hz": 1000.0}, "'sim:rate=500' gives 500 Hz, but --rate says 1000 Hz"),
        ("sim:", {"rate_hz": 0.0}, "rate_hz is 0; the simulator runs at"),
        ("sim:", {"unit": "mV"}, "'sim:' is in uV, but --unit says mV"),
        ("cyton:/dev/ttyUSB9", {"unit": "furlong"}, "cannot be in 'furlong'"),
        ("text:/dev/ttyUSB9?channels=8&rate=9&unit=uV", {"unit": "mV"}, "says unit=uV, but --unit says mV"),
    ],
)
def test_what_a_source_says_is_not_contradicted(text, said, words):
    with pytest.raises(ValueError, match=words):
        open_source(text, **said)


def test_rate_and_unit_of_lines_may_be_said_besides():
    with pytest.raises(ValueError, match="no such port"):
        open_source("text:/dev/ttyUSB9?channels=8", file_rate_hz=1000, unit="uV")


def test_only_the_driver_that_is_asked_for_is_loaded(tmp_path):
    save_npz(tmp_path / "ramp.npz", ramp())
    program = (
        "import sys; from devices.opening import open_source; open_source(sys.argv[1]).close();"
        "print([name for name in sys.modules if name.startswith(('pylsl', 'brainflow', 'devices.boards.', "
        "'devices.lsl.', 'devices.simulator', 'scipy.signal'))])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "ramp.npz")], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"
