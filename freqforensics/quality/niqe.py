"""How far an image's local statistics lie from photographs': NIQE, a quality score that needs no reference.

A. Mittal, R. Soundararajan and A. C. Bovik, "Making a 'completely blind' image quality analyzer", IEEE Signal
Processing Letters 20 (2013) 209-212; the features are those of A. Mittal, A. K. Moorthy and A. C. Bovik, "No-reference
image quality assessment in the spatial domain", IEEE Transactions on Image Processing 21 (2012) 4695-4708.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from freqforensics.images import decode_image, read_file, read_jpeg_tables
from freqforensics.quality.strips import STRIP
from freqforensics.runtime.archives import check_array, check_count, read_facts, read_npz
from freqforensics.runtime.showing import Summarised
from freqforensics.runtime.stored import reading
from freqforensics.runtime.writing import replacing
from freqforensics.sources.records import ImageRecord
from freqforensics.spectra.spec import channel_planes

Uint8 = NDArray[np.uint8]
Float = NDArray[np.float64]

PATCH: Final = 96
"""Side of a patch in pixels, and twice that of the same patch at half size: the paper's."""
SMALL_PATCH: Final = 48
"""The same for images that are too small: another model, and other scores."""
FEATURES: Final = 36
SHARP: Final = 0.75
"""Of an image's sharpest patch: sharper ones go into the model of photographs."""
FORMAT: Final = 1
SHIPPED: Final = {
    PATCH: Path(__file__).parent / "niqe.npz",
    SMALL_PATCH: Path(__file__).parent / "niqe_48.npz",
}

_BLOCK: Final = 65_536  # coefficients whose products stay in a processor's cache
_REACH: Final = 12  # rows; of coefficients at half size 9 rows above and 10 below have a part, and halving is of pairs
_ROUNDING: Final = 1e-6  # grey levels; differences from the local mean below it are the arithmetic's
_SHAPES: Final = np.geomspace(0.2, 10, 20_000)
_RATIOS: Final = np.exp(2 * gammaln(2 / _SHAPES) - gammaln(1 / _SHAPES) - gammaln(3 / _SHAPES))
"""(E|x|)^2 / E[x^2] of generalised Gaussians of these shapes, rising."""
_SHIFTS: Final = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Of the neighbour a coefficient is multiplied with: right, below, and both diagonals."""


@dataclass(frozen=True, eq=False, repr=False)
class NaturalModel(Summarised):
    """A multivariate Gaussian of the features of sharp patches of photographs.

    Parameters
    ----------
    mean : ndarray, shape (36,)
        Mean of the features.
    covariance : ndarray, shape (36, 36)
        Covariance of the features.
    images, patches : int
        That it was fitted to.
    about : str
        What the images were.
    patch : int
        Side of a patch in pixels.
    """

    mean: Float
    covariance: Float
    images: int
    patches: int
    about: str
    patch: int = PATCH

    def save(self, path: str | Path) -> None:
        """Write as an npz, whole or not at all; the same model gives the same bytes.

        Parameters
        ----------
        path : str or Path
            File to write; an existing one is replaced.
        """
        facts = {
            "format": FORMAT,
            "images": self.images,
            "patches": self.patches,
            "about": self.about,
            "patch": self.patch,
        }
        about = np.array(json.dumps(facts))
        with replacing(path) as temporary:
            np.savez_compressed(temporary, about=about, mean=self.mean, covariance=self.covariance)

    @classmethod
    def load(cls, path: str | Path) -> NaturalModel:
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError, ValueError
            There is no file, or it is not one of these.
        """
        with reading(path, "is not a saved model of photographs"):
            stored = read_npz(path, ["about", "mean", "covariance"])
            about = read_facts(stored["about"])
            if about["format"] != FORMAT:
                raise ValueError(f"format {about['format']!r} is not known to this version")
            check_array("mean", stored["mean"], (FEATURES,))
            check_array("covariance", stored["covariance"], (FEATURES, FEATURES))
            mean, covariance = (stored[name].astype(np.float64) for name in ("mean", "covariance"))
            counts = check_count(about, "images", least=1), check_count(about, "patches", least=1)
            return cls(mean, covariance, *counts, str(about["about"]), check_count(about, "patch", least=2))


@lru_cache(maxsize=2)
def shipped_model(patch: int = PATCH) -> NaturalModel:
    """Give the model that ships, of patches of 96 pixels or 48; ValueError of others.

    `NaturalModel.about` says of what photographs it is, `fit_natural_model` how it was made.
    """
    if patch not in SHIPPED:
        raise ValueError(f"patch must be one of {', '.join(map(str, SHIPPED))}; got {patch}")
    return NaturalModel.load(SHIPPED[patch])


def niqe(image: Uint8, *, model: NaturalModel | None = None) -> float:
    """Measure how far an image's local statistics lie from those of photographs.

    The luma is cut from the top left into patches of 96 x 96 pixels (the model's size); what is left over at the right
    and below is not looked at. Each has 36 features, 18 at full and 18 at half size; their mean and covariance over the
    patches are compared with the model's (eq. 10 of the paper):
    ``sqrt((m1 - m2)' pinv((S1 + S2) / 2) (m1 - m2))``.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB, both sides at least two patches.
    model : NaturalModel, optional
        Default `shipped_model`. Scores of different models are not comparable.

    Returns
    -------
    float
        Not negative; lower is more like a sharp photograph.

    Raises
    ------
    ValueError
        The image is smaller, is not of that type, or has fewer than two patches with any texture: a flat image has no
        statistics, so no score.

    Notes
    -----
    Few patches give an uncertain mean, which adds to the distance (24 photographs of 768 x 512: median 2.9; the middle
    256 x 256: 4.5). Compare images of one size. Patches without any texture (clipped skies) are left out.

    What the paper does not say is done so: luma is 0.299 R + 0.587 G + 0.114 B, not rounded; images continue by
    replication beyond their border for local means, and by reflection for halving, which is by the cubic of Keys (1981;
    a = -1/2) stretched by two, as MATLAB's ``imresize`` does; products are taken of neighbours within a patch.
    """
    if model is None:
        model = shipped_model()
    features, _ = patch_features(image, patch=model.patch)
    features = features[np.isfinite(features).all(axis=1)]
    if len(features) < 2:
        raise ValueError(
            f"the image has no texture: {len(features)} of its patches have statistics, at least 2 are needed"
        )
    difference = model.mean - features.mean(axis=0)
    between = (model.covariance + np.cov(features, rowvar=False)) / 2
    return float(np.sqrt(max(0.0, difference @ np.linalg.pinv(between, hermitian=True) @ difference)))


def small_niqe(image: Uint8) -> float:
    """Measure `niqe` by patches of 48 pixels, for images from 96 pixels a side."""
    return niqe(image, model=shipped_model(SMALL_PATCH))


def fit_natural_model(images: Iterable[Uint8], *, about: str, patch: int = PATCH) -> NaturalModel:
    """Fit the model of photographs that images are compared with.

    Parameters
    ----------
    images : iterable of ndarray of uint8, shape (H, W, 3)
        RGB photographs, sharp, without noise or visible compression. Those under two patches a side are left out, and
        of each the patches less than 0.75 times as sharp (mean local standard deviation) as its sharpest.
    about : str
        What the images are; kept.
    patch : int
        Side of a patch in pixels, even, at least 16.

    Returns
    -------
    NaturalModel
        Mean and covariance of the features.

    Raises
    ------
    ValueError
        Fewer than 37 patches: their covariance would be singular. Or `patch` is odd or too small.

    Notes
    -----
    The model that ships was made, in the folder of the photographs, by::

        records = index_sources(["photos", "photos_imagenet"])
        fit_natural_model(well_kept(records), about="...").save("niqe.npz")
        fit_natural_model(well_kept(records), about="...", patch=48).save("niqe_48.npz")

    `NaturalModel.about` says what they are: JPEG of quality 95 and above. What that leaves is in the model, too, and a
    faint block grid counts as natural: an uncompressed photograph can score worse than the same at quality 90. That
    each goes in at three quarters of its size as well, where it has no grid, was chosen among ten ways (sizes 1, 3/4,
    0.62; either folder or both) by the share of photographs, of the half not fitted to, that were put in order of
    blur, noise and JPEG quality: 96 %. The ten lie between 82 % and 96 %, six of them within one percent.
    """
    sharp: list[Float] = []
    count = 0
    for image in images:
        if min(image.shape[:2]) < 2 * patch:
            continue
        features, sharpness = patch_features(image, patch=patch)
        chosen = (sharpness > SHARP * sharpness.max()) & np.isfinite(features).all(axis=1)
        if chosen.any():
            sharp.append(features[chosen])
            count += 1
    patches = sum(map(len, sharp))
    if patches <= FEATURES:
        raise ValueError(f"images must give at least {FEATURES + 1} sharp patches, got {patches} of {count} images")
    stacked = np.concatenate(sharp)
    return NaturalModel(stacked.mean(axis=0), np.cov(stacked, rowvar=False), count, patches, about, patch)


def well_kept(records: Sequence[ImageRecord], *, least_quality: int = 95) -> Iterator[Uint8]:
    """Read photographs that a model can be fitted to, each at its size and at three quarters of it.

    JPEG files of a lower quality than `least_quality`, on libjpeg's scale, are left out. Raises ImageReadError of a
    file that cannot be read.
    """
    for record in records:
        data = read_file(record.path)
        tables = read_jpeg_tables(data)
        if tables is None or tables.quality >= least_quality:
            image = decode_image(data, name=record.path, on_note=lambda note: None)
            yield image
            # Off the grid of 8 pixels, and sharper.
            smaller = cv2.resize(image, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
            yield np.asarray(smaller, np.uint8)


def patch_features(image: Uint8, *, patch: int = PATCH) -> tuple[Float, Float]:
    """Measure the features of every patch of an image.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB, both sides at least two patches: of four a covariance can be had, if a poor one.
    patch : int
        Side of a patch in pixels, even, at least 16.

    Returns
    -------
    features : ndarray, shape (patches, 36)
        By rows of patches. Full size first, then half; in each the shape and the mean of both scales of the
        coefficients, then shape, mean, left and right scale of their products with the neighbour to the right, below,
        and on the two diagonals. NaN in patches without texture.
    sharpness : ndarray, shape (patches,)
        Mean local standard deviation at full size, grey levels.

    Raises
    ------
    ValueError
        The image is smaller, or not of that type; `patch` is odd or too small.
    """
    check_image(image)
    if patch < 16 or patch % 2:
        raise ValueError(f"patch must be even, and at least 16; got {patch}")
    height, width = (side // patch * patch for side in image.shape[:2])
    if min(height, width) < 2 * patch:
        needed = f"{2 * patch}x{2 * patch}"
        raise ValueError(f"NIQE needs an image of at least {needed} pixels, got {image.shape[1]}x{image.shape[0]}")
    strip = patch * max(1, STRIP // (patch * width))
    tops = range(0, height, strip)
    measured = [_strip_features(image[:height, :width], top, min(height, top + strip), patch) for top in tops]
    features, sharpness = zip(*measured, strict=True)
    return np.concatenate(features), np.concatenate(sharpness)


def _strip_features(image: Uint8, top: int, bottom: int, patch: int) -> tuple[Float, Float]:
    """Measure the patches of some rows of an image, as in the whole of it."""
    above = max(0, top - _REACH)
    luma = luma_plane(image[above : bottom + _REACH])
    rows = slice(top - above, bottom - above)
    coefficients, deviation = (_patches(plane[rows], patch) for plane in mscn(luma))
    halved = mscn(_halved(luma))[0][rows.start // 2 : rows.stop // 2]
    features = np.hstack([_features(coefficients), _features(_patches(halved, patch // 2))])
    return features, deviation.mean(axis=(1, 2))


def check_image(image: Uint8) -> None:
    """Raise ValueError unless `image` is uint8, (H, W, 3), and has pixels."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(f"image must be uint8 of shape (H, W, 3), got {image.dtype} of {image.shape}")


def luma_plane(image: Uint8) -> Float:
    """Give the luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, not rounded: grey levels, (H, W)."""
    return np.asarray(channel_planes(image, "luma")[0], np.float64)


def mscn(luma: Float) -> tuple[Float, Float]:
    """Take local mean and contrast from a plane: mean-subtracted, contrast-normalised coefficients.

    Parameters
    ----------
    luma : ndarray, shape (H, W)
        Grey levels 0 .. 255.

    Returns
    -------
    coefficients : ndarray, shape (H, W)
        ``(luma - mean) / (deviation + 1)``; mean and deviation are of a Gaussian window of 7 x 7 pixels, standard
        deviation 7/6.
    deviation : ndarray, shape (H, W)
    """
    window = cv2.getGaussianKernel(7, 7 / 6, cv2.CV_64F)

    def local(plane: Float) -> Float:
        return np.asarray(cv2.sepFilter2D(plane, -1, window, window, borderType=cv2.BORDER_REPLICATE), np.float64)

    mean = local(luma)
    # In place: at these sizes fresh arrays cost as much as the arithmetic.
    deviation = local(luma * luma)
    deviation -= mean * mean
    np.sqrt(np.maximum(deviation, 0, out=deviation), out=deviation)
    coefficients = np.subtract(luma, mean, out=mean)
    coefficients[np.abs(coefficients) < _ROUNDING] = 0
    coefficients /= deviation + 1
    return coefficients, deviation


def fit_aggd(samples: Float) -> tuple[Float, Float, Float]:
    """Fit asymmetric generalised Gaussians by moments (Lasmar, Stitou and Berthoumieu 2009).

    The density is proportional to ``exp(-(-x / left) ** shape)`` below zero and ``exp(-(x / right) ** shape)`` above.

    Parameters
    ----------
    samples : ndarray, shape (sets, ...)
        One fit for each set; the mode is at zero.

    Returns
    -------
    shape, left, right : ndarray, shape (sets,)
        The shape lies between 0.2 and 10. NaN where a set has no negative or no positive sample.
    """
    return _fitted(*_moments(samples))


def _moments(samples: Float) -> tuple[Float, Float, Float]:
    """Give the mean squares of negative and of positive samples, and E|x|^2 / E[x^2], each of shape (sets,)."""
    flat = samples.reshape(len(samples), -1)
    # One array takes all in turn: fresh ones cost as much as the arithmetic.
    part = np.minimum(flat, 0)
    below = np.einsum("ij,ij->i", part, part)
    part = np.maximum(flat, 0, out=part)
    above = np.einsum("ij,ij->i", part, part)
    absolute = np.abs(flat, out=part).mean(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        measured = absolute**2 / ((below + above) / flat.shape[1])
        return below / _count(flat < 0), above / _count(flat > 0), measured


def _count(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Count what is true in each row; `np.count_nonzero` takes twice the time of rows."""
    return np.asarray(np.bitwise_count(np.packbits(mask, axis=1)).sum(axis=1, dtype=np.intp))


def _fitted(below: Float, above: Float, measured: Float) -> tuple[Float, Float, Float]:
    """Give shape, left and right scale for moments of any shape."""
    with np.errstate(invalid="ignore", divide="ignore"):
        left, right = np.sqrt(below), np.sqrt(above)
        ratio = left / right
        # The ratio of the symmetric density of the same shape.
        symmetric = measured * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shape = np.interp(symmetric, _RATIOS, _SHAPES)
    scale = np.exp((gammaln(1 / shape) - gammaln(3 / shape)) / 2)
    return shape, left * scale, right * scale


def _features(patches: Float) -> Float:
    """Give 18 features of each patch of coefficients, (patches, side, side)."""
    # At least two patches in each block: the sums over a single one round in another order.
    step = max(2, _BLOCK // patches[0].size)
    blocks = np.array_split(patches, max(1, len(patches) // step))
    moments = np.concatenate([[_moments(samples) for samples in _with_products(block)] for block in blocks], axis=2)
    shape, left, right = _fitted(*moments.swapaxes(0, 1))
    mean = (right - left) * np.exp(gammaln(2 / shape) - gammaln(1 / shape))
    coefficients = np.stack([shape[0], (left[0] + right[0]) / 2])
    products = np.stack([shape, mean, left, right], axis=1)[1:].reshape(-1, len(patches))
    return np.ascontiguousarray(np.concatenate([coefficients, products]).T)


def _with_products(patches: Float) -> Iterator[Float]:
    """Give coefficients, then their products with each neighbour."""
    yield patches
    for down, across in _SHIFTS:
        # Of two neighbours the first is the upper one, or the left one.
        start, stop = max(0, -across), patches.shape[2] - max(0, across)
        first = patches[:, : patches.shape[1] - down, start:stop]
        yield first * patches[:, down:, start + across : stop + across]


def _patches(plane: Float, side: int) -> Float:
    """Cut a plane into (patches, side, side), by rows."""
    rows, columns = (length // side for length in plane.shape)
    cut = plane.reshape(rows, side, columns, side).swapaxes(1, 2)
    return np.ascontiguousarray(cut).reshape(rows * columns, side, side)


def _halved(plane: Float) -> Float:
    """Halve both sides with the cubic of Keys stretched by two, centres of pixels half-way between two."""
    distance = np.abs(np.arange(-3, 5) - 0.5) / 2
    inner = 1.5 * distance**3 - 2.5 * distance**2 + 1
    outer = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    kernel = np.where(distance <= 1, inner, outer) / 2
    smooth = cv2.sepFilter2D(plane, -1, kernel, kernel, anchor=(3, 3), borderType=cv2.BORDER_REFLECT)
    return np.ascontiguousarray(smooth[::2, ::2], np.float64)
