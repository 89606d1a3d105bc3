"""Continuous use from end to end on simulated people, and the choice of the decision layer."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from devices.entry import Entry
from devices.onsets import Event, events
from devices.simulator import simulate
from dsp.design import DspSpec
from dsp.flow import Chunk
from dsp.pipeline import Pipeline
from models.checkpoint import load
from models.decision import Decide, Settings
from models.listing import read_listing
from models.networks import load_networks
from models.settling import settling
from models.wearer import Wearers, read_wearers, write_wearers
from tests.train.conftest import TINY, tiny
from train import continuous
from train.continuous import evaluate, say_report, under_test, unseen_third
from train.corpus import load as load_corpus
from train.each import each_calibrated, first_shown
from train.ensemble import combine
from train.fit import fit
from train.streams import Stream, decisions, scored, scored_live, streams
from train.telling import teach
from train.trials import SHORT_S, Shown
from train.tune import adopt, changed, cost, redecided, search, temperature, tune, within

DEMO = Path(__file__).resolve().parents[2] / "models" / "checkpoints" / "demo"
LABELS = ("rest", "fist", "open")
SPEC = DspSpec(200.0, window_ms=100.0, hop_ms=50.0)
CHANGES = ("validation=0", "dsp.band_hz=20,400", "dsp.hop_ms=50", "lead_ms=200", "purity=0.5", "views=false")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network of one simulated person's first session."""
    out = tmp_path_factory.mktemp("runs") / "sim"
    corpus = load_corpus("sim:people=1,sessions=1", cache=False)
    fit("se_resnet", tiny("se_resnet", "epochs=6", *CHANGES), (*TINY, *CHANGES), corpus, out, device="cpu")
    return out


def entries() -> list[Entry]:
    return [Entry(who, day, None, 1, f"{who}-{day}") for who in (11, 12, 13, 14, 15, 16, 17) for day in (1, 2, 3)]


def test_who_is_under_test() -> None:
    assert {entry.session for entry in under_test("continuous", entries())} == {3}
    assert {entry.person for entry in under_test("continuous", entries(), (12,))} == {12}
    assert {entry.person for entry in under_test("continuous-unseen", entries())} == {13, 16}
    assert unseen_third([17, 11, 11, 13]) == (17,)


def test_a_report_says_everything(run: Path, tmp_path: Path) -> None:
    report = evaluate(run, "sim:people=1-2,sessions=3", "continuous", out=tmp_path, device="cpu")
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(json.dumps(report))
    assert report["people"] == [1, 2]
    assert report["seen_people"] == []
    assert report["all"]["events"] == sum(one["events"] for one in report["per_person"].values()) > 0
    assert 0.5 < report["all"]["detected"] <= 1
    assert "rest" not in report["per_gesture"]
    table = say_report(report)
    assert "(worst)" in table
    assert "95 % interval" in table


def test_who_was_trained_on_is_said(run: Path) -> None:
    report = evaluate(run, "sim:people=1,sessions=1", "continuous-unseen", (1,), device="cpu")
    assert report["seen_people"] == [1]


def test_who_knows_how_wearers_differ_settles_in_to_strangers(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "taught")
    teach(tmp_path / "taught", "sim:people=1-2,sessions=1", (1, 2), (1,))
    report = evaluate(tmp_path / "taught", "sim:people=7,sessions=1", "continuous-unseen", (7,), device="cpu")
    assert report["adapts"]
    listing = read_listing(tmp_path / "taught")
    networks, corpus = load_networks(run, device="cpu"), load_corpus("sim:people=7,sessions=1", cache=False)
    known = read_wearers(listing)
    assert known is not None
    cold, warm = streams(networks, corpus)[0], streams(networks, corpus, settling(listing, known))[0]
    np.testing.assert_array_equal(warm.probabilities[:20], cold.probabilities[:20])
    assert not np.array_equal(warm.probabilities[-20:], cold.probabilities[-20:])


def test_known_people_are_settled_in_to_where_that_is_asked(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"continuous-adaptive cannot be measured.*python -m train wearers"):
        evaluate(run, "sim:people=1,sessions=3", "continuous-adaptive", device="cpu")
    shutil.copytree(run, tmp_path / "taught")
    teach(tmp_path / "taught", "sim:people=1-2,sessions=1", (1, 2), (1,))
    report = evaluate(tmp_path / "taught", "sim:people=1,sessions=3", "continuous-adaptive", device="cpu")
    assert report["adapts"]
    assert report["sessions"] == [3]


def test_who_is_calibrated_is_tested_on_what_comes_after() -> None:
    networks = load_networks(DEMO, device="cpu", views=False)
    corpus = load_corpus("sim:people=905,sessions=1", cache=False)
    given, left = first_shown(networks, corpus, Shown.of("continuous-calibrated"))
    assert sorted(one.gesture for one in given) == sorted(networks.labels)
    assert all(one.windows.shape[1:] == (networks.design.spec.window, 8) for one in given)
    length = len(left.recordings[0].samples)
    np.testing.assert_array_equal(left.recordings[0].samples, corpus.recordings[0].samples[-length:])
    events_left = [event.label for event in events(left.recordings[0], "rest")]
    everything = [event.label for event in events(corpus.recordings[0], "rest")]
    assert events_left == everything[-len(events_left) :]
    assert len(everything) - len(events_left) >= len(networks.labels) - 1
    report = evaluate(DEMO, "sim:people=905,sessions=1", "continuous-calibrated", (905,), device="cpu")
    assert report["refused"] == []
    assert report["all"]["events"] == len(events_left)
    assert report["all"]["detected"] > 0.7


def test_three_short_repetitions_are_the_beginnings_of_the_first_three() -> None:
    networks = load_networks(DEMO, device="cpu", views=False)
    corpus = load_corpus("sim:people=905,sessions=1", cache=False)
    longer = simulate(905, 1, repetitions=5, rate_hz=corpus.info.rate_hz)
    corpus, shown = replace(corpus, recordings=(longer,)), Shown.of("continuous-calibrated-3-short")
    given, left = first_shown(networks, corpus, shown)
    gestures = [one.gesture for one in given if one.gesture != "rest"]
    assert sorted(gestures) == sorted([label for label in networks.labels if label != "rest"] * 3)
    spec = networks.design.spec
    most = 1 + (SHORT_S * spec.rate_hz - spec.window // 2) / spec.hop
    assert max(len(one.windows) for one in given if one.gesture != "rest") == pytest.approx(most, abs=1)
    answered, refused = each_calibrated(DEMO, networks, corpus, shown)
    assert not refused
    assert len(answered) == 1
    remaining = [event.label for event in events(left.recordings[0], "rest")]
    assert len(remaining) >= 5
    assert all(remaining.count(label) <= 2 for label in remaining)


def test_a_calibration_that_is_refused_is_said_and_done_without(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "taught")
    teach(tmp_path / "taught", "sim:people=1-2,sessions=1", (1, 2), (1,))
    known = read_wearers(read_listing(tmp_path / "taught"))
    assert known is not None
    strict = replace(known.population, limits=known.population.limits._replace(block=0.0))
    write_wearers(tmp_path / "taught", read_listing(tmp_path / "taught"), Wearers(strict, {}))
    report = evaluate(tmp_path / "taught", "sim:people=7,sessions=1", "continuous-calibrated", (7,), device="cpu")
    assert [reason[:20] for reason in report["refused"]] == ["person 7, session 1:"]
    assert "so it went on without: person 7" in say_report(report)


def test_held_gestures_have_no_events(run: Path, synapse_like: Path) -> None:
    with pytest.raises(ValueError, match="the recordings show gesture00"):
        evaluate(run, str(synapse_like), "continuous", device="cpu")
    classifier = type("Any", (), {"labels": ("gesture00",)})()
    corpus = type("Any", (), {"labels": ("gesture00",), "name": "held"})()
    with pytest.raises(ValueError, match="so no gesture begins in it"):
        continuous.check(classifier, corpus)


def test_tuning_costs_less_and_changes_nothing_but_decisions(run: Path, tmp_path: Path) -> None:
    result = tune(run, "sim:people=1,sessions=2", tmp_path / "tuned", device="cpu")
    assert result["after"]["cost"] <= result["before"]["cost"]
    before, network = load(run / "checkpoint")
    after, same = load(tmp_path / "tuned")
    assert after.decision == Settings.from_json(result["after"]["decision"])
    assert after.provenance["tuned"]["sessions"] == [2]
    assert (after.labels, after.design, after.config) == (before.labels, before.design, before.config)
    for one, other in zip(network.parameters(), same.parameters(), strict=True):
        assert np.array_equal(one.detach().numpy(), other.detach().numpy())
    report = evaluate(tmp_path / "tuned", "sim:people=1,sessions=2", "continuous-unseen", (1,), device="cpu")
    assert report["all"] == {name: result["after"][name] for name in report["all"]}


def test_the_members_of_an_ensemble_decide_alike(run: Path, tmp_path: Path) -> None:
    combine([run], None, tmp_path / "pair")
    result = tune(tmp_path / "pair", "sim:people=1,sessions=2", tmp_path / "tuned", device="cpu")
    listing = read_listing(tmp_path / "tuned")
    assert [card.decision.to_json() for card in listing.cards] == [result["after"]["decision"]]
    assert listing.provenance["tuned"]["people"] == [1]
    assert load_networks(tmp_path / "tuned", device="cpu").member_names == ("sim",)


def test_a_decision_layer_is_taken_over(run: Path, tmp_path: Path) -> None:
    how = Settings(threshold=0.7, debounce_ms=50.0)
    redecided(run / "checkpoint", tmp_path / "model", how, {"sessions": [2]})
    adopt(run, tmp_path / "model", tmp_path / "out")
    taken, _ = load(tmp_path / "out")
    assert taken.decision == how
    assert taken.provenance["tuned"] == {"like": {"sessions": [2]}}


def test_a_checkpoint_is_not_put_where_something_else_is(run: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="is not a checkpoint"):
        tune(run, "sim:people=1,sessions=2", tmp_path, device="cpu")


def stream(said: list[int], shown: list[Event], sure: float = 0.6) -> Stream:
    rows = np.full((len(said), 3), (1 - sure) / 2, np.float32)
    rows[np.arange(len(said)), said] = sure
    return Stream(
        Entry(1, 1, None, 1, "made up"), tuple(shown), 20 + 10 * np.arange(len(said)), rows, 10 + 10 * len(said)
    )


FLICKER = stream([0] * 20 + [2] + [0] * 19 + [1] * 40 + [0] * 20, [Event(1, 410, 800, True, True)])


def test_what_is_scored_is_what_the_stream_would_decide(run: Path) -> None:
    corpus = load_corpus("sim:people=2,sessions=3", cache=False)
    classifier, how = load_networks(run, device="cpu"), Settings(2, 0.5, 0.1, 0.8, 100.0, 150.0)
    answered = streams(classifier, corpus)
    said = decisions(answered, classifier.labels, how, classifier.design.spec)[0]
    decide = Decide(classifier.labels, how, classifier.design.spec.rate_hz)
    samples = corpus.recordings[0].samples
    for row, window in enumerate(Pipeline(classifier.design).feed(Chunk(samples, 0))):
        decision = decide(answered[0].probabilities[row], window)
        assert decision.label == (classifier.labels[said[row]] if said[row] >= 0 else None)
        assert decision.end == answered[0].ends[row]
    assert row + 1 == len(said)


def test_everybody_is_scored_by_their_own_decision_layer() -> None:
    slow, quick = Settings(debounce_ms=200.0), Settings()
    both = [replace(FLICKER, decision=slow), replace(FLICKER, decision=quick), replace(FLICKER, decision=slow)]
    alone = [scored([one], LABELS, one.decision, SPEC)[0] for one in both]
    assert scored_live(both, LABELS, SPEC) == alone
    assert alone[0] != alone[1]


def test_the_search_finds_what_a_flicker_asks_for() -> None:
    best = search([FLICKER], LABELS, Settings(), SPEC)
    assert best.figures["false_per_minute"] == 0
    assert best.figures["named"] == 1
    assert best.settings.debounce_ms > 0


def test_streams_of_unlike_length_are_decided_as_if_alone() -> None:
    short, how = stream([1, 1, 1], []), Settings(debounce_ms=50.0, smoothing=2)
    both = decisions([FLICKER, short], LABELS, how, SPEC)
    assert both[0].tolist() == decisions([FLICKER], LABELS, how, SPEC)[0].tolist()
    assert both[1].tolist() == [-1, 1, 1]


def test_the_temperature_undoes_what_is_too_sure() -> None:
    rng = np.random.default_rng(0)
    said = np.where(rng.random(4000) < 0.7, 0, rng.integers(1, 3, 4000)).tolist()
    found, (before, after) = temperature([stream(said, [], sure=0.98)], LABELS, Settings(), SPEC)
    assert found > 2
    assert before is not None
    assert after is not None
    assert after < before


def test_windows_on_an_edge_have_no_truth() -> None:
    truth = within(stream([0] * 10, [Event(1, 40, 70, True, True)]), 20, 0)
    assert truth.tolist() == [0, 0, 0, -1, 1, 1, -1, 0, 0, 0][: len(truth)]


def test_a_cost_counts_what_is_asked_for() -> None:
    perfect = {"detected": 1.0, "named": 1.0, "held": 1.0, "delay_ms": 0.0, "false_per_minute": 0.0}
    assert cost({**perfect, "distracted_per_minute": 0.0}) == 0
    assert cost({**perfect, "distracted_per_minute": 2.0}) == pytest.approx(1.4)
    assert cost({**perfect, "distracted_per_minute": 0.0, "delay_ms": 500.0}) == pytest.approx(2.5)
    assert cost({**perfect, "distracted_per_minute": None, "named": 0.5, "delay_ms": None}) == pytest.approx(7.5)


def test_a_setting_of_another_kind_is_refused() -> None:
    assert changed(Settings(), "smoothing", 3).smoothing == 3
    with pytest.raises(ValueError, match=r"smoothing is 1\.5"):
        changed(Settings(), "smoothing", 1.5)


def test_a_copy_that_fails_leaves_what_was_there(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        redecided(run / "checkpoint", tmp_path / "out", Settings(), {"figure": float("nan")})
    assert list(tmp_path.iterdir()) == []
