"""One averaged gradient along a path from a baseline to an image: from it follow the maps of all bases.

Integrated gradients (Sundararajan et al. 2017): with g the gradient averaged along the straight path from x0 to x, the
products of x - x0 and g sum to f(x) - f(x0). In every orthonormal basis U the products of U (x - x0) and U g do, too.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import fft
from torch import Tensor

from freqforensics.attribution.differentiable import TILE, PixelLogit, as_tensor, strongest_part
from freqforensics.attribution.incoherent import DRAWS, coherence_inputs, shared_out, whole_tiles
from freqforensics.detector.fusion import FusedDetector
from freqforensics.detector.lanes import side_by_side
from freqforensics.detector.resnet import RESIDUAL_SCALE, Detector, evaluating
from freqforensics.runtime.showing import Summarised

if TYPE_CHECKING:
    from collections.abc import Callable

Baseline = Literal["incoherent", "smooth", "median", "natural", "grey", "black"]
Uint8 = NDArray[np.uint8]
Float = NDArray[np.float64]
Float32 = NDArray[np.float32]

DEFAULTS: Final[dict[str, Baseline]] = {"coherence": "incoherent", "local": "smooth"}
"""Baselines by input; of other inputs it is "median"."""
TOLERANCE: Final = 0.05
_BATCH, _BATCH_PIXELS = 8, 110_000
"""Most images and pixels that go through the network together, on one thread."""
_LEAST_GAP: Final = 0.2
"""A gap below this many logits is measured against this: nothing is there to explain."""


@dataclass(frozen=True, eq=False, repr=False)
class PathGradient(Summarised):
    """A difference from a baseline and the gradient averaged on the way, for B baselines.

    Parameters
    ----------
    difference, gradient : ndarray of float32, shape (B, 3, H, W)
        In grey levels, and logits per grey level. The mean over B of the products sums to `gap` within `delta`.
    planes : tuple of str
        What the three planes are: "R", "G", "B", or with the baseline "incoherent" "Y", "Cr", "Cb", of residuals. With
        "smooth" they are the residuals of R, G, B, whose baseline is 0.
    baselines : tuple of str
        Of `Baseline`.
    logit, baseline_logit : float
        f(x), and the mean of f(x0).
    gap : float
        Their difference.
    delta : float
        What the products sum to, less `gap`.
    steps : int
        Points of the path at which the gradient was taken.
    tolerance : float
        Greatest |delta| relative to the gap that was asked for.
    tile : int or None
        Side of the tiles whose Fourier transform is the basis in which the detector itself sees; None: the whole image.
    """

    difference: Float32
    gradient: Float32
    planes: tuple[str, str, str]
    baselines: tuple[str, ...]
    logit: float
    baseline_logit: float
    gap: float
    delta: float
    steps: int
    tolerance: float = TOLERANCE
    tile: int | None = None

    @property
    def complete(self) -> bool:
        """Whether `delta` is as small as was asked for."""
        return abs(self.delta) <= self.tolerance * max(abs(self.gap), _LEAST_GAP)


@dataclass(frozen=True, eq=False)
class SharedGap:
    """Paths of the parts of a detector: the logits are added, so the gaps are, and what is attributed to them.

    Parameters
    ----------
    paths : dict of str to PathGradient
        By part. A detector that is not fused is one part, "".
    """

    paths: dict[str, PathGradient]

    @property
    def logit(self) -> float:
        """Logit of the image."""
        return sum(path.logit for path in self.paths.values())

    @property
    def baseline_logit(self) -> float:
        """Sum of the logits of each part's baseline."""
        return sum(path.baseline_logit for path in self.paths.values())

    @property
    def gap(self) -> float:
        """Difference of the two."""
        return sum(path.gap for path in self.paths.values())

    @property
    def delta(self) -> float:
        """What the products of all paths sum to, less the gap."""
        return sum(path.delta for path in self.paths.values())

    @property
    def steps(self) -> int:
        """Greatest number of points of a path."""
        return max(path.steps for path in self.paths.values())

    @property
    def baselines(self) -> tuple[str, ...]:
        """Baselines of all paths, each once."""
        return tuple(dict.fromkeys(name for path in self.paths.values() for name in path.baselines))

    @property
    def complete(self) -> bool:
        """Whether `delta` is as small, relative to the gap, as the paths were asked for."""
        tolerance = min(path.tolerance for path in self.paths.values())
        return abs(self.delta) <= tolerance * max(abs(self.gap), _LEAST_GAP)


def shared_gap(
    image: Uint8,
    detector: Detector,
    *,
    baseline: Baseline | None = None,
    natural: Callable[[tuple[int, int]], NDArray[Any]] | None = None,
    most_steps: int = 127,
    rng: np.random.Generator | None = None,
) -> SharedGap:
    """Integrate a path for every part of a detector.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
    detector : Detector
        Detector, which is not changed.
    baseline : {"incoherent", "smooth", "median", "natural", "grey", "black"}, optional
        Baseline of the parts that it suits; other parts have their own. Default each part's own, `default_baseline`.
    natural, most_steps, rng
        Amplitudes of photographs, limit on the steps and random generator of `integrate_path`.

    Returns
    -------
    SharedGap

    Raises
    ------
    ValueError
        A baseline that suits no part, or an image that is too small.
    """
    parts = parts_of(detector)
    if baseline is not None and not any(suits(baseline, part) for part in parts.values()):
        raise ValueError(f"baseline {baseline!r} must suit the detector's input, got {detector.input}")
    paths = {}
    for name, part in parts.items():
        kind = baseline if baseline is not None and suits(baseline, part) else default_baseline(part)
        paths[name] = integrate_path(image, part, baselines=(kind,), natural=natural, most_steps=most_steps, rng=rng)
    return SharedGap(paths)


def parts_of(detector: Detector) -> dict[str, Detector]:
    """Give the parts of a fused detector by name; a single detector is the part ""."""
    return detector.parts if isinstance(detector, FusedDetector) else {"": detector}


def suits(baseline: Baseline, part: Detector) -> bool:
    """Whether the view of a single detector can be compared with a baseline."""
    if baseline == "incoherent":
        return part.input == "coherence"
    return baseline != "smooth" or part.input in ("local", "residual")


def integrate_path(
    image: Uint8,
    detector: Detector,
    *,
    baselines: tuple[Baseline, ...] | None = None,
    natural: Callable[[tuple[int, int]], NDArray[Any]] | None = None,
    steps: int = 7,
    most_steps: int = 127,
    tolerance: float = TOLERANCE,
    rng: np.random.Generator | None = None,
) -> PathGradient:
    """Average the gradient of the logit along straight paths from baselines to an image.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        Image, RGB in 0 .. 255.
    detector : Detector
        Is left as it is. Of a fused detector the part that adds most is explained.
    baselines : tuple of {"incoherent", "smooth", "median", "natural", "grey", "black"}, optional
        What the image is compared with; results for several are averaged. "median": its 5x5 median, so the residual is
        explained. "natural": its phases with the mean amplitudes of photographs, so the evidence beyond a natural
        spectrum is explained. "grey": 128. "black": 0. "incoherent", only for detectors of coherence: its tiles with
        random phases and unchanged power. The path runs through the network's input, and each frequency is divided
        among the pixels by what they add to the wave that all tiles share. "smooth", only for detectors of a residual:
        no residual. The path runs through the network's input, not through the median. Default as in `DEFAULTS`:
        "incoherent" for coherence, "smooth" for "local", "median" for others.
    natural : callable, optional
        From (H, W) to mean amplitudes of photographs, (3, H, W // 2 + 1); needed by "natural".
    steps, most_steps : int
        First and largest number of points on the path. n becomes 2 n + 1 until |delta| is at most `tolerance` of the
        gap; `PathGradient.complete` says whether it is.
    tolerance : float
        Largest missing part, as a share of the gap, at which doubling of the steps ends.
    rng : Generator, optional
        Source of the random phases; default seed 0.

    Returns
    -------
    PathGradient
        The averaged gradient, the gap, and what is missing of it.

    Raises
    ------
    ValueError
        A baseline that does not exist, or not for this detector, or an image that is too small for the detector.

    Examples
    --------
    >>> from freqforensics.detector.local import make_small_detector
    >>> image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    >>> integrate_path(image, make_small_detector("local", seed=0)).complete
    True
    """
    detector = strongest_part(detector, image)
    kinds: tuple[Baseline, ...] = baselines or (default_baseline(detector),)
    for kind in kinds:
        if kind not in get_args(Baseline):
            raise ValueError(f"baseline must be one of {', '.join(get_args(Baseline))}; got {kind!r}")
    if "incoherent" in kinds and (len(kinds) > 1 or detector.input != "coherence"):
        raise ValueError("baseline incoherent is for detectors fed with coherence, and stands alone")
    if "smooth" in kinds and (len(kinds) > 1 or detector.input not in ("local", "residual")):
        raise ValueError("baseline smooth is for detectors fed with a residual, and stands alone")
    if steps < 1 or most_steps < steps:
        raise ValueError(f"steps must be at least 1 and at most most_steps, got {steps} and {most_steps}")
    if kinds == ("incoherent",):
        return _through_coherence(image, detector, steps, most_steps, tolerance, rng)
    if kinds == ("smooth",):
        return _through_residual(image, detector, steps, most_steps, tolerance)
    function = PixelLogit(detector, image)
    x = as_tensor(image)
    x0 = torch.cat([as_tensor(baseline_image(image, kind, natural=natural)) for kind in kinds])
    with evaluating(detector):  # once for all threads
        gradient, logits, delta, used = _averaged(function, x, x0, steps, most_steps, tolerance)
    return PathGradient(
        difference=(x - x0).numpy(),
        gradient=gradient.numpy(),
        planes=("R", "G", "B"),
        baselines=kinds,
        logit=logits[0],
        baseline_logit=logits[1],
        gap=logits[0] - logits[1],
        delta=delta,
        steps=used,
        tolerance=tolerance,
    )


def default_baseline(detector: Detector) -> Baseline:
    """Give the baseline that suits a single detector."""
    return DEFAULTS.get(detector.input, "median")


def baseline_image(
    image: Uint8, kind: Baseline, *, natural: Callable[[tuple[int, int]], NDArray[Any]] | None = None
) -> Float32:
    """Give the baseline that an image is compared with, float32 (H, W, 3).

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        Image, RGB in 0 .. 255.
    kind : {"median", "natural", "grey", "black"}
        Name of the baseline.
    natural : callable, optional
        From (H, W) to mean amplitudes of photographs, (3, H, W // 2 + 1); needed by "natural".

    Raises
    ------
    ValueError
        "natural" without amplitudes, or "incoherent" or "smooth", which are no images.
    """
    if kind == "median":
        return np.asarray(cv2.medianBlur(image, 5), np.float32)
    if kind in ("grey", "black"):
        return np.full(image.shape, 128 if kind == "grey" else 0, np.float32)
    if kind == "natural":
        if natural is None:
            raise ValueError("baseline natural needs the amplitudes of photographs")
        planes = image.astype(np.float32).transpose(2, 0, 1)
        spectra = fft.rfft2(planes)
        height, width = image.shape[:2]
        amplitude = np.array(natural((height, width)), np.float32)
        amplitude[:, 0, 0] = np.abs(spectra[:, 0, 0])  # its own mean
        changed = amplitude * np.exp(1j * np.angle(spectra))
        return np.ascontiguousarray(fft.irfft2(changed, s=(height, width)).transpose(1, 2, 0), np.float32)
    raise ValueError(f"baseline {kind} is not an image")


def _averaged(
    function: Callable[[Tensor], Tensor],
    x: Tensor,
    x0: Tensor,
    steps: int,
    most_steps: int,
    tolerance: float,
) -> tuple[Tensor, tuple[float, float], float, int]:
    """The gradient averaged from each x0 to x, (B, ...); f(x) and mean f(x0); delta; steps."""
    most = max(1, min(_BATCH, _BATCH_PIXELS // (x.shape[-2] * x.shape[-1])))

    def logits(images: Tensor) -> list[float]:
        with torch.inference_mode():
            return [float(value) for value in function(images)]

    logit, *starts = itertools.chain.from_iterable(side_by_side(logits, [x, *torch.split(x0, most)]))
    start = float(np.mean(starts))
    gap = logit - start
    summed = torch.zeros(1)
    angles = np.pi * np.arange(1, steps + 1) / (steps + 1)
    while True:
        summed = summed + _gradients(function, x, x0, angles, most)
        gradient = summed * (2 / (steps + 1))
        total = float(((x - x0).double() * gradient.double()).sum() / len(x0))
        delta = total - gap
        if abs(delta) <= tolerance * max(abs(gap), _LEAST_GAP) or 2 * steps + 1 > most_steps:
            return gradient, (logit, start), delta, steps
        # The angles halfway between those that were taken, and at both ends.
        angles = np.pi * np.arange(1, 2 * steps + 2, 2) / (2 * steps + 2)
        steps = 2 * steps + 1


def _gradients(function: Callable[[Tensor], Tensor], x: Tensor, x0: Tensor, angles: Float, most: int) -> Tensor:
    """Sum sin^2(angle) times the gradient at (angle - sin(angle) cos(angle)) / pi of the way from each x0 to x.

    It is the trapezoidal rule after Sidi's sin^2 transformation (1993): as exact as Gauss and Legendre's for what is
    not smooth, and its weights let a rule of n points go on to 2 n + 1 without losing any.

    Returns
    -------
    Tensor, shape (B, ...)
        `most` points are computed at a time.
    """
    points, shares = (
        torch.split(torch.from_numpy(values).float(), most)
        for values in ((angles - np.sin(angles) * np.cos(angles)) / np.pi, np.sin(angles) ** 2)
    )

    def summed(part: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        baseline, at, share = part
        with torch.enable_grad():
            images = (baseline + at[:, None, None, None] * (x[0] - baseline)).requires_grad_()
            (gradients,) = torch.autograd.grad(function(images).sum(), images)
        return torch.einsum("n,nchw->chw", share, gradients)

    parts = side_by_side(summed, [(baseline, *part) for baseline in x0 for part in zip(points, shares, strict=True)])
    return torch.stack(parts).reshape(len(x0), len(points), *x.shape[1:]).sum(dim=1)


def _through_coherence(
    image: Uint8,
    detector: Detector,
    steps: int,
    most_steps: int,
    tolerance: float,
    rng: np.random.Generator | None,
) -> PathGradient:
    residual = whole_tiles(image, detector)
    z, z0 = coherence_inputs(residual, draws=DRAWS, rng=rng)
    with evaluating(detector):
        gradient, logits, _, used = _averaged(PixelLogit(detector).of_prepared, z, z0, steps, most_steps, tolerance)
    parts = ((z - z0).double() * gradient.double()).mean(dim=0).numpy()
    field = shared_out(np.fft.ifftshift(parts, axes=(-2, -1)), residual)
    gap = logits[0] - logits[1]
    return PathGradient(
        difference=residual[None],
        gradient=field[None],
        planes=("Y", "Cr", "Cb"),
        baselines=("incoherent",),
        logit=logits[0],
        baseline_logit=logits[1],
        gap=gap,
        delta=float((residual.astype(np.float64) * field).sum() - gap),
        steps=used,
        tolerance=tolerance,
        tile=TILE,
    )


def _through_residual(image: Uint8, detector: Detector, steps: int, most_steps: int, tolerance: float) -> PathGradient:
    function = PixelLogit(detector, image)
    residual = function.residual(as_tensor(image))
    z = residual / RESIDUAL_SCALE
    with evaluating(detector):
        gradient, logits, delta, used = _averaged(
            function.of_prepared, z, torch.zeros_like(z), steps, most_steps, tolerance
        )
    return PathGradient(
        difference=residual.numpy(),
        gradient=(gradient / RESIDUAL_SCALE).numpy(),
        planes=("R", "G", "B"),
        baselines=("smooth",),
        logit=logits[0],
        baseline_logit=logits[1],
        gap=logits[0] - logits[1],
        delta=delta,
        steps=used,
        tolerance=tolerance,
    )
