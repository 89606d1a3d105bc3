from __future__ import annotations

import time
from contextlib import closing

import numpy as np
import pylsl
import pytest

from devices.lsl.inlet import open_lsl
from devices.lsl.library import load_pylsl, offset_s
from devices.lsl.outlet import MarkerOutlet, Outlet
from dsp.flow import StreamInfo
from tests.devices.lsl.streams import unique
from tests.devices.reading import read_until, samples_of


def inlet_of(name: str) -> pylsl.StreamInlet:
    (found,) = pylsl.resolve_byprop("name", name, 1, 5.0)
    inlet = pylsl.StreamInlet(found, recover=False)
    inlet.open_stream(5.0)
    return inlet


def test_another_program_reads_what_is_said_of_the_stream():
    name = unique()
    with closing(Outlet(StreamInfo(name, 500.0, ("flexor", "extensor")), manufacturer="ACME", model="Cuff")) as outlet:
        assert not outlet.heard
        inlet = inlet_of(name)
        full = inlet.info(5.0)
        assert (full.type(), full.nominal_srate(), full.channel_count()) == ("EMG", 500.0, 2)
        assert full.channel_format() == pylsl.cf_float32
        assert name in full.source_id()
        assert full.get_channel_labels() == ["flexor", "extensor"]
        assert full.get_channel_units() == ["microvolts"] * 2
        assert full.get_channel_types() == ["EMG"] * 2
        assert full.desc().child("acquisition").child_value("manufacturer") == "ACME"
        assert full.desc().child("acquisition").child_value("model") == "Cuff"
        assert outlet.heard
        del inlet


@pytest.mark.parametrize("count", [1, 7])
def test_samples_arrive_with_their_times(count):
    name = unique()
    with (
        closing(Outlet(StreamInfo(name, 500.0, ("a", "b")), source_id="")) as outlet,
        closing(open_lsl(name=name)) as source,
    ):
        samples = np.arange(2.0 * count, dtype=np.float32).reshape(count, 2)
        taken_s = time.perf_counter() - 0.5 + np.arange(count) / 500
        outlet.push(samples[:0], taken_s[:0])
        outlet.push(samples, taken_s)
        chunks = read_until(source, lambda got: samples_of(got) == count)
        np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in chunks]), samples)
        stamps = np.concatenate([chunk.stamps for chunk in chunks])
        np.testing.assert_allclose(stamps, taken_s, rtol=0, atol=2e-3)


def test_markers_are_read_back_at_their_times():
    name = unique()
    with closing(MarkerOutlet(name)) as outlet:
        inlet = inlet_of(name)
        full = inlet.info(5.0)
        assert (full.type(), full.nominal_srate(), full.channel_format()) == ("Markers", 0.0, pylsl.cf_string)
        assert outlet.heard
        at_s = time.perf_counter() - 0.25
        outlet.push("fist", at_s)
        outlet.push("Öffnen")
        outlet.push("", float("nan"))
        offset = offset_s(load_pylsl())
        (first, first_s), (second, second_s), (third, third_s) = (inlet.pull_sample(5.0) for _ in range(3))
        assert (first, second, third) == (["fist"], ["Öffnen"], [""])
        assert first_s + offset == pytest.approx(at_s, abs=1e-3)
        assert at_s < second_s + offset <= third_s + offset <= time.perf_counter()
        del inlet


def test_closing_twice_is_closing():
    outlet, markers = Outlet(StreamInfo(unique(), 500.0, ("a",))), MarkerOutlet(unique())
    for _ in range(2):
        outlet.close()
        markers.close()
    assert not outlet.heard
    assert not markers.heard
