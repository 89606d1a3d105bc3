"""What any recipe trains runs in the stream: by the fastest engine that there is for it as by PyTorch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.loading import Wanted, load_classifier
from tests.train.conftest import changes, synapse_like, tiny
from train.corpus import load
from train.fit import fit
from train.recipe import names

ROOT = Path(__file__).parents[1]

__all__ = ["synapse_like"]


@pytest.mark.parametrize("name", names())
def test_a_trained_checkpoint_streams(
    name: str,
    synapse_like: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MYOSTREAM_CACHE", str(tmp_path / "cache"))
    run = tmp_path / "run"
    fit(name, tiny(name), changes(name), load(str(synapse_like), (1, 2), cache=False), run, device="cpu")
    trial = synapse_like / "Session1" / "session1_subject_1" / "gesture00_trial01.csv"
    command = [sys.executable, "-m", "stream", "replay", str(trial), "--checkpoint", str(run), "--rate", "512"]
    ended = subprocess.run(
        [*command, "--unit", "mV", "--speed", "max", "--json", "--device", "cpu"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    *decisions, summary = map(json.loads, ended.stdout.splitlines())
    windows = np.random.default_rng(0).standard_normal((6, 204, 8)).astype(np.float32)
    live, eager = load_classifier(run, Wanted(device="cpu")), load_classifier(run, Wanted("torch", "cpu"))
    assert len(decisions) == summary["decisions"] == (512 - 204) // live.design.spec.hop + 1
    assert live.engine.name == summary["engine"]
    np.testing.assert_allclose(live.batch(windows), eager.batch(windows), atol=1e-4)
