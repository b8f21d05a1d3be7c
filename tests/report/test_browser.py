"""A page in a browser: it is read, opened and enlarged, and asks the network for nothing."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from pictures import picture

from freqforensics.detector import make_detector
from freqforensics.inspection.inspection import inspect
from freqforensics.report import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory, thin):
    image = picture(np.random.default_rng(0), 96, 128)
    out = tmp_path_factory.mktemp("page") / "out"
    write_report(inspect(image, make_detector(input="coherence", early_down=2, seed=0), fast=True), out)
    return (out / "index.html").as_uri()


@pytest.mark.long
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_opens_toggles_and_stays_at_home(address, width, scheme):
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    expect = playwright.expect  # waits: the page hears of a click, a key or a medium a moment later
    said, asked = [], []
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_text("All changes, in numbers").click()
        expect(page.get_by_text("after, rounded")).to_be_visible()
        expect(page.get_by_text("The photographic part of the picture is found first")).to_be_hidden()
        page.emulate_media(media="print")
        expect(page.get_by_text("The photographic part of the picture is found first")).to_be_visible()
        page.emulate_media(media="screen")
        page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
        with page.expect_download() as download:
            page.get_by_role("button", name="Save the numbers").click()
        assert download.value.suggested_filename == "finding.json"
        page.locator("figure img").nth(1).click()
        enlarged = page.locator("dialog")
        expect(enlarged).to_be_visible()
        assert page.locator("dialog img").get_attribute("alt")
        page.keyboard.press("Escape")
        expect(enlarged).to_be_hidden()
        page.locator("figure img").nth(2).focus()
        page.keyboard.press("Enter")
        expect(enlarged).to_be_visible()
        page.get_by_role("button", name="close").click()
        expect(enlarged).to_be_hidden()
        page.wait_for_function("[...document.images].filter(i => i.src).every(i => i.naturalWidth > 0)")
        browser.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("data:", "file:", "blob:"))] == []
    assert len([url for url in asked if url.startswith("file:")]) == 1
