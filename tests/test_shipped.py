"""What ships with the project: checkpoints and the demo recording."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from devices.files import load
from models.ensemble import load_ensemble
from models.listing import read_listing
from models.wearer import read_wearers
from train.continuous import evaluate as evaluate_events
from train.evaluate import evaluate

ROOT = Path(__file__).parents[1]
CHECKPOINTS = ROOT / "models" / "checkpoints"
DEMO = ROOT / "recordings" / "demo.npz"


def replay(*arguments: str | Path) -> list[dict]:
    """The lines of ``stream replay --json``."""
    command = [sys.executable, "-m", "stream", "replay", "--json", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_demo_is_recognised():
    *decisions, summary = replay(DEMO, "--checkpoint", CHECKPOINTS / "demo", "--speed", "max")
    recording = load(DEMO)
    spec = load_ensemble(CHECKPOINTS / "demo").members[0].checkpoint.design.spec
    assert len(decisions) == summary["decisions"] == spec.windows_in(len(recording.samples))
    assert summary["accuracy"] >= 0.9
    assert summary["dropped"] == 0


def test_the_demo_is_plainly_simulated_and_of_nobody_trained_on():
    recording = load(DEMO)
    assert recording.simulated
    assert set(recording.names) == {recording.names[i] for i in recording.labels}
    assert "rest" in recording.names
    assert DEMO.stat().st_size < 2_000_000
    provenance = load_ensemble(CHECKPOINTS / "demo").provenance
    assert provenance["simulated"]
    assert recording.person not in {f"sim{p}" for p in provenance["people"] + provenance["validation_people"]}


def test_the_synapse_pair_is_that_of_its_card():
    ensemble = load_ensemble(CHECKPOINTS / "synapse")
    assert {member.name: member.weight for member in ensemble.members} == pytest.approx(
        {"tangent": 0.6, "se_resnet_mixup": 0.4}
    )
    views = ensemble.members[0].checkpoint.views
    assert (views.count, views.shift, views.noise, views.gain) == (5, 10, 0.02, 1.05)
    for member in ensemble.members:
        assert member.checkpoint.provenance["people"] == list(range(1, 21))
        assert sum(p.numel() for p in member.module.parameters()) <= 1_000_000


def test_the_three_of_days_have_not_seen_the_third():
    ensemble = load_ensemble(CHECKPOINTS / "days")
    assert [member.checkpoint.family for member in ensemble.members] == ["tangent", "inception_se_tcn", "semg_net"]
    assert [member.weight for member in ensemble.members] == [0.5, 0.25, 0.25]
    for member in ensemble.members:
        assert member.checkpoint.provenance["sessions"] == [1, 2]
        assert member.checkpoint.provenance["people"] == list(range(1, 21))


def test_who_adapts_and_can_be_calibrated_knows_how_its_people_differ():
    for name in ("demo", "synapse", "days", "myo"):
        listing = read_listing(CHECKPOINTS / name)
        wearers = read_wearers(listing)
        assert wearers is not None
        assert wearers.calibrated is None
        assert wearers.provenance["people"] == sorted(listing.provenance["people"])


def test_checkpoints_are_small_and_have_a_card():
    made = "fp32"  # by engines, where a checkpoint runs for the first time
    files = [path for path in CHECKPOINTS.rglob("*") if path.is_file() and made not in path.parts]
    assert all(path.stat().st_size < 4_000_000 for path in files)
    assert sum(path.stat().st_size for path in files) < 20_000_000
    for name in ("demo", "synapse", "days", "myo"):
        assert (CHECKPOINTS / name / "README.md").exists()


def test_the_myo_three_are_for_continuous_use():
    ensemble = load_ensemble(CHECKPOINTS / "myo")
    assert [member.checkpoint.family for member in ensemble.members] == ["se_resnet", "resnet_gru", "tangent"]
    for member in ensemble.members:
        checkpoint = member.checkpoint
        assert checkpoint.labels[0] == checkpoint.decision.rest == "rest"
        assert len(checkpoint.labels) == 8
        assert checkpoint.design.spec.rate_hz == 200
        assert checkpoint.decision.patient
        assert checkpoint.views.count == 1
        assert checkpoint.provenance["sessions"] == [1, 2]
    files = [path for path in (CHECKPOINTS / "myo").rglob("*") if path.is_file() and "fp32" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 5_000_000


@pytest.mark.data
def test_the_myo_three_know_a_third_session(myo_zip):
    report = evaluate_events(CHECKPOINTS / "myo", str(myo_zip), "continuous", [21547], device="cpu")
    assert report["seen_people"] == []
    assert report["all"]["events"] == 42
    assert report["all"]["detected"] == pytest.approx(38 / 42, abs=0.03)  # as it was measured when it was made
    assert report["all"]["delay_ms"] == pytest.approx(210, abs=15)


@pytest.mark.data
def test_the_three_of_days_know_a_third_day(synapse_zip):
    report = evaluate(CHECKPOINTS / "days", str(synapse_zip), "new-day", [1], device="cpu")
    assert not report["seen_people"]
    assert report["variants"]["ensemble"]["window_accuracy"] > 0.93


@pytest.mark.data
def test_a_real_trial_gives_every_decision_at_any_speed(synapse_zip):
    trial = synapse_zip / "Session1" / "session1_subject_18" / "gesture04_trial01.csv"
    spec = load_ensemble(CHECKPOINTS / "synapse").members[0].checkpoint.design.spec
    runs = [replay(trial, "--checkpoint", CHECKPOINTS / "synapse", "--speed", speed) for speed in ("max", "1")]
    assert len(runs[0]) - 1 == (2560 - 204) // spec.hop + 1
    assert runs[0][:-1] == runs[1][:-1]
    assert all(line["true"] == "gesture04" for line in runs[0][:-1])
