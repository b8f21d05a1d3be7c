"""What the sentences of a page are made of: values that the templates choose words for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from freqforensics.attribution.outcomes import BandValue, Counterfactual, ScoreCurve
from freqforensics.inspection.finding import Finding

LEVEL: Final = 0.05
TONES: Final = {"evidence": "for", "inconclusive": "between", "none": "against", "cannot-judge": "unknown"}
"""Colours of the style sheet, by verdict."""
_CURVES: Final = ("jpeg", "blur", "resize")
"""Curves whose crossings are named."""
_SAME_ENERGY: Final = 0.75


@dataclass(frozen=True)
class NotchSummary:
    """What notching did to the score.

    Parameters
    ----------
    outcome : {"none", "best", "against", "nothing"}
        Nothing was notched; a notch moves the score further than other lines do; one moves it less, or the other way;
        none moves it beyond chance.
    best : Counterfactual or None
        The notch that moves the score furthest.
    farther : int
        Controls that lie as far from the mean of all.
    same_energy : bool
        Whether the controls have the energy of the notch.
    """

    outcome: Literal["none", "best", "against", "nothing"]
    best: Counterfactual | None = None
    farther: int = 0
    same_energy: bool = True


@dataclass(frozen=True)
class PageValues:
    """Values of one finding that its sentences need.

    Parameters
    ----------
    notches : NotchSummary
    changes : tuple of Counterfactual
        Notches, then bands.
    strongest_band : BandValue or None
    crossings, tried : tuple of ScoreCurve
        Curves that cross the threshold; those that say how far the view was changed.
    other_causes : tuple of str
        Names of the causes that were found.
    uniform : bool
        Whether there is nothing to look at.
    unmoved : bool
        Whether the score stayed exactly the same whatever was taken out.
    explained_is_part : bool
        Whether the explained view is not the whole region.
    whole_scored : bool
        Whether the region is the whole image.
    """

    notches: NotchSummary
    changes: tuple[Counterfactual, ...]
    strongest_band: BandValue | None
    crossings: tuple[ScoreCurve, ...]
    tried: tuple[ScoreCurve, ...]
    other_causes: tuple[str, ...]
    uniform: bool
    unmoved: bool
    explained_is_part: bool
    whole_scored: bool


def page_values(finding: Finding) -> PageValues:
    """Give the values that the sentences of a finding's page need."""
    bands = () if finding.explanation is None else finding.explanation.bands
    counterfactuals, standing = finding.changes.counterfactuals, finding.comparison.standing
    curves = [curve for curve in finding.changes.curves if curve.name in _CURVES]
    score = finding.score
    return PageValues(
        notches=notch_summary(finding),
        changes=tuple(change for kind in ("notch", "band") for change in counterfactuals if change.kind == kind),
        strongest_band=max(bands, key=lambda band: abs(band.value), default=None),
        crossings=tuple(curve for curve in curves if curve.crossings),
        tried=tuple(curve for curve in curves if len(curve.values) > 1),
        other_causes=tuple(
            cause.name for cause in finding.comparison.causes if cause.found and cause.name != "lattice of tiles"
        ),
        uniform=standing is not None
        and standing.flat
        and (finding.explanation is None or not finding.explanation.lines),
        unmoved=finding.explanation is not None
        and not finding.explanation.gap
        and not any(band.value for band in bands)
        and not any(change.after != change.before for change in counterfactuals),
        explained_is_part=score.view is not None and score.views[score.view].box != score.region,
        whole_scored=score.region == (0, 0, finding.image.width, finding.image.height),
    )


def notch_summary(finding: Finding) -> NotchSummary:
    """Compare the notches of a finding with taking out other lines."""
    notches = [
        change for change in finding.changes.counterfactuals if change.kind == "notch" and change.p_value is not None
    ]
    if finding.explanation is None or not notches:
        return NotchSummary("none")
    sign = 1 if finding.explanation.gap >= 0 else -1
    significant = [change for change in notches if (change.p_value or 0) <= LEVEL]
    telling = [change for change in significant if sign * change.change < min(0.0, sign * (change.null_mean or 0.0))]
    if not telling:
        return NotchSummary("against" if significant else "nothing")
    best = min(telling, key=lambda change: sign * change.change)
    return NotchSummary(
        "best",
        best,
        farther=round((best.p_value or 1) * (1 + best.nulls)) - 1,
        same_energy=(best.null_energy or math.inf) >= _SAME_ENERGY * best.energy,
    )
