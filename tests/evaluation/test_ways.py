"""Sets scored three ways: against images that are compressed and cut by hand."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from pictures import write_tree
from toys import calibrated, rough_detector

from freqforensics.detector import score_files
from freqforensics.evaluation import WAYS, score_ways
from freqforensics.images import read_image
from freqforensics.perturbations import JPEG
from freqforensics.regions.views import cut, median_view, view_boxes
from freqforensics.sources.sources import index_images


@pytest.fixture
def records(tmp_path, rng):
    write_tree(tmp_path / "set", rng, ("gan",), count=2, shape=(240, 420))
    (tmp_path / "set" / "gan" / "1_fake" / "broken.png").write_bytes(b"no image")
    return sorted(index_images(tmp_path / "set"), key=lambda record: (record.label == "fake", record.path))


def by_hand(image):
    """The median view's mean absolute difference of neighbours, in units of ImageNet's spread."""
    std = np.array([0.229, 0.224, 0.225]) * 255
    values = []
    for box in view_boxes((0, 0, image.shape[1], image.shape[0])):
        view = cut(image, box).astype(np.float64) / std
        values.append(10 * np.abs(np.diff(view, axis=1)).mean())
    return values[median_view(np.array(values))]


def test_each_side_is_compressed_as_its_way_says(records):
    detector = calibrated(rough_detector(), np.arange(400) / 10)
    tables = score_ways(records, detector)
    assert list(tables) == ["as-is", "re-encoded", "fakes-jpeg96"] == list(WAYS)
    steps = {
        "as-is": (None, None),
        "re-encoded": (JPEG(90, "4:2:0"), JPEG(90, "4:2:0")),
        "fakes-jpeg96": (None, JPEG(96, "4:2:0")),
    }
    for way, table in tables.items():
        assert [path for path, _ in table.failures] == [str(records[-1].path)]
        assert len(table.scores) == 4
        for score, record in zip(table.scores, records[:-1], strict=True):
            image, step = read_image(record.path), steps[way][record.label == "fake"]
            assert score.path == str(record.path)
            assert score.logit == pytest.approx(by_hand(image if step is None else step(image)), rel=1e-4)
    logits = {way: [score.logit for score in table.scores] for way, table in tables.items()}
    # Compression smooths; of the gentle one less.
    assert all(a > b for a, b in zip(logits["as-is"], logits["re-encoded"], strict=True))
    assert logits["fakes-jpeg96"][:2] == logits["as-is"][:2]
    assert all(b < c for b, c in zip(logits["re-encoded"][2:], logits["fakes-jpeg96"][2:], strict=True))


def test_what_ways_have_in_common_is_scored_once(records, monkeypatch):
    asked = Counter()

    def counted(some, *arguments, perturb, **options):
        asked.update((record.label, perturb) for record in some)
        return score_files(some, *arguments, perturb=perturb, **options)

    monkeypatch.setattr("freqforensics.detector.score.score_files", counted)
    detector = calibrated(rough_detector(), [0.0, 1.0])
    whole = score_ways(records, detector)
    assert asked == {
        ("real", None): 2, ("fake", None): 3, ("real", JPEG(90)): 2, ("fake", JPEG(90)): 3, ("fake", JPEG(96)): 3,
    }  # fmt: skip
    asked.clear()
    alone = score_ways(records, detector, ["fakes-jpeg96"])
    assert asked == {("real", None): 2, ("fake", JPEG(96)): 3}
    assert alone["fakes-jpeg96"] == whole["fakes-jpeg96"]


@pytest.mark.parametrize("names", [["as-it-was"], [], ["as-is", "as-is"]])
def test_ways_that_there_are_not(records, names):
    with pytest.raises(ValueError, match="ways must"):
        score_ways(records, calibrated(rough_detector(), [0.0]), names)
