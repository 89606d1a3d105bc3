"""The simulator keeps what its documentation says of muscles, arms, electrodes and labels."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal

from devices import simulator, simulator_conductor, simulator_potentials, simulator_recorder, simulator_units
from devices.guiding.quality import strength
from devices.recording import Recording
from devices.simulator import GESTURES, REST, SimulatedSource, simulate
from devices.simulator_anatomy import MUSCLES, Layers, draw_arm
from devices.simulator_conductor import bipolar_field
from devices.simulator_potentials import templates
from devices.simulator_units import EXCITATION_MAX, FASTEST_HZ, SLOWEST_HZ, Pool, Trains, draw_pool
from devices.source import Obliging

BELT = 2 * np.pi * np.arange(8) / 8


@cache
def recording() -> Recording:
    return simulate(7, 1, repetitions=2, hold_s=2.5, rest_s=1.5)


@cache
def band_passed() -> NDArray[np.float64]:
    """Without drift and without mains, as a recogniser sees it."""
    samples = recording().samples.astype(np.float64)
    sections = signal.butter(4, (20.0, 450.0), "bandpass", fs=1000.0, output="sos")
    out = signal.sosfilt(sections, samples - samples[0], axis=0)
    for harmonic in range(1, 6):
        out = signal.filtfilt(*signal.iirnotch(50.0 * harmonic, 30.0, fs=1000.0), out, axis=0)
    return np.asarray(out)


@cache
def pool() -> Pool:
    return draw_pool(draw_arm(7), np.random.default_rng(0))


@cache
def waves() -> NDArray[np.float32]:
    """Action potentials sampled finely, ``(U, L, 8)``."""
    return templates(pool(), bipolar_field(draw_arm(7).layers), BELT, 0.0, 4000.0)


def rms_of(label: int) -> NDArray[np.float64]:
    return np.asarray(band_passed()[recording().labels == label].std(axis=0))


# --- the recording ----------------------------------------


def test_a_recording_says_what_it_is() -> None:
    got = recording()
    assert got.simulated
    assert got.info.name == "simulated person 7, session 1"
    assert (got.person, got.session) == ("sim7", "1")
    assert got.names == (REST, *GESTURES)
    assert got.info.channels == tuple(f"ch{n}" for n in range(1, 9))
    assert got.info.unit == "uV"
    assert got.samples.dtype == np.float32
    assert got.labels is not None
    assert got.labels.dtype == np.int16
    assert np.isfinite(got.samples).all()


def test_the_same_seed_gives_the_same_bits_and_another_one_other_bits() -> None:
    def take(person: int, session: int) -> Recording:
        return simulate(person, session, repetitions=1, hold_s=1.0, rest_s=0.5)

    first, again = take(3, 1), take(3, 1)
    assert first.samples.tobytes() == again.samples.tobytes()
    assert first.labels is not None
    assert again.labels is not None
    assert first.labels.tobytes() == again.labels.tobytes()
    for other in (take(4, 1), take(3, 2)):
        assert other.samples[:500].tobytes() != first.samples[:500].tobytes()


def test_each_gesture_comes_as_often_as_asked_and_rest_lies_between() -> None:
    labels = recording().labels
    assert labels is not None
    runs = labels[np.concatenate([[True], np.diff(labels) != 0])]
    assert runs[0] == runs[-1] == 0
    assert (runs[::2] == 0).all()
    assert sorted(runs[1::2]) == sorted([1, 2, 3, 4, 5] * 2)
    lengths = np.diff(np.flatnonzero(np.concatenate([[True], np.diff(labels) != 0, [True]]))) / 1000.0
    assert ((lengths[1::2] > 2.2) & (lengths[1::2] < 2.8)).all()


def test_fewer_gestures_and_other_rates() -> None:
    got = simulate(1, repetitions=1, hold_s=1.0, rest_s=0.5, rate_hz=250.0, gestures=("pronation", "fist"))
    assert got.names == (REST, "pronation", "fist")
    assert got.info.rate_hz == 250.0
    assert len(got.samples) == pytest.approx(250 * 3.5, rel=0.11)


def test_labels_follow_the_muscles() -> None:
    labels = recording().labels
    assert labels is not None
    power = (band_passed() ** 2).mean(axis=1)
    envelope = np.sqrt(np.convolve(power, np.ones(100) / 100, "same"))
    resting = np.median(envelope[labels == 0])
    starts = np.flatnonzero((labels[1:] > 0) & (labels[:-1] == 0)) + 1
    for start in starts:
        loud = np.flatnonzero(envelope[start - 300 :] > 4 * resting)[0] - 300
        assert -60 < loud < 350, "activity starts with the label, after a rise of at most 0.3 s"
    # Rest ends the last fall, so it is quiet from its beginning but for artefacts and the last action potentials.
    ends = np.flatnonzero((labels[1:] == 0) & (labels[:-1] > 0)) + 1
    assert all(envelope[end + 150 : end + 1000].mean() < 3 * resting for end in ends)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"person": -1}, "0, 1, 2"),
        ({"person": 1, "session": -3}, "0, 1, 2"),
        ({"person": 1, "repetitions": 0}, "at least 1"),
        ({"person": 1, "hold_s": 0.2}, "1 to 60"),
        ({"person": 1, "rest_s": 0.0}, "0.5 to 60"),
        ({"person": 1, "rate_hz": 20.0}, "100 to 10000"),
        ({"person": 1, "gestures": ("juggling",)}, "juggling.*fist"),
        ({"person": 1, "gestures": ()}, "fist"),
        ({"person": 1, "gestures": ("fist", "fist")}, "once"),
    ],
)
def test_impossible_wishes_get_a_sentence(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        simulate(**arguments)  # type: ignore[arg-type]  # the table mixes types on purpose


# --- what a physiologist looks at ----------------------------------------


def test_the_spectrum_is_that_of_surface_emg() -> None:
    for label in range(1, 6):
        strongest = int(np.argmax(rms_of(label)))
        raw = recording().samples[recording().labels == label, strongest].astype(np.float64)
        frequency, power = signal.welch(raw, 1000.0, nperseg=1000)
        free = (frequency > 5.0) & (np.abs((frequency + 25) % 50 - 25) > 2.0)
        frequency, power = frequency[free], power[free]
        band = (frequency >= 20) & (frequency <= 400)
        assert power[band].sum() > 0.8 * power.sum()
        share = np.cumsum(power[band]) / power[band].sum()
        assert 50.0 < frequency[band][np.searchsorted(share, 0.5)] < 150.0


def test_gestures_are_far_louder_than_rest_and_rest_is_a_few_microvolts() -> None:
    rest = rms_of(0)
    assert (rest < 12.0).all()
    for label in range(1, 6):
        active = rms_of(label)
        assert active.max() > 5 * rest[active.argmax()]
        assert active.max() < 2000.0


def test_neighbours_hear_each_other_more_than_opposites_do() -> None:
    together = np.abs(np.corrcoef(band_passed()[recording().labels > 0].T))
    neighbours = np.mean([together[c, (c + 1) % 8] for c in range(8)])
    opposites = np.mean([together[c, (c + 4) % 8] for c in range(4)])
    assert neighbours > 3 * opposites
    assert neighbours > 0.2


def test_mains_hum_is_a_line_with_odd_harmonics_and_the_baseline_wanders() -> None:
    resting = simulate(2, repetitions=1, hold_s=1.0, rest_s=20.0, gestures=("fist",)).samples[:18_000]
    frequency, power = signal.welch(resting, 1000.0, nperseg=4000, axis=0)
    mean = power.mean(axis=1)

    def line(hz: float) -> float:
        return float(mean[np.abs(frequency - hz) < 0.6].max() / np.median(mean[np.abs(frequency - hz) < 10.0]))

    assert line(50.0) > 50.0
    assert line(150.0) > line(100.0) > 1.0
    assert mean[(frequency > 0) & (frequency < 2)].mean() > 20 * mean[(frequency > 200) & (frequency < 240)].mean()
    assert np.abs(resting.mean(axis=0)).max() > 5.0


def test_units_fire_irregularly_within_the_stated_rates() -> None:
    steps = {}
    for level in (0.3, 0.6, 1.0):
        trains = Trains(pool(), 1000.0, np.random.default_rng(5))
        spikes, counts = trains.fire(np.full((20_000, len(MUSCLES)), level))
        recruited = pool().threshold <= level * EXCITATION_MAX
        assert ((counts > 0) == recruited).all()
        intervals = [np.diff(spikes[u, : counts[u]]) for u in np.flatnonzero(recruited)]
        rates = np.array([1000.0 / i.mean() for i in intervals])
        variations = np.array([i.std() / i.mean() for i in intervals])
        assert rates.min() > 0.93 * SLOWEST_HZ
        assert rates.max() < 1.07 * FASTEST_HZ[0]
        assert 0.17 < np.median(variations) < 0.22
        assert ((variations > 0.1) & (variations < 0.3)).all()
        steps[level] = (recruited.sum(), rates.mean())
    assert steps[0.3] < steps[0.6] < steps[1.0], "more units, then faster ones"


def test_small_units_are_recruited_first() -> None:
    for muscle in range(len(MUSCLES)):
        own = pool().muscle == muscle
        assert (np.diff(pool().threshold[own]) > 0).all()
        assert (np.diff(pool().fibres[own]) > 0).all()
        sizes = np.ptp(waves()[own], axis=1).max(axis=1)
        assert sizes[-10:].mean() > 8 * sizes[:10].mean(), "larger units give larger potentials"
    # Every muscle has far more small units than large ones.
    assert (pool().threshold < 15.0).mean() > 0.7


def test_action_potentials_last_some_milliseconds_and_sum_to_nothing() -> None:
    energy = (waves().astype(np.float64) ** 2).sum(axis=2)
    share = np.cumsum(energy, axis=1) / energy.sum(axis=1, keepdims=True)
    lasting = ((share > 0.025) & (share < 0.975)).sum(axis=1) / 4.0
    assert np.percentile(lasting, 5) > 3.0
    assert np.percentile(lasting, 95) < 25.0
    strongest = np.ptp(waves(), axis=1).argmax(axis=1)
    own = waves()[np.arange(len(strongest)), :, strongest].astype(np.float64)
    assert np.median(np.abs(own.sum(axis=1)) / np.abs(own).sum(axis=1)) < 0.1
    ends = np.abs(own[:, -4:]).max(axis=1)
    assert (ends < 0.05 * np.abs(own).max(axis=1)).all(), "over before its template ends"


def test_each_muscle_is_loudest_under_its_own_electrode() -> None:
    arm = draw_arm(7)
    for index, muscle in enumerate(arm.muscles):
        loudness = (waves()[pool().muscle == index].astype(np.float64) ** 2).sum(axis=(0, 1))
        distance = np.abs((BELT - np.deg2rad(muscle.angle_deg) + np.pi) % (2 * np.pi) - np.pi)
        assert distance[loudness.argmax()] < np.deg2rad(60)
        assert loudness[distance.argmax()] < 0.05 * loudness.max()


def test_an_action_potential_travels() -> None:
    """Moving the belt along the fibres by 4 mm delays the wave by 1 ms at 4 m/s."""
    arm = draw_arm(7)
    mine = pool()
    fibre = np.array([[[arm.layers.muscle - 0.004, 0.0, 0.03, -0.09, 0.09]]])
    one = Pool(mine.muscle[:1], mine.threshold[:1], mine.peak_hz[:1], np.ones(1), np.full(1, 4.0), fibre)
    field = bipolar_field(arm.layers)
    here, there = (templates(one, field, BELT[:1], shift, 8000.0)[0, :, 0] for shift in (0.0, -0.004))
    lag = np.argmax(np.correlate(there, here, "full")) - (len(here) - 1)
    assert lag == pytest.approx(8, abs=1)


def test_the_layered_arm_becomes_a_half_space_when_all_tissues_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Near a large homogeneous arm's surface a current has the potential 1 / (2 pi sigma r)."""
    for tissue in simulator_conductor.CONDUCTIVITY_S_M:
        monkeypatch.setitem(simulator_conductor.CONDUCTIVITY_S_M, tissue, 0.2)
    monkeypatch.setattr(simulator_conductor, "ELECTRODE_M", (1e-6, 1e-6))
    monkeypatch.setattr(simulator_conductor, "ORDERS", 45)
    layers = Layers(bone=0.02, muscle=0.0592, fat=0.0596, skin=0.06)
    field = bipolar_field(layers)
    at = np.abs(field.radii - (layers.skin - 0.008)).argmin()
    depth = layers.skin - field.radii[at]

    def slope(z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(-z / (2 * np.pi * 0.2 * (depth**2 + z**2) ** 1.5))

    half = simulator_conductor.INTERELECTRODE_M / 2
    expected = slope(field.z - half) - slope(field.z + half)
    got = field.orders[at].sum(axis=0)
    near = np.abs(field.z) < 0.02
    assert np.abs(got - expected)[near].max() < 0.15 * np.abs(expected).max()


def test_more_fat_makes_the_signal_smaller() -> None:
    arm = draw_arm(7).layers
    peaks = [
        np.abs(
            bipolar_field(Layers(arm.bone, arm.muscle, arm.muscle + fat, arm.muscle + fat + 0.001)).orders[-5].sum(0)
        )
        for fat in (0.002, 0.004, 0.008)
    ]
    assert peaks[0].max() > 1.3 * peaks[1].max() > 1.3 * 1.3 * peaks[2].max()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**40))
def test_every_person_has_a_possible_arm(person: int) -> None:
    arm = draw_arm(person)
    layers = arm.layers
    assert 0 < layers.bone < layers.muscle < layers.fat < layers.skin
    assert 0.219 < 2 * np.pi * layers.skin < 0.301
    assert 0.0017 < layers.fat - layers.muscle < 0.0076
    assert 3.4 <= arm.velocity_m_s <= 4.6
    assert arm.synergies.shape == (len(GESTURES), len(MUSCLES))
    assert ((arm.synergies >= 0) & (arm.synergies <= 0.95)).all()
    assert (arm.tone < 0.05).all()


# --- kernels and their slow twins ----------------------------------------


def test_compiled_firing_equals_its_slow_twin() -> None:
    rng = np.random.default_rng(1)
    units = slice(0, None, 90)
    rows = np.arange(len(pool().threshold))[units]
    drive = rng.uniform(0.0, EXCITATION_MAX, (300, len(MUSCLES)))
    deviates = rng.standard_normal((len(rows), 40))
    results = []
    for kernel in (simulator_units._fire, simulator_units._fire_slowly):
        phase, goal = np.linspace(0.0, 0.9, len(rows)), np.ones(len(rows))
        spikes, counts = np.zeros((len(rows), 40), np.int64), np.zeros(len(rows), np.int64)
        columns = (pool().muscle[units], pool().threshold[units], pool().peak_hz[units])
        kernel(drive, *columns, 1000.0, phase, goal, deviates, spikes, counts)
        results.append((spikes.tobytes(), counts.tobytes(), phase.tobytes(), goal.tobytes()))
    assert results[0] == results[1]
    assert any(results[0][1])


def test_compiled_sums_equal_their_slow_twins() -> None:
    rng = np.random.default_rng(2)
    shapes = rng.standard_normal((3, 6, 2)).astype(np.float32)
    spikes, counts = rng.integers(0, 20, (3, 4)), np.array([4, 0, 3])
    fast, slow = np.zeros((26, 2)), np.zeros((26, 2))
    simulator_potentials._superpose(fast, shapes, spikes, counts)
    simulator_potentials._superpose_slowly(slow, shapes, spikes, counts)
    np.testing.assert_array_equal(fast, slow)

    white, corners = rng.standard_normal((50, 2, 2)), np.array([1.0, 10.0])
    whole = simulator_recorder.low_passed(white, corners, 1000.0, np.zeros((2, 2)))
    memory = np.exp(-2 * np.pi * corners / 1000.0)
    state, slow = np.zeros((2, 2)), np.zeros((50, 2))
    simulator_recorder._low_pass_slowly(white, memory, np.sqrt(1 - memory**2), state, slow)
    np.testing.assert_array_equal(whole, slow)
    state = np.zeros((2, 2))
    parts = [simulator_recorder.low_passed(white[a:b], corners, 1000.0, state) for a, b in ((0, 7), (7, 50))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_compiled_potentials_equal_their_slow_twin() -> None:
    field = bipolar_field(draw_arm(7).layers)
    arguments = (
        pool().places[:1, :2],
        pool().velocity_m_s[:1],
        np.ones(1),
        BELT[:2],
        field.radii,
        field.orders[:, :2],
        field.z,
        np.arange(8) / 1000.0,
    )
    fast, slow = simulator_potentials._potentials(*arguments), simulator_potentials._potentials_slowly(*arguments)
    np.testing.assert_allclose(fast, slow, rtol=1e-9, atol=1e-9 * np.abs(slow).max())
    assert np.abs(slow).max() > 0


# --- live ----------------------------------------


def test_the_live_source_streams_what_simulate_records() -> None:
    recorded = simulate(5, 2, repetitions=1, hold_s=1.0, rest_s=0.5, gestures=("fist", "pronation"))
    source = SimulatedSource(5, 2, hold_s=1.0, rest_s=0.5, gestures=("fist", "pronation"), speed=None)
    assert source.info == recorded.info
    parts, at = [], 0
    while at < len(recorded.samples) + 2000:
        chunk = source.read()
        assert chunk is not None
        assert chunk.first == at
        assert 0 < len(chunk.samples) <= 10
        if chunk.end <= len(recorded.samples):
            assert source.label(chunk.first, chunk.end) == recorded.label(chunk.first, chunk.end)
        parts.append(chunk.samples)
        at = chunk.end
    np.testing.assert_array_equal(np.concatenate(parts)[: len(recorded.samples)], recorded.samples)
    for first in range(0, len(recorded.samples) - 400, 37):
        assert source.label(first, first + 400) == recorded.label(first, first + 400)
    assert source.label(at + 1, at + 1) is None
    source.close()
    source.close()
    assert source.read() is None


def test_a_live_person_forgets_what_was_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator, "_REMEMBERED", 4)
    source = SimulatedSource(5, hold_s=1.0, rest_s=0.5, gestures=("fist",), speed=None)
    end = 0
    while end < 5000:
        chunk = source.read()
        assert chunk is not None
        end = chunk.end
    assert len(source._shown) == 5
    assert source.label(0, 400) is None
    assert {source.label(first, first + 1) for first in range(end - 2000, end)} == {"rest", "fist"}


def test_a_paced_source_stamps_its_samples_and_never_waits_long() -> None:
    source = SimulatedSource(5, rest_s=0.5, hold_s=1.0, gestures=("fist",), speed=50.0)
    first, second = source.read(), source.read()
    assert first is not None
    assert second is not None
    assert first.stamps is not None
    assert second.stamps is not None
    assert len(first.stamps) == len(first.samples)
    assert second.stamps[0] > first.stamps[-1]
    assert np.ptp(np.diff([*first.stamps, *second.stamps])) < 1e-9, "each when it was due"
    slow = SimulatedSource(5, rest_s=0.5, hold_s=1.0, gestures=("fist",), speed=0.001)
    waited = slow.read()
    assert waited is not None
    assert len(waited.samples) == 0
    assert waited.first == 0


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_source_cannot_run_backwards(speed: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        SimulatedSource(1, speed=speed)


def test_a_simulated_person_does_as_it_is_told() -> None:
    source = SimulatedSource(3, speed=None)
    assert isinstance(source, Obliging)
    with pytest.raises(ValueError, match=r"does not know 'flying'; it knows rest, fist"):
        source.ask("flying")

    def after(seconds: float) -> float:
        chunks = []
        while sum(len(chunk.samples) for chunk in chunks) < seconds * source.info.rate_hz:
            chunk = source.read()
            assert chunk is not None
            chunks.append(chunk)
        samples = np.concatenate([chunk.samples for chunk in chunks])
        return float(strength(samples, source.info.rate_hz).max())

    source.ask("rest")
    after(0.5)
    quiet = after(2.0)
    source.ask("fist")
    begin = after(0.1)
    after(0.7)
    loud = after(2.0)
    end = source._first
    source.ask("open hand")  # through rest
    after(3.0)
    source.ask("rest")
    after(1.0)
    assert loud > 4 * quiet
    assert begin < 0.5 * loud, "a person takes time to react"
    assert after(1.0) < 2 * quiet
    assert source.label(end - 500, end) == "fist"
    assert source.label(end + 2000, end + 2900) == "open hand"
    assert source.label(source._first - 500, source._first) == "rest"
    source.close()
