"""Does a detector's fakeness follow an image's visual quality? Rank correlations, one generator and label at a time."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, get_args
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import false_discovery_control, kendalltau

from freqforensics.quality.pooling import Summary, summarise
from freqforensics.quality.ranks import (
    Covariates,
    Float,
    Index,
    all_among,
    centred,
    check_resampling,
    codes,
    drawn,
    exchanges,
    expected_least,
    interval,
    permutation_p,
    ranks,
    spearman,
)
from freqforensics.runtime.parallel import call_all
from freqforensics.runtime.showing import Summarised

Label = Literal["real", "fake"]

FEW: Final = 30
"""Images below which a test is marked."""
_LEAST: Final = 4
_NAN: Final = float("nan")


@dataclass(frozen=True)
class Association:
    """Correlation of one score with the logits of one generator's real or fake images.

    What is not defined (a constant, too few images) is NaN.

    Parameters
    ----------
    score, generator : str
        Names of the score, of the generator, and of the label.
    label : {"real", "fake"}
    images, clusters, left_out : int
        Images tested, groups they come in, and images without the score.
    rho, low, high : float
        Spearman's correlation of logit and score, and its 95 % interval: on Fisher's scale as many standard errors of
        the clustered bootstrap as Student's t has for the clusters. Percentiles are too narrow with few clusters.
    z_error : float
        That standard error, of artanh(rho).
    tau : float
        Kendall's tau-b.
    p_value : float
        Two-sided, by permutation within categories where there are any: association *between* categories counts in
        `rho`, not here. Never below 1 / (1 + permutations).
    q_value : float
        Benjamini & Hochberg's, over all tests made together.
    partial_rho, partial_low, partial_high, partial_z_error, partial_p_value, partial_q_value : float
        The same with covariates and categories held fixed.
    held : int
        Columns that were regressed out.
    few : bool
        Fewer than 30 images.
    """

    score: str
    generator: str
    label: Label
    images: int
    clusters: int
    left_out: int
    rho: float = _NAN
    low: float = _NAN
    high: float = _NAN
    z_error: float = _NAN
    tau: float = _NAN
    p_value: float = _NAN
    q_value: float = _NAN
    partial_rho: float = _NAN
    partial_low: float = _NAN
    partial_high: float = _NAN
    partial_z_error: float = _NAN
    partial_p_value: float = _NAN
    partial_q_value: float = _NAN
    held: int = 0
    few: bool = False


@dataclass(frozen=True, repr=False)
class Associations(Summarised):
    """All tests made together.

    Parameters
    ----------
    tests : tuple of Association
        By score, label ("real" first) and generator.
    summaries, partial_summaries : tuple of Summary
        Over generators, by score and label; of `rho` and of `partial_rho`. The latter is empty without covariates.
    notes : tuple of str
        What a reader must know, in words.
    """

    tests: tuple[Association, ...]
    summaries: tuple[Summary, ...]
    partial_summaries: tuple[Summary, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Give everything as JSON values; None for NaN."""
        return {
            "tests": [_plain(asdict(result)) for result in self.tests],
            "summaries": [_plain(asdict(result)) for result in self.summaries],
            "partial_summaries": [_plain(asdict(result)) for result in self.partial_summaries],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class LeastFake:
    """The least fake of k images drawn from a set.

    Parameters
    ----------
    k : int
        Number of images that are chosen from.
    expected, low, high : float
        Its expected logit, and a 95 % percentile interval. The bootstrap fails for extremes: the interval means little
        where k is not far below the number of images.
    evades : float
        Probability that it is not called fake.
    """

    k: int
    expected: float
    low: float
    high: float
    evades: float


def associate(
    logits: ArrayLike,
    scores: Mapping[str, ArrayLike],
    *,
    generators: Sequence[str],
    labels: Sequence[str],
    covariates: Mapping[str, ArrayLike] | None = None,
    categories: Sequence[str] | None = None,
    clusters: Sequence[Any] | None = None,
    resamples: int = 1000,
    permutations: int = 1999,
    seed: int = 0,
    workers: int | None = None,
) -> Associations:
    """Test whether logits follow scores, for real and fake images of every generator apart.

    Parameters
    ----------
    logits : array, shape (N,)
        Greater is more likely fake.
    scores : mapping of str to array, shape (N,)
        By name; NaN (or None) where an image has none, which leaves it out of that score's tests.
    generators, labels : sequence of str, length N
        Labels are "real" or "fake".
    covariates : mapping of str to array, shape (N,), optional
        Covariates to hold fixed. Numbers are replaced by their ranks. Where some are None or NaN (such as the JPEG
        quality of a PNG), the others are ranked, and an indicator is added. Text becomes indicators. Constants are
        dropped.
    categories : sequence of str, optional
        Ranks are exchanged within them only, and they are held fixed in partial correlations.
    clusters : sequence, optional
        Images that belong together (duplicates, one source photo) are drawn together, and exchanged together with
        clusters of as many images and of the same categories. A cluster that is a whole category is exchanged image by
        image: the category is fixed already.
    resamples : int
        Number of bootstrap samples, 2 or more.
    permutations : int
        Number of permutations for p-values.
    seed : int
        Random seed, for both.
    workers : int, optional
        Number of threads; default the number of processors this process may use. The result does not depend on it.

    Returns
    -------
    Associations
        Correlations, with intervals and corrected p-values.

    Raises
    ------
    ValueError
        Lengths differ, a logit is not finite, a label is unknown; `resamples` below 2, `permutations` below 1.

    Notes
    -----
    Partial correlations are Pearson's of the residuals that least squares leaves of ranks; their permutations are of
    residuals (Freedman & Lane 1983). Summaries: see `freqforensics.quality.pooling`.

    Examples
    --------
    The logits follow the contrast of these images and not the noise.

    >>> contrast, noise, rest = np.random.default_rng(0).normal(size=(3, 60))
    >>> result = associate(
    ...     contrast + 0.3 * rest,
    ...     {"contrast": contrast, "noise": noise},
    ...     generators=["biggan"] * 60,
    ...     labels=["fake"] * 60,
    ...     resamples=50,
    ...     permutations=99,
    ... )
    >>> [(test.score, test.p_value <= 0.05) for test in result.tests]
    [('contrast', True), ('noise', False)]
    """
    x = np.asarray(logits, np.float64)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise ValueError(f"logits must be finite, of shape (N,); got {x.shape}, {np.sum(~np.isfinite(x))} not finite")
    check_resampling("resamples", resamples)
    if permutations < 1:
        raise ValueError(f"permutations must be at least 1, got {permutations}")
    measured = {name: _sized(np.asarray(column, np.float64), f"scores[{name!r}]", x) for name, column in scores.items()}
    kinds, makers = _sized(np.asarray(labels), "labels", x), _sized(np.asarray(generators), "generators", x)
    unknown = sorted({str(kind) for kind in kinds} - set(get_args(Label)))
    if unknown:
        raise ValueError(f"labels must be 'real' or 'fake'; got {', '.join(map(repr, unknown))}")
    fixed = {
        name: _sized(np.asarray(column), f"covariates[{name!r}]", x) for name, column in (covariates or {}).items()
    }
    strata = np.zeros(len(x), np.intp) if categories is None else codes(_sized(np.asarray(categories), "categories", x))
    groups = np.arange(len(x)) if clusters is None else codes(_sized(np.asarray(clusters), "clusters", x))
    if categories is not None:
        fixed["categories"] = np.asarray(categories).astype(str)

    blanks: list[Association] = []
    calls: list[Callable[[], tuple[Association, list[str]]]] = []
    for name, values in measured.items():
        known = ~np.isnan(values)
        for label in get_args(Label):
            for maker in np.unique(makers[kinds == label]):
                chosen = np.flatnonzero((makers == maker) & (kinds == label))
                used = chosen[known[chosen]]
                blank = Association(
                    name,
                    str(maker),
                    label,
                    images=len(used),
                    clusters=len(np.unique(groups[used])),
                    left_out=len(chosen) - len(used),
                    few=len(used) < FEW,
                )
                blanks.append(blank)
                held = {key: value[used] for key, value in fixed.items()}
                data = x[used], values[used], held, strata[used], groups[used]
                calls.append(functools.partial(_tested, blank, *data, resamples, permutations, seed))

    results: dict[tuple[str, str], list[Association]] = {}
    reasons: dict[tuple[str, str], list[str]] = {}
    for blank, (test, why) in zip(blanks, call_all(calls, workers=workers), strict=True):
        key = blank.score, blank.label
        results.setdefault(key, []).append(test)
        reasons.setdefault(key, []).extend(f"{key[0]}, {key[1]} images of {test.generator}: {text}" for text in why)

    tests: list[Association] = []
    summaries: list[Summary] = []
    partial: list[Summary] = []
    notes: list[str] = []
    for name, values in measured.items():
        known = ~np.isnan(values)
        if not known.all():
            notes.append(f"{name}: {np.sum(~known)} of {len(x)} images have no value and are left out")
        for label in get_args(Label):
            here = results.get((name, label), [])
            notes += reasons.get((name, label), [])
            if not here:
                continue
            tests.extend(here)
            every = known & (kinds == label)
            pooled = float(spearman(x[every], values[every])[0]) if every.sum() >= _LEAST else _NAN
            summary = _summary(here, pooled)
            summaries.append(summary)
            if fixed:
                partial.append(_summary(here, _NAN, partial=True))
            if summary.left_out:
                notes.append(f"{name}, {label} images: left out of the summary: {', '.join(summary.left_out)}")
            if summary.reversed:
                notes.append(
                    f"{name}, {label} images: pooling all generators turns the sign round ({pooled:+.2f}, but "
                    f"{summary.rho:+.2f} within generators; Simpson's paradox): differences between generators, not "
                    "between images, make the pooled number, which must not be read as an association"
                )
    return Associations(_corrected(tests), tuple(summaries), tuple(partial), tuple(notes))


def _tested(
    blank: Association,
    x: Float,
    values: Float,
    fixed: Mapping[str, NDArray[Any]],
    strata: Index,
    groups: Index,
    resamples: int,
    permutations: int,
    seed: int,
) -> tuple[Association, list[str]]:
    """Make a test of the images that have the score; of other tests it depends on nothing."""
    if len(x) < _LEAST:
        return blank, [f"only {len(x)} with a value: nothing is tested"]
    # Of the test's own name, so that one more score or generator changes none of the others.
    rng = np.random.default_rng([seed, crc32(f"{blank.score}\0{blank.generator}\0{blank.label}".encode())])
    held = Covariates.of(fixed) if fixed else None
    counts = drawn(groups, resamples, rng)
    moves = exchanges(strata, groups, permutations, rng)
    return _test(blank, x, values, held, counts, strata, moves)


def least_fake_of(
    logits: ArrayLike,
    ks: Sequence[int],
    *,
    threshold: float = 0.0,
    clusters: Sequence[Any] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[LeastFake, ...]:
    """Give what an attacker gains who makes k images and shows the one that the detector takes for the least fake.

    Wang et al. (2020, discussion) point to that picking. The k images are drawn without replacement: with logits
    x(1) <= ... <= x(n), the least is above x(i) in C(n - i, k) of C(n, k) draws, so that it is expected at the sum of
    x(i) C(n - i, k - 1) / C(n, k).

    Parameters
    ----------
    logits : array, shape (N,)
        Logits of one generator's fakes.
    ks : sequence of int
        Each 1 .. N.
    threshold : float
        An image is called fake above it, as in `evaluate_logits`.
    clusters : sequence, optional
        Images that the bootstrap draws together.
    resamples : int
        Number of bootstrap samples.
    seed : int
        Random seed.

    Returns
    -------
    tuple of LeastFake
        In the order of `ks`.

    Raises
    ------
    ValueError
        A k outside 1 .. N, a logit not finite, lengths that differ, `resamples` below 1.

    Examples
    --------
    Two of four logits call an image fake. Where the first two show the same object, the bootstrap draws both or none:

    >>> (least,) = least_fake_of([-1.0, -2.0, 1.0, 2.0], [2], clusters=["cat", "cat", "dog", "owl"])
    >>> least.k, round(least.expected, 2), round(least.evades, 2)
    (2, -1.17, 0.83)
    """
    x = np.asarray(logits, np.float64)
    if x.ndim != 1 or not len(x) or not np.isfinite(x).all():
        raise ValueError(f"logits must be finite, of shape (N,), N at least 1; got shape {x.shape}")
    for k in ks:
        if k != int(k) or not 1 <= k <= len(x):
            raise ValueError(f"ks must be whole numbers from 1 to {len(x)}, got {k}")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, got {resamples}")
    groups = np.arange(len(x)) if clusters is None else codes(_sized(np.asarray(clusters), "clusters", x))
    order = np.argsort(x)
    counts = drawn(groups[order], resamples, np.random.default_rng(seed))
    x = x[order]
    choices = []
    for k in map(int, ks):
        expected = float(expected_least(x, np.ones((1, len(x))), k)[0])
        low, high = np.quantile(expected_least(x, counts, k), [0.025, 0.975])
        called = float(all_among(np.sum(x > threshold), len(x), k))
        choices.append(LeastFake(k, expected, float(low), float(high), 1 - called))
    return tuple(choices)


def _test(
    blank: Association, x: Float, y: Float, held: Covariates | None, counts: Float, strata: Index, moves: Index
) -> tuple[Association, list[str]]:
    """Fill one test in; its notes say in words what is undefined."""
    n = len(x)
    for values, what in ((x, "logit"), (y, "score")):
        if (values == values[0]).all():
            return blank, [f"every {what} is {values[0]:g}: no correlation is defined"]
    notes = []
    rx, ry = ranks(x)[0], ranks(y)[0]
    rho = float(spearman(x, y)[0])
    low, high, error = interval(rho, spearman(x, y, counts), n, blank.clusters)
    if math.isnan(error):
        notes.append("one cluster only, or resamples that do not vary: rho has no interval")
    if not len(moves):
        notes.append("no images can be exchanged within categories and between clusters: there is no p-value")
    p_value = permutation_p(centred(rx, strata), centred(ry, strata), moves)
    tau = float(kendalltau(rx, ry).statistic)
    test = replace(blank, rho=rho, low=low, high=high, z_error=error, tau=tau, p_value=p_value)
    if held is None:
        return test, notes
    basis = held.basis()
    test = replace(test, held=basis.shape[1] - 1)
    a, b = rx - basis @ (basis.T @ rx), ry - basis @ (basis.T @ ry)
    # Rounding is all that is left where covariates tell the logit or the score outright.
    explained = min(a @ a / np.var(rx), b @ b / np.var(ry)) < 1e-8 * n
    if explained or n - test.held < _LEAST:
        return test, [*notes, f"{test.held} covariates leave nothing to correlate"]
    rho = float(a @ b / math.sqrt((a @ a) * (b @ b)))
    low, high, error = interval(rho, held.partial(x, y, counts), n, blank.clusters, test.held)
    test = replace(test, partial_rho=rho, partial_low=low, partial_high=high, partial_z_error=error)
    return replace(test, partial_p_value=permutation_p(a, b, moves, basis)), notes


def _corrected(tests: list[Association]) -> tuple[Association, ...]:
    """Fill in q-values."""
    both = []
    for key in ("p_value", "partial_p_value"):
        p = np.array([getattr(test, key) for test in tests], np.float64)
        known = ~np.isnan(p)
        p[known] = false_discovery_control(p[known]) if known.any() else p[known]
        both.append(p.tolist())
    return tuple(replace(test, q_value=q, partial_q_value=r) for test, q, r in zip(tests, *both, strict=True))


def _summary(tests: list[Association], pooled: float, *, partial: bool = False) -> Summary:
    clustered = any(test.clusters < test.images for test in tests)
    return summarise(
        [test.partial_rho if partial else test.rho for test in tests],
        [test.images for test in tests],
        generators=tuple(test.generator for test in tests),
        score=tests[0].score,
        label=tests[0].label,
        held=[test.held if partial else 0 for test in tests],
        errors=[test.partial_z_error if partial else test.z_error for test in tests] if clustered else None,
        pooled_rho=pooled,
    )


def _sized(column: NDArray[Any], name: str, x: Float) -> NDArray[Any]:
    if column.shape != x.shape:
        shape = len(column) if column.ndim == 1 else column.shape
        raise ValueError(f"{name} must have one value for each of {len(x)} logits, got {shape}")
    return column


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in values.items()}
