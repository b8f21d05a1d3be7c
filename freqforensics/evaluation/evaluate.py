"""Tables of scores -> metrics of a detector, generator by generator."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from freqforensics.detector import ScoreTable
from freqforensics.evaluation.intervals import ranking_interval
from freqforensics.evaluation.metrics import (
    Interval,
    Metrics,
    class_mean_ap,
    evaluate_logits,
    fit_temperature,
    fit_threshold,
    mean_over_seeds,
)
from freqforensics.evaluation.photographs import AgainstPhotographs, PhotographScores, against_photographs
from freqforensics.evaluation.published import PUBLISHED_AP, mean_ap
from freqforensics.evaluation.ways import AS_IS
from freqforensics.runtime.showing import Drawn, Summarised
from freqforensics.runtime.tables import write_csv
from freqforensics.runtime.writing import write_json
from freqforensics.sources.records import ImageRecord
from freqforensics.storage.locations import as_path
from freqforensics.storage.opening import read_small

FEWEST_CATEGORIES: Final = 5
"""Categories from which on intervals are over whole categories; fewer say nothing about others."""
_AGAINST: Final = ("auc_photographs", "tpr_photographs_1", "tpr_photographs_5", "evidence_fake", "evidence_real")


@dataclass(frozen=True, repr=False)
class GeneratorEvaluation(Summarised):
    """Metrics of one generator's images.

    Parameters
    ----------
    generator : str
        Name of the generator.
    metrics : Metrics
        Metrics of all images together, whatever their category, by the first detector.
    ap_interval : Interval
        95 % interval of `ranking_interval` for the first detector.
    clusters : {"category", "name", "image"}
        What the interval takes to be independent: categories; file names (a photograph and its miniature have one);
        images.
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


@dataclass(frozen=True, repr=False)
class Evaluation(Drawn):
    """Metrics of one or several detectors on some sources.

    Parameters
    ----------
    generators : tuple of GeneratorEvaluation
        Generators with real and fake images that can be judged.
    left_out : tuple of (str, str)
        Generator and reason.
    weights : tuple of str
        SHA-256 of each detector's weights.
    crop : str
        Part of the images that was scored, `view` of `score_files`.
    threshold : float
        Logit above which an image is called fake.
    threshold_from : str
        Origin of the threshold, in words.
    temperature : float or None
        Fitted on the validation set, if there was one; probabilities of Brier score and ECE are of logits over it.
    miniatures : bool
        The images are simulated: published numbers do not apply.
    against : tuple of AgainstPhotographs
        Every generator, also with one side only, by thresholds of photographs and the first detector.
    photographs : PhotographScores or None
        The photographs that those thresholds are taken from.
    way : str
        Name in `WAYS`: how the images were scored.
    others : tuple of Evaluation
        The same images, scored in other ways.
    """

    generators: tuple[GeneratorEvaluation, ...]
    left_out: tuple[tuple[str, str], ...]
    weights: tuple[str, ...]
    crop: str
    threshold: float
    threshold_from: str
    temperature: float | None
    miniatures: bool
    against: tuple[AgainstPhotographs, ...] = ()
    photographs: PhotographScores | None = None
    way: str = AS_IS
    others: tuple[Evaluation, ...] = ()

    @property
    def ways(self) -> dict[str, Evaluation]:
        """Each way the images were scored in, this one first."""
        return {evaluation.way: evaluation for evaluation in (self, *self.others)}

    @property
    def mean_ap(self) -> float:
        """Mean AP over the generators there are, of the first detector; NaN if there is none."""
        return float(np.mean([generator.metrics.ap for generator in self.generators])) if self.generators else math.nan

    @property
    def is_published_test(self) -> bool:
        """Published numbers may stand beside: they are of central crops, of files as they are, and of no miniatures."""
        return self.crop == "center" and self.way == AS_IS and not self.miniatures

    def rows(self) -> list[dict[str, Any]]:
        """One object for each generator and way, JSON values; None is what there is no number for.

        Its name and way, numbers of images, metrics, AP with its interval, published AP in 0 .. 1, and the fields of
        `AgainstPhotographs`.
        """
        tables = [{row["generator"]: row for row in evaluation._rows_of_way()} for evaluation in self.ways.values()]
        names = sorted({name for table in tables for name in table})
        rows = [table[name] for name in names for table in tables if name in table]
        columns = dict.fromkeys(column for row in rows for column in row)
        return [{column: row.get(column) for column in columns} for row in rows]

    def _rows_of_way(self) -> list[dict[str, Any]]:
        evaluated = {generator.generator: generator for generator in self.generators}
        against = {generator.generator: generator for generator in self.against}
        rows = []
        for name in sorted({*evaluated, *(against if self.photographs is not None else ())}):
            pair, sides = evaluated.get(name), against.get(name)
            row: dict[str, Any] = {"generator": name, "way": self.way, "real": None, "fake": None}
            if sides is not None:
                row |= {"real": sides.real, "fake": sides.fake}
            row["cannot_judge"] = 0 if sides is None else sides.cannot_judge
            row |= dict.fromkeys(field.name for field in fields(Metrics) if field.name not in row)
            row |= dict.fromkeys(("ap_low", "ap_high", "clusters", "class_mean_ap"))
            if pair is not None:
                row |= asdict(pair.metrics)
                row |= {"ap_low": pair.ap_interval.low, "ap_high": pair.ap_interval.high, "clusters": pair.clusters}
                row |= {"class_mean_ap": pair.class_mean_ap}
                if len(self.weights) > 1:
                    row |= {"ap_mean": pair.spread["ap"][0], "ap_sd": pair.spread["ap"][1]}
            if self.is_published_test:
                row |= {f"published_ap_{recipe}": _published(recipe, name) for recipe in PUBLISHED_AP}
            row |= dict.fromkeys(_AGAINST) if sides is None else {key: getattr(sides, key) for key in _AGAINST}
            rows.append({key: _finite(value) for key, value in row.items()})
        return rows

    def summary(self) -> dict[str, Any]:
        """What holds for all generators, JSON values; means by way are over the generators that have the number."""
        ap = {generator.generator: generator.metrics.ap for generator in self.generators}
        rows = self.rows()
        means: dict[str, dict[str, float | None]] = {}
        for way in self.ways:
            means[way] = {}
            for key in ("ap", "auc", *_AGAINST):
                values = [row[key] for row in rows if row["way"] == way and row[key] is not None]
                means[way][f"mean_{key}"] = float(np.mean(values)) if values else None
        left_out = dict.fromkeys(pair for evaluation in self.ways.values() for pair in evaluation.left_out)
        return {
            "weights": list(self.weights),
            "crop": self.crop,
            "threshold": _finite(self.threshold),
            "threshold_from": self.threshold_from,
            "temperature": self.temperature,
            "miniatures": self.miniatures,
            "photographs": None if self.photographs is None else self.photographs.to_json(),
            "cannot_judge": sum(generator.cannot_judge for generator in self.against),
            "mean_ap": _finite(self.mean_ap),
            # Over the eleven published test sets, or nothing.
            "map_11": mean_ap(ap) if self.is_published_test else None,
            "ways": means,
            "left_out": [{"generator": name, "reason": reason} for name, reason in left_out],
        }

    def save(self, folder: str | Path) -> None:
        """Write ``evaluation.json`` and ``evaluation.csv``.

        Parameters
        ----------
        folder : str or Path
            Existing folder.
        """
        rows = self.rows()
        write_json(Path(folder) / "evaluation.json", {**self.summary(), "generators": rows})
        write_csv(Path(folder) / "evaluation.csv", rows[0], ([row[column] for column in rows[0]] for row in rows))


def evaluate_tables(
    tables: Sequence[ScoreTable],
    *,
    validation: ScoreTable | None = None,
    threshold: tuple[float, str] | None = None,
    photographs: PhotographScores | None = None,
    way: str = AS_IS,
    miniatures: bool = False,
) -> Evaluation:
    """Evaluate the scores of the same images by one or several detectors.

    Images that cannot be judged play no part in metrics; they are counted.

    Parameters
    ----------
    tables : sequence of ScoreTable
        One for each detector (several seeds of one recipe, say), of one view.
    validation : ScoreTable, optional
        Scores of other images by the first detector, to fit threshold (of best balanced accuracy) and temperature.
    threshold : (float, str), optional
        Logit above which an image is called fake, and where it comes from, where there is no validation set. Default
        0, a probability of one half.
    photographs : PhotographScores, optional
        Scores by the first detector with the same view. With them generators of one side only have rows, too.
    way : str
        How the images were scored, for the record.
    miniatures : bool
        The images are simulated.

    Returns
    -------
    Evaluation
        Metrics of every generator and way.

    Raises
    ------
    ValueError
        No table, tables of other images or views, or no generator that has a row.
    """
    if not tables or not all(table.scores for table in tables):
        raise ValueError("there is no score to evaluate")
    views = {score.crop for table in tables for score in table.scores}
    if len(views) != 1:
        raise ValueError(f"scores must be of one view, got {', '.join(sorted(views))}")
    for table in tables[1:]:
        if [s.sha256 for s in table.scores] != [s.sha256 for s in tables[0].scores]:
            raise ValueError("the tables must hold the same images in the same order")
    limit, origin = (0.0, "a probability of one half") if threshold is None else threshold
    temperature = None
    if validation is not None:
        logits, fake = _arrays(
            validation, [i for i, s in enumerate(validation.scores) if s.label != "unknown" and s.judged]
        )
        limit, temperature = fit_threshold(logits, fake), fit_temperature(logits, fake)
        origin = f"{len(logits)} validation images"
    rows: dict[str, list[int]] = {}
    for index, score in enumerate(tables[0].scores):
        if score.label != "unknown":
            rows.setdefault(score.generator, []).append(index)
    evaluated, left_out, against = [], [], []
    for generator, indices in sorted(rows.items()):
        against.append(against_photographs(generator, [tables[0].scores[index] for index in indices], photographs))
        judged = [index for index in indices if all(table.scores[index].judged for table in tables)]
        reason = _one_sided({tables[0].scores[i].label for i in indices}, {tables[0].scores[i].label for i in judged})
        if not reason:
            evaluated.append(_evaluate_one(tables, generator, judged, limit, temperature))
        elif photographs is None:
            left_out.append((generator, reason))
    if not evaluated and photographs is None:
        unjudged = sum(sides.cannot_judge for sides in against)
        counted = f" ({unjudged} images cannot be judged)" if unjudged else ""
        raise ValueError(f"no generator has both real and fake images: there is nothing to tell apart{counted}")
    if not against:
        raise ValueError("no image is labelled real or fake: there is nothing to evaluate")
    return Evaluation(
        tuple(evaluated),
        tuple(left_out),
        tuple(table.scores[0].weights for table in tables),
        views.pop(),
        limit,
        origin,
        temperature,
        miniatures,
        tuple(against),
        photographs,
        way,
    )


def _one_sided(labels: set[str], judged: set[str]) -> str:
    """Why there is nothing to tell apart, or nothing."""
    for label in ("real", "fake"):
        if label not in labels:
            return f"has no {label} image"
        if label not in judged:
            return f"has no {label} image that can be judged"
    return ""


def _finite(value: Any) -> Any:
    """JSON knows no infinity: a threshold that nothing reaches is None there."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def stored_miniatures(stored: Mapping[str, Any], choice: bool | None = None) -> bool:
    """Tell whether the images of a stored result are simulated.

    Parameters
    ----------
    stored : mapping
        Stored values; those of version 0.2.0 and before may lack the key ``"miniatures"``.
    choice : bool, optional
        The caller's word, which overrides what is stored.

    Raises
    ------
    ValueError
        Neither says.
    """
    if choice is None and "miniatures" not in stored:
        raise ValueError("miniatures must be True or False, because the folder does not say it, got None")
    return bool(stored["miniatures"] if choice is None else choice)


def are_miniatures(records: Sequence[ImageRecord]) -> bool:
    """Tell whether any image lies in a tree that `simulate` wrote, <tree>/<family>/<label>/<image>.

    Parameters
    ----------
    records : sequence of ImageRecord
        Records of the images.
    """
    trees = {
        parent for folder in {record.path.parent for record in records} for parent in (folder, *folder.parents[:2])
    }
    for tree in sorted(trees):
        try:
            about = json.loads(read_small(tree / "manifest.json"))
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
    names = [as_path(score.path).stem for score in scores]
    clusters, kind = None, "image"
    if len(set(categories)) >= FEWEST_CATEGORIES:
        clusters, kind = categories, "category"
    elif len(set(names)) < len(names):
        clusters, kind = names, "name"
    if clusters is not None and len(set(clusters)) < 2:
        clusters, kind = None, "image"
    interval = ranking_interval(logits, fake, metric="ap", clusters=clusters)
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
