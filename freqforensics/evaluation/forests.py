"""How well facts about files tell two sides apart: cross-validated random forests, fold by fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freqforensics.evaluation.proportions import auc_influence, score_interval

Float = NDArray[np.float64]
Index = NDArray[np.intp]

_FOLDS: Final = 5
_TREES: Final = 100
_LEAF: Final = 3
"""Fewest files of a leaf."""


class Fold(NamedTuple):
    """One fold of the cross-validation of a group of files.

    Parameters
    ----------
    group : str
        Name of the group.
    number : int
        Number of the fold, from 0.
    facts : ndarray, shape (N, columns)
        Facts about the files, as numbers.
    labels : ndarray, shape (N,)
        0 of real files, 1 of fake ones; five of each or more.
    """

    group: str
    number: int
    facts: Float
    labels: Float


def folds_of(group: str, facts: Float, labels: Float) -> list[Fold]:
    """Give the five folds of a group of files, for `fold_scores`.

    Parameters
    ----------
    group, facts, labels
        Name, facts and labels of the group, as for `Fold`.

    Returns
    -------
    list of Fold
        The folds; every file is scored in one of them.
    """
    return [Fold(group, number, facts, labels) for number in range(_FOLDS)]


def fold_scores(fold: Fold, *, seed: int) -> tuple[Index, Float]:
    """Fit a forest of 100 trees to four fifths of the files, and score the others.

    Parameters
    ----------
    fold : Fold
        Files to learn from and to score.
    seed : int
        Random seed of the fifths, each with its share of both labels, and of the forest.

    Returns
    -------
    ndarray of int
        Places of the files that are scored.
    ndarray
        Probability that each of them is fake.
    """
    from sklearn import config_context
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedKFold

    splits = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(fold.facts, fold.labels)
    learnt, held_out = list(splits)[fold.number]
    forest = RandomForestClassifier(
        _TREES, min_samples_leaf=_LEAF, class_weight="balanced", random_state=seed, n_jobs=1
    )
    with config_context(assume_finite=True, skip_parameter_validation=True):
        forest.fit(fold.facts[learnt], fold.labels[learnt])
        return held_out, np.asarray(forest.predict_proba(fold.facts[held_out])[:, 1], np.float64)


def forest_aucs(folds: Sequence[Fold], scores: Sequence[tuple[Index, Float]]) -> dict[str, tuple[float, float, float]]:
    """Give the cross-validated AUC of each group, with the score interval for what such a forest is worth on average.

    The variance of the scores as they are leaves out that other files make other forests. Nadeau and Bengio (2003) add
    it in proportion to the size of a fold relative to what is learnt from: a factor of 1 + 5/4 with five folds.

    Parameters
    ----------
    folds : sequence of Fold
        All folds of some groups.
    scores : sequence of (ndarray of int, ndarray)
        Scores of each fold, as `fold_scores` gives them.

    Returns
    -------
    dict of str to (float, float, float)
        AUC, and both ends of its 95 % interval, by group.
    """
    labels = {fold.group: fold.labels for fold in folds}
    joined = {group: np.empty(len(sides)) for group, sides in labels.items()}
    for fold, (places, values) in zip(folds, scores, strict=True):
        joined[fold.group][places] = values
    aucs = {}
    for group, is_fake in labels.items():
        auc, influence = auc_influence(joined[group], is_fake > 0)
        sides = influence[is_fake == 0], influence[is_fake > 0]
        variance = sum(len(side) * float(side.var(ddof=1)) for side in sides)
        variance *= 1 + _FOLDS / (_FOLDS - 1)
        aucs[group] = auc, *score_interval(auc, variance, min(map(len, sides)), len(is_fake) - 2)
    return aucs
