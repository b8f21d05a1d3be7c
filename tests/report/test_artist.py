from __future__ import annotations

from dataclasses import replace

import pytest
from findings import hand_made, unjudged
from processors import give_processors

from freqforensics.figures.inspect import VIEWS
from freqforensics.inspection.parts import Changes, MapTests
from freqforensics.report.artist import artist
from freqforensics.report.view_names import VIEWS_IN_ORDER, ready_views, view_names
from freqforensics.report.views import draw_views


@pytest.fixture(autouse=True)
def two_processors(monkeypatch):
    give_processors(monkeypatch, 2)


def test_the_names_are_those_of_the_figures():
    assert tuple(VIEWS) == VIEWS_IN_ORDER


@pytest.mark.long
def test_another_process_draws_the_same_figures_as_they_get_ready():
    finding = hand_made()
    early = replace(finding, tests=MapTests(), changes=Changes())
    with artist() as drawer:
        assert drawer is not None
        drawer.begin(early)
        views = drawer.views(finding)
        other = drawer.views(unjudged())  # nothing is left of the one before
    assert views == draw_views(finding)
    assert other == draw_views(unjudged())


def test_only_what_will_not_change_is_drawn_early():
    finding = hand_made()
    assert set(ready_views(finding)) == set(view_names(finding))
    early = ready_views(replace(finding, tests=MapTests(), changes=Changes()))
    assert {"image", "frequencies", "bands"} <= set(early)
    assert not {"counterfactuals", "deletion", "randomisation"} & set(early)
    assert not any(name.startswith("curve-") for name in early)
    curved = ready_views(replace(finding, changes=replace(finding.changes, counterfactuals=())))
    assert "counterfactuals" not in curved
    assert {"tiles", "curve-jpeg"} <= set(curved)


def test_without_the_process_nothing_is_given():
    with artist() as drawer:
        assert drawer is not None
        drawer._drawer.process.kill()
        drawer._drawer.process.wait()
        assert drawer.views(unjudged()) is None


def test_with_one_processor_there_is_none(monkeypatch):
    give_processors(monkeypatch, 1)
    with artist() as drawer:
        assert drawer is None
