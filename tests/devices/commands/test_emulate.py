"""``python -m devices emulate`` as a person types it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from serial import Serial

from devices.cli import main
from devices.emulators import cyton
from devices.emulators.feed import Feed
from devices.files import load
from devices.formats.npz import save_npz
from tests.devices.emulators.recordings import noise, read_until, rest, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals there")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "made.npz"
    save_npz(path, noise(1.0))
    return path


class Run:
    """The command in a process of its own, with what it has said so far."""

    def __init__(self, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "devices", "emulate", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._listen)
        self._reader.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        self.said.extend(iter(self.process.stdout.readline, ""))

    def says(self, words: str) -> str:
        wait_for(lambda: any(words in line for line in self.said) or self.process.poll() is not None, within_s=60)
        found = [line for line in self.said if words in line]
        assert found, f"{words!r} was not said, but {self.said}, {self.process.communicate()[1]!r}"
        return found[0].strip()

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        if self.process.poll() is None and number:
            self.process.send_signal(number)
        code = self.process.wait(20)
        self._reader.join(20)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        complaint = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        return code, complaint


@pytest.fixture
def run() -> Iterator[Callable[..., Run]]:
    running: list[Run] = []

    def start(*arguments: object) -> Run:
        running.append(Run(*arguments))
        return running[-1]

    yield start
    for started in running:
        if started.process.poll() is None:
            started.process.kill()
        if not started.process.stdout.closed:  # type: ignore[union-attr]
            started.end(0)


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    """A command that goes on where it should refuse ends the test, not the patience."""

    def too_long(*_: object) -> None:
        raise AssertionError("the command does not end")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, 90)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as end:
        main(["emulate", *map(str, arguments)])
    said = capsys.readouterr()
    assert (end.value.code, said.out) == (2, "")
    assert len(said.err.strip().splitlines()) == 1
    return said.err


def test_a_device_from_a_recording_until_ctrl_c(run: Callable[..., Run], recording: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    started = run("cyton", "--from", recording, "--fault", "drop=0.05,seed=3", "--log", log)
    address = started.says("python -m devices check").rpartition(" ")[2]
    path = address.removeprefix("cyton:")
    assert Path(path).parent.stat().st_mode & 0o077 == 0
    with Serial(path, 115200, timeout=0.3) as port:
        port.write(b"v")
        assert port.read_until(b"$$$").endswith(b"$$$")
        port.write(b"b")
        got = read_until(port, lambda got: len(got) > 33 * 300)
        port.write(b"s")
        started.says("it was stopped")
        got += rest(port)
    started.says("the program has gone")
    assert started.end() == (0, "")
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    dropped = [entry["packet"] for entry in entries if entry.get("fault") == "drop"]
    (stopped,) = [entry["packet"] for entry in entries if entry.get("event") == "stop"]
    twin = cyton.Cyton(Feed(load(recording), 250.0, 8))
    twin.listen(b"b")
    assert dropped
    assert got == b"".join(twin.packet(number) for number in range(stopped) if number not in dropped)
    events = [entry["event"] for entry in entries if "event" in entry]
    assert events == ["connected", "start", "stop", "left"]
    sent = stopped - len(dropped)
    assert started.said[-1] == f"{stopped} packets were due, {sent} went out; faults: drop {len(dropped)}\n"
    assert not Path(path).parent.exists()


def test_text_ends_with_its_recording_and_keeps_its_name(
    run: Callable[..., Run], recording: Path, tmp_path: Path
) -> None:
    link = tmp_path / "sketch"
    options = ("--once", "--channels", 2, "--rate", 1000, "--time", "--link", link)
    started = run("text", "--from", recording, *options)
    assert f"'text:{link}?rate=1000&channels=2&unit=uV'" in started.says("devices check")
    with Serial(str(link), 115200, timeout=0.3) as port:
        got = read_until(port, lambda got: b"\r\n999000," in got and got.endswith(b"\r\n"))
        started.says("the recording has ended")
    assert started.end(0) == (0, "")
    lines = got.split(b"\r\n")[2:-1]
    assert [int(line.split(b",")[0]) for line in lines] == [1000 * number for number in range(1000)]
    assert {line.count(b",") for line in lines} == {2}
    assert not link.is_symlink()


def test_an_orderly_end_from_outside_is_as_good_as_ctrl_c(run: Callable[..., Run], recording: Path) -> None:
    started = run("chords", "--from", recording, "--board", "uno-r3")
    path = started.says("devices check").rpartition(":")[2]
    with Serial(path, 115200, timeout=5) as port:
        port.write(b"WHORU\n")
        assert port.read_until(b"\n") == b"UNO-R3\r\n"
    assert started.end(signal.SIGTERM) == (0, "")
    assert not Path(path).is_symlink()
    assert started.said[-1] == "0 packets were due, 0 went out; faults: none\n"


def test_a_simulated_person_needs_no_recording(run: Callable[..., Run]) -> None:
    started = run("myo", "--from", "sim:person=3,hold=1,rest=1")
    started.says("simulated person")
    started.says("check myo:")
    assert started.end() == (0, "")


def test_a_table_without_rate_and_unit_is_told_them(run: Callable[..., Run], tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a,b\n" + "\n".join(f"{n},{-n}" for n in range(500)), encoding="utf-8")
    started = run("text", "--from", table, "--rate", 500, "--unit", "mV", "--no-time", "--once")
    path = started.says("devices check").partition("text:")[2].partition("?")[0]
    with Serial(path, 115200, timeout=2) as port:
        assert b"\r\n3000.00,-3000.00\r\n" in read_until(port, lambda got: b"\r\n5000.00," in got)
    assert started.end()[0] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["trumpet"], "there is no emulator of 'trumpet'; there are cyton, myo, chords, text, lsl"),
        (["cyton", "--fault", "drip=1"], "there is no fault 'drip'; there are drop, duplicate"),
        (["chords", "--board", "x"], "there is no board 'x' with the Chords firmware; there are NANO-CLASSIC"),
        (["cyton", "--board", "UNO-R3"], "--board is for chords; a cyton has its own"),
        (["cyton", "--channels", "3"], "--channels is for text; a cyton has its own"),
        (["myo", "--time"], "--time is for text; a myo has its own"),
        (["cyton", "--rate", "77"], "--rate says 77 Hz"),
        (["text", "--rate", "-5"], "-5"),
        (["text", "--channels", "0"], "above zero"),
        (["text", "--channels", "10000000"], "GiB of memory; give fewer channels"),
        (["text", "--rate", "1e12"], "GiB of memory; give fewer channels, a lower rate"),
        (["lsl", "--link", "port"], "--link is the name of a serial port"),
        (["cyton", "--name", "left"], "--name is for lsl"),
        (["cyton", "--from", "lsl:somebody"], "'lsl:somebody' is no recording; give a file, or sim:person=7"),
        (["cyton", "--from", "nowhere.npz"], "nowhere.npz"),
        (["cyton", "--log", "nowhere/log.jsonl"], "nowhere/log.jsonl"),
        (["cyton", "--link", "nowhere/board"], "nowhere"),
    ],
)
def test_what_cannot_be_emulated_is_one_sentence(
    arguments: list[str], says: str, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = [] if "--from" in arguments else ["--from", str(recording)]
    assert says in refused(capsys, *arguments, *source)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_log_that_cannot_be_written_is_one_sentence(run: Callable[..., Run], recording: Path) -> None:
    started = run("cyton", "--from", recording, "--log", "/dev/full")
    with Serial(started.says("devices check").partition("cyton:")[2], 115200):
        status, complaint = started.end(0)
    assert status == 2
    assert "the log '/dev/full' cannot be written any more (No space left on device)" in complaint


def test_a_name_that_is_taken_is_refused(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "choose another name" in refused(capsys, "cyton", "--from", recording, "--link", recording)
    assert "is no log of faults" in refused(capsys, "cyton", "--from", recording, "--log", recording)
    assert len(load(recording).samples) == 250


def test_without_pseudo_terminals_it_says_where_there_are_some(
    recording: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "termios", None)
    assert "which Windows has not; run it on Linux, on macOS or in WSL" in refused(capsys, "cyton", "--from", recording)
