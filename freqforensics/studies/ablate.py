"""Sources to train on and to test on -> what each value of one part of the recipe comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from freqforensics.evaluation import are_miniatures, stored_miniatures
from freqforensics.figures.drawings import Drawing, drawing, save_drawings
from freqforensics.regions.views import DEFAULT_VIEW
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.results import Skipped, result_folder
from freqforensics.runtime.showing import Drawn
from freqforensics.runtime.stored import reading, stored_manifest
from freqforensics.sources.records import first_of_each
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.shared import real_sides, stored_sides
from freqforensics.sources.sources import index_sources
from freqforensics.training.ablation import Ablation, run_ablation
from freqforensics.training.axes import Axis
from freqforensics.training.recipe import TrainConfig


@dataclass(frozen=True, repr=False)
class AblationStudy(Drawn):
    """Detectors trained with different values of one part of the recipe, tested on the same images.

    Parameters
    ----------
    ablation : Ablation
        Scores by value, seed and generator.
    folder : Path
        Folder of the trainings.
    notes : tuple of str
        Files that indexing skipped.
    """

    ablation: Ablation
    folder: Path
    notes: tuple[str, ...]

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Every test image that could not be scored."""
        return tuple(Skipped(*failure) for failure in self.ablation.failures)

    def to_json(self) -> dict[str, Any]:
        """Give folder, axis and rows as JSON values."""
        rows = [asdict(row) for row in self.ablation.rows]
        return {"out": str(self.folder), "axis": self.ablation.axis, "rows": rows}

    def drawings(self) -> tuple[Drawing, ...]:
        """Describe the figures that `save` writes, yet to be drawn."""
        from freqforensics.figures.ablation import plot_ablation

        return (drawing("ablation", plot_ablation, self.ablation),)

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write ``ablation.csv``, ``ablation.png`` and ``.pdf``, and ``manifest.json``.

        Parameters
        ----------
        out : str or Path
            A folder. That of the trainings may hold earlier results of them; see `result_folder` for any other.
        command : str, optional
            The command line, for the manifest.
        overwrite : bool
            Allow another folder that holds something.

        Raises
        ------
        ValueError
            `out` is not empty and `overwrite` is not set, or `out` is not a folder.
        """
        result = self.ablation
        inputs = {**result.work, "miniatures": result.miniatures, **real_sides(self.notes)}
        about = manifest({}, inputs=inputs, also=DETECTOR_LIBRARIES)
        home = Path(out).resolve() == self.folder.resolve()
        with result_folder(out, about=about, command=command, overwrite=overwrite or home) as folder:
            self.ablation.save(folder.path)
            save_drawings(folder, self.drawings)

    @classmethod
    def load(cls, folder: str | Path, *, miniatures: bool | None = None) -> AblationStudy:
        """Read the folder that `save` wrote.

        Parameters
        ----------
        folder : str or Path
            The folder.
        miniatures : bool, optional
            Whether the images are simulated; needed for folders of version 0.2.0 and before, which do not store it.

        Returns
        -------
        AblationStudy
            Files that could not be scored are not stored, and of `notes` only those on shared real sides.

        Raises
        ------
        ValueError
            The folder holds no such result, or not whether its images are simulated, and `miniatures` is not given.
        """
        about = stored_manifest(folder, "ablation.csv")
        with reading(folder):
            work = {name: value for name, value in about["inputs"].items() if name not in ("miniatures", "real_sides")}
            table = Ablation.load(Path(folder) / "ablation.csv", axis=work["axis"])
            notes = stored_sides(about["inputs"])
        simulated = stored_miniatures(about["inputs"], miniatures)
        return cls(replace(table, work=work, miniatures=simulated), Path(folder), notes)


def ablate_study(
    config: TrainConfig,
    out: str | Path,
    *,
    test: SourcesLike,
    axis: Axis,
    values: Sequence[str] | None = None,
    runs: int = 1,
    view: str = DEFAULT_VIEW,
    limit: int | None = None,
    device: str = "auto",
    workers: int | None = None,
    resume: bool = False,
    keep_weights: bool = False,
    progress: bool = False,
) -> AblationStudy:
    """Train a detector for each value of an axis, and test all of them on the same images.

    Parameters
    ----------
    config : TrainConfig
        Parameters that are not varied. Its seed is that of the first run.
    out : str or Path
        Folder for ``cells/``, what each training leaves: trainings take long, and an interrupted one is resumed.
    test : Sources, str, Path, or sequence of str or Path
        Sources of test images, see `index_sources`.
    axis : {"recipe", "classes", "band"}
        Part of the recipe to vary, see `run_ablation`.
    values : sequence of str, optional
        Values to try; default those of `run_ablation`.
    runs : int
        Trainings per value, with the seeds that follow that of `config`.
    view : {"views", "center", "none", "tiles", "resize"}
        Part of a test image that is scored, see `score_files`.
    limit : int, optional
        At most this number of test images of each generator and label.
    device : str
        Device of torch; "auto" takes what there is.
    workers : int, optional
        Processes that read images and make fakes, see `train_detector`.
    resume : bool
        Continue with the trainings in `out`.
    keep_weights : bool
        Keep every detector, 94 MB each.
    progress : bool
        Show progress bars.

    Returns
    -------
    AblationStudy
        Scores of every value of the axis, and what could not be read.

    Raises
    ------
    ValueError
        An axis, value, view or number of runs out of range; `out` holds trainings and `resume` is not set, or others.
    FileNotFoundError
        A source does not exist.
    """
    if runs < 1:
        raise ValueError(f"runs must be at least 1, got {runs}")
    notes: list[str] = []
    records = first_of_each(index_sources(test, on_note=notes.append), limit)
    ablation = run_ablation(
        config,
        records,
        out,
        axis=axis,
        values=values,
        seeds=range(config.seed, config.seed + runs),
        view=view,
        device=device,
        workers=workers,
        resume=resume,
        keep_weights=keep_weights,
        miniatures=are_miniatures(records),
        progress=progress,
    )
    return AblationStudy(ablation, Path(out), tuple(notes))
