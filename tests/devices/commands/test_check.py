"""``python -m devices check`` with devices that are faked byte for byte, streams on the loopback, and recordings."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from devices.checkup import examination
from devices.cli import main
from devices.files import save_npz
from devices.recording import Recording
from dsp.flow import StreamInfo
from tests.devices.boards.far_end import FarEnd

pty = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main(["check", *(str(argument) for argument in arguments)])
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


def refused(capsys, device: str) -> str:
    code, said, err = call(capsys, device)
    assert (code, said) == (2, "")
    assert len(err.strip().splitlines()) == 1, err
    return err


def arm(rate_hz: float = 250.0, seconds: float = 8.0) -> Recording:
    """Eight electrodes: three good, one flat, one at the rail, one that hangs free, one near a charger, one tense."""
    rng = np.random.default_rng(1)
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = rng.normal(0, 5, (len(t), 8))
    samples[:, 1] = 0
    samples[:, 2] = 187_500
    samples[:, 3] += 400 * np.sin(2 * np.pi * 50 * t)
    samples[:, 4] += 30 * np.sin(2 * np.pi * 60 * t)
    samples[:, 5] *= 40
    info = StreamInfo("arm", rate_hz, tuple(f"ch{n}" for n in range(1, 9)), full_scale_uv=187_500.0)
    return Recording(info, samples.astype(np.float32))


WORDS = ["good", "no contact", "no contact", "no contact", "weak", "weak", "good", "good"]


def served(faults: str = "", recording: Recording | None = None):
    from devices.emulators import cyton  # noqa: PLC0415 - needs pseudo-terminals
    from devices.emulators.faults import parse  # noqa: PLC0415
    from devices.emulators.feed import Feed  # noqa: PLC0415
    from devices.emulators.serve import Served  # noqa: PLC0415

    return Served(cyton.Cyton(Feed(recording or arm(), cyton.RATE_HZ, cyton.CHANNELS)), parse(faults))


def quiet(rate_hz: float = 250.0) -> Recording:
    samples = np.random.default_rng(2).normal(0, 5, (round(8 * rate_hz), 8)).astype(np.float32)
    return Recording(StreamInfo("quiet", rate_hz, tuple(f"ch{n}" for n in range(1, 9))), samples)


def levels(said: str) -> dict[str, str]:
    """Of all that does not depend on how busy this machine is."""
    report = json.loads(said)
    return {f["what"]: f["level"] for f in report["findings"] if f["what"] not in ("arrivals", "rate")}


@pty
def test_a_cyton_on_a_good_arm_is_well(capsys):
    with served(recording=quiet()) as device:
        _, said, err = call(capsys, f"cyton:{device.path}", "--seconds", "1.6", "--json")
    assert err == ""
    assert levels(said) == dict.fromkeys(("device", "port", "losses", "contact"), "ok")
    assert {"arrivals", "rate"} < {finding["what"] for finding in json.loads(said)["findings"]}


def test_what_is_well_ends_with_status_0(tmp_path, capsys):
    save_npz(tmp_path / "quiet.npz", quiet())
    code, said, err = call(capsys, tmp_path / "quiet.npz")
    assert (code, err) == (0, "")
    assert said.splitlines()[0] == "device: ok: quiet: 8 channels at 250 Hz"
    assert said.splitlines()[-1] == "all is well"


@pty
def test_each_electrode_gets_its_word_and_its_cure(capsys):
    with served() as device:
        code, said, _ = call(capsys, f"cyton:{device.path}", "--seconds", "1.6", "--json")
    assert code == 1
    report = json.loads(said)
    assert not report["well"]
    assert [channel["word"] for channel in report["channels"]] == WORDS
    assert [bool(channel["cure"]) for channel in report["channels"]] == [word != "good" for word in WORDS]
    assert [report["channels"][c]["mains_hz"] for c in (3, 4)] == [50, 60]
    assert report["channels"][2]["saturated"] == 1
    assert report["channels"][1]["flat"] > 0.9
    assert "contact" in [finding["what"] for finding in report["findings"] if finding["level"] == "attention"]


@pty
def test_a_lossy_link_is_counted_as_it_was_injected(capsys):
    with served("drop=0.05,seed=3", quiet()) as device:
        code, said, _ = call(capsys, f"cyton:{device.path}", "--seconds", "1.6", "--json")
    assert code == 1
    report = json.loads(said)
    (losses,) = [finding for finding in report["findings"] if finding["what"] == "losses"]
    assert losses["level"] == "attention"
    assert losses["cure"]
    heard = report["integrity"]["samples"] + report["integrity"]["lost"]
    assert report["integrity"]["lost"] == sum(
        injected.fault == "drop" and injected.packet < heard for injected in device.log
    )


@pty
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_whoever_ends_it_the_device_is_left_idle(name):
    with served() as device:
        command = [sys.executable, "-m", "devices", "check", f"cyton:{device.path}", "--seconds", "60"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                deadline = time.monotonic() + 30
                while device.sent < 10 and time.monotonic() < deadline:
                    time.sleep(0.02)
                process.send_signal(getattr(signal, name))
                said = process.communicate(timeout=30)
            finally:
                process.kill()
    assert (process.returncode, *said) == (130, "", "")
    assert "stop" in [event.event for event in device.notes.events]


@pty
def test_a_device_that_goes_away_meanwhile_is_told_with_what_was_heard(capsys):
    with served("disconnect=60@1", quiet()) as device:
        code, said, err = call(capsys, f"cyton:{device.path}", "--seconds", "2")
    assert (code, err) == (1, "")
    assert "connection: attention: it has been silent for the last" in said
    assert "ch1: good" in said


DEVICES = ("cyton:{}", "myo:{}", "chords:{}", "text:{}?rate=250&channels=8&unit=uV")


@pty
@pytest.mark.parametrize("device", [DEVICES[1], DEVICES[3]])  # the others: in the tests of their drivers
def test_a_silent_device_is_one_sentence(device, capsys):
    with FarEnd() as far:
        assert far.path in refused(capsys, device.format(far.path))


@pty
@pytest.mark.parametrize("device", [DEVICES[1], DEVICES[3]])
def test_rubbish_is_one_sentence(device, capsys):
    rubbish = bytes(np.random.default_rng(4).integers(0, 256, 500, np.uint8))
    with FarEnd(talk=lambda: rubbish) as far:
        assert far.path in refused(capsys, device.format(far.path))


@pty
@pytest.mark.parametrize("device", DEVICES)
def test_a_port_in_use_is_one_sentence(device, capsys):
    from devices.boards.port import Port  # noqa: PLC0415 - after the skip

    with FarEnd() as far, contextlib.closing(Port(far.path, 115200, what="a test")):
        assert "in use by another program" in refused(capsys, device.format(far.path))


@pytest.mark.parametrize("device", DEVICES)
def test_no_such_port_is_one_sentence(device, capsys):
    assert "there is no such port" in refused(capsys, device.format("/dev/ttyUSB99"))


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Root may open everything, so it becomes somebody else for a while."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pty
def test_a_port_that_one_may_not_use_is_one_sentence(capsys):
    refused(capsys, "cyton:/dev/ttyUSB99")  # loads all that is needed, which nobody else may be able to
    with FarEnd() as far:
        Path(far.path).chmod(0)
        with as_nobody():
            said = refused(capsys, f"cyton:{far.path}")
    assert "you may not open" in said
    assert "dialout" in said


@pytest.fixture
def sent() -> Iterator[tuple[str, threading.Event]]:
    """An LSL stream of eight quiet channels at 250 Hz; sends once the event is set."""
    import pylsl  # noqa: PLC0415 - loads liblsl

    name = f"check {uuid.uuid4()}"
    outlets = [pylsl.StreamOutlet(pylsl.StreamInfo(name, "EMG", 8, 250.0, pylsl.cf_float32, name), chunk_size=1)]
    sending, done = threading.Event(), threading.Event()
    samples = quiet().samples

    def send() -> None:
        sending.wait()
        begin = pylsl.local_clock()
        for n, sample in enumerate(samples):
            if done.wait(max(0.0, begin + n / 250 - pylsl.local_clock())):
                return
            outlets[0].push_sample(sample.tolist(), begin + n / 250)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield name, sending
    finally:
        done.set()
        sending.set()
        thread.join()
        outlets.clear()


def test_an_lsl_stream_is_checked_with_its_library_and_clock(sent, capsys):
    name, sending = sent
    sending.set()
    _, said, err = call(capsys, f"lsl:{name}", "--seconds", "1.6", "--json")
    assert err == ""
    assert levels(said) == dict.fromkeys(("device", "liblsl", "clock", "losses", "contact"), "ok")
    report = json.loads(said)
    findings = {finding["what"]: finding for finding in report["findings"]}
    assert findings["rate"]["measured_hz"] == pytest.approx(250, rel=0.1)
    assert abs(findings["clock"]["clock_offset_s"]) < 0.1
    assert [channel["word"] for channel in report["channels"]] == ["good"] * 8


def test_an_lsl_stream_that_sends_nothing_is_one_sentence(sent, capsys, monkeypatch):
    monkeypatch.setattr(examination, "FIRST_SAMPLE_S", 0.7)
    assert "no sample" in refused(capsys, f"lsl:{sent[0]}")


def test_no_such_lsl_stream_is_one_sentence(capsys):
    assert "no LSL stream" in refused(capsys, f"lsl:nobody {uuid.uuid4()}")


def test_a_recording_is_checked_at_once_and_whole(tmp_path, capsys):
    save_npz(tmp_path / "arm.npz", arm(1000.0, 60.0))
    code, said, _ = call(capsys, tmp_path / "arm.npz", "--json")
    assert code == 1
    report = json.loads(said)
    assert report["integrity"]["samples"] == 60_000
    assert [channel["word"] for channel in report["channels"]] == WORDS
    assert {finding["what"] for finding in report["findings"]} == {"device", "losses", "contact"}


def test_the_simulator_is_well(capsys):
    _, said, _ = call(capsys, "sim:person=3", "--seconds", "1", "--json")
    assert levels(said) == dict.fromkeys(("device", "losses", "contact"), "ok")


@pty
def test_on_a_terminal_it_keeps_to_its_width(tmp_path):
    save_npz(tmp_path / "arm.npz", arm())
    said = on_a_terminal([sys.executable, "-m", "devices", "check", str(tmp_path / "arm.npz")])
    assert "no contact" in said
    assert "ch4: the electrode hangs free" in said
    assert all(len(text) <= 80 for text in said.splitlines()), said


def on_a_terminal(command: list[str]) -> str:
    """What a program writes to a terminal of 80 columns, without its colours."""
    import fcntl  # noqa: PLC0415 - not on Windows
    import re  # noqa: PLC0415
    import struct  # noqa: PLC0415
    import termios  # noqa: PLC0415

    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    try:
        with subprocess.Popen(
            command, stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm"}
        ) as program:
            os.close(theirs)
            said = b""
            with contextlib.suppress(OSError):  # the terminal ends with the program
                while more := os.read(ours, 65536):
                    said += more
            program.wait(30)
    finally:
        os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said.decode()).replace("\r\n", "\n")
