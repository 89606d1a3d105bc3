from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from devices.guiding.lettering import lettered
from stream.drawing import bar, full_scale, render
from stream.headline import verdict
from stream.margin import Event
from stream.page import ABSTAINED, UNKNOWN, About, Page
from stream.view import Clock

LABELS = ("fist", "open hand", "wrist flexion", "wrist extension", "pronation", "rest")


def page(**changes: object) -> Page:
    about = About("demo.npz", "demo", 1000.0, tuple(f"ch{k}" for k in range(1, 9)), LABELS, (*LABELS, "wave"), 400, 160)
    noise = np.random.default_rng(0).normal(scale=50, size=(about.columns, 8)).astype(np.float32)
    end = 24_160
    ends = end - about.hop * np.arange(about.past)[::-1]
    past = np.stack([ends, np.zeros_like(ends), np.arange(len(ends)) % 2], axis=1)
    return replace(
        Page(
            about=about,
            end=end,
            decided=0,
            truth=0,
            confidence=0.93,
            probabilities=np.array([0.86, 0.05, 0.03, 0.02, 0.03, 0.01], np.float32),
            p50_s=0.0032,
            p99_s=0.0051,
            dropped=12,
            decisions=152,
            right=140,
            counted=152,
            strips=np.stack([-np.abs(noise), np.abs(noise)], axis=1),
            past=past,
            sure=np.full(len(past), 0.9, np.float32),
            shares=np.full((len(past), len(LABELS)), 1 / len(LABELS), np.float32),
        ),
        **changes,  # type: ignore[arg-type]  # any of its fields
    )


def drawn(shown: Page, width: int = 80, height: int = 24, encoding: str = "utf-8", now: float | None = None) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="")
    console = Console(file=file, width=width, height=height, force_terminal=True, color_system="truecolor")
    with console.capture() as capture:
        console.print(render(shown, now), height=height)
    return capture.get()


def text(shown: Page, width: int = 80, height: int = 24, encoding: str = "utf-8", **more: Any) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height)
    console.options.encoding = encoding
    options = console.options.update(width=width, height=height)
    options.encoding = encoding
    return [
        "".join(part.text for part in line) for line in console.render_lines(render(shown, **more), options, pad=False)
    ]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (200, 60), (40, 14)])
def test_it_fits_the_terminal(width: int, height: int) -> None:
    lines = text(page(), width, height)
    assert len(lines) <= height
    assert max(cell_len(line) for line in lines) <= width
    assert sum("ch" in line for line in lines) >= min(8, height - 6)


def test_everything_a_person_wants_to_know_is_there() -> None:
    whole = "\n".join(text(page()))
    for words in ("demo.npz", "8 x 1000 Hz", "0:24", "93% sure", "true fist right", "86%", "p50 3.2", "p99 5.1 ms"):
        assert words in whole
    assert all(row in whole for row in lettered("fist", 78, "█") or ["no letters"])
    for words in ("dropped 12", "decisions 152", "right 92.1%", "ch1", "ch8", "-4 s", "now", "µV"):
        assert words in whole


def test_what_came_late_or_not_at_all_is_shown_where_there_is_any() -> None:
    calm, amiss = ("\n".join(text(shown)) for shown in (page(), page(late=3, skipped=429)))
    assert "late " not in calm
    assert "skipped" not in calm
    assert "late 3  skipped 429" in amiss


def test_ascii_where_the_terminal_knows_no_more() -> None:
    whole = "\n".join(text(page(), encoding="ascii"))
    assert whole.isascii()
    assert "fist" in whole
    assert "#" in whole


def test_right_is_green_and_wrong_is_red() -> None:
    green, red = "\x1b[1;92m", "\x1b[1;91m"
    assert green in drawn(page(truth=0))
    assert red in drawn(page(truth=1))
    unknown = drawn(page(truth=UNKNOWN, dropped=0))
    assert green not in unknown
    assert red not in unknown
    assert "true" not in unknown


def test_right_and_wrong_differ_without_colours() -> None:
    for encoding, signs in (("utf-8", "▄▀"), ("ascii", "=x")):
        right, wrong = (text(page(truth=truth), encoding=encoding) for truth in (0, 1))
        assert any("true fist right" in line for line in right)
        assert any("true open hand wrong" in line for line in wrong)
        assert all(any(sign in line for line in right) for sign in signs)


def test_a_long_name_is_spelled_where_large_letters_do_not_fit() -> None:
    labels = ("radial deviation with a pinch of salt", *LABELS[1:])
    about = replace(page().about, labels=labels, names=labels)
    assert any(labels[0].upper() in line for line in text(page(about=about)))


def test_how_the_electrodes_sit_is_beside_their_names() -> None:
    states = ("good", "flat", "railed", "hum", "broken", "good", "good", "good")
    for encoding, signs in (("utf-8", "●–▲≈✗●●●"), ("ascii", "+-^~x+++")):
        lines = text(page(), encoding=encoding, states=states)
        assert [line[4] for line in lines if line.startswith("ch")] == list(signs)


def test_what_stood_for_how_long() -> None:
    past = page().past.copy()
    past[:, 1] = 5
    past[-10:, 1] = [0, 0, 0, 0, 0, ABSTAINED, ABSTAINED, 1, 1, 1]
    line = next(line for line in text(page(past=past)) if "›" in line)
    assert line.rstrip().endswith("rest 22.7 s › fist 0.8 s › - 0.3 s › open hand 0.5 s")


def test_what_only_blinked_is_no_history() -> None:
    about = replace(page().about, hop=25)
    past = page().past.copy()
    past[:, 1] = 5
    past[-11] = (past[-11, 0], ABSTAINED, UNKNOWN)
    line = next(line for line in text(page(past=past, about=about)) if "›" in line)
    assert "- 0.0" not in line
    past[-1] = (past[-1, 0], 0, UNKNOWN)
    line = next(line for line in text(page(past=past, about=about)) if "›" in line)
    assert line.rstrip().endswith("fist 0.0 s")


def test_what_happened_is_said_for_a_while_and_trouble_before_it() -> None:
    events = [Event(0, 20_000, "marker 1"), Event(1, 23_000, "marker 2")]
    assert any(line.startswith("marker 2") for line in text(page(end=26_000), events=events))
    assert any(line.startswith("marker 1; marker 2") for line in text(page(end=23_500), events=events))
    assert not any("marker" in line for line in text(page(end=40_000), events=events))
    assert any(line.startswith("ch3 flat") for line in text(page(notice="ch3 flat"), events=events))
    assert any(
        line.startswith("paused") and "; ch3 flat" in line
        for line in text(page(notice="ch3 flat", paused=True), events=events)
    )


def test_keys_and_address_are_at_the_bottom() -> None:
    about = replace(page().about, keys=(("p", "pause"), ("q", "quit")))
    for height in (17, 24, 50):
        lines = text(page(about=about), height=height, address="http://127.0.0.1:8765/")
        assert len(lines) <= height
        *_, last = (line for line in lines if line.strip())
        assert last.startswith("p pause   q quit")
        assert last.endswith("http://127.0.0.1:8765/")


def test_an_abstention_and_missing_numbers_are_drawn() -> None:
    empty = page(
        decided=ABSTAINED,
        truth=6,
        probabilities=np.full(6, np.nan, np.float32),
        strips=np.full((320, 2, 8), np.nan, np.float32),
        p50_s=float("nan"),
        counted=0,
        past=np.empty((0, 3), np.int64),
    )
    whole = "\n".join(text(empty))
    assert "NO DECISION" in whole
    assert "true wave" in whole
    assert "p50 -" in whole


def test_many_channels_and_labels_still_fit() -> None:
    labels = tuple(f"gesture {k}" for k in range(40))
    about = replace(page().about, channels=tuple(f"c{k}" for k in range(64)), labels=labels, names=labels)
    crowded = page(
        about=about,
        probabilities=np.linspace(0, 1, 40, dtype=np.float32),
        strips=np.zeros((320, 2, 64), np.float32),
    )
    lines = text(crowded)
    assert len(lines) <= 24
    assert any("more" in line for line in lines)
    assert any("gesture 39" in line for line in lines)


def test_it_scrolls_between_two_pages() -> None:
    clock, shown = Clock(), page()
    assert clock.now(shown, 100.0) == shown.end - 160
    assert clock.now(shown, 100.08) == pytest.approx(shown.end - 80)
    assert clock.now(shown, 999.0) == shown.end
    assert clock.now(replace(shown, about=replace(shown.about, speed=0.0)), 100.0) == shown.end
    assert drawn(shown, now=shown.end - 160) != drawn(shown)


def test_verdicts() -> None:
    assert verdict(0, 0, 2) is True
    assert verdict(0, 1, 2) is False
    assert verdict(ABSTAINED, 1, 2) is False
    assert verdict(ABSTAINED, 2, 2) is True
    assert verdict(0, UNKNOWN, 2) is None


def test_bars_are_exact_to_an_eighth() -> None:
    assert bar(0.5, 4) == "██  "
    assert bar(1.0, 4) == "████"
    assert bar(5 / 32, 4) == "▋   "
    assert bar(0.0, 4) == "    "
    assert bar(0.5, 4, plain=True) == "##.."


def test_the_scale_holds_what_is_shown() -> None:
    dots = np.random.default_rng(0).normal(scale=30, size=(100, 2, 8)).astype(np.float32)
    assert np.mean(np.abs(dots) <= full_scale(dots)) >= 0.98
    assert full_scale(np.full((3, 2, 8), np.nan, np.float32)) > 0


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize(("width", "height"), [(40, 14), (80, 24), (200, 60)])
def test_what_is_amiss_takes_no_row_of_its_own(width: int, height: int, encoding: str) -> None:
    notice = "lost 12 samples in 3 gaps, 1 damaged; ch4 flat [bold]"
    calm, amiss = (
        "\n".join(text(shown, width, height, encoding)).rstrip().split("\n") for shown in (page(), page(notice=notice))
    )
    assert len(calm) == len(amiss) <= height
    assert notice[: width - 12] in amiss[-2]
    assert amiss[:-2] == calm[:-2]
    assert amiss[-1] == calm[-1]
    assert all(cell_len(line) <= width for line in amiss)
