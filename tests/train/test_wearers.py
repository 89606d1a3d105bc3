"""Windows lent to other wearers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from train.corpus import Track
from train.wearers import Wearers

CHANNELS, LENGTH = 3, 4000


@pytest.fixture(scope="module")
def track():
    """Two sittings of one person and one of another, each with its own mixing of the channels; two recordings each."""
    rng = np.random.default_rng(0)
    mixing = [rng.normal(size=(CHANNELS, CHANNELS)) for _ in range(3)]
    samples = np.concatenate([rng.normal(size=(2 * LENGTH, CHANNELS)) @ m for m in mixing]).astype(np.float32)
    return Track(samples, np.zeros(len(samples), np.int16), np.arange(7) * LENGTH)


SITTINGS = [(1, 1), (1, 1), (1, 2), (1, 2), (2, 1), (2, 1)]


def lent(track: Track, recordings: list[int], share: float, place: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    windows = torch.from_numpy(track.samples[place : place + LENGTH].T.copy())[None].repeat(50, 1, 1)
    places = torch.full((50,), place)
    wearers = Wearers(track, recordings, SITTINGS)
    return windows, wearers.lend(windows, places, share, torch.Generator().manual_seed(0))


def test_nothing_is_lent_at_share_zero(track):
    windows, out = lent(track, [0, 1, 2, 3], 0.0)
    assert torch.equal(windows, out)


def test_a_lone_sitting_lends_to_itself(track):
    windows, out = lent(track, [4, 5], 1.0, place=4 * LENGTH)
    torch.testing.assert_close(out, windows, atol=1e-4, rtol=1e-4)


def test_about_the_share_is_lent(track):
    windows, out = lent(track, list(range(6)), 0.5)
    changed = sum(not torch.allclose(a, b, atol=1e-3) for a, b in zip(windows, out, strict=True))
    assert 5 < changed < 30  # half of fifty, a third of those to itself


def test_lending_is_one_linear_map_towards_the_guest(track):
    windows, out = lent(track, list(range(6)), 1.0)
    spread = [torch.cov(w) for w in out]
    targets = [np.cov(track.samples[2 * k * LENGTH : 2 * (k + 1) * LENGTH].T) for k in range(3)]
    own = np.cov(windows[0].numpy())
    for k in (1, 2):
        nearest = min(float(np.abs(s.numpy() - targets[k]).max()) for s in spread)
        assert nearest < 0.5 * np.abs(own - targets[k]).max()


def test_a_dead_channel_stays_dead(track):
    samples = track.samples.copy()
    samples[:, 2] = 0
    dead = Track(samples, track.labels, track.starts)
    windows = torch.from_numpy(samples[:100].T.copy())[None]
    wearers = Wearers(dead, list(range(6)), SITTINGS)
    out = wearers.lend(windows, torch.zeros(1, dtype=torch.long), 1.0, torch.Generator().manual_seed(0))
    assert torch.isfinite(out).all()
    assert out[0, 2].abs().max() < 1e-2 * windows.abs().max()
