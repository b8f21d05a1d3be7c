"""Maps of frequencies against a lattice that is known; and maps made from forward passes alone, to compare with.

Images of miniatures have a ground truth: their up-paths can leave lines at multiples of 1 / 2^n and nowhere else.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from freqforensics.attribution.counterfactual import exact_logits
from freqforensics.attribution.differentiable import TILE, strongest_part
from freqforensics.attribution.maps import grad_cam
from freqforensics.attribution.notches import (
    Line,
    dense_reach,
    image_of,
    lattice_lines,
    line_bin,
    line_values,
    notch_change,
    plane_bins,
    spectra_of,
)
from freqforensics.detector.resnet import Detector
from freqforensics.spectra import notch_mask

Uint8 = NDArray[np.uint8]
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Localisation:
    """Agreement of a map of frequencies with a known lattice.

    Parameters
    ----------
    hit : bool
        Whether the highest value lies on the lattice: the pointing game (Zhang et al. 2018).
    mass : float
        Share of the sum of positive values that lies on the lattice: relevance mass accuracy (Arras et al. 2022). 0 of
        a map without positive values.
    rank : float
        Share of the lattice among the n highest values, n the size of the lattice: relevance rank accuracy (Arras et
        al. 2022). Values that are equal count in part.
    area : float
        Share of all frequencies that lie on the lattice: what chance gives for each of the three.
    """

    hit: bool
    mass: float
    rank: float
    area: float


def lattice_localisation(plane: Float, lattice: Iterable[Line]) -> Localisation:
    """Score a map of frequencies against a known lattice.

    Parameters
    ----------
    plane : ndarray of float64, shape (q, q)
        DC in the middle, as of `fourier_map` with tiles; a frequency and its mirror image count as one, DC not at all.
    lattice : iterable of (fx, fy)
        Multiples of 1 / q in cycles per pixel, in any of their two mirror images.

    Returns
    -------
    Localisation
        Hit, mass and rank.

    Raises
    ------
    ValueError
        An empty lattice, DC, or a frequency that is no multiple of 1 / q.

    Examples
    --------
    >>> plane = np.zeros((8, 8))
    >>> plane[4, 6] = plane[4, 2] = 1.0
    >>> lattice_localisation(plane, lattice_lines(4)).hit
    True
    """
    side = plane.shape[0]
    lines = lattice_lines(side)
    values = np.array(list(line_values(plane).values()))
    index = {line_bin(line, side): number for number, line in enumerate(lines)}
    try:
        members = {index[line_bin(line, side)] for line in lattice}
    except KeyError:
        raise ValueError(f"lattice must hold frequencies other than 0, multiples of 1/{side}") from None
    if not members:
        raise ValueError("lattice must not be empty")
    on = np.zeros(len(lines), bool)
    on[list(members)] = True
    positive = np.maximum(values, 0)
    total = float(positive.sum())
    count = len(members)
    least = np.sort(values)[-count]
    above, level = values > least, values == least
    # Of those that share the last place, each has the same chance to be among the highest.
    ranked = float((on & above).sum() + (count - above.sum()) * (on & level).sum() / level.sum())
    highest = values == values.max()
    return Localisation(
        hit=bool(on[highest].all()),
        mass=float(positive[on].sum()) / total if total else 0.0,
        rank=ranked / count,
        area=count / len(lines),
    )


def occlusion_by_frequency(image: Uint8, detector: Detector) -> Float:
    """Measure the fall of the logit when each frequency is notched.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        Image, RGB in 0 .. 255.
    detector : Detector
        Detector, which is not changed. Of a fused one, the part that adds most to the logit is explained.

    Returns
    -------
    ndarray of float64, shape (32, 32)
        Logit of the image less that with the frequency notched, half of it at each mirror image; DC in the middle, 0.
    """
    removal = _Removal(image, detector)
    features = ~np.eye(len(removal.lines), dtype=bool)
    return _plane(removal.before - removal.logits(features))


def lime_by_frequency(
    image: Uint8,
    detector: Detector,
    *,
    samples: int = 513,
    seed: int = 0,
) -> Float:
    """Fit a sparse linear model to the logits of images with random halves of the frequencies notched.

    It is captum's LIME (Ribeiro et al., KDD 2016), with its own kernel and lasso, whose features are frequencies.

    Parameters
    ----------
    image, detector
        Image and detector, as for `occlusion_by_frequency`.
    samples : int
        Number of forward passes.
    seed : int
        Random seed; torch's global generator is left as it is.

    Returns
    -------
    ndarray of float64, shape (32, 32)
        The model's coefficients, half at each mirror image; DC in the middle, 0.
    """
    from captum.attr import Lime

    removal = _Removal(image, detector)

    def score(features: Tensor) -> Tensor:
        return torch.from_numpy(removal.logits(features.numpy() > 0.5))

    whole = torch.ones(1, len(removal.lines))
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # Its lasso stops after 1,000 sweeps; what is left is far below the coefficients that count.
        warnings.filterwarnings("ignore", message="Objective did not converge")
        torch.manual_seed(seed)
        weights = Lime(score).attribute(whole, baselines=0.0, n_samples=samples, perturbations_per_eval=16)
    return _plane(weights[0].numpy().astype(np.float64))


def cam_spectrum(image: Uint8, detector: Detector) -> Float:
    """Give Grad-CAM as a map of frequencies.

    For a detector fed with coherence, whose places are frequencies, it is the map itself, enlarged to 32 a side. For
    others it is the amplitude spectrum of the map enlarged to the image, averaged over its tiles.

    Parameters
    ----------
    image, detector
        As for `occlusion_by_frequency`; the network as for `grad_cam`.

    Returns
    -------
    ndarray of float64, shape (32, 32)
        DC in the middle.
    """
    part = strongest_part(detector, image)
    cam = grad_cam(image, part)
    if part.input == "coherence":
        return np.asarray(cv2.resize(cam, (TILE, TILE), interpolation=cv2.INTER_LINEAR), np.float64)
    height, width = (length // TILE * TILE for length in image.shape[:2])
    large = cv2.resize(cam, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)[:height, :width]
    tiles = np.asarray(large, np.float64).reshape(height // TILE, TILE, width // TILE, TILE)
    amplitude = np.abs(np.fft.fft2(tiles, axes=(1, 3))).mean(axis=(0, 2))
    return np.asarray(np.fft.fftshift(amplitude))


class _Removal:
    """Logits of an image with sets of its frequencies notched."""

    def __init__(self, image: Uint8, detector: Detector) -> None:
        self.image, self.detector = image, strongest_part(detector, image)
        self.shape = (image.shape[0], image.shape[1])
        self.lines = lattice_lines(TILE)
        self.spectra = spectra_of(image)
        reach = dense_reach(self.shape)
        self.change = notch_change(self.spectra, self.lines, self.shape, reach=reach)
        owner = np.full(self.spectra.shape[1:], len(self.lines))
        for number, line in enumerate(self.lines):
            owner[notch_mask(self.shape, [line], reach=reach)] = number
        self.owner = owner
        self.before = float(exact_logits([image.astype(np.float32)], self.detector, image)[0])

    def logits(self, masks: NDArray[np.bool_]) -> Float:
        """Logits of images that keep some of the lines, (N,), for masks (N, number of lines)."""

        def images() -> Iterator[NDArray[np.float32]]:
            for mask in masks:
                removed = np.append(~mask, False)[self.owner]
                yield image_of(self.spectra + self.change * removed, self.shape)

        return exact_logits(images(), self.detector, self.image)


def _plane(values: Float) -> Float:
    """Spread values of `lattice_lines(TILE)` over the plane, half at each mirror image."""
    plane = np.zeros((TILE, TILE))
    for line, value in zip(lattice_lines(TILE), values, strict=True):
        pair = plane_bins(line, TILE)
        for place in pair:
            plane[place] = value / len(pair)
    return plane
