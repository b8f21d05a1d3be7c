"""The population that images are held against: the one that ships, and one's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from freqforensics.images import ImageReadError, ImageRecord, index_sources, read_image
from freqforensics.spectra.population import Population, measure_population

Uint8 = NDArray[np.uint8]

POPULATION: Final = Path(__file__).parent / "spectra" / "population.npz"


@lru_cache(maxsize=1)
def shipped_population() -> Population:
    """Photographs' spectra and generators' lattices that ship; `Population.about` says of what."""
    return Population.load(POPULATION)


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
