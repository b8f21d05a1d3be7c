"""Photos for miniatures: read, made smaller until no trace of their own JPEG grid is left, cut on one lattice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from freqforensics.images import ImageReadError, decode_image, read_file, shown_path
from freqforensics.perturbations import Resize
from freqforensics.runtime.showing import Summarised
from freqforensics.runtime.writing import replacing
from freqforensics.sources import ImageRecord, index_sources
from freqforensics.sources.selection import SourcesLike, listed_paths
from freqforensics.sources.sources import as_files
from freqforensics.storage.locations import as_path

Uint8 = NDArray[np.uint8]


@dataclass(frozen=True, eq=False, repr=False)
class Photos(Summarised):
    """Photographs in memory.

    Parameters
    ----------
    images : tuple of ndarray of uint8, (H, W, 3)
        RGB images.
    names : tuple of str
        File names without suffix, made unique by the folder's name or a number where necessary.
    sha256 : str
        Hash of the files, independent of their order.
    failures : tuple of (str, str)
        Path and reason of every file left out.
    """

    images: tuple[Uint8, ...]
    names: tuple[str, ...]
    sha256: str
    failures: tuple[tuple[str, str], ...]


def read_photos(
    records: Sequence[ImageRecord | str | Path] | str | Path, *, scale_down: int = 2, progress: str | None = None
) -> Photos:
    """Read photos and make them smaller by area averaging.

    Parameters
    ----------
    records : sequence of ImageRecord, str or Path
        A single path is a source, as for `index_sources`.
        Image files.
    scale_down : int
        Factor by which the sides become shorter: a pixel is the mean of `scale_down` x `scale_down` others. 1 leaves
        the photos as they are, JPEG grid included.
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    Photos
        The photos, and those that were skipped.

    Raises
    ------
    ValueError
        No photo can be read, or `scale_down` below 1.
    """
    records = as_files(records)
    if scale_down < 1:
        raise ValueError(f"scale_down must be at least 1, got {scale_down}")
    images: list[Uint8] = []
    names: list[str] = []
    failures: list[tuple[str, str]] = []
    digest = 0
    shrink = Resize(1 / scale_down, "area")
    for record in tqdm(records, desc=progress, unit="photo", delay=2, disable=None if progress else True):
        path = record.path if isinstance(record, ImageRecord) else as_path(record)
        try:
            data = read_file(path)
            image = decode_image(data, name=path, on_note=lambda _: None)
        except ImageReadError as error:
            failures.append((error.path, error.reason))
            continue
        if min(image.shape[:2]) < scale_down:
            failures.append((shown_path(path), f"{image.shape[1]}x{image.shape[0]} pixels are too few"))
            continue
        images.append(image if scale_down == 1 else shrink(image))
        names.append(_unique(path, names))
        digest = (digest + int.from_bytes(hashlib.sha256(data).digest(), "big")) % (1 << 256)
    if not images:
        if not failures:
            raise ValueError("there are no photos")
        first = ": ".join(failures[0])
        raise ValueError(f"none of {len(records)} photos can be read; the first: {first}")
    return Photos(tuple(images), tuple(names), f"{digest:064x}", tuple(failures))


def index_photos(sources: SourcesLike) -> list[ImageRecord]:
    """List the images of some sources that are not labelled fake, in the order of `index_sources`."""
    records = [record for record in index_sources(sources, on_note=lambda _: None) if record.label != "fake"]
    if not records:
        raise ValueError(f"{listed_paths(sources)}: holds no photograph, only images labelled fake")
    return records


def check_crop_size(size: int) -> None:
    """Raise ValueError unless `simulate` can cut crops of `size` pixels."""
    if size < 32 or size % 16:
        raise ValueError(f"size must be a multiple of 16 from 32, got {size}")


def central_crop(image: Uint8, size: int) -> Uint8 | None:
    """Cut the central square whose offsets are multiples of 16 pixels; None where the image is smaller."""
    height, width = image.shape[:2]
    if min(height, width) < size:
        return None
    top, left = ((side - size) // 2 // 16 * 16 for side in (height, width))
    return image[top : top + size, left : left + size]


def write_png(path: Path, image: Uint8, *copies: Path) -> None:
    """Write an RGB image as PNG, whole or not at all; `copies` get the same file, encoded once."""
    encoded, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not encoded:
        raise OSError(f"{path} cannot be encoded")
    for target in (path, *copies):
        with replacing(target) as temporary:
            temporary.write_bytes(data.tobytes())


def _unique(path: Path, names: list[str]) -> str:
    for name in (path.stem, f"{path.parent.name}-{path.stem}"):
        if name not in names:
            return name
    return f"{path.stem}-{len(names)}"
