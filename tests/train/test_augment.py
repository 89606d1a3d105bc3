"""Augmentation, MixUp and losses."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from train.augment import Augment, augment, mix, move, rotate, silence_channel
from train.losses import one_hot, smooth, soft_cross_entropy

EVERYTHING = Augment(gain=0.3, channel_gain=0.1, noise=0.02, channel_dropout=0.3, rotation=0.5, mixup=0.4)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(count: int = 16, seed: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    windows = torch.randn(count, 8, 50, generator=generator(seed))
    return windows, one_hot(torch.arange(count) % 5, 5)


def test_shapes_stay_and_the_input_is_left_alone() -> None:
    windows, targets = batch()
    before = windows.clone()
    changed, mixed = augment(EVERYTHING, windows, targets, generator())
    assert changed.shape == windows.shape
    assert mixed.shape == targets.shape
    assert torch.equal(windows, before)
    assert not torch.equal(changed, windows)


def test_a_seed_decides_everything() -> None:
    windows, targets = batch()
    one = augment(EVERYTHING, windows, targets, generator(1))
    same = augment(EVERYTHING, windows, targets, generator(1))
    other = augment(EVERYTHING, windows, targets, generator(2))
    assert torch.equal(one[0], same[0])
    assert torch.equal(one[1], same[1])
    assert not torch.equal(one[0], other[0])


def test_switched_off_it_changes_nothing() -> None:
    windows, targets = batch()
    off = Augment(**{field.name: 0 for field in fields(Augment)})
    unchanged, same = augment(off, windows, targets, generator())
    assert torch.equal(unchanged, windows)
    assert torch.equal(same, targets)


@pytest.mark.parametrize("name", [field.name for field in fields(Augment) if field.name != "mixup_features"])
def test_each_change_alone_changes_something(name: str) -> None:
    windows, targets = batch()
    some = 7 if name == "shift" else 0.5
    alone = replace(Augment(gain=0, noise=0), **{name: some})
    changed, _ = augment(alone, windows, targets, generator())
    assert not torch.equal(changed, windows)


def test_a_moved_window_is_a_roll_by_a_few_samples() -> None:
    windows, _ = batch(32)
    moved = move(windows, 3, generator())
    by = [
        next(k for k in range(-3, 4) if torch.equal(torch.roll(one, k, -1), other))
        for one, other in zip(windows, moved, strict=True)
    ]
    assert set(by) == {-3, -2, -1, 0, 1, 2, 3}


def test_a_silent_channel_leaves_the_others() -> None:
    windows, _ = batch(64)
    changed = silence_channel(windows, 1.0, generator())
    silent = (changed == 0).all(dim=2)
    assert (silent.sum(dim=1) == 1).all()
    assert torch.equal(changed[~silent], windows[~silent])
    assert len(set(silent.nonzero()[:, 1].tolist())) > 4


@pytest.mark.parametrize("turn", [-9, -1, 0, 1, 3, 8])
def test_a_whole_turn_is_a_roll(turn: int) -> None:
    windows, _ = batch()
    turned = rotate(windows, torch.full((len(windows),), float(turn)))
    assert torch.allclose(turned, torch.roll(windows, -turn, dims=1))


def test_half_a_step_lies_between_neighbours() -> None:
    windows, _ = batch()
    turned = rotate(windows, torch.full((len(windows),), -0.5))
    assert torch.allclose(turned, 0.5 * (windows + torch.roll(windows, 1, dims=1)), atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.floats(0.05, 3.0), st.integers(0, 2**31))
def test_mixed_labels_sum_to_one_and_follow_the_signal(alpha: float, seed: int) -> None:
    _, targets = batch(8)
    marked = targets[:, :, None].repeat(1, 1, 4)  # the signal spells out its own label
    mixed, labels = mix(marked, targets, alpha, generator(seed))
    assert torch.allclose(labels.sum(dim=1), torch.ones(8), atol=1e-6)
    assert (labels >= 0).all()
    assert torch.allclose(mixed[:, :, 0], labels, atol=1e-6)


def test_mixup_follows_its_beta_distribution() -> None:
    count = 20_000
    windows = torch.zeros(count, 1, 1)
    targets = torch.zeros(count, 1)
    targets[0] = 1  # only the first window carries anything
    _, labels = mix(windows, torch.cat([targets, 1 - targets], 1), 0.4, generator())
    share = labels[0, 0].item()
    drawn = np.random.default_rng(generator().initial_seed()).beta(0.4, 0.4, count)
    assert share == pytest.approx(drawn[0], abs=1e-6)
    assert drawn.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.03)


def test_smoothing_keeps_the_mass() -> None:
    _, targets = batch()
    smoothed = smooth(targets, 0.1)
    assert torch.allclose(smoothed.sum(dim=1), torch.ones(len(targets)))
    assert smoothed.max().item() == pytest.approx(0.92)
    assert smooth(targets, 0) is targets


@settings(deadline=None, max_examples=20)
@given(st.floats(0, 0.9), st.integers(0, 1000))
def test_the_loss_is_the_textbooks(smoothing: float, seed: int) -> None:
    logits = torch.randn(12, 5, generator=generator(seed))
    labels = torch.arange(12) % 5
    ours = soft_cross_entropy(logits, smooth(one_hot(labels, 5), smoothing))
    assert torch.allclose(ours, functional.cross_entropy(logits, labels, label_smoothing=smoothing), atol=1e-5)


@pytest.mark.parametrize("wrong", [{"gain": -0.1}, {"channel_dropout": 1.5}, {"noise": float("nan")}])
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"augment.{next(iter(wrong))}"):
        Augment(**wrong)
