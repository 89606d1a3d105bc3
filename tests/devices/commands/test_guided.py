"""``python -m devices record --guide`` as a person types it, on the simulator and on emulated devices."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

if sys.platform == "win32":
    pytest.skip("needs pseudo-terminals", allow_module_level=True)

from devices.cli import main
from devices.commands.guided import commands, place
from devices.datasets import open_dataset
from devices.emulators.cyton import Cyton
from devices.emulators.feed import Feed
from devices.emulators.lsl import ServedLsl
from devices.emulators.serve import Served
from devices.files import load
from devices.guiding.script import EXAMPLE, Script
from devices.recording import UNLABELLED, Recording
from tests.devices.guiding.arms import QUICK, person
from tests.devices.lsl.streams import unique

ROOT = Path(__file__).parents[3]
SHORT = replace(QUICK, prepare_s=0.5)
TEXT = """
repetitions = {}
hold_s = 2
rest_s = 1.5
prepare_s = 0.5
seed = 0
gestures = ["fist", {{name = "open hand", words = "spread it"}}]
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "gestures.toml"
    path.write_text(TEXT.format(2))
    return path


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["record", *map(str, arguments)])
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


def begins(recording: Recording) -> list[tuple[int, str]]:
    """Where which label begins."""
    assert recording.labels is not None
    edges = [0, *(np.flatnonzero(np.diff(recording.labels)) + 1).tolist()]
    labels = [int(recording.labels[edge]) for edge in edges]
    return [(edge, "" if k == UNLABELLED else recording.names[k]) for edge, k in zip(edges, labels, strict=True)]


def schedule(script: Script, rate_hz: float) -> list[tuple[int, str]]:
    """Where they have to begin."""
    found, at = [(0, "")], script.prepare_s
    for gesture in script.order():
        found += [(round(at * rate_hz), "rest"), (round((at + script.rest_s) * rate_hz), gesture.name)]
        at += script.rest_s + script.hold_s
    return [*found, (round(at * rate_hz), "rest")]


def test_the_example_is_printed_whatever_else_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    code, said, err = call(capsys, "--guide", "example")
    assert (code, err) == (0, "")
    assert said == EXAMPLE.read_text(encoding="utf-8")


def test_a_simulated_person_is_led(script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And its sitting lies in a folder that is a data set, beside the next one."""
    out = tmp_path / "mine"
    who = ["--person", "anna", "--recording-session"]
    code, said, err = call(capsys, "sim:person=3", "--guide", script, "--out", out, *who, "1", "--json")
    assert code == 0, err
    told: dict[str, Any] = json.loads(said)
    assert told["ended"] == "done"
    assert told["path"] == str(out / "guided_anna_1_1.xdf")
    assert [each["good"] for each in told["gestures"]] == [2, 2]
    assert "now hold: open hand for 2 s (repetition" in err
    assert "spread it" in err
    assert json.loads(Path(told["report"]).read_text()) == told
    recording = load(told["path"])
    assert begins(recording) == schedule(SHORT, 1000.0)
    assert (recording.simulated, recording.person, recording.session) == (True, "anna", "1")
    for each in told["repetitions"]:
        assert 0.1 < each["reaction_s"] < 0.8
        assert each["muscle_sample"] - each["sample"] == pytest.approx(1000 * each["reaction_s"], abs=1)
    script.write_text(TEXT.format(1))
    code, said, err = call(capsys, "sim:person=3", "--guide", script, "--out", out, *who, "2", "--format", "csv")
    assert code == 0, err
    assert f"next: python -m train tangent --data {out} --out runs/mine" in said
    assert "\a" not in said, "nobody hears it"
    with open_dataset(out) as dataset:
        assert [entry.name for entry in dataset.entries] == ["guided_anna_1_1.xdf", "guided_anna_2_1.csv"]
        assert dataset.sessions == (1, 2)
        assert dataset.skipped == []


def test_what_an_emulated_cyton_gave_is_trained_on(
    script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = person(SHORT, 3, 250.0)
    with Served(Cyton(Feed(recording, 250.0, 8))) as served:
        code, said, err = call(
            capsys, f"cyton:{served.path}", "--guide", script, "--out", tmp_path / "mine", "--json", "--person", "7"
        )
    assert code == 0, err
    told = json.loads(said)
    assert [each["good"] for each in told["gestures"]] == [2, 2], told["repetitions"]
    assert begins(load(told["path"])) == schedule(SHORT, 250.0)
    command = [sys.executable, *told["next"][0].split()[1:]]
    small = ["model.hidden=8,8", "epochs=2", "--device", "cpu", "--json"]
    command[command.index("--out") + 1] = str(tmp_path / "run")
    ended = subprocess.run([*command, *small], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    assert json.loads((tmp_path / "run" / "checkpoint" / "model.json").read_text())["labels"] == [
        "rest",
        "fist",
        "open hand",
    ]
    own = [sys.executable, *told["next"][2].split()[1:], "epochs=1", "--device", "cpu", "--json"]
    own[own.index("--checkpoint") + 1] = str(tmp_path / "run")
    own[own.index("--out") + 1] = str(tmp_path / "own")
    ended = subprocess.run(own, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["person"] == 7


def test_an_lsl_stream_is_guided(script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = unique("guided")
    with ServedLsl(person(SHORT, 3, 500.0), name, once=False, source_id=name):
        code, said, err = call(capsys, f"lsl:source_id={name}", "--guide", script, "--out", tmp_path / "a.h5", "--json")
    assert code == 0, err
    told = json.loads(said)
    assert [each["good"] for each in told["gestures"]] == [2, 2], told["repetitions"]
    assert begins(load(tmp_path / "a.h5")) == schedule(SHORT, 500.0)
    assert told["report"] == str(tmp_path / "a.guide.json")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["sim:", "--guide", "nowhere.toml"],
            "there is no script 'nowhere.toml'; 'python -m devices record --guide ex",
        ),
        (["sim:", "--plain"], "--plain is for the prompts of --guide"),
        (["sim:", "--guide", "{script}", "--seconds", "3"], "--seconds does not go with --guide"),
        (["sim:", "--guide", "{script}", "--labels", "a,b"], "--labels does not go with --guide"),
        (["recordings/demo.npz", "--guide", "{script}"], "is a recording, in which nobody can be told what to do"),
        (
            ["sim:", "--guide", "{strange}"],
            "the simulator does not know shrug, which the script asks for; it knows fist",
        ),
        (["sim:", "--guide", "{script}", "--format", "edf"], "'edf' cannot be recorded"),
    ],
)
def test_wrong_use_is_one_sentence(
    arguments: list[str], sentence: str, script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strange = tmp_path / "strange.toml"
    strange.write_text('gestures = ["fist", "shrug"]')
    given = [each.format(script=script, strange=strange) for each in arguments]
    code, said, err = call(capsys, *given, "--out", tmp_path / "made")
    assert (code, said) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert sentence in err
    assert not (tmp_path / "made").exists()


def test_a_folder_takes_one_sitting_after_another(tmp_path: Path) -> None:
    assert place(tmp_path / "a.bdf", None, "", "") == tmp_path / "a.bdf"
    assert place(tmp_path / "a", "bids", "", "") == tmp_path / "a"
    assert place(tmp_path / "a", "hdf5", "", "2") == tmp_path / "a" / "guided_2_1.h5"
    assert place(tmp_path / "a.b", None, "a/b", "") == tmp_path / "a.b" / "guided_a-b_1.xdf"
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "guided_1.csv").write_text("")
    assert place(tmp_path / "a", None, "", "") == tmp_path / "a" / "guided_2.xdf"
    with pytest.raises(ValueError, match=r"ends in '.npz', which cannot be recorded; known are .xdf"):
        place(tmp_path / "a.npz", None, "", "")  # else it would be a folder of that name
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file; name a folder"):
        place(tmp_path / "file", None, "", "")


def test_what_to_type_next() -> None:
    made = Path("recordings/my hand/guided_1.xdf")
    train, live, own, calibrate = commands(made, "sim:person=3", folder=True)
    assert train == "python -m train tangent --data 'recordings/my hand' --out 'runs/my hand'"
    assert live == "python -m stream live sim:person=3 --checkpoint 'runs/my hand'"
    assert own == "python -m train own --checkpoint PATH --data 'recordings/my hand' --out 'runs/my hand-own'"
    assert "calibrate 'recordings/my hand/guided_1.xdf' --checkpoint PATH" in calibrate
    assert commands(Path("data/a.xdf"), "sim:", folder=False)[0] == "python -m train tangent --data data --out runs/a"
