"""The command line as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.train.conftest import TINY
from train.cli import main, spread
from train.recipe import names


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    said = capsys.readouterr()
    code = end.value.code
    return int(code) if isinstance(code, int) else 0, said.out, said.err


def test_help_names_every_command_and_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for name in (*names(), "list", "ensemble", "evaluate", "predict"):
        assert name in out


@pytest.mark.parametrize(
    ("command", "mentions"),
    [
        ("se_resnet", ("--data", "--out", "--people", "--sessions", "--resume", "--json", "key=value", "residual")),
        ("evaluate", ("--checkpoint", "--data", "--protocol", "--people", "--out", "--json", "new-day")),
        ("predict", ("--data", "--checkpoints", "--output", "--json", "submission.csv")),
        ("ensemble", ("--members", "--weights", "--out", "--json")),
        ("list", ("--json",)),
    ],
)
def test_every_command_explains_itself(
    command: str, mentions: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, command, "--help")
    assert code == 0
    assert [word for word in mentions if word not in out] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("resnet",), "'resnet' is no recipe; known are efficientnet, gpt2, hht_cnn, inception_se_tcn, "),
        (("se_resnet", "--data", "x", "--out", "y", "epoch=3"), "'epoch' is no key of this recipe; known are"),
        (
            ("se_resnet", "--data", "x", "--out", "y", "epochs=few"),
            "epochs=few is not understood; it takes a whole number",
        ),
        (("se_resnet", "--data", "no-such-folder", "--out", "y"), "no-such-folder"),
        (("se_resnet", "--data", "x", "--out", "y", "--people", "some"), "write 17-20"),
        (("evaluate", "--checkpoint", "nowhere", "--data", "x", "--protocol", "unseen"), "nothing of that name"),
        (("predict", "--data", "x", "--checkpoints", "nowhere", "--output", "y"), "nothing of that name"),
        (("se_resnet", "--data", "x"), "Missing option '--out'; see 'python -m train se_resnet --help'"),
        (("se_resnet", "--data", "x", "--out", "y", "--bogus"), "No such option: --bogus"),
        (("se_resnet", "--data", "x", "--out", ""), "one of the arguments of 'python -m train' is empty"),
        (("se_resnet", "--data", "x", "--out", "y", "--people", "1-99999999999"), "the numbers end at 999999"),
        (("se_resnet", "--data", "x", "--out", "y", "--device", "tpu"), "'tpu' is no device"),
        (("se_resnet", "--data", "x", "--out", "y", "lr=inf"), "lr is inf; it must be at least 1e-12, and finite"),
        (("se_resnet", "--data", "x", "--out", "y", "batch=999999999999"), "batch is 999999999999; it must be between"),
        (("se_resnet", "--data", "x", "--out", "y", "dsp.rate_hz=0"), "dsp.rate_hz is 0; give a number above zero"),
        (("ensemble", "--members", "a", "b", "--weights", "1", "--out", "c"), "2 members but 1 weights"),
    ],
)
def test_wrong_use_is_one_sentence_and_status_2(
    arguments: tuple[str, ...],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert sentence in err
    assert list(tmp_path.iterdir()) == []


def test_from_recipe_to_scores(synapse_like: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, runs = ("--data", str(synapse_like)), tmp_path / "runs"
    for name in ("se_resnet", "se_resnet_mixup"):
        code, out, err = run(capsys, name, *data, "--people", "1-3", "--out", str(runs / name), "--json", *TINY)
        assert code == 0
        assert len(out.splitlines()) == 1
        assert json.loads(out)["epochs"] == 2
        assert "epoch 2" in err
    members = (str(runs / "se_resnet"), str(runs / "se_resnet_mixup"))
    made = ("--weights", "0.45", "0.55", "--out", str(runs / "pair"), "--json")
    code, out, _ = run(capsys, "ensemble", "--members", *members, *made)
    assert code == 0
    assert json.loads(out)["members"] == {"se_resnet": 0.45, "se_resnet_mixup": 0.55}
    pair = ("--checkpoint", str(runs / "pair"))
    code, out, _ = run(capsys, "evaluate", *pair, *data, "--protocol", "unseen", "--people", "4", "--json")
    assert code == 0
    report = json.loads(out)
    assert len(out.splitlines()) == 1
    assert {"trial_accuracy", "window_accuracy", "macro_f1", "per_gesture", "per_person"} <= set(report)
    code, out, _ = run(capsys, "evaluate", *pair, *data, "--protocol", "unseen", "--people", "4")
    assert code == 0
    assert "gesture04" in out
    code, out, _ = run(capsys, "se_resnet", *data, "--people", "1-3", "--out", members[0], "--resume", *TINY, "--json")
    assert code == 0
    code, _, err = run(capsys, "se_resnet", *data, "--people", "1-3", "--out", members[0], *TINY)
    assert code == 2
    assert "--resume" in err


def test_the_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "list", "--json")
    assert code == 0
    assert list(json.loads(out)) == names()


def test_several_values_after_one_option() -> None:
    typed = ["ensemble", "--members", "a", "b", "--weights", "1", "2", "--out", "c", "--json"]
    plain = ["ensemble", "--members", "a", "--members", "b", "--weights", "1", "--weights", "2", "--out", "c", "--json"]
    assert spread(typed) == plain
    assert spread(plain) == plain
    assert spread(["--weights", "1", "-2", "--json"]) == ["--weights", "1", "--weights", "-2", "--json"]


def test_where_nothing_can_be_written_is_said_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "run" / "checkpoint").mkdir(parents=True)
    (tmp_path / "run" / "checkpoint" / "notes.txt").write_text("mine")
    within, taken = str(tmp_path / "file" / "run"), str(tmp_path / "run")
    recipe = ("se_resnet", "--data", "nowhere", "--out")
    for arguments, words in (
        ((*recipe, within), "file is a file; choose another"),
        ((*recipe, taken), "holds a run already; add --resume"),
        ((*recipe, taken, "--resume"), "is not a checkpoint, so it is not overwritten"),
        (("predict", "--data", "x", "--checkpoints", "x", "--output", within), "file is a file; choose another"),
        (("ensemble", "--members", taken, "--out", f"{taken}/pair"), "lies inside the member"),
    ):
        code, out, err = run(capsys, *arguments)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert words in err
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["checkpoint", "file", "notes.txt", "run"]


@pytest.mark.data
def test_real_people_train_and_are_recognised(
    synapse_zip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ("epochs=2", "validation=0", "model.widths=16,32", "model.depth=1", "dsp.band_hz=20,200", "seed=1")
    data, out = ("--data", str(synapse_zip)), str(tmp_path / "run")
    code, _, _ = run(capsys, "se_resnet", *data, "--people", "1-2", "--sessions", "1-2", "--out", out, *small)
    assert code == 0
    code, said, _ = run(
        capsys, "evaluate", "--checkpoint", out, *data, "--protocol", "new-day", "--people", "1-2", "--json"
    )
    report = json.loads(said)
    assert code == 0
    assert report["windows"] == 70 * 30
    assert report["trials"] == 70
    assert report["seen_people"] == []
    assert report["trial_accuracy"] > 0.5
