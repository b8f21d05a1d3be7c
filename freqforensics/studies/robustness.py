"""Sources and weights -> scores under perturbations of growing strength."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqforensics.detector.calibrated import open_detector
from freqforensics.detector.resnet import Detector
from freqforensics.detector.weights import DEFAULT
from freqforensics.evaluation import SWEEPS, Robustness, are_miniatures, stored_miniatures, sweep_robustness
from freqforensics.evaluation.robustness import RobustnessRow
from freqforensics.figures.drawings import Drawing, drawing, save_drawings
from freqforensics.regions.views import DEFAULT_VIEW
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.results import Skipped, holds_work, result_folder
from freqforensics.runtime.showing import Drawn
from freqforensics.runtime.stored import reading, stored_manifest, stored_rows
from freqforensics.sources.records import first_of_each
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.shared import real_sides, stored_sides
from freqforensics.sources.sources import index_sources


@dataclass(frozen=True, repr=False)
class RobustnessStudy(Drawn):
    """AP and verdicts on some sources at every strength of some sweeps.

    Parameters
    ----------
    robustness : Robustness
        AP and verdicts at every strength.
    notes : tuple of str
        Files that indexing skipped or found ambiguous.
    """

    robustness: Robustness
    notes: tuple[str, ...]

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Every file that could not be scored."""
        return tuple(Skipped(*failure) for failure in self.robustness.failures)

    def to_json(self) -> dict[str, Any]:
        """Give the rows as JSON values."""
        return {"rows": [row.to_json() for row in self.robustness.rows]}

    def drawings(self) -> tuple[Drawing, ...]:
        """Describe the figures that `save` writes, yet to be drawn."""
        from freqforensics.figures.robustness import plot_robustness

        return (drawing("robustness", plot_robustness, self.robustness),)

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write ``robustness.{csv,png,pdf}`` and ``manifest.json``.

        Parameters
        ----------
        out : str or Path
            A folder; that of the study's own cells may hold earlier results.
        command : str, optional
            The command line, for the manifest.
        overwrite : bool
            Replace the results in `out`.

        Raises
        ------
        ValueError
            `out` holds other results and `overwrite` is not set, or `out` is not a folder.
        """
        result = self.robustness
        inputs = {**result.work, "miniatures": result.miniatures, **real_sides(self.notes)}
        about = manifest({}, inputs=inputs, also=DETECTOR_LIBRARIES)
        overwrite = overwrite or holds_work(out, self.robustness.work)
        with result_folder(out, about=about, command=command, overwrite=overwrite) as folder:
            self.robustness.save(folder.path)
            save_drawings(folder, self.drawings)

    @classmethod
    def load(cls, folder: str | Path, *, miniatures: bool | None = None) -> RobustnessStudy:
        """Read the folder that `save` wrote.

        Parameters
        ----------
        folder : str or Path
            The folder.
        miniatures : bool, optional
            Whether the images are simulated; needed for folders of version 0.2.0 and before, which do not store it.

        Returns
        -------
        RobustnessStudy
            Files that could not be scored are not stored, and of `notes` only those on shared real sides.

        Raises
        ------
        ValueError
            The folder holds no such result, or not whether its images are simulated, and `miniatures` is not given.
        """
        about = stored_manifest(folder, "robustness.csv")
        with reading(folder):
            rows = tuple(row for row, _ in stored_rows(Path(folder) / "robustness.csv", RobustnessRow))
            work = {name: value for name, value in about["inputs"].items() if name not in ("miniatures", "real_sides")}
            notes = stored_sides(about["inputs"])
        return cls(Robustness(rows, (), work, stored_miniatures(about["inputs"], miniatures)), notes)


def robustness_study(
    sources: SourcesLike,
    *,
    weights: str | Path | Detector = DEFAULT,
    sweeps: Sequence[str] = tuple(SWEEPS),
    view: str = DEFAULT_VIEW,
    calibration: str | Path | Sequence[str | Path] | None = None,
    limit: int | None = None,
    device: str = "auto",
    backend: str = "torch",
    batch: int = 16,
    workers: int | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool = False,
) -> RobustnessStudy:
    """Score the images of some sources under perturbations of growing strength.

    Parameters
    ----------
    sources : Sources, str, Path, or sequence of str or Path
        Folders or tables of images, see `index_sources`.
    weights : str, Path or Detector
        File or name of weights, see `find_weights`; or a detector, such as `wrap` gives.
    sweeps : sequence of str
        Names of `SWEEPS`.
    view : str
        Part of an image that is scored, see `score_files`.
    calibration : str, Path or several, optional
        Calibrations of your own photographs, see `open_detector`.
    limit : int, optional
        At most this many images of each generator and label.
    device : str
        Device that torch computes on: "auto", "cpu", "cuda", "mps", ...
    backend, batch, workers
        How images are scored, see `score_files`.
    out : str or Path, optional
        Folder that gets ``cells/`` with the scores at each strength as they are finished, for `resume`. The results are
        written there by `RobustnessStudy.save`.
    resume : bool
        Continue with the work in `out`.
    progress : bool
        Show progress bars.

    Returns
    -------
    RobustnessStudy
        AP and verdicts at every strength.

    Raises
    ------
    ValueError, FileNotFoundError
        A source or weights that do not exist, a parameter out of range, nothing to tell apart, or a folder that holds
        other work.
    """
    notes: list[str] = []
    records = first_of_each(index_sources(sources, on_note=notes.append), limit)
    robustness = sweep_robustness(
        records,
        open_detector(weights, calibration=calibration, device=device),
        out,
        sweeps=sweeps,
        view=view,
        backend=backend,
        batch=batch,
        workers=workers,
        resume=resume,
        miniatures=are_miniatures(records),
        progress=progress,
    )
    return RobustnessStudy(robustness, tuple(notes))
