from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.modes import channel_modes, decompose
from tests import naive
from tests.dsp.signals import chirp, correlation, peer, real_windows, three_chirps

KINDS = ("noise", "walk", "steps", "waves", "bursts")


def signal(kind: str, length: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(length)
    return {
        "noise": noise,
        "walk": np.cumsum(noise),
        "steps": np.round(noise * 1.5),  # level stretches
        "waves": three_chirps(length, seed) + 1000,
        "bursts": noise * np.exp(3 * np.sin(np.arange(length) / 20)),
    }[kind]


signals = st.builds(signal, st.sampled_from(KINDS), st.integers(4, 300), st.integers(0, 9999))


@settings(deadline=None, max_examples=60)
@given(x=signals, most_modes=st.integers(1, 10), most_sifts=st.sampled_from([1, 2, 100]))
def test_modes_are_those_of_the_slow_twin(x, most_modes, most_sifts):
    found = decompose(x, most_modes=most_modes, most_sifts=most_sifts)
    expected = np.array(naive.decomposed(x.tolist(), most_modes, most_sifts))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(x).max())


@settings(deadline=None, max_examples=100)
@given(x=signals, most_modes=st.integers(1, 10))
def test_modes_sum_to_the_signal_and_are_the_same_twice(x, most_modes):
    modes = decompose(x, most_modes=most_modes)
    assert 1 <= len(modes) <= most_modes + 1
    np.testing.assert_allclose(modes.sum(0), x, rtol=0, atol=1e-9 * max(1, np.abs(x).max()))
    assert np.array_equal(modes, decompose(x, most_modes=most_modes))


@settings(deadline=None, max_examples=50)
@given(x=signals, power=st.integers(-60, 60))
def test_the_unit_does_not_matter(x, power):
    assert np.array_equal(decompose(x * 2.0**power), decompose(x) * 2.0**power)


@settings(deadline=None, max_examples=50)
@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=8), length=st.integers(4, 200), seed=st.integers(0, 99)
)
def test_channels_know_nothing_of_one_another(kinds, length, seed):
    x = np.stack([signal(kind, length, seed + n) for n, kind in enumerate(kinds)], 1).astype(np.float32)
    whole = decompose(x)
    for c in range(len(kinds)):
        *modes, rest = decompose(x[:, c])
        assert np.array_equal(whole[-1, :, c], rest)
        assert np.array_equal(whole[: len(modes), :, c], np.reshape(modes, (len(modes), length)))
        assert not whole[len(modes) : -1, :, c].any()


@pytest.mark.parametrize(
    "x",
    [
        np.zeros(50),
        np.full(50, 7.5),
        np.arange(50.0),
        np.exp(-np.arange(50.0)),
        np.arange(50.0) ** 2 - 900,
        [1, 2, 0, 3],
    ],
    ids=["zero", "constant", "ramp", "decay", "one minimum", "four samples"],
)
def test_what_does_not_oscillate_is_all_rest(x):
    x = np.array(x, np.float64)
    assert np.array_equal(decompose(x), x[None])


@pytest.mark.parametrize("length", range(4, 40))
def test_the_shortest_signals_and_the_quickest_are_decomposed(length):
    x = (-1.0) ** np.arange(length)
    assert np.allclose(decompose(x).sum(0), x, rtol=0, atol=1e-9)
    assert np.isfinite(decompose(np.random.default_rng(length).standard_normal((length, 5)) * 1e90)).all()


def test_a_level_top_is_one_maximum():
    """A saturated sine: taken sample by sample it would have no maximum at all."""
    x = np.clip(1.5 * np.sin(2 * np.pi * np.arange(400) / 25), -1, 1)
    mode = decompose(x)[0]
    assert correlation([(mode[20:-20], x[20:-20])]) > 0.999


@pytest.mark.parametrize(("fast", "slow"), [(0.2, 0.05), (0.1, 0.02), (0.125, 0.03)])
def test_two_tones_are_told_apart(fast, slow):
    t = np.arange(1000)
    tones = [np.sin(2 * np.pi * fast * t), 2 * np.sin(2 * np.pi * slow * t + 1)]
    modes = decompose(sum(tones))
    for mode, tone in zip(modes, tones, strict=False):
        assert correlation([(mode, tone)]) > 0.99
        np.testing.assert_allclose(mode[100:-100], tone[100:-100], atol=0.15)


@pytest.mark.parametrize("seed", range(4))
def test_chirps_are_told_apart(seed):
    parts = [chirp(1500, 0.2, 0.3, seed), chirp(1500, 0.06, 0.04, seed), chirp(1500, 0.01, 0.015, seed)]
    for mode, part in zip(decompose(sum(parts)), parts, strict=False):
        assert correlation([(mode, part)]) > 0.96


def test_what_cannot_be_decomposed_is_one_sentence():
    for shape in ((), (3,), (3, 8), (2, 50, 8), (0, 8)):
        with pytest.raises(ValueError, match=r"give \(T,\) or \(T, C\), T at least 4"):
            decompose(np.zeros(shape))
    for wrong in (np.nan, np.inf, -np.inf, 1e101):
        x = np.ones((20, 2))
        x[3, 1] = wrong
        with pytest.raises(ValueError, match="not numbers, or beyond 1e"):
            decompose(x)
    for limits in ({"most_modes": 0}, {"most_sifts": 0}):
        with pytest.raises(ValueError, match="at least one of both"):
            decompose(np.ones(20), **limits)


def test_no_channels_have_no_modes():
    assert decompose(np.zeros((20, 0))).shape == (1, 20, 0)


def test_the_signal_is_left_as_it_is():
    x = np.random.default_rng(0).standard_normal((100, 3))
    kept = x.copy()
    channel_modes(np.asfortranarray(x))
    channel_modes(x)
    assert np.array_equal(x, kept)


def _pairs(ours, theirs, mode: int):
    return [(a[mode], b[mode]) for a, b in zip(ours, theirs, strict=True) if min(len(a), len(b)) > mode + 1]


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
@pytest.mark.data
@pytest.mark.parametrize("length", [205, 1024])
def test_modes_of_real_emg_are_those_of_emd(synapse_zip, length):
    """All windows end to end; in half of them all three modes are equal, what differs is said in ``dsp/modes.py``."""
    emd = peer("emd", "emd")
    windows = real_windows(synapse_zip, length)
    ours, theirs = [decompose(x) for x in windows], [emd.sift.sift(x).T for x in windows]
    for mode in range(3):
        pairs = _pairs(ours, theirs, mode)
        assert len(pairs) > 0.95 * len(windows)
        assert correlation(pairs) >= 0.97
        assert np.median([correlation([pair]) for pair in pairs]) >= 0.9999


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("length", [205, 400, 2048])
def test_modes_of_chirps_are_those_of_emd(length):
    emd = peer("emd", "emd")
    for x in [three_chirps(length, seed) for seed in range(6)]:
        ours, theirs = decompose(x), emd.sift.sift(x).T
        assert all(correlation([(ours[mode], theirs[mode])]) >= 0.99 for mode in range(3))


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
def test_modes_of_chirps_are_those_of_pyemd():
    """It sifts on where we and ``emd`` stop, so that on noise its modes are others; what is told apart is the same."""
    pyemd = peer("PyEMD", "EMD-signal")
    signals = [three_chirps(2048, seed) for seed in range(6)]
    ours, theirs = [decompose(x) for x in signals], [pyemd.EMD()(x) for x in signals]
    assert all(correlation(_pairs(ours, theirs, mode)) >= 0.99 for mode in range(3))


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
@pytest.mark.data
def test_the_first_mode_of_real_emg_is_near_that_of_pyemd(synapse_zip):
    pyemd = peer("PyEMD", "EMD-signal")
    windows = real_windows(synapse_zip, 205)[::2]
    ours, theirs = [decompose(x) for x in windows], [pyemd.EMD()(x) for x in windows]
    assert correlation(_pairs(ours, theirs, 0)) >= 0.95
