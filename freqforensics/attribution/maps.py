"""Maps of other methods: Grad-CAM, Shapley values of bands; through captum smoothed gradients and DeepLift.

Two well-known methods are left out. Guided backpropagation draws nearly the same map for random weights (Adebayo et al.
2018). Captum's layer-wise relevance propagation runs on a ResNet and gives values that do not sum to the logit.
"""

from __future__ import annotations

import copy
import itertools
import warnings
from itertools import combinations
from math import factorial
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from freqforensics.attribution.bases import EIGHT_BANDS
from freqforensics.attribution.counterfactual import batch_of
from freqforensics.attribution.differentiable import (
    PixelLogit,
    as_tensor,
    bare_network,
    keep_band,
    stage_names,
    strongest_part,
)
from freqforensics.attribution.incoherent import incoherent_inputs
from freqforensics.attribution.layers import activation_times_gradient, last_places
from freqforensics.attribution.outcomes import BandValue
from freqforensics.detector.fusion import Part
from freqforensics.detector.lanes import side_by_side
from freqforensics.detector.local import CoherenceNetwork, LocalNetwork
from freqforensics.detector.resnet import RESIDUAL_SCALE, Detector, attribution_safe, evaluating, is_resnet
from freqforensics.detector.wrap import WrappedDetector
from freqforensics.spectra import Band, full_plane

Uint8 = NDArray[np.uint8]
Float = NDArray[np.float64]
_BATCH: Final = 4
"""Coalitions of frequencies that go through the network together, each with all its random phases."""


def grad_cam(image: Uint8, detector: Detector) -> Float:
    """Give the last stage's Grad-CAM (Selvaraju et al. 2017), without its ReLU.

    Where the last layer sees the mean over places, Grad-CAM is the activation times its gradient. Where it sees each
    place by itself, as for coherence, this product is given, too (HiResCAM, Draelos and Carin 2020): it still sums.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        Image, RGB in 0 .. 255.
    detector : Detector
        A network of convolutions; is left as it is. Of a fused detector the part is explained that adds most to the
        logit.

    Returns
    -------
    ndarray of float64, shape (h, w)
        Logits, signed, at the last stage's resolution. They sum to the logit less the last layer's bias, both on the
        scale of the part, if it is one of a fused detector. Of a detector fed with coherence the places are
        frequencies, DC in the middle. Of a network that is not this package's the resolution is that of the last module
        that gives a map of places, and the sum is what the layers behind it make of it: they need not be linear.

    Raises
    ------
    ValueError
        A network without a map of places behind its convolutions, such as a transformer, or without a gradient.

    Examples
    --------
    The map sums to the logit less the bias of the last layer.

    >>> from freqforensics.detector.local import make_small_detector
    >>> image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    >>> detector = make_small_detector("local", seed=0)
    >>> bias = detector.network.fc.bias.item()
    >>> bool(np.isclose(grad_cam(image, detector).sum(), detector.logits([image])[0] - bias, rtol=1e-4, atol=1e-5))
    True
    """
    part = strongest_part(detector, image)
    if part.gradient_free:
        raise ValueError(f"detector must have a gradient: {part.gradient_free}")
    name = stage_names(part)[1] if takes_apart(part) else last_places(image, part)
    return activation_times_gradient(image, part, name)


def smoothed_map(
    image: Uint8,
    detector: Detector,
    *,
    deviation: float = 1.0,
    samples: int = 8,
    steps: int = 16,
    seed: int = 0,
) -> Float:
    """Average integrated gradients from the median over noisy copies (SmoothGrad, Smilkov et al. 2017).

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        Image, RGB in 0 .. 255.
    detector : Detector
        Detector, which is not changed. Of a fused one, the part that adds most to the logit is explained.
    deviation : float
        Standard deviation of the noise, grey levels, up to 5. The default of captum, 255, would drown every trace.
    samples, steps : int
        Number of noisy copies, and of steps along each path.
    seed : int
        Random seed of the noise; torch's global generator is left as it is.

    Returns
    -------
    ndarray of float64, shape (H, W)
        Logits, signed, summed over the colours. The sum is near the gap, not equal to it.

    Raises
    ------
    ValueError
        A deviation out of range.

    Examples
    --------
    >>> from freqforensics.detector.local import make_small_detector
    >>> image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    >>> detector = make_small_detector("local", seed=0)
    >>> smoothed_map(image, detector, samples=2, steps=4, seed=1).shape
    (64, 64)
    """
    from captum.attr import IntegratedGradients, NoiseTunnel

    if not 0 <= deviation <= 5:
        raise ValueError(f"deviation must lie between 0 and 5 grey levels, got {deviation}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        gradients = NoiseTunnel(IntegratedGradients(PixelLogit(strongest_part(detector, image), image))).attribute(
            as_tensor(image),
            nt_type="smoothgrad",
            nt_samples=samples,
            nt_samples_batch_size=1,
            stdevs=deviation,
            baselines=as_tensor(cv2.medianBlur(image, 5)),
            n_steps=steps,
            internal_batch_size=8,
        )
    return np.asarray(gradients[0].detach().cpu().double().sum(dim=0).numpy())


def band_shapley(
    image: Uint8,
    detector: Detector,
    *,
    bands: tuple[Band, ...] = EIGHT_BANDS,
    draws: int = 2,
    halved: bool = False,
    rng: np.random.Generator | None = None,
) -> tuple[BandValue, ...]:
    """Give each band its Shapley value: what it adds to the logit, averaged over all orders of adding bands.

    Every coalition is scored, 2^n of them, so by default the values are exact. A band that is in comes from the image,
    one that is out from what `integrate_path` compares it with by default: the median, or for coherence random phases,
    or for "local" an image without a residual.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        Image, RGB in 0 .. 255.
    detector : Detector
        Detector, which is not changed. Of a fused one, the part that adds most to the logit is explained.
    bands : tuple of Band
        Up to 10, that do not overlap; frequencies in none of them stay in.
    draws : int
        Random phases that are averaged over, of a detector of coherence.
    halved : bool
        Score the coalitions of an even number of bands alone, half of all. The values then hold but for interactions
        of five bands and more, and their sum is exact. Takes an even number of bands, from 4.
    rng : Generator, optional
        Source of the random phases; default seed 0.

    Returns
    -------
    tuple of BandValue
        They sum to the logit of the image less that without any of the bands.

    Raises
    ------
    ValueError
        No bands, or more than 10; an odd number or two of them, if `halved`.
    """
    count = len(bands)
    if halved and (count % 2 or count < 4):
        raise ValueError(f"bands must be an even number, from 4, if halved; got {count}")
    if not 1 <= count <= 10:
        raise ValueError(f"bands must be 1 to 10, got {count}")
    detector = strongest_part(detector, image)
    function = PixelLogit(detector, image)
    with torch.no_grad():
        if detector.input == "coherence":
            z, z0 = incoherent_inputs(image, detector, draws=draws, rng=rng)
            side = z.shape[-1]
            masks = [torch.from_numpy(full_plane(band.mask((side, side)), side)) for band in bands]

            def score(coalitions: list[tuple[int, ...]]) -> list[float]:
                rows = []
                for members in coalitions:
                    out = sum((mask for i, mask in enumerate(masks) if i not in members), torch.zeros_like(masks[0]))
                    rows.append(torch.where(out, z0, z))
                return [
                    float(value) for value in function.of_prepared(torch.cat(rows)).reshape(len(rows), -1).mean(dim=1)
                ]
        else:
            local = detector.input == "local"
            x = function.residual(as_tensor(image)) / RESIDUAL_SCALE if local else as_tensor(image)
            difference = x if local else x - as_tensor(cv2.medianBlur(image, 5))
            pieces = [keep_band(difference, band) for band in bands]

            def score(coalitions: list[tuple[int, ...]]) -> list[float]:
                rows = [x - sum(piece for i, piece in enumerate(pieces) if i not in members) for members in coalitions]
                scored = (function.of_prepared if local else function)(torch.cat(rows))
                return [float(value) for value in scored]

        def logits(coalitions: list[tuple[int, ...]]) -> list[float]:
            with torch.inference_mode():
                return score(coalitions)

        sizes = range(0, count + 1, 1 + halved)
        all_of = [members for size in sizes for members in combinations(range(count), size)]
        together = _BATCH if detector.input == "coherence" else batch_of(detector, image.shape[0] * image.shape[1])
        batches = [all_of[start : start + together] for start in range(0, len(all_of), together)]
        with evaluating(detector):
            scored = itertools.chain.from_iterable(side_by_side(logits, batches))
        values: dict[tuple[int, ...], float] = dict(zip(all_of, scored, strict=True))
    shares = _over_half(values, count) if halved else _over_all(values, count)
    return tuple(BandValue(band.low, band.high, share) for band, share in zip(bands, shares, strict=True))


def _over_half(values: dict[tuple[int, ...], float], count: int) -> list[float]:
    """What each member adds, from coalitions of an even size: a half fraction of all (Box and Hunter 1961).

    In Walsh functions chi_T, 1 or -1 by the parity of those of T that are in, a coalition's value is the sum of
    b_T chi_T, and the Shapley value of i that of 2 b_T / |T| over T of odd size with i. In this half b_T is known up to
    that of the other members, so what is of five members and more is taken for nothing.
    """
    scores = np.array(list(values.values()))
    inside = np.array([[1 if index in members else -1 for index in range(count)] for members in values])
    shares = np.zeros(count)
    for size in range(1, count // 2 + 1, 2):
        for chosen in combinations(range(count), size):
            # Of a set of half the members and its complement, which are one, each gets a half.
            twice = 1 if 2 * size == count else 2
            shares[list(chosen)] += twice * float((scores * inside[:, chosen].prod(axis=1)).mean()) / size
    return [float(share) for share in shares]


def _over_all(values: dict[tuple[int, ...], float], count: int) -> list[float]:
    """What each member adds, averaged over all orders."""
    return [
        sum(
            factorial(len(members))
            * factorial(count - len(members) - 1)
            / factorial(count)
            * (values[tuple(sorted((*members, index)))] - value)
            for members, value in values.items()
            if index not in members
        )
        for index in range(count)
    ]


def deep_lift(image: Uint8, detector: Detector) -> Float:
    """Give DeepLift's contributions (Shrikumar et al. 2017) of what the network is fed with, against the median's.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        Image, RGB in 0 .. 255.
    detector : Detector
        As for `grad_cam`; is left as it is.

    Returns
    -------
    ndarray of float64, shape (3, h, w)
        Logits, signed. Of "coherence" h and w are those of the plane of frequencies, else the image's. They sum
        to the gap only roughly: captum's rule for maxima does not hold where pools overlap, as a ResNet's do.

    Examples
    --------
    >>> from freqforensics.detector.local import make_small_detector
    >>> image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    >>> deep_lift(image, make_small_detector("local", seed=0)).shape
    (3, 64, 64)
    """
    from captum.attr import DeepLift

    twin = _safe(strongest_part(detector, image))
    function = PixelLogit(twin, image)
    prepared, baseline = (
        _beside(function.prepare(as_tensor(pixels)), twin).requires_grad_()
        for pixels in (image, cv2.medianBlur(image, 5))
    )
    with warnings.catch_warnings():
        # That it puts hooks on modules and takes them away again, of a copy of ours.
        warnings.filterwarnings("ignore", message="Setting forward, backward hooks")
        contributions = DeepLift(_Column(twin)).attribute(prepared, baselines=baseline, target=0)
    return np.asarray(contributions[0].detach().cpu().double().numpy())


class _Column(nn.Module):
    """Logits as (N, 1): captum compares several columns."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, prepared: Tensor) -> Tensor:
        logits: Tensor = self.detector(prepared)
        return logits[:, None]


def takes_apart(detector: Detector) -> bool:
    """Whether a network is one that is copied with one module for each operation."""
    network = bare_network(detector)
    if isinstance(detector, WrappedDetector):
        return False
    if isinstance(network, (LocalNetwork, CoherenceNetwork)):
        return True
    if not is_resnet(network):
        return False
    from torchvision.models.resnet import Bottleneck

    stages = (network.layer1, network.layer2, network.layer3, network.layer4)
    return all(isinstance(block, Bottleneck) for stage in stages for block in stage)


def _safe(detector: Detector) -> Detector:
    """Copy a detector with one module for each operation; the small networks are built like that."""
    network = bare_network(detector)
    if isinstance(network, (LocalNetwork, CoherenceNetwork)):
        return copy.deepcopy(detector).eval()
    if not takes_apart(detector):
        raise ValueError(f"network must be a ResNet or a small network, got {type(network).__name__}")
    safe = attribution_safe(Detector(network, input=detector.input, band=detector.band))
    if isinstance(detector.network, Part):
        twin = copy.deepcopy(detector).eval()
        twin.network.network = safe.network
        return twin
    return safe


def _beside(prepared: Tensor, detector: Detector) -> Tensor:
    return detector.beside(prepared.detach())
