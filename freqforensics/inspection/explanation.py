"""Why the view that gave an image its score was scored as it was: maps, counterfactuals, and whether they hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from freqforensics.attribution.bases import (
    BandValue,
    band_values,
    cosine_map,
    fourier_map,
    pixel_map,
    wavelet_maps,
)
from freqforensics.attribution.causes import OtherCause, other_causes
from freqforensics.attribution.counterfactual import Counterfactual, band_stops, flipping_set, notch
from freqforensics.attribution.curves import score_curves, tile_scores
from freqforensics.attribution.faithfulness import (
    MOST_LIKENESS,
    Badge,
    Deletion,
    Randomisation,
    fourier_deletion,
    randomisation,
)
from freqforensics.attribution.maps import band_shapley, grad_cam, occlusion_map
from freqforensics.attribution.notches import Line, lattice_lines, line_name, line_values, ranked_lines
from freqforensics.attribution.path import Baseline, PathGradient, default_baseline, integrate_path
from freqforensics.attribution.properties import map_complexity, max_sensitivity
from freqforensics.attribution.sensitivity import sensitivity_map
from freqforensics.detector.fusion import FusedDetector
from freqforensics.detector.inference import folded
from freqforensics.detector.resnet import Detector, prepare_input
from freqforensics.detector.verdict import Thresholds
from freqforensics.inspection.finding import Attributed, Finding, LineValue
from freqforensics.inspection.judging import JudgedImage
from freqforensics.regions.views import cut
from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec, estimate_upsampling
from freqforensics.spectra.population import Population, shipped_population

Uint8 = NDArray[np.uint8]

CONTEXT: Final = 640
"""Pixels a side of the middle of the region in which other causes are sought and the population's lattices."""
LINES: Final = 12
MOST_P: Final = 0.1
"""p-value of deletion up to which a map is believed: the least that nine controls can show."""
_LEAST_TILE: Final = 64


def explain_finding(
    finding: Finding,
    judged: JudgedImage,
    detector: Detector,
    *,
    baseline: Baseline | None = None,
    population: Population | None = None,
    fast: bool = False,
    seed: int = 0,
    progress: str | None = None,
) -> Finding:
    """Add to a finding why the median view of its image was scored as it was.

    Parameters
    ----------
    finding : Finding
        With the scores of `judged`.
    judged : JudgedImage
        That could be judged.
    detector : Detector
        Is left as it is.
    baseline, population, fast, seed, progress
        As for `inspect`.

    Returns
    -------
    Finding
    """
    population = population if population is not None else shipped_population()
    twin, view = folded(detector), judged.view
    # One part is explained; what is said of the verdict is asked of all of them.
    part, plain = (_strongest(finding, one) for one in (twin, detector))
    chosen: tuple[Baseline, ...] = (baseline if baseline is not None else default_baseline(part),)
    thresholds = finding.thresholds
    with tqdm(total=8, desc=progress, unit="step", delay=2, disable=None if progress else True, leave=False) as bar:

        def step(name: str) -> None:
            bar.set_postfix_str(name)
            bar.update(1)

        step("path")
        path = integrate_path(
            view,
            part,
            baselines=chosen,
            natural=population.amplitudes,
            most_steps=16 if fast else 64,
            rng=np.random.default_rng(seed),
        )

        def explain(other: Detector) -> dict[str, NDArray[np.float64]]:
            rough = integrate_path(view, other, baselines=chosen, natural=population.amplitudes, steps=4, most_steps=4)
            return _maps_of(rough)

        plane = fourier_map(path, tile=32)
        sign = 1 if path.gap >= 0 else -1
        order = ranked_lines(plane, sign=sign)
        step("weights made random")
        random = randomisation(plain, explain, cascading=not fast, seed=seed)

        def plane_of(image: Uint8) -> NDArray[np.float64]:
            if image is view:
                return plane
            other = integrate_path(
                image,
                part,
                baselines=chosen,
                natural=population.amplitudes,
                most_steps=64,
                rng=np.random.default_rng(seed),
            )
            return fourier_map(other, tile=32)

        stability = None if fast else max_sensitivity(view, plane_of)
        step("deletion")
        deletion = None
        if order:
            deletion = fourier_deletion(
                view, part, order, controls=9 if fast else 10, sign=sign, rng=np.random.default_rng(seed)
            )
        step("counterfactuals")
        changes = _changed(view, part, order, fast, seed)
        sought = finding.verdict == "evidence"
        upward = ranked_lines(plane)
        flip = flipping_set(view, twin, upward, threshold=thresholds.high) if sought and upward else None
        step("curves")
        curves = score_curves(view, twin, threshold=_between(thresholds, sought))
        tiles = tile_scores(view, twin, side=max(_LEAST_TILE, min(view.shape[:2]) // 2))
        step("maps")
        maps = _maps(view, plain, part, path, plane, fast)
        # What is left out comes from the default baseline: with another one they would answer another question.
        shapley: tuple[BandValue, ...] = ()
        if path.baselines == (default_baseline(part),) and not fast:
            shapley = band_shapley(view, part, rng=np.random.default_rng(seed))
        step("population")
        context = _context(judged)
        standing, nearest = population.standing(context), population.nearest(context)
        step("other causes")
        causes = other_causes(context, judged.jpeg, path, file=judged.about.format != "array")
        if finding.verdict != "evidence" or not _has_lattice(context, causes):
            nearest = replace(nearest, name=None)
    return replace(
        finding,
        attribution=Attributed(
            baseline=", ".join(path.baselines),
            logit=path.logit,
            baseline_logit=path.baseline_logit,
            gap=path.gap,
            delta=path.delta,
            steps=path.steps,
            bands=_summing(band_values(path), path),
            shapley=shapley,
            lines=_lines(plane, order, causes),
            complexity=map_complexity(plane),
            stability=stability if stability is not None and math.isfinite(stability) else None,
        ),
        counterfactuals=changes,
        flip=flip,
        flip_sought=sought,
        deletion=deletion,
        randomisation=random,
        badges=_badges(path, deletion, random),
        curves=curves,
        tiles=tiles,
        standing=standing,
        nearest=nearest,
        causes=causes,
        maps={**finding.maps, **maps},
    )


def _strongest(finding: Finding, detector: Detector) -> Detector:
    if finding.parts is None or not isinstance(detector, FusedDetector):
        return detector
    return detector.parts[finding.parts.strongest]


def _between(thresholds: Thresholds, sought: bool) -> float:
    """The logit whose crossing the curves show: that of evidence, or the middle of what is inconclusive."""
    if sought:
        return thresholds.high
    bounds = [bound for bound in (thresholds.low, thresholds.high) if math.isfinite(bound)]
    return sum(bounds) / len(bounds) if bounds else 0.0


def _context(judged: JudgedImage) -> Uint8:
    """The middle of the region, as much of it as is looked at; its corner keeps the grid of 32."""
    found = cut(judged.pixels, judged.domain.region or (0, 0, 0, 0))
    top, left = (max(0, side - CONTEXT) // 64 * 32 for side in found.shape[:2])
    return np.ascontiguousarray(found[top : top + CONTEXT, left : left + CONTEXT])


def _has_lattice(context: Uint8, causes: tuple[OtherCause, ...]) -> bool:
    """Whether the image's own tiles have a significant lattice: without one no generator is named."""
    for cause in causes:
        if cause.name == "lattice of tiles":
            return bool(cause.found)
    tiles = SpectrumAccumulator(SpectrumSpec(size=32))
    for row in range(0, context.shape[0] - 31, 32):
        tiles.update([context[row : row + 32, column : column + 32] for column in range(0, context.shape[1] - 31, 32)])
    return tiles.images > 1 and estimate_upsampling(tiles.result()).factor is not None


def _maps_of(path: PathGradient) -> dict[str, NDArray[np.float64]]:
    """The maps whose likeness to those of random weights is measured."""
    return {"frequencies": fourier_map(path, tile=32), "pixels": pixel_map(path)}


def _maps(
    view: Uint8, detector: Detector, twin: Detector, path: PathGradient, plane: NDArray[np.float64], fast: bool
) -> dict[str, NDArray[Any]]:
    maps: dict[str, NDArray[Any]] = {
        "view": view,
        "pixels": pixel_map(path).astype(np.float32),
        "frequencies": plane,
        "cosines": cosine_map(path),
        "sensitivity": sensitivity_map(view, twin).astype(np.float32),
        "cam": grad_cam(view, detector),
        **{f"wavelet {name}": values.astype(np.float32) for name, values in wavelet_maps(path).items()},
    }
    if detector.input == "coherence":
        maps["input"] = prepare_input([view], "coherence", band=detector.band)[0].numpy()
    if not fast:
        maps["occlusion"] = occlusion_map(view, twin).astype(np.float32)
    return maps


def _changed(view: Uint8, twin: Detector, order: tuple[Line, ...], fast: bool, seed: int) -> tuple[Counterfactual, ...]:
    """Notches with their nulls, and bands."""
    sets: list[tuple[str, tuple[Line, ...]]] = []
    if order:
        sets.append((f"the frequency that counts most, {line_name(order[0])}", order[:1]))
        if len(order) > 1:
            sets.append((f"the {min(8, len(order))} frequencies that count most", order[:8]))
    sets += [(f"the lattice of 1/{q}", lattice_lines(q)) for q in (2, 4, 8)]
    rng = np.random.default_rng(seed)
    nulls = 20 if fast else 100
    made = [notch(view, twin, lines, what=what, nulls=nulls, rng=rng) for what, lines in sets]
    if not fast:
        made += band_stops(view, twin)
    return tuple(made)


def _lines(
    plane: NDArray[np.float64], order: tuple[Line, ...], causes: tuple[OtherCause, ...]
) -> tuple[LineValue, ...]:
    found = {cause.name for cause in causes if cause.found}
    values = line_values(plane)
    lines = []
    for fx, fy in order[:LINES]:
        also = []
        if "JPEG" in found and all(float(8 * f).is_integer() for f in (fx, fy)):
            also.append("JPEG's 8x8 blocks")
        if "colour interpolation" in found and all(float(2 * f).is_integer() for f in (fx, fy)):
            also.append("colour interpolation")
        lines.append(LineValue(float(fx), float(fy), values[fx, fy], tuple(also)))
    return tuple(lines)


def _summing(bands: tuple[BandValue, ...], path: PathGradient) -> tuple[BandValue, ...]:
    """Bands that sum to the gap: the path's delta goes to each by its size."""
    sizes = sum(abs(band.value) for band in bands) or 1.0
    return tuple(
        BandValue(
            band.low,
            1.0 if band.high > math.sqrt(0.5) else band.high,
            band.value - path.delta * (abs(band.value) / sizes if any(b.value for b in bands) else 1 / len(bands)),
        )
        for band in bands
    )


def _badges(path: PathGradient, deletion: Deletion | None, random: Mapping[str, Randomisation]) -> dict[str, Badge]:
    shared = []
    if not path.complete:
        shared.append(f"the parts sum to {path.gap + path.delta:+.2f}, not to the gap of {path.gap:+.2f} logits")
    if abs(path.gap) < 0.2:
        shared.append(f"the gap is {path.gap:+.2f} logits: there is next to nothing to explain")
    badges = {"path": Badge(not shared, tuple(shared))}
    for name, found in random.items():
        reasons = list(shared)
        if not found.destroyed:
            reasons.append(
                f"random weights draw a similar map (Spearman {found.likeness[-1]:.2f}, limit {MOST_LIKENESS})"
            )
        if name == "frequencies":
            if deletion is None:
                reasons.append("no frequency speaks for the score")
            elif deletion.gain <= 0 or deletion.p_value > MOST_P:
                reasons.append(
                    "taking these frequencies out does not move the score more than taking out others of their radii in"
                    f" random order (p = {deletion.p_value:.2f})"
                )
        badges[name] = Badge(not reasons, tuple(reasons))
    return badges
