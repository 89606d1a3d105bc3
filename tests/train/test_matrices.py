"""Ready-made Hilbert-Huang matrices: made from simulated muscles, learnt, and answered in the stream."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models.checkpoint import load as load_checkpoint
from stream.cli import main as stream
from tests.train.conftest import SMALL, changes
from train.cli import main
from train.corpus import Corpus
from train.matrices import adapted, make
from train.recipe import load as load_recipe

TINY = ("epochs=3", "validation=1", *SMALL["hht_cnn"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hht") / "matrices"
    assert make(folder, (1, 2, 3), 32) == 27
    return folder


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return end.value.code, out, err


def test_what_is_made_has_the_right_names_and_is_what_its_name_says(made: Path) -> None:
    names = sorted(path.name for path in made.iterdir())
    assert len(names) == 27
    assert {"BICEPS_full_M_001.npz", "TRICEPS_half_F_002.npz", "FOREARM_invalid_M_003.npz"} <= set(names)
    for person in ("M_001", "F_002", "M_003"):
        full, half, invalid = (
            np.load(made / f"BICEPS_{movement}_{person}.npz")["hht"] for movement in ("full", "half", "invalid")
        )
        assert full.shape == (32, 32)
        assert full.max() == half.max() == invalid.max() == 1
        early, late = half[:, 2:14].sum(), half[:, 18:30].sum()
        assert early > 5 * late, "given up in the middle"
        assert full[:, 18:30].sum() > 0.2 * full[:, 2:14].sum()
        columns = invalid.sum(0) / invalid.sum()
        assert np.sort(columns)[-8:].sum() > 0.5, "two jerks"


def test_a_folder_of_matrices_trains_and_a_matrix_streams(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    code, out, err = call(
        capsys, "hht_cnn", "--data", made, "--task", "quality", "--out", run, "--device", "cpu", "--json", *TINY
    )
    assert code == 0, err
    assert json.loads(out)["epochs"] == 3
    checkpoint, _ = load_checkpoint(run / "checkpoint")
    assert set(checkpoint.labels) == {"full", "half", "invalid"}
    assert (checkpoint.config["ready"], checkpoint.design.spec.band_hz) == (True, None)
    with pytest.raises(SystemExit) as end:
        stream(["replay", str(made / "BICEPS_half_F_002.npz"), "-c", str(run), "--speed", "max", "--json"])
    assert end.value.code == 0
    decision, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert decision["true"] == "half"
    assert summary["engine"] == "torch"
    code, out, err = call(capsys, "predict", "--data", made, "--checkpoints", run, "--output", tmp_path / "p", "--json")
    assert code == 0, err
    assert json.loads(out)["recordings"] == 27


def test_what_does_not_go_with_matrices_is_said(
    made: Path, corpus: Corpus, synapse_like: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ("--out", tmp_path / "out")
    for arguments, sentence in (
        (("se_resnet", "--data", made, *out), "holds Hilbert-Huang matrices, and se_resnet reads signals; use hht_cnn"),
        (("hht_cnn", "--data", made, *out, "dsp.window_ms=500"), "taken as they are, neither filtered nor cut"),
        (("hht_cnn", "--data", made, *out, "--task", "age"), "there is no task 'age'; known are quality, gender"),
        (("se_resnet", "--data", synapse_like, *out, "--task", "quality"), "--task is for Hilbert-Huang matrices"),
    ):
        code, _, err = call(capsys, *arguments)
        assert code == 2
        assert sentence in err
    recipe = load_recipe("se_resnet")
    assert adapted(recipe, corpus) is recipe


def test_the_command_makes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "matrices", "--out", tmp_path / "m", "--people", "4", "--size", "16")
    assert code == 0
    assert "9 matrices are in" in err
    assert len(list((tmp_path / "m").iterdir())) == 9


def test_a_machine_on_the_encoders_features_tells_gender(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (pip install 'myostream[svm]')")
    run, out = tmp_path / "run", tmp_path / "gender"
    code, _, err = call(capsys, "hht_cnn", "--data", made, "--out", run, "--device", "cpu", *TINY)
    assert code == 0, err
    code, told, err = call(
        capsys, "machine", "--encoder", run, "--data", made, "--task", "gender", "--out", out, "--json"
    )
    assert code == 0, err
    result = json.loads(told)
    assert result["windows"] == 27
    checkpoint, network = load_checkpoint(out / "checkpoint")
    assert checkpoint.labels == ("F", "M")
    assert checkpoint.provenance["encoder"]["recipe"] == "hht_cnn"
    code, told, err = call(
        capsys,
        "evaluate",
        "--checkpoint",
        out,
        "--data",
        made,
        "--protocol",
        "unseen",
        "--people",
        "1,3,1002",
        "--json",
    )
    assert code == 0, err
    code, answered, err = call(
        capsys, "predict", "--checkpoints", out, "--data", made, "--output", tmp_path / "p", "--json"
    )
    assert code == 0, err
    assert json.loads(answered)["labelled"] == 27, "by gender"
    code, _, err = call(capsys, "quantise", "--checkpoint", out, "--data", made)
    assert code == 2
    assert "runs in PyTorch only, which stays in float32; there is nothing to round" in err
    alone, _with_views = json.loads(told)["variants"].values()
    assert alone["window_accuracy"] == pytest.approx(result["fitted_accuracy"])
    with pytest.raises(SystemExit) as end:
        stream(["replay", str(made / "BICEPS_half_F_002.npz"), "-c", str(out), "--speed", "max", "--json"])
    assert end.value.code == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["label"] in ("F", "M")
    assert sum(network.head.vectors.shape) > 0


def test_a_machine_needs_an_encoder_that_fits(
    made: Path, synapse_like: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (pip install 'myostream[svm]')")
    code, _, err = call(capsys, "se_resnet", "--data", synapse_like, "--out", tmp_path / "se", *changes("se_resnet"))
    assert code == 0, err
    code, _, err = call(capsys, "machine", "--encoder", tmp_path / "se", "--data", made, "--out", tmp_path / "x")
    assert code == 2
    assert "is a se_resnet, and features are taken of hht_cnn" in err
    code, _, err = call(
        capsys, "machine", "--encoder", tmp_path / "se", "--data", made, "--out", tmp_path / "x", "--cost", 0
    )
    assert "--cost is 0; give a number above zero" in err
