"""What was found out about one image: plain values, a JSON schema of them, and the maps to draw."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from numpy.typing import NDArray

from freqforensics.attribution.bases import BandValue
from freqforensics.attribution.causes import OtherCause
from freqforensics.attribution.counterfactual import Counterfactual, FlippingSet
from freqforensics.attribution.curves import ScoreCurve, TileScores
from freqforensics.attribution.faithfulness import Badge, Deletion, Randomisation
from freqforensics.detector.calibrated import UsedWeights
from freqforensics.detector.verdict import IN_WORDS, Thresholds, Verdict
from freqforensics.runtime.schema import json_values, schema_of
from freqforensics.spectra.population import Nearest, Standing

if TYPE_CHECKING:
    from pathlib import Path

FORMAT: Final = 2


@dataclass(frozen=True)
class InspectedImage:
    """The image.

    Parameters
    ----------
    name : str
        Of the file, without its folders; empty of an array.
    sha256 : str
        Of the file, or of an array's bytes.
    width, height : int
        Pixels.
    format : str
        As "JPEG"; "array" if it was no file.
    jpeg_quality : int or None
        On libjpeg's scale, by the quantisation tables.
    jpeg_subsampling : str or None
    notes : tuple of str
        What was odd about the file.
    """

    name: str
    sha256: str
    width: int
    height: int
    format: str
    jpeg_quality: int | None
    jpeg_subsampling: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ScoredView:
    """A window of the image that was scored.

    Parameters
    ----------
    box : (int, int, int, int)
        x, y, width, height in pixels of the image.
    logit : float
    """

    box: tuple[int, int, int, int]
    logit: float


@dataclass(frozen=True)
class PhotographRate:
    """How many photographs of a kind score at least as high as the image.

    Parameters
    ----------
    above : int
        Photographs whose logit is at least the image's.
    photographs : int
        Photographs of the kind.
    kind : str
        In words, as "JPEG 4:2:0, medium quality, large"; "any" if all photographs were counted.
    """

    above: int
    photographs: int
    kind: str


@dataclass(frozen=True)
class DetectorParts:
    """What the parts of a fused detector say of the explained view.

    Parameters
    ----------
    logits : dict of str to float
        By part, on their common scale. Their sum is the image's logit.
    strongest : str
        The part that adds most. It is the one that is explained.
    """

    logits: dict[str, float]
    strongest: str


@dataclass(frozen=True)
class LineValue:
    """What a frequency and its mirror image add to the logit.

    Parameters
    ----------
    fx, fy : float
        Cycles per pixel.
    value : float
        Logits.
    also : tuple of str
        What else has lines there.
    """

    fx: float
    fy: float
    value: float
    also: tuple[str, ...]


@dataclass(frozen=True)
class Attributed:
    """How the logit of the explained view came about.

    Parameters
    ----------
    baseline : str
        What the view was compared with.
    logit, baseline_logit, gap : float
        Of the view; of the baseline; their difference. Of a fused detector: of the part that adds most.
    delta : float
        What the values sum to, less the gap.
    steps : int
    bands : tuple of BandValue
        Their sum is `gap`: `delta` is shared out among them by their size.
    shapley : tuple of BandValue
        Exact Shapley values of the same bands; empty if not asked for.
    lines : tuple of LineValue
        The frequencies that count most, multiples of 1/32.
    complexity : int or None
        Number of frequencies, of 513 multiples of 1/32 with their mirror images, that make up 90 % of the absolute
        attribution.
    stability : float or None
        How far the map of frequencies moves if the view is saved as JPEG of quality 95, relative to the map; None if
        not asked for, or if nothing is attributed.
    """

    baseline: str
    logit: float
    baseline_logit: float
    gap: float
    delta: float
    steps: int
    bands: tuple[BandValue, ...]
    shapley: tuple[BandValue, ...]
    lines: tuple[LineValue, ...]
    complexity: int | None = field(default=None, metadata={"optional": True})
    stability: float | None = field(default=None, metadata={"optional": True})


@dataclass(frozen=True, eq=False)
class Finding:
    """What was found out about one image.

    Parameters
    ----------
    format : int
        Of this structure.
    freqforensics : str
        Version.
    verdict : {"evidence", "inconclusive", "none", "cannot-judge"}
        By the rate, or without a calibration by the logit and the thresholds. That no evidence is found is no evidence
        of a photograph. Of an image that cannot be judged nothing is known but what stands up to `settings_sha256`;
        `domain` says why.
    domain : str
        Which parts of the image were cut off, or why it cannot be judged; empty if all of it is a photograph.
    image, weights, thresholds : dataclass
        The thresholds are those of the image's kind.
    settings : dict
        What was asked for.
    settings_sha256 : str
    logit : float or None
        The median of the views' logits.
    probability : float or None
        Logistic function of the logit; None where a calibration decides.
    rate : float or None
        Share of photographs of this kind that score as high, (above + 1) / (photographs + 1); None without a
        calibration.
    rate_of : PhotographRate or None
        What the rate was counted from.
    region : (int, int, int, int) or None
        x, y, width, height of the part of the image that was scored, pixels.
    views : tuple of ScoredView
        Windows of the region that were scored.
    view : int or None
        Index of the view whose logit is the median. It is the one that is explained.
    parts : DetectorParts or None
        None of a detector that is not fused.
    attribution : Attributed or None
    counterfactuals : tuple of Counterfactual
        Of the view, and of a fused detector of the part that adds most.
    flip : FlippingSet or None
        The fewest frequencies whose notching takes the logit out of the evidence, of all parts of the detector.
    flip_sought : bool
        False if there is nothing to flip.
    deletion : Deletion or None
        None if no frequency speaks for the logit. Of the part that adds most.
    randomisation : dict of str to Randomisation
        By explanation. Of the part that adds most.
    badges : dict of str to Badge
        By explanation.
    curves : tuple of ScoreCurve
        Of the view, scored by all parts of the detector.
    tiles : TileScores or None
        Of the view, scored by all parts of the detector.
    standing : Standing or None
        None if the region is too small, or there is no population.
    nearest : Nearest or None
    causes : tuple of OtherCause
    maps : dict of str to ndarray
        To be drawn; not part of `to_json`.
    """

    format: int
    freqforensics: str
    verdict: Verdict
    domain: str
    image: InspectedImage
    weights: UsedWeights
    thresholds: Thresholds
    settings: dict[str, str | int | float | bool | None]
    settings_sha256: str
    logit: float | None = None
    probability: float | None = None
    rate: float | None = None
    rate_of: PhotographRate | None = None
    region: tuple[int, int, int, int] | None = None
    views: tuple[ScoredView, ...] = ()
    view: int | None = None
    parts: DetectorParts | None = None
    attribution: Attributed | None = None
    counterfactuals: tuple[Counterfactual, ...] = ()
    flip: FlippingSet | None = None
    flip_sought: bool = False
    deletion: Deletion | None = None
    randomisation: dict[str, Randomisation] = field(default_factory=dict)
    badges: dict[str, Badge] = field(default_factory=dict)
    curves: tuple[ScoreCurve, ...] = ()
    tiles: TileScores | None = None
    standing: Standing | None = None
    nearest: Nearest | None = None
    causes: tuple[OtherCause, ...] = ()
    maps: dict[str, NDArray[Any]] = field(default_factory=dict, metadata={"json": False})

    @property
    def judged(self) -> bool:
        """Whether the image was scored and explained."""
        return self.attribution is not None

    @property
    def explained(self) -> Attributed:
        """The attribution of an image that was judged; ValueError of another one."""
        if self.attribution is None:
            raise ValueError(f"nothing is explained of an image that cannot be judged: {self.domain}")
        return self.attribution

    @property
    def in_words(self) -> str:
        """The verdict in words, as "no evidence found"."""
        return IN_WORDS[self.verdict]

    def to_json(self) -> dict[str, Any]:
        """Give the values, as JSON has them; `finding_schema` describes them."""
        values: dict[str, Any] = json_values(self, derived=_DERIVED)
        return values

    def save(self, out: str | Path) -> None:
        """Write a folder: ``index.html``, ``finding.json`` and the figures as PNG; see `freqforensics.report`."""
        import freqforensics

        freqforensics.write_report(self, out)

    def show(self) -> Any:
        """Give something that Jupyter shows as the page."""
        import freqforensics

        return freqforensics.Page(self)

    def _repr_html_(self) -> str:
        return str(self.show()._repr_html_())


def finding_schema() -> dict[str, Any]:
    """Give the JSON schema (2020-12) of `Finding.to_json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "freqforensics finding",
        **schema_of(Finding, derived=_DERIVED, types=_BOUNDS),
    }


_DERIVED: Final[dict[type, dict[str, Any]]] = {
    Counterfactual: {"change": float},
    Deletion: {"gain": float, "insertion_gain": float, "p_value": float},
    Randomisation: {"destroyed": bool},
    TileScores: {"spread": float | None},
}
"""Properties that are written, too, with their types."""
_BOUNDS: Final[dict[type, dict[str, Any]]] = {Thresholds: {"low": float | None, "high": float | None}}
"""Types, as JSON has them, of values that can be infinite: a threshold that no logit reaches is written as null."""


def finding_json(finding: Finding) -> str:
    """Give a finding as indented JSON text."""
    return json.dumps(finding.to_json(), indent=2, allow_nan=False)
