"""The family tangent: what it makes of windows as they come and as they should not, in every form that serves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor

from models import tangent
from models.blocks import with_differences
from models.engines.export import onnx_bytes
from models.engines.rounding import session
from models.tangent import Config, Tangent, TangentNetwork

LENGTH = 204


def signals(count: int, seed: int = 0) -> Tensor:
    """Windows ``(count, 8, LENGTH)`` as electrodes around an arm have them: mostly in common, louder and quieter."""
    generator = torch.Generator().manual_seed(seed)
    sources = torch.randn(count, 8, LENGTH + 1, generator=generator)
    sources = sources[..., 1:] + 0.7 * sources[..., :-1]
    ring = torch.arange(8)
    mixing = 1.5 + torch.cos((ring[:, None] - ring) * torch.pi / 4)
    loud = torch.exp(torch.randn(count, 8, 1, generator=generator))
    return mixing @ (loud * sources) / 6


def network(classes: int = 5) -> TangentNetwork:
    """As after training: decorrelated, and its features of size 1."""
    torch.manual_seed(1)
    made = tangent.build(Config(classes=classes))
    rows = with_differences(signals(200, 9), 2)
    made.decorrelate.fit((rows @ rows.transpose(1, 2)).mean(0) / LENGTH)
    with torch.no_grad():
        for _ in range(30):
            made(signals(200, 9))
    return made.eval()


def one_dead() -> Tensor:
    x = signals(4)
    x[:, 3] = 0
    return x


def two_alike() -> Tensor:
    x = signals(4)
    x[:, 3] = x[:, 5]
    return x


WINDOWS = {
    "plain": signals(16),
    "a thousand times as loud": signals(4) * 1e3,
    "a thousand times as quiet": signals(4) * 1e-3,
    "silent": torch.zeros(1, 8, LENGTH),
    "constant": torch.ones(1, 8, LENGTH),
    "one channel dead": one_dead(),
    "two channels alike": two_alike(),
    "one direction": signals(4)[:, :1].repeat(1, 8, 1),
}


@pytest.mark.parametrize("kind", WINDOWS)
def test_products_give_what_the_eigendecomposition_gives(kind: str) -> None:
    x, made = WINDOWS[kind], network()
    with torch.inference_mode():
        logits = made(x)
        rows = made.decorrelate(x)
        made.tangent.train()
        exact = made(x)
        both = Tangent(24).train()(rows), made.tangent.eval()(rows)
    torch.testing.assert_close(logits, exact, rtol=0, atol=1e-4)
    torch.testing.assert_close(both[1].double(), both[0], rtol=0, atol=3e-4)


@pytest.fixture(scope="module")
def exported() -> bytes:
    """The network as an ONNX model."""
    return onnx_bytes(network(), 8, LENGTH)


@pytest.mark.parametrize("kind", WINDOWS)
def test_onnx_runtime_gives_the_same(kind: str, exported: bytes) -> None:
    found = session(onnx.load_from_string(exported)).run(None, {"rows": WINDOWS[kind].numpy()})[0]
    with torch.inference_mode():
        expected = network()(WINDOWS[kind]).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", WINDOWS)
def test_openvino_gives_the_same(kind: str, exported: bytes, tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino")
    (tmp_path / "0.onnx").write_bytes(exported)
    model = openvino.Core().read_model(tmp_path / "0.onnx")
    model.reshape(list(WINDOWS[kind].shape))
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    with torch.inference_mode():
        expected = network()(WINDOWS[kind]).numpy()
    np.testing.assert_allclose(compiled(WINDOWS[kind].numpy())[0], expected, rtol=0, atol=1e-4)


def test_a_gain_moves_the_diagonal_alone() -> None:
    rows = network().decorrelate(signals(6))
    quiet, loud = Tangent(24).eval()(rows), Tangent(24).eval()(3 * rows)
    diagonal = torch.eye(24)[torch.triu_indices(24, 24).unbind()]
    torch.testing.assert_close(loud - quiet, 2 * np.log(3) * diagonal.expand(6, -1), rtol=0, atol=1e-4)


def test_nothing_before_the_dense_layers_is_trained_or_asks_for_gradients() -> None:
    made = network().train()
    features = made.tangent(made.decorrelate(signals(4)))
    assert not features.requires_grad
    assert features.dtype == torch.float64
