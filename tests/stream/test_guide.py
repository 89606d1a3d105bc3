"""Guided calibration on an emulated Cyton: what is held when told to, what is repeated, what is given up."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

if sys.platform == "win32":
    pytest.skip("needs pseudo-terminals", allow_module_level=True)

from devices.emulators.cyton import Cyton
from devices.emulators.faults import NO_FAULTS, Faults
from devices.emulators.feed import Feed
from devices.emulators.serve import Served
from devices.recording import Recording
from dsp.design import DspSpec, design
from models import families
from models.checkpoint import Checkpoint, save
from models.repetition import Doubt
from stream import calibrating, gathering
from stream.gathering import ROUNDS
from stream.guide import planned
from tests.stream.arms import HOLD_S, RATE_HZ, REST_S, Noted, arm
from tests.stream.test_cli import Result, call
from tests.stream.test_terminal import ENTER, PATIENCE_S, Terminal, assert_whole

WINDOW, HOP = 100, 40
GESTURES = ("fist", "open hand")


def small(path: Path, labels: tuple[str, ...]) -> Path:
    spec = DspSpec(RATE_HZ, band_hz=(20.0, 110.0), notch_hz=50.0, notch_harmonics=1, scale_uv=(20.0,))
    assert (spec.window, spec.hop) == (WINDOW, HOP)
    config = {"classes": len(labels), "widths": [8, 16], "depth": 1}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        module = families.build("se_resnet", config)
    golden = np.random.default_rng(0).normal(size=(2, WINDOW, 8)).astype(np.float32)
    save(path, Checkpoint("se_resnet", config, labels, design(spec)), module, golden)
    return path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small(tmp_path_factory.mktemp("checkpoint") / "tiny", GESTURES)


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Noted:
    noted = Noted()
    monkeypatch.setattr(calibrating, "computing", lambda: noted)
    return noted


@contextmanager
def cyton(recording: Recording, faults: Faults = NO_FAULTS) -> Iterator[Served]:
    with Served(Cyton(Feed(recording, RATE_HZ, 8)), faults) as served:
        yield served


def options(checkpoint: Path, out: Path) -> list[str]:
    times = ["--hold", f"{HOLD_S:g}", "--rest", f"{REST_S:g}"]
    return ["--checkpoint", str(checkpoint), "--out", str(out), "--engine", "torch", "--repetitions", "1", *times]


def guided(recording: Recording, checkpoint: Path, out: Path, *more: object, faults: Faults = NO_FAULTS) -> Result:
    with cyton(recording, faults) as served:
        return call("calibrate", f"cyton:{served.path}", *options(checkpoint, out), *more)


def order(seed: int = 0, repetitions: int = 1) -> list[str]:
    return list(planned(GESTURES, repetitions, HOLD_S, REST_S, seed).order)


def test_rounds_are_shuffled_by_the_seed() -> None:
    gestures = ("a", "b", "c", "d", "e")
    orders = {planned(gestures, 2, 4, 2, seed).order for seed in range(20)}
    assert len(orders) > 10
    assert all(sorted(order[:5]) == sorted(order[5:]) == list(gestures) for order in orders)
    assert planned(gestures, 2, 4, 2, 3) == planned(gestures, 2, 4, 2, 3)
    long = [planned(gestures, 9, 4, 2, seed).order for seed in range(20)]
    assert all(one != other for order in long for one, other in pairwise(order)), "none twice in a row"
    assert planned(("a",), 3, 4, 2, 0).order == ("a", "a", "a")
    assert 25 <= planned(gestures, ROUNDS, gathering.HOLD_S, gathering.REST_S, 0).seconds <= 60


def test_each_gesture_once_when_told_to(noted: Noted, checkpoint: Path, tmp_path: Path) -> None:
    result = guided(arm(2), checkpoint, tmp_path / "arm", "--json", "--seed", 3)
    assert result.exit_code == 0, result.stderr
    said = json.loads(result.stdout)
    assert [each.gesture for each in noted.given] == order(3)
    assert noted.asked == [order(3)]
    inside = range(round(0.5 * RATE_HZ), round(HOLD_S * RATE_HZ) - WINDOW + 1)
    for place, (_, windows) in enumerate(noted.given):
        start = round((REST_S + place * (HOLD_S + REST_S)) * RATE_HZ)
        assert len(windows) == sum((start + at) % HOP == 0 for at in inside), "on the grid of the stream"
        assert windows.std(axis=1).min() > 3, "held throughout, not at rest"
    assert said["simulated"] is False
    assert said["refused"] == []
    assert [f"now hold: {gesture} for 2 s" in result.stderr for gesture in GESTURES] == [True, True]
    assert (tmp_path / "arm").is_dir()


def test_what_was_no_good_is_repeated_at_once(noted: Noted, checkpoint: Path, tmp_path: Path) -> None:
    result = guided(arm(4, idle=[0], flat=[2]), checkpoint, tmp_path / "arm", "--json")
    assert result.exit_code == 0, result.stderr
    first, second = order()
    assert [each.gesture for each in noted.given] == [first, second]
    (idle, flat) = json.loads(result.stdout)["refused"]
    assert idle["gesture"] == first
    assert "no stronger than the rest before it" in idle["reason"]
    assert flat["gesture"] == second
    assert "channel ch3 is flat" in flat["reason"]
    assert result.stderr.count("once more") == 2


def test_after_three_tries_it_is_given_up(noted: Noted, checkpoint: Path, tmp_path: Path) -> None:
    result = guided(arm(3, flat=[0, 1, 2]), checkpoint, tmp_path / "arm", "--plain")
    assert result.exit_code == 2
    error = result.stderr.splitlines()[-1]
    assert f"{order()[0]!r} was no good in 3 tries, and nothing was written: channel ch3 is flat" in error
    assert not (tmp_path / "arm").exists()
    assert result.stdout.count("once more") == 2, "also where the same is wrong"


def test_what_is_doubtful_among_all_is_held_once_more(noted: Noted, checkpoint: Path, tmp_path: Path) -> None:
    first, second = order()
    noted.doubtful = [[Doubt(0, first, f"it looks like {second}")]]
    result = guided(arm(3), checkpoint, tmp_path / "arm", "--json")
    assert result.exit_code == 0, result.stderr
    assert noted.asked == [[first, second], [second, first]]
    assert [each.gesture for each in noted.given] == [second, first]
    assert json.loads(result.stdout)["refused"] == [{"gesture": first, "reason": f"it looks like {second}"}]


def test_rests_are_repetitions_where_the_checkpoint_knows_rest(noted: Noted, tmp_path: Path) -> None:
    checkpoint = small(tmp_path / "with", ("rest", "fist"))
    out = tmp_path / "arm"
    result = guided(arm(2, rest_s=1.5), checkpoint, out, "--json", "--repetitions", 2, "--rest", 1.5)
    assert result.exit_code == 0, result.stderr
    assert [each.gesture for each in noted.given] == ["rest", "fist"] * 2
    rest, fist = (windows.std() for _, windows in noted.given[:2])
    assert rest < fist / 10
    too_short = guided(arm(2), checkpoint, tmp_path / "other", "--json")
    assert too_short.exit_code == 2
    assert "--rest is 1 s; with this checkpoint give at least 1.38" in too_short.stderr


def test_a_device_that_was_away_costs_the_repetition_it_fell_into(
    noted: Noted, checkpoint: Path, tmp_path: Path
) -> None:
    result = guided(arm(3), checkpoint, tmp_path / "arm", "--json", faults=Faults(disconnect=(0.7, 1.8)))
    assert result.exit_code == 0, result.stderr
    (lost,) = json.loads(result.stdout)["refused"]
    assert "of its samples were lost" in lost["reason"]


PROGRAM = """
import sys
from stream import calibrating
from stream.gathering import ROUNDS
from stream.cli import main
from tests.stream.arms import Noted
calibrating.computing = Noted
main(sys.argv[1:])
"""


@pytest.mark.parametrize("interrupted", [False, True])
def test_the_screen_says_what_to_do_and_leaves_nothing_behind(
    checkpoint: Path, tmp_path: Path, interrupted: bool
) -> None:
    out = tmp_path / "arm"
    with cyton(arm(2)) as served:
        terminal = Terminal(["-c", PROGRAM, "calibrate", f"cyton:{served.path}", *options(checkpoint, out)])
        try:
            terminal.read_until(ENTER)
            terminal.read_until(b"hold it")
            if interrupted:
                terminal.interrupt()
            output = terminal.read_to_end()
            assert terminal.process.wait(PATIENCE_S) == (130 if interrupted else 0)
        finally:
            terminal.close()
    assert_whole(output)
    assert b"Traceback" not in output
    assert out.exists() != interrupted
    assert list(tmp_path.iterdir()) == ([] if interrupted else [out])
    if not interrupted:
        assert b"calibrated 75.0%" in output
        assert b": good" in output


def test_a_key_ends_it(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "arm"
    with cyton(arm(2)) as served:
        terminal = Terminal(["-c", PROGRAM, "calibrate", f"cyton:{served.path}", *options(checkpoint, out)])
        try:
            terminal.read_until(b"q ends it here")
            terminal.press(b"xq")
            output = terminal.read_to_end()
            assert terminal.process.wait(PATIENCE_S) == 2
            assert terminal.echoes()
        finally:
            terminal.close()
    assert_whole(output)
    assert b"error: a key ended it before every gesture was taken; nothing was written" in output
    assert list(tmp_path.iterdir()) == []
