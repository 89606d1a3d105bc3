from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

from models.views import ORIGINAL, Views


def test_the_five_views_in_their_order() -> None:
    x = torch.randn(3, 8, 204)
    views = Views().apply(x).view(5, 3, 8, 204)
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
    once = Views().apply(x)
    torch.manual_seed(2)
    assert torch.equal(Views().apply(x), once)
    assert not torch.equal(Views(seed=1).apply(x), once)
    assert Views().apply(torch.zeros(1, 8, 60)).shape == (5, 8, 60)


def test_drawing_the_noise_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(3)
    Views(seed=77).apply(torch.zeros(1, 8, 50))
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(torch.rand(1), drawn)


@pytest.mark.parametrize(
    ("views", "count"),
    [(Views(), 5), (Views(shift=0), 3), (Views(noise=0.0), 4), (Views(gain=1.0), 4), (ORIGINAL, 1)],
)
def test_a_neutral_value_leaves_its_view_out(views: Views, count: int) -> None:
    x = torch.randn(2, 4, 30)
    assert views.count == count
    assert views.apply(x).shape == (2 * count, 4, 30)
    assert torch.equal(views.apply(x)[:2], x)


def test_the_mean_undoes_the_order_of_the_views() -> None:
    rows = torch.arange(10.0).view(10, 1).expand(10, 3)
    np.testing.assert_array_equal(Views().mean(rows)[:, 0].numpy(), [4, 5])
    assert torch.equal(ORIGINAL.mean(rows), rows)


@pytest.mark.parametrize("length", [5, 10])
def test_a_shift_as_long_as_the_window_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"shift is 10 samples, but the window has only {length}"):
        Views().apply(torch.zeros(1, 8, length))
    assert len(Views().apply(torch.zeros(1, 8, 11))) == 5


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
