from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from models import families
from models.engines import rounding
from models.engines.export import onnx_bytes
from models.engines.kept import Kept
from models.engines.rounded import distrusted, fit
from models.engines.rounding import Range, convolutions, ranges, rounded, session
from models.listing import Listing
from tests.models.conftest import lived_in


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    module = lived_in(families.build("se_resnet", {"channels": 4, "classes": 3, "widths": [16, 32], "depth": 2}), 3)
    return onnx.load_from_string(onnx_bytes(module, 4, 80))


@pytest.fixture(scope="module")
def rows() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((150, 4, 80)).astype(np.float32)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounding, "SMALL", 500)


def run(model: onnx.ModelProto, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    answers: NDArray[np.float32] = session(model).run(None, {"rows": rows})[0]
    return answers


@pytest.mark.usefixtures("small")
def test_the_first_convolution_and_the_small_ones_are_left_alone(model: onnx.ModelProto) -> None:
    found = convolutions(model)
    kernels = {tensor.name: np.prod(tensor.dims) for tensor in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type == "Conv"]
    large = {node.name for node in nodes[1:] if kernels[node.input[1]] >= 500}
    assert {one.name for one in found} == large
    assert len(found) >= 7
    assert nodes[0].name not in large
    for one in found:
        (behind,) = [node for node in model.graph.node if one.exit in node.output]
        assert behind.op_type in ("Conv", "Relu")


@pytest.mark.usefixtures("small")
def test_whole_numbers_compute_nearly_the_same(model: onnx.ModelProto, rows: NDArray[np.float32]) -> None:
    found = convolutions(model)
    known = ranges(model, rows, {name for one in found for name in (one.entry, one.exit)})
    made = rounded(model, found, known)
    onnx.checker.check_model(made)
    expected, answers = run(model, rows), run(made, rows)
    size = np.abs(expected).max()
    assert 0 < np.abs(answers - expected).max() < 0.1 * size
    assert np.abs(answers - expected).mean() < 0.01 * size
    kernels = [tensor for tensor in made.graph.initializer if tensor.name.endswith("kernel.whole")]
    assert len(kernels) == len(found)
    assert all(tensor.data_type == onnx.TensorProto.INT8 for tensor in kernels)
    assert len(made.SerializeToString()) < 0.7 * len(model.SerializeToString())
    names = [node.op_type for node in made.graph.node]
    assert names.count("Conv") == [node.op_type for node in model.graph.node].count("Conv")


@pytest.mark.usefixtures("small")
def test_nothing_chosen_changes_nothing(model: onnx.ModelProto, rows: NDArray[np.float32]) -> None:
    assert np.array_equal(run(rounded(model, [], {}), rows), run(model, rows))


@pytest.mark.usefixtures("small")
def test_a_convolution_by_hand(model: onnx.ModelProto, rows: NDArray[np.float32]) -> None:
    """One rounded convolution equals rounding its input, kernel and output in NumPy."""
    one = convolutions(model)[0]
    known = ranges(model, rows, {one.entry, one.exit})
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    node = next(node for node in model.graph.node if node.name == one.name)
    names = [one.entry, one.exit, node.output[0]]
    watched.graph.output.extend(onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in names)
    entry, exit_, _ = session(watched).run(names, {"rows": rows[:8]})
    made = rounded(model, [one], known)
    made.graph.output.append(onnx.helper.make_tensor_value_info(f"{one.exit}.rounded", onnx.TensorProto.FLOAT, None))
    found = session(made).run([f"{one.exit}.rounded"], {"rows": rows[:8]})[0]
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    kernel, bias = constants[node.input[1]][:, :, 0], constants[node.input[2]]

    def through(values: NDArray[np.float32], within: Range) -> NDArray[np.float32]:
        steps = np.clip(np.round(values / within.scale) + within.zero, 0, 255)
        return ((steps - within.zero) * within.scale).astype(np.float32)

    scale = np.abs(kernel).max(axis=(1, 2), keepdims=True) / 127
    x, w = through(entry, known[one.entry])[:, :, 0], np.round(kernel / scale) * scale
    pad = kernel.shape[2] // 2
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad)))
    seen = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2], axis=2)
    expected = np.maximum(np.einsum("bctk,ock->bot", seen, w) + bias[:, None], 0)
    step = float(known[one.exit].scale)
    assert np.abs(found[:, :, 0] - through(expected.astype(np.float32), known[one.exit])).max() <= step * 1.01
    assert np.abs(found - exit_).max() > 0


def test_large_dense_weights_take_a_quarter_of_the_room() -> None:
    """And logits move by less than a hundredth."""
    module = lived_in(families.build("tangent", {"channels": 4, "classes": 3, "hidden": [1024, 128]}), 1)
    model = onnx.load_from_string(onnx_bytes(module, 4, 80))
    small = rounding.slimmed(model)
    onnx.checker.check_model(small)
    assert len(small.SerializeToString()) < 0.4 * len(model.SerializeToString())
    windows = np.random.default_rng(0).standard_normal((6, 4, 80)).astype(np.float32)
    one, other = (rounding.session(made).run(None, {"rows": windows})[0] for made in (model, small))
    assert 0 < np.abs(one - other).max() < 0.01 * np.abs(one).max()


def test_a_range_gives_outliers_up_for_the_rest(model: onnx.ModelProto) -> None:
    values = np.random.default_rng(0).standard_normal(200_000).astype(np.float32)
    values[0] = 12.0
    chosen = rounding._best(values)
    assert 4 < chosen.high < 12
    whole = Range(float(values.min()), 12.0)
    assert rounding._error(values, chosen) < rounding._error(values, whole)
    calm = rounding._best(np.clip(values, -2, 2))
    assert calm.high == pytest.approx(2, rel=0.05)
    assert rounding._best(np.maximum(values, 0)).low == 0
    assert rounding._best(np.zeros(10, np.float32)).scale > 0


@pytest.mark.parametrize(
    ("verified", "good"),
    [
        ({"windows": 1000, "agreement": 0.995, "loss": 0.003}, True),
        ({"windows": 999, "agreement": 1.0, "loss": 0.0}, False),
        ({"windows": 5000, "agreement": 0.9949, "loss": 0.0}, False),
        ({"windows": 5000, "agreement": 1.0, "loss": 0.0031}, False),
        ({"windows": 5000, "agreement": 1.0}, False),
        ({"agreement": 1.0, "loss": 0.0}, False),
        ({"windows": 5000, "agreement": "1", "loss": 0.0}, False),
        ({}, False),
    ],
)
def test_only_what_was_verified_may_be_used(verified: dict[str, object], good: bool) -> None:
    assert fit(verified) is good


def test_what_answers_otherwise_here_is_not_trusted(listing: Listing, tmp_path: Path) -> None:
    golden = [card.golden().logits for card in listing.cards]
    verified = {"windows": 5000, "agreement": 0.999, "loss": 0.0}
    said = {"verified": verified, "vote": listing.vote, "golden": [logits.tolist() for logits in golden]}
    whole = Kept(tmp_path, [], said)
    assert distrusted(listing, whole, lambda member, _: golden[member]) == ""
    assert "'other' gives other answers" in distrusted(listing, whole, lambda member, _: golden[member] + 0.2 * member)
    flipped = Kept(tmp_path, [], said | {"golden": [(-logits).tolist() for logits in golden]})
    assert "changes probabilities" in distrusted(listing, flipped, lambda member, _: -golden[member])
    unverified = Kept(tmp_path, [], said | {"verified": {}})
    assert "was not verified" in distrusted(listing, unverified, lambda member, _: golden[member])
    for stored in (None, {}, [], [["a"]], [golden[0].tolist(), "b"]):
        without = Kept(tmp_path, [], said | {"golden": stored})
        assert "gives other answers" in distrusted(listing, without, lambda member, _: golden[member])
    other = Kept(tmp_path, [], said | {"vote": "0"})
    assert "with other weights, views" in distrusted(listing, other, lambda member, _: golden[member])
