"""What ``replay --report`` writes: read back as a parser, a reader of the JSON, and the rules of events see it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devices.events import score
from devices.files import load
from devices.formats.npz import save_npz
from devices.onsets import events
from devices.recording import UNLABELLED, Recording
from devices.tally import figures, tally
from dsp.storage import whole
from models.classifier import Classifier
from stream.latency import LEGS
from stream.report.columns import filtered
from tests.stream.conftest import HOP, RATE_HZ, WINDOW
from tests.stream.test_cli import Result, call, decisions_and_summary, sentence

VOID = {"meta", "link", "input"}
REACHING = ("src", "href", "action", "data", "poster", "srcset", "xlink:href", "formaction")


class Page(HTMLParser):
    """Whether elements are closed in order, what is referred to, what the figures are, what the words are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.references: list[str] = []
        self.figures: dict[str, float | None] = {}
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert len(given) == len(attrs)
        self.tags.append(tag)
        self.references += [given[name] or "" for name in REACHING if name in given]
        if "data-figure" in given:
            value = given.get("value")
            self.figures[given["data-figure"] or ""] = None if value is None else float(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words += data


def reported(folder: Path) -> tuple[Page, dict[str, Any]]:
    return Page((folder / "report.html").read_text("utf-8")), json.loads((folder / "report.json").read_text("utf-8"))


def leaves(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with the names on the way to it."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, values


@pytest.fixture(scope="module")
def rested(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recording with the last gesture that the recogniser knows unlabelled: neither rest nor to be judged."""
    assert recording.labels is not None
    path = tmp_path_factory.mktemp("rested") / "rested.npz"
    labels = recording.labels.copy()
    labels[-300:] = UNLABELLED
    save_npz(path, replace(recording, labels=labels))
    return path


def run(recorded: Path, checkpoint: Path, out: Path, *options: object) -> Result:
    speed = () if "--speed" in options else ("--speed", "max")
    return call("replay", recorded, "--checkpoint", checkpoint, "--json", "--report", out, *speed, *options)


def test_the_page_needs_nothing_and_says_what_the_summary_says(rested: Path, checkpoint: Path, tmp_path: Path) -> None:
    result = run(rested, checkpoint, tmp_path / "new" / "report", "--speed", "40")
    _, summary = decisions_and_summary(result)
    assert result.stderr.splitlines()[-1] == f"report: {tmp_path / 'new' / 'report' / 'report.html'}"
    assert sorted(path.name for path in (tmp_path / "new" / "report").iterdir()) == ["report.html", "report.json"]
    page, plain = reported(tmp_path / "new" / "report")
    assert {key: plain[key] for key in summary} == summary
    known = dict(leaves(plain))
    assert {"accuracy", "dropped", "latency_ms.p99", "controller_delay_ms", "events.false_per_minute"} <= set(
        page.figures
    )
    for name, value in page.figures.items():
        assert known[name] == value, name
    assert set(page.references) == {"data:,"}
    text = (tmp_path / "new" / "report" / "report.html").read_text("utf-8").lower()
    for reaching in ("http:", "https:", "//cdn", "url(", "@import", "fetch(", "xmlhttprequest", "websocket"):
        assert reaching not in text
    assert page.tags.count("h1") == 1
    assert page.tags.count("table") == page.tags.count("caption") == 4
    for words in (
        "simulated",
        "Confusion",
        "Latency",
        "Settings",
        "50 Hz",
        "20 to 200 Hz",
        "tiny",
        "Nothing: no sample",
    ):
        assert words in page.words
    assert f"python -m stream replay {rested}" in page.words
    assert all(leg.replace("->", "→") in page.words for leg in LEGS)


def test_events_are_scored_by_the_rules_of_events(
    rested: Path, checkpoint: Path, classifier: Classifier, tmp_path: Path
) -> None:
    result = run(rested, checkpoint, tmp_path)
    lines, _ = decisions_and_summary(result)
    page, plain = reported(tmp_path)
    recording, labels = load(rested), list(classifier.labels)
    decided = [json.loads(line) for line in lines]
    said = np.array([-1 if one["label"] is None else labels.index(one["label"]) for one in decided])
    ends = np.array([one["last"] + 1 for one in decided])
    place = [labels.index(name) if name in labels else -1 for name in recording.names]
    signal = filtered(recording, classifier.design)[: ends[-1]]
    assert recording.labels is not None
    seen = replace(recording, samples=signal, labels=recording.labels[: ends[-1]])
    shown = [one._replace(label=place[one.label]) for one in events(seen)]
    expected = score(said, ends, shown, len(recording.samples), RATE_HZ, labels.index("rest"))
    assert len(shown) >= 2
    for name, value in figures(tally([expected])).items():
        assert plain["events"][name] == value, name
    assert (plain["events"]["false"], plain["events"]["idle_s"]) == (expected.false, expected.idle_s)
    made = sum(one["events"] for one in plain["events"]["per_gesture"].values())
    assert made == len(expected.outcomes) == plain["events"]["events"]
    assert f"of {made}" in page.words


def test_without_labels_it_says_so_and_judges_nothing(recording: Recording, checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "bare.csv"
    rows = [",".join(map(str, row)) for row in recording.samples[:1500].tolist()]
    path.write_text("a,b,c,d,e,f,g,h\n" + "\n".join(rows) + "\n")
    assert run(path, checkpoint, tmp_path / "out", "--rate", RATE_HZ, "--unit", "uV").exit_code == 0
    page, plain = reported(tmp_path / "out")
    assert (plain["accuracy"], plain["events"]) == (None, None)
    assert "Nothing says what was really shown" in page.words
    assert not {name for name in page.figures if name.startswith(("accuracy", "events", "per_gesture"))}
    for words in ("Confusion", "Gestures as events", "right?"):
        assert words not in page.words
    assert "as fast as possible, a recording has no clock" in page.words


def test_one_gesture_from_end_to_end_is_no_event(recording: Recording, checkpoint: Path, tmp_path: Path) -> None:
    assert recording.labels is not None
    held = replace(recording, labels=np.full_like(recording.labels, 1))
    save_npz(tmp_path / "held.npz", held)
    assert run(tmp_path / "held.npz", checkpoint, tmp_path / "out").exit_code == 0
    page, plain = reported(tmp_path / "out")
    assert plain["events"] is None
    assert plain["scored"] == plain["decisions"]
    assert "Gestures as events" not in page.words


def test_what_was_lost_is_reported(recording: Recording, checkpoint: Path, tmp_path: Path) -> None:
    assert recording.labels is not None
    samples, labels = recording.samples.copy(), recording.labels.copy()
    samples[:, 2] = 0
    labels[1000:1020] = UNLABELLED
    save_npz(tmp_path / "gap.npz", replace(recording, samples=samples, labels=labels, gaps=((1000, 20),)))
    assert run(tmp_path / "gap.npz", checkpoint, tmp_path / "out").exit_code == 0
    page, plain = reported(tmp_path / "out")
    assert plain["dropped"] == page.figures["dropped"] == 20
    assert "Lost 20 samples in 1 gap. " in page.words
    assert "held bridged samples" in page.words
    assert "ch3 flat 100.0%" in page.words


def test_names_are_no_markup(recording: Recording, tmp_path: Path, checkpoint: Path) -> None:
    names = tuple(f"<script>alert({k})</script>&\"'" for k in range(len(recording.names)))
    info = replace(recording.info, name="<style><img src=x>", channels=tuple(f"<b>{k}" for k in range(8)))
    save_npz(tmp_path / "named.npz", replace(recording, names=names, info=info))
    card = json.loads((checkpoint / "model.json").read_text())
    for path in checkpoint.iterdir():
        if path.is_file():
            (tmp_path / "odd").mkdir(exist_ok=True)
            (tmp_path / "odd" / path.name).write_bytes(path.read_bytes())
    card["labels"] = list(names[:-1])
    (tmp_path / "odd" / "model.json").write_text(json.dumps(card))
    assert run(tmp_path / "named.npz", tmp_path / "odd", tmp_path / "out").exit_code == 0
    page, plain = reported(tmp_path / "out")
    assert plain["labels"] == list(names[:-1])
    assert page.tags.count("script") == 2
    assert not {"img", "b>"} & set(page.tags)
    assert page.references == ["data:,"]
    assert names[0] in page.words
    assert "<style><img src=x>" in page.words


def test_the_place_is_looked_at_before_anything_is_loaded(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    nothing = tmp_path / "nothing.npz"
    assert "cannot be a folder, since" in sentence(run(nothing, checkpoint, tmp_path / "file" / "deep"))
    (tmp_path / "out" / "report.html").mkdir(parents=True)
    assert "is a folder, and the report is to stand there" in sentence(run(nothing, checkpoint, tmp_path / "out"))
    assert "nothing.npz" in sentence(run(nothing, checkpoint, tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_a_report_is_replaced_whole(
    recorded: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("report.html", "report.json"):
        (tmp_path / name).write_text("old")

    @contextmanager
    def full(path: Path) -> Iterator[Path]:
        with whole(path) as neighbour:
            yield neighbour
            if path.name == "report.html":
                raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("stream.report.publish.whole", full)
        failed = run(recorded, checkpoint, tmp_path)
    assert failed.exit_code == 2
    assert "report.html' cannot be used: No space left on device" in failed.stderr.splitlines()[-1]
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "report.html": "old",
        "report.json": "old",
    }
    assert run(recorded, checkpoint, tmp_path).exit_code == 0
    assert reported(tmp_path)[1]["decisions"] > 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_what_was_seen_until_ctrl_c_is_reported(rested: Path, checkpoint: Path, tmp_path: Path) -> None:
    program = [sys.executable, "-m", "stream", "replay", str(rested), "--checkpoint", str(checkpoint)]
    with subprocess.Popen(
        [*program, "--json", "--report", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for _ in range(6):
            assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        *_, last = process.stdout.read().splitlines()
        assert process.wait(60) == 130
    page, plain = reported(tmp_path)
    summary = json.loads(last)
    assert {key: plain[key] for key in summary} == summary
    assert plain["interrupted"] is True
    assert 6 <= plain["decisions"] < (8 * RATE_HZ - WINDOW) // HOP
    assert "Interrupted: the first " in page.words


def test_with_and_without_a_name_nothing_else_changes(recorded: Path, checkpoint: Path, tmp_path: Path) -> None:
    plainly = call("replay", recorded, "--checkpoint", checkpoint, "--speed", "max", "--json")
    told = run(recorded, checkpoint, tmp_path)
    assert decisions_and_summary(told)[0] == decisions_and_summary(plainly)[0]
