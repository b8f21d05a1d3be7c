"""Results in a console and in Jupyter."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pictures import picture, write

import freqforensics as ff
from freqforensics.detector.score_table import Score, ScoreTable
from freqforensics.evaluation import evaluate_tables
from freqforensics.evaluation.false_alarms import count_false_alarms
from freqforensics.evaluation.robustness import Robustness, RobustnessRow
from freqforensics.runtime.showing import LINES, Summarised
from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec
from freqforensics.studies.audit import audit_study
from freqforensics.studies.paper_figures import PaperFiguresStudy
from freqforensics.studies.spectrum import spectrum_study


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree") / "gan"
    for side, first in (("0_real", 0), ("1_fake", 100)):
        for number in range(24):
            write(root / side / f"{number}.png", picture(np.random.default_rng(first + number), 48, 48))
    return root


def short(result):
    lines = repr(result).splitlines()
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= 88
    assert lines[0].startswith(type(result).__name__)
    return lines


def test_a_spectrum_is_short_and_drawn():
    spectrum = SpectrumAccumulator(SpectrumSpec(size=32)).update(np.random.default_rng(0).normal(0, 9, (9, 32, 32)))
    lines = short(spectrum.result())
    assert "  images: 9" in lines
    html = spectrum.result()._repr_html_()
    assert html.count('src="data:image/png;base64,') == 1
    assert SpectrumAccumulator(SpectrumSpec(size=32)).result()._repr_html_() is None


@pytest.mark.long
def test_a_study_is_short_and_shows_its_page_or_its_figures(tree):
    spectrum = spectrum_study([tree], spec=SpectrumSpec(size=32))
    audit = audit_study([tree])
    for study in (spectrum, audit, audit.audit):
        short(study)
    assert "data:image/png" in spectrum._repr_html_()
    assert "iframe" in audit._repr_html_()


def scores():
    rows = [
        Score(f"{n}.png", "0" * 64, "real" if n % 2 else "fake", "gan", "", n / 9, 0.5, "none", "1" * 64, "")
        for n in range(24)
    ]
    return ScoreTable(tuple(rows), ())


def pictures(result):
    short(result)
    return result._repr_html_().count('src="data:image/png;base64,')


@pytest.mark.long
def test_results_of_the_lower_rooms_are_drawn(tree):
    rows = (RobustnessRow("jpeg", 90.0, "gan", 0.9, 0.8, 0.95, 0.7, 5, 6),)
    results = [
        scores(),
        evaluate_tables([scores()]),
        Robustness(rows, (), {}),
        audit_study([tree]).audit,
        count_false_alarms({"as-is": photographs()}),
        ff.estimate_upsampling(spectrum_study([tree], spec=SpectrumSpec(size=32)).spectra["gan", "fake"]),
    ]
    assert [pictures(result) for result in results] == [1] * len(results)
    assert ScoreTable((), ())._repr_html_() is None
    assert Robustness((), (), {})._repr_html_() is None
    assert "&lt;mine&gt;" in ff.ScoreStudy(scores(), "<mine>", ())._repr_html_()


def photographs():
    real = [score for score in scores().scores if score.label == "real"]
    return ScoreTable(tuple(dataclasses.replace(score, verdict="none", crop="views") for score in real), ())


@pytest.mark.long
def test_drawing_a_study_writes_nothing(tree, monkeypatch):
    study, audit = spectrum_study([tree], spec=SpectrumSpec(size=32)), audit_study([tree])

    def refuse(*_, **__):
        raise AssertionError("a file is written")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    monkeypatch.setattr("freqforensics.figures.style.save_figure", refuse)
    assert study._repr_html_().count("data:image/png") == 2
    assert audit._repr_html_().count("data:image/png") == 1


def test_a_study_that_wrote_a_page_shows_it(tmp_path):
    page = tmp_path / "index.html"
    study = PaperFiguresStudy(page, ())
    assert study._repr_html_() is None
    page.write_text("<p>all figures</p>", encoding="utf-8")
    assert "&lt;p&gt;all figures" in study._repr_html_()


def test_a_finding_is_short_and_shows_its_page():
    finding = ff.inspect(np.full((32, 32, 3), 90, np.uint8))
    assert short(finding)[0] == "Finding: cannot be judged"
    assert "iframe" in finding._repr_html_()
    assert dataclasses.replace(finding, maps={})._repr_html_() is None


def test_many_fields_are_named_in_one_line():
    made = dataclasses.make_dataclass("Many", [(f"f{n}", int) for n in range(15)], bases=(Summarised,), repr=False)
    lines = short(made(*range(15)))
    assert lines[-1] == "  and 7 more: f8, f9, f10, f11, f12, f13, f14"
