"""Rank correlations against scipy, slow re-implementations and planted truths; the least fake against enumeration."""

from __future__ import annotations

import itertools
import json
import math
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from freqforensics.quality.association import associate, least_fake_of
from freqforensics.quality.pooling import correlation_variance, summarise
from freqforensics.quality.ranks import Covariates, exchanges
from freqforensics.runtime.executors import executing


def one(logits, score, *, resamples=50, permutations=19, **others):
    """Test one score of one generator's fakes."""
    names = {"generators": ["gan"] * len(logits), "labels": ["fake"] * len(logits)}
    return associate(logits, {"s": score}, resamples=resamples, permutations=permutations, **names, **others)


def many(pairs, *, resamples=50, permutations=19, categories=None, clusters=None, covariates=None, seed=0):
    """Test each pair of arrays, as if each were a generator's fakes; in their order."""
    sizes = [len(x) for x, _ in pairs]
    names = np.repeat([f"{i:04}" for i in range(len(pairs))], sizes)
    return associate(
        np.concatenate([x for x, _ in pairs]),
        {"s": np.concatenate([y for _, y in pairs])},
        generators=names,
        labels=["fake"] * len(names),
        categories=categories,
        clusters=clusters,
        covariates=covariates,
        resamples=resamples,
        permutations=permutations,
        seed=seed,
    )


def normal_pair(seed, images, correlation):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=images)
    return x, correlation * x + math.sqrt(1 - correlation**2) * rng.normal(size=images)


def obvious_partial(x, y, columns):
    """Residuals of ranks on a constant and columns, correlated."""
    design = np.column_stack([np.ones(len(x)), *columns])
    residuals = []
    for values in (x, y):
        target = stats.rankdata(values)
        residuals.append(target - design @ np.linalg.lstsq(design, target, rcond=None)[0])
    return np.corrcoef(*residuals)[0, 1]


def obvious_interval(x, y, rho, draws):
    """Standard errors on Fisher's scale, by ranking every resample anew, as many as Student's t has."""
    z = [math.atanh(stats.spearmanr(x[chosen], y[chosen]).statistic) for chosen in draws]
    reach = stats.t.ppf(0.975, len(x) - 2) * np.std(z, ddof=1) * math.sqrt(len(x) / (len(x) - 1))
    return math.tanh(math.atanh(rho) - reach), math.tanh(math.atanh(rho) + reach)


class TestAgainstOthers:
    def test_spearman_and_kendall_are_scipys_with_ties_too(self):
        rng = np.random.default_rng(1)
        for levels in (3, 10, 10_000):
            x, y = rng.integers(levels, size=80), rng.integers(levels, size=80)
            found = one(x, y).tests[0]
            assert found.rho == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
            assert found.tau == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)

    @pytest.mark.long
    def test_interval_is_that_of_resamples_ranked_one_by_one(self):
        x, y = normal_pair(3, 50, 0.4)
        x = np.round(x, 1)
        rng = np.random.default_rng(9)
        rho = stats.spearmanr(x, y).statistic
        slow = obvious_interval(x, y, rho, [rng.integers(50, size=50) for _ in range(4000)])
        found = one(x, y, resamples=4000).tests[0]
        # Each end has a Monte Carlo error of about reach / sqrt(2 B), 0.003.
        assert (found.low, found.high) == pytest.approx(slow, abs=0.015)

    def test_partial_spearman_is_least_squares_of_ranks(self):
        rng = np.random.default_rng(2)
        n = 120
        quality = [None if rng.random() < 0.3 else int(rng.integers(60, 100)) for _ in range(n)]
        pixels, kind = rng.lognormal(size=n), rng.choice(["cat", "dog", "bus"], n)
        q = np.array([np.nan if v is None else v for v in quality])
        y = np.nan_to_num(q, nan=20) / 20 + rng.normal(size=n)
        x = np.nan_to_num(q, nan=90) / 30 + pixels + rng.normal(size=n) + (kind == "cat")
        has = ~np.isnan(q)
        ranked = np.zeros(n)
        ranked[has] = stats.rankdata(q[has])
        columns = [ranked, ~has, stats.rankdata(pixels), kind == "cat", kind == "dog"]
        covariates = {"jpeg": quality, "pixels": pixels, "kind": kind, "constant": np.full(n, 7.0)}
        found = one(x, y, covariates=covariates, resamples=500).tests[0]
        assert found.partial_rho == pytest.approx(obvious_partial(x, y, columns), abs=1e-10)
        assert found.held == 5
        assert found.partial_low < found.partial_rho < found.partial_high
        # Categories are held fixed as a covariate of names is.
        del covariates["kind"]
        again = one(x, y, covariates=covariates, categories=kind).tests[0]
        assert again.partial_rho == pytest.approx(found.partial_rho, abs=1e-10)

    @pytest.mark.long
    def test_partial_interval_is_that_of_resamples_one_by_one(self):
        rng = np.random.default_rng(12)
        n = 60
        c, kind = rng.integers(8, size=n).astype(float), np.array(["a", "b", "c"])[rng.integers(3, size=n)]
        x, y = c + rng.normal(size=n), c + (kind == "a") + rng.normal(size=n)
        found = one(x, y, covariates={"c": c, "kind": kind}, resamples=3000).tests[0]
        z = []
        for _ in range(3000):
            i = rng.integers(n, size=n)
            z.append(math.atanh(obvious_partial(x[i], y[i], [stats.rankdata(c[i]), kind[i] == "a", kind[i] == "b"])))
        assert found.partial_z_error == pytest.approx(np.std(z, ddof=1) * math.sqrt(60 / 59), rel=0.06)

    def test_q_values_are_benjamini_and_hochbergs(self):
        pairs = [normal_pair(seed, 40, 0.4 if seed < 5 else 0) for seed in range(15)]
        covariate = np.random.default_rng(5).normal(size=15 * 40)
        tests = many(pairs, permutations=199, covariates={"c": covariate}).tests
        for p_name, q_name in (("p_value", "q_value"), ("partial_p_value", "partial_q_value")):
            p = np.array([getattr(test, p_name) for test in tests])
            q = [getattr(test, q_name) for test in tests]
            assert q == pytest.approx(stats.false_discovery_control(p), abs=1e-12)
            # The least, over thresholds that reject it, of expected over actual rejections.
            slow = [min(1, *(15 * cut / np.sum(p <= cut) for cut in p if cut >= mine)) for mine in p]
            assert q == pytest.approx(slow, abs=1e-12)

    def test_undefined_tests_do_not_count_among_q_values(self):
        pairs = [normal_pair(seed, 40, 0.3) for seed in range(3)]
        alone = many(pairs).tests
        beside = many([*pairs, (np.zeros(40), np.arange(40.0))]).tests
        assert [test.q_value for test in beside[:3]] == [test.q_value for test in alone]
        assert math.isnan(beside[3].q_value)

    def test_p_value_is_the_share_of_all_permutations(self):
        rng = np.random.default_rng(8)
        x, y = rng.normal(size=6), np.array([0.0, 1, 1, 2, 3, 4])
        rho = stats.spearmanr(x, y).statistic
        every = [stats.spearmanr(x, y[list(order)]).statistic for order in itertools.permutations(range(6))]
        exact = np.mean(np.abs(every) >= abs(rho) - 1e-9)
        assert one(x, y, permutations=20_000).tests[0].p_value == pytest.approx(exact, abs=0.02)

    def test_partial_p_value_is_freedman_and_lanes(self):
        """Residuals of one in every order, added to nothing, freed of the covariates again, correlated."""
        x, y = np.array([0.0, 2, 1, 3, 5, 4, 6]), np.array([1.0, 0, 2, 5, 3, 6, 4])
        c = np.array([0.0, 0, 0, 0, 0, 1, 7])
        design = np.column_stack([np.ones(7), stats.rankdata(c)])
        free = np.eye(7) - design @ np.linalg.pinv(design)
        a, b = free @ stats.rankdata(x), free @ stats.rankdata(y)
        every = np.array([free @ b[list(order)] for order in itertools.permutations(range(7))])
        chance = every @ a / np.linalg.norm(every, axis=1) / np.linalg.norm(a)
        exact = np.mean(np.abs(chance) >= abs(chance[0]) - 1e-9)
        found = one(x, y, covariates={"c": c}, permutations=40_000).tests[0]
        assert found.partial_rho == pytest.approx(chance[0])
        assert found.partial_p_value == pytest.approx(exact, abs=0.008)


class TestPlanted:
    def test_simpsons_paradox(self):
        rng = np.random.default_rng(4)
        x, y, names = [], [], []
        for i in range(4):
            shared = rng.normal(size=150)
            x.append(shared + rng.normal(size=150) + 5 * i)
            y.append(shared + rng.normal(size=150) - 5 * i)
            names += [f"gan{i}"] * 150
        x, y = np.concatenate(x), np.concatenate(y)
        assert stats.spearmanr(x, y).statistic < -0.5
        found = associate(x, {"sharpness": y}, generators=names, labels=["fake"] * 600)
        assert all(test.low > 0 and test.p_value < 0.01 for test in found.tests)
        assert found.summaries[0].low > 0.2
        assert found.summaries[0].pooled_rho == pytest.approx(stats.spearmanr(x, y).statistic)
        assert found.summaries[0].reversed
        assert [note for note in found.notes if "turns the sign round" in note and note.startswith("sharpness, fake")]

    def test_no_paradox_no_note(self):
        found = many([normal_pair(seed, 100, 0.5) for seed in range(3)])
        assert not found.summaries[0].reversed
        assert found.notes == ()

    def test_jpeg_quality_drives_both(self):
        raw, partial, covers = [], [], 0
        for seed in range(20):
            rng = np.random.default_rng(seed)
            quality = rng.integers(50, 100, size=300).astype(float)
            step = (quality - 75) / 15
            x, y = 0.8 * step + rng.normal(size=300), -0.8 * step + rng.normal(size=300)
            found = one(x, y, covariates={"jpeg": quality}, resamples=300, permutations=199).tests[0]
            raw.append(found.rho)
            partial.append(found.partial_rho)
            covers += found.partial_low <= 0 <= found.partial_high
            assert found.p_value < 0.05
        assert np.mean(raw) == pytest.approx(-0.35, abs=0.08)
        assert abs(np.mean(partial)) < 0.05
        # Of 20 intervals that cover with probability 0.95, fewer than 16 do with probability 0.003.
        assert covers >= 16

    def test_what_is_no_jpeg_counts_as_a_kind_of_its_own(self):
        rng = np.random.default_rng(6)
        is_jpeg = rng.random(400) < 0.5
        x, y = 2.0 * is_jpeg + rng.normal(size=400), 2.0 * is_jpeg + rng.normal(size=400)
        found = one(x, y, covariates={"jpeg": [90 if yes else None for yes in is_jpeg]}).tests[0]
        assert found.rho > 0.35
        assert abs(found.partial_rho) < 0.1
        assert found.held == 1

    @pytest.mark.parametrize("images", [40, 100, 250])
    @pytest.mark.long
    def test_interval_covers_the_truth(self, images):
        truth = 6 / math.pi * math.asin(0.5 / 2)
        tests = many([normal_pair(seed, images, 0.5) for seed in range(100)], resamples=1000, permutations=1).tests
        assert sum(test.low <= truth <= test.high for test in tests) >= 93
        # Not by being wide: theory's standard error is sqrt(1.06 / (n - 3)).
        assert np.mean([test.z_error for test in tests]) == pytest.approx(
            math.sqrt(correlation_variance(images)), rel=0.15
        )

    @pytest.mark.long
    def test_interval_covers_the_truth_in_the_long_run(self):
        """A hundred seeds fail an interval of exactly 95 % one time in eight; a thousand do not."""
        truth = 6 / math.pi * math.asin(0.5 / 2)
        covers = 0
        for start in range(0, 1000, 100):
            pairs = [normal_pair(seed, 100, 0.5) for seed in range(start, start + 100)]
            tests = many(pairs, resamples=400, permutations=1).tests
            covers += sum(test.low <= truth <= test.high for test in tests)
        assert 930 <= covers <= 970

    @pytest.mark.parametrize("share", [0.0, 0.5])
    @pytest.mark.long
    def test_interval_with_few_clusters_covers(self, share):
        """Ten clusters of twelve, `share` of whose variance is their own, in logit and score alike."""
        pairs, clusters = [], []
        for seed in range(200):
            rng = np.random.default_rng(seed)
            own = rng.normal(size=(2, 10))[:, np.repeat(np.arange(10), 12)] * math.sqrt(share)
            pairs.append(tuple(own + rng.normal(size=(2, 120)) * math.sqrt(1 - share)))
            clusters += [f"{seed}/{i}" for i in np.repeat(np.arange(10), 12)]
        covers = np.sum([test.low <= 0 <= test.high for test in many(pairs, clusters=clusters, resamples=400).tests])
        # The rate of 95 % within what 200 tell; ten clusters leave standard errors themselves uncertain.
        assert covers >= stats.binom.ppf(0.0005, 200, 0.95)

    def test_p_values_are_uniform_where_nothing_is_associated(self):
        tests = many([normal_pair(seed, 40, 0.0) for seed in range(200)], permutations=399).tests
        p = [test.p_value for test in tests]
        assert stats.kstest(p, "uniform").pvalue > 0.001
        low, high = stats.binom.ppf([0.0005, 0.9995], 200, 0.05)
        assert low <= np.sum(np.array(p) <= 0.05) <= high

    @pytest.mark.long
    def test_categories_alone_give_no_significance(self):
        pairs, categories = [], []
        for seed in range(200):
            rng = np.random.default_rng(seed)
            kind = rng.integers(3, size=60)
            pairs.append((4 * kind + rng.normal(size=60), 4 * kind + rng.normal(size=60)))
            categories += kind.tolist()
        free = many(pairs, permutations=199).tests
        within = many(pairs, permutations=199, categories=np.array(categories).astype(str)).tests
        assert all(test.p_value < 0.05 for test in free)
        assert all(test.rho > 0.5 for test in within)
        low, high = stats.binom.ppf([0.0005, 0.9995], 200, 0.05)
        for name in ("p_value", "partial_p_value"):
            p = np.array([getattr(test, name) for test in within])
            assert low <= np.sum(p <= 0.05) <= high
            assert stats.kstest(p, "uniform").pvalue > 0.001

    def test_association_against_the_categories_is_found_within_them(self):
        rng = np.random.default_rng(3)
        kind = np.repeat(["a", "b", "c"], 50)
        lift = np.repeat([0.0, 10, 20], 50)
        x = rng.normal(size=150)
        found = one(lift + x, lift - x + rng.normal(size=150), categories=kind, permutations=199).tests[0]
        assert found.rho > 0.5
        assert found.partial_rho < -0.3
        assert found.p_value == found.partial_p_value == 1 / 200


class TestClusters:
    @staticmethod
    def copies(seed, times=4, images=40):
        rng = np.random.default_rng(seed)
        photo = np.repeat(np.arange(images), times)
        return rng.normal(size=images)[photo], rng.normal(size=images)[photo], photo

    def test_interval_is_that_of_the_images_without_their_copies(self):
        x, y, photo = self.copies(0)
        naive, clustered = one(x, y, resamples=2000).tests[0], one(x, y, clusters=photo, resamples=2000).tests[0]
        alone = one(x[::4], y[::4], resamples=2000).tests[0]
        assert (naive.clusters, clustered.clusters) == (160, 40)
        assert clustered.rho == pytest.approx(alone.rho)
        assert clustered.z_error == pytest.approx(2 * naive.z_error, rel=0.15)
        assert (clustered.low, clustered.high) == pytest.approx((alone.low, alone.high), abs=0.03)

    @pytest.mark.long
    def test_copies_alone_give_no_significance(self):
        pairs, photos = [], []
        for seed in range(200):
            x, y, photo = self.copies(seed, images=20)
            pairs.append((x, y))
            photos += [f"{seed}/{i}" for i in photo]
        low, high = stats.binom.ppf([0.0005, 0.9995], 200, 0.05)
        naive = np.sum([test.p_value <= 0.05 for test in many(pairs, permutations=99).tests])
        clustered = np.sum([test.p_value <= 0.05 for test in many(pairs, permutations=99, clusters=photos).tests])
        assert naive > 50
        assert low <= clustered <= high

    def test_clusters_of_a_size_of_their_own_stay_where_they_are(self):
        x, y = normal_pair(0, 12, 0.5)
        found = one(x, y, clusters=[0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 3])
        assert math.isnan(found.tests[0].p_value)
        assert found.tests[0].low < found.tests[0].rho
        assert "no p-value" in found.notes[0]

    def test_what_is_exchanged(self):
        """Whole clusters, of as many images and of the same categories; a whole category image by image."""
        strata = np.array([0, 1, 0, 1, 2, 2, 2, 3, 3, 3, 3, 0, 1])
        groups = np.array([0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6])
        moves = exchanges(strata, groups, 200, np.random.default_rng(0))
        assert (np.sort(moves, axis=1) == np.arange(13)).all()
        assert {tuple(row) for row in moves[:, :4]} == {(0, 1, 2, 3), (2, 3, 0, 1)}
        assert {tuple(row) for row in moves[:, 4:7]} == set(itertools.permutations([4, 5, 6]))
        assert {tuple(row) for row in moves[:, 7:11]} == {(7, 8, 9, 10), (9, 10, 7, 8)}
        assert (moves[:, 11:] == [11, 12]).all()
        # A cluster of two categories is as large as one of them, and yet not all of it.
        assert not len(exchanges(np.array([0, 1, 1, 0]), np.array([0, 0, 1, 2]), 9, np.random.default_rng(0)))

    def test_clusters_that_are_the_categories_are_exchanged_by_image(self):
        x, y = normal_pair(1, 90, 0.6)
        kind = np.repeat(["a", "b", "c"], 30)
        same = one(x, y, clusters=kind, categories=kind, permutations=199).tests[0]
        assert same.p_value == 1 / 200
        assert same.clusters == 3

    def test_one_cluster_has_no_interval(self):
        found = one(*normal_pair(1, 40, 0.5), clusters=["a"] * 40)
        assert math.isnan(found.tests[0].low)
        assert found.tests[0].rho > 0.2
        assert "no interval" in found.notes[0]

    def test_clusters_widen_a_summary(self):
        pairs = [self.copies(seed)[:2] for seed in range(3)]
        photos = np.concatenate([self.copies(0)[2] + 100 * i for i in range(3)])
        naive, clustered = many(pairs).summaries[0], many(pairs, clusters=photos).summaries[0]
        assert clustered.high - clustered.low > naive.high - naive.low
        assert clustered.q < naive.q


class TestSummary:
    def test_textbook_example(self):
        """Written out: weights, Q, tau2 by bisection, Hartung and Knapp's variance."""
        rho, images = np.array([0.62, 0.10, 0.35, -0.05, 0.48]), np.array([60, 120, 45, 200, 80])
        z = 0.5 * np.log((1 + rho) / (1 - rho))
        v = 1.06 / (images - 3)

        def q(t2):
            w = 1 / (v + t2)
            return sum(w * (z - sum(w * z) / sum(w)) ** 2)

        a, b = 0.0, 10.0
        for _ in range(200):
            middle = (a + b) / 2
            a, b = (middle, b) if q(middle) > 4 else (a, middle)
        w = 1 / (v + a)
        mean = sum(w * z) / sum(w)
        spread = math.sqrt(sum(w * (z - mean) ** 2) / (4 * sum(w)))
        found = summarise(rho, images, generators=tuple("abcde"))
        assert found.q == pytest.approx(q(0))
        assert found.q_p_value == pytest.approx(stats.chi2.sf(q(0), 4))
        assert found.i2 == pytest.approx((q(0) - 4) / q(0))
        assert found.tau2 == pytest.approx(a, abs=1e-9)
        assert found.rho == pytest.approx(math.tanh(mean))
        # 2.776 is Student's quantile in the tables, four degrees of freedom.
        assert (found.low, found.high) == pytest.approx(
            (math.tanh(mean - 2.776445 * spread), math.tanh(mean + 2.776445 * spread)), abs=1e-6
        )
        assert (found.generators, found.images, found.left_out) == (5, 505, ())

    def test_equal_effects_have_no_heterogeneity_and_yet_an_interval(self):
        found = summarise([0.3] * 4, [50, 80, 120, 300], generators=tuple("abcd"))
        assert (found.i2, found.tau2) == (0, 0)
        assert found.q == pytest.approx(0, abs=1e-20)
        assert found.q_p_value == pytest.approx(1)
        error = math.sqrt(1.06 / (47 + 77 + 117 + 297))
        assert found.rho == pytest.approx(0.3)
        assert found.high == pytest.approx(math.tanh(math.atanh(0.3) + stats.t.ppf(0.975, 3) * error))

    def test_variance_between_generators_is_recovered(self):
        rng = np.random.default_rng(0)
        z = 0.3 + rng.normal(size=4000) * 0.2 + rng.normal(size=4000) * math.sqrt(1.06 / 97)
        found = summarise(np.tanh(z), [100] * 4000, generators=("g",) * 4000)
        assert found.tau2 == pytest.approx(0.04, rel=0.1)
        assert found.low < math.tanh(0.3) < found.high

    def test_a_single_generator_has_no_heterogeneity(self):
        found = summarise([0.4], [50], generators=("gan",))
        assert found.rho == pytest.approx(0.4)
        assert found.low == pytest.approx(math.tanh(math.atanh(0.4) - 1.959964 * math.sqrt(1.06 / 47)))
        assert all(math.isnan(value) for value in (found.tau2, found.i2, found.q, found.q_p_value))

    def test_few_images_and_undefined_correlations_are_left_out(self):
        found = summarise([0.9, 0.3, math.nan, 0.2], [9, 10, 80, 29], generators=tuple("abcd"))
        assert found.left_out == ("a", "c")
        assert found.images == 39
        nothing = summarise([0.9], [3], generators=("a",))
        assert nothing.generators == 0
        assert math.isnan(nothing.rho)

    def test_covariates_cost_images(self):
        assert correlation_variance(50, held=7) == pytest.approx(1.06 / 40)
        assert correlation_variance([3, 2, 4]).tolist() == [math.inf, math.inf, 1.06]

    def test_perfect_agreement_is_finite(self):
        found = summarise([1.0, 1.0], [20, 20], generators=("a", "b"))
        assert 0.99 < found.rho < 1
        assert found.low < found.rho

    def test_shapes_are_compared(self):
        with pytest.raises(ValueError, match=r"\(2,\), \(3,\) and 2"):
            summarise([0.1, 0.2], [10, 20, 30], generators=("a", "b"))


class TestLeastFake:
    def test_against_every_subset(self):
        rng = np.random.default_rng(0)
        for x in (rng.normal(size=8), np.array([1.0, 1, 1, -2, -2, 0, 5, 5])):
            for found in least_fake_of(x, range(1, 9), threshold=0.2, resamples=20):
                least = [min(chosen) for chosen in itertools.combinations(x, found.k)]
                assert found.expected == pytest.approx(np.mean(least), abs=1e-12)
                assert found.evades == pytest.approx(np.mean(np.array(least) <= 0.2), abs=1e-12)

    def test_one_is_the_mean_and_all_the_least(self):
        x = np.random.default_rng(1).normal(size=500) * 10
        one_of, all_of = least_fake_of(x, [1, 500])
        assert one_of.expected == pytest.approx(x.mean(), abs=1e-9)
        assert all_of.expected == x.min()
        assert one_of.evades == pytest.approx((x <= 0).mean())
        assert all_of.evades == 1

    def test_formula_of_order_statistics_for_many_images(self):
        """With integers of any size: C(2000, 300) overflows a float."""
        x = np.sort(np.random.default_rng(2).normal(size=2000))
        whole = math.comb(2000, 300)
        weights = [math.comb(1999 - i, 299) / whole for i in range(2000)]
        assert least_fake_of(x, [300], resamples=2)[0].expected == pytest.approx(np.dot(weights, x), abs=1e-9)

    def test_interval_of_one_is_that_of_the_mean(self):
        x = np.random.default_rng(3).normal(size=400)
        found = least_fake_of(x, [1], resamples=4000)[0]
        reach = 1.96 * x.std() / 20
        assert (found.low, found.high) == pytest.approx((x.mean() - reach, x.mean() + reach), abs=0.012)

    def test_interval_covers_the_least_of_ten(self):
        truth = integrate.quad(lambda x: 10 * x * stats.norm.pdf(x) * stats.norm.sf(x) ** 9, -10, 10)[0]
        covers = 0
        for seed in range(100):
            found = least_fake_of(np.random.default_rng(seed).normal(size=300), [10], resamples=300)[0]
            covers += found.low <= truth <= found.high
        # Percentile intervals of tails are a little short; below 85 something is wrong.
        assert 85 <= covers < 100

    def test_copies_widen_it(self):
        photo = np.repeat(np.arange(50), 4)
        x = np.random.default_rng(4).normal(size=50)[photo]
        naive, clustered = least_fake_of(x, [3])[0], least_fake_of(x, [3], clusters=photo)[0]
        assert clustered.expected == naive.expected
        assert clustered.high - clustered.low > 1.5 * (naive.high - naive.low)

    def test_resamples_smaller_than_k_give_their_least(self):
        found = least_fake_of([0.0, 1, 2, 3, 4], [5], clusters=["a", "a", "a", "a", "b"], resamples=200)[0]
        assert found.expected == 0
        assert (found.low, found.high) == (0, 4)

    @pytest.mark.parametrize("k", [0, 5, -1, 1.5])
    def test_k_outside_is_refused(self, k):
        with pytest.raises(ValueError, match=rf"ks must .*got {k}"):
            least_fake_of([1.0, 2, 3, 4], [1, k])

    def test_bad_values_are_refused(self):
        with pytest.raises(ValueError, match="finite"):
            least_fake_of([1.0, math.nan], [1])
        with pytest.raises(ValueError, match=r"clusters must .*got 3"):
            least_fake_of([1.0, 2], [1], clusters=[1, 2, 3])
        with pytest.raises(ValueError, match="resamples"):
            least_fake_of([1.0, 2], [1], resamples=0)


class TestEdges:
    def test_constants_are_undefined_and_told(self):
        x = np.arange(40.0)
        for found, what in ((one(np.full(40, 2.5), x), "logit is 2.5"), (one(x, np.full(40, 3)), "score is 3")):
            assert math.isnan(found.tests[0].rho)
            assert math.isnan(found.tests[0].p_value)
            assert what in found.notes[0]
            assert math.isnan(found.summaries[0].rho)

    @pytest.mark.parametrize("images", [1, 2, 3])
    def test_fewer_than_four_are_not_tested(self, images):
        found = one(np.arange(images), np.arange(images))
        assert math.isnan(found.tests[0].rho)
        assert found.tests[0].few
        assert f"only {images} with a value" in found.notes[0]

    def test_few_is_fewer_than_thirty(self):
        assert one(*normal_pair(0, 29, 0.3)).tests[0].few
        assert not one(*normal_pair(0, 30, 0.3)).tests[0].few

    def test_missing_scores_leave_their_own_tests_only(self):
        x, y = normal_pair(2, 50, 0.4)
        holed = y.copy()
        holed[:7] = np.nan
        names = {"generators": ["gan"] * 50, "labels": ["fake"] * 50}
        found = associate(x, {"full": y, "holed": holed}, resamples=20, permutations=9, **names)
        assert [(test.images, test.left_out) for test in found.tests] == [(50, 0), (43, 7)]
        assert found.tests[1].rho == pytest.approx(stats.spearmanr(x[7:], y[7:]).statistic)
        assert found.notes == ("holed: 7 of 50 images have no value and are left out",)

    def test_a_score_nobody_has(self):
        found = one(np.arange(30.0), np.full(30, np.nan))
        assert found.tests[0].images == 0
        assert math.isnan(found.summaries[0].pooled_rho)

    def test_real_and_fake_and_generators_stay_apart(self):
        x, y = normal_pair(5, 80, 0.5)
        labels = np.tile(["real", "fake"], 40)
        makers = np.repeat(["b", "a"], 40)
        found = associate(x, {"s": y}, generators=makers, labels=labels, resamples=20, permutations=9)
        assert [(test.label, test.generator) for test in found.tests] == list(itertools.product(["real", "fake"], "ab"))
        for test in found.tests:
            here = (labels == test.label) & (makers == test.generator)
            assert test.rho == pytest.approx(stats.spearmanr(x[here], y[here]).statistic)
        assert [(summary.label, summary.generators) for summary in found.summaries] == [("real", 2), ("fake", 2)]
        for summary in found.summaries:
            here = labels == summary.label
            assert summary.pooled_rho == pytest.approx(stats.spearmanr(x[here], y[here]).statistic)

    def test_other_scores_and_generators_change_no_test(self):
        pairs = [normal_pair(seed, 40, 0.3) for seed in range(3)]
        both, alone = many(pairs).tests[0], many(pairs[:1]).tests[0]
        # As text, where NaN equals NaN; the q-value is of all together.
        assert str(replace(both, q_value=0)) == str(replace(alone, q_value=0))

    def test_the_seed_decides(self):
        pair = normal_pair(0, 40, 0.3)
        assert str(one(*pair, seed=1)) == str(one(*pair, seed=1))
        assert one(*pair, seed=1).tests[0].low != one(*pair, seed=2).tests[0].low

    def test_perfect_order_has_no_interval(self):
        found = one(np.arange(40.0), np.arange(40.0) ** 3)
        assert found.tests[0].rho == 1
        assert math.isnan(found.tests[0].low)
        assert "no interval" in found.notes[0]

    def test_covariates_that_tell_the_score_leave_nothing(self):
        x, y = normal_pair(0, 40, 0.3)
        found = one(x, y, covariates={"same": 2 * y})
        assert found.tests[0].rho == pytest.approx(stats.spearmanr(x, y).statistic)
        assert math.isnan(found.tests[0].partial_rho)
        assert "leave nothing" in found.notes[0]
        many_names = one(x, y, covariates={"name": [str(i) for i in range(40)]})
        assert math.isnan(many_names.tests[0].partial_rho)

    def test_covariates_cost_degrees_of_freedom(self):
        x, y = normal_pair(0, 9, 0.3)
        names = ["a", "a", "b", "b", "c", "c", "d", "d", "e"]
        found = one(x, y, covariates={"name": names}).tests[0]
        reach = math.atanh(found.partial_high) - math.atanh(found.partial_rho)
        assert reach == pytest.approx(stats.t.ppf(0.975, 9 - 2 - 4) * found.partial_z_error)
        # Three images that are not accounted for are too few, as three images are.
        found = one(x[:7], y[:7], covariates={"name": [*names[:5], "d", "e"]})
        assert math.isnan(found.tests[0].partial_rho)
        assert "leave nothing" in found.notes[0]

    def test_constant_covariates_change_nothing(self):
        x, y = normal_pair(0, 40, 0.3)
        found = one(x, y, covariates={"a": [90] * 40, "b": ["png"] * 40, "c": [None] * 40}).tests[0]
        assert found.held == 0
        assert found.partial_rho == pytest.approx(found.rho)
        assert found.partial_low == pytest.approx(found.low, abs=1e-9)

    def test_without_covariates_there_is_no_partial(self):
        found = one(*normal_pair(0, 40, 0.3))
        assert math.isnan(found.tests[0].partial_rho)
        assert found.partial_summaries == ()

    def test_json_is_json(self):
        x, y = normal_pair(0, 40, 0.3)
        shown = one(x, y, covariates={"c": y**2}).to_json()
        assert json.loads(json.dumps(shown, allow_nan=False)) == json.loads(json.dumps(shown))
        assert shown["tests"][0]["rho"] == one(x, y).tests[0].rho
        assert shown["summaries"][0]["tau2"] is None

    @pytest.mark.parametrize("name", ["generators", "labels", "categories", "clusters", "scores", "covariates"])
    def test_lengths_are_compared(self, name):
        given = {"generators": ["g"] * 6, "labels": ["fake"] * 6, "scores": {"s": np.arange(6.0)}}
        given[name] = {"s": np.arange(5.0)} if name in ("scores", "covariates") else ["fake"] * 5
        scores = given.pop("scores")
        shown = f"{name}\\['s'\\]" if name in ("scores", "covariates") else name
        with pytest.raises(ValueError, match=f"{shown} must have one value for each of 6 logits, got 5"):
            associate(np.arange(6.0), scores, **given)

    def test_bad_values_are_refused(self):
        for bad in (math.nan, math.inf):
            with pytest.raises(ValueError, match="logits must"):
                one([1.0, bad, 2, 3], np.arange(4))
        with pytest.raises(ValueError, match="got 'forged'"):
            associate([1.0], {}, generators=["g"], labels=["forged"])
        with pytest.raises(ValueError, match="permutations"):
            one(np.arange(5), np.arange(5), permutations=0)


def test_names_are_coded_without_a_matrix_of_images_by_images():
    rng = np.random.default_rng(21)
    names = np.array(["c", "a", "b", "d"])[rng.integers(4, size=50)]
    slow = np.array([[float(name == other) for other in "bcd"] for name in names])
    np.testing.assert_array_equal(Covariates.of({"name": names}).dummies, slow)
    np.testing.assert_array_equal(Covariates.of({"name": names.astype(object)}).dummies, slow)
    assert Covariates.of({"name": np.array(["x"] * 5)}).dummies.shape == (5, 0)
    many = np.array(["real", "fake", "other"])[rng.integers(3, size=20_000)]
    tracemalloc.start()
    assert Covariates.of({"name": many}).dummies.shape == (20_000, 2)
    assert tracemalloc.get_traced_memory()[1] < 50e6  # images by images of float64 are 3200 MB
    tracemalloc.stop()


class TestThreads:
    def scored(self, **options):
        """Four generators, one with too few images, and a covariate."""
        rng = np.random.default_rng(8)
        x, *scores = rng.normal(size=(4, 100))
        scores[1][::7] = np.nan
        return associate(
            x,
            {"a": scores[0], "b": scores[1], "constant": np.ones(100)},
            generators=np.repeat(["gan", "vae", "flow", "rare"], [40, 30, 27, 3]),
            labels=np.resize(["real", "fake"], 100),
            covariates={"size": scores[2]},
            resamples=40,
            permutations=30,
            **options,
        )

    def test_the_result_does_not_depend_on_the_number_of_threads(self):
        assert repr(self.scored(workers=1)) == repr(self.scored(workers=3)) == repr(self.scored())
        with pytest.raises(ValueError, match="workers must be at least 1"):
            self.scored(workers=0)

    def test_whoever_reads_the_images_makes_no_tests(self):
        class Nobody:
            partial = False

            def nodes(self, job):
                raise AssertionError("only passes over images are for the executor")

            def share(self, key, value): ...

        expected = repr(self.scored())
        with executing(Nobody()):
            assert repr(self.scored()) == expected

    def test_no_images_are_no_tests(self):
        result = associate([], {"a": []}, generators=[], labels=[])
        assert (result.tests, result.summaries) == ((), ())
