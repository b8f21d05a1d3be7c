"""How much a small wave of each frequency would change the logit: one gradient instead of one forward a frequency."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import fft

from freqforensics.attribution.differentiable import PixelLogit, as_tensor
from freqforensics.detector.resnet import Detector
from freqforensics.spectra import full_plane


def sensitivity_map(image: NDArray[Any], detector: Detector) -> NDArray[np.float64]:
    """Give the greatest change of the logit by a wave of each frequency, to first order.

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
