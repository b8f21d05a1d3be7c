"""From tables of scores to what a detector is worth, generator by generator."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.metrics import average_precision_score

from freqforensics.detector import ScoreTable
from freqforensics.evaluation.metrics import (
    Interval,
    Metrics,
    bootstrap_interval,
    class_mean_ap,
    evaluate_logits,
    fit_temperature,
    fit_threshold,
    mean_over_seeds,
)
from freqforensics.evaluation.published import PUBLISHED_AP, mean_ap
from freqforensics.images import ImageRecord
from freqforensics.provenance import replacing, write_json

FEWEST_CATEGORIES: Final = 5
"""Intervals draw whole categories where there are so many; fewer say nothing about others."""


@dataclass(frozen=True)
class GeneratorEvaluation:
    """What the scores of one generator's images are worth.

    Parameters
    ----------
    generator : str
    metrics : Metrics
        Of all images together, whatever their category. Of several detectors: of the first.
    ap_interval : Interval
        Bootstrap over `clusters`; of the first detector.
    clusters : {"category", "name", "image"}
        What was drawn: whole categories; images of one file name (a photograph and its miniature) together; images.
    class_mean_ap : float or None
        Mean of the categories' own APs, where there are several and each has both kinds.
    spread : dict of str to (float, float)
        Mean and standard deviation of every metric over the detectors (NaN of one); what depends on the threshold, at
        that of the first.
    """

    generator: str
    metrics: Metrics
    ap_interval: Interval
    clusters: str
    class_mean_ap: float | None
    spread: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Evaluation:
    """What detectors are worth on some sources.

    Parameters
    ----------
    generators : tuple of GeneratorEvaluation
        Those with real and fake images.
    left_out : tuple of (str, str)
        Generator and reason.
    weights : tuple of str
        SHA-256 of each detector's weights.
    crop : str
    threshold : float
        Logit above which an image is called fake.
    threshold_from : str
        Where it comes from, in words.
    temperature : float or None
        Fitted on the validation set, if there was one; probabilities of Brier score and ECE are of logits over it.
    miniatures : bool
        The images are simulated: published numbers are none of theirs.
    """

    generators: tuple[GeneratorEvaluation, ...]
    left_out: tuple[tuple[str, str], ...]
    weights: tuple[str, ...]
    crop: str
    threshold: float
    threshold_from: str
    temperature: float | None
    miniatures: bool

    @property
    def mean_ap(self) -> float:
        """Mean AP over the generators there are, of the first detector."""
        return float(np.mean([found.metrics.ap for found in self.generators]))

    @property
    def is_published_test(self) -> bool:
        """Published numbers may stand beside: they are of central crops, and of no miniatures."""
        return self.crop == "center" and not self.miniatures

    def rows(self) -> list[dict[str, Any]]:
        """One object for each generator, JSON values: name, AP with its interval, metrics, published AP in 0 .. 1."""
        rows = []
        for found in self.generators:
            row: dict[str, Any] = {"generator": found.generator, **asdict(found.metrics)}
            row |= {"ap_low": found.ap_interval.low, "ap_high": found.ap_interval.high, "clusters": found.clusters}
            row |= {"class_mean_ap": found.class_mean_ap}
            if len(self.weights) > 1:
                row |= {"ap_mean": found.spread["ap"][0], "ap_sd": found.spread["ap"][1]}
            if self.is_published_test:
                row |= {f"published_ap_{recipe}": _published(recipe, found.generator) for recipe in PUBLISHED_AP}
            rows.append(row)
        return rows

    def summary(self) -> dict[str, Any]:
        """What holds for all generators, JSON values."""
        ap = {found.generator: found.metrics.ap for found in self.generators}
        return {
            "weights": list(self.weights),
            "crop": self.crop,
            "threshold": self.threshold,
            "threshold_from": self.threshold_from,
            "temperature": self.temperature,
            "miniatures": self.miniatures,
            "mean_ap": self.mean_ap,
            # Over the eleven published test sets, or nothing.
            "map_11": mean_ap(ap) if self.is_published_test else None,
            "left_out": [{"generator": name, "reason": reason} for name, reason in self.left_out],
        }

    def save(self, folder: str | Path) -> None:
        """Write ``evaluation.json`` and ``evaluation.csv``."""
        rows = self.rows()
        write_json(Path(folder) / "evaluation.json", {**self.summary(), "generators": rows})
        with replacing(Path(folder) / "evaluation.csv") as temporary, temporary.open("w", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def evaluate_tables(
    tables: Sequence[ScoreTable],
    *,
    validation: ScoreTable | None = None,
    resamples: int = 1000,
    seed: int = 0,
    miniatures: bool = False,
) -> Evaluation:
    """Evaluate the scores of the same images by one or several detectors.

    Parameters
    ----------
    tables : sequence of ScoreTable
        One for each detector (several seeds of one recipe, say), of one crop.
    validation : ScoreTable, optional
        Of the first detector on other images: threshold (of best balanced accuracy) and temperature are fitted on it.
        Without it the threshold is 0, a probability of one half, and the temperature 1.
    resamples, seed : int
        Of the bootstrap.
    miniatures : bool
        The images are simulated.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        No table, tables of other images or crops, no generator with real and fake images.
    """
    if not tables or not all(table.scores for table in tables):
        raise ValueError("there is no score to evaluate")
    crops = {score.crop for table in tables for score in table.scores}
    if len(crops) != 1:
        raise ValueError(f"scores must be of one crop, got {', '.join(sorted(crops))}")
    for table in tables[1:]:
        if [s.sha256 for s in table.scores] != [s.sha256 for s in tables[0].scores]:
            raise ValueError("the tables must hold the same images in the same order")
    threshold, temperature, origin = 0.0, None, "a probability of one half"
    if validation is not None:
        logits, fake = _arrays(validation, [i for i, s in enumerate(validation.scores) if s.label != "unknown"])
        threshold, temperature = fit_threshold(logits, fake), fit_temperature(logits, fake)
        origin = f"{len(logits)} validation images"
    rows: dict[str, list[int]] = {}
    for index, score in enumerate(tables[0].scores):
        if score.label != "unknown":
            rows.setdefault(score.generator, []).append(index)
    found, left_out = [], []
    for generator, indices in sorted(rows.items()):
        kinds = {tables[0].scores[index].label for index in indices}
        if len(kinds) < 2:
            left_out.append((generator, f"has no {'fake' if 'real' in kinds else 'real'} image"))
            continue
        found.append(_evaluate_one(tables, generator, indices, threshold, temperature, resamples, seed))
    if not found:
        raise ValueError("no generator has both real and fake images: there is nothing to tell apart")
    return Evaluation(
        tuple(found),
        tuple(left_out),
        tuple(table.scores[0].weights for table in tables),
        crops.pop(),
        threshold,
        origin,
        temperature,
        miniatures,
    )


def are_miniatures(records: Sequence[ImageRecord]) -> bool:
    """Whether any image lies in a tree that `simulate` wrote: <tree>/<family>/<label>/<image>."""
    trees = {
        parent for folder in {record.path.parent for record in records} for parent in (folder, *folder.parents[:2])
    }
    for tree in sorted(trees):
        try:
            about = json.loads((tree / "manifest.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(about, dict) and "freqforensics" in about and about.get("holds") == "images":
            return True
    return False


def _evaluate_one(
    tables: Sequence[ScoreTable],
    generator: str,
    indices: Sequence[int],
    threshold: float,
    temperature: float | None,
    resamples: int,
    seed: int,
) -> GeneratorEvaluation:
    metrics = []
    for table in tables:
        logits, fake = _arrays(table, indices)
        # The threshold is one of logits: dividing both leaves every decision as it is.
        by = temperature or 1.0
        scaled = evaluate_logits(logits / by, fake, threshold=threshold / by)
        plain = evaluate_logits(logits, fake, threshold=threshold)
        metrics.append(replace(plain, brier=scaled.brier, ece=scaled.ece))
    logits, fake = _arrays(tables[0], indices)
    scores = [tables[0].scores[index] for index in indices]
    categories = [score.category for score in scores]
    names = [Path(score.path).stem for score in scores]
    clusters, kind = None, "image"
    if len(set(categories)) >= FEWEST_CATEGORIES:
        clusters, kind = categories, "category"
    elif len(set(names)) < len(names):
        clusters, kind = names, "name"
    if clusters is not None and len(set(clusters)) < 2:
        clusters, kind = None, "image"
    interval = bootstrap_interval(
        lambda x, y: float(average_precision_score(y, x)),
        logits,
        fake,
        rng=np.random.default_rng([seed, *generator.encode()]),
        clusters=clusters,
        resamples=resamples,
    )
    by_category: float | None = None
    if len(set(categories)) > 1:
        try:
            by_category = class_mean_ap(logits, fake, categories)
        except ValueError:  # a category of one kind
            by_category = None
    return GeneratorEvaluation(generator, metrics[0], interval, kind, by_category, dict(mean_over_seeds(metrics)))


def _arrays(table: ScoreTable, indices: Sequence[int]) -> tuple[Any, Any]:
    scores = [table.scores[index] for index in indices]
    return np.array([score.logit for score in scores]), np.array([score.label == "fake" for score in scores])


def _published(recipe: str, generator: str) -> float | None:
    value = PUBLISHED_AP[recipe].get({"sitd": "seeingdark"}.get(generator, generator))
    return None if value is None else value / 100
