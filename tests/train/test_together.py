"""Checkpoints side by side: compared in one table, and weighed by people whom they set apart."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.networks import load_networks
from tests.train.conftest import changes, tiny
from train.cli import main
from train.compare import compare, named, say_comparison
from train.corpus import load
from train.ensemble import combine
from train.evaluate import evaluate
from train.fit import fit
from train.weighing import LEAST, mixture

FAMILIES = ("se_resnet", "inception_se_tcn", "semg_net")


@pytest.fixture(scope="module")
def runs(synapse_like: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One of each family, unlike each other, trained on people 1-3 of whom one is set apart."""
    root = tmp_path_factory.mktemp("runs")
    corpus = load(str(synapse_like), (1, 2, 3), cache=False)
    for name in FAMILIES:
        fit(name, tiny(name, "epochs=4"), changes(name), corpus, root / name)
    return [root / name for name in FAMILIES]


def test_a_comparison_is_what_evaluation_says_of_each(runs: list[Path], synapse_like: Path, tmp_path: Path) -> None:
    result = compare(runs, str(synapse_like), "unseen", [4], out=tmp_path / "out", device="cpu")
    assert [row["run"] for row in result["runs"]] == list(FAMILIES)
    for run, row in zip(runs, result["runs"], strict=True):
        report = evaluate(run, str(synapse_like), "unseen", [4], device="cpu")
        assert row["window_accuracy"] == report["window_accuracy"]
        assert row["macro_f1"] == report["macro_f1"]
        members = load_networks(run, device="cpu").members
        assert row["parameters"] == sum(p.numel() for member in members for p in member.module.parameters())
        assert row["ms_per_window"] > 0
        assert json.loads((tmp_path / "out" / row["run"] / "report.json").read_text())["macro_f1"] == row["macro_f1"]
    assert json.loads((tmp_path / "out" / "comparison.json").read_text()) == result
    assert (tmp_path / "out" / "comparison.png").read_bytes().startswith(b"\x89PNG")
    table = say_comparison(result).splitlines()
    assert len(table) == 4
    assert table[1].startswith("se_resnet ")


def test_runs_are_called_by_what_tells_them_apart(tmp_path: Path) -> None:
    assert named([tmp_path / "a", tmp_path / "b"]) == ["a", "b"]
    assert named([tmp_path / "x" / "a", tmp_path / "y" / "a"]) == ["x-a", "y-a"]
    with pytest.raises(ValueError, match="listed twice"):
        named([tmp_path / "a", tmp_path / "." / "a"])
    with pytest.raises(ValueError, match="nothing to compare"):
        named([])


def test_a_run_that_cannot_be_used_is_said_before_anything_is_measured(
    runs: list[Path], synapse_like: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(runs[0], broken)
    weights = broken / "checkpoint" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    with pytest.raises(ValueError, match="is not the file that was saved"):
        compare([runs[1], broken], str(synapse_like), "unseen", [4], out=tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()


def test_a_run_that_fails_on_the_way_leaves_the_others(runs: list[Path], synapse_like: Path, tmp_path: Path) -> None:
    foreign, corpus = tmp_path / "foreign", load(str(synapse_like), (1, 2), cache=False)
    faster = tuple(replace(one, info=replace(one.info, rate_hz=1000.0)) for one in corpus.recordings)
    fit("se_resnet", tiny("se_resnet", "epochs=1"), changes("se_resnet"), replace(corpus, recordings=faster), foreign)
    result = compare([runs[0], foreign], str(synapse_like), "unseen", [4], device="cpu")
    assert [row["run"] for row in result["runs"]] == ["se_resnet"]
    assert [(row["run"], "1000 Hz" in row["error"]) for row in result["failed"]] == [("foreign", True)]
    with pytest.raises(ValueError, match="none of the runs could be measured; of foreign: "):
        compare([foreign], str(synapse_like), "unseen", [4], device="cpu")


def test_the_command_compares(runs: list[Path], synapse_like: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", *map(str, runs[:2]), "--data", str(synapse_like), "--protocol", "new-day"]
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--people", "1-4"])
    assert end.value.code == 0
    assert "ms/window" in capsys.readouterr().out


def test_unlike_members_vote_by_weights_that_are_fitted(runs: list[Path], synapse_like: Path, tmp_path: Path) -> None:
    result = combine(runs, None, tmp_path / "trio", (str(synapse_like), None))
    weights = list(result["members"].values())
    assert sum(weights) == pytest.approx(1)
    networks = load_networks(tmp_path / "trio", device="cpu")
    assert networks.weights == pytest.approx(tuple(weights))
    said = networks.provenance["weights"]
    assert said["data"] == synapse_like.name
    assert len(said["fitted_on"]) == 1, "whom all of them set apart"
    fixed = combine(runs, None, tmp_path / "even")
    assert list(fixed["members"].values()) == pytest.approx([1 / 3] * 3)


def test_who_cannot_be_fitted_on_is_said(runs: list[Path], synapse_like: Path, tmp_path: Path) -> None:
    data = str(synapse_like)
    with pytest.raises(ValueError, match="leave one of --weights and --fit out"):
        combine(runs[:2], [1, 1], tmp_path / "out", (data, None))
    with pytest.raises(ValueError, match="people 9 asked for"):
        combine(runs[:2], None, tmp_path / "out", (data, [9]))
    corpus = load(data, (1, 2, 3), cache=False)
    fit("se_resnet", tiny("se_resnet", "validation=0"), changes("se_resnet"), corpus, tmp_path / "all")
    with pytest.raises(ValueError, match=r"nobody in common whom they set apart \(se_resnet: \d; all: none\)"):
        combine([runs[0], tmp_path / "all"], None, tmp_path / "out", (data, None))
    assert not (tmp_path / "out").exists()


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(2, 4))
def test_no_other_weights_are_likelier(seed: int, members: int) -> None:
    rng = np.random.default_rng(seed)
    likelihoods = rng.beta(2, 1, (members, 200)) * rng.uniform(0.3, 1, (members, 1))
    weights = np.array(mixture(likelihoods))
    assert weights.sum() == pytest.approx(1)
    assert weights.min() >= LEAST * 0.9
    best = np.log(weights @ likelihoods).sum()
    for other in rng.dirichlet(np.ones(members), 200):
        assert np.log(other @ likelihoods).sum() <= best + 0.5


def test_a_member_that_knows_nothing_gets_next_to_nothing() -> None:
    rng = np.random.default_rng(0)
    good, useless = rng.uniform(0.6, 1, 500), np.full(500, 0.2)
    weights = mixture(np.array([good, useless]))
    assert weights[1] < 0.02
