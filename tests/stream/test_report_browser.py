"""The report in a real browser, with no network: nothing is fetched, nothing complains, and people can use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser import violations
from tests.stream.test_cli import call

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page_path(recorded: Path, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    told = ("--checkpoint", checkpoint, "--speed", "40", "--hop-ms", "40", "--json", "--report", out)
    assert call("replay", recorded, *told).exit_code == 0
    return out / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_it_opens_without_a_network_and_a_complaint(browser: Any, page_path: Path, scheme: str, width: int) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, bypass_csp=True
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if request.url != page_path.as_uri() else None)
    page.goto(page_path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []
    assert said == []
    context.close()


def test_looking_closer_by_mouse_and_by_keyboard(browser: Any, page_path: Path) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 1400}, offline=True)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(page_path.as_uri())
    whole = page.locator(".strip").first.get_attribute("viewBox")
    box = page.locator(".plot").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    told = page.locator("output").inner_text()
    assert ": true " in told
    assert "decided " in told
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 20)
    page.mouse.up()
    closer = page.locator(".strip").first.get_attribute("viewBox")
    assert float(closer.split()[2]) < 0.3 * float(whole.split()[2])
    page.get_by_role("button", name="Whole").click()
    assert page.locator(".strip").first.get_attribute("viewBox") == whole
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == page.locator("output").inner_text()
    assert page.locator("output").inner_text().startswith("0.44 s: ")
    assert said == [], "the page's own script is allowed by its own policy"
    context.close()


def test_it_is_whole_without_its_script(browser: Any, page_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(page_path.as_uri())
    assert page.locator(".strip path").count() == 8
    assert page.locator(".lane .truth").count() >= 2
    assert page.locator(".axis span").count() >= 3
    assert page.locator("button").count() == 0
    context.close()
