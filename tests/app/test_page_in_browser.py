"""The page in a real browser: drop, paste, progress, results, names that bite, two tabs, foreign hosts, keys alone."""

from __future__ import annotations

import base64
import re
import shutil
import threading

import cv2
import numpy as np
import pytest
from pictures import encoded, picture, write_tree
from served import TOKEN, wait_for

from freqforensics.app import picture_work
from freqforensics.app.limits import Limits
from freqforensics.detector import make_detector
from freqforensics.detector.calibrated import known_detector

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP evil.example 127.0.0.1",
)
HOSTILE = '<img src=x onerror="window.hacked=1"><svg onload="window.hacked=1">\u202egnp.png'
DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, {type: "image/png"}));
  const target = document.getElementById("drop");
  for (const kind of ["dragenter", "dragover", "drop"]) {
    target.dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
  }
}"""
PASTE = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, {type: "image/png"}));
  document.body.dispatchEvent(new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true, cancelable: true}));
}"""
DECODED = "image => image.decode().then(() => image.naturalWidth)"

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("thin")]


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    playwright.expect.set_options(timeout=180_000)  # a busy machine may leave any page waiting for seconds
    with playwright.sync_playwright() as play:
        one = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield one
        one.close()


@pytest.fixture(scope="module")
def detector(thin):
    return known_detector(make_detector(input="coherence", early_down=2, seed=0))


class Visit:
    """A visit of one browser window to a page that is served, with all that it asked for and complained of.

    `expected` is a word of complaints that a test provokes; they may come until the window closes.
    """

    def __init__(self, browser, served, **options):
        self.served, self.said, self.asked = served, [], []
        self.expected: str | None = None
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.context.add_init_script("window.print = () => { document.documentElement.dataset.printed = 'yes'; }")
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.page = self.tab()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.served.port}/{TOKEN}/"

    def tab(self):
        page = self.context.new_page()
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.goto(self.address)
        return page

    def close(self):
        self.context.close()
        assert [line for line in self.said if self.expected is None or self.expected not in line] == []
        home = f"http://127.0.0.1:{self.served.port}/{TOKEN}/"
        assert [url for url in self.asked if not url.startswith((home, "data:"))] == []


@pytest.fixture
def visit(browser, serving, request):
    visits = []

    def begin(detector=None, limits=None, **options):
        visits.append(Visit(browser, serving(detector, limits), **options))
        return visits[-1]

    yield begin
    for one in visits:
        one.close()


def expect(locator):
    from playwright.sync_api import expect as checks

    return checks(locator)


def data(image, form="PNG", **options):
    return base64.b64encode(encoded(image, form, **options)).decode()


@pytest.mark.long
def test_a_picture_with_a_hostile_name_is_dropped_examined_read_and_printed(visit, detector, rng, monkeypatch):
    looked, whole = threading.Event(), picture_work.inspect

    def held(*data, on_stage, **options):
        def stage(*which):
            on_stage(*which)
            assert looked.wait(120)

        return whole(*data, on_stage=stage, **options)

    monkeypatch.setattr(picture_work, "inspect", held)
    one = visit(detector)
    page = one.page
    page.evaluate(DROP, [HOSTILE, data(picture(rng, 96, 128))])
    card = page.locator(".job")
    expect(card.locator("progress")).to_be_visible()
    expect(card.locator("h3")).to_have_text(HOSTILE.replace("\u202e", "\ufffd"))
    expect(card.locator(".status")).to_have_text(re.compile("…$"))
    assert card.locator(".picture img").evaluate(DECODED) > 0
    looked.set()
    expect(card.locator(".verdict .head")).to_be_visible()
    expect(card.locator("progress")).to_be_hidden()
    expect(page.locator("#live")).to_contain_text("gnp.png: ")
    assert page.locator("#drop.over").count() == 0
    with one.context.expect_page() as opened:
        card.get_by_role("link", name="Read the report").click()
    report = opened.value
    report.wait_for_load_state()
    assert "gnp.png" in report.locator("body").inner_text()
    assert report.evaluate("window.origin") == "null"
    report.on("console", lambda message: one.said.append(message.text))
    report.locator("figure img").nth(0).click()
    assert report.locator("dialog").is_visible()
    report.keyboard.press("Escape")
    with report.expect_download() as saved:
        report.get_by_role("button", name="Save the numbers").click()
    assert saved.value.path().read_text(encoding="utf-8").startswith("{")
    with one.context.expect_page() as opened:
        card.get_by_role("link", name="Print").click()
    expect(opened.value.locator("html")).to_have_attribute("data-printed", "yes")
    with page.expect_download() as downloaded:
        card.get_by_role("link", name="Download").click()
    assert downloaded.value.suggested_filename.endswith("-report.html")
    text = downloaded.value.path().read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert TOKEN not in text
    for each in one.context.pages:
        assert each.evaluate("window.hacked") is None


@pytest.mark.usefixtures("undrawn")
@pytest.mark.slow
def test_a_photograph_of_30_megapixels_is_examined(visit, detector, rng, tmp_path):
    scene = cv2.resize(picture(rng, 625, 750), (6000, 5000), interpolation=cv2.INTER_CUBIC)
    scene = np.clip(scene.astype(np.int16) + np.tile(rng.integers(-6, 7, (500, 500, 1)), (10, 12, 1)), 0, 255)
    path = tmp_path / "large.jpg"
    path.write_bytes(encoded(scene.astype(np.uint8), "JPEG", quality=90))
    one = visit(detector)
    one.page.set_input_files("#files", path)
    expect(one.page.locator(".job h3")).to_have_text("large.jpg")
    expect(one.page.locator(".verdict .head")).to_be_visible(timeout=120_000)
    assert one.page.locator(".picture img").evaluate(DECODED) == 192


@pytest.mark.long
def test_broken_empty_and_oversized_files_are_a_line_each(visit, examined, rng, tmp_path):
    one = visit(limits=Limits(file_bytes=1 << 20, pixels=100_000))
    (tmp_path / "broken.png").write_bytes(b"damaged")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "heavy.png").write_bytes(bytes(2 << 20))
    (tmp_path / "wide.png").write_bytes(encoded(np.zeros((400, 400, 3), np.uint8), "PNG"))
    (tmp_path / "good.png").write_bytes(encoded(picture(rng), "PNG"))
    names = ("broken", "empty", "heavy", "wide", "good")
    one.page.set_input_files("#files", [tmp_path / f"{name}.png" for name in names])
    expect(one.page.locator(".failed")).to_have_text("It could not be examined: unexpected error (RuntimeError)")
    expect(one.page.locator(".verdict .head")).to_have_text("No traces")
    lines = one.page.locator("#refusals li span")
    expect(lines).to_have_count(3)
    assert sorted(lines.all_inner_texts()) == [
        "empty.png: the file is empty, or a folder. For folders there is the tab “A folder”.",
        "heavy.png: larger than 1 MB.",
        "wide.png: The picture has 400 × 400 pixels, more than 0 million.",
    ]
    one.page.get_by_role("button", name="Dismiss").first.click()
    expect(lines).to_have_count(2)
    assert "Traceback" not in one.page.content()
    one.expected = "413"  # Chromium reports the refusal itself


@pytest.mark.long
def test_more_pictures_than_the_list_holds_are_one_line(visit, examined, rng, tmp_path):
    one = visit(limits=Limits(jobs=3))
    for number in range(5):
        (tmp_path / f"{number}.png").write_bytes(encoded(picture(rng), "PNG"))
    one.page.set_input_files("#files", sorted(tmp_path.glob("*.png")))
    expect(one.page.locator(".verdict .head")).to_have_count(3)
    expect(one.page.locator("#refusals li span")).to_have_text(
        ["The list holds 3 entries: 2 of 5 pictures were not added. Remove some first."]
    )


@pytest.mark.long
def test_two_tabs_show_the_same_list_and_the_same_end(visit, examined, rng):
    one = visit()
    first, second = one.page, one.tab()
    examined.clear()
    first.evaluate(PASTE, ["pasted.png", data(picture(rng))])
    expect(first.locator(".job h3")).to_have_text(["pasted.png"])
    second.evaluate(DROP, ["dropped.png", data(picture(rng))])
    for page in (first, second):
        expect(page.locator(".job h3")).to_have_text(["pasted.png", "dropped.png"])
        expect(page.locator(".job .status").nth(1)).to_have_text("Waiting: 1 entry before it")
    second.get_by_role("button", name="Cancel dropped.png").click()
    for page in (first, second):
        expect(page.locator(".job h3")).to_have_text(["pasted.png"])
    examined.set()
    expect(second.locator(".verdict .head")).to_have_text("No traces")
    first.bring_to_front()
    first.get_by_role("button", name="Close and delete everything").click()
    first.get_by_role("button", name="Keep them").click()
    assert one.served.session.root.exists()
    first.get_by_role("button", name="Close and delete everything").click()
    first.get_by_role("button", name="Close and delete", exact=True).click()
    expect(first.locator("h1")).to_have_text("Everything was deleted")
    expect(second.locator("#banner")).to_contain_text("does not answer any more")
    wait_for(lambda: one.served.ended == ["closed"])
    assert not one.served.session.root.exists()
    one.expected = "ERR_CONNECTION"


@pytest.mark.long
def test_other_pages_get_nothing(browser, serving, examined):
    served = serving()
    page = browser.new_page()
    answer = page.goto(f"http://evil.example:{served.port}/{TOKEN}/")  # a name that leads to this machine
    assert answer.status == 403
    assert "This host is refused" in page.inner_text("body")
    page.goto("data:text/html,<p>another page</p>")
    home = f"http://127.0.0.1:{served.port}/{TOKEN}/"
    post = "address => fetch(address, {method: 'POST', mode: 'no-cors', body: 'x'}).then(a => a.type, () => 'refused')"
    assert page.evaluate(post, f"{home}pictures?name=a.png") in ("opaque", "refused")
    read = "address => fetch(address).then(a => a.text(), () => 'refused')"
    assert page.evaluate(read, f"{home}state") == "refused"
    framed = "address => { const f = document.createElement('iframe'); f.src = address; document.body.append(f); }"
    page.evaluate(framed, home)
    for _ in range(100):
        page.wait_for_timeout(200)
        if [frame.url for frame in page.frames[1:]] == ["chrome-error://chromewebdata/"]:
            break
    assert [frame.url for frame in page.frames[1:]] == ["chrome-error://chromewebdata/"]
    page.close()
    assert served.jobs() == []


@pytest.mark.long
def test_a_report_cannot_reach_the_page(visit, detector, rng, monkeypatch):
    """Whatever a report holds: it has another origin, runs its own scripts alone, and sends nothing."""
    attack = (
        "<html><body><script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">"
        "<p id=a>A report.</p></body></html>"
    )
    monkeypatch.setattr("freqforensics.app.picture_work.render_page", lambda finding: attack)
    one = visit(detector)
    one.page.evaluate(DROP, ["a.png", data(picture(rng, 96, 128))])
    expect(one.page.locator(".verdict .head")).to_be_visible()
    with one.context.expect_page() as opened:
        one.page.get_by_role("link", name="Read the report").click()
    report = opened.value
    expect(report.locator("#a")).to_have_text("A report.")
    assert report.title() != "run"
    ask = "address => fetch(address).then(() => 'answered', () => 'refused')"
    assert report.evaluate(ask, f"{one.address}state") == "refused"
    one.expected = ""


@pytest.mark.long
def test_everything_can_be_done_by_keys(visit, examined, rng, tmp_path):
    one = visit()
    page = one.page
    (tmp_path / "a.png").write_bytes(encoded(picture(rng), "PNG"))

    page.on("filechooser", lambda chooser: chooser.set_files(tmp_path / "a.png"))

    def focused():
        return page.evaluate("(e => e.id || e.getAttribute('aria-label') || e.textContent)(document.activeElement)")

    def ring():
        return page.evaluate("getComputedStyle(document.activeElement).outlineStyle")

    page.keyboard.press("Tab")
    assert (focused(), ring()) == ("tab-pictures", "solid")
    page.keyboard.press("Tab")
    assert (focused(), ring()) == ("choose", "solid")
    page.keyboard.press("Enter")
    expect(page.locator(".verdict .head")).to_be_visible()
    page.locator("#choose").focus()
    visited = []
    for _ in range(7):
        page.keyboard.press("Tab")
        visited.append(focused())
        assert ring() == "solid"
    assert visited[1:] == [
        "Remove a.png", "Read the report of a.png, in a new tab", "Print the report of a.png",
        "Download the report of a.png", "Examine wholly", "close",
    ]  # fmt: skip
    page.locator("button[aria-label='Remove a.png']").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".job")).to_have_count(0)
    assert focused() == "choose"
    page.locator("#tab-pictures").focus()
    page.keyboard.press("ArrowRight")
    assert focused() == "tab-folder"
    assert page.locator("#folder").is_visible()
    assert page.locator("#pictures").is_hidden()
    page.keyboard.press("Tab")
    assert focused() == "path"
    page.keyboard.type(str(tmp_path / "nowhere"))
    expect(page.locator("#path-said")).to_contain_text("There is no folder")
    page.keyboard.press("Enter")
    expect(page.locator("#path")).to_have_attribute("aria-invalid", "true")
    assert focused() == "path"
    one.expected = "404"


@pytest.mark.long
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_folder_is_checked(visit, detector, rng, tmp_path, width, scheme):
    tree = write_tree(tmp_path / "<b>tree</b>" / ("long" * 20), rng, count=2, shape=(80, 90))
    eager = known_detector(detector.detector, thresholds=(-1000.0, -999.0))
    one = visit(eager, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = one.page
    page.get_by_role("tab", name="A folder").click()
    page.get_by_label("Folder on this computer").fill(str(tree))
    expect(page.locator("#path-said")).to_have_text("4 pictures.")
    page.get_by_role("button", name="Check the folder").click()
    expect(page.locator("#folder-jobs .summary").first).to_have_text(
        "False alarms: traces were found in 2 of 2 photographs (100 %).", timeout=60_000
    )
    assert page.locator("#folder-jobs tbody tr").count() == 2
    assert page.locator("figure img").evaluate(DECODED) > 300
    page.get_by_text("The 4 pictures with most traces").click()
    assert page.locator(".signs li").count() == 4
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("b b").count() == 0
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Score of every picture").click()
    assert downloaded.value.path().read_text(encoding="utf-8").startswith("path,sha256")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.long
def test_nothing_is_wider_than_the_window_and_colours_are_legible(visit, examined, rng, width):
    one = visit(viewport={"width": width, "height": 844})
    for number in range(2):
        one.page.evaluate(DROP, [f"{number}{'x' * 140}.png", data(picture(rng))])
    expect(one.page.locator(".verdict .head")).to_have_count(2)
    for scheme in ("light", "dark"):
        one.page.emulate_media(color_scheme=scheme)
        assert one.page.evaluate("document.documentElement.scrollWidth") <= width
        for selector in (".status", ".verdict .head", ".soft", "button.main", ".button", ".tabs button"):
            assert contrast(one.page, selector) >= 4.5, (scheme, selector)
    one.page.reload()
    expect(one.page.locator(".verdict .head")).to_have_count(2)


def contrast(page, selector):
    """Give the contrast of text with what is behind it (WCAG 2.1)."""
    text, behind = page.locator(selector).first.evaluate(
        """element => {
          const text = getComputedStyle(element).color;
          const clear = each => getComputedStyle(each).backgroundColor === "rgba(0, 0, 0, 0)";
          while (element && clear(element)) element = element.parentElement;
          return [text, getComputedStyle(element || document.body).backgroundColor];
        }"""
    )

    def luminance(colour):
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(text), luminance(behind)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
