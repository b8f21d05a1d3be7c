"""Thresholds of a population of photographs, and what lies above them: against counting one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from toys import calibrated, rough_detector

from freqforensics.detector import ScoreTable
from freqforensics.detector.calibrated import known_detector
from freqforensics.detector.score_table import Score
from freqforensics.detector.verdict import MARGIN
from freqforensics.evaluation.photographs import (
    PhotographScores,
    against_photographs,
    decision_threshold,
    evidence_share,
)


def score(label, logit, verdict="none", generator="gan", crop="views"):
    return Score(f"{label}/{logit}", "", label, generator, "", logit, 0.5, crop, "w", "", verdict)


@pytest.mark.parametrize("count", [1, 7, 99, 100, 101, 250])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.5])
def test_no_lower_threshold_lets_as_few_photographs_pass(rng, count, share):
    logits = rng.normal(size=count)
    found = PhotographScores("drawn", logits).threshold(share)
    assert (logits > found).sum() <= share * count
    lower = logits[logits < found]
    if len(lower):
        assert (logits > lower.max()).sum() > share * count


def test_ties_do_not_let_more_photographs_pass():
    photographs = PhotographScores("drawn", np.array([0.0] * 50 + [1.0] * 50))
    assert photographs.threshold(0.05) == 1.0
    assert photographs.threshold(0.5) == 0.0
    for share in (-0.1, 1.0):
        with pytest.raises(ValueError, match="share must"):
            photographs.threshold(share)
    for logits in ([], [math.nan]):
        with pytest.raises(ValueError, match="photographs must"):
            PhotographScores("none", np.array(logits))


def test_a_generator_is_compared_with_photographs_alone(rng):
    photographs = PhotographScores("drawn", np.round(rng.normal(size=200), 1))
    fakes = np.round(rng.normal(1, 1, 40), 1)
    scores = [score("fake", float(x), "evidence" if x > 2 else "none") for x in fakes]
    scores += [score("fake", math.nan, "cannot-judge")] * 2 + [score("real", 3.0, "evidence"), score("real", -1.0)]
    scores += [score("real", math.nan, "cannot-judge")]
    found = against_photographs("gan", scores, photographs)
    assert (found.real, found.fake, found.cannot_judge) == (2, 40, 3)
    pairs = [(f > p) + 0.5 * (f == p) for f in fakes for p in photographs.logits]
    assert found.auc_photographs == pytest.approx(np.mean(pairs))
    for share, tpr in ((0.01, found.tpr_photographs_1), (0.05, found.tpr_photographs_5)):
        assert tpr == np.mean(fakes > photographs.threshold(share))
    # What cannot be judged is no evidence.
    assert found.evidence_fake == (fakes > 2).sum() / 42
    assert found.evidence_real == pytest.approx(1 / 3)
    without = against_photographs("gan", scores)
    assert (without.auc_photographs, without.tpr_photographs_1, without.evidence_real) == (
        None,
        None,
        found.evidence_real,
    )
    only_real = against_photographs("gan", [one for one in scores if one.label == "real"], photographs)
    assert (only_real.auc_photographs, only_real.evidence_fake) == (None, None)
    assert evidence_share([score("fake", 1.0, "", crop="center")]) is None


def test_scores_of_photographs_are_those_that_can_be_judged():
    rows = [score("real", 1.0), score("unknown", 2.0), score("fake", 3.0), score("real", math.nan, "cannot-judge")]
    found = PhotographScores.of_table(ScoreTable(tuple(rows), ()), name="mine")
    assert (found.logits.tolist(), found.cannot_judge) == ([1.0, 2.0], 1)
    assert found.to_json()["name"] == "mine"


def test_the_threshold_is_the_calibrations():
    detector = rough_detector()
    assert decision_threshold(known_detector(detector)) == (0.0, "a probability of one half")
    logits = np.arange(1000) / 100
    threshold, origin = decision_threshold(calibrated(detector, logits))
    # Evidence: (above + 1) / 1001 <= 0.01, so that nine photographs at the most score as high.
    assert (logits >= threshold - MARGIN + 0.001).sum() == 9
    assert "10% and 1% of 1000 photographs" in origin
    population = PhotographScores.of_calibration(calibrated(detector, logits).calibration)
    assert population.name == "calibration (drawn for a test)"
    assert len(population.logits) == 1000
