"""Averaged spectra of image files: the only module of this room that reads them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, cast, get_args

import numpy as np
from numpy.typing import NDArray

from freqforensics.images import (
    MAX_PIXELS,
    ImageReadError,
    as_image,
    decode_image,
    is_array,
    read_file,
    read_jpeg_tables,
    shown_path,
)
from freqforensics.runtime.parallel import Backend, map_reduce
from freqforensics.runtime.showing import Summarised
from freqforensics.sources import ImageRecord, difference_hash, distinct_files, near_copies
from freqforensics.sources.sources import as_files
from freqforensics.spectra.accumulate import SpectrumAccumulator
from freqforensics.spectra.layout import LayoutAccumulator
from freqforensics.spectra.power import MeanSpectrum
from freqforensics.spectra.resampling import ResamplingTrace, TraceAccumulator
from freqforensics.spectra.spec import SpectrumSpec
from freqforensics.storage.locations import as_path

OnError = Literal["raise", "skip"]

COPIES: Final = "copies of another file, which counts once"
Item = TypeVar("Item")

NEAR_COPIES: Final = "looks like another image (near duplicates, which freqforensics audit lists)"


@dataclass(frozen=True, eq=False, repr=False)
class FileEvidence(Summarised):
    """Evidence from one pass over files: whether they were upsampled, and what else would explain it.

    Parameters
    ----------
    spectrum : MeanSpectrum
        Average over the files.
    trace : ResamplingTrace or None
        Second difference of the files; None where no image is large enough.
    jpeg_qualities : tuple of int
        Qualities of the averaged images that are JPEG files, from their quantisation tables.
    unchanged : float or None
        Share of the crop's pixels that are the same in every image; None for fewer than five images.
    sides : dict of int to int
        Number of images by their shorter side, pixels, ascending; those smaller than the crop included.
    """

    spectrum: MeanSpectrum
    trace: ResamplingTrace | None
    jpeg_qualities: tuple[int, ...]
    unchanged: float | None = None
    sides: dict[int, int] = field(default_factory=dict)


@dataclass
class _Share:
    """Contribution of one chunk of files."""

    accumulator: SpectrumAccumulator
    trace: TraceAccumulator | None = None
    layout: LayoutAccumulator | None = None
    qualities: list[int] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)
    hashes: list[int] = field(default_factory=list)
    sides: Counter[int] = field(default_factory=Counter)
    digest: int = 0


def mean_spectrum(
    records: Sequence[ImageRecord | str | Path] | Sequence[Any] | NDArray[Any] | str | Path,
    *,
    spec: SpectrumSpec | None = None,
    workers: int | None = None,
    limit: int | None = None,
    rng: np.random.Generator | None = None,
    on_error: OnError = "raise",
    exif_orientation: bool = False,
    max_pixels: int = MAX_PIXELS,
    salvage: bool = False,
    backend: Backend = "threads",
    progress: str | None = None,
) -> MeanSpectrum:
    """Average the spectra of image files or of arrays.

    Parameters
    ----------
    records : sequence of ImageRecord, str or Path; or of ndarray, torch.Tensor or PIL.Image.Image
        A single path is a source, as for `index_sources`. Other images are anything that `as_image` takes, or one array
        or tensor of several, (N, ...). Of the options, only `spec`, `limit` and `rng` apply to them. Files of every
        label enter one average; `by_generator` separates them. Identical files count once. The result's `notes` give
        the number of copies, and of images that look like another one.
    spec : SpectrumSpec, optional
        Crops, residual and transform; default ``SpectrumSpec()``.
    workers : int, optional
        Number of threads; default all processors. The result does not depend on it.
    limit : int, optional
        At most this many files: the first in order, or with `rng` a random choice without replacement.
    rng : numpy.random.Generator, optional
        Random generator for `limit` and for crops drawn at random.
    on_error : {"raise", "skip"}
        Whether a file that cannot be read raises, or is skipped and listed in the result's `failures`.
    exif_orientation, max_pixels, salvage
        Orientation, size limit and truncated JPEGs, as in `read_image`.
    backend, progress
        How the work runs and the name of its progress bar, as in `map_reduce`.

    Returns
    -------
    MeanSpectrum
        The averages, with the number of images and what was skipped.

    Raises
    ------
    ImageReadError
        A file cannot be read and `on_error` is "raise".
    ValueError
        No records, or a parameter out of range.

    Examples
    --------
    A line with the same phase in every image has a coherence near 1.

    >>> wave = 128 + 20 * np.cos(np.pi / 2 * np.arange(64))
    >>> noise = np.random.default_rng(0).normal(0, 10, (8, 64, 64))
    >>> spectrum = mean_spectrum(list((wave + noise).round().astype(np.uint8)), spec=SpectrumSpec(size=64))
    >>> spectrum.images, round(float(spectrum.coherence[0, 16]), 2)
    (8, 1.0)
    """
    arrays = _as_arrays(records)
    if arrays is not None:
        return _of_arrays(arrays, spec or SpectrumSpec(), limit, rng)
    records = as_files(cast("Sequence[ImageRecord | str | Path] | str | Path", records))
    spec = spec or SpectrumSpec()
    _check(records, spec, limit, rng, on_error)
    paths, copies = _without_copies(_chosen(records, limit, rng))
    share = _pass(
        paths,
        partial(_average, spec, on_error, exif_orientation, max_pixels, salvage, False),
        rng if spec.crop == "random" else None,
        workers,
        backend,
        progress,
    )
    return _spectrum(share, copies)


def _as_arrays(images: Any) -> list[Any] | None:
    """The images, if they are no files."""
    if is_array(images):
        shape: tuple[int, ...] = tuple(getattr(images, "shape", ()))
        if len(shape) < 3 or (len(shape) == 3 and {shape[0], shape[2]} & {1, 3}):
            raise ValueError(f"records must hold several images, got shape {shape}: give one image as [image]")
        return list(images)
    several = isinstance(images, (list, tuple)) and len(images) > 0
    return list(images) if several and all(map(is_array, images)) else None


def _of_arrays(
    images: list[Any], spec: SpectrumSpec, limit: int | None, rng: np.random.Generator | None
) -> MeanSpectrum:
    _check(images, spec, limit, rng, "raise")
    accumulator = SpectrumAccumulator(spec)
    for image in _some(images, limit, rng):
        accumulator.update([as_image(image)], rng=rng)
    return accumulator.result()


def file_evidence(
    records: Sequence[ImageRecord | str | Path] | str | Path,
    *,
    spec: SpectrumSpec | None = None,
    workers: int | None = None,
    limit: int | None = None,
    progress: str | None = None,
) -> FileEvidence:
    """Average spectrum and second difference of image files in one pass, and note their JPEG tables.

    Parameters
    ----------
    records : sequence of ImageRecord, str or Path
        A single path is a source, as for `index_sources`.
        Files that cannot be read are listed in the spectrum's `failures`; copies count once, as for `mean_spectrum`.
    spec : SpectrumSpec, optional
        Crops, residual and transform; default ``SpectrumSpec()``. Crops must be square and central.
    workers, progress
        Number of threads and name of the progress bar, as for `mean_spectrum`.
    limit : int, optional
        At most this many files, the first in order.

    Returns
    -------
    FileEvidence
        Spectrum, second difference and JPEG qualities of the files.

    Raises
    ------
    ValueError
        No records, crops that are not square and central, or a parameter out of range.
    """
    records = as_files(records)
    spec = spec or SpectrumSpec()
    if spec.crop != "center" or spec.shape[0] != spec.shape[1]:
        raise ValueError(f"spec must be of square, central crops, got {spec}")
    _check(records, spec, limit, None, "skip")
    paths, copies = _without_copies(_chosen(records, limit, None))
    share = _pass(
        paths,
        partial(_average, spec, "skip", False, MAX_PIXELS, False, True),
        None,
        workers,
        "threads",
        progress,
    )
    trace = share.trace.result() if share.trace is not None and share.trace.images else None
    unchanged = None if share.layout is None else share.layout.unchanged()
    qualities, sides = tuple(sorted(share.qualities)), dict(sorted(share.sides.items()))
    return FileEvidence(_spectrum(share, copies), trace, qualities, unchanged, sides)


def _check(
    records: Sequence[object],
    spec: SpectrumSpec,
    limit: int | None,
    rng: np.random.Generator | None,
    on_error: str,
) -> None:
    if on_error not in get_args(OnError):
        raise ValueError(f"on_error must be one of {', '.join(get_args(OnError))}; got {on_error!r}")
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    if not records:
        raise ValueError("records must not be empty")
    if spec.crop == "random" and rng is None:
        raise ValueError("crop 'random' needs a random generator: give rng")


def _chosen(
    records: Sequence[ImageRecord | str | Path], limit: int | None, rng: np.random.Generator | None
) -> list[Path]:
    chosen = _some(list(records), limit, rng)
    return [record.path if isinstance(record, ImageRecord) else as_path(record) for record in chosen]


def _some(items: list[Item], limit: int | None, rng: np.random.Generator | None) -> list[Item]:
    if limit is None or limit >= len(items):
        return items
    picked = np.arange(limit) if rng is None else np.sort(rng.choice(len(items), limit, replace=False))
    return [items[index] for index in picked]


def _pass(
    paths: Sequence[Path],
    average: Callable[[Sequence[tuple[Path, int | None]]], _Share],
    rng: np.random.Generator | None,
    workers: int | None,
    backend: Backend,
    progress: str | None,
) -> _Share:
    seeds: Sequence[int | None] = [None] * len(paths)
    if rng is not None:
        # A chunk is seeded by its first file, so the number of threads does not matter.
        seeds = rng.integers(2**63, size=len(paths)).tolist()
    items = list(zip(paths, seeds, strict=True))
    return map_reduce(items, average, _merge, backend=backend, workers=workers, progress=progress)


def _without_copies(paths: list[Path]) -> tuple[list[Path], int]:
    """Drop files that are equal to an earlier one, and say how many they were."""
    chosen = [paths[index] for index in distinct_files(paths)]
    return chosen, len(paths) - len(chosen)


def _spectrum(share: _Share, copies: int = 0) -> MeanSpectrum:
    """Freeze a share; copies were left out of it."""
    notes = share.notes + Counter({COPIES: copies, NEAR_COPIES: len(near_copies(share.hashes))})
    return share.accumulator.result(notes=+notes, failures=share.failures, inputs_sha256=f"{share.digest:064x}")


def _average(
    spec: SpectrumSpec,
    on_error: OnError,
    exif_orientation: bool,
    max_pixels: int,
    salvage: bool,
    traced: bool,
    chunk: Sequence[tuple[Path, int | None]],
) -> _Share:
    side = spec.shape[0]
    share = _Share(SpectrumAccumulator(spec))
    if traced:
        share.trace, share.layout = TraceAccumulator(size=side), LayoutAccumulator(size=side, align=spec.align)
    seed = chunk[0][1]
    share.accumulator.update(
        _read(spec, on_error, exif_orientation, max_pixels, salvage, [path for path, _ in chunk], share),
        rng=None if seed is None else np.random.default_rng(seed),
    )
    return share


def _read(
    spec: SpectrumSpec,
    on_error: OnError,
    exif_orientation: bool,
    max_pixels: int,
    salvage: bool,
    paths: Sequence[Path],
    share: _Share,
) -> Iterator[NDArray[np.uint8]]:
    """Yield the images of files one by one, and record their notes, hashes and JPEG qualities."""
    height, width = spec.shape
    for path in paths:
        notes: list[str] = []
        try:
            data = read_file(path, max_pixels=max_pixels)
            image = decode_image(
                data,
                name=path,
                exif_orientation=exif_orientation,
                max_pixels=max_pixels,
                salvage=salvage,
                stored_luma=spec.channel == "luma",
                on_note=notes.append,
            )
        except ImageReadError as error:
            if on_error == "raise":
                raise
            share.failures.append((error.path, error.reason))
            continue
        share.sides[min(image.shape[:2])] += 1
        if image.shape[0] >= height and image.shape[1] >= width:  # or it is skipped, and no part of the average
            # A note about a salvaged file names the file.
            share.notes.update(f"{shown_path(path)}: {note}" if note.startswith("salvaged") else note for note in notes)
            share.hashes.append(difference_hash(image))
            share.digest = (share.digest + int.from_bytes(hashlib.sha256(data).digest(), "big")) % (1 << 256)
            if share.trace is not None and share.layout is not None:
                share.trace.add(image)
                share.layout.add(image)
                tables = read_jpeg_tables(data)
                share.qualities += [] if tables is None else [tables.quality]
        yield image


def _merge(left: _Share, right: _Share) -> _Share:
    left.accumulator.merge(right.accumulator)
    if left.trace is not None and right.trace is not None:
        left.trace.merge(right.trace)
    if left.layout is not None and right.layout is not None:
        left.layout.merge(right.layout)
    left.qualities += right.qualities
    left.notes.update(right.notes)
    left.failures += right.failures
    left.hashes += right.hashes
    left.sides.update(right.sides)
    left.digest = (left.digest + right.digest) % (1 << 256)
    return left
