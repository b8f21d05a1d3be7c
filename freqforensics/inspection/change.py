"""How the score answers to changes of the explained view: notches, bands, compression, blur, resizing, tiles."""

from __future__ import annotations

import math
from typing import Final

from freqforensics.attribution.counterfactual import band_stops, flipping_set, notch
from freqforensics.attribution.curves import score_curves, tile_scores
from freqforensics.attribution.notches import Line, LoneNotches, lattice_lines, line_name, ranked_lines, spectra_of
from freqforensics.attribution.outcomes import Counterfactual, FlippingSet, ScoreCurve, TileScores
from freqforensics.detector.verdict import Thresholds
from freqforensics.inspection.explain import ExplainedView
from freqforensics.inspection.parts import ImageScore

_SET: Final = 8
_LATTICES: Final = (2, 4, 8)
_NULLS, _FIRST_LOOK = 39, 19
"""Controls of a notch, and those of the first look: with 39 a p-value can be as low as 1/40."""
_FAST_LATTICES: Final = (2, 8)
_FAST_NULLS, _FAST_FIRST_LOOK = 19, 9
_LEAST_TILE: Final = 64


def take_out(view: ExplainedView) -> tuple[Counterfactual, ...]:
    """Notch the frequencies that count most and lattices, with their nulls; and stop bands."""
    nulls, first_look = (_FAST_NULLS, _FAST_FIRST_LOOK) if view.fast else (_NULLS, _FIRST_LOOK)
    before, rng = view.ends[0], view.rng
    pixels = view.pixels
    lone = LoneNotches(spectra_of(pixels), (pixels.shape[0], pixels.shape[1]))
    options: dict[str, int] = {"nulls": nulls, "first_look": first_look}
    changes = [
        notch(pixels, view.detector, lines, what=what, **options, before=before, lone=lone, rng=rng)
        for what, lines in _sets(view)
    ]
    if not view.fast:
        changes += band_stops(view.pixels, view.detector, before=before)
    return tuple(changes)


def flip_verdict(view: ExplainedView, score: ImageScore) -> FlippingSet | None:
    """Search for the fewest frequencies whose notching takes the logit out of the evidence."""
    upward = ranked_lines(view.plane)
    if score.verdict != "evidence" or not upward:
        return None
    return flipping_set(view.pixels, view.detector, upward, threshold=score.thresholds.high)


def curves_of(view: ExplainedView, score: ImageScore) -> tuple[ScoreCurve, ...]:
    """Score the view after compression, blur, resizing and cropping."""
    threshold = _crossing(score.thresholds, score.verdict == "evidence")
    return score_curves(view.pixels, view.detector, threshold=threshold, coarse=view.fast)


def tiles_of(view: ExplainedView) -> TileScores | None:
    """Score the view's tiles, each by itself."""
    if view.lacks("tiles"):
        return None
    return tile_scores(view.pixels, view.detector, side=max(_LEAST_TILE, min(view.pixels.shape[:2]) // 2))


def _sets(view: ExplainedView) -> list[tuple[str, tuple[Line, ...]]]:
    sets: list[tuple[str, tuple[Line, ...]]] = []
    if view.order:
        if not view.fast or len(view.order) == 1:
            sets.append((f"the frequency that counts most, {line_name(view.order[0])}", view.order[:1]))
        if len(view.order) > 1:
            sets.append((f"the {min(_SET, len(view.order))} frequencies that count most", view.order[:_SET]))
    return [*sets, *((f"the lattice of 1/{q}", lattice_lines(q)) for q in (_FAST_LATTICES if view.fast else _LATTICES))]


def _crossing(thresholds: Thresholds, evidence: bool) -> float:
    """The logit whose crossing the curves show: that of evidence, or the middle of what is inconclusive."""
    if evidence:
        return thresholds.high
    bounds = [bound for bound in (thresholds.low, thresholds.high) if math.isfinite(bound)]
    return sum(bounds) / len(bounds) if bounds else 0.0
