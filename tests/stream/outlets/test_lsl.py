from __future__ import annotations

import uuid

import pylsl
import pytest

from devices.lsl.library import offset_s
from tests.stream.outlets.saying import LABELS, PATIENCE_S, decision, sink_of, taken_s, until


def inlet(name: str) -> pylsl.StreamInlet:
    found = pylsl.resolve_byprop("name", name, timeout=PATIENCE_S)
    assert found, "the stream was not found"
    reader = pylsl.StreamInlet(found[0])
    reader.open_stream(timeout=PATIENCE_S)
    return reader


def test_labels_markers_and_pauses_carry_the_times_of_their_samples() -> None:
    name = f"decisions {uuid.uuid4()}"
    with sink_of(f"lsl:{name}") as sink:
        sink(decision(0))
        until(lambda: sink.dropped == 1)
        assert sink.why == "nobody reads it"
        reader = inlet(name)
        for number in range(1, 40):
            sink(decision(number, "fist" if number % 2 else None))
        sink.mark(17, "here")
        sink.pause(True)
        sink.pause(False)
        got = [reader.pull_sample(timeout=PATIENCE_S) for _ in range(42)]
        reader.close_stream()
    assert [sample[0] for sample, _ in got[:39]] == ["fist" if number % 2 else "" for number in range(1, 40)]
    offset = offset_s(pylsl)
    for number, (_, stamp) in zip(range(1, 40), got, strict=False):
        assert stamp + offset == pytest.approx(taken_s(decision(number).end - 1), abs=1e-4)
    assert [sample[0] for sample, _ in got[39:]] == ["marker: here", "paused", "resumed"]
    assert got[39][1] + offset == pytest.approx(taken_s(17), abs=1e-4)
    assert (sink.delivered, sink.dropped) == (39, 1)


def test_probabilities_have_a_labelled_channel_for_each_gesture() -> None:
    name = f"probabilities {uuid.uuid4()}"
    with sink_of(f"lsl-probabilities:{name}") as sink:
        reader = inlet(name)
        info = reader.info(timeout=PATIENCE_S)
        channel = info.desc().child("channels").child("channel")
        labels = []
        while not channel.empty():
            labels.append(channel.child_value("label"))
            assert channel.child_value("unit") == "probability"
            channel = channel.next_sibling()
        for number in range(20):
            sink(decision(number))
        sink.mark(17, "here")
        sink.pause(True)
        got = [reader.pull_sample(timeout=PATIENCE_S) for _ in range(20)]
        reader.close_stream()
    assert tuple(labels) == LABELS
    assert (info.type(), info.nominal_srate()) == ("Probabilities", pylsl.IRREGULAR_RATE)
    offset = offset_s(pylsl)
    for number, (values, stamp) in enumerate(got):
        assert values == pytest.approx(decision(number).probabilities.tolist())
        assert stamp + offset == pytest.approx(taken_s(decision(number).end - 1), abs=1e-4)
    assert sink.dropped == 0
