"""From image files to one averaged spectrum: the only module of this room that knows files."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from freqforensics.engine import Backend, map_reduce
from freqforensics.images import MAX_PIXELS, ImageReadError, ImageRecord, decode_image, read_file
from freqforensics.spectra.power import MeanSpectrum, SpectrumAccumulator
from freqforensics.spectra.resampling import ResamplingTrace, resampling_trace
from freqforensics.spectra.spec import SpectrumSpec

OnError = Literal["raise", "skip"]


@dataclass
class _Share:
    """What one chunk of files adds."""

    accumulator: SpectrumAccumulator
    notes: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)
    digest: int = 0


def mean_spectrum(
    records: Sequence[ImageRecord | str | Path],
    *,
    spec: SpectrumSpec | None = None,
    workers: int | None = None,
    limit: int | None = None,
    rng: np.random.Generator | None = None,
    on_error: OnError = "raise",
    exif_orientation: bool = False,
    max_pixels: int = MAX_PIXELS,
    backend: Backend = "threads",
    progress: str | None = None,
) -> MeanSpectrum:
    """Average the spectra of image files.

    Parameters
    ----------
    records : sequence of ImageRecord, str or Path
        All of them go into one average, whatever their labels; `by_generator` sorts them apart.
    spec : SpectrumSpec, optional
        Default ``SpectrumSpec()``.
    workers : int, optional
        Threads; default all processors. The result does not depend on it.
    limit : int, optional
        Use at most so many: the first in order, or with `rng` a random choice without replacement.
    rng : numpy.random.Generator, optional
        For `limit`, and for crops drawn at random.
    on_error : {"raise", "skip"}
        At a file that cannot be read: raise, or go on and list it in the result's `failures`.
    exif_orientation, max_pixels
        As in `read_image`.
    backend, progress
        As in `map_reduce`.

    Returns
    -------
    MeanSpectrum

    Raises
    ------
    ImageReadError
        A file cannot be read and `on_error` is "raise".
    ValueError
        No records, or a parameter out of range.
    """
    spec = spec or SpectrumSpec()
    if on_error not in get_args(OnError):
        raise ValueError(f"on_error must be one of {', '.join(get_args(OnError))}; got {on_error!r}")
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    if not records:
        raise ValueError("records must not be empty")
    if spec.crop == "random" and rng is None:
        raise ValueError("crop 'random' needs a random generator: give rng (--seed on the command line)")
    chosen = list(records)
    if limit is not None and limit < len(chosen):
        picked = np.arange(limit) if rng is None else np.sort(rng.choice(len(chosen), limit, replace=False))
        chosen = [chosen[index] for index in picked]
    paths = [record.path if isinstance(record, ImageRecord) else Path(record) for record in chosen]
    seeds: Sequence[int | None] = [None] * len(paths)
    if spec.crop == "random" and rng is not None:
        seeds = rng.integers(
            2**63, size=len(paths)
        ).tolist()  # the first of a chunk is the chunk's, whatever the threads

    share = map_reduce(
        list(zip(paths, seeds, strict=True)),
        partial(_average, spec, on_error, exif_orientation, max_pixels),
        _merge,
        backend=backend,
        workers=workers,
        progress=progress,
    )
    return share.accumulator.result(notes=share.notes, failures=share.failures, inputs_sha256=f"{share.digest:064x}")


def _average(
    spec: SpectrumSpec,
    on_error: OnError,
    exif_orientation: bool,
    max_pixels: int,
    chunk: Sequence[tuple[Path, int | None]],
) -> _Share:
    share = _Share(SpectrumAccumulator(spec))
    seed = chunk[0][1]
    share.accumulator.update(
        _read(spec, on_error, exif_orientation, max_pixels, [path for path, _ in chunk], share),
        rng=None if seed is None else np.random.default_rng(seed),
    )
    return share


def _read(
    spec: SpectrumSpec,
    on_error: OnError,
    exif_orientation: bool,
    max_pixels: int,
    paths: Sequence[Path],
    share: _Share,
) -> Iterator[NDArray[np.uint8]]:
    """Yield the images of files one by one, and put on record what they are."""
    height, width = spec.shape
    for path in paths:
        notes: list[str] = []
        try:
            data = read_file(path, max_pixels=max_pixels)
            image = decode_image(
                data, name=path, exif_orientation=exif_orientation, max_pixels=max_pixels, on_note=notes.append
            )
        except ImageReadError as error:
            if on_error == "raise":
                raise
            share.failures.append((error.path, error.reason))
            continue
        if image.shape[0] >= height and image.shape[1] >= width:  # or it is skipped, and no part of the average
            share.notes.update(notes)
            share.digest = (share.digest + int.from_bytes(hashlib.sha256(data).digest(), "big")) % (1 << 256)
        yield image


def _merge(left: _Share, right: _Share) -> _Share:
    left.accumulator.merge(right.accumulator)
    left.notes.update(right.notes)
    left.failures += right.failures
    left.digest = (left.digest + right.digest) % (1 << 256)
    return left


def resampling_trace_of_files(
    records: Sequence[ImageRecord | str | Path],
    *,
    size: int = 256,
    limit: int | None = None,
    workers: int | None = None,
    exif_orientation: bool = False,
    max_pixels: int = MAX_PIXELS,
    progress: str | None = None,
) -> ResamplingTrace | None:
    """Average the second difference's trace over image files; see `resampling_trace`.

    Parameters
    ----------
    records : sequence of ImageRecord, str or Path
        Files that cannot be read are passed over: `mean_spectrum` lists them.
    size : int
    limit : int, optional
        The first so many.
    workers, exif_orientation, max_pixels, progress
        As for `mean_spectrum`.

    Returns
    -------
    ResamplingTrace or None
        None where no image is large enough.

    Raises
    ------
    ValueError
        No records, or a parameter out of range.
    """
    paths = [record.path if isinstance(record, ImageRecord) else Path(record) for record in records][:limit]

    def trace(chunk: Sequence[Path]) -> ResamplingTrace | None:
        spec = SpectrumSpec(size=size)
        images = _read(spec, "skip", exif_orientation, max_pixels, chunk, _Share(SpectrumAccumulator(spec)))
        large = [image for image in images if min(image.shape[:2]) >= size]
        return resampling_trace(large, size=size) if large else None

    def together(left: ResamplingTrace | None, right: ResamplingTrace | None) -> ResamplingTrace | None:
        if left is None or right is None:
            return left or right
        count = left.images + right.images
        power = (left.power * left.images + right.power * right.images) / count
        return ResamplingTrace(count, left.frequencies, power)

    return map_reduce(paths, trace, together, workers=workers, progress=progress)
