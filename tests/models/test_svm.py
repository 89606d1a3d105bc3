"""Held to scikit-learn, whose arrays it takes, where that is installed; and always to a slow twin."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from torch import nn

from models.engines.export import onnx_bytes
from models.svm import SupportVectors
from tests.models.engines.test_export import run

RNG = np.random.default_rng(3)


@pytest.fixture
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def clusters(classes: int, each: int = 40, features: int = 6) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Groups that overlap, on scales that differ."""
    rng = np.random.default_rng(classes)
    centres = rng.standard_normal((classes, features))
    labels = np.repeat(np.arange(classes), each)
    return (centres[labels] + rng.standard_normal((len(labels), features))) * 10 ** rng.uniform(-1, 2, features), labels


def taken(machine: Any, scaler: Any = None) -> SupportVectors:
    arrays = machine.support_vectors_, machine.dual_coef_, machine.intercept_, machine.n_support_, machine._gamma
    made = SupportVectors.of(*arrays) if scaler is None else SupportVectors.of(*arrays, scaler.mean_, scaler.scale_)
    return made.eval()


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("ties", [True, False])
def test_it_answers_as_scikit_learn_does(classes: int, ties: bool) -> None:
    svm = pytest.importorskip("sklearn.svm", reason="scikit-learn is not installed: pip install scikit-learn")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    x, y = clusters(classes)
    scaler = preprocessing.StandardScaler().fit(x)
    scaled = scaler.transform(x)
    ties = ties and classes > 2
    machine = svm.SVC(C=10, break_ties=ties).fit(scaled, y)
    one = taken(machine, scaler)
    with torch.inference_mode():
        scores, pairs = one(torch.from_numpy(x).float()).numpy(), one.pairs(torch.from_numpy(x).float()).numpy()
    expected = machine.decision_function(scaled)
    machine.decision_function_shape = "ovo"
    each = machine.decision_function(scaled)
    np.testing.assert_allclose(pairs, each.reshape(len(x), -1), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(scores[:, 1] if classes == 2 else scores, expected, rtol=1e-3, atol=1e-3)
    machine.decision_function_shape = "ovr"
    if ties or classes == 2:
        assert (scores.argmax(1) == machine.predict(scaled)).all()
    else:
        votes = np.round(scores)
        clear = (votes == votes.max(1, keepdims=True)).sum(1) == 1
        assert clear.mean() > 0.9
        assert (scores.argmax(1) == machine.predict(scaled))[clear].all()


def test_in_float64_it_differs_by_rounding_only(float64: None) -> None:
    svm = pytest.importorskip("sklearn.svm", reason="scikit-learn is not installed: pip install scikit-learn")
    x, y = clusters(4)
    machine = svm.SVC(C=10, gamma=0.01).fit(x, y)
    found = taken(machine)(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(found, machine.decision_function(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("counts", [(3, 2), (2, 4, 3), (1, 5, 2, 2)])
def test_it_is_the_sum_that_the_books_write(float64: None, counts: tuple[int, ...]) -> None:
    arrays = invented(counts)
    x = RNG.standard_normal((7, 3))
    found = SupportVectors.of(*arrays, counts, 0.3).pairs(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(found, naive(x, *arrays, counts, 0.3), rtol=1e-12, atol=1e-12)


def test_one_without_vectors_of_a_class_still_answers() -> None:
    arrays = invented((3, 0, 2))
    scores = SupportVectors.of(*arrays, (3, 0, 2), 0.3)(torch.randn(4, 3))
    assert scores.shape == (4, 3)
    assert bool(scores.isfinite().all())


def test_its_state_is_all_that_it_is() -> None:
    one, x = SupportVectors.of(*invented((2, 4, 3)), (2, 4, 3), 0.3, np.ones(3), np.full(3, 2.0)), torch.randn(5, 3)
    other = SupportVectors(3, (2, 4, 3))
    other.load_state_dict(load(save(one.state_dict())))
    assert torch.equal(other(x), one(x))
    assert list(one.parameters()) == []


def test_it_can_be_exported() -> None:
    network = nn.Sequential(nn.Flatten(), SupportVectors.of(*invented((2, 4, 3)), (2, 4, 3), 0.3)).eval()
    x = torch.randn(9, 3, 1)
    np.testing.assert_allclose(run(onnx_bytes(network, 3, 1), x.numpy()), network(x).numpy(), rtol=1e-4, atol=1e-4)


def test_arrays_that_do_not_fit_are_refused() -> None:
    vectors, dual, intercepts = invented((2, 4, 3))
    with pytest.raises(ValueError, match="the arrays of 3 classes"):
        SupportVectors.of(vectors, dual[:1], intercepts, (2, 4, 3), 0.3)
    with pytest.raises(ValueError, match="nothing to tell apart"):
        SupportVectors(3, (4,))


def invented(counts: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Vectors of three features, coefficients and intercepts."""
    pairs = len(counts) * (len(counts) - 1) // 2
    shapes = (sum(counts), 3), (len(counts) - 1, sum(counts)), (pairs,)
    vectors, dual, intercepts = (RNG.standard_normal(shape) for shape in shapes)
    return vectors, dual, intercepts


def naive(
    x: NDArray[np.float64],
    vectors: NDArray[np.float64],
    dual: NDArray[np.float64],
    intercepts: NDArray[np.float64],
    counts: tuple[int, ...],
    gamma: float,
) -> NDArray[np.float64]:
    """Pair by pair and vector by vector, after LIBSVM's README (sv_coef)."""
    owner = [label for label, count in enumerate(counts) for _ in range(count)]
    out = np.zeros((len(x), len(intercepts)))
    for row, point in enumerate(x):
        for place, (one, two) in enumerate(combinations(range(len(counts)), 2)):
            out[row, place] = intercepts[place]
            for index, label in enumerate(owner):
                if label in (one, two):
                    other = two if label == one else one
                    coefficient = dual[other if other < label else other - 1, index]
                    distance = ((point - vectors[index]) ** 2).sum()
                    out[row, place] += coefficient * np.exp(-gamma * distance)
    return out
