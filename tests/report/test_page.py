"""The page of a finding says what it said, loads nothing, and takes names for nothing but names."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace

import pytest
from findings import hand_made, notched, unjudged, variants, with_parts
from statements import PARAMETERS, camera_exif, iptc_of, jpeg_with, png_texts, png_with, saved, scene, xmp_of

from freqforensics.attribution import Badge
from freqforensics.attribution.outcomes import ScoreCurve
from freqforensics.detector.calibrated import open_detector
from freqforensics.detector.used_weights import ErrorRates
from freqforensics.detector.weights import model_card
from freqforensics.figures.inspect import plot_curve
from freqforensics.images import parse_testimony
from freqforensics.inspection.disagree import contradictions
from freqforensics.inspection.parts import PhotographRate
from freqforensics.report import Handover, Page, render_index, render_page, write_report
from freqforensics.report.builder import template_text, templates
from freqforensics.report.testimony import file_facts

COMMAND = "freqforensics inspect photo.jpg"
GLOSSARY = json.loads(template_text("terms.json"))


def lines_of(page):
    """The text of a page and of its pictures, a line for each paragraph, cell or picture."""
    page = re.sub(r"<style>.*?</style>|<script.*?</script>", "", page, flags=re.S)
    page = re.sub(r'<(?:img|svg)[^>]*?(?:alt|aria-label)="([^"]*)"[^>]*>', r"<p>[\1]<p>", page)
    page = re.sub(r"</?(?:bdi|code|strong|b|span)>|<(?:span|strong) [^>]*>", "", page)
    lines = [" ".join(html.unescape(text).split()) for text in re.split(r"<[^>]*>", page)]
    return [line for line in lines if line]


def first_screen_of(name):
    """The lines above the first section."""
    page = render_page(variants()[name], command=COMMAND)
    return lines_of(page[page.index("<header>") : page.index("</header>")])


NEXT = (
    "Look for the original or an earlier copy with a reverse image search, ask the source for the file as the camera"
    " wrote it, and check it with a second tool."
)
FIRST_SCREENS = {
    "evidence": [
        "Traces of an image generator were found.",
        "The picture carries fine, regular traces like those that neural networks leave when they make or process an"
        " image.",
        "3 of 2,400 photographs saved in the same way score as high.",
        f"Do not rely on this alone. {NEXT}",
    ],
    "inconclusive": [
        "The traces are too weak to conclude anything.",
        "The picture carries a few traces like those of image generators, but photographs carry as many now and then.",
        "None of 30 photographs scores as high.",
        "Look for a larger or earlier copy and examine that one. Ask the source for the file as the camera wrote it.",
    ],
    "none": [
        "No traces of an image generator were found.",
        "The picture looks like a photograph to this program. That does not show that it is one: resizing, strong"
        " compression and many newer generators leave nothing to find.",
        "Nobody has measured how often photographs score as high with these weights.",
        "If you doubt the picture, look for the original with a reverse image search, ask the source for the"
        " file as the camera wrote it, and check it with a second tool.",
    ],
    "small": [
        "This picture cannot be judged.",
        "Nothing in the picture could be examined: it is of one colour all over. This says nothing about where it came"
        " from.",
        "Pictures without a photograph in them are never judged, so no error rate applies.",
        "Look for the original: a larger copy that is neither cut nor photographed from a screen.",
    ],
}


@pytest.mark.parametrize("name", FIRST_SCREENS)
def test_the_first_screen_says_what_was_found_how_sure_and_what_next(undrawn, name):
    lines = first_screen_of(name)
    assert [line for line in lines if line in FIRST_SCREENS[name]] == FIRST_SCREENS[name]


@pytest.mark.parametrize("name", FIRST_SCREENS)
def test_no_word_of_the_first_screen_needs_the_glossary(undrawn, name):
    """But "score", which the strip explains."""
    text = " ".join(first_screen_of(name)).lower()
    words = [term for term in GLOSSARY if term != "score" and re.search(rf"\b{re.escape(term.lower())}s?\b", text)]
    assert words == []


def test_generated_pictures_missed_are_said_beside_photographs_accused(undrawn):
    weights = replace(hand_made().inspection.weights, error_rates=ErrorRates(9, 540, 0.438, 0.8647))
    page = render_page(with_parts(hand_made(), inspection={"weights": weights}))
    said = "Of 540 pictures by 9 generators it missed 44 in 100, and 86 in 100 once they were saved again as JPEG."
    assert any(said in line for line in lines_of(page[: page.index("</header>")]))
    assert said in lines_of(page[page.index('id="record"') :])


def test_error_rates_are_those_of_the_model_card():
    card = model_card("everyday")
    rates = open_detector("everyday").weights.error_rates
    detection = next(d for d in card["detection"] if d["means"])
    assert rates.missed == pytest.approx(1 - detection["means"]["as-is"]["mean_evidence_fake"])
    assert rates.missed_jpeg == pytest.approx(1 - detection["means"]["fakes-jpeg96"]["mean_evidence_fake"])
    assert rates.generators == len({row["generator"] for row in detection["generators"]})


SENTENCES = {
    "evidence": ("The traces are most like those of biggan.", "Something else that leaves such traces was found, too"),
    "single": ("Compared with the same view with random phases in each tile, the explained view scores +4.00",),
    "whole": ("All of the picture was examined.", "0.970: the logit through a logistic function."),
    "none": ("No single pattern carries the score", "No generator is named, because the verdict is not evidence."),
    "between": ("No pattern was taken out.",),
    "unflipped": (
        "The verdict survives all that was tried: JPEG quality (4:2:0) 90",
        "does not pass its tests, so its figures are drawn in grey: weights do not matter; nor images",
    ),
    "one-frequency": ("The residual's spectrum lies among photographs'.",),
    "few-photographs": ("With 5 photographs to compare with, no generator's lattice can be named.",),
    "no-generators": ("No generators are known here to compare its lattice with.",),
    "flat-middle": ("The middle, which is compared with photographs, is uniform.",),
    "uniform": ("There is nothing to look at: what was examined of the image is uniform.",),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_sentences_follow_the_finding(undrawn, name):
    text = " ".join(lines_of(render_page(variants()[name], command=COMMAND)))
    assert [sentence for sentence in SENTENCES[name] if sentence not in text] == []


def test_a_curve_that_returns_says_so(undrawn):
    there_and_back = ScoreCurve("jpeg", "JPEG quality (4:2:0)", (100.0, 90.0, 80.0), (3.0, 1.0, 3.0), 95.0, 2.0)
    assert there_and_back.crossings == ((95.0, False), (85.0, True))
    page = render_page(with_parts(hand_made(), changes={"curves": (there_and_back,)}))
    assert "JPEG quality (4:2:0): below +2.00 from 95, above again from 85." in " ".join(lines_of(page))
    assert plot_curve(hand_made(), there_and_back).get_title() == "below +2.00 from 95, above again from 85"


def test_the_page_holds_the_finding_as_json(undrawn):
    odd = with_parts(hand_made(), image={"name": "</script><script>alert(1)</script>.png"})
    page = render_page(odd)
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, flags=re.S)
    assert json.loads(text) == json.loads(json.dumps(odd.to_json()))
    assert page.count("<script") == 2


def test_the_record_names_who_examined_what_with_what(undrawn):
    handover = Handover(examiner="A. <Examiner>", case="2026-17", date="2026-11-26 09:00 UTC", command=COMMAND)
    finding = hand_made()
    page = render_page(finding, handover=handover)
    record = lines_of(page[page.index('id="record"') :])
    for line in ("A. <Examiner>", "2026-17", "2026-11-26 09:00 UTC", COMMAND, "freqforensics 0.0"):
        assert line in record
    assert {finding.image.sha256, finding.inspection.weights.sha256, finding.inspection.settings_sha256} <= set(record)
    assert "A. <Examiner>" in lines_of(render_index([("001", finding)], handover=handover))


@pytest.mark.parametrize("name", variants())
def test_a_page_loads_nothing(undrawn, name):
    page = render_page(variants()[name], command=COMMAND)
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not re.search(r"https?://|@import|url\(", re.sub(r'src="data:[^"]*"', "", page))
    assert page.count("<figure") == len(re.findall(r'<img src="[^"]*" alt="[^"]+"', page))
    assert page.count("Does not mean:") == page.count("<figure") - 1  # but the picture itself


@pytest.mark.long
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
        assert len(re.findall("<script", text)) == (2 if text is page else 0)
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
    assert page.count("&lt;i&gt;x&lt;/i&gt;") >= 8


def test_what_the_file_says_is_the_first_section(undrawn):
    testimony = parse_testimony(png_texts({"parameters": PARAMETERS}))
    finding = replace(hand_made(), testimony=testimony, contradictions=("They do not agree.",))
    page = render_page(finding)
    assert "What the file says of itself" not in render_page(hand_made())
    headings = re.findall("<h2>(.*?)</h2>", page)
    assert headings[:2] == ["What the file says of itself", "Why, in plain words"]
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
    assert page.count("<script") == 2
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4


def test_an_explanation_that_fails_is_greyed_with_its_reason(undrawn):
    finding = with_parts(hand_made(), tests={"badges": {"frequencies": Badge(False, ("weights do not matter",))}})
    page = render_page(finding)
    assert page.count('class="failed"') == 2  # frequencies and bands
    assert "Drawn in grey because it is not to be relied on: weights do not matter." in page
    assert 'class="failed"' not in render_page(with_parts(finding, tests={"badges": {}}))


@pytest.mark.parametrize(
    ("logit", "verdict", "tone"),
    [(9.0, "evidence", "for"), (1.0, "inconclusive", "between"), (-9.0, "none", "against")],
)
def test_each_verdict_has_its_tone_and_place(undrawn, logit, verdict, tone):
    page = render_page(with_parts(hand_made(), score={"logit": logit, "verdict": verdict}))
    assert f'class="verdict {tone}"' in page
    (place,) = re.findall(r'<path d="M([\d.]+) 46 l-7 -16 h14 z" fill="var\(--(\w+)\)"/>', page)
    end = 1.15 * max(2.0, abs(logit))
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
    both = lines_of(render_page(with_parts(hand_made(), changes={"counterfactuals": (line, lattice)})))
    assert any("Without one line" in line for line in both)
    assert not any("do not matter" in line for line in both)
    alone = lines_of(render_page(with_parts(hand_made(), changes={"counterfactuals": (lattice,), "flip": None})))
    assert any("the peaks do not matter to this decision" in line for line in alone)


def test_the_index_is_sorted_by_score_and_links_pages(undrawn):
    low = with_parts(hand_made(), image={"name": "low.png"}, score={"logit": -1.0, "rate_of": None})
    index = render_index([("001", low), ("002", hand_made()), ("003", unjudged())], [("bad.png", "no image")])
    assert re.findall(r'href="([^"]*)"', index) == [
        f"{n}/index.html" for n in ("002", "002", "001", "001", "003", "003")
    ]
    lines = lines_of(index)
    assert "3 of 2,400 photographs saved in the same way score as high." in lines
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
