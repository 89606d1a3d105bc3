"""The loop: resumed runs are the same runs, early stopping stops, nothing is overwritten."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from models.blocks import Decorrelation, with_differences
from tests.train.conftest import TINY, tiny
from train.batches import Batches
from train.corpus import Corpus
from train.fit import device_of, fit
from train.loop import STATE, Run, covariance
from train.progress import Advance
from train.recipe import load as load_recipe
from train.schedule import learning_rate
from train.state import compare_facts, step_seed
from train.task import Task, prepare

CPU = torch.device("cpu")
EVERYTHING = ("epochs=3", "ema=0.9", "augment.mixup=0.4", "augment.rotation=0.3", "long_share=0.3", "long_ms=600")


class Interrupted(Run):
    """A run in which somebody presses Ctrl-C in the second epoch."""

    def _epoch(self, bar: Advance) -> None:
        if self.done.epoch == 1:
            super()._step(10**6)
            raise KeyboardInterrupt
        super()._epoch(bar)


def full(corpus: Corpus, name: str = "se_resnet") -> Task:
    return prepare(name, tiny(name, *EVERYTHING), EVERYTHING, corpus)


def timeless(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]


@pytest.mark.parametrize("name", ["se_resnet", "tangent"])
def test_a_resumed_run_is_the_uninterrupted_one(name: str, corpus: Corpus, tmp_path: Path) -> None:
    task = full(corpus, name)
    whole = Run(task, CPU)
    weights = whole.train(tmp_path / "whole")

    with pytest.raises(KeyboardInterrupt):
        Interrupted(task, CPU).train(tmp_path / "halves")
    torch.manual_seed(99)
    resumed = Run(task, CPU)
    again = resumed.train(tmp_path / "halves", resume=True)

    assert len(whole.done.history) == 3
    assert timeless(resumed.done.history) == timeless(whole.done.history)
    assert resumed.done.best_epoch == whole.done.best_epoch
    assert all(torch.equal(again[name], weights[name]) for name in weights)
    now = whole.network.state_dict()
    assert all(torch.equal(value, now[name]) for name, value in resumed.network.state_dict().items())


@pytest.mark.parametrize(("name", "differences"), [("se_resnet", 0), ("tangent", 1)])
def test_what_a_network_decorrelates_is_uncorrelated(name: str, differences: int, corpus: Corpus) -> None:
    task = prepare(name, tiny(name), (), corpus)
    found = covariance(task, differences)
    pieces = pairwise(task.track.starts.tolist())
    rows = [with_differences(torch.from_numpy(task.track.samples[a:b].T)[None], differences)[0] for a, b in pieces]
    together = torch.cat(rows, 1).double()
    torch.testing.assert_close(found, together @ together.T / together.shape[1], rtol=1e-4, atol=1e-6)
    matrix = next(part for part in Run(task, CPU).network.modules() if isinstance(part, Decorrelation)).matrix.double()
    torch.testing.assert_close(matrix @ found @ matrix.T, torch.eye(len(found)).double(), rtol=0, atol=1e-3)


def test_features_are_mixed_with_the_shares_of_their_labels(corpus: Corpus) -> None:
    task = prepare("tangent", tiny("tangent", "augment.mixup_features=0.4"), (), corpus)
    plain = prepare("tangent", tiny("tangent", "augment.mixup_features=0"), (), corpus)
    mixing, without = (Batches(each, CPU).draw(5) for each in (task, plain))
    assert without.own is None
    assert mixing.own is not None
    assert torch.equal(mixing.windows, without.windows), "the signals are left alone"
    first, second = mixing.targets[:8], mixing.targets[8:]
    one, other = without.targets[:8], without.targets[8:]
    shares = mixing.own[:, None]
    torch.testing.assert_close(first, shares[:8] * one + (1 - shares[:8]) * other)
    torch.testing.assert_close(second, shares[8:] * other + (1 - shares[8:]) * one)
    run = Run(task, CPU)
    seen = []
    run.network.get_submodule("dense").register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    run.network.train()(mixing.windows, mixing.own)
    run.network(mixing.windows)
    expected = shares * seen[1] + (1 - shares) * seen[1].roll(8, 0)
    torch.testing.assert_close(seen[0], expected)


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        (
            "se_resnet",
            "augment.mixup_features=0.4",
            "'se_resnet' has nothing to be mixed; use .* tangent",
        ),
        ("tangent", "batch=15", "batch=15 cannot be shared out evenly; make it a multiple of 2"),
    ],
)
def test_features_that_cannot_be_mixed_are_refused(name: str, change: str, sentence: str, corpus: Corpus) -> None:
    with pytest.raises(ValueError, match=sentence):
        Run(prepare(name, tiny(name, "augment.mixup_features=0.4", change), (), corpus), CPU)


def test_a_run_can_be_repeated_and_depends_on_its_seed(task: Task, corpus: Corpus, tmp_path: Path) -> None:
    histories = []
    for number, recipe in enumerate((task.recipe, task.recipe, tiny("se_resnet", "seed=1"))):
        run = Run(prepare("se_resnet", recipe, (), corpus), CPU)
        run.train(tmp_path / str(number))
        histories.append(timeless(run.done.history))
    assert histories[0] == histories[1]
    assert histories[0] != histories[2]


def test_a_finished_run_resumes_to_its_end(task: Task, tmp_path: Path) -> None:
    weights = Run(task, CPU).train(tmp_path)
    again = Run(task, CPU).train(tmp_path, resume=True)
    assert all(torch.equal(again[name], weights[name]) for name in weights)


def test_another_runs_state_is_refused(task: Task, corpus: Corpus, tmp_path: Path) -> None:
    Run(task, CPU).train(tmp_path)
    other = prepare("se_resnet", tiny("se_resnet", "lr=1e-4"), (), corpus)
    with pytest.raises(ValueError, match=r"other lr \(then 0.003, now 0.0001\)"):
        Run(other, CPU).train(tmp_path, resume=True)


def test_long_settings_are_told_apart() -> None:
    one, other = list(range(1, 40)), [*range(1, 38), 99, 39]
    with pytest.raises(ValueError, match=r"people \(then \.\.\..*38, 39\], now \.\.\..*99, 39\]\)"):
        compare_facts(Path("run") / "state", {"people": one}, {"people": other})


@pytest.mark.parametrize("content", [b"", b"not a state", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_damaged_state_is_refused(content: bytes, task: Task, tmp_path: Path) -> None:
    (tmp_path / STATE).write_bytes(content)
    with pytest.raises(ValueError, match="no state of a run, or damaged"):
        Run(task, CPU).train(tmp_path, resume=True)


def test_a_run_is_not_overwritten(corpus: Corpus, tmp_path: Path) -> None:
    fit("se_resnet", tiny("se_resnet", "epochs=1"), TINY, corpus, tmp_path)
    with pytest.raises(ValueError, match="add --resume"):
        fit("se_resnet", tiny("se_resnet", "epochs=1"), TINY, corpus, tmp_path)


def test_patience_ends_a_run_that_no_longer_improves(corpus: Corpus, tmp_path: Path) -> None:
    standing = tiny("se_resnet", "epochs=9", "patience=2", "lr=1e-12", "ema=0.99999")
    run = Run(prepare("se_resnet", standing, (), corpus), CPU)
    run.train(tmp_path)
    assert run.done.epoch < 9
    assert run.done.epoch == run.done.best_epoch + 2


def test_the_best_epoch_is_kept(corpus: Corpus, tmp_path: Path) -> None:
    run = Run(prepare("se_resnet", tiny("se_resnet", "epochs=5"), (), corpus), CPU)
    run.train(tmp_path)
    scores = [row["val_window_accuracy"] for row in run.done.history]
    assert run.done.best_epoch == 1 + scores.index(max(scores))


def test_without_validation_the_last_epoch_is_kept(corpus: Corpus, tmp_path: Path) -> None:
    run = Run(prepare("se_resnet", tiny("se_resnet", "epochs=3", "validation=0", "ema=0"), (), corpus), CPU)
    weights = run.train(tmp_path)
    now = run.network.state_dict()
    assert run.done.best_epoch == 3
    assert all(torch.equal(weights[name], now[name]) for name in weights)
    assert "val_loss" not in run.done.history[0]


def test_it_learns_in_bfloat16_too(corpus: Corpus, tmp_path: Path) -> None:
    run = Run(prepare("se_resnet", tiny("se_resnet", "epochs=6", "bf16=true", "overlap=4"), (), corpus), CPU)
    run.train(tmp_path)
    losses = [row["loss"] for row in run.done.history]
    assert losses[-1] < 0.9 * losses[0]


def test_a_loss_that_explodes_says_so(corpus: Corpus, tmp_path: Path) -> None:
    run = Run(prepare("se_resnet", tiny("se_resnet", "lr=1e30", "warmup=0", "clip=1e30"), (), corpus), CPU)
    with pytest.raises(ValueError, match="lower lr"):
        run.train(tmp_path)


def test_the_rate_climbs_and_falls() -> None:
    recipe = load_recipe("se_resnet")
    rates = [learning_rate(recipe, step, 100) for step in range(100)]
    top = rates.index(max(rates))
    assert 8 <= top <= 11
    assert max(rates) == pytest.approx(recipe.lr, rel=0.01)
    assert all(a < b for a, b in pairwise(rates[: top + 1]))
    assert all(a > b for a, b in pairwise(rates[top:]))
    assert rates[-1] < 0.01 * recipe.lr


def test_no_two_steps_share_a_seed() -> None:
    seeds = {step_seed(seed, step) for seed in range(3) for step in range(2000)}
    assert len(seeds) == 6000
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_unknown_devices_are_refused() -> None:
    with pytest.raises(ValueError, match="known are auto, cpu, cuda"):
        device_of("tpu")
    assert device_of("cpu") == CPU
