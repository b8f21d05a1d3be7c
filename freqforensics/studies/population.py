"""Sources -> what images are compared with: spectra of photographs, lattices of generators, detectors' scores."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freqforensics.detector.resnet import Detector
from freqforensics.figures.drawings import Drawing, drawing
from freqforensics.images import ImageReadError, read_image
from freqforensics.runtime.destinations import check_result_file
from freqforensics.runtime.executors import end_of_passes
from freqforensics.runtime.parallel import map_reduce
from freqforensics.runtime.results import Skipped
from freqforensics.runtime.showing import Drawn
from freqforensics.sources.records import ImageRecord
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.sources import index_sources
from freqforensics.spectra.population import UNKNOWN_ABOVE, ImageTraits, Population, gather_population, image_traits

if TYPE_CHECKING:
    from freqforensics.detector.calibration import Calibration


@dataclass(frozen=True, repr=False)
class PopulationStudy(Drawn):
    """A population for `inspect`, of photographs and generated images.

    Parameters
    ----------
    population : Population
        Percentiles of photographs, and lattices of generators.
    notes : tuple of str
        Files that indexing skipped, and uses that the population is too small for.
    skipped : tuple of Skipped
        Every file that could not be read.
    """

    population: Population
    notes: tuple[str, ...]
    skipped: tuple[Skipped, ...]

    def to_json(self) -> dict[str, Any]:
        """Give the number of photographs and the names of the generators."""
        return {"photographs": self.population.photographs, "generators": list(self.population.names)}

    def drawings(self) -> tuple[Drawing, ...]:
        """Describe the figure that Jupyter shows; `save` writes none."""
        from freqforensics.figures.score import plot_population

        return (drawing("population", plot_population, self.population),)

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write the population to a file, npz.

        Parameters
        ----------
        out : str or Path
            File to write, with the suffix .npz.
        command : str, optional
            Not stored: the file has no manifest.
        overwrite : bool
            Replace the file.

        Raises
        ------
        ValueError
            The file exists and `overwrite` is not given, or it cannot be written.
        """
        check_result_file(out, overwrite=overwrite)
        self.population.save(out)

    @classmethod
    def load(cls, path: str | Path) -> PopulationStudy:
        """Read the file that `save` wrote; notes and skipped files are not in it.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        PopulationStudy
            The study, with what the file holds.

        Raises
        ------
        ValueError
            It is no such file.
        OSError
            It cannot be read.
        """
        return cls(Population.load(path), (), ())


@dataclass(frozen=True, repr=False)
class CalibrationStudy(Drawn):
    """Scores of photographs, for verdicts: ``open_detector(..., calibration=...)``.

    Parameters
    ----------
    calibration : Calibration
        Logits of the photographs and their kinds.
    notes : tuple of str
        Files that indexing skipped, and uses that the calibration is too small for.
    skipped : tuple of Skipped
        Every file that could not be scored.
    """

    calibration: Calibration
    notes: tuple[str, ...]
    skipped: tuple[Skipped, ...]

    def to_json(self) -> dict[str, Any]:
        """Give the number of scores, and their numbers by carrier, collection and kind of image."""
        return {
            "scores": len(self.calibration.logits),
            "carriers": dict(Counter(self.calibration.carriers)),
            "collections": dict(Counter(self.calibration.collections)),
            "kinds": dict(Counter(map(str, self.calibration.kinds)).most_common()),
        }

    def drawings(self) -> tuple[Drawing, ...]:
        """Describe the figure that Jupyter shows; `save` writes none."""
        from freqforensics.figures.score import plot_calibration

        return (drawing("calibration", plot_calibration, self.calibration),)

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write the scores to a file, npz.

        Parameters
        ----------
        out : str or Path
            File to write, with the suffix .npz.
        command : str, optional
            Not stored: the file has no manifest.
        overwrite : bool
            Replace the file.

        Raises
        ------
        ValueError
            The file exists and `overwrite` is not given, or it cannot be written.
        """
        check_result_file(out, overwrite=overwrite)
        self.calibration.save(out)

    @classmethod
    def load(cls, path: str | Path) -> CalibrationStudy:
        """Read the file that `save` wrote; notes and skipped files are not in it.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        CalibrationStudy
            The study, with what the file holds.

        Raises
        ------
        ValueError
            It is no such file.
        OSError
            It cannot be read.
        """
        from freqforensics.detector.calibration import Calibration

        return cls(Calibration.load(path), (), ())


def population_study(
    photographs: SourcesLike,
    *,
    fake: SourcesLike = (),
    every: int = 1,
    about: str = "",
    workers: int | None = None,
    progress: bool = False,
) -> PopulationStudy:
    """Measure the spectra of photographs and the lattices of generators.

    Parameters
    ----------
    photographs : Sources, str, Path, or sequence of str or Path
        Photographs, as for `index_sources`. Images labelled fake are skipped.
    fake : Sources, str, Path, or sequence of str or Path
        Generated images, as for `index_sources`. Images labelled real are skipped.
    every : int
        Take every n-th image, so that the others are left to test on.
    about : str
        Description of the images, which is stored.
    workers : int, optional
        Number of threads; default all processors. The result does not depend on it.
    progress : bool
        Show progress bars.

    Returns
    -------
    PopulationStudy
        The population, and what could not be read.

    Raises
    ------
    ValueError, FileNotFoundError
        As `index_sources` and `measure_population`.
    """
    notes: list[str] = []
    skipped: list[Skipped] = []
    real = _photographs(photographs, every, notes)
    groups: dict[str, list[ImageRecord]] = {}
    for record in index_sources(fake, on_note=notes.append) if fake else ():
        if record.label != "real":
            groups.setdefault(record.generator, []).append(record)
    groups = {name: records[::every] for name, records in groups.items()}
    items: list[tuple[ImageRecord, str | None]] = [(record, None) for record in real]
    items += [(record, name) for name, records in groups.items() for record in records]
    bar = "population" if progress else None
    measured = map_reduce(items, _measured, operator.iadd, workers=workers, progress=bar) if items else []
    end_of_passes()
    natural: list[ImageTraits] = []
    generated: dict[str, list[ImageTraits]] = {name: [] for name in groups}
    for (_, name), outcome in zip(items, measured, strict=True):
        if isinstance(outcome, Skipped):
            skipped.append(outcome)
        elif outcome is not None:
            (natural if name is None else generated[name]).append(outcome)
    population = gather_population(natural, generated, about=about)
    if groups and (1 + population.photographs) * UNKNOWN_ABOVE < len(groups):
        needed = round(len(groups) / UNKNOWN_ABOVE)
        notes.append(
            f"with {population.photographs} photographs no lattice can be named: {needed} are needed for that many "
            "generators"
        )
    return PopulationStudy(population, tuple(notes), tuple(skipped))


def _measured(chunk: Sequence[tuple[ImageRecord, str | None]]) -> list[ImageTraits | Skipped | None]:
    """Measure photographs, which have no generator, and generated images; None is too small."""
    outcomes: list[ImageTraits | Skipped | None] = []
    for record, name in chunk:
        try:
            outcomes.append(image_traits(read_image(record.path), photograph=name is None))
        except ImageReadError as error:
            outcomes.append(Skipped(error.path, error.reason))
    return outcomes


def calibration_study(
    photographs: SourcesLike,
    *,
    weights: str | Path | Detector | None = None,
    carriers: Sequence[str] = ("as-is",),
    every: int = 1,
    about: str = "",
    device: str = "auto",
    backend: str = "torch",
    batch: int = 16,
    progress: bool = False,
) -> CalibrationStudy:
    """Score photographs of your own, for verdicts: ``open_detector(..., calibration=...)``.

    Parameters
    ----------
    photographs : Sources, str, Path, or sequence of str or Path
        As for `index_sources`. Images labelled fake are left out. The detector must not have been trained on any.
    weights : str, Path or Detector, optional
        As for `open_detector`; default those that ship.
    carriers : sequence of str
        Carriers that the photographs pass through before they are scored, see `chosen_carriers`.
    every : int
        Take every n-th image, so that the others are left to test on.
    about : str
        Description of the photographs, which is stored.
    device : str
        Device of torch, "auto" an accelerator where there is one.
    backend : {"torch", "onnx"}
        Library that runs the network.
    batch : int
        Images of one size scored together.
    progress : bool
        Show progress bars.

    Returns
    -------
    CalibrationStudy
        Logits of the photographs and their kinds.

    Raises
    ------
    ValueError, FileNotFoundError
        As `index_sources`, `open_detector`, `chosen_carriers`, `calibrate_photographs`.
    """
    # Spectra need no torch.
    from freqforensics.detector.calibrate import calibrate_photographs, chosen_carriers
    from freqforensics.detector.calibrated import open_detector
    from freqforensics.detector.calibration import FEWEST
    from freqforensics.detector.weights import DEFAULT

    through = chosen_carriers(carriers)
    notes: list[str] = []
    calibration, skipped = calibrate_photographs(
        _photographs(photographs, every, notes),
        open_detector(DEFAULT if weights is None else weights, device=device),
        carriers=through,
        about=about,
        backend=backend,
        batch=batch,
        progress="calibrate" if progress else None,
    )
    if max(Counter(map(str, calibration.kinds)).values()) < FEWEST:
        notes.append(f"no kind has {FEWEST} scores: these count only together with those that ship")
    return CalibrationStudy(calibration, tuple(notes), tuple(Skipped(*failure) for failure in skipped))


def _photographs(sources: SourcesLike, every: int, notes: list[str]) -> list[ImageRecord]:
    return [record for record in index_sources(sources, on_note=notes.append) if record.label != "fake"][::every]
