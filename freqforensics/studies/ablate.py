"""Training sources and test images -> detectors trained with one part of the recipe varied, and their AP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from freqforensics.evaluation import are_miniatures
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.results import Skipped, holds_work, result_folder
from freqforensics.sources.records import first_of_each
from freqforensics.sources.sources import index_sources
from freqforensics.training.ablation import Ablation, run_ablation
from freqforensics.training.recipe import TrainConfig


@dataclass(frozen=True)
class AblationStudy:
    """AP on some test images of detectors trained with one part of the recipe varied.

    Parameters
    ----------
    ablation : Ablation
    notes : tuple of str
        What indexing left out or found doubtful.
    """

    ablation: Ablation
    notes: tuple[str, ...]

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Every test image that could not be scored."""
        return tuple(Skipped(*failure) for failure in self.ablation.failures)

    def to_json(self) -> dict[str, Any]:
        """Give axis and rows as JSON values."""
        return {"axis": self.ablation.axis, "rows": [asdict(row) for row in self.ablation.rows]}

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write ``ablation.{csv,png,pdf}`` and ``manifest.json``.

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
            `out` holds something else and `overwrite` is not given, or is no folder.
        """
        from freqforensics.figures.ablation import plot_ablation
        from freqforensics.figures.style import draw

        about = manifest({}, inputs=self.ablation.work, also=DETECTOR_LIBRARIES)
        overwrite = overwrite or holds_work(out, self.ablation.work)
        with result_folder(out, about=about, command=command, overwrite=overwrite) as folder:
            self.ablation.save(folder.path)
            draw(folder, "ablation", plot_ablation, self.ablation)


def ablate_study(
    config: TrainConfig,
    *,
    test: Sequence[str | Path],
    out: str | Path,
    limit: int | None = None,
    **options: Any,
) -> AblationStudy:
    """Train a detector for each value of an axis, and test all of them on the same images.

    Parameters
    ----------
    config : TrainConfig
        What is not varied.
    test : sequence of str or Path
        Folders or tables of test images, see `index_sources`.
    out : str or Path
        Folder that gets ``cells/`` with what each training left. The results are written there by `AblationStudy.save`.
    limit : int, optional
        At most this many test images of each generator and label.
    options
        Keyword arguments of `run_ablation`.

    Returns
    -------
    AblationStudy

    Raises
    ------
    ValueError, FileNotFoundError
        A source that does not exist; as `run_ablation`.
    """
    notes: list[str] = []
    records = first_of_each(index_sources(test, on_note=notes.append), limit)
    ablation = run_ablation(config, records, out, miniatures=are_miniatures(records), **options)
    return AblationStudy(ablation, tuple(notes))
