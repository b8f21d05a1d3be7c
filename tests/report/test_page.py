"""The page of a finding says what it said, loads nothing, and takes names for nothing but names."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from findings import hand_made, notched, unjudged, variants, with_parts
from statements import PARAMETERS, camera_exif, iptc_of, jpeg_with, png_texts, png_with, saved, scene, xmp_of

from freqforensics.attribution import Badge
from freqforensics.images import parse_testimony
from freqforensics.inspection.disagree import contradictions
from freqforensics.inspection.parts import PhotographRate
from freqforensics.report import Page, render_index, render_page, write_report
from freqforensics.report.page import templates
from freqforensics.report.testimony import file_facts

PAGES = Path(__file__).parent / "pages"
COMMAND = "freqforensics inspect photo.jpg"
MENDED = json.loads((PAGES / "mended.json").read_text(encoding="utf-8"))
"""Sentences that say the same in plainer English since."""


def lines_of(page):
    """The text of a page and of its pictures, a line for each paragraph, cell or picture."""
    page = re.sub(r"<style>.*?</style>|<script>.*?</script>", "", page, flags=re.S)
    page = re.sub(r'<(?:img|svg)[^>]*?(?:alt|aria-label)="([^"]*)"[^>]*>', r"<p>[\1]<p>", page)
    page = re.sub(r"</?(?:bdi|code|strong|b|span)>|<(?:span|strong) [^>]*>", "", page)
    lines = [" ".join(html.unescape(text).split()) for text in re.split(r"<[^>]*>", page)]
    return [line for line in lines if line]


def written(name):
    """The lines that the older version wrote, with what was mended since."""
    text = (PAGES / f"{name}.txt").read_text(encoding="utf-8")
    for before, now in MENDED.items():
        text = text.replace(before, now)
    return text.splitlines()


@pytest.mark.parametrize("name", variants())
def test_a_page_says_what_it_said(undrawn, name):
    """Of the version before the sentences were templates; of all but the first page only what it does not share."""
    first = written("evidence")
    lines = lines_of(render_page(variants()[name], command=COMMAND))
    if name != "evidence":
        lines = [line for line in lines if line not in first]
    assert lines == written(name)


@pytest.mark.parametrize("name", variants())
def test_a_page_loads_nothing(undrawn, name):
    page = render_page(variants()[name], command=COMMAND)
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not re.search(r"https?://|@import|url\(", re.sub(r'src="data:[^"]*"', "", page))
    assert (
        page.count("Does not mean:") == page.count("<figure") == len(re.findall(r'<img src="[^"]*" alt="[^"]+"', page))
    )


def test_every_figure_is_on_the_page(tmp_path):
    finding = hand_made()
    write_report(finding, tmp_path / "out", command=COMMAND)
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    names = {path.stem for path in (tmp_path / "out" / "figures").iterdir()}
    assert {"image", "frequencies", "occlusion", "curve-jpeg"} < names
    assert page.count("<figure") == len(names) == 19
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["inputs"] == {"image": finding.image.sha256, "weights": finding.inspection.weights.sha256}
    assert manifest["parameters"] == {"settings": finding.inspection.settings, "weights": "hand"}
    assert manifest["command"] == COMMAND
    with pytest.raises(ValueError, match=r"out"):
        write_report(finding, tmp_path / "out")


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>.png", "\"><img src=x onerror='alert(1)'>.png", "é’\u202e\n.png"]
)
def test_names_of_files_are_inert(undrawn, name):
    named = with_parts(hand_made(), image={"name": name, "notes": ("<b>odd</b>",)})
    page = render_page(named, command=f"freqforensics inspect {name}")
    index = render_index([("a folder", named)], [(name, "<i>reason</i>")])
    for text in (page, index):
        assert len(re.findall("<script>", text)) == (1 if text is page else 0)
        assert "<img src=x" not in text
        assert "\u202e" not in re.sub(r"<code>.*?</code>", "", text, flags=re.S)
        assert "<b>odd" not in text
        assert "<i>reason" not in text
    assert "&lt;b&gt;odd" in page


def test_words_of_others_are_inert_in_sentences(undrawn):
    """Names of causes, generators, weights and parts come from files."""
    odd = "<i>x</i>"
    base = hand_made()
    page = render_page(
        with_parts(
            base,
            score={"rate_of": PhotographRate(1, 9, odd), "domain": odd, "parts": None},
            inspection={"weights": replace(base.inspection.weights, name=odd, notice=odd)},
            tests={"badges": {"frequencies": Badge(False, (odd,))}},
            changes={"counterfactuals": (notched(odd, 1.0, 0.01),)},
            comparison={"nearest": replace(base.comparison.nearest, name=odd)},
        )
    )
    assert odd not in page
    assert page.count("&lt;i&gt;x&lt;/i&gt;") >= 9


def test_what_the_file_says_is_the_first_section(undrawn):
    testimony = parse_testimony(png_texts({"parameters": PARAMETERS}))
    finding = replace(hand_made(), testimony=testimony, contradictions=("They do not agree.",))
    page = render_page(finding)
    assert "What the file says of itself" not in render_page(hand_made())
    headings = re.findall("<h2>(.*?)</h2>", page)
    assert headings[:2] == ["What the file says of itself", "In short"]
    lines = lines_of(page)
    for line in (
        "They do not agree.",
        "The file says that it was made by Stable Diffusion (AUTOMATIC1111) with the model sd-v1-5.",
        "Anyone can write, copy or remove such statements; a signature that holds shows that nothing was changed since."
        " None of them is part of the score.",
        "Content credentials (C2PA)",
    ):
        assert line in lines, line
    assert lines[lines.index("Content credentials (C2PA)") + 1] == "None."
    silent = lines_of(render_page(replace(unjudged(), testimony=parse_testimony(saved(scene(), "JPEG")))))
    assert any(line.startswith("It says nothing of its origin.") for line in silent)


def test_all_that_a_file_says_is_in_the_facts():
    exif = camera_exif(software="GIMP 2.10", preview=saved(scene(7), "JPEG"))
    packet = xmp_of('xmp:CreatorTool="Adobe Firefly" photoshop:Credit="A studio"')
    data = jpeg_with(
        (0xE1, b"Exif\0\0" + exif),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet),
        (0xED, iptc_of(program="GIMP")),
        *[(0xFE, b"a comment")] * 9,
        quality=70,
        subsampling=2,
    )
    facts = dict(file_facts(parse_testimony(data)))
    assert facts["Compression"] == "quality 70, chroma subsampling 4:2:0, baseline"
    assert facts["Camera"] == "Lichtbild LX-3"
    assert facts["Position"] == "has one, which is not read"
    assert facts["Stored preview"].endswith("does not match it")
    assert (facts["Program (EXIF)"], facts["Program (XMP)"]) == ("GIMP 2.10", "Adobe Firefly")
    assert (facts["Program (IPTC)"], facts["Credit (XMP)"]) == ("GIMP", "A studio")
    assert facts["Text “Comment”"] == "a comment"
    assert facts["More texts"] == "1, in finding.json"


def test_words_of_a_file_are_inert(undrawn):
    odd = "<script>alert(1)</script>"
    text = PARAMETERS.replace("sd-v1-5", odd)
    exif = camera_exif(software=f"Adobe {odd}")
    data = png_with((b"tEXt", b"parameters\0" + text.encode()), (b"tEXt", odd.encode() + b"\0x"), (b"eXIf", exif))
    testimony = parse_testimony(data)
    page = render_page(replace(hand_made(), testimony=testimony, contradictions=contradictions(testimony, "none")))
    assert page.count("<script>") == 1
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4


def test_an_explanation_that_fails_is_greyed_with_its_reason(undrawn):
    finding = with_parts(hand_made(), tests={"badges": {"frequencies": Badge(False, ("weights do not matter",))}})
    page = render_page(finding)
    assert page.count('class="failed"') == 2  # frequencies and bands
    assert "Not to be relied on: weights do not matter." in page
    assert 'class="failed"' not in render_page(with_parts(finding, tests={"badges": {}}))


@pytest.mark.parametrize(
    ("logit", "verdict", "tone"),
    [(9.0, "evidence", "for"), (1.0, "inconclusive", "between"), (-9.0, "none", "against")],
)
def test_each_verdict_has_its_tone_and_place(undrawn, logit, verdict, tone):
    page = render_page(with_parts(hand_made(), score={"logit": logit, "verdict": verdict}))
    assert f'class="verdict {tone}"' in page
    (place,) = re.findall(r'<path d="M([\d.]+) 46 l-7 -16 h14 z" fill="var\(--(\w+)\)"/>', page)
    end = max(2.0, abs(logit) * 1.15)
    assert place == (f"{230 + 215 * logit / end:.1f}", tone)
    low, high = (230 + 215 * threshold / end for threshold in (0.5, 2.0))
    assert f'<rect x="{low:.1f}" y="34" width="{high - low:.1f}"' in page


def test_rates_in_words():
    def words(above, photographs, kind):
        rate = PhotographRate(above, photographs, kind)
        return " ".join(str(templates().get_template("sentences.html").module.rate(rate)).split())

    assert words(1, 340, "WebP") == "1 of 340 photographs of this kind (WebP) scores as high."
    assert words(12, 3011, "any") == "12 of 3,011 photographs of all kinds score as high, 1 of 251."
    assert words(300, 400, "any") == "300 of 400 photographs of all kinds score as high."
    assert words(0, 400, "any") == "None of 400 photographs of all kinds scores as high."


def test_a_significant_line_is_not_hidden_by_a_lattice_that_is_not(undrawn):
    line, lattice = notched("one line", 1.0, 0.01), notched("a lattice", 0.9, 0.2)
    both = render_page(with_parts(hand_made(), changes={"counterfactuals": (line, lattice)}))
    assert "Without one line" in both
    assert "do\nnot matter" not in both
    alone = lines_of(render_page(with_parts(hand_made(), changes={"counterfactuals": (lattice,), "flip": None})))
    assert any("the peaks do not matter to this decision" in line for line in alone)


def test_the_index_is_sorted_by_score_and_links_pages(undrawn):
    low = with_parts(hand_made(), image={"name": "low.png"}, score={"logit": -1.0, "rate_of": None})
    index = render_index([("001", low), ("002", hand_made()), ("003", unjudged())], [("bad.png", "no image")])
    assert re.findall(r'href="([^"]*)"', index) == [
        f"{n}/index.html" for n in ("002", "002", "001", "001", "003", "003")
    ]
    lines = lines_of(index)
    assert "3 of 2,400" in lines
    assert lines[-1] == "bad.png: no image"
    assert "href" not in render_index([(None, low)])


def test_findings_of_a_batch_say_that_their_maps_are_gone():
    with pytest.raises(ValueError, match="inspect the image by itself"):
        render_page(replace(hand_made(), maps={}))


def test_names_that_are_no_text_are_written(undrawn, tmp_path):
    odd = with_parts(hand_made(), image={"name": "caf\udce9.png"})
    write_report(odd, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "finding.json").read_text())["image"]["name"] == "caf\udce9.png"
    assert "caf" in (tmp_path / "out" / "index.html").read_text()


def test_jupyter_shows_the_page_in_a_frame(undrawn):
    shown = Page(hand_made())._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert "<script>" not in shown  # escaped, so it is the frame's
