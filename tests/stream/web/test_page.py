"""The page in a real browser: what it shows, what it asks for, who can use it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import violations
from tests.stream.web.served import PATIENCE_S, ROOT, Served, about_some

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PATIENCE_MS = PATIENCE_S * 1e3
INKED = (
    "(() => { const c = document.getElementById('%s'); const drawn = c.getContext('2d').getImageData(0, 0, c.width, "
    "c.height); return new Uint32Array(drawn.data.buffer).some((x) => x); })()"
)
POSES = (
    "import('/hand.js').then((m) => myostream.about.labels.map((label) => "
    "{ const p = m.poseOf(label); return p.name + p.initials; }))"
)


@contextmanager
def opened(browser: Browser, url: str, **settings: object) -> Iterator[Page]:
    """The page, with nothing else within reach; fails if anything else was asked for, or anything went wrong in it."""
    context = browser.new_context(**settings)
    context.set_default_timeout(PATIENCE_MS)
    elsewhere: list[str] = []
    faults: list[str] = []
    here = url.partition("?")[0]

    def look(route) -> None:  # type: ignore[no-untyped-def]
        if route.request.url.startswith(here):
            route.continue_()
        else:
            elsewhere.append(route.request.url)
            route.abort()

    context.route("**/*", look)
    page = context.new_page()
    page.on(
        "request", lambda request: None if request.url.startswith((here, "data:")) else elsewhere.append(request.url)
    )
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda told: faults.append(told.text) if told.type == "error" else None)
    page.goto(url)
    yield page
    context.close()
    assert elsewhere == []
    assert [fault for fault in faults if "WebSocket" not in fault] == []  # it tries again when the server is gone


def until(page: Page, condition: str) -> None:
    """Wait for a condition, by asking: the page's policy lets nothing in it evaluate text."""
    deadline = time.monotonic() + PATIENCE_S
    while not page.evaluate(f"Boolean({condition})"):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(20)


def made(page: Page) -> list[tuple[int, str | None]]:
    return [(end, label) for end, label in page.evaluate("myostream.decisions.map((d) => [d.end, d.label])")]


def test_it_shows_a_stream(browser):
    with Served() as served:
        served.publish(41)
        with opened(browser, served.url) as page:
            until(page, "myostream.decisions.length === 41 && myostream.drawn > 5")
            until(page, "document.querySelector('#channels').textContent.includes('good')")
            assert page.title() == "an arm · myostream"
            assert page.text_content("#decided") == served.made[-1][1]
            assert page.text_content("#state-word") == "live"
            assert page.locator("#shares li").count() == 4
            assert page.locator("#channels li").count() == 8
            served.board.margin.note(100, "marker 1")
            served.board.tell("no samples for 2 s", waiting=True)
            until(page, "document.querySelector('#notice').textContent === 'no samples for 2 s'")
            assert page.text_content("#state-word") == "waiting for the device"
            until(page, "document.querySelector('#events').textContent.includes('marker 1')")
            served.board.tell("", waiting=False)
            served.board.pause(True)
            until(page, "myostream.state === 'paused'")
            served.board.pause(False)
            drawn = page.evaluate("myostream.drawn")
            served.publish()
            until(page, f"myostream.drawn > {drawn + 10} && myostream.decisions.length === 42")
            for canvas in ("strips", "ribbon", "amplitudes", "histogram"):  # something is drawn on each
                until(page, INKED % canvas)
            served.hang_up()
            until(page, "myostream.state === 'ended'")
            assert made(page) == served.made


def test_it_waits_for_the_first_window(browser):
    with Served() as served, opened(browser, served.url) as page:
        until(page, "myostream.state === 'waiting'")
        served.publish()
        until(page, "myostream.state === 'live'")


def test_two_tabs_show_all_decisions_in_order(browser):
    with Served() as served, opened(browser, served.url) as one, opened(browser, served.url) as other:
        until(one, "myostream.frames > 0")
        for _ in range(30):
            served.publish(10)
            one.wait_for_timeout(10)
        for page in (one, other):
            until(page, "myostream.decisions.length >= 300")
            assert made(page) == served.made
            assert page.evaluate("myostream.missed") == 0


def test_it_comes_back_when_the_stream_is_started_again(browser):
    with Served() as served:
        port = served.port
        served.publish(5)
        with opened(browser, served.url) as page:
            until(page, "myostream.decisions.length === 5")
            run = page.evaluate("myostream.about.run")
            served.end()
            with Served(address=f"127.0.0.1:{port}") as again:
                again.publish(3)
                until(page, f"myostream.about.run !== '{run}' && myostream.decisions.length === 3")
                assert made(page) == again.made


def test_it_says_that_a_calibration_is_on_the_way(browser):
    with Served() as served, opened(browser, served.url) as page:
        served.publish(5)
        until(page, "myostream.decisions.length === 5")
        served.board.margin.calibrating = True
        served.end()
        until(page, "myostream.state === 'calibrating'")
        assert page.text_content("#state-word") == "calibrating; it goes on afterwards"
        page.wait_for_timeout(1200)
        assert page.evaluate("myostream.state") == "calibrating", "trying to connect does not hide it"
        with Served(address=f"127.0.0.1:{served.port}") as again:
            again.publish(3)
            until(page, "myostream.state === 'live' && myostream.decisions.length === 3")


def test_with_a_token_the_address_holds_it_no_longer(browser):
    with Served("open-sesame-7") as served, opened(browser, served.url) as page:
        served.publish()
        until(page, "myostream.decisions.length === 1")
        assert "sesame" not in page.url
        assert page.evaluate("document.cookie") == ""


def test_all_of_a_replay_reaches_it(browser, recorded, checkpoint):
    """The same as what is written as lines of JSON, in order, none missing."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    given = ["replay", str(recorded), "--checkpoint", str(checkpoint), "--speed", "0.7", "--view", "web", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "stream", *given, "--web-address", "127.0.0.1:0", "--engine", "torch"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as replay:
        assert replay.stderr is not None
        url = next(line.strip() for line in replay.stderr if line.startswith("http://"))
        with opened(browser, url) as page:
            until(page, "myostream.ended")
            shown = page.evaluate("myostream.decisions.map((d) => [d.number, d.end - 1, d.label])")
        out, _ = replay.communicate(timeout=PATIENCE_S)
    *lines, summary = [json.loads(line) for line in out.splitlines()]
    assert shown == [[number, line["last"], line["label"]] for number, line in enumerate(lines)]
    assert len(shown) == summary["decisions"] > 40


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_axe_finds_no_serious_fault(browser, scheme, size):
    with Served() as served:
        served.publish(25)
        served.board.margin.note(100, "marker 1")
        settings = {"color_scheme": scheme, "viewport": {"width": size[0], "height": size[1]}}
        with opened(browser, served.url, **settings) as page:
            until(page, "myostream.drawn > 5 && document.documentElement.dataset.theme === '" + scheme + "'")
            for step in (
                "",
                "document.querySelector('#tables').open = true",
                "document.querySelector('#stage').click()",
            ):
                page.evaluate(step)
                page.wait_for_timeout(1200 if step else 0)
                assert violations(page) == []


def test_it_is_used_by_keys_alone(browser):
    with Served() as served, opened(browser, served.url) as page:
        served.publish(3)
        until(page, "myostream.drawn > 2")
        reached = []
        for _ in range(8):
            page.keyboard.press("Tab")
            reached.append(
                page.evaluate(
                    "document.activeElement.id || document.activeElement.className || document.activeElement.tagName"
                )
            )
        assert reached[:6] == ["skip", "stage", "theme", "of", "events", "SUMMARY"]
        page.keyboard.press("f")
        until(page, "document.body.classList.contains('stage')")
        page.keyboard.press("Escape")
        until(page, "!document.body.classList.contains('stage')")
        before = page.evaluate("document.documentElement.dataset.theme")
        page.keyboard.press("t")
        until(page, f"document.documentElement.dataset.theme !== '{before}'")


def test_it_says_a_decision_that_holds_and_not_every_one(browser):
    with Served() as served, opened(browser, served.url) as page:
        served.publish(2)
        until(page, "document.querySelector('#spoken').textContent.startsWith('rest')")
        assert page.get_attribute("#spoken", "aria-live") == "polite"
        assert page.get_attribute("#hand", "aria-label") == "A hand: rest"


def test_with_less_motion_it_still_shows_all(browser):
    with Served() as served, opened(browser, served.url, reduced_motion="reduce") as page:
        served.publish(30)
        until(page, "myostream.decisions.length === 30 && myostream.drawn > 0")
        assert made(page) == served.made


def test_labels_are_drawn_as_hands(browser):
    labels = (
        "rest",
        "Fist",
        "open hand",
        "wrist_flexion",
        "wrist extension",
        "radial deviation",
        "pinch",
        "gesture04",
        "<b>x</b>",
    )
    with Served(about=about_some(labels=labels, names=labels)) as served, opened(browser, served.url) as page:
        served.publish(1)
        until(page, "myostream.drawn > 1")
        found = page.evaluate(POSES)
        assert found == ["rest", "fist", "open", "flexion", "extension", "radial", "pinch", "neutral4", "neutral<"]
        assert page.locator("#shares b").count() == 0
        assert page.locator("#shares svg path").count() > 9 * 8


def test_everything_it_is_made_of_is_in_the_package():
    folder = ROOT / "stream" / "web"
    named = set(re.findall(r'"/([a-z]+\.(?:js|css|svg))"', (folder / "page.html").read_text(encoding="utf-8")))
    for script in Path(folder).glob("*.js"):
        named |= set(re.findall(r'from "/([a-z]+\.js)"', script.read_text(encoding="utf-8")))
    from stream.web.serving import PARTS  # noqa: PLC0415 - needs the extra

    assert {f"/{name}" for name in named} == set(PARTS) - {"/"}
    assert all((folder / name).exists() for name, _ in PARTS.values())
