"""Settling in while a stream runs, and what is kept of the wearer from one run to the next."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from devices.formats.npz import parse, save_npz
from dsp.flow import Chunk
from dsp.pipeline import Pipeline
from models.adaptation import Adaptation, State
from models.evidence import arrangements
from models.listing import read_listing
from models.networks import load_networks
from models.population import Classes, inverse
from models.settling import settling
from models.wearer import CARD, Calibrated, load_state, read_wearers, write_wearers
from tests.stream.test_cli import call, decisions_and_summary
from train.settling import settled

ROOT = Path(__file__).resolve().parents[2]
DEMO = (ROOT / "recordings" / "demo.npz", "--checkpoint", ROOT / "models" / "checkpoints" / "demo", "--engine", "int8")
FAST = ("--speed", "max", "--json")


def test_it_settles_in_the_same_way_at_every_speed() -> None:
    straight, summary = decisions_and_summary(call("replay", *DEMO, *FAST, "--adapt"))
    threaded, other = decisions_and_summary(call("replay", *DEMO, "--speed", "40", "--json", "--adapt"))
    plain, without = decisions_and_summary(call("replay", *DEMO, *FAST))
    assert straight == threaded
    assert straight[:10] == plain[:10]
    assert straight != plain
    assert summary["adaptation"] == other["adaptation"]
    assert summary["adaptation"]["blocks"] == summary["decisions"] // 10
    assert without["adaptation"] is None
    assert summary["accuracy"] > 0.95


def test_what_is_known_is_kept_and_gone_on_with(tmp_path: Path) -> None:
    me = tmp_path / "me.wearer"
    first, summary = decisions_and_summary(call("replay", *DEMO, *FAST, "--wearer", me))
    known = read_wearers(read_listing(DEMO[2]))
    assert known is not None
    assert len(load_state(me, known.population).blocks) == summary["adaptation"]["blocks"]
    again = call("replay", *DEMO, *FAST, "--wearer", me)
    second, more = decisions_and_summary(again)
    assert f"{me} holds {summary['adaptation']['blocks']} blocks of this wearer" in again.stderr
    assert more["adaptation"]["blocks"] == 2 * summary["adaptation"]["blocks"]
    assert second[:10] != first[:10]
    anew, _ = decisions_and_summary(call("replay", *DEMO, *FAST, "--wearer", me, "--forget"))
    assert anew == first


def test_people_are_told_how_far_it_has_come() -> None:
    result = call("replay", *DEMO, "--speed", "max", "--plain", "--adapt")
    assert "knows the wearer by" in result.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--forget",), "--wearer is missing"),
        (("--wearer", "{tmp}/damaged"), "leave it out to begin anew"),
        (("--wearer", "{tmp}/damaged/me"), "is a file"),
    ],
)
def test_what_cannot_be_is_said(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    (tmp_path / "damaged").write_bytes(b"something else")
    result = call("replay", *DEMO, *FAST, *(option.format(tmp=tmp_path) for option in options))
    assert result.exit_code == 2
    assert said in result.stderr
    assert (tmp_path / "damaged").read_bytes() == b"something else"


@pytest.fixture(scope="module")
def crooked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The demo recording twice over, its armband turned by three electrodes, and a checkpoint that expects such."""
    root = tmp_path_factory.mktemp("crooked")
    shutil.copytree(DEMO[2], root / "demo")
    card = json.loads((root / "demo" / CARD).read_text())
    (root / "demo" / CARD).write_text(json.dumps(card | {"otherwise": 0.3}))
    shown = parse(DEMO[0], DEMO[0].read_bytes(), rate_hz=None, unit=None)
    assert shown.labels is not None
    samples = np.tile(shown.samples, (2, 1))[:, np.argsort(arrangements(8)[3])]
    whole = replace(shown, samples=np.ascontiguousarray(samples), labels=np.tile(shown.labels, 2))
    save_npz(root / "turned.npz", whole)
    return root / "turned.npz", root / "demo"


def test_a_turned_armband_is_found_said_and_undone(crooked: tuple[Path, Path], tmp_path: Path) -> None:
    recording, checkpoint = crooked
    how = ("replay", recording, "--checkpoint", checkpoint, "--engine", "int8")
    result = call(*how, *FAST, "--wearer", tmp_path / "me")
    said, summary = decisions_and_summary(result)
    _, cold = decisions_and_summary(call(*how, *FAST))
    assert summary["adaptation"]["order"] == list(arrangements(8)[3])
    assert summary["adaptation"]["turned"] == 1
    assert summary["accuracy"] > cold["accuracy"] + 0.2
    threaded, other = decisions_and_summary(call(*how, "--speed", "40", "--json", "--adapt"))
    assert threaded == said
    assert other["adaptation"] == summary["adaptation"]
    again = call(*how, "--speed", "max", "--plain", "--wearer", tmp_path / "me")
    assert "whose armband sat turned by 3 of 8 electrodes" in again.stderr
    assert "the armband sits turned by 3 of 8 electrodes, which is undone" in " ".join(again.stdout.split())


def test_what_is_replayed_is_what_is_measured(crooked: tuple[Path, Path]) -> None:
    """``train evaluate`` settles in as the stream does, across the moment in which the order changes."""
    recording, checkpoint = crooked
    said, _ = decisions_and_summary(
        call("replay", recording, "--checkpoint", checkpoint, "--engine", "torch", *FAST, "--adapt", "--no-views")
    )
    networks = load_networks(checkpoint, device="cpu", views=False)
    wearers = read_wearers(read_listing(checkpoint))
    assert wearers is not None
    spec = networks.design.spec
    samples = parse(recording, recording.read_bytes(), rate_hz=None, unit=None).samples
    windows = np.stack([window.samples.copy() for window in Pipeline(networks.design).feed(Chunk(samples, 0))])
    adaptation = Adaptation(wearers.population, 1e3 * spec.hop / spec.rate_hz)
    answers = settled(networks, adaptation, windows, networks.batch(windows))
    assert adaptation.order == arrangements(8)[3]
    given = np.array([list(json.loads(line)["probabilities"].values()) for line in said])
    np.testing.assert_allclose(answers, given, atol=2e-3)


def test_so_it_is_where_calibration_found_the_armband_turned(crooked: tuple[Path, Path], tmp_path: Path) -> None:
    recording, checkpoint = crooked
    shutil.copytree(checkpoint, tmp_path / "mine")
    listing = read_listing(tmp_path / "mine")
    wearers = read_wearers(listing)
    assert wearers is not None
    population, order = wearers.population, tuple(int(place) for place in arrangements(8)[3])
    gestures, size = population.means.shape
    classes = Classes.of(population.means, inverse(population.between))
    state = State(np.empty((0, size)), np.empty((0, gestures)))
    write_wearers(tmp_path / "mine", listing, replace(wearers, calibrated=Calibrated(state, classes, 0.75, order)))
    said, _ = decisions_and_summary(
        call(
            "replay", recording, "--checkpoint", tmp_path / "mine", "--engine", "torch", *FAST, "--adapt", "--no-views"
        )
    )
    networks = load_networks(tmp_path / "mine", device="cpu", views=False)
    known = read_wearers(read_listing(tmp_path / "mine"))
    assert known is not None
    samples = parse(recording, recording.read_bytes(), rate_hz=None, unit=None).samples
    windows = np.stack([window.samples.copy() for window in Pipeline(networks.design).feed(Chunk(samples, 0))])
    answers = settled(networks, settling(listing, known)(), windows, networks.batch(windows))
    given = np.array([list(json.loads(line)["probabilities"].values()) for line in said])
    np.testing.assert_allclose(answers, given, atol=2e-3)


def test_who_knows_nobody_cannot_settle_in(recorded: Path, checkpoint: Path) -> None:
    result = call("replay", recorded, "--checkpoint", checkpoint, *FAST, "--adapt")
    assert result.exit_code == 2
    assert "python -m train wearers" in result.stderr


def test_many_armbands_have_no_wearer() -> None:
    result = call("profile", "--checkpoint", DEMO[2], "--streams", 2, "--adapt")
    assert result.exit_code == 2
    assert "for one wearer" in result.stderr
