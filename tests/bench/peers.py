"""A chunk comes in, the filtered window goes out: ours against what one would write, or use, instead.

Eight channels at 1 kHz, band-pass 20-450 Hz of order 4 and a notch at 50 Hz, chunks of 10 samples, windows of 400. What
each hands to the classifier is compared with the one continuous causal filter that training saw: being quick is of no
use if the samples are others.

- ``scipy, with state``: ``sosfilt`` on each chunk, state kept, and ``np.roll`` for the window.
- ``LibEMG's way``: the whole buffer through ``filtfilt`` on every turn. LibEMG itself needs NumPy below 2 and cannot be
  installed beside this project; its way is taken from its source (``libemg/filtering.py`` of 2.0).
- ``BrainFlow``: ``DataFilter`` on the window, channel by channel, its mean removed first, as its examples do. Its
  filters keep no state.
- ``MNE-LSL``: ``StreamLSL`` with its filters. Both read one LSL stream on the loopback; what is measured begins when
  the samples are there.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from devices.lsl.inlet import open_lsl
from devices.lsl.outlet import Outlet
from dsp.design import DspSpec, design
from dsp.flow import Chunk, StreamInfo
from dsp.pipeline import Pipeline, filtered
from tests.bench.clock import medians_us
from tests.loopback import stay_on_the_loopback

RATE_HZ, CHANNELS, CHUNK, WINDOW = 1000.0, 8, 10, 400
DESIGN = design(DspSpec(RATE_HZ, notch_hz=50, notch_harmonics=1, window_ms=WINDOW, hop_ms=CHUNK))
SECONDS = 8

Turn = Callable[[], NDArray[Any]]
"""Takes the next chunk and gives the window, ``(N, C)``."""


def measure() -> dict[str, Any]:
    """Microseconds of a turn, and by how much the window differs from what training saw, as a share of its RMS."""
    raw = _raw()
    truth = filtered(DESIGN, raw)
    peers: dict[str, Callable[[NDArray[np.float32]], Turn]] = {
        "ours": _ours,
        "scipy, with state": _scipy,
        "LibEMG's way": _whole_buffer,
    }
    if find_spec("brainflow") is not None:
        peers["BrainFlow"] = _brainflow
    found = {name: _compared(make, raw, truth) for name, make in peers.items()}
    us = medians_us({name: _endless(make, raw) for name, make in peers.items()}, rounds=40, each=25)
    for name, figures in found.items():
        figures |= {"us": round(us[name], 2), "times_ours": round(us[name] / us["ours"], 1)}
    return {"chunk_to_window": found, "through_lsl": _through_lsl(raw)}


def _raw() -> NDArray[np.float32]:
    """Noise in the band of EMG, mains, and the offset that electrodes have."""
    rng = np.random.default_rng(0)
    samples = rng.standard_normal((int(SECONDS * RATE_HZ), CHANNELS)) * 50
    mains = 20 * np.sin(2 * np.pi * 50 * np.arange(len(samples)) / RATE_HZ)
    return (samples + mains[:, None] + 5000).astype(np.float32)


def _compared(
    make: Callable[[NDArray[np.float32]], Turn], raw: NDArray[np.float32], truth: NDArray[np.float32]
) -> dict[str, Any]:
    """Root mean square of the difference over that of the truth, in the window and in its newest ten samples."""
    turn, errors, newest = make(raw), [], []
    for end in range(CHUNK, len(raw) + 1, CHUNK):
        window = turn()
        if end >= len(raw) // 2:
            expected = truth[end - WINDOW : end]
            errors.append(np.mean((window - expected) ** 2) / np.mean(expected**2))
            newest.append(np.mean((window[-10:] - expected[-10:]) ** 2) / np.mean(expected[-10:] ** 2))
    return {
        "differs_from_training": round(float(np.sqrt(np.mean(errors))), 4),
        "newest_ten_samples_differ": round(float(np.sqrt(np.mean(newest))), 4),
    }


def _endless(make: Callable[[NDArray[np.float32]], Turn], raw: NDArray[np.float32]) -> Turn:
    """Starts anew where the recording ends, which is not often enough to matter for a median."""
    turns = len(raw) // CHUNK
    state: dict[str, Any] = {"turn": make(raw), "left": turns}

    def turn() -> NDArray[Any]:
        if not state["left"]:
            state.update(turn=make(raw), left=turns)
        state["left"] -= 1
        window: NDArray[Any] = state["turn"]()
        return window

    return turn


def _ours(raw: NDArray[np.float32]) -> Turn:
    pipeline, chunks = Pipeline(DESIGN), iter(range(0, len(raw), CHUNK))
    window = np.zeros((WINDOW, CHANNELS), np.float32)

    def turn() -> NDArray[Any]:
        nonlocal window
        first = next(chunks)
        for found in pipeline.feed(Chunk(raw[first : first + CHUNK], first)):
            window = found.samples
        return window

    return turn


def _scipy(raw: NDArray[np.float32]) -> Turn:
    sections, rest = DESIGN.arrays()
    state, buffer = rest[:, :, None] * raw[0].astype(np.float64), np.zeros((WINDOW, CHANNELS))
    chunks = iter(range(0, len(raw), CHUNK))

    def turn() -> NDArray[Any]:
        nonlocal state, buffer
        first = next(chunks)
        fresh, state = signal.sosfilt(sections, raw[first : first + CHUNK], axis=0, zi=state)
        buffer = np.roll(buffer, -CHUNK, axis=0)
        buffer[-CHUNK:] = fresh
        return buffer

    return turn


def _buffered(raw: NDArray[np.float32]) -> Callable[[], NDArray[np.float64]]:
    """The last window of raw samples, as a board gives it that is asked for so many."""
    end = 0

    def latest() -> NDArray[np.float64]:
        nonlocal end
        end += CHUNK
        window = np.zeros((WINDOW, CHANNELS))
        there = raw[max(0, end - WINDOW) : end]
        window[-len(there) :] = there
        return window

    return latest


def _whole_buffer(raw: NDArray[np.float32]) -> Turn:
    latest = _buffered(raw)
    band = signal.butter(4, (20, 450), "bandpass", fs=RATE_HZ)
    notch = signal.iirnotch(50, 30, fs=RATE_HZ)

    def turn() -> NDArray[Any]:
        window: NDArray[Any] = latest()
        for b, a in (band, notch):
            window = signal.filtfilt(b, a, window, axis=0)
        return window

    return turn


def _brainflow(raw: NDArray[np.float32]) -> Turn:
    from brainflow.data_filter import DataFilter, DetrendOperations, FilterTypes  # noqa: PLC0415 - an extra

    latest, kind = _buffered(raw), FilterTypes.BUTTERWORTH.value

    def turn() -> NDArray[Any]:
        rows = np.ascontiguousarray(latest().T)
        for row in rows:
            DataFilter.detrend(row, DetrendOperations.CONSTANT.value)
            DataFilter.perform_bandpass(row, int(RATE_HZ), 20.0, 450.0, 4, kind, 0.0)
            DataFilter.perform_bandstop(row, int(RATE_HZ), 49.0, 51.0, 2, kind, 0.0)
        return rows.T

    return turn


def _through_lsl(raw: NDArray[np.float32]) -> dict[str, Any]:
    """Microseconds from asking for the samples to the filtered window, medians, both readers in turn on one stream."""
    if find_spec("mne_lsl") is None:
        return {"left_out": "MNE-LSL is not installed (pip install mne-lsl)"}
    stay_on_the_loopback()
    from mne_lsl.stream import StreamLSL  # noqa: PLC0415 - not installed everywhere

    name = f"bench-{uuid.uuid4().hex[:8]}"
    outlet = Outlet(StreamInfo(name, RATE_HZ, tuple(f"ch{n + 1}" for n in range(CHANNELS))))
    source, pipeline = open_lsl(name=name), Pipeline(DESIGN)
    theirs = StreamLSL(bufsize=2, name=name).connect(acquisition_delay=None, timeout=10)
    theirs.filter(20, 450, iir_params={"order": 4, "ftype": "butter", "output": "sos"}, verbose="error")
    theirs.notch_filter(50, verbose="error")
    times: dict[str, list[float]] = {"ours": [], "MNE-LSL": []}
    try:
        for first in range(0, len(raw), CHUNK):
            stamps = time.perf_counter() + np.arange(CHUNK) / RATE_HZ - CHUNK / RATE_HZ
            outlet.push(raw[first : first + CHUNK], stamps)
            time.sleep(0.003)
            for who, take in (("ours", lambda: _read(source, pipeline)), ("MNE-LSL", lambda: _acquire(theirs))):
                began = time.perf_counter()
                take()
                times[who].append((time.perf_counter() - began) * 1e6)
    finally:
        theirs.disconnect()
        source.close()
        outlet.close()
    us = {who: float(np.median(values[len(values) // 4 :])) for who, values in times.items()}
    return {f"{who}_us": round(value, 1) for who, value in us.items()} | {
        "times_ours": round(us["MNE-LSL"] / us["ours"], 1)
    }


def _read(source: Any, pipeline: Pipeline) -> None:
    """Reads what was pushed and filters it."""
    until = time.perf_counter() + 1
    while time.perf_counter() < until:
        chunk = source.read()
        if chunk is None or len(chunk.samples):
            for _ in pipeline.feed(chunk):
                pass
            return


def _acquire(stream: Any) -> None:
    """The same by MNE-LSL."""
    stream.acquire()
    stream.get_data(WINDOW / RATE_HZ)
