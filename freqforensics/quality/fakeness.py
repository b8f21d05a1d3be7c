"""How a detector's logits relate to what images look like: one study of both."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from freqforensics.detector.score_table import ScoreTable
from freqforensics.quality.association import FEW, Associations, Label, LeastFake, associate, least_fake_of
from freqforensics.quality.scores import QualityTable
from freqforensics.runtime.parallel import library_threads
from freqforensics.runtime.showing import Summarised
from freqforensics.storage.locations import as_path

Float = NDArray[np.float64]

PERCENTILES: Final = (0, 25, 50, 75, 100)
"""Of fakeness, as Wang et al. (2020) show them."""
JPEG: Final = "jpeg_quality"
_POINTS: Final = 40
_TREND_RESAMPLES: Final = 200
_BANDWIDTH: Final = 0.15


@dataclass(frozen=True, eq=False)
class Trend:
    """The mean logit along a score: a kernel over ranks, with a pointwise 95 % interval of the bootstrap.

    Parameters
    ----------
    score, generator, label : str
    x, y, low, high : ndarray, shape (40,)
        Score, mean logit and its pointwise interval.
    """

    score: str
    generator: str
    label: Literal["real", "fake"]
    x: Float
    y: Float
    low: Float
    high: Float


@dataclass(frozen=True, eq=False, repr=False)
class FakenessByQuality(Summarised):
    """Logits and scores of some images, and what they have to do with each other.

    Parameters
    ----------
    quality : QualityTable
        Scores of the images that have a logit; what cannot be judged has none.
    logits : ndarray, shape (N,)
        In the order of its rows.
    labels : tuple of {"real", "fake"}
        The same; images of unknown label count as fake.
    threshold : float
        Logit above which an image is called fake.
    associations : Associations
        Correlations of every generator and score.
    trends : tuple of Trend
        Mean logits along scores, for groups of 30 images and more.
    least : dict of str to tuple of LeastFake
        By generator: the least fake of k of its fakes.
    notes : tuple of str
        What was left out or may mislead.
    verdicts : tuple of str
        In the order of the rows, as in `Score`; empty texts where the crop gives none.
    cannot_judge : int
        Images that were left out because they cannot be judged.
    """

    quality: QualityTable
    logits: Float
    labels: tuple[Literal["real", "fake"], ...]
    threshold: float
    associations: Associations
    trends: tuple[Trend, ...]
    least: dict[str, tuple[LeastFake, ...]]
    notes: tuple[str, ...]
    verdicts: tuple[str, ...] = ()
    cannot_judge: int = 0

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of what was related to the logits."""
        return tuple(dict.fromkeys(test.score for test in self.associations.tests))

    def values(self, score: str) -> Float:
        """Give one score of all images, shape (N,), NaN where there is none.

        Parameters
        ----------
        score : str
            Name of the score, or "jpeg_quality".
        """
        if score == JPEG:
            return _jpeg_qualities(self.quality)
        return self.quality.values(score)

    def percentile_images(self) -> dict[str, tuple[tuple[int, Path, float], ...]]:
        """Give percentile, path and logit of the fakes at the 0, 25, 50, 75, 100th percentile, by generator."""
        images: dict[str, tuple[tuple[int, Path, float], ...]] = {}
        for generator, places in self.groups("fake").items():
            order = places[np.argsort(self.logits[places], kind="stable")]
            chosen = [(share, order[round(share / 100 * (len(order) - 1))]) for share in PERCENTILES]
            images[generator] = tuple(
                (share, as_path(self.quality.rows[place].path), float(self.logits[place])) for share, place in chosen
            )
        return images

    def groups(self, label: Literal["real", "fake"]) -> dict[str, NDArray[np.intp]]:
        """Give the places of each generator's images of a label.

        Parameters
        ----------
        label : {"real", "fake"}
            Label of the images.
        """
        places_of: dict[str, list[int]] = {}
        for place, (row, image_label) in enumerate(zip(self.quality.rows, self.labels, strict=True)):
            if image_label == label:
                places_of.setdefault(row.generator, []).append(place)
        return {name: np.array(places, np.intp) for name, places in sorted(places_of.items())}

    def to_json(self) -> dict[str, Any]:
        """Give everything but the images' own rows as JSON values."""
        return {
            "images": len(self.logits),
            "cannot_judge": self.cannot_judge,
            "threshold": self.threshold if math.isfinite(self.threshold) else None,
            **self.associations.to_json(),
            "least_fake": {name: [asdict(least) for least in choices] for name, choices in self.least.items()},
            "notes": list(self.notes),
        }


def fakeness_by_quality(
    scored: ScoreTable,
    quality: QualityTable,
    *,
    threshold: float = 0.0,
    clusters: Mapping[str, object] | None = None,
    resamples: int = 1000,
    permutations: int = 1999,
    seed: int = 0,
    workers: int | None = None,
) -> FakenessByQuality:
    """Relate logits to scores of quality.

    JPEG quality, the logarithm of the number of pixels and the category, where there are any, are held fixed in partial
    correlations. The quality of JPEG files is one more score.

    Parameters
    ----------
    scored : ScoreTable
        Logits of the images.
    quality : QualityTable
        Images that are in one of the two only are left out, and so is what cannot be judged, which is counted.
    threshold : float
        Logit above which an image is called fake.
    clusters : mapping of str to object, optional
        By absolute path: images that belong together, which are drawn and exchanged together. Default each for itself.
    resamples, permutations, seed, workers
        Number of bootstrap samples and of permutations, the random seed, and the number of threads; see `associate`.

    Returns
    -------
    FakenessByQuality
        Scores and logits of the images, and their correlations.

    Raises
    ------
    ValueError
        No image is in both tables.
    """
    logits = {score.path: score for score in scored.scores if score.judged}
    rows = tuple(row for row in quality.rows if row.path in logits)
    unjudged = len({score.path for score in scored.scores} & {row.path for row in quality.rows}) - len(rows)
    if not rows:
        why = f": {unjudged} cannot be judged" if unjudged else ""
        raise ValueError(f"no image has both a logit and scores of quality{why}")
    table = QualityTable(quality.scores, rows, quality.failures, quality.missing)
    x = np.array([logits[row.path].logit for row in rows], np.float64)
    generators = [row.generator for row in rows]
    notes = []
    if unjudged:
        notes.append(f"images that cannot be judged, left out: {unjudged}")
    if any(row.label == "unknown" for row in rows):
        notes.append("images of unknown label count as fake")
    labels: tuple[Literal["real", "fake"], ...] = tuple("real" if row.label == "real" else "fake" for row in rows)
    scores = {name: table.values(name) for name in table.scores}
    qualities = _jpeg_qualities(table)
    if np.isfinite(qualities).any():
        scores[JPEG] = qualities
    covariates = {JPEG: qualities, "log_pixels": np.log([row.width * row.height for row in rows])}
    categories = [row.category for row in rows]
    associations = associate(
        x,
        scores,
        generators=generators,
        labels=labels,
        covariates=covariates,
        categories=categories if any(categories) else None,
        clusters=None
        if clusters is None
        else [clusters.get(str(as_path(row.path).resolve()), row.path) for row in rows],
        resamples=resamples,
        permutations=permutations,
        seed=seed,
        workers=workers,
    )
    verdicts = tuple(logits[row.path].verdict for row in rows)
    fakeness = FakenessByQuality(
        table, x, labels, threshold, associations, (), {}, (*notes, *associations.notes), verdicts, unjudged
    )
    with library_threads(1):  # the products of matrices are too small for more
        trends = _trends(fakeness, scores, np.random.default_rng(seed))
        least = {
            name: least_fake_of(x[places], _counts(len(places)), threshold=threshold, resamples=resamples, seed=seed)
            for name, places in fakeness.groups("fake").items()
        }
    return replace(fakeness, trends=trends, least=least)


def _trends(fakeness: FakenessByQuality, scores: Mapping[str, Float], rng: np.random.Generator) -> tuple[Trend, ...]:
    """Give the trends of the groups that are large enough."""
    trends = []
    for name, values in scores.items():
        for label in get_args(Label):
            for generator, places in fakeness.groups(label).items():
                known = places[np.isfinite(values[places])]
                if len(known) >= FEW and np.ptp(values[known]) > 0:
                    trends.append(Trend(name, generator, label, *_trend(values[known], fakeness.logits[known], rng)))
    return tuple(trends)


def _jpeg_qualities(table: QualityTable) -> Float:
    return np.array([np.nan if row.jpeg_quality is None else row.jpeg_quality for row in table.rows], np.float64)


def _counts(images: int) -> Sequence[int]:
    """1, 2, 5, 10, ... up to a fifth of the images: beyond, the least of k says what the least of all is."""
    steps = [step * 10**power for power in range(7) for step in (1, 2, 5)]
    return [step for step in steps if step <= max(1, images // 5)]


def _trend(x: Float, y: Float, rng: np.random.Generator) -> tuple[Float, Float, Float, Float]:
    """Mean of y along x: a Gaussian kernel over x's ranks, with an interval of the bootstrap.

    Percentiles of few images cover too little (0.91 of 30). The interval is as many standard deviations of the
    resamples as Student's t has for the images that the kernel holds, with degrees of freedom after Satterthwaite.
    """
    from scipy.stats import t as student

    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    place = (np.arange(len(x)) + 0.5) / len(x)
    at = np.linspace(0.02, 0.98, _POINTS)
    kernel = np.exp(-0.5 * ((at[:, None] - place) / _BANDWIDTH) ** 2)
    counts = rng.multinomial(len(x), np.full(len(x), 1 / len(x)), _TREND_RESAMPLES).astype(np.float64)
    # A kernel that no drawn image is under has no mean: with 30 images that hardly happens.
    weights = np.maximum(kernel @ counts.T, 1e-12)
    drawn = (kernel @ (counts * y).T) / weights
    mean = kernel @ y / kernel.sum(axis=1)
    held = kernel.sum(axis=1) ** 2 / (kernel**2).sum(axis=1)
    freedom = (kernel**2).sum(axis=1) ** 2 / (kernel**4).sum(axis=1) - 1
    reach = student.ppf(0.975, freedom) * np.sqrt(held / (held - 1)) * drawn.std(axis=1)
    return np.interp(at, place, x), mean, mean - reach, mean + reach
