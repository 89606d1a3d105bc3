from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import hilbert

from dsp import hilbert_huang as hilbert_huangs
from dsp import modes
from dsp.hilbert_huang import analytic, hilbert_huang, instantaneous
from dsp.modes import channel_modes, decompose
from tests import naive
from tests.dsp.signals import chirp, peer, real_windows, three_chirps

RATE = 1000.0


def emg(length: int, channels: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((length, channels)) * 50 + 10 * three_chirps(length, seed)[:, None]).astype(np.float32)


windows = st.builds(emg, st.integers(4, 300), st.integers(1, 4), st.integers(0, 9999))


@settings(deadline=None, max_examples=40)
@given(x=windows)
def test_the_analytic_signal_is_that_of_scipy(x):
    np.testing.assert_allclose(analytic(x.T), hilbert(x.T.astype(np.float64)), rtol=0, atol=1e-10)
    np.testing.assert_allclose(analytic(x[:, 0]).real, x[:, 0], rtol=0, atol=1e-10)


@settings(deadline=None, max_examples=40)
@given(x=windows)
def test_energy_and_frequency_are_those_of_the_slow_twin(x):
    energy, frequency = instantaneous(x.T, RATE)
    for c in range(x.shape[1]):
        expected = naive.energy_and_frequency(x[:, c].astype(np.float64), RATE)
        np.testing.assert_allclose(energy[c], expected[0], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(frequency[c], expected[1], rtol=0, atol=1e-6)


@settings(deadline=None, max_examples=30)
@given(x=windows, size=st.integers(1, 40), most_modes=st.integers(1, 8))
def test_matrices_are_those_of_the_slow_twin(x, size, most_modes):
    found = hilbert_huang(x, size=size, most_modes=most_modes)
    for c in range(x.shape[1]):
        expected = naive.hilbert_huang(x[:, c].astype(np.float64).tolist(), size, most_modes)
        np.testing.assert_allclose(found[c], expected, rtol=1e-5, atol=1e-5 * max(1, expected.max()))


@settings(deadline=None, max_examples=40)
@given(x=windows, size=st.sampled_from([1, 7, 64, 256]), summed=st.booleans())
def test_no_energy_in_range_is_lost(x, size, summed):
    rows, counts = channel_modes(x, most_modes=8)
    total = 0.0
    for channel, count in zip(rows, counts, strict=True):
        energy, frequency = instantaneous(channel[:count], RATE)
        total += energy[frequency >= 0].sum()
    found = hilbert_huang(x, size=size, summed=summed)
    assert found.shape == (1 if summed else x.shape[1], size, size)
    assert found.dtype == np.float32
    assert found.sum(dtype=np.float64) == pytest.approx(total, rel=1e-5)


@settings(deadline=None, max_examples=30)
@given(x=windows)
def test_matrices_are_the_same_twice_and_know_nothing_of_other_channels(x):
    whole = hilbert_huang(x, size=32)
    assert np.array_equal(whole, hilbert_huang(x.copy(), size=32))
    for c in range(x.shape[1]):
        assert np.array_equal(whole[c], hilbert_huang(x[:, c : c + 1], size=32)[0])
    assert np.array_equal(hilbert_huang(4 * x, size=32), 16 * whole)
    np.testing.assert_allclose(hilbert_huang(x, size=32, summed=True)[0], whole.sum(0), rtol=1e-4, atol=1e-3)


def test_scaled_matrices_reach_from_zero_to_one():
    x = emg(205, 4, 0)
    x[:, 1] *= 3
    x[:, 2] = 0
    plain, each, together = (hilbert_huang(x, scaling=scaling) for scaling in ("none", "each", "together"))
    assert each.max(axis=(1, 2)).tolist() == [1, 1, 0, 1]
    assert together.max() == 1
    assert min(each.min(), together.min()) == 0
    np.testing.assert_allclose(together, plain / plain.max(), rtol=1e-6)
    np.testing.assert_allclose(each[0], plain[0] / plain[0].max(), rtol=1e-6)
    assert hilbert_huang(x, scaling="each", summed=True).max() == 1


@pytest.mark.parametrize("frequency", [13.0, 100.0, 170.0, 250.0])
@pytest.mark.parametrize("length", [205, 400, 2000])
def test_a_tone_is_one_line_at_its_frequency(frequency, length):
    x = np.sin(2 * np.pi * frequency * np.arange(length) / RATE + 0.3)[:, None]
    rows = hilbert_huang(x, size=100, most_modes=1)[0].sum(1)
    at = frequency / 5
    near = [row for row in range(100) if at - 2.5 < row + 0.5 < at + 2.5]
    assert rows[near].sum() > 0.9 * rows.sum()
    assert rows.sum() == pytest.approx(length, rel=0.1)


def test_a_chirp_is_a_line_that_rises():
    matrix = hilbert_huang(chirp(2000, 0.05, 0.25)[:, None], size=128, most_modes=1)[0]
    ridge = matrix.argmax(0)[5:-5]
    expected = np.linspace(0.1, 0.5, 128)[5:-5] * 128
    assert np.abs(ridge - expected).max() < 4


@pytest.mark.parametrize("length", [205, 256, 400])
def test_there_are_no_stripes(length):
    """As many columns as samples or more or fewer: a steady tone has as much energy in each."""
    columns = hilbert_huang(chirp(length, 0.1, 0.1)[:, None], most_modes=1)[0].sum(0)[20:-20]
    assert columns.max() / columns.min() < 1.3


def test_what_does_not_oscillate_has_no_energy():
    assert not hilbert_huang(np.stack([np.arange(50.0), np.full(50, 3.0)], 1), size=16, scaling="together").any()
    assert hilbert_huang(np.zeros((20, 0)), size=16).shape == (0, 16, 16)


def test_wrong_input_is_one_sentence():
    x = emg(50, 2, 0)
    with pytest.raises(ValueError, match="'none', 'each' and 'together'"):
        hilbert_huang(x, scaling="half")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one"):
        hilbert_huang(x, size=0)
    with pytest.raises(ValueError, match=r"T at least 4"):
        hilbert_huang(x[:3])
    with pytest.raises(ValueError, match=r"T at least 4"):
        instantaneous(np.zeros(3), RATE)
    with pytest.raises(ValueError, match="not numbers"):
        hilbert_huang(np.full((50, 2), np.nan))
    with pytest.raises(ValueError, match="another unit"):
        hilbert_huang(x.astype(np.float64) * 1e30)


@pytest.mark.parametrize("channels", [1, 3])
def test_whatever_comes_nothing_is_compiled_again(channels):
    """It would be in mid-stream, and take seconds."""
    x = emg(60, channels, 0)
    for window in (x, x.astype(np.float64), np.asfortranarray(x), x[::2], x[:, ::-1], x.astype(np.int16)):
        window.flags.writeable = False
        hilbert_huang(window, size=16, scaling="each")
        hilbert_huang(window, size=16, scaling="together", summed=True)
        instantaneous(window.T, RATE)
        decompose(window)
        decompose(window[:, 0])
    for kernel in (modes._decompose_all, hilbert_huangs._follow, hilbert_huangs._fill, hilbert_huangs._divide):
        assert len(kernel.signatures) == 1


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
def test_energy_and_frequency_are_those_of_emd():
    """It takes a running median of five of the phase, so that the outermost samples and reversals are others."""
    emd = peer("emd", "emd")
    x = three_chirps(400, 1)
    found = decompose(x)[:3]
    energy, frequency = instantaneous(found, RATE)
    _, theirs, amplitude = emd.spectra.frequency_transform(found.T, RATE, "hilbert")
    np.testing.assert_allclose(energy, amplitude.T**2, rtol=1e-9, atol=1e-12)
    apart = np.abs(frequency - theirs.T)[:, 3:-3]
    assert np.mean(apart < 1e-6) > 0.98


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
@pytest.mark.data
def test_spectra_of_real_emg_are_those_of_emd(synapse_zip):
    """The whole chain: the energy of each window within a tenth, of all within 2 %.

    Of a window, a fifth of it at most is in other rows; of all, 7 %: ``emd`` smooths the phase, which puts what runs
    back, and the outermost samples, at other frequencies.
    """
    emd = peer("emd", "emd")
    ours, theirs = [], []
    for x in real_windows(synapse_zip, 205):
        _, frequency, amplitude = emd.spectra.frequency_transform(emd.sift.sift(x)[:, :-1], 2.0, "hilbert")
        theirs.append(emd.spectra.hilberthuang(frequency, amplitude, np.linspace(0, 1, 33))[1])
        ours.append(hilbert_huang(x[:, None], size=32)[0].sum(1))
    a, b = np.array(ours), np.array(theirs)
    np.testing.assert_allclose(a.sum(1), b.sum(1), rtol=0.1)
    assert a.sum() == pytest.approx(b.sum(), rel=0.02)
    assert np.abs(a - b).sum() < 0.2 * b.sum()
    assert np.abs(a.sum(0) - b.sum(0)).sum() < 0.07 * b.sum()
