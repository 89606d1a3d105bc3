from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from dsp.design import Design
from models.ensemble import load_ensemble
from models.networks import load_networks, look
from models.views import Views
from tests.models.conftest import LABELS
from tests.models.test_checkpoint import retensor

Make = Callable[..., nn.Module]


def one_by_one(path: Path, windows: NDArray[np.float32], *, views: bool) -> NDArray[np.float32]:
    """The slow obvious twin: each member, window and view by itself; (M, B, K)."""
    rows = []
    for member in load_ensemble(path).members:
        for samples in windows:
            x = torch.from_numpy(samples.T.copy())[None]
            seen = look(x, Views().arranged(x.shape[1], x.shape[2])) if views else x
            rows.append(np.mean([member.module(view[None]).softmax(-1)[0].detach().numpy() for view in seen], axis=0))
    return np.array(rows, np.float32).reshape(-1, len(windows), len(LABELS))


@pytest.mark.parametrize("views", [True, False])
def test_an_ensemble_is_its_members_one_by_one(ensemble: Path, windows: NDArray[np.float32], views: bool) -> None:
    networks = load_networks(ensemble, device="cpu", views=views)
    expected = one_by_one(ensemble, windows, views=views)
    members = networks.batch_members(windows, views)
    assert members.shape == (3, len(windows), 3)
    assert members.dtype == np.float32
    np.testing.assert_allclose(members, expected, rtol=1e-4, atol=1e-5)
    assert np.abs(expected[0] - expected[1]).max() > 1e-3, "members that cannot be told apart would hide a mix-up"
    mixed = np.einsum("m,mbk->bk", networks.weights, expected)
    np.testing.assert_allclose(networks.batch(windows), mixed, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(networks.batch(windows).sum(1), 1, rtol=1e-5)


def test_views_change_the_answer_and_can_be_switched_off_per_batch(
    ensemble: Path, windows: NDArray[np.float32]
) -> None:
    on, off = load_networks(ensemble, device="cpu"), load_networks(ensemble, device="cpu", views=False)
    assert np.array_equal(on.batch(windows, views=False), off.batch(windows))
    assert not np.array_equal(on.batch(windows), off.batch(windows))


def test_it_says_what_it_is(ensemble: Path, processing: Design) -> None:
    networks = load_networks(ensemble, device="cpu")
    assert networks.labels == LABELS
    assert networks.design == processing
    assert networks.member_names == ("a", "b", "c")
    assert networks.weights == (0.125, 0.25, 0.625)
    assert networks.provenance == {"recipe": "test"}
    assert networks.device == torch.device("cpu")


@pytest.mark.parametrize("length", [11, 200, 777])
def test_batches_of_any_length_and_size(ensemble: Path, length: int) -> None:
    networks = load_networks(ensemble, device="cpu")
    many = np.random.default_rng(2).standard_normal((60, length, 4)).astype(np.float32)
    together = networks.batch(many)
    assert together.shape == (60, 3)
    np.testing.assert_allclose(together[55:], networks.batch(many[55:]), atol=1e-6)
    assert networks.batch(many[:0]).shape == (0, 3)


def test_other_shapes_are_refused(ensemble: Path, windows: NDArray[np.float32]) -> None:
    networks = load_networks(ensemble, device="cpu")
    for wrong in (windows[0], windows[:, :, :3], windows[:, :0]):
        with pytest.raises(ValueError, match=r"this checkpoint takes \(B, N, 4\)"):
            networks.batch(wrong)
    with pytest.raises(ValueError, match="shift is 10 samples, but the window has only 9"):
        networks.batch(windows[:, :9])


def test_a_network_that_computes_something_else_is_refused(ensemble: Path) -> None:
    retensor(ensemble / "c", "golden.safetensors", lambda t: t["logits"][1, 2].add_(0.01))
    with pytest.raises(ValueError, match="'c' gives other logits on cpu than when it was saved"):
        load_networks(ensemble, device="cpu")


def test_exchanged_parameters_are_refused(tmp_path: Path, make: Make) -> None:
    make(tmp_path / "c", 1)
    retensor(tmp_path / "c", "model.safetensors", lambda t: t["head.weight"].mul_(1.1))
    with pytest.raises(ValueError, match="gives other logits"):
        load_networks(tmp_path / "c", device="cpu")


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("abacus", "there is no device 'abacus'; use auto, cpu or cuda"),
        ("cuda:99", "'cuda:99' is not there"),
        ("", "there is no device ''"),
    ],
)
def test_a_device_that_is_not_there_is_refused(ensemble: Path, device: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        load_networks(ensemble, device=device)


def test_threads(ensemble: Path) -> None:
    with pytest.raises(ValueError, match="threads is 0"):
        load_networks(ensemble, threads=0)
    load_networks(ensemble, device="cpu", threads=2)
    assert torch.get_num_threads() == 2
    load_networks(ensemble, device="cpu")
    assert torch.get_num_threads() == 2
    load_networks(ensemble, device="cpu", threads=1)
    assert torch.get_num_threads() == 1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no CUDA device")
def test_the_device_agrees_with_the_processor(ensemble: Path, windows: NDArray[np.float32]) -> None:
    there, here = load_networks(ensemble, device="cuda"), load_networks(ensemble, device="cpu")
    np.testing.assert_allclose(there.batch(windows), here.batch(windows), atol=1e-4)
    assert load_networks(ensemble).device.type == "cuda"
