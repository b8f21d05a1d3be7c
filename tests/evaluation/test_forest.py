"""The forest scores as scikit-learn's does, whatever the number of threads."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
from packaging.version import Version
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from freqforensics.evaluation.forest import out_of_fold_scores


def table(seed, reals, fakes):
    """Kinds and numbers as an audit has them; two columns say something of the label."""
    rng = np.random.default_rng(seed)
    labels = np.r_[np.zeros(reals), np.ones(fakes)]
    kinds = rng.integers(0, 2, (len(labels), 4)).astype(float)
    kinds[:, 0] = np.where(rng.random(len(labels)) < 0.7, labels, kinds[:, 0])
    numbers = rng.normal(labels[:, None] * [0.5, 0.0], 1.0)
    return np.c_[np.ones(len(labels)), kinds, numbers, rng.integers(1, 5, len(labels)) * 65536.0], labels


@pytest.mark.skipif(Version(sklearn.__version__) < Version("1.9"), reason="drew samples without weights before")
@pytest.mark.parametrize(("seed", "reals", "fakes"), [(0, 30, 30), (1, 12, 47), (2, 61, 10)])
def test_scores_are_those_of_scikit_learns_forest(seed, reals, fakes):
    values, labels = table(seed, reals, fakes)
    forest = RandomForestClassifier(25, min_samples_leaf=3, class_weight="balanced", random_state=seed)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    expected = cross_val_predict(forest, values, labels, cv=folds, method="predict_proba")[:, 1]
    np.testing.assert_array_equal(out_of_fold_scores(values, labels, trees=25, seed=seed), expected)


def test_scores_do_not_depend_on_threads_and_find_what_is_planted():
    values, labels = table(3, 40, 40)
    scores = out_of_fold_scores(values, labels, trees=25, workers=1)
    np.testing.assert_array_equal(scores, out_of_fold_scores(values, labels, trees=25, workers=3))
    assert np.mean(scores[labels > 0]) > np.mean(scores[labels == 0]) + 0.1
    assert not np.array_equal(scores, out_of_fold_scores(values, labels, trees=25, seed=1))


def test_a_file_does_not_teach_its_own_label():
    """Labels by chance are not learnt, however exactly each row could be."""
    values = np.arange(120.0)[:, None]
    labels = np.random.default_rng(4).permutation(np.repeat([0.0, 1.0], 60))
    scores = out_of_fold_scores(values, labels, trees=25)
    assert abs(np.mean(scores[labels > 0]) - np.mean(scores[labels == 0])) < 0.15
