"""Ablations: train without a part of the recipe, or with another one, and test on the same images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any, get_args

from freqforensics.detector import ScoreTable, load_detector, score_files
from freqforensics.evaluation.evaluate import evaluate_tables
from freqforensics.perturbations.augmentation import W20_RECIPES
from freqforensics.regions.views import DEFAULT_VIEW
from freqforensics.runtime.results import claim_folder
from freqforensics.runtime.showing import Summarised
from freqforensics.runtime.tables import read_table, write_csv
from freqforensics.runtime.writing import write_json
from freqforensics.sources.records import ImageRecord, records_sha256
from freqforensics.spectra import Band
from freqforensics.training.axes import ALL, BANDS, CLASSES, Axis, check_axis
from freqforensics.training.recipe import NAMED_INITS, TrainConfig
from freqforensics.training.train import index_configured, train_detector


@dataclass(frozen=True)
class AblationRow:
    """AP of one generator by one detector.

    Parameters
    ----------
    value : str
        What was varied.
    seed : int
    generator : str
    ap, ap_low, ap_high : float
        With the 95 % interval of `ranking_interval` over the test images.
    accuracy : float
        At a probability of one half.
    validation_ap : float
        AP of the best epoch, on the validation part of its own training set.
    steps : int
        Steps of training.
    cannot_judge : int
        Test images that cannot be judged; they play no part in the other numbers.
    """

    value: str
    seed: int
    generator: str
    ap: float
    ap_low: float
    ap_high: float
    accuracy: float
    validation_ap: float
    steps: int
    cannot_judge: int = 0


@dataclass(frozen=True, repr=False)
class Ablation(Summarised):
    """Results of an ablation: AP by value, seed and generator.

    Parameters
    ----------
    axis : {"recipe", "classes", "band"}
    rows : tuple of AblationRow
        One row for each value, seed and generator.
    failures : tuple of (str, str)
        Path and reason of every test image that could not be scored.
    work : dict
        What it depends on, JSON values: axis, values, seeds, the training's parameters, test images, view.
    miniatures : bool
        The images are simulated.
    """

    axis: Axis
    rows: tuple[AblationRow, ...]
    failures: tuple[tuple[str, str], ...]
    work: dict[str, Any]
    miniatures: bool = False

    def save(self, folder: str | Path) -> None:
        """Write ``ablation.csv``.

        Parameters
        ----------
        folder : str or Path
            Existing folder.
        """
        columns = (field.name for field in fields(AblationRow))
        write_csv(Path(folder) / "ablation.csv", columns, map(astuple, self.rows))

    @classmethod
    def load(cls, path: str | Path, *, axis: Axis, miniatures: bool = False) -> Ablation:
        """Read the table that `save` wrote; what the work was and what failed is not in it.

        Raises
        ------
        ValueError
            The file is none of these, or there is no such axis.
        """
        if axis not in get_args(Axis):
            raise ValueError(f"axis must be one of {', '.join(get_args(Axis))}; got {axis!r}")
        columns = [field.name for field in fields(AblationRow)]
        kinds: list[type] = [str, int, str, float, float, float, float, float, int, int]
        table = read_table(path)
        try:
            if table and table[0] == columns[:-1]:  # written before there were images that cannot be judged
                columns, kinds = columns[:-1], kinds[:-1]
            if not table or table[0] != columns:
                raise ValueError(f"its columns are not {', '.join(columns)}")
            rows = [AblationRow(*(kind(cell) for kind, cell in zip(kinds, row, strict=True))) for row in table[1:]]
        except ValueError as error:
            raise ValueError(f"{path} is not a table of an ablation: {error}") from error
        return cls(axis, tuple(rows), (), {}, miniatures)

    def table(self) -> dict[str, dict[str, list[float]]]:
        """AP by value and generator: one for each seed."""
        table: dict[str, dict[str, list[float]]] = {}
        for row in self.rows:
            table.setdefault(row.value, {}).setdefault(row.generator, []).append(row.ap)
        return table


def run_ablation(
    config: TrainConfig,
    records: Sequence[ImageRecord],
    out: str | Path,
    *,
    axis: Axis,
    values: Sequence[str] | None = None,
    seeds: Sequence[int] = (0,),
    view: str = DEFAULT_VIEW,
    device: str = "auto",
    workers: int | None = None,
    resume: bool = False,
    keep_weights: bool = False,
    miniatures: bool = False,
    progress: bool = False,
) -> Ablation:
    """Train a detector for each value of an axis and score the same test images with all of them.

    Parameters
    ----------
    config : TrainConfig
        What is not varied; its `seed` is not used.
    records : sequence of ImageRecord
        Test images.
    out : str or Path
        Gets ``cells/`` with what each training left.
    axis : {"recipe", "classes", "band"}
        Augmentation; number of categories learnt from, the first by name, at equal numbers of steps as far as whole
        passes allow; frequencies that the network sees.
    values : sequence of str, optional
        Values to try: recipes; numbers; "LOW:HIGH" or "all". Default: the five recipes of Wang et al.; 1, 2, 4, 8, 16,
        20 as far as there are categories; all, below and from 1/8, 1/4, 3/8 cycles per pixel.
    seeds : sequence of int
        Each value is trained once with each.
    view : str
        Part of a test image that is scored, see `score_files`.
    device : str
        Device of torch, to train on.
    workers : int, optional
        Processes that read images and make fakes, see `train_detector`.
    resume : bool
        Continue with the trainings in `out`, in the middle of one if need be.
    keep_weights : bool
        Keep every detector, 94 MB each.
    miniatures : bool
        The images are simulated.
    progress : bool
        Show progress bars.

    Returns
    -------
    Ablation
        A row for each value, seed and generator.

    Raises
    ------
    ValueError
        No such axis or value, no seed, a configuration that sets what is varied; as `train_detector`, `score_files` and
        `claim_folder`.
    """
    check_axis(config, axis)
    if not seeds:
        raise ValueError("seeds must not be empty")
    labelled = [record for record in records if record.label != "unknown"]
    configs = _configs(config, axis, values)
    identity = {
        "axis": axis,
        "values": list(configs),
        "seeds": list(seeds),
        "training": replace(config, seed=0).to_json(),
        "images": index_configured(config).sha256,
        "init": _init_sha256(config),
        "test": records_sha256(labelled),
        "crop": view,
    }
    folder = claim_folder(out, identity, resume=resume)
    rows: list[AblationRow] = []
    failures: dict[str, str] = {}
    cells = [(value, seed) for value in configs for seed in seeds]
    for number, (value, seed) in enumerate(cells, 1):
        place = folder / "cells" / f"{_file_name(value)}-seed{seed}"
        if not (place / "cell.json").exists():
            training = train_detector(
                replace(configs[value], seed=seed),
                place,
                resume=place.exists(),
                device=device,
                workers=workers,
                progress=progress,
            )
            bar = f"{number}/{len(cells)} {value} seed {seed}" if progress else None
            detector = load_detector(training.weights)
            scores = score_files(labelled, detector, view=view, progress=bar)  # type: ignore[arg-type]  # checked there
            scores.save(place / "scores.csv")
            # The last thing written: a cell with it is done.
            summary = {**asdict(training.best), "steps": training.epochs[-1].step, "failures": scores.failures}
            write_json(place / "cell.json", summary)
        cell = json.loads((place / "cell.json").read_text(encoding="utf-8"))
        if not keep_weights:
            for name in ("last.ckpt", "detector.safetensors"):
                (place / name).unlink(missing_ok=True)
        failures |= dict(cell["failures"])
        rows += _cell_rows(value, seed, cell, ScoreTable.load(place / "scores.csv"))
    return Ablation(axis, tuple(rows), tuple(failures.items()), identity, miniatures)


def _cell_rows(value: str, seed: int, cell: dict[str, Any], scores: ScoreTable) -> list[AblationRow]:
    """Evaluate the scores of one detector, generator by generator."""
    evaluation = evaluate_tables([scores])
    unjudged = {against.generator: against.cannot_judge for against in evaluation.against}
    return [
        AblationRow(
            value,
            seed,
            evaluated.generator,
            evaluated.metrics.ap,
            evaluated.ap_interval.low,
            evaluated.ap_interval.high,
            evaluated.metrics.accuracy,
            cell["ap"],
            cell["steps"],
            unjudged[evaluated.generator],
        )
        for evaluated in evaluation.generators
    ]


def _configs(config: TrainConfig, axis: Axis, values: Sequence[str] | None) -> dict[str, TrainConfig]:
    """What to train, by value."""
    if axis == "recipe":
        return {value: replace(config, recipe=value) for value in values or W20_RECIPES}
    if axis == "band":
        chosen = values or BANDS
        return {value: replace(config, band=None if value == ALL else Band.parse(value)) for value in chosen}

    def images(classes: int) -> int:
        return len(index_configured(replace(config, classes=classes)).training)

    whole = index_configured(config)
    categories = len({record.category or record.generator for record in whole.training})
    numbers = [str(number) for number in CLASSES if number <= categories] if values is None else list(values)
    if any(not value.isdecimal() or not 1 <= int(value) <= categories for value in numbers):
        raise ValueError(f"values must be numbers of classes from 1 to {categories}, got {', '.join(numbers)}")
    most = images(max(map(int, numbers)))
    return {
        value: replace(config, classes=int(value), passes=round(config.passes * most / images(int(value))))
        for value in numbers
    }


def _init_sha256(config: TrainConfig) -> str | None:
    if config.init in NAMED_INITS:
        return None
    with Path(config.init).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _file_name(value: str) -> str:
    return value.replace(":", "to") or "none"
