"""Labels that are distributions: read from tables, learnt, measured, and made out of fold."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.recording import Recording
from tests.train.conftest import changes, tiny
from train import metrics
from train.batches import Batches
from train.cli import main
from train.corpus import Corpus
from train.fit import fit
from train.refine import blended, refine
from train.task import prepare
from train.votes import voted, write


def table(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_votes_become_shares_and_the_rest_keep_their_label(corpus: Corpus, tmp_path: Path) -> None:
    first, second, *_ = (entry.name for entry in corpus.entries)
    path = table(tmp_path / "v.csv", "id,gesture01,gesture00", f"{first},1,3", "", f"{second},0,2")
    votes = voted(corpus, path).votes
    assert votes is not None
    assert votes[0].tolist() == [0.75, 0.25, 0, 0, 0]
    assert votes[1].tolist() == [1, 0, 0, 0, 0]
    assert np.isnan(votes[2:]).all()


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ((), "the first line must be 'id,' and the gestures"),
        (("name,gesture00", "x,1"), "the first line must be 'id,'"),
        (("id,gesture00,wave", "x,1,0"), "votes for wave, and the data show gesture00"),
        (("id,gesture00,gesture00", "x,1,0"), "two columns of one name"),
        (("id,gesture00", "nobody,1"), "line 2: there is no recording 'nobody'"),
        (("id,gesture00", "FIRST,one"), "line 2: a vote is no number"),
        (("id,gesture00,gesture01", "FIRST,1"), "line 2: give 2 votes of zero or more"),
        (("id,gesture00,gesture01", "FIRST,1,-1"), "line 2: give 2 votes of zero or more"),
        (("id,gesture00,gesture01", "FIRST,0,0"), "not all zero"),
        (("id,gesture00,gesture01", "FIRST,nan,1"), "give 2 votes"),
        (("id,gesture00", "FIRST,1", "FIRST,1"), "line 3: 'FIRST' is listed twice"),
    ],
)
def test_a_malformed_table_is_one_sentence(
    corpus: Corpus, tmp_path: Path, lines: tuple[str, ...], sentence: str
) -> None:
    first = corpus.entries[0].name
    path = table(tmp_path / "v.csv", *(line.replace("FIRST", first) for line in lines))
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is looked at below
        voted(corpus, path)
    assert sentence.replace("FIRST", first) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n\x00"])
def test_what_is_no_table_is_one_sentence(corpus: Corpus, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"v\.csv"):
        voted(corpus, tmp_path / "v.csv")


def test_what_is_written_is_read(corpus: Corpus, tmp_path: Path) -> None:
    shares = np.random.default_rng(0).dirichlet(np.ones(5), len(corpus.entries))
    write(tmp_path / "v.csv", [entry.name for entry in corpus.entries], corpus.labels, shares)
    votes = voted(corpus, tmp_path / "v.csv").votes
    assert votes is not None
    np.testing.assert_allclose(votes, shares, atol=2e-6)


def test_the_votes_of_a_windows_own_recording_are_learnt(corpus: Corpus, tmp_path: Path) -> None:
    shares = np.random.default_rng(0).dirichlet(np.ones(5), len(corpus.entries))
    names = [entry.name for entry in corpus.entries]
    write(tmp_path / "v.csv", names[::2], corpus.labels, shares[::2])
    recipe = tiny("se_resnet", "augment.gain=0", "augment.noise=0")
    task = prepare("se_resnet", recipe, (), voted(corpus, tmp_path / "v.csv"))
    batches = Batches(task, torch.device("cpu"))
    batches._generator.manual_seed(3)
    windows, labels, places = batches._crops[0].draw(recipe.batch, batches._generator)
    again, targets, _ = batches.draw(3)
    assert torch.equal(windows, again)
    owner = np.searchsorted(task.track.starts[1:], places.numpy(), side="right")
    for row, (recording, label) in enumerate(zip(owner, labels.tolist(), strict=True)):
        expected = shares[recording] if recording % 2 == 0 else np.eye(5)[label]
        np.testing.assert_allclose(targets[row].numpy(), expected, atol=2e-6)


def test_training_on_votes_reports_the_divergence_and_says_so(corpus: Corpus, tmp_path: Path) -> None:
    shares = np.full((len(corpus.entries), 5), 0.2)
    write(tmp_path / "v.csv", [entry.name for entry in corpus.entries], corpus.labels, shares)
    soft = voted(corpus, tmp_path / "v.csv")
    fit("se_resnet", tiny("se_resnet", "epochs=6", "lr=0.01"), changes("se_resnet"), soft, tmp_path / "run")
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert history[-1]["val_divergence"] < 0.1, "it has learnt to be unsure"
    card = json.loads((tmp_path / "run" / "checkpoint" / "model.json").read_text())
    assert card["provenance"]["voted"] == len(corpus.entries)
    with pytest.raises(ValueError, match="holds a run with --votes; add --votes, or choose another --out"):
        fit("se_resnet", tiny("se_resnet", "epochs=6", "lr=0.01"), (), corpus, tmp_path / "run", resume=True)
    other = replace(soft, votes=np.full_like(shares, np.nan))
    with pytest.raises(ValueError, match="with --votes, but with another one; give the same --votes again"):
        fit("se_resnet", tiny("se_resnet", "epochs=6", "lr=0.01"), (), other, tmp_path / "run", resume=True)


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_the_divergence_is_that_of_scipy(seed: int) -> None:
    from scipy.stats import entropy  # noqa: PLC0415 - a test's own

    rng = np.random.default_rng(seed)
    said, given_ = rng.dirichlet(np.ones(4), 20), rng.dirichlet(np.ones(4), 20).astype(np.float32)
    said[0] = [1, 0, 0, 0]
    expected = float(np.mean([entropy(one, other) for one, other in zip(said, given_, strict=True)]))
    assert metrics.divergence(said, given_) == pytest.approx(expected, rel=1e-4)
    said[3] = np.nan
    assert metrics.divergence(said[3:4], given_[3:4]) is None


def test_the_least_trusted_labels_give_way() -> None:
    labels = np.eye(3)[[0, 1, 2, 0, 1]]
    believed = np.array([[0.9, 0.1, 0], [0.1, 0.2, 0.7], [0, 0.5, 0.5], [np.nan] * 3, [0, 1, 0]])
    refined, least = blended(labels, believed, 0.5)
    assert sorted(least.tolist()) == [1, 2]
    np.testing.assert_array_equal(refined[[1, 2]], believed[[1, 2]])
    np.testing.assert_array_equal(refined[[0, 3, 4]], labels[[0, 3, 4]])


def test_refinement_answers_everybody_by_strangers(corpus: Corpus, tmp_path: Path) -> None:
    recipe = tiny("se_resnet", "validation=0")
    result = refine("se_resnet", recipe, (), corpus, tmp_path / "out", folds=2, share=0.2, device="cpu")
    assert result["refined"] == int(len(corpus.entries) * 0.2)
    with (tmp_path / "out" / "votes.csv").open() as file:
        rows = list(csv.reader(file))
    assert len(rows) == len(corpus.entries) + 1
    soft = [row for row in rows[1:] if max(map(float, row[1:])) < 1]
    assert len(soft) == result["refined"]
    folds = [json.loads((tmp_path / "out" / f"fold-{n}" / "checkpoint" / "model.json").read_text()) for n in (1, 2)]
    trained = [set(fold["provenance"]["people"]) for fold in folds]
    assert trained[0] & trained[1] == set()
    assert trained[0] | trained[1] == {1, 2, 3, 4}
    assert (tmp_path / "out" / "checkpoint").is_dir()
    again = refine("se_resnet", recipe, (), corpus, tmp_path / "out", folds=2, share=0.2, resume=True, device="cpu")
    assert again["best"] == result["best"]
    with pytest.raises(ValueError, match="--folds is 9, and the data hold 4 people"):
        refine("se_resnet", recipe, (), corpus, tmp_path / "other", folds=9)


def test_several_gestures_in_one_recording_cannot_be_voted_on(corpus: Corpus, tmp_path: Path) -> None:
    one = corpus.recordings[0]
    assert one.labels is not None
    marks = one.labels.copy()
    marks[:100] = -1
    mixed = Recording(one.info, one.samples, ("gesture00", "gesture01"), np.arange(len(marks), dtype=np.int16) % 2)
    from dataclasses import replace  # noqa: PLC0415 - only here

    several = replace(corpus, recordings=(mixed, *corpus.recordings[1:]))
    path = table(tmp_path / "v.csv", "id,gesture00", f"{corpus.entries[0].name},1")
    with pytest.raises(ValueError, match="shows several gestures, and votes are for one"):
        voted(several, path)
    with pytest.raises(ValueError, match="shows 2 gestures, and refinement is for recordings of one"):
        refine("se_resnet", tiny(), (), several, tmp_path / "out", folds=2)


def test_the_commands(synapse_like: Path, tmp_path: Path, corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path / "v.csv", "id,gesture00,gesture01", f"{corpus.entries[0].name},2,1")
    base = ["se_resnet", "--data", str(synapse_like), "--out", str(tmp_path / "run"), *changes("se_resnet")]
    with pytest.raises(SystemExit) as end:
        main([*base, "--votes", str(path)])
    assert end.value.code == 0
    assert "1 of 40 recordings are learnt by the votes in v.csv" in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        main(["refine", *base[:3], "--out", str(tmp_path / "refined"), "--folds", "2", *changes("se_resnet"), "--json"])
    assert end.value.code == 0
    assert json.loads(capsys.readouterr().out)["refined"] == 4
