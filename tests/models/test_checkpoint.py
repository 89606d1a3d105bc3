from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load as read
from safetensors.torch import save as tensor_bytes
from torch import Tensor, nn

from dsp.design import Design
from models.card import WEIGHTS
from models.checkpoint import LARGE, Checkpoint, load, load_member, narrowed, save, widened
from models.decision import Settings
from models.ensemble import load_ensemble, save_ensemble
from models.views import Views
from tests.models.conftest import LABELS, TINY, tiny

Make = Callable[..., nn.Module]


def rewrite(path: Path, change: Callable[[dict[str, Any]], object], name: str = "model.json") -> None:
    card = json.loads((path / name).read_text(encoding="utf-8"))
    change(card)
    (path / name).write_text(json.dumps(card), encoding="utf-8")


def retensor(path: Path, name: str, change: Callable[[dict[str, Tensor]], object]) -> None:
    """Changes tensors as somebody would who also mends the digest."""
    tensors = read((path / name).read_bytes())
    change(tensors)
    content = tensor_bytes(tensors)
    (path / name).write_bytes(content)
    rewrite(path, lambda card: card["sha256"].update({name: hashlib.sha256(content).hexdigest()}))


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def truncate(path: Path, by: int) -> None:
    path.write_bytes(path.read_bytes()[:-by])


def refused(path: Path, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_everything_survives(tmp_path: Path, processing: Design, windows: NDArray[np.float32]) -> None:
    module = tiny(0).train()
    wanted = Checkpoint(
        "se_resnet",
        TINY,
        LABELS,
        processing,
        views=Views(shift=3),
        decision=Settings(smoothing=3, threshold=0.4),
        provenance={"recipe": "ä test", "seed": 3, "metrics": {"accuracy": 0.81}},
    )
    save(tmp_path / "deep" / "er", wanted, module, windows)
    found, other = load(tmp_path / "deep" / "er")
    assert found == wanted
    assert found.design.fingerprint == processing.fingerprint
    assert not other.training
    assert module.training
    x = torch.from_numpy(windows).transpose(1, 2)
    assert torch.equal(other(x), module.eval()(x))


def test_the_config_is_written_out_whole(tmp_path: Path, make: Make) -> None:
    make(tmp_path / "c")
    assert json.loads((tmp_path / "c" / "model.json").read_text())["config"]["ratio"] == 8


def test_golden_windows_hold_what_the_network_gave(tmp_path: Path, make: Make, windows: NDArray[np.float32]) -> None:
    module = make(tmp_path / "c")
    (member,) = load_ensemble(tmp_path / "c").members
    assert np.array_equal(member.golden.windows, windows[:2])
    expected = module(torch.from_numpy(windows[:2]).transpose(1, 2)).detach().numpy()
    np.testing.assert_allclose(member.golden.logits, expected, rtol=1e-6, atol=1e-6)


def test_saving_and_loading_leave_the_random_state_alone(tmp_path: Path, make: Make) -> None:
    make(tmp_path / "c")
    torch.manual_seed(5)
    load(tmp_path / "c")
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), drawn)


CARD_DAMAGES: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda card: card.update(format="myostream-checkpoint/9"), "'myostream-checkpoint/9', and this version knows"),
    (lambda card: card.pop("format"), "not of the format 'myostream-checkpoint/1'"),
    (lambda card: card.update(tta=1), "unknown keys tta; known are format, family"),
    (lambda card: card.pop("labels"), "lacks labels"),
    (lambda card: card.update(family="resnet"), "no family 'resnet'; known are .*se_resnet"),
    (lambda card: card.update(family=["se_resnet"]), "family must be a name"),
    (lambda card: card["config"].update(widht=3), "unknown keys widht; known are channels"),
    (lambda card: card["config"].update(widths=[8, 32]), "the config asks for torch.float32"),
    (lambda card: card["config"].update(depth=2), "lacks the tensors units.2.enter.0.weight and"),
    (lambda card: card["config"].update(widths=[8]), "has unknown tensors units.1"),
    (lambda card: card["config"].update(widths=[10**9, 10**9]), "no 'se_resnet' can be built"),
    (lambda card: card["config"].update(channels=5), "dsp.channels is 4, but the config reads 5 channels"),
    (lambda card: card["config"].update(classes=4), "there are 3 labels .* for 4 classes"),
    (lambda card: card["labels"].append("more"), "there are 4 labels .* for 3 classes"),
    (lambda card: card.update(labels=["a", "a", "b"]), "differ from one another"),
    (lambda card: card.update(labels=[1, 2, 3]), "must be names"),
    (lambda card: card.update(labels="abc"), "labels a list"),
    (lambda card: card.update(fingerprint="0" * 16), "its fingerprint is '0000000000000000', but"),
    (lambda card: card["dsp"]["spec"].update(notch_hz=50.0), "one of them was changed after training"),
    (lambda card: card["dsp"]["spec"].update(rate_hz="fast"), "its dsp is damaged"),
    (lambda card: card["dsp"]["spec"].update(band_hz=5), "its dsp is damaged"),
    (lambda card: card.update(dsp=None), "its dsp is damaged"),
    (lambda card: card.update(views={"shift": -1}), "shift is -1"),
    (lambda card: card.update(decision={"smooth": 1}), "unknown keys smooth; known are smoothing"),
    (lambda card: card.update(provenance=None), "provenance"),
    (lambda card: card.update(provenance={"loss": float("nan")}), "NaN is not a number of JSON"),
    (lambda card: card.update(sha256=None), "sha256 differs"),
]


@pytest.mark.parametrize("damage", range(len(CARD_DAMAGES)), ids=lambda k: CARD_DAMAGES[k][1][:30])
def test_a_damaged_card_is_refused(tmp_path: Path, make: Make, damage: int) -> None:
    change, sentence = CARD_DAMAGES[damage]
    make(tmp_path / "c")
    rewrite(tmp_path / "c", change)
    refused(tmp_path / "c", sentence)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00\xff", '"x"', "[" * 100_000])
def test_a_card_that_is_no_table_is_refused(tmp_path: Path, make: Make, text: str) -> None:
    make(tmp_path / "c")
    (tmp_path / "c" / "model.json").write_bytes(text.encode("latin-1"))
    refused(tmp_path / "c", "model.json is no")


@pytest.mark.parametrize("name", ["model.safetensors", "golden.safetensors"])
def test_damaged_tensors_are_refused(tmp_path: Path, make: Make, name: str) -> None:
    source = tmp_path / "c"
    make(source)
    damages: dict[str, Callable[[Path], object]] = {
        "no whole safetensors": lambda file: truncate(file, 1),
        "is no whole": lambda file: truncate(file, file.stat().st_size - 3),
        "whole safetensors file": lambda file: file.write_bytes(b""),
        "not the file that was saved": lambda file: flip(file, file.stat().st_size - 5),
        "safetensors file": lambda file: flip(file, 3),
        "the folder holds no": lambda file: file.unlink(),
    }
    for k, (sentence, damage) in enumerate(damages.items()):
        copy = tmp_path / str(k)
        shutil.copytree(source, copy)
        damage(copy / name)
        refused(copy, sentence)


def test_parameters_that_are_not_numbers_are_refused(tmp_path: Path, make: Make, processing: Design) -> None:
    make(tmp_path / "c")
    retensor(tmp_path / "c", "model.safetensors", lambda t: t["head.weight"].view(-1)[3].fill_(float("nan")))
    refused(tmp_path / "c", "head.weight holds values that are not numbers")
    broken = tiny(0)
    with torch.no_grad():
        next(broken.parameters()).fill_(float("inf"))
    windows = np.ones((1, processing.spec.window, 4), np.float32)
    with pytest.raises(ValueError, match="not numbers"):
        save(tmp_path / "d", Checkpoint("se_resnet", TINY, LABELS, processing), broken, windows)
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.pop("logits"),
        lambda t: t.update(more=torch.zeros(1)),
        lambda t: t.update(logits=t["logits"][:1]),
        lambda t: t.update(logits=t["logits"].double()),
        lambda t: t.update(windows=t["windows"][:, :, :2].contiguous()),
        lambda t: t.update(windows=t["windows"][:, 1:].contiguous()),
        lambda t: t.update(windows=t["windows"][:0], logits=t["logits"][:0]),
    ],
)
def test_golden_windows_of_another_shape_are_refused(
    tmp_path: Path, make: Make, change: Callable[[dict[str, Tensor]], object]
) -> None:
    make(tmp_path / "c")
    retensor(tmp_path / "c", "golden.safetensors", change)
    refused(tmp_path / "c", r"must hold windows \(G, \d+, 4\) and logits \(G, 3\)")


def test_what_is_not_there_or_foreign_is_refused(tmp_path: Path, ensemble: Path) -> None:
    refused(tmp_path / "absent", "there is nothing of that name")
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file", "it is a file, and a checkpoint is a folder")
    (tmp_path / "foreign").mkdir()
    refused(tmp_path / "foreign", "holds no model.json and no model.safetensors and no golden")
    refused(ensemble, "it is an ensemble")


def test_only_a_checkpoint_is_overwritten(tmp_path: Path, make: Make, ensemble: Path) -> None:
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter.txt").write_text("years of work")
    for card in (None, "{}", '{"format": "else/1"}', "[1]", "{"):
        if card is not None:
            (foreign / "model.json").write_text(card)
        with pytest.raises(ValueError, match="is not a checkpoint, so it is not overwritten"):
            make(foreign)
    assert (foreign / "chapter.txt").read_text() == "years of work"
    with pytest.raises(ValueError, match="is a file"):
        make(foreign / "chapter.txt")
    with pytest.raises(ValueError, match="is not a checkpoint"):
        make(ensemble)
    (tmp_path / "empty").mkdir()
    make(tmp_path / "empty")
    load(tmp_path / "empty")


def test_a_checkpoint_is_replaced_and_what_lies_beside_it_is_kept(tmp_path: Path, make: Make) -> None:
    make(tmp_path / "c", 0)
    (tmp_path / "c" / "README.md").write_text("card")
    module = make(tmp_path / "c", 1)
    assert_holds(tmp_path / "c", module)
    assert (tmp_path / "c" / "README.md").read_text() == "card"
    assert [file.name for file in tmp_path.iterdir()] == ["c"]


@pytest.mark.parametrize("calls", range(3))
def test_a_full_disk_leaves_the_old_checkpoint(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    module = make(tmp_path / "c", 0)
    left = [None] * calls

    def full(descriptor: int) -> None:
        if not left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        left.pop()

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        make(tmp_path / "c", 1)
    assert_holds(tmp_path / "c", module)
    assert [file.name for file in tmp_path.iterdir()] == ["c"]


@pytest.mark.parametrize("calls", range(2))
def test_a_failing_rename_leaves_the_old_checkpoint(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    module = make(tmp_path / "c", 0)
    rename, count = Path.rename, iter(range(10))

    def failing(self: Path, target: Path) -> Path:
        if next(count) == calls:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(PermissionError):
        make(tmp_path / "c", 1)
    assert_holds(tmp_path / "c", module)
    assert [file.name for file in tmp_path.iterdir()] == ["c"]


def assert_holds(path: Path, module: nn.Module) -> None:
    _, found = load(path)
    state = found.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in module.state_dict().items())


@pytest.mark.parametrize("shape", [(0, 9, 4), (9, 4), (2, 9, 3), (2, 0, 4)])
def test_golden_windows_must_fit_to_be_saved(tmp_path: Path, processing: Design, shape: tuple[int, ...]) -> None:
    checkpoint = Checkpoint("se_resnet", TINY, LABELS, processing)
    with pytest.raises(ValueError, match="golden windows have shape"):
        save(tmp_path / "c", checkpoint, tiny(0), np.zeros(shape, np.float32))


def test_golden_windows_must_be_numbers(tmp_path: Path, processing: Design, windows: NDArray[np.float32]) -> None:
    broken = windows.copy()
    broken[1, 2, 3] = np.nan
    with pytest.raises(ValueError, match="golden windows hold values that are not numbers"):
        save(tmp_path / "c", Checkpoint("se_resnet", TINY, LABELS, processing), tiny(0), broken)
    broken[1, 2, 3] = 0
    broken.flags.writeable = False
    save(tmp_path / "c", Checkpoint("se_resnet", TINY, LABELS, processing), tiny(0), broken)


def test_a_module_of_another_config_is_not_saved(
    tmp_path: Path, processing: Design, windows: NDArray[np.float32]
) -> None:
    checkpoint = Checkpoint("se_resnet", TINY | {"depth": 2}, LABELS, processing)
    with pytest.raises(ValueError, match="lacks the tensors"):
        save(tmp_path / "c", checkpoint, tiny(0), windows)
    odd = Checkpoint("se_resnet", TINY, LABELS, processing, provenance={"loss": float("nan")})
    with pytest.raises(ValueError, match="provenance holds what JSON cannot"):
        save(tmp_path / "c", odd, tiny(0), windows)
    assert list(tmp_path.iterdir()) == []


def test_whole_numbers_in_a_spec_do_not_change_its_fingerprint(
    tmp_path: Path, processing: Design, windows: NDArray[np.float32]
) -> None:
    whole = replace(processing, spec=replace(processing.spec, band_hz=(20, 80)))
    save(tmp_path / "c", Checkpoint("se_resnet", TINY, LABELS, whole), tiny(0), windows)
    assert load(tmp_path / "c")[0].design == processing


def test_an_ensemble_is_loaded_in_its_order_with_weights_that_sum_to_one(ensemble: Path) -> None:
    loaded = load_ensemble(ensemble)
    assert [(member.name, member.weight) for member in loaded.members] == [("a", 0.125), ("b", 0.25), ("c", 0.625)]
    assert loaded.provenance == {"recipe": "test"}


def test_a_checkpoint_is_an_ensemble_of_one(tmp_path: Path, make: Make) -> None:
    make(tmp_path / "c")
    assert [(member.name, member.weight) for member in load_ensemble(tmp_path / "c").members] == [("c", 1.0)]


ENSEMBLE_DAMAGES: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda card: card.update(members=[]), "at least one"),
    (lambda card: card.update(members={"a": 1}), "must be a list"),
    (lambda card: card["members"].append({"path": "a"}), "must have the keys path and weight"),
    (lambda card: card["members"][0].update(path=3), "must be the name of a subfolder"),
    (lambda card: card["members"][0].update(path="../outside"), "'../outside' lies outside"),
    (lambda card: card["members"][0].update(path="b/../.."), "lies outside"),
    (lambda card: card["members"][0].update(path="."), "lies outside"),
    (lambda card: card["members"][0].update(path="/etc"), "lies outside"),
    (lambda card: card["members"][0].update(path="link"), "lies outside"),
    (lambda card: card["members"][0].update(path="absent"), "there is nothing of that name"),
    (lambda card: card["members"][0].update(path="b"), "listed twice"),
    (lambda card: card["members"][0].update(weight=0), "is 0; it must be a number above zero"),
    (lambda card: card["members"][0].update(weight="1"), "it must be a number above zero"),
    (lambda card: card["members"][0].update(weight=True), "it must be a number above zero"),
    (lambda card: card.update(format="myostream-ensemble/2"), "this version knows 'myostream-ensemble/1'"),
    (lambda card: card.update(labels=[]), "unknown keys labels; known are format, members, provenance"),
]


@pytest.mark.parametrize("damage", range(len(ENSEMBLE_DAMAGES)), ids=lambda k: ENSEMBLE_DAMAGES[k][1][:30])
def test_a_damaged_ensemble_is_refused(ensemble: Path, make: Make, damage: int) -> None:
    make(ensemble.parent / "outside")
    (ensemble / "link").symlink_to(ensemble.parent / "outside")
    change, sentence = ENSEMBLE_DAMAGES[damage]
    rewrite(ensemble, change, "ensemble.json")
    with pytest.raises(ValueError, match=re.escape(sentence)):
        load_ensemble(ensemble)


def test_members_must_agree(ensemble: Path, processing: Design, windows: NDArray[np.float32]) -> None:
    others = {
        "members must share their labels": Checkpoint("se_resnet", TINY, LABELS[::-1], processing),
        "must share their filters": Checkpoint(
            "se_resnet", TINY, LABELS, replace(processing, sections=processing.sections[::-1])
        ),
    }
    for sentence, other in others.items():
        save(ensemble / "d", other, tiny(0), windows)
        with pytest.raises(ValueError, match=sentence):
            save_ensemble(ensemble, [("a", 1), ("d", 1)])
    assert len(load_ensemble(ensemble).members) == 3


def test_a_folder_is_an_ensemble_or_a_checkpoint(ensemble: Path, make: Make) -> None:
    make(ensemble / "d")
    with pytest.raises(ValueError, match="is a checkpoint itself"):
        save_ensemble(ensemble / "d", [("x", 1)])
    shutil.copy(ensemble / "d" / "model.json", ensemble)
    with pytest.raises(ValueError, match=r"holds both ensemble\.json and model\.json"):
        load_ensemble(ensemble)


def test_large_matrices_are_stored_in_16_bits(tmp_path: Path, processing: Design, windows: NDArray[np.float32]) -> None:
    wide = {"widths": [32, 64], "kernel": 7}
    module = tiny(0, **wide)
    large = {name for name, tensor in module.state_dict().items() if tensor.ndim > 1 and tensor.numel() >= LARGE}
    assert large
    save(tmp_path / "c", Checkpoint("se_resnet", TINY | wide, LABELS, processing), module, windows[:2])
    stored = read((tmp_path / "c" / WEIGHTS).read_bytes())
    assert {name for name, tensor in stored.items() if tensor.dtype == torch.float16} == large
    member = load_member(tmp_path / "c")
    for name, tensor in member.module.state_dict().items():
        mine = module.state_dict()[name]
        assert tensor.dtype == mine.dtype
        torch.testing.assert_close(tensor, mine, rtol=2**-11 if name in large else 0, atol=2**-24)
    with torch.inference_mode():
        logits = member.module(torch.from_numpy(member.golden.windows).transpose(1, 2).contiguous())
    np.testing.assert_array_equal(logits.numpy(), member.golden.logits)


def test_what_16_bits_cannot_hold_keeps_32(tmp_path: Path) -> None:
    great = torch.full((64, 64), 1e5)
    kept = narrowed({"great": great, "fine": great / 1e5, "counts": great.long(), "row": great[0].repeat(LARGE)})
    assert {name: tensor.dtype for name, tensor in kept.items()} == {
        "great": torch.float32,
        "fine": torch.float16,
        "counts": torch.int64,
        "row": torch.float32,
    }
    assert torch.equal(widened(kept)["fine"], torch.ones(64, 64))
