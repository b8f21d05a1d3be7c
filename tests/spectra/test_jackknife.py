"""The jackknife of an inner product against slow sums and theory."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from freqforensics.spectra.jackknife import JackknifeMean, left_out_means, product_p_value, shared_parts


def test_means_without_a_part_are_those_of_the_others():
    rng = np.random.default_rng(0)
    counts = np.array([3.0, 5.0, 2.0])
    sums = rng.normal(size=(3, 4, 2))
    slow = [np.delete(sums, part, axis=0).sum(axis=0) / np.delete(counts, part).sum() for part in range(3)]
    np.testing.assert_allclose(left_out_means(sums, counts), slow)
    assert left_out_means(sums[:1], counts[:1]).shape == (0, 4, 2)


def test_deviations_make_the_covariance_of_the_mean():
    rng = np.random.default_rng(1)
    terms = rng.normal(size=(12, 5))
    mean = JackknifeMean.of(terms.mean(axis=0), left_out_means(terms, np.ones(12)))
    np.testing.assert_allclose(mean.deviations.T @ mean.deviations, np.cov(terms, rowvar=False) / 12)
    assert mean.degrees == 11
    two = JackknifeMean.of(mean.value, left_out_means(terms, np.ones(12)), left_out_means(terms[:4], np.ones(4)))
    expected = np.cov(terms, rowvar=False) / 12 + np.cov(terms[:4], rowvar=False) / 4
    np.testing.assert_allclose(two.deviations.T @ two.deviations, expected)
    assert two.degrees == 3
    assert JackknifeMean.of(mean.value, left_out_means(terms, np.ones(12)), np.zeros((0, 5))).degrees == 0


def means(rng, first, second, noise, count, repeats):
    for _ in range(repeats):
        made = []
        for truth in (first, second):
            terms = truth + rng.normal(0, noise, (count, len(truth)))
            made.append(JackknifeMean.of(terms.mean(axis=0), left_out_means(terms, np.ones(count))))
        yield made


def test_strong_orthogonal_signatures_give_uniform_p_values():
    rng = np.random.default_rng(2)
    first, second = np.zeros(40), np.zeros(40)
    first[:20], second[20:] = 3, 3
    p = [product_p_value(a, b) for a, b in means(rng, first, second, 1.0, 20, 600)]
    assert stats.kstest(p, "uniform").pvalue > 0.001


@pytest.mark.parametrize("dimensions", [1, 2, 30])
def test_noise_alone_is_significant_no_more_often_than_stated(dimensions):
    rng = np.random.default_rng(3)
    nothing = np.zeros(dimensions)
    p = np.array([product_p_value(a, b) for a, b in means(rng, nothing, nothing, 1.0, 20, 1000)])
    for level in (0.05, 0.01):
        assert (p <= level).sum() <= stats.binom.ppf(0.999, 1000, level)


def test_what_both_share_is_taken_off_where_parts_go_together():
    rng = np.random.default_rng(4)
    apart, together = [], []
    for _ in range(300):
        shared = rng.normal(size=(20, 30))
        made = []
        for _ in range(2):
            terms = shared + rng.normal(size=(20, 30))
            made.append(JackknifeMean.of(terms.mean(axis=0), left_out_means(terms, np.ones(20))))
        apart.append(product_p_value(*made))
        together.append(product_p_value(*made, together=True))
    assert np.mean(np.array(apart) <= 0.05) > 0.3
    assert (np.array(together) <= 0.05).sum() <= stats.binom.ppf(0.999, 300, 0.05)
    terms = rng.normal(size=(5, 30))
    other = JackknifeMean.of(terms.mean(axis=0), left_out_means(terms, np.ones(5)))
    with pytest.raises(ValueError, match="equal parts, got 20 and 5"):
        product_p_value(made[0], other, together=True)


def test_what_is_not_known_has_a_p_value_of_one():
    alone = JackknifeMean.of(np.ones(3), np.zeros((0, 3)))
    assert product_p_value(alone, alone) == 1
    flat = JackknifeMean.of(np.zeros(3), np.zeros((4, 3)))
    assert product_p_value(flat, flat) == 1
    assert shared_parts(["a", "b"], ["a", "b"])
    assert not shared_parts(["a", None], ["a", None])
    assert not shared_parts([], [])
    assert not shared_parts(["a", "b"], ["b", "a"])
