from __future__ import annotations

import pytest
from processors import give_processors

from freqforensics.runtime.processors import default_workers, granted_processors


def test_there_is_a_processor():
    assert default_workers() >= 1


@pytest.mark.parametrize(("granted", "processors"), [("1", 1), ("3", 3), ("8", 4), ("", 4), ("all", 4)])
def test_the_environment_grants_at_most_those_that_there_are(monkeypatch, granted, processors):
    give_processors(monkeypatch, 4)
    monkeypatch.setenv("OMP_NUM_THREADS", granted)
    assert granted_processors() == processors
