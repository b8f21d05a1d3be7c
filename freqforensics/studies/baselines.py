"""Sources and photographs -> metrics of plain methods: what a detector must beat."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqforensics.detector import ScoreTable
from freqforensics.evaluation import Evaluation, are_miniatures, evaluate_tables, stored_miniatures
from freqforensics.figures.drawings import Drawing, drawing
from freqforensics.runtime.provenance import manifest
from freqforensics.runtime.results import Skipped, result_folder
from freqforensics.runtime.showing import Drawn
from freqforensics.runtime.stored import reading, stored_manifest
from freqforensics.sources.records import first_of_each
from freqforensics.sources.selection import SourcesLike, as_paths
from freqforensics.sources.shared import real_sides, stored_sides
from freqforensics.sources.sources import index_sources
from freqforensics.training.baselines import LATTICE, PROFILE, fit_profiles, lattice_logit, score_baseline
from freqforensics.training.recipe import TrainConfig


@dataclass(frozen=True, repr=False)
class BaselinesStudy(Drawn):
    """Metrics of plain methods on some sources.

    Parameters
    ----------
    evaluations : dict of str to Evaluation
        Metrics of ``"lattice-test"`` and ``"radial-profile"``.
    tables : dict of str to ScoreTable
        Scores that the metrics follow from, by the same names.
    photographs : int
        Number of photographs that the classifier of radial profiles was fitted to.
    notes : tuple of str
        Files that indexing skipped or found ambiguous.
    parameters : dict
        Parameters of the study, JSON values.
    seed : int
        Random seed of the classifiers.
    """

    evaluations: Mapping[str, Evaluation]
    tables: Mapping[str, ScoreTable]
    photographs: int
    notes: tuple[str, ...]
    parameters: dict[str, Any]
    seed: int

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Every file that one of the methods could not score."""
        return tuple(Skipped(*failure) for table in self.tables.values() for failure in table.failures)

    def to_json(self) -> dict[str, Any]:
        """Give each method's summary and rows as JSON values."""
        return {
            "baselines": {
                name: {**evaluation.summary(), "generators": evaluation.rows()}
                for name, evaluation in self.evaluations.items()
            }
        }

    def drawings(self) -> tuple[Drawing, ...]:
        """Describe the figures that `save` writes, yet to be drawn."""
        from freqforensics.figures.evaluate import plot_evaluation

        return tuple(drawing("ap", plot_evaluation, evaluation) for evaluation in self.evaluations.values())

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write a folder for each method, as `EvaluationStudy.save` does, and ``manifest.json``.

        Parameters
        ----------
        out : str or Path
            Folder for the results; an existing one is treated as by `result_folder`.
        command : str, optional
            The command line, for the manifests.
        overwrite : bool
            Replace the results in `out`.

        Raises
        ------
        ValueError
            `out` is not empty and `overwrite` is not set, or `out` is not a folder.
        """
        images = max(len(table.scores) + len(table.failures) for table in self.tables.values())
        whole = manifest(self.parameters, inputs={"images": images, **real_sides(self.notes)}, seed=self.seed)
        with result_folder(out, about=whole, command=command, overwrite=overwrite) as folder:
            for (name, evaluation), drawing in zip(self.evaluations.items(), self.drawings(), strict=True):
                inputs = {"photos": self.photographs, "images": len(self.tables[name].scores), **real_sides(self.notes)}
                about = manifest({"baseline": name, **self.parameters}, inputs=inputs, seed=self.seed)
                with result_folder(folder / name, about=about, command=command) as part:
                    evaluation.save(part.path)
                    self.tables[name].save(part / "scores.csv")
                    drawing.save(part)

    @classmethod
    def load(cls, folder: str | Path, *, miniatures: bool | None = None) -> BaselinesStudy:
        """Read the folder that `save` wrote.

        Parameters
        ----------
        folder : str or Path
            The folder.
        miniatures : bool, optional
            Whether the images are simulated. Default what ``evaluation.json`` says.

        Returns
        -------
        BaselinesStudy
            Files that could not be scored are not stored, and of `notes` only those on shared real sides.

        Raises
        ------
        ValueError
            The folder holds no such result.
        """
        about = stored_manifest(folder, *(f"{name}/scores.csv" for name in (LATTICE, PROFILE)))
        with reading(folder):
            tables = {name: ScoreTable.load(Path(folder) / name / "scores.csv") for name in (LATTICE, PROFILE)}
            summary = json.loads((Path(folder) / LATTICE / "evaluation.json").read_text(encoding="utf-8"))
            simulated = stored_miniatures(summary, miniatures)
            evaluations = {name: evaluate_tables([table], miniatures=simulated) for name, table in tables.items()}
            photographs = stored_manifest(Path(folder) / PROFILE)["inputs"]["photos"]
            notes = stored_sides(about["inputs"])
            return cls(evaluations, tables, photographs, notes, about["parameters"], about["seed"])


def baselines_study(
    sources: SourcesLike,
    *,
    photographs: SourcesLike,
    crop: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    progress: bool = False,
) -> BaselinesStudy:
    """Score the images of some sources by methods without a network, and compute metrics of the scores.

    Parameters
    ----------
    sources : Sources, str, Path, or sequence of str or Path
        Folders or tables of images, see `index_sources`.
    photographs : Sources, str, Path, or sequence of str or Path
        Photographs that, with fakes made of them, the classifier of radial profiles is fitted to (`fit_profiles`).
    crop : int, optional
        Side of a central crop, in pixels; smaller images are taken whole. Default whole images.
    limit : int, optional
        At most this many images of each generator and label.
    seed : int
        Random seed.
    workers : int, optional
        Number of threads, by default one for each processor.
    progress : bool
        Show progress bars.

    Returns
    -------
    BaselinesStudy
        Metrics of every method and generator.

    Raises
    ------
    ValueError, FileNotFoundError
        A source does not exist, a parameter is out of range, or no generator has both real and fake images.
    """
    notes: list[str] = []
    records = first_of_each(index_sources(sources, on_note=notes.append), limit)
    config = TrainConfig(
        tuple(map(str, as_paths(photographs))),
        simulate=("miniature", "polyphase"),
        crop=64,
        recipe="laundering",
        seed=seed,
    )
    classifier = fit_profiles(config, progress="fitting profiles" if progress else None)
    tables: dict[str, ScoreTable] = {}
    evaluations: dict[str, Evaluation] = {}
    for name, logit in ((LATTICE, lattice_logit), (PROFILE, classifier.logit)):
        bar = name if progress else None
        tables[name] = score_baseline(records, logit, name=name, crop=crop, workers=workers, progress=bar)
        evaluations[name] = evaluate_tables([tables[name]], miniatures=are_miniatures(records))
    parameters = {"crop": crop, "limit": limit}
    return BaselinesStudy(evaluations, tables, classifier.images, tuple(notes), parameters, seed)
