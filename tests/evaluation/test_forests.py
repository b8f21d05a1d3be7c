from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from freqforensics.evaluation.forests import fold_scores, folds_of, forest_aucs


def test_folds_are_the_cross_validation_of_scikit_learn(rng):
    """To the bit, whichever fold is scored first."""
    labels = np.repeat([0.0, 1.0], [23, 31])
    facts = rng.normal(size=(54, 4)) + labels[:, None] * [1.5, 0.5, 0, 0]
    forest = RandomForestClassifier(100, min_samples_leaf=3, class_weight="balanced", random_state=7)
    cut = StratifiedKFold(5, shuffle=True, random_state=7)
    expected = cross_val_predict(forest, facts, labels, cv=cut, method="predict_proba")[:, 1]
    folds = folds_of("gan", facts, labels)
    scores = [fold_scores(fold, seed=7) for fold in reversed(folds)][::-1]
    joined = np.full(54, np.nan)
    for places, values in scores:
        assert np.isnan(joined[places]).all()
        joined[places] = values
    assert joined.tolist() == expected.tolist()
    auc, low, high = forest_aucs(folds, scores)["gan"]
    assert auc == pytest.approx(roc_auc_score(labels, expected), rel=1e-12)
    assert 0.5 < low < auc < high < 1
