"""Why the view that gave an image its score was scored as it was: one path, and the maps that follow from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freqforensics.attribution.bases import (
    band_values,
    cosine_map,
    fourier_map,
    pixel_map,
    summed_bands,
    summed_maps,
    summed_wavelets,
)
from freqforensics.attribution.counterfactual import exact_logits
from freqforensics.attribution.localisation import occlusion_by_frequency
from freqforensics.attribution.maps import band_shapley, grad_cam
from freqforensics.attribution.notches import Line, line_values, ranked_lines
from freqforensics.attribution.occlusion import occlusion_map
from freqforensics.attribution.outcomes import BandValue, OtherCause
from freqforensics.attribution.path import (
    Baseline,
    PathGradient,
    SharedGap,
    baseline_image,
    default_baseline,
    integrate_path,
    parts_of,
    shared_gap,
    suits,
)
from freqforensics.attribution.properties import map_complexity, max_sensitivity
from freqforensics.attribution.sensitivity import sensitivity_by_differences, sensitivity_map
from freqforensics.detector.fusion import FusedDetector
from freqforensics.detector.inference import folded
from freqforensics.detector.resnet import Detector, prepare_input
from freqforensics.inspection.needs import views_left_out
from freqforensics.inspection.parts import Explanation, LeftOut, LineValue
from freqforensics.inspection.score import JudgedImage
from freqforensics.spectra.population import Population

Uint8 = NDArray[np.uint8]
Float = NDArray[np.float64]

LINES: Final = 12
"""Most lines that an explanation lists."""
_SIDE: Final = 32
_ROUGH_STEPS: Final = 3
_FAST_STEPS, _STEPS = 15, 63


@dataclass(frozen=True, eq=False)
class ExplainedView:
    """The view of an image that is explained, and the detector that is asked about it.

    Parameters
    ----------
    pixels : ndarray of uint8, (H, W, 3)
    detector : Detector
        All parts, their normalisations folded. Its logit is what is explained.
    part : Detector
        The part that adds most, not folded; of a detector that is not fused, all of it. Weights are made random, and
        Grad-CAM is taken, of a single network.
    part_name : str
        Name of that part; "" of a detector that is not fused.
    reference : str or None
        Baseline of the paths; None: each part's own.
    population : Population
        Photographs, for the baseline "natural".
    fast : bool
    seed : int
    """

    pixels: Uint8
    detector: Detector
    part: Detector
    part_name: str
    reference: Baseline | None
    population: Population
    fast: bool
    seed: int

    @property
    def rng(self) -> np.random.Generator:
        """A new generator of the seed."""
        return np.random.default_rng(self.seed)

    @cached_property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Views that the detector cannot give."""
        return views_left_out(self.pixels, self.detector, self.part)

    def lacks(self, name: str) -> bool:
        """Whether a view of `NEEDS` is left out."""
        return any(left.view == name for left in self.left_out)

    @property
    def has_gradient(self) -> bool:
        """Whether there are paths; without a gradient everything is measured by differences."""
        return not self.detector.gradient_free

    @cached_property
    def path(self) -> SharedGap:
        """Paths from the baselines to the view, one for each part; only with a gradient."""
        return self._path_to(self.pixels, most_steps=_FAST_STEPS if self.fast else _STEPS)

    @cached_property
    def plane(self) -> Float:
        """What each multiple of 1/32 adds to the logit, DC at the middle; without a gradient, what its notch takes."""
        return _plane(self.path) if self.has_gradient else occlusion_by_frequency(self.pixels, self.detector)

    @cached_property
    def ends(self) -> tuple[float, float]:
        """Logits of the view and of its baseline; without a gradient that is the median."""
        if self.has_gradient:
            return self.path.logit, self.path.baseline_logit
        baseline = baseline_image(self.pixels, "median")
        logit, baseline_logit = exact_logits([self.pixels.astype(np.float32), baseline], self.detector, self.pixels)
        return float(logit), float(baseline_logit)

    @property
    def gap(self) -> float:
        """Difference of the two."""
        return self.path.gap if self.has_gradient else self.ends[0] - self.ends[1]

    @property
    def sign(self) -> int:
        """Sign of the gap: 1 if the view has more evidence than the baseline."""
        return 1 if self.gap >= 0 else -1

    @cached_property
    def order(self) -> tuple[Line, ...]:
        """Frequencies that speak for the gap, those that count most first."""
        return ranked_lines(self.plane, sign=self.sign)

    @property
    def part_maps(self) -> dict[str, Float]:
        """Maps of the view for the part that adds most."""
        return _maps(self.path.paths[self.part_name])

    def rough_maps(self, detector: Detector) -> dict[str, Float]:
        """Map the view with few steps for another detector, to be compared with `part_maps`."""
        path = integrate_path(
            self.pixels,
            folded(detector),
            baselines=None if self.reference is None or not suits(self.reference, detector) else (self.reference,),
            natural=self.population.amplitudes,
            steps=_ROUGH_STEPS,
            most_steps=_ROUGH_STEPS,
        )
        return _maps(path)

    def plane_of(self, pixels: Uint8) -> Float:
        """Map the frequencies of the view, or of a changed one."""
        return self.plane if pixels is self.pixels else _plane(self._path_to(pixels, most_steps=_STEPS))

    def _path_to(self, pixels: Uint8, *, most_steps: int) -> SharedGap:
        return shared_gap(
            pixels,
            self.detector,
            baseline=self.reference,
            natural=self.population.amplitudes,
            most_steps=most_steps,
            rng=self.rng,
        )


def _maps(path: PathGradient) -> dict[str, Float]:
    return {"frequencies": fourier_map(path, tile=_SIDE), "pixels": pixel_map(path)}


def _plane(shared: SharedGap) -> Float:
    return summed_maps(shared, partial(fourier_map, tile=_SIDE))


def explained_view(
    judged: JudgedImage,
    detector: Detector,
    population: Population,
    *,
    scorer: Detector | None = None,
    reference: Baseline | None = None,
    fast: bool = False,
    seed: int = 0,
) -> ExplainedView:
    """Choose what is explained: the view with the strongest evidence.

    Parameters
    ----------
    judged : JudgedImage
        An image that could be judged.
    detector : Detector
        Detector, which is not changed.
    population : Population
    scorer : Detector, optional
        The detector with its normalisations folded, if it is known.
    reference, fast, seed
        Parameters of `inspect`.

    Returns
    -------
    ExplainedView

    Raises
    ------
    ValueError
        A reference that is no median, for a detector without a gradient.
    """
    if detector.gradient_free and reference not in (None, "median"):
        raise ValueError(f"reference must be median, got {reference!r}: {detector.gradient_free}")
    parts = judged.score.parts
    name = parts.strongest if parts is not None and isinstance(detector, FusedDetector) else ""
    return ExplainedView(
        pixels=judged.view,
        detector=folded(detector) if scorer is None else scorer,
        part=parts_of(detector)[name],
        part_name=name,
        reference=reference,
        population=population,
        fast=fast,
        seed=seed,
    )


def explain_view(view: ExplainedView, causes: Sequence[OtherCause]) -> Explanation:
    """Share out the gap between view and baseline among bands and frequencies.

    Parameters
    ----------
    view : ExplainedView
    causes : sequence of OtherCause
        Causes whose frequencies are marked.

    Returns
    -------
    Explanation
    """
    if not view.has_gradient:
        return _explained_by_differences(view, causes)
    path = view.path
    stability = None if view.fast else max_sensitivity(view.pixels, view.plane_of)
    return Explanation(
        baseline=", ".join(path.baselines),
        logit=path.logit,
        baseline_logit=path.baseline_logit,
        gap=path.gap,
        delta=path.delta,
        steps=path.steps,
        bands=_summing(summed_bands(band_values(part) for part in path.paths.values()), path),
        shapley=_shapley(view),
        lines=_lines(view.plane, view.order, causes),
        complexity=map_complexity(view.plane),
        stability=stability if stability is not None and math.isfinite(stability) else None,
    )


def view_maps(view: ExplainedView) -> dict[str, NDArray[Any]]:
    """Give the maps of the view that figures show, by name.

    Parameters
    ----------
    view : ExplainedView

    Returns
    -------
    dict of str to ndarray
        "input" only for detectors of coherence. Of a view that is explained fast neither "occlusion", "sensitivity",
        "cosines", "cam" nor wavelets; without those of `views_left_out`.
    """
    if not view.has_gradient:
        return _maps_by_differences(view)
    path = view.path
    maps: dict[str, NDArray[Any]] = {
        "view": view.pixels,
        "pixels": summed_maps(path, pixel_map).astype(np.float32),
        "frequencies": view.plane,
    }
    if view.part.input == "coherence":
        maps["input"] = prepare_input([view.pixels], "coherence", band=view.part.band)[0].numpy()
    if not view.fast:
        maps |= {
            "cosines": summed_maps(path, cosine_map),
            "sensitivity": sensitivity_map(view.pixels, view.detector).astype(np.float32),
            **({} if view.lacks("Grad-CAM") else {"cam": grad_cam(view.pixels, view.part)}),
            "occlusion": occlusion_map(view.pixels, view.detector).astype(np.float32),
            **{f"wavelet {name}": values.astype(np.float32) for name, values in summed_wavelets(path).items()},
        }
    return maps


def _explained_by_differences(view: ExplainedView, causes: Sequence[OtherCause]) -> Explanation:
    """Explain without a gradient: bands by exact Shapley values, which sum to the gap; lines by their notches."""
    logit, baseline_logit = view.ends
    bands = tuple(_to_the_corners(band) for band in band_shapley(view.pixels, view.detector))
    gap = sum(band.value for band in bands)
    return Explanation(
        baseline="median",
        logit=logit,
        baseline_logit=baseline_logit,
        gap=logit - baseline_logit,
        delta=gap - (logit - baseline_logit),
        steps=0,
        bands=bands,
        shapley=(),
        lines=_lines(view.plane, view.order, causes),
        complexity=map_complexity(view.plane),
    )


def _maps_by_differences(view: ExplainedView) -> dict[str, NDArray[Any]]:
    maps: dict[str, NDArray[Any]] = {"view": view.pixels, "frequencies": view.plane}
    if not view.fast:
        maps |= {
            "sensitivity": sensitivity_by_differences(view.pixels, view.detector).astype(np.float32),
            "occlusion": occlusion_map(view.pixels, view.detector).astype(np.float32),
        }
    return maps


def _to_the_corners(band: BandValue) -> BandValue:
    return replace(band, high=1.0) if band.high > math.sqrt(0.5) else band


def _shapley(view: ExplainedView) -> tuple[BandValue, ...]:
    """Shapley values take a band's content from the default baseline; with another one nothing would be comparable."""
    parts = parts_of(view.detector).values()
    if view.fast or (view.reference is not None and any(view.reference != default_baseline(part) for part in parts)):
        return ()
    return summed_bands(band_shapley(view.pixels, part, halved=True, rng=view.rng) for part in parts)


def _lines(plane: Float, order: Sequence[Line], causes: Sequence[OtherCause]) -> tuple[LineValue, ...]:
    present = {cause.name for cause in causes if cause.found}
    values = line_values(plane)
    lines = []
    for fx, fy in order[:LINES]:
        also = []
        if "JPEG" in present and all(float(8 * f).is_integer() for f in (fx, fy)):
            also.append("JPEG's 8x8 blocks")
        if "colour interpolation" in present and all(float(2 * f).is_integer() for f in (fx, fy)):
            also.append("colour interpolation")
        lines.append(LineValue(float(fx), float(fy), values[fx, fy], tuple(also)))
    return tuple(lines)


def _summing(bands: tuple[BandValue, ...], path: SharedGap) -> tuple[BandValue, ...]:
    """Bands that sum to the gap: the path's delta is shared out among them by their size."""
    sizes = sum(abs(band.value) for band in bands) or 1.0
    return tuple(
        BandValue(
            band.low,
            1.0 if band.high > math.sqrt(0.5) else band.high,
            band.value - path.delta * (abs(band.value) / sizes if any(b.value for b in bands) else 1 / len(bands)),
        )
        for band in bands
    )
