"""Photographs that need no download, and upsampled versions of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from freqforensics.generators.photos import index_photos, write_png
from freqforensics.generators.upsamplers import bilinear, nearest, transposed_convolution, zero_insertion
from freqforensics.images import ImageReadError, read_image
from freqforensics.sources.selection import SourcesLike

TILE: Final = 160
"""Side of the images written, in pixels."""

SIZE: Final = 128
"""Side of the crops to average: small enough that the residual's filter never meets an image's border."""

_SCIKIT_IMAGE: Final = ("astronaut", "brick", "camera", "cat", "chelsea", "coffee", "grass", "gravel", "rocket")

FEWEST: Final = 20
"""Least number of crops for a meaningful average."""

_MOST: Final = 96
_TILES: Final = (2, 3)

Plane = NDArray[np.float32]


def write_upsampled_photographs(
    folder: str | Path,
    sources: SourcesLike | None = None,
    *,
    on_skip: Callable[[str, str], None] = lambda path, reason: None,
) -> int:
    """Write a ForenSynths tree of photographs' crops and what upsampling by two makes of them.

    Every photograph is halved by area averaging and doubled again, so the content of both sides is the same. The
    upsamplers, one generator each: ``nearest``, ``bilinear`` (half-pixel centres), ``zero-insertion`` (with the mean
    kept, nothing filtered) and ``transposed-3x3`` (stride 2, a smooth kernel whose phases have unequal sums: the
    checkerboard of Odena et al. 2016).

    Parameters
    ----------
    folder : str or Path
        Gets ``<upsampler>/{0_real,1_fake}/*.png``. Files of the same names are replaced.
    sources : Sources, str, Path, or sequence of str or Path, optional
        Photographs of your own, as for `index_sources`: the middle of each, of up to six crops, and 96 crops in all.
        Default those that scikit-image and scikit-learn bundle.
    on_skip : callable
        Gets path and reason of each file that cannot be read.

    Returns
    -------
    int
        Crops on each side.

    Raises
    ------
    ValueError
        Photographs of your own give fewer than 20 crops of 160 pixels.
    """
    root = Path(folder)
    count = 0
    for name, image in _photographs() if sources is None else _own_photographs(sources, on_skip):
        height, width = (side // 2 * 2 for side in image.shape[:2])
        image = image[:height, :width]
        small = cv2.resize(image.astype(np.float32), (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        # Whole photographs are enlarged and then cut, or the crops' borders would be part of the pattern.
        planes = np.moveaxis(np.asarray(small, np.float32), 2, 0)
        enlarged = {upsampler: np.moveaxis(enlarge(planes), 0, 2) for upsampler, enlarge in _UPSAMPLERS.items()}
        for row in range(0, height - TILE + 1, TILE):
            for column in range(0, width - TILE + 1, TILE):
                section = (slice(row, row + TILE), slice(column, column + TILE))
                file = f"{name}-{row}-{column}.png"
                first, *others = (root / upsampler / "0_real" / file for upsampler in enlarged)
                write_png(first, _rounded(image[section]), *others)
                for upsampler, fake in enlarged.items():
                    write_png(root / upsampler / "1_fake" / file, _rounded(fake[section]))
                count += 1
        if sources is not None and count >= _MOST:
            break
    if count < FEWEST:
        raise ValueError(
            f"the photographs give {count} crops of {TILE}x{TILE} pixels; an average needs {FEWEST} at the least"
        )
    return count


def _own_photographs(
    sources: SourcesLike, on_skip: Callable[[str, str], None]
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """The middle of every photograph that can be read, and is large enough, from the grid of 16 pixels on."""
    for number, record in enumerate(index_photos(sources)):
        try:
            image = read_image(record.path, on_note=lambda note: None)
        except ImageReadError as error:
            on_skip(error.path, error.reason)
            continue
        height, width = (min(side, count * TILE) for side, count in zip(image.shape[:2], _TILES, strict=True))
        top, left = (
            (side - length) // 2 // 16 * 16 for side, length in zip(image.shape[:2], (height, width), strict=True)
        )
        if min(height, width) >= TILE:
            yield f"{number:03}", image[top : top + height, left : left + width]


def _photographs() -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """The photographs that come inside the two packages; those a version fetches from the network are left out."""
    import skimage.data
    from sklearn.datasets import load_sample_images

    inside = Path(skimage.data.__file__).parent
    for name in _SCIKIT_IMAGE:
        if any(inside.glob(f"{name}.*")):
            image = np.asarray(getattr(skimage.data, name)())
            if image.ndim == 2:
                image = np.repeat(image[..., None], 3, axis=2)
            yield name, image
    sample = load_sample_images()
    for path, image in zip(sample.filenames, sample.images, strict=True):
        yield Path(path).stem, image


def _zero_insertion(small: Plane) -> Plane:
    return zero_insertion(2)(small - 128) + 128


_UPSAMPLERS: Final[dict[str, Callable[[Plane], Plane]]] = {
    "nearest": nearest(2),
    "bilinear": bilinear(),
    "zero-insertion": _zero_insertion,
    "transposed-3x3": transposed_convolution((0.5, 1.1, 0.5), padding=1),  # phases 1.1 and 0.5 + 0.5
}


def _rounded(image: NDArray[Any]) -> NDArray[np.uint8]:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
