from __future__ import annotations

import gc
import re
import threading
import time
from contextlib import closing

import numpy as np
import pylsl
import pytest

from devices.lsl import foreign_clock
from devices.lsl.inlet import open_lsl
from devices.watched import Watched
from tests.devices.emulators.recordings import wait_for
from tests.devices.lsl.streams import outlet, unique
from tests.devices.reading import read_until, samples_of


def push(sender: pylsl.StreamOutlet, first: int, count: int, *, start_s: float = 0.0, period_s: float = 1e-3) -> None:
    """Numbered samples with ticking stamps."""
    for number in range(first, first + count):
        stamp = start_s + number * period_s if start_s else pylsl.local_clock()
        sender.push_sample([float(number)] * sender.channel_count, stamp)


def test_values_labels_stamps_and_raw():
    name = unique()
    sender = outlet(
        name, source_id=name, channels=[{"label": "flexor", "unit": "microvolts"}, {"label": "extensor", "unit": "uV"}]
    )
    with closing(Watched(open_lsl(source_id=name))) as source:
        assert source.info.name == name
        assert source.info.rate_hz == 1000
        assert source.info.channels == ("flexor", "extensor")
        start_s = pylsl.local_clock() - 0.5
        push(sender, 0, 500, start_s=start_s)
        chunks = read_until(source, lambda got: samples_of(got) == 500)
        now = time.perf_counter()
        samples = np.concatenate([chunk.samples for chunk in chunks])
        assert samples.dtype == np.float32
        np.testing.assert_array_equal(samples, np.repeat(np.arange(500.0)[:, None], 2, axis=1))
        raw = np.concatenate([chunk.raw for chunk in chunks])
        np.testing.assert_allclose(raw, start_s + np.arange(500) * 1e-3, rtol=0, atol=1e-9)
        stamps = np.concatenate([chunk.stamps for chunk in chunks])
        assert (np.diff(stamps) >= 0).all()
        assert (stamps <= now).all()
        np.testing.assert_allclose(stamps, raw + source.integrity.clock_offset_s, rtol=0, atol=2e-3)
        assert source.integrity.clean
        assert source.integrity.state == ""


def test_units_become_microvolts():
    name = unique()
    units = {"microvolts": 1, "µV": 1, "uV": 1, "mV": 1e3, "millivolts": 1e3, "V": 1e6, "Volts": 1e6}
    sender = outlet(name, source_id=name, channels=[{"unit": unit} for unit in units])
    with closing(open_lsl(source_id=name)) as source:
        assert source.info.channels == tuple(f"ch{number + 1}" for number in range(len(units)))
        assert source.info.name == name
        push(sender, 3, 1)
        (chunk,) = read_until(source, bool)
        np.testing.assert_array_equal(chunk.samples, [[3 * scale for scale in units.values()]])


@pytest.mark.parametrize("format_", [pylsl.cf_double64, pylsl.cf_int8, pylsl.cf_int16, pylsl.cf_int32])
def test_formats_of_numbers(format_):
    name = unique()
    sender = outlet(name, source_id=name, format_=format_, channels=[{"unit": "mV"}] * 3)
    with closing(open_lsl(source_id=name)) as source:
        sender.push_sample([-7, 0, 100])
        (chunk,) = read_until(source, bool)
        np.testing.assert_array_equal(chunk.samples, [[-7e3, 0, 1e5]])
        assert chunk.samples.dtype == np.float32


def test_a_stream_without_a_unit_is_taken_as_microvolts_and_says_so():
    name = unique()
    sender = outlet(name, source_id=name)
    with closing(open_lsl(source_id=name)) as source:
        assert source.info.name == f"{name} (unit not stated, taken as uV)"
        push(sender, 5, 1)
        assert read_until(source, bool)[0].samples[0, 0] == 5
    with closing(open_lsl(source_id=name, unit="mV")) as source:
        assert source.info.name == name
        push(sender, 5, 1)
        assert read_until(source, bool)[0].samples[0, 0] == 5000


def test_units_that_are_no_voltage_or_contradict():
    name = unique()
    sender = outlet(name, source_id=name, channels=[{"unit": "counts"}])
    with pytest.raises(ValueError, match=r"'counts', which is no voltage; .*--unit uV\|mV\|V"):
        open_lsl(source_id=name)
    open_lsl(source_id=name, unit="mV").close()
    other = unique()
    second = outlet(other, source_id=other, channels=[{"unit": "mV"}])
    with pytest.raises(ValueError, match="is in mV, but --unit says uV; leave --unit out"):
        open_lsl(source_id=other, unit="uV")
    del sender, second


def test_channels_of_another_type_are_left_out():
    name = unique()
    sender = outlet(
        name,
        source_id=name,
        channels=[
            {"label": "trigger", "unit": "none", "type": "TRG"},
            {"label": "a", "unit": "mV", "type": "EMG"},
            {"label": "b", "unit": "uV", "type": "emg"},
        ],
    )
    with closing(open_lsl(source_id=name)) as source:
        assert source.info.channels == ("a", "b")
        sender.push_sample([9.0, 1.0, 2.0])
        np.testing.assert_array_equal(read_until(source, bool)[0].samples, [[1000, 2]])


def test_what_is_no_signal_is_refused():
    irregular, text = unique(), unique()
    senders = [
        outlet(irregular, source_id=irregular, rate_hz=0.0),
        outlet(text, source_id=text, format_=pylsl.cf_string),
    ]
    with pytest.raises(ValueError, match=r"states no sampling rate \(0 Hz, irregular\).*nominal rate"):
        open_lsl(source_id=irregular)
    with pytest.raises(ValueError, match="carries text"):
        open_lsl(source_id=text)
    del senders


def test_a_wrong_name_is_answered_with_those_that_exist():
    name = unique()
    sender = outlet(name, source_id=f"{name}-id")
    with pytest.raises(ValueError, match=rf"no LSL stream called 'nobody' answered.*lsl:{name} \(EMG, 2 x float32"):
        open_lsl(name="nobody")
    del sender


def test_a_program_that_runs_twice_is_said_to():
    name = unique()
    senders = [outlet(name, source_id=name) for _ in range(2)]
    with pytest.raises(ValueError, match=rf"2 LSL streams are called '{name}' and cannot be told apart .*end all but"):
        open_lsl(name=name)
    del senders


def test_an_ambiguous_name_lists_the_candidates():
    name = unique()
    senders = [outlet(name, source_id=f"{name}-{which}") for which in "ab"]
    with pytest.raises(ValueError, match=rf"several.*lsl:source_id={name}-a .*lsl:source_id={name}-b "):
        open_lsl(name=name)
    with closing(open_lsl(source_id=f"{name}-b")) as source:
        push(senders[1], 1, 1)
        assert samples_of(read_until(source, bool)) == 1


def test_a_name_with_quotes_and_a_type_in_any_case():
    name, kind = unique("""it's "odd" = """), unique("Kind")
    sender = outlet(name, type_=kind)
    open_lsl(name=name).close()
    open_lsl(type_=kind.lower()).close()
    del sender


@pytest.mark.parametrize("source_id", ["", "some-amplifier"])
def test_a_stream_that_restarts_goes_on_with_the_index_of_the_clock(source_id):
    name = unique()
    source_id = source_id and f"{source_id}-{name}"
    start_s = pylsl.local_clock() - 0.2
    senders = [outlet(name, source_id=source_id)]
    with closing(Watched(open_lsl(name=name))) as source:
        push(senders[0], 0, 200, start_s=start_s)
        read_until(source, lambda got: samples_of(got) == 200)
        senders.clear()
        gc.collect()
        until = time.perf_counter() + 5
        while "waiting" not in source.integrity.state:
            assert time.perf_counter() < until
            assert not len(source.read().samples)
        senders.append(outlet(name, source_id=source_id))
        while not senders[0].have_consumers():
            assert time.perf_counter() < until
            source.read()
        push(senders[0], 1357, 100, start_s=start_s)
        chunks = read_until(source, lambda got: samples_of(got) == 100)
        for chunk in chunks:
            np.testing.assert_array_equal(chunk.samples[:, 0], np.arange(chunk.first, chunk.end))
        integrity = source.integrity
        assert (integrity.returns, integrity.gaps, integrity.lost) == (1, 1, 1157)
        assert integrity.state == ""
        assert not integrity.clean


def test_a_stream_that_stays_away_ends_in_one_sentence():
    name = unique()
    senders = [outlet(name, source_id=name)]
    with closing(open_lsl(source_id=name, patience_s=0.6)) as source:
        push(senders[0], 0, 10)
        read_until(source, bool)
        senders.clear()
        gc.collect()
        begin = time.perf_counter()
        with pytest.raises(ValueError, match=r"went away and was not back within 0.6 s .*start its program"):
            read_until(source, lambda _: False)
        assert time.perf_counter() - begin < 4


def test_another_stream_under_the_same_name_is_not_taken():
    name = unique()
    senders = [outlet(name, source_id=name)]
    with closing(open_lsl(name=name, patience_s=1.5)) as source:
        push(senders[0], 0, 10)
        read_until(source, bool)
        senders.clear()
        gc.collect()
        senders.append(outlet(name, source_id=name, rate_hz=500.0))
        with pytest.raises(ValueError, match=r"at 1000 Hz.* went away, but .*at 500 Hz"):
            read_until(source, lambda _: False)


def test_an_idle_stream_is_only_waited_for():
    name = unique()
    sender = outlet(name, source_id=name)
    with closing(Watched(open_lsl(source_id=name, patience_s=0.5))) as source:
        until = time.perf_counter() + 2.9
        while time.perf_counter() < until:
            assert not len(source.read().samples)
        assert re.search("sends nothing", source.integrity.state)
        push(sender, 0, 10)
        read_until(source, lambda got: samples_of(got) == 10)
        assert source.integrity.state == ""
        assert source.integrity.returns == 0


def test_an_idle_stream_that_ends_is_waited_for_from_its_end_on():
    name = unique()
    senders = [outlet(name, source_id=name)]
    with closing(open_lsl(source_id=name, patience_s=1.0)) as source:
        until = time.perf_counter() + 1.5
        while time.perf_counter() < until:
            assert not len(source.read().samples)
        senders.clear()
        gc.collect()
        while "waiting" not in source.integrity.state:
            assert not len(source.read().samples)
        begin = time.perf_counter()
        with pytest.raises(ValueError, match=r"was not back within 1 s"):
            read_until(source, lambda _: False)
        assert time.perf_counter() - begin > 0.5


def test_a_foreign_clock_that_begins_anew_is_placed_at_its_arrival_again():
    name = unique()
    senders = [outlet(name, source_id=name)]
    with closing(Watched(open_lsl(source_id=name))) as source:
        push(senders[0], 0, 100, start_s=1.7e9)
        (*_, before) = read_until(source, lambda got: samples_of(got) == 100)
        senders.clear()
        gc.collect()
        while "waiting" not in source.integrity.state:
            assert not len(source.read().samples)
        senders.append(outlet(name, source_id=name))
        until = time.perf_counter() + 5
        while not senders[0].have_consumers():
            assert time.perf_counter() < until
            source.read()
        back_s = time.perf_counter()
        push(senders[0], 0, 100, start_s=5.0)
        after, *_ = read_until(source, lambda got: samples_of(got) == 100)
        assert after.stamps[0] > back_s - 0.2
        assert after.first - before.end == pytest.approx((after.stamps[0] - before.stamps[-1]) * 1000, abs=100)


def test_stamps_of_a_foreign_clock_are_placed_at_their_arrival():
    name = unique()
    sender = outlet(name, source_id=name)
    with closing(open_lsl(source_id=name)) as source:
        push(sender, 0, 100, start_s=1.7e9)
        chunks = read_until(source, lambda got: samples_of(got) == 100)
        stamps = np.concatenate([chunk.stamps for chunk in chunks])
        now = time.perf_counter()
        assert (stamps <= now).all()
        assert (stamps > now - 2).all()
        assert chunks[0].raw[0] == 1.7e9


def test_a_foreign_clock_that_runs_slow_is_followed(monkeypatch):
    monkeypatch.setattr(foreign_clock, "JUDGE_EVERY_S", 0.1)
    name = unique()
    sender = outlet(name, source_id=name)
    with closing(open_lsl(source_id=name)) as source:
        begin_s = time.perf_counter()
        last_s, offsets = 0.0, set()
        for number in range(1, 41):
            wait_for(lambda due_s=begin_s + number / 40: time.perf_counter() >= due_s)
            push(sender, number * 25, 25, start_s=5.0, period_s=0.98e-3)
            for chunk in read_until(source, lambda got: samples_of(got) == 25):
                assert chunk.stamps[0] >= last_s
                last_s = chunk.stamps[-1]
            assert last_s <= time.perf_counter()
            offsets.add(source.integrity.clock_offset_s)
        assert max(offsets) - min(offsets) > 0.01, "half of what it has lost by now"


def test_closing_ends_a_waiting_read():
    name = unique()
    sender = outlet(name, source_id=name)
    source = open_lsl(source_id=name)
    ended = threading.Event()

    def read() -> None:
        while source.read() is not None:
            pass
        ended.set()

    thread = threading.Thread(target=read)
    thread.start()
    wait_for(source._using.locked)
    source.close()
    thread.join(3)
    assert ended.is_set()
    assert source.read() is None
    source.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "LSL clock"]
    del sender
