"""How much a small wave of each frequency would change the logit: one gradient instead of one forward a frequency."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import fft

from freqforensics.attribution.counterfactual import exact_logits
from freqforensics.attribution.differentiable import TILE, PixelLogit, as_tensor
from freqforensics.attribution.notches import lattice_lines, plane_bins
from freqforensics.detector.resnet import Detector
from freqforensics.spectra import full_plane


def sensitivity_map(image: NDArray[Any], detector: Detector) -> NDArray[np.float64]:
    """Give the largest change of the logit by a wave of each frequency, to first order.

    The wave epsilon cos(2 pi k x + phi), added to all three colours, changes the logit by at most epsilon |G_k|, with G
    the DFT of the gradient summed over the colours. It is what a Fourier heat map (Yin et al., NeurIPS 2019) measures
    with one forward a frequency, in the limit of small waves.

    Parameters
    ----------
    image : ndarray of uint8 or floating point, (H, W, 3)
        Grey levels 0 .. 255.
    detector : Detector
        Is left as it is. Where it takes a median, equal pixels share its gradient; which of them a wave makes the
        median depends on the wave, so of images with large flat parts the map is an estimate.

    Returns
    -------
    ndarray of float64, shape (H, W)
        Logits per grey level of amplitude; DC at the middle.
    """
    pixels = as_tensor(image).requires_grad_()
    (gradient,) = torch.autograd.grad(PixelLogit(detector)(pixels).sum(), pixels)
    spectrum = fft.rfft2(gradient[0].sum(dim=0).double().numpy())
    return full_plane(np.abs(spectrum), image.shape[1])


def sensitivity_by_differences(
    image: NDArray[np.uint8], detector: Detector, *, amplitude: float = 2.0
) -> NDArray[np.float64]:
    """Measure the change of the logit by a wave of each multiple of 1/32, for detectors without a gradient.

    A cosine and a sine of each frequency are added to all three colours; with changes c and s of the logit, a wave of
    the best phase would change it by about sqrt(c^2 + s^2).

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
    detector : Detector
        Is left as it is. One that takes whole grey levels needs waves that survive rounding.
    amplitude : float
        Amplitude of the waves, grey levels.

    Returns
    -------
    ndarray of float64, shape (32, 32)
        Logits per grey level of amplitude; DC at the middle, 0. It takes 1,023 scores.

    Raises
    ------
    ValueError
        An amplitude that is not positive.
    """
    if not amplitude > 0:
        raise ValueError(f"amplitude must be positive, got {amplitude}")
    lines = lattice_lines(TILE)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    pixels = image.astype(np.float32)

    def waves() -> Iterator[NDArray[np.float32]]:
        yield pixels
        for fx, fy in lines:
            phase = 2 * np.pi * (fx * columns + fy * rows)
            for wave in (np.cos(phase), np.sin(phase)):
                yield pixels + np.float32(amplitude) * wave.astype(np.float32)[..., None]

    logits = exact_logits(waves(), detector, image)
    changes = np.hypot(*(logits[1:] - logits[0]).reshape(-1, 2).T) / amplitude
    plane = np.zeros((TILE, TILE))
    for line, value in zip(lines, changes, strict=True):
        for place in plane_bins(line, TILE):
            plane[place] = value
    return plane
