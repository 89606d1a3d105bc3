"""One law for every engine: the answer is the weighted mean over members and views, however it is computed."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dsp.design import Design
from dsp.flow import Window
from models.classifier import Classifier, Effort
from models.engines import kept
from models.ensemble import load_ensemble, save_ensemble
from models.listing import read_listing
from models.loading import Wanted, load_classifier
from models.networks import look
from models.views import Views
from tests.models.conftest import LABELS

CUDA = pytest.param(
    Wanted("torch", "cuda", precision="fp32"),
    id="torch-cuda-fp32",
    marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no CUDA device")],
)
HALF = pytest.param(Wanted("torch", "cuda"), id="torch-cuda-auto", marks=CUDA.marks)
PLAIN = pytest.param(Wanted("torch", "cuda", precision="fp32", graph=False), id="torch-cuda-no-graph", marks=CUDA.marks)
VINO = pytest.param(
    Wanted("openvino"),
    id="openvino",
    marks=pytest.mark.skipif(
        find_spec("openvino") is None, reason="OpenVINO is not installed (pip install -e '.[openvino]')"
    ),
)
EXACT = [pytest.param(Wanted("torch", "cpu"), id="torch-cpu"), pytest.param(Wanted("onnx"), id="onnx"), CUDA, PLAIN]
ALL = [*EXACT, HALF, VINO]

CLOSE = {"torch-cuda-auto": 0.01, "openvino": 0.02}
"""What an engine of less than float32 may be off by; the others 1e-4."""


@pytest.fixture(scope="module")
def voters(tmp_path_factory: pytest.TempPathFactory, processing: Design, windows: NDArray[np.float32]) -> Path:
    """Three members, of which the middle one has another architecture; exported once for this file."""
    from models.checkpoint import Checkpoint, save  # noqa: PLC0415 - only here
    from tests.models.conftest import TINY, tiny  # noqa: PLC0415 - only here

    root = tmp_path_factory.mktemp("voters") / "ensemble"
    for name, seed, changes in (("a", 1, {}), ("b", 2, {"widths": [8, 8, 8]}), ("c", 3, {})):
        views = Views(gain=1.0 if name == "b" else 1.1)
        card = Checkpoint("se_resnet", TINY | changes, LABELS, processing, views=views)
        save(root / name, card, tiny(seed, **changes), windows[:2])
    save_ensemble(root, [("a", 1), ("b", 2), ("c", 5)], {"recipe": "test"})
    return root


def window(samples: NDArray[np.float32], first: int = 0) -> Window:
    return Window(samples, first, first + len(samples))


def one_by_one(path: Path, samples: NDArray[np.float32], effort: Effort | None = None) -> NDArray[np.float64]:
    """The slow obvious twin: each member and view by itself."""
    members = load_ensemble(path).members
    places, most = (range(len(members)), 99) if effort is None else (effort.members, effort.views)
    total = np.zeros(len(LABELS))
    for place in places:
        member = members[place]
        x = torch.from_numpy(samples.T.copy())[None]
        seen = look(x, member.checkpoint.views.arranged(*x.shape[1:]))[:most]
        each = [member.module(view[None]).softmax(-1)[0].detach().numpy() for view in seen]
        total += member.weight * np.mean(each, axis=0)
    return total / sum(members[place].weight for place in places)


def close(found: NDArray[np.float32], expected: NDArray[np.float64], request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.id.split("[")[-1].rstrip("]")
    allowed = max((share for key, share in CLOSE.items() if key in name), default=1e-4)
    np.testing.assert_allclose(found, expected, atol=allowed)


@pytest.fixture
def classifier(voters: Path, wanted: Wanted) -> Classifier:
    return load_classifier(voters, wanted)


@pytest.mark.parametrize("wanted", ALL)
def test_every_engine_is_the_members_one_by_one(
    voters: Path, classifier: Classifier, windows: NDArray[np.float32], request: pytest.FixtureRequest
) -> None:
    for samples in windows:
        expected = one_by_one(voters, samples)
        found = classifier(window(samples))
        close(found, expected, request)
        assert (found.shape, found.dtype) == ((3,), np.float32)
        assert found.sum() == pytest.approx(1, abs=1e-4)
        close(classifier.batch(samples[None])[0], expected, request)


@pytest.mark.parametrize("wanted", ALL)
def test_every_effort_asks_whom_it_says(
    voters: Path, classifier: Classifier, windows: NDArray[np.float32], request: pytest.FixtureRequest
) -> None:
    assert classifier.efforts == (
        Effort((0, 1, 2), 5),
        Effort((0, 1, 2), 3),
        Effort((0, 1, 2), 1),
        Effort((1, 2), 1),
        Effort((2,), 1),
    )
    for number, effort in enumerate(classifier.efforts):
        classifier.take(window(windows[0]))
        close(classifier.answer(number), one_by_one(voters, windows[0], effort), request)
    words = [classifier.in_words(number) for number in range(5)]
    assert words == [
        "everything",
        "3 of 5 views",
        "1 of 5 views",
        "2 of 3 members, 1 of 5 views",
        "1 of 3 members, 1 of 5 views",
    ]


@pytest.mark.parametrize("wanted", ALL)
def test_a_stream_is_its_windows(
    voters: Path, classifier: Classifier, processing: Design, request: pytest.FixtureRequest
) -> None:
    """Overlapping windows, of which an engine may take just what is new: hops, a longer step, a gap, another stream."""
    length, hop = processing.spec.window, processing.spec.hop
    signal = np.random.default_rng(5).standard_normal((20 * hop + 3 * length, 4)).astype(np.float32)
    other = np.random.default_rng(6).standard_normal(signal.shape).astype(np.float32)
    classifier.warm_up()
    steps = [(signal, k * hop) for k in range(6)]
    steps += [(signal, 8 * hop), (signal, 9 * hop), (signal, 9 * hop + length), (signal, 10 * hop + length)]
    steps += [(other, 11 * hop + length), (other, 12 * hop + length), (signal, 3), (signal, 3 + hop)]
    for source, first in steps:
        samples = source[first : first + length]
        close(classifier(window(samples, first)), one_by_one(voters, samples), request)


@pytest.mark.parametrize("wanted", [*EXACT, HALF])
def test_a_decision_is_the_same_to_the_last_bit(voters: Path, wanted: Wanted, windows: NDArray[np.float32]) -> None:
    first, second = load_classifier(voters, wanted), load_classifier(voters, wanted)
    second.warm_up()
    backwards = [second(window(samples)) for samples in windows[::-1]][::-1]
    for samples, later in zip(windows, backwards, strict=True):
        assert np.array_equal(first(window(samples)), later)


@pytest.mark.parametrize("wanted", ALL)
def test_each_answer_is_a_fresh_array(classifier: Classifier, windows: NDArray[np.float32]) -> None:
    first = classifier(window(windows[0]))
    kept = first.copy()
    classifier(window(windows[1]))
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("wanted", ALL)
def test_asking_twice_and_asking_for_others_in_between_changes_nothing(
    classifier: Classifier, windows: NDArray[np.float32]
) -> None:
    stream = np.concatenate(windows[:3])
    hop, length = classifier.design.spec.hop, classifier.design.spec.window
    expected = classifier.batch(np.stack([stream[at : at + length] for at in (0, hop, 2 * hop)]))
    classifier.reset()
    for number in range(3):
        classifier.take(window(stream[number * hop : number * hop + length], number * hop))
        classifier.batch(windows[5:7])
        first = classifier.answer()
        np.testing.assert_allclose(first, expected[number], atol=0.01)
        np.testing.assert_allclose(classifier.answer(), first, atol=1e-5)


@pytest.mark.parametrize("wanted", ALL)
def test_what_is_no_number_gets_no_answer_and_leaves_nothing_behind(
    classifier: Classifier, windows: NDArray[np.float32]
) -> None:
    expected = classifier(window(windows[0]))
    broken = windows[0].copy()
    broken[7, 1] = np.nan
    assert np.isnan(classifier(window(broken, 1))).all()
    np.testing.assert_allclose(classifier(window(windows[0], 2)), expected, atol=1e-6)
    both = classifier.batch(np.stack([broken, windows[0]]))
    assert np.isnan(both[0]).all()
    assert np.isfinite(both[1]).all()


@pytest.mark.parametrize("wanted", ALL)
def test_a_rehearsal_changes_nothing(classifier: Classifier, windows: NDArray[np.float32]) -> None:
    classifier.take(window(windows[0]))
    expected = classifier.answer()
    classifier.rehearse()
    classifier.take(window(windows[1], 1))
    between = classifier.answer()
    classifier.rehearse()
    classifier.take(window(windows[0], 2))
    assert np.array_equal(classifier.answer(), expected)
    assert not np.array_equal(between, expected)


@pytest.mark.parametrize("wanted", EXACT)
def test_a_strided_read_only_window_is_taken(classifier: Classifier, windows: NDArray[np.float32]) -> None:
    strided = np.repeat(windows[0], 2, axis=0)[::2]
    strided.flags.writeable = False
    assert np.array_equal(classifier(window(strided)), classifier(window(windows[0])))


@pytest.mark.parametrize("wanted", ALL)
@pytest.mark.parametrize("streams", [2, 11])
def test_many_streams_are_each_by_itself(
    voters: Path, wanted: Wanted, streams: int, processing: Design, request: pytest.FixtureRequest
) -> None:
    from dataclasses import replace  # noqa: PLC0415 - only here

    length, hop = processing.spec.window, processing.spec.hop
    signals = np.random.default_rng(7).standard_normal((streams, length + 3 * hop, 4)).astype(np.float32)
    engine = load_classifier(voters, replace(wanted, streams=streams)).engine
    effort = Effort((0, 1, 2), 5)
    for step in range(4):
        present = signals[:, step * hop : step * hop + length]
        engine.take(present, hop if step else length)
        found = engine.answer(effort)
        assert found.shape == (streams, 3)
        for stream in range(0, streams, 5):
            close(found[stream], one_by_one(voters, present[stream]), request)


@pytest.mark.parametrize("wanted", [CUDA])
@pytest.mark.parametrize("before", range(32))
def test_it_does_not_matter_which_streams_a_gpu_has_left(
    voters: Path, wanted: Wanted, before: int, windows: NDArray[np.float32], request: pytest.FixtureRequest
) -> None:
    """PyTorch has 32 of them and begins anew then, so that two of what runs side by side may share one."""
    for _ in range(before):
        torch.cuda.Stream()  # type: ignore[no-untyped-call]
    classifier = load_classifier(voters, wanted)
    for samples in windows:
        close(classifier(window(samples)), one_by_one(voters, samples), request)


@pytest.mark.parametrize("wanted", [Wanted("torch", "cpu", views=False), Wanted("onnx", views=False)])
def test_views_can_be_switched_off(voters: Path, wanted: Wanted, windows: NDArray[np.float32]) -> None:
    classifier = load_classifier(voters, wanted)
    assert [effort.views for effort in classifier.efforts] == [1, 1, 1]
    expected = one_by_one(voters, windows[0], Effort((0, 1, 2), 1))
    np.testing.assert_allclose(classifier(window(windows[0])), expected, atol=1e-5)


def test_it_says_what_it_is(voters: Path, processing: Design) -> None:
    classifier = load_classifier(voters, Wanted("onnx"))
    assert classifier.labels == LABELS
    assert classifier.design == processing
    assert classifier.member_names == ("a", "b", "c")
    assert classifier.weights == (0.125, 0.25, 0.625)
    assert classifier.provenance == {"recipe": "test"}
    assert classifier.decision.smoothing == 1
    assert (classifier.engine.name, classifier.device) == ("onnx", "cpu")
    assert load_classifier(voters, Wanted("torch", "cpu")).device == "cpu"


def test_another_hop_changes_nothing_else(voters: Path, processing: Design, windows: NDArray[np.float32]) -> None:
    usual, often = load_classifier(voters, Wanted("onnx")), load_classifier(voters, Wanted("onnx", hop_ms=20))
    assert often.design.spec.hop == 4
    assert often.design.sections == processing.sections
    assert np.array_equal(usual(window(windows[0])), often(window(windows[0])))
    with pytest.raises(ValueError, match="is less than one sample"):
        load_classifier(voters, Wanted("onnx", hop_ms=1))


def test_warming_up_says_what_an_effort_costs(voters: Path) -> None:
    classifier = load_classifier(voters, Wanted("onnx"))
    assert classifier.costs_s == (0.0,) * 5
    classifier.warm_up()
    assert all(cost > 0 for cost in classifier.costs_s)
    assert classifier.costs_s[0] > classifier.costs_s[-1]


@pytest.mark.parametrize("wanted", EXACT)
def test_other_shapes_are_refused(classifier: Classifier, windows: NDArray[np.float32]) -> None:
    with pytest.raises(ValueError, match=re.escape("the window has shape (79, 4), but this checkpoint takes")):
        classifier(window(windows[0, 1:]))
    with pytest.raises(ValueError, match="takes"):
        classifier(window(windows[0, :, :3]))
    with pytest.raises(ValueError, match=re.escape("this checkpoint takes (B, 80, C)")):
        classifier.batch(windows[:, 1:])
    assert classifier.batch(windows[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (Wanted("abacus"), "there is no engine 'abacus'; use auto, torch, onnx, int8, openvino"),
        (Wanted("onnx", "cuda"), "--engine onnx runs on the CPU, not on 'cuda'; use --engine torch"),
        (Wanted("torch", "abacus"), "there is no device 'abacus'; use auto, cpu or cuda"),
        (Wanted("auto", "cuda:99"), "'cuda:99' is not there"),
        (Wanted("torch", "cpu", threads=0), "threads is 0; give at least 1"),
        (Wanted("torch", "cpu", precision="fp7"), "there is no precision 'fp7'; use auto, fp32, tf32, fp16, bf16"),
        (Wanted("torch", "cpu", precision="fp16"), "--precision fp16 is for a GPU"),
        (Wanted("auto", precision="fp16"), "--precision fp16 is for a GPU"),
        (Wanted("onnx", precision="fp16"), "are for PyTorch on a GPU, and not for --engine onnx; leave them out"),
        (Wanted("int8", graph=False), "are for PyTorch on a GPU, and not for --engine int8; leave them out"),
        (Wanted("int8"), "has no form in eight bits; make one with 'python -m train quantise"),
    ],
)
def test_what_cannot_be_had_gets_a_sentence(voters: Path, wanted: Wanted, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        load_classifier(voters, wanted)


def test_auto_takes_onnx_where_there_is_nothing_else(voters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.loading._gpu_for_torch", lambda: False)
    classifier = load_classifier(voters)
    assert (classifier.engine.name, classifier.notes) == ("onnx", ())


def test_auto_falls_back_to_pytorch_and_says_so(voters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object) -> None:
        raise ValueError("cannot be exported")

    monkeypatch.setattr("models.loading._gpu_for_torch", lambda: False)
    monkeypatch.setattr("models.engines.kept.exported", nothing)
    classifier = load_classifier(voters)
    assert classifier.engine.name == "torch"
    assert classifier.notes == ("cannot be exported; using PyTorch, which is slower",)


def broken_imports(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """As if these were not there, also where they were loaded already."""
    ours = ("models.engines.runtime", "models.engines.sessions", "models.engines.vino")
    for name in list(sys.modules):
        if name.partition(".")[0] in packages or name in ours:
            monkeypatch.delitem(sys.modules, name)
    for name in packages:
        monkeypatch.setitem(sys.modules, name, None)


def test_auto_does_without_a_package_that_is_missing_or_broken(voters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.loading._gpu_for_torch", lambda: False)
    load_classifier(voters, Wanted("onnx"))
    broken_imports(monkeypatch, "onnxruntime", "openvino")
    classifier = load_classifier(voters)
    assert classifier.engine.name == "torch"
    assert "--engine onnx needs a package that cannot be loaded" in classifier.notes[0]
    assert classifier.notes[0].endswith("pip install onnxruntime; using PyTorch, which is slower")
    with pytest.raises(ValueError, match=r"--engine openvino needs .*: pip install 'myostream\[openvino\]'"):
        load_classifier(voters, Wanted("openvino"))


def test_auto_goes_to_the_cpu_where_the_gpu_is_of_no_use(voters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.engines import resident  # noqa: PLC0415 - only here

    real = resident.Resident.__init__

    def full(*arguments: object, **options: object) -> None:
        if not asked:
            asked.append(1)
            raise RuntimeError("CUDA error: out of memory\nand much more")
        real(*arguments, **options)  # type: ignore[arg-type]

    asked: list[int] = []
    monkeypatch.setattr("models.loading._gpu_for_torch", lambda: True)
    monkeypatch.setattr(resident.Resident, "__init__", full)
    classifier = load_classifier(voters)
    assert classifier.engine.name == "onnx"
    assert "cannot serve 1 streams on auto (CUDA error: out of memory)" in classifier.notes[0]
    assert classifier.notes[0].endswith("; using the CPU")


@pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is not installed (pip install -e '.[openvino]')")
@pytest.mark.parametrize("able", [True, False])
def test_openvino_is_held_to_the_golden_windows_in_any_precision(
    voters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, able: bool
) -> None:
    """What is kept was made of the other member: whoever reads it must notice."""
    load_classifier(voters, Wanted("onnx"))
    shutil.copytree(voters, tmp_path / "copy")
    listing = read_listing(tmp_path / "copy")
    one, middle, other = (file.read_bytes() for file in kept.exported(listing).files)
    kept.keep(listing, kept.FLOAT32, [other, middle, one], {})
    if not able:
        monkeypatch.setattr("models.engines.vino.BFLOAT16", "never")
    with pytest.raises(ValueError, match=r"in OpenVINO 'a' differs by up to .* from its golden logits; delete"):
        load_classifier(tmp_path / "copy", Wanted("openvino"))


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    from models import loading  # noqa: PLC0415 - what is private to it is looked at

    def absent(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr("ctypes.CDLL", absent)
    assert loading._gpu_for_torch() is False


Make = Callable[..., torch.nn.Module]


def test_a_network_that_computes_something_else_is_refused(tmp_path: Path, make: Make) -> None:
    from tests.models.test_checkpoint import retensor  # noqa: PLC0415 - only here

    make(tmp_path / "c", 1)
    load_classifier(tmp_path / "c", Wanted("onnx"))
    retensor(tmp_path / "c", "golden.safetensors", lambda t: t["logits"][1, 2].add_(0.01))
    with pytest.raises(ValueError, match=r"in ONNX Runtime 'c' differs by up to 0\.01 from its golden logits"):
        load_classifier(tmp_path / "c", Wanted("onnx"))
    with pytest.raises(ValueError, match="'c' gives other logits on cpu than when it was saved"):
        load_classifier(tmp_path / "c", Wanted("torch", "cpu"))
