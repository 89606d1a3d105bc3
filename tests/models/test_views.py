from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

from models.engines.rows import Rows, mean_over_views
from models.networks import look
from models.views import ORIGINAL, Views


def seen(views: Views, x: torch.Tensor) -> torch.Tensor:
    return look(x, views.arranged(x.shape[1], x.shape[2]))


def test_the_five_views_in_their_order() -> None:
    x = torch.randn(3, 8, 204)
    views = seen(Views(), x).view(5, 3, 8, 204)
    assert torch.equal(views[0], x)
    assert torch.equal(views[1][..., :-10], x[..., 10:])
    assert torch.equal(views[1][..., -10:], x[..., :10])
    assert torch.equal(views[2][..., 10:], x[..., :-10])
    assert torch.equal(views[2][..., :10], x[..., -10:])
    noise = views[3] - x
    assert float(noise.std()) == pytest.approx(0.02, rel=0.1)
    torch.testing.assert_close(noise[0], noise[2], rtol=0, atol=1e-6)
    torch.testing.assert_close(views[4], 1.05 * x)


def test_the_noise_is_the_same_every_time_and_follows_its_seed() -> None:
    x = torch.zeros(1, 8, 50)
    torch.manual_seed(1)
    once = seen(Views(), x)
    torch.manual_seed(2)
    assert torch.equal(seen(Views(), x), once)
    assert not torch.equal(seen(Views(seed=1), x), once)
    assert seen(Views(), torch.zeros(1, 8, 60)).shape == (5, 8, 60)


def test_the_noise_is_the_same_everywhere_and_for_ever() -> None:
    bank = Views().arranged(8, 204).noise[3]
    assert bank.dtype == np.float32
    np.testing.assert_allclose(bank[0, :3] / 0.02, [1.7640524, 0.4001572, 0.978738], rtol=1e-6)


def test_drawing_the_noise_leaves_the_global_random_state_alone() -> None:
    np.random.seed(3)  # noqa: NPY002 - the global state is what is looked at
    Views(seed=77).arranged(8, 50)
    drawn = np.random.rand()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    assert np.random.rand() == drawn  # noqa: NPY002


@pytest.mark.parametrize(
    ("views", "count"),
    [(Views(), 5), (Views(shift=0), 3), (Views(noise=0.0), 4), (Views(gain=1.0), 4), (ORIGINAL, 1)],
)
def test_a_neutral_value_leaves_its_view_out(views: Views, count: int) -> None:
    x = torch.randn(2, 4, 30)
    assert views.count == len(views.arranged(4, 30).shift) == count
    assert seen(views, x).shape == (2 * count, 4, 30)
    assert torch.equal(seen(views, x)[:2], x)


@pytest.mark.parametrize("streams", [1, 3])
@pytest.mark.parametrize("views", [Views(), Views(shift=3, gain=0.9), Views(noise=0.5, seed=4), ORIGINAL])
def test_rows_are_the_views_bit_for_bit(views: Views, streams: int) -> None:
    windows = np.random.default_rng(0).standard_normal((streams, 30, 4)).astype(np.float32)
    rows = Rows(views, streams, 4, 30)
    expected = seen(views, torch.from_numpy(windows.transpose(0, 2, 1).copy())).numpy()
    for _ in range(2):
        rows.fill(windows)
        assert np.array_equal(rows.of(9), expected)
    for count in range(1, views.count + 1):
        assert np.array_equal(rows.of(count), expected[: count * streams])
        assert rows.of(count).flags.c_contiguous


def test_the_mean_undoes_the_order_of_the_views() -> None:
    logits = np.random.default_rng(0).standard_normal((10, 3)).astype(np.float32) * 30
    soft = torch.from_numpy(logits).softmax(-1).numpy()
    expected = soft.reshape(5, 2, 3).mean(0)
    np.testing.assert_allclose(mean_over_views(logits, 2), expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(mean_over_views(logits, 10), soft, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("length", [5, 10])
def test_a_shift_as_long_as_the_window_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"shift is 10 samples, but the window has only {length}"):
        Views().arranged(8, length)
    assert len(Views().arranged(8, 11).shift) == 5


def test_views_survive_json() -> None:
    views = Views(shift=3, noise=0.1, gain=0.9, seed=5)
    assert Views.from_json(views.to_json()) == views


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"shift": -1}, "shift is -1"),
        ({"noise": -0.1}, "noise is -0.1"),
        ({"gain": 0}, "gain is 0.0"),
        ({"seed": -1}, "seed is -1"),
        ({"shifts": 1}, "views has unknown keys shifts; known are shift, noise, gain, seed"),
        ({"shift": 1.5}, "shift is 1.5"),
        (None, "views must be a table"),
    ],
)
def test_wrong_views_get_a_sentence(values: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Views.from_json(values)
