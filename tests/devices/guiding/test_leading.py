"""Leading an arm through a script: exact labels, what is repeated, what a person discards, and how it may end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devices.files import load
from devices.formats.writer import open_writer
from devices.guiding.leading import Leader
from devices.guiding.prompt import Prompt
from devices.guiding.report import report
from devices.guiding.script import Script
from devices.recorder.feeding import Recorder
from devices.recorder.loop import Progress
from devices.recording import Recording
from devices.replay import Replay
from devices.watched import Watched
from tests.devices.guiding.arms import LAG_S, QUICK, RATE_HZ, arm

Keys = Callable[[Prompt], str]


@dataclass
class Led:
    """What came of it."""

    leader: Leader
    recording: Recording
    progress: Progress
    told: dict[str, Any]
    shown: list[Prompt] = field(default_factory=list)

    @property
    def labels(self) -> list[tuple[float, str]]:
        """Where which label begins, in seconds."""
        assert self.recording.labels is not None
        names = [*self.recording.names, ""]
        edges = [0, *(np.flatnonzero(np.diff(self.recording.labels)) + 1).tolist()]
        return [(edge / RATE_HZ, names[self.recording.labels[edge]]) for edge in edges]

    @property
    def outcomes(self) -> list[str]:
        """For each attempt the gesture, or why it was discarded."""
        return [each.gesture if each.good else str(each.cause) for each in self.leader.attempts]


def lead(path: Path, recording: Recording, script: Script = QUICK, keys: Keys | None = None) -> Led:
    """Leads through a script without waiting; ``keys`` presses one at a prompt."""
    source = Watched(Replay(recording, None, 20.0))
    writer = open_writer(path / "made.xdf", source.info, names=script.labels)
    recorder = Recorder(writer, 1e4 * RATE_HZ)  # room for all of it: nothing is waited for
    progress = Progress(recorder, source.integrity, RATE_HZ)
    shown: list[Prompt] = []
    waiting: list[str] = []

    def show(prompt: Prompt) -> None:
        shown.append(prompt)
        if keys is not None and (key := keys(prompt)):
            waiting.append(key)

    def pressed() -> str:
        return waiting.pop(0) if waiting else ""

    leader = Leader(
        source, progress, script, show, Prompt("arm", "task", ""), pressed=pressed, ending=threading.Event()
    )
    leader.run()
    recorder.close()
    assert progress.first is not None
    return Led(leader, load(path / "made.xdf"), progress, report(leader, script, source, progress.first), shown)


def once(wanted: Callable[[Prompt], bool], key: str) -> Keys:
    """Presses a key at the first prompt that is so."""
    done: list[bool] = []

    def press(prompt: Prompt) -> str:
        if done or not wanted(prompt):
            return ""
        done.append(True)
        return key

    return press


def names(script: Script = QUICK) -> list[str]:
    return [gesture.name for gesture in script.order()]


def schedule(*holds: str) -> list[tuple[float, str]]:
    """Where labels begin with these holds; "" for one that is discarded."""
    found, at = [(0.0, ""), (1.0, "rest")], 1.0
    for hold in holds:
        found += [(at + 1.5, hold), (at + 3.5, "rest")]
        at += 3.5
    return found


def test_labels_are_those_of_the_prompts_to_the_sample(tmp_path: Path) -> None:
    made = lead(tmp_path, arm(QUICK, 4))
    assert made.progress.ended == "done"
    assert made.outcomes == names()
    assert made.labels == schedule(*names())
    assert len(made.recording.samples) == pytest.approx(round((1 + 4 * 3.5 + 1.5) * RATE_HZ), abs=5)
    assert made.recording.names[:3] == QUICK.labels
    for attempt in made.leader.attempts:
        assert attempt.onset is not None
        assert (attempt.onset - attempt.first) / RATE_HZ == pytest.approx(LAG_S, abs=0.05)
        assert attempt.ratio > 10
    assert {each["good"] for each in made.told["gestures"]} == {2}
    assert {each["contact"] for each in made.told["electrodes"]} == {"good"}
    assert [prompt.bell for prompt in made.shown][-1] == 8, "at the beginning and the end of each hold"
    assert {prompt.rings for prompt in made.shown if prompt.active} == {1}


def test_what_was_no_good_is_made_again_and_carries_no_label(tmp_path: Path) -> None:
    made = lead(tmp_path, arm(QUICK, 7, {0: "idle", 2: "flat", 4: "lost"}))
    first, second, third, fourth = names()
    assert made.outcomes == ["signal", first, "signal", second, "signal", third, fourth]
    assert made.labels == schedule("", first, "", second, "", third, fourth)
    reasons = [attempt.reason for attempt in made.leader.attempts if not attempt.good]
    assert ["no stronger than the rest" in reasons[0], "ch3 is flat" in reasons[1], "were lost" in reasons[2]] == [
        True
    ] * 3
    assert made.told["electrodes"][2]["contact"] == "flat"
    assert made.told["electrodes"][0]["contact"] == "good"
    assert made.leader.given_up == []


def test_after_so_many_tries_it_is_left_out_and_the_others_go_on(tmp_path: Path) -> None:
    made = lead(tmp_path, arm(QUICK, 5, {0: "flat", 1: "flat"}), replace(QUICK, tries=2))
    first, *others = names()
    assert made.outcomes == ["signal", "signal", *others]
    assert made.labels == schedule("", "", *others)
    assert made.leader.given_up == [first]
    assert [each["missing"] for each in made.told["gestures"] if each["gesture"] == first] == [1]
    assert made.shown[-1].done == 4


@pytest.mark.parametrize("after", [False, True])
def test_a_person_discards_one_while_it_is_held_or_after_it(after: bool, tmp_path: Path) -> None:
    first, second, *others = names()

    def wanted(prompt: Prompt) -> bool:
        return prompt.done == 1 + after and prompt.active != after and prompt.left_s < 0.5

    made = lead(tmp_path, arm(QUICK, 5), keys=once(wanted, "d"))
    if after:
        assert made.outcomes == [first, "person", second, *others]
        assert made.labels == schedule(first, "", second, *others)
    else:  # it ends at once, and the arm, which goes on with its own plan, is out of step
        assert made.outcomes[:2] == [first, "person"]
        assert made.labels[:4] == schedule(first, "")[:4]
        assert made.labels[4] == (6.0, "")
        assert 7.4 < made.labels[5][0] < 7.8
        assert [each.gesture for each in made.leader.attempts][1:3] == [second, second]
    assert made.shown[-1].done == 4
    assert any(prompt.verdict == f"{second}: discarded, once more" for prompt in made.shown)


def test_what_is_settled_cannot_be_discarded(tmp_path: Path) -> None:
    made = lead(tmp_path, arm(QUICK, 4), keys=once(lambda prompt: prompt.doing == "rest" and prompt.done == 0, "d"))
    assert made.outcomes == names()


@pytest.mark.parametrize("active", [False, True])
def test_it_ends_early_and_keeps_what_there_is(active: bool, tmp_path: Path) -> None:
    made = lead(tmp_path, arm(QUICK, 4), keys=once(lambda p: p.done == 2 and p.active == active and p.left_s < 1, "q"))
    assert made.progress.ended == "asked"
    first, second, *_ = names()
    assert made.outcomes == [first, second, *(["end"] if active else [])]
    wanted = schedule(first, second, *([""] if active else []))
    assert made.labels == (wanted[:-1] if active else wanted)
    assert len(made.recording.samples) == made.progress.samples


def test_a_pause_has_no_label_and_a_whole_rest_follows_it(tmp_path: Path) -> None:
    state = {"pressed": 0, "seen": 0}

    def keys(prompt: Prompt) -> str:
        if prompt.active and prompt.done == 1 and not state["pressed"]:
            state["pressed"] = 1
            return " "
        if prompt.doing == "pause":
            state["seen"] += 1
            return "p" if state["seen"] == 50 else ""
        return ""

    recording = arm(QUICK, 6)
    made = lead(tmp_path, recording, keys=keys)
    first, second, *_ = names()
    assert made.labels[:5] == [*schedule(first, second)[:5]]
    begins, after = made.labels[5], made.labels[6]
    assert begins == (8.0, "")
    assert after[1] == "rest"
    assert 8.5 < after[0] < 9.5, "fifty looks of 20 ms"
    assert made.labels[7][0] - after[0] == pytest.approx(1.5, abs=1e-6)


def test_a_stream_that_ends_keeps_what_there_is(tmp_path: Path) -> None:
    whole = arm(QUICK, 4)
    made = lead(tmp_path, replace(whole, samples=whole.samples[: round(7.0 * RATE_HZ)]))
    assert made.progress.ended == "end of the stream"
    assert made.outcomes == [names()[0], "end"]
    assert made.labels == schedule(names()[0], "")[:-1]


def test_it_can_be_silent(tmp_path: Path) -> None:
    made = lead(tmp_path, arm(QUICK, 4), replace(QUICK, beeps=False))
    assert {(prompt.bell, prompt.rings) for prompt in made.shown} == {(0, 0)}


def test_rests_without_a_label(tmp_path: Path) -> None:
    made = lead(tmp_path, arm(QUICK, 4), replace(QUICK, rest=""))
    assert {label for _, label in made.labels} == {"", "fist", "open hand"}


def test_every_sample_is_there_in_its_place(tmp_path: Path) -> None:
    recording = arm(QUICK, 5, {1: "flat"})
    made = lead(tmp_path, recording)
    assert np.array_equal(made.recording.samples, recording.samples[: len(made.recording.samples)])
