"""ForenSynths trees of miniatures: photos, and the same photos as each family would have made them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from freqforensics.generators.miniature import Miniature
from freqforensics.generators.photos import Photos, check_crop_size, index_photos, read_photos, write_png
from freqforensics.generators.registry import fitted_families
from freqforensics.generators.storage import load_miniature
from freqforensics.perturbations import JPEG
from freqforensics.runtime.destinations import check_result_folder
from freqforensics.runtime.executors import executing
from freqforensics.runtime.parallel import map_in_order
from freqforensics.runtime.provenance import manifest
from freqforensics.runtime.results import scratch_folder
from freqforensics.runtime.showing import Summarised
from freqforensics.runtime.writing import write_json
from freqforensics.sources.selection import SourcesLike

Uint8 = NDArray[np.uint8]

_BATCH: Final = 8
MARGIN: Final = 16
"""Pixels around a crop that a miniature sees, as far as the photo has them, and that are cut off again."""


@dataclass(frozen=True, eq=False)
class _Window:
    """A crop with what a miniature sees around it; both begin at multiples of 16 from the photo's origin."""

    seen: Uint8
    top: int
    left: int
    size: int

    def cut(self, image: Uint8) -> Uint8:
        return image[self.top : self.top + self.size, self.left : self.left + self.size]


def _window(image: Uint8, size: int) -> _Window | None:
    height, width = image.shape[:2]
    if min(height, width) < size:
        return None
    top, left = ((side - size) // 2 // MARGIN * MARGIN for side in (height, width))
    above, before = max(0, top - MARGIN), max(0, left - MARGIN)
    seen = image[above : top + size + MARGIN, before : left + size + MARGIN]
    return _Window(seen, top - above, left - before, size)


@dataclass(frozen=True, repr=False)
class Simulation(Summarised):
    """Summary of the images that `simulate` wrote.

    Parameters
    ----------
    images : int
        Number of images on each side of each family.
    families : tuple of str
        Names of the families.
    too_small : tuple of str
        Names of photos left out.
    failures : tuple of (str, str)
        Path and reason of every photo that could not be read.
    """

    images: int
    families: tuple[str, ...]
    too_small: tuple[str, ...]
    failures: tuple[tuple[str, str], ...]


class _Batch(NamedTuple):
    """Windows of one shape, with their photos' names, that go through a miniature together."""

    family: str
    miniature: Miniature
    windows: list[tuple[str, _Window]]


def _written(batches: Sequence[_Batch], *, folder: Path, compress: JPEG | None) -> list[int]:
    """Write both sides of batches; give the number of windows of each. Runs in several threads, of one thread each."""
    torch.set_num_threads(1)  # holds for the thread that says it
    for family, miniature, windows in batches:
        fakes = miniature.regenerate([window.seen for _, window in windows])
        for (name, window), fake in zip(windows, fakes, strict=True):
            for side, image in (("0_real", window.seen), ("1_fake", fake)):
                cut = window.cut(image)
                write_png(folder / family / side / f"{name}.png", cut if compress is None else compress(cut))
    return [len(batch.windows) for batch in batches]


@contextmanager
def _evaluating(miniature: Miniature) -> Iterator[None]:
    """Put a miniature, if it is a network, in evaluation mode for a while."""
    was_training = isinstance(miniature, nn.Module) and miniature.training
    if was_training:
        miniature.eval()
    try:
        yield
    finally:
        if was_training:
            miniature.train()


def simulate(
    photos: Photos,
    out: str | Path,
    *,
    miniatures: Mapping[str, Miniature],
    size: int = 128,
    limit: int | None = None,
    quality: int | None = None,
    command: str | None = None,
    overwrite: bool = False,
    progress: str | None = None,
) -> Simulation:
    """Write ``<family>/0_real`` and ``<family>/1_fake``: the same crops of photos, before and after a miniature.

    Parameters
    ----------
    photos : Photos
        Photos to pass through the miniatures.
    out : str or Path
        Folder for the images.
    miniatures : mapping of str to Miniature
        Miniatures by the names of their folders.
    size : int
        Side of the central crops, a multiple of 16 from 32. Miniatures see up to 16 pixels more on every side.
    limit : int, optional
        At most this many photos, the first that are large enough.
    quality : int, optional
        JPEG quality both sides are compressed with before they are written; 4:2:0.
    command : str, optional
        The command line, for the manifest.
    overwrite : bool
        Replace a result that `out` holds.
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    Simulation
        The images are PNG files named after the photos.

    Raises
    ------
    ValueError
        No miniature, no photo that is large enough, a parameter out of range, or `out` is not empty.
    """
    if not miniatures:
        raise ValueError("there is no miniature to simulate with")
    check_crop_size(size)
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    compress = None if quality is None else JPEG(quality)
    windows = {name: _window(image, size) for name, image in zip(photos.names, photos.images, strict=True)}
    too_small = tuple(name for name, window in windows.items() if window is None)
    usable = [(name, window) for name, window in windows.items() if window is not None][:limit]
    if not usable:
        raise ValueError(f"no photo is as large as {size}x{size} pixels after it was made smaller")
    # Windows of one shape go through a miniature together.
    usable.sort(key=lambda named: named[1].seen.shape)
    groups = [list(group) for _, group in groupby(usable, key=lambda named: named[1].seen.shape)]
    batches = [
        _Batch(family, miniature, group[start : start + _BATCH])
        for family, miniature in miniatures.items()
        for group in groups
        for start in range(0, len(group), _BATCH)
    ]
    with (
        ExitStack() as stack,
        scratch_folder(out, overwrite=overwrite) as folder,
        tqdm(
            total=len(usable) * len(miniatures),
            desc=progress,
            unit="image",
            delay=2,
            disable=None if progress else True,
        ) as bar,
    ):
        stack.enter_context(executing(None))  # the miniatures stay in this process
        for miniature in miniatures.values():
            stack.enter_context(_evaluating(miniature))  # once for all threads
        for _, counts in map_in_order(batches, partial(_written, folder=folder, compress=compress), chunk_size=1):
            bar.update(sum(counts))
        parameters = {"families": list(miniatures), "size": size, "limit": limit, "quality": quality}
        inputs = {"photos": {"images": len(photos.images), "sha256": photos.sha256}}
        about = manifest(parameters, inputs=inputs, command=command)
        write_json(folder / "manifest.json", {**about, "holds": "images"})
    return Simulation(len(usable), tuple(miniatures), too_small, photos.failures)


def simulate_from_sources(
    sources: SourcesLike,
    out: str | Path,
    *,
    families: Sequence[str],
    weights: str | Path | None = None,
    scale_down: int = 2,
    progress: bool = False,
    **options: Any,
) -> Simulation:
    """Simulate families on the photographs of some sources.

    Parameters
    ----------
    sources : Sources, str, Path, or sequence of str or Path
        Folders and tables, as for `index_sources`; images labelled fake are left out.
    out : str or Path
        Folder for the images.
    families : sequence of str
        Names; "all" stands for every fitted family.
    weights : str or Path, optional
        Folder of fitted miniatures; default those that ship.
    scale_down : int
        Factor by which photos are made smaller, as for `read_photos`.
    progress : bool
        Show progress bars.
    **options
        Further parameters of `simulate`.

    Returns
    -------
    Simulation
        What was written, and what was skipped.

    Raises
    ------
    ValueError
        The photographs are refused by `read_photos`, or a parameter by `simulate`.
    FileNotFoundError
        A source or a family's weights do not exist.
    """
    check_result_folder(out, overwrite=bool(options.get("overwrite", False)))
    records = index_photos(sources)
    chosen = fitted_families(families, weights)
    paths = {name: name if weights is None else Path(weights) / f"{name}.safetensors" for name in chosen}
    miniatures = {name: load_miniature(path).model for name, path in paths.items()}
    photos = read_photos(records, scale_down=scale_down, progress="photos" if progress else None)
    return simulate(photos, out, miniatures=miniatures, progress="simulate" if progress else None, **options)
