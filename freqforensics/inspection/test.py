"""Whether the maps of an explanation may be relied on: deletion, random weights, completeness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from freqforensics.attribution.faithfulness import MOST_LIKENESS, fourier_deletion, randomisation
from freqforensics.attribution.outcomes import Badge, Deletion, Randomisation
from freqforensics.attribution.path import PathGradient, SharedGap
from freqforensics.inspection.explain import ExplainedView
from freqforensics.inspection.parts import MapTests

MOST_P: Final = 0.1
"""p-value of deletion up to which a map is believed: the least that nine controls can show."""
_LEAST_GAP: Final = 0.2
_CONTROLS: Final = 9
_COUNTS, _FAST_COUNTS = (1, 4, 16, 64, 128), (32,)
"""Frequencies that are taken out at once."""
_INSERTIONS: Final = 3
"""Controls whose frequencies are put back, too: no p-value rests on them."""


def randomise_weights(view: ExplainedView) -> dict[str, Randomisation]:
    """Compare the maps with those of random weights."""
    if view.lacks("random weights"):
        return {}
    return randomisation(view.part, view.rough_maps, trained=view.part_maps, cascading=not view.fast, seed=view.seed)


def delete_frequencies(view: ExplainedView) -> Deletion | None:
    """Take frequencies out in the map's order; None if none speaks for the gap."""
    if not view.order:
        return None
    return fourier_deletion(
        view.pixels,
        view.detector,
        view.order,
        counts=_FAST_COUNTS if view.fast else _COUNTS,
        controls=_CONTROLS,
        sign=view.sign,
        insert=not view.fast,
        insertions=_INSERTIONS,
        rng=view.rng,
    )


def map_tests(view: ExplainedView, likeness: dict[str, Randomisation], deletion: Deletion | None) -> MapTests:
    """Put the tests of an explanation together, with a badge for each map.

    Parameters
    ----------
    view : ExplainedView
    likeness : dict of str to Randomisation
    deletion : Deletion or None

    Returns
    -------
    MapTests
    """
    if view.has_gradient and likeness:
        return MapTests(deletion, likeness, map_badges(view.path, deletion, likeness))
    shared = _of_path(view.path) if view.has_gradient else _of_gap(view.gap)
    reasons = [*shared, *_deletion_reasons(deletion)]
    return MapTests(deletion, likeness, {"frequencies": Badge(not reasons, tuple(reasons))})


def map_badges(
    path: PathGradient | SharedGap, deletion: Deletion | None, likeness: Mapping[str, Randomisation]
) -> dict[str, Badge]:
    """Say of each map whether it passes its tests, and why not.

    Parameters
    ----------
    path : PathGradient or SharedGap
    deletion : Deletion or None
    likeness : mapping of str to Randomisation
        By map.

    Returns
    -------
    dict of str to Badge
        For "path" and each map of `likeness`.
    """
    shared = _of_path(path)
    badges = {"path": Badge(not shared, tuple(shared))}
    for name, comparison in likeness.items():
        reasons = list(shared)
        if not comparison.destroyed:
            reasons.append(
                f"random weights draw a similar map (Spearman {comparison.likeness[-1]:.2f}, limit {MOST_LIKENESS})"
            )
        if name == "frequencies":
            reasons += _deletion_reasons(deletion)
        badges[name] = Badge(not reasons, tuple(reasons))
    return badges


def _of_path(path: PathGradient | SharedGap) -> list[str]:
    incomplete = f"the parts sum to {path.gap + path.delta:+.2f}, not to the gap of {path.gap:+.2f} logits"
    return [*([] if path.complete else [incomplete]), *_of_gap(path.gap)]


def _of_gap(gap: float) -> list[str]:
    small = f"the gap is {gap:+.2f} logits: there is next to nothing to explain"
    return [small] if abs(gap) < _LEAST_GAP else []


def _deletion_reasons(deletion: Deletion | None) -> list[str]:
    if deletion is None:
        return ["no frequency speaks for the score"]
    if deletion.gain > 0 and deletion.p_value <= MOST_P:
        return []
    return [
        "taking these frequencies out does not move the score more than taking out others of their radii in random"
        f" order (p = {deletion.p_value:.2f})"
    ]
