"""The population that images are compared with, the one that ships and one's own: spectra, and detectors' scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from freqforensics.images import ImageReadError, read_image
from freqforensics.sources.records import ImageRecord
from freqforensics.sources.sources import index_sources
from freqforensics.spectra.population import Population, measure_population

if TYPE_CHECKING:
    from freqforensics.detector.calibration import Calibration

Uint8 = NDArray[np.uint8]


def population_of_sources(
    photographs: Sequence[str | Path],
    out: str | Path,
    *,
    generators: Sequence[str | Path] = (),
    every: int = 1,
    about: str = "",
    progress: str | None = None,
) -> tuple[Population, tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Measure a population of the images of some sources, for `inspect`.

    Parameters
    ----------
    photographs, generators : sequence of str or Path
        As for `index_sources`. Of the first whatever is labelled fake is left out, of the second what is real.
    out : str or Path
        Gets the population, npz.
    every : int
        Take each so-manieth image, so that the others are left to try it on.
    about : str
        What the images are; kept.
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    Population
    tuple of str
        What indexing left out.
    tuple of (str, str)
        Path and reason of every file that could not be read.

    Raises
    ------
    ValueError, FileNotFoundError
        As `index_sources` and `measure_population`.
    """
    notes: list[str] = []
    failures: list[tuple[str, str]] = []
    real = [r for r in index_sources(photographs, on_note=notes.append) if r.label != "fake"][::every]
    groups: dict[str, list[ImageRecord]] = {}
    for record in index_sources(generators, on_note=notes.append) if generators else ():
        if record.label != "real":
            groups.setdefault(record.generator, []).append(record)
    groups = {name: records[::every] for name, records in groups.items()}
    total = len(real) + sum(map(len, groups.values()))
    with tqdm(total=total, desc=progress, unit="image", delay=2, disable=None if progress else True) as bar:

        def images(records: Sequence[ImageRecord]) -> Iterator[Uint8]:
            for record in records:
                try:
                    yield read_image(record.path)
                except ImageReadError as error:
                    failures.append((error.path, error.reason))
                bar.update(1)

        measured = measure_population(
            images(real), {name: images(records) for name, records in groups.items()}, about=about
        )
    measured.save(out)
    return measured, tuple(notes), tuple(failures)


def calibrate_on_sources(
    photographs: Sequence[str | Path],
    out: str | Path,
    *,
    weights: str | Path | None = None,
    carriers: Sequence[str] = ("as-is",),
    every: int = 1,
    about: str = "",
    device: str = "cpu",
    backend: str = "torch",
    progress: str | None = None,
) -> tuple[Calibration, tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Score one's own photographs, for verdicts to be read off: ``open_detector(..., calibration=out)``.

    Parameters
    ----------
    photographs : sequence of str or Path
        As for `index_sources`. What is labelled fake is left out. None may have been trained on.
    out : str or Path
        Gets the calibration, npz.
    weights : str or Path, optional
        As for `open_detector`; default those that ship.
    carriers : sequence of str
        As for `chosen_carriers`: what is done to the photographs before they are scored, each in turn.
    every : int
        Take every n-th image, so that the others are left to try the verdicts on.
    about : str
        What the photographs are; kept.
    device, backend
        As for `open_detector` and `score_files`.
    progress : str, optional
        Name of the progress bars.

    Returns
    -------
    Calibration
    tuple of str
        What indexing left out.
    tuple of (str, str)
        Path and reason of every file that could not be scored.

    Raises
    ------
    ValueError, FileNotFoundError
        As `index_sources`, `open_detector`, `chosen_carriers`, `calibrate_photographs`.
    """
    # Spectra need no torch.
    from freqforensics.detector.calibrate import calibrate_photographs, chosen_carriers
    from freqforensics.detector.calibrated import open_detector
    from freqforensics.detector.weights import DEFAULT

    chosen = chosen_carriers(carriers)
    notes: list[str] = []
    records = [r for r in index_sources(photographs, on_note=notes.append) if r.label != "fake"][::every]
    calibration, failures = calibrate_photographs(
        records,
        open_detector(DEFAULT if weights is None else weights, device=device),
        carriers=chosen,
        about=about,
        backend=backend,
        progress=progress,
    )
    calibration.save(out)
    return calibration, tuple(notes), failures
