from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pylsl
import pytest

from devices.emulators.faults import Injected, parse
from devices.emulators.lsl import ServedLsl, serve_lsl
from devices.lsl.inlet import open_lsl
from devices.recording import Recording
from devices.watched import Watched
from dsp.flow import Chunk
from tests.devices.emulators import recordings
from tests.devices.lsl.streams import unique


def noise(seconds: float, rate_hz: float = 1000.0) -> Recording:
    return recordings.noise(seconds, rate_hz)


def read_all(source: Watched, served: ServedLsl, within_s: float = 20.0) -> list[Chunk]:
    """Until the recording has ended and nothing more comes."""
    until = time.perf_counter() + within_s
    chunks: list[Chunk] = []
    while True:
        assert time.perf_counter() < until, "the recording does not end"
        ended = any(event.event == "end" for event in served.notes.events)
        chunk = source.read()
        assert chunk is not None
        if len(chunk.samples):
            chunks.append(chunk)
        elif ended:
            return chunks


def missing(log: list[Injected], fault: str, chunk: int) -> set[int]:
    """The samples that faults of a kind took away."""
    packets = [n for entry in log if entry.fault == fault for n in range(entry.packet, entry.packet + entry.count)]
    return {packet * chunk + sample for packet in packets for sample in range(chunk)}


@pytest.mark.parametrize("chunk", [1, 10])
def test_every_sample_has_its_index_and_its_time(chunk):
    recording, name = noise(1.0), unique()
    with (
        ServedLsl(recording, name, once=True, chunk=chunk, source_id=name) as served,
        closing(Watched(open_lsl(source_id=name))) as source,
    ):
        assert source.info.channels == recording.info.channels
        chunks = read_all(source, served)
    np.testing.assert_array_equal(np.concatenate([part.samples for part in chunks]), recording.samples)
    assert chunks[0].first == 0
    raw = np.concatenate([part.raw for part in chunks])
    np.testing.assert_allclose(np.diff(raw), 1e-3, rtol=0, atol=1e-6)
    assert source.integrity.clean
    assert served.log == []
    assert served.notes.sent == served.notes.made == len(recording.samples) // chunk


@pytest.mark.parametrize(
    ("fault", "chunk"),
    [
        ("drop=0.01,seed=1", 1),
        ("drop=0.02,duplicate=0.02,burst=0.2@1,stall=0.3@1.5,seed=2", 1),
        ("drop=0.02,duplicate=0.02,burst=0.1@1,seed=4", 8),
    ],
)
def test_losses_and_duplicates_are_counted_as_injected(fault, chunk):
    recording, name = noise(1.8), unique()
    with (
        ServedLsl(recording, name, parse(fault), once=True, chunk=chunk, source_id=name) as served,
        closing(Watched(open_lsl(source_id=name))) as source,
    ):
        chunks = read_all(source, served)
    gone = missing(served.log, "drop", chunk) | missing(served.log, "burst", chunk)
    doubled = missing(served.log, "duplicate", chunk)
    assert served.log, "nothing was injected"
    index = np.concatenate([np.arange(part.first, part.end) for part in chunks])
    came = np.array(sorted(set(range(len(recording.samples))) - gone))
    begun = came[0]  # a loss before the first sample cannot be seen
    np.testing.assert_array_equal(index + begun, came)
    np.testing.assert_array_equal(np.concatenate([part.samples for part in chunks]), recording.samples[came])
    assert source.integrity.lost == came[-1] - begun + 1 - len(came)
    assert source.integrity.duplicates == len(doubled)
    assert source.integrity.returns == 0


@pytest.mark.parametrize("source_id", [True, False])
def test_a_disconnection_costs_what_was_not_sent(source_id):
    recording, name = noise(1.7, rate_hz=500.0), unique()
    source_id = name if source_id else ""
    faults = parse("disconnect=0.3@0.5,drop=0.01,seed=1")
    with (
        ServedLsl(recording, name, faults, once=True, source_id=source_id) as served,
        closing(Watched(open_lsl(name=name))) as source,
    ):
        chunks = read_all(source, served)
    gone = missing(served.log, "drop", 1) | missing(served.log, "disconnect", 1)
    came = np.array(sorted(set(range(len(recording.samples))) - gone))
    index = np.concatenate([np.arange(part.first, part.end) for part in chunks])
    np.testing.assert_array_equal(index + came[0], came)
    np.testing.assert_array_equal(np.concatenate([part.samples for part in chunks]), recording.samples[came])
    assert source.integrity.returns == 1
    assert source.integrity.lost == len(recording.samples) - came[0] - len(came)
    assert [event.event for event in served.notes.events if event.event in ("gone", "back", "resume")] == [
        "gone",
        "back",
        "resume",
    ]


def labelled(recording: Recording) -> Recording:
    labels = np.full(len(recording.samples), -1, np.int16)
    labels[200:500], labels[500:800] = 1, 0
    return replace(recording, names=("fist", "open"), labels=labels)


def test_labels_are_markers_at_the_samples_they_are_of():
    recording, name = labelled(noise(1.0)), unique()
    with ServedLsl(recording, name, once=True, source_id=name) as served:
        (found,) = pylsl.resolve_byprop("name", f"{name}-markers", 1, 5.0)
        inlet = pylsl.StreamInlet(found, recover=False)
        inlet.open_stream(5.0)
        with closing(Watched(open_lsl(source_id=name))) as source:
            chunks = read_all(source, served)
        markers = [inlet.pull_sample(5.0) for _ in range(3)]
        del inlet
    raw = np.concatenate([part.raw for part in chunks])
    assert [text for (text,), _ in markers] == ["open", "fist", ""]
    np.testing.assert_allclose([at_s for _, at_s in markers], raw[[200, 500, 800]], rtol=0, atol=1e-5)


def test_it_begins_again_unless_it_is_to_end():
    recording, name = noise(0.2), unique()
    with (
        ServedLsl(recording, name, source_id=name) as served,
        closing(Watched(open_lsl(source_id=name))) as source,
    ):
        got: list[Chunk] = []
        until = time.perf_counter() + 10
        while sum(len(part.samples) for part in got) < 500:
            assert time.perf_counter() < until
            got.append(source.read())
    samples = np.concatenate([part.samples for part in got])
    np.testing.assert_array_equal(samples, np.tile(recording.samples, (4, 1))[: len(samples)])
    assert not any(event.event == "end" for event in served.notes.events)


def test_it_waits_for_its_first_reader():
    recording, name = noise(0.5), unique()
    with ServedLsl(recording, name, once=True) as served:
        time.sleep(0.4)
        assert served.notes.made == 0
        assert served.notes.events == []


@pytest.mark.parametrize("fault", ["flip=1e-3", "lose=1e-3"])
def test_faults_that_a_network_does_not_have_are_refused(fault):
    with pytest.raises(ValueError, match="choose among drop, duplicate, burst, stall and disconnect"):
        serve_lsl(noise(1.0), faults=parse(fault), until=threading.Event())


def test_the_producer_may_be_another_process():
    name = unique()
    program = (
        "import threading; from devices.emulators.lsl import serve_lsl;"
        "from tests.devices.emulators.recordings import noise;"
        f"serve_lsl(noise(1.0, 1000.0), name={name!r}, until=threading.Event(), once=True)"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as sender:
        try:
            with closing(Watched(wait_and_open(name))) as source:
                expected = noise(1.0).samples
                got: list[Chunk] = []
                until = time.perf_counter() + 20
                while sum(len(part.samples) for part in got) < len(expected):
                    assert time.perf_counter() < until
                    got.append(source.read())
                np.testing.assert_array_equal(np.concatenate([part.samples for part in got]), expected)
                assert source.integrity.clean
            assert sender.wait(20) == 0
        finally:
            sender.kill()


def wait_and_open(name: str):
    until = time.perf_counter() + 20
    while True:
        try:
            return open_lsl(name=name)
        except ValueError:
            assert time.perf_counter() < until
