"""What an audience costs: the terminal's view, two tabs of a browser, four sinks; beside a replay that shows nothing.

The browser is stopped (SIGSTOP) for the middle third, and so is whoever listens to one of the sinks; the peer of
another is dead from the beginning.
"""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from devices.formats.npz import save_npz
from devices.recording import Recording
from devices.simulator import simulate

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "models" / "checkpoints"
HOP_MS = 20
BROWSER = ("chromium", "chromium-browser", "google-chrome")
LISTEN = (
    "import sys, websockets.sync.client as c\n"
    "for _ in range(600):\n"
    "    try:\n"
    "        [None for _ in c.connect(sys.argv[1])]\n"
    "    except Exception:\n"
    "        __import__('time').sleep(0.1)\n"
)


def measure(seconds: float) -> dict[str, Any]:
    """Both, one after the other, each for so many seconds of a simulated recording."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recording = folder / "recording.npz"
        save_npz(recording, _simulated(seconds))
        shown = _with_an_audience(recording, folder, seconds)
        alone = _run(recording, folder / "alone", ["--view", "none"])
    return {
        "recording_s": round(alone["duration_s"], 1),
        "hop_ms": HOP_MS,
        "alone": _figures(alone),
        "with_audience": shown,
        "p99_ratio": round(shown["latency_ms"]["p99"] / alone["latency_ms"]["p99"], 2),
    }


def _simulated(seconds: float) -> Recording:
    """So many seconds of a simulated person."""
    whole = simulate(905, 1, repetitions=2 + int(seconds / 30), rate_hz=1000.0)
    length = int(seconds * whole.info.rate_hz)
    labels = None if whole.labels is None else whole.labels[:length]
    return replace(whole, samples=whole.samples[:length], labels=labels)


def _with_an_audience(recording: Path, folder: Path, seconds: float) -> dict[str, Any]:
    log, port, dead, page = folder / "decisions.jsonl", _free_port(), _free_port(), _free_port()
    heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    heard.bind(("127.0.0.1", 0))
    sinks = [f"jsonl:{log}", f"ws:{port}", f"osc:127.0.0.1:{heard.getsockname()[1]}", f"ws://127.0.0.1:{dead}/"]
    told = ["--view", "terminal", "--view", "web", "--web-address", f"127.0.0.1:{page}"]
    told += [part for sink in sinks for part in ("--sink", sink)]
    counted: dict[str, int] = {}
    with closing(heard), ExitStack() as stack:
        listener = subprocess.Popen([sys.executable, "-c", LISTEN, f"ws://127.0.0.1:{port}/"])
        stack.callback(_end, listener)
        watching = threading.Thread(
            target=_watch, args=(f"http://127.0.0.1:{page}/", folder, seconds, listener.pid, counted)
        )
        watching.start()
        report = _run(recording, folder / "shown", told)
        watching.join()
    lines = sum('"label"' in line for line in log.read_text().splitlines())
    return _figures(report) | {"decisions": report["decisions"], "in_the_log": lines} | counted


def _run(recording: Path, report: Path, told: list[str]) -> dict[str, Any]:
    """Replays in a terminal of its own; what its report says."""
    command = [sys.executable, "-m", "stream", "replay", str(recording), "--checkpoint", str(SHIPPED / "demo")]
    command += ["--hop-ms", str(HOP_MS), "--report", str(report), *told]
    master, slave = pty.openpty()
    with closing(os.fdopen(master, "rb", buffering=0)) as screen:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, env=os.environ | {"TERM": "xterm-256color"}
        )
        os.close(slave)
        with suppress(OSError):  # Linux says so when the other end is closed
            while screen.read(65536):
                pass
        process.wait(60)
    figures: dict[str, Any] = json.loads((report / "report.json").read_text())
    return figures


def _figures(report: dict[str, Any]) -> dict[str, Any]:
    integrity = report["integrity"]
    return {
        "latency_ms": report["latency_ms"]["stages"]["total"],
        "sinks_leg_ms": report["latency_ms"]["stages"]["sinks"],
        "dropped": report["dropped"],
        "late": report["deadline"]["late"],
        "skipped": report["deadline"]["skipped"],
        "sinks_dropped": integrity.get("sinks_dropped", {}),
    }


def _watch(url: str, folder: Path, seconds: float, listener: int, counted: dict[str, int]) -> None:
    """Two tabs; stopped with the listener for the middle third."""
    with _browser(folder) as (process, port):
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - the other benchmarks do without

        with sync_playwright() as playwright:
            chromium = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
            pages = [chromium.contexts[0].new_page() for _ in range(2)]
            for page in pages:
                _patiently(lambda page=page: page.goto(url))  # type: ignore[misc]
            began = time.monotonic()
            time.sleep(seconds / 3)
            os.killpg(process.pid, signal.SIGSTOP)
            os.kill(listener, signal.SIGSTOP)
            time.sleep(seconds / 3)
            os.killpg(process.pid, signal.SIGCONT)
            os.kill(listener, signal.SIGCONT)
            time.sleep(max(0.0, seconds - (time.monotonic() - began)) + 2)
            for number, page in enumerate(pages, 1):
                shown = page.evaluate("myostream.decisions.map((one) => one.number)")
                counted[f"tab_{number}_decisions"] = len(shown)
                counted[f"tab_{number}_missing"] = (max(shown) + 1 - len(set(shown))) if shown else -1
                counted[f"tab_{number}_frames"] = page.evaluate("myostream.drawn")


@contextmanager
def _browser(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = _free_port()
    command = [next(filter(None, map(shutil.which, BROWSER))) or "chromium", "--headless=new", "--no-sandbox"]
    command += ["--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-component-update"]
    command += [f"--remote-debugging-port={port}", f"--user-data-dir={folder / 'browser'}"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        _patiently(lambda: socket.create_connection(("127.0.0.1", port), 1).close())
        yield process, port
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def _patiently(act: Any) -> None:
    for left in reversed(range(300)):
        try:
            act()
        except Exception:  # whatever says that the other side is not there yet
            if not left:
                raise
            time.sleep(0.1)
        else:
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGCONT)
        process.kill()
    process.wait(10)


def _free_port() -> int:
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        return int(plug.getsockname()[1])
