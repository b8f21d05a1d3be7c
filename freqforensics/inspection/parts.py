"""The parts of a finding: plain values, one dataclass for each question."""

from __future__ import annotations

from dataclasses import dataclass, field

from freqforensics.attribution.outcomes import (
    Badge,
    BandValue,
    Counterfactual,
    Deletion,
    FlippingSet,
    OtherCause,
    Randomisation,
    ScoreCurve,
    TileScores,
)
from freqforensics.detector.used_weights import UsedWeights
from freqforensics.detector.verdict import Thresholds, Verdict
from freqforensics.runtime.showing import Summarised
from freqforensics.spectra.population import Nearest, Standing


@dataclass(frozen=True, repr=False)
class InspectedImage(Summarised):
    """An image that is inspected.

    Parameters
    ----------
    name : str
        Name of the file, without its folders; empty for an array.
    sha256 : str
        SHA-256 of the file, or of an array's bytes.
    width, height : int
        Pixels.
    format : str
        As "JPEG"; "array" if it was no file.
    jpeg_quality : int or None
        On libjpeg's scale, by the quantisation tables.
    jpeg_subsampling : str or None
        Chroma subsampling, such as "4:2:0"; None if the file is not a JPEG.
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
        Logit of the window.
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


@dataclass(frozen=True, repr=False)
class DetectorParts(Summarised):
    """What the parts of a fused detector say of the explained view.

    Parameters
    ----------
    logits : dict of str to float
        By part, on their common scale. Their sum is the logit of the explained view.
    strongest : str
        The part that adds most.
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


@dataclass(frozen=True, repr=False)
class Explanation(Summarised):
    """How the logit of the explained view came about.

    Parameters
    ----------
    baseline : str
        What the view was compared with.
    logit, baseline_logit, gap : float
        Logits of the view and of the baseline, and their difference. The parts of a fused detector have baselines of
        their own, whose logits are added.
    delta : float
        What the values sum to, less the gap.
    steps : int
        Number of steps along the path.
    bands : tuple of BandValue
        Their sum is `gap`: `delta` is shared out among them by their size.
    shapley : tuple of BandValue
        Shapley values of the same bands, but for interactions of five and more; empty if not asked for.
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


@dataclass(frozen=True, repr=False)
class Inspection(Summarised):
    """How an image was inspected.

    Parameters
    ----------
    freqforensics : str
        Version.
    weights : UsedWeights
        Weights of the detector, with their error rates.
    settings : dict
        Parameters of `inspect`, and the thresholds.
    settings_sha256 : str
        SHA-256 of the settings, hexadecimal.
    """

    freqforensics: str
    weights: UsedWeights
    settings: dict[str, str | int | float | bool | None]
    settings_sha256: str


@dataclass(frozen=True, repr=False)
class ImageScore(Summarised):
    """The verdict on an image, and the scores that it is read from.

    Parameters
    ----------
    verdict : {"evidence", "inconclusive", "none", "cannot-judge"}
        By the rate, or without a calibration by the logit and the thresholds. The verdict "none" is not evidence that
        the image is a photograph. An image that cannot be judged has no value below `thresholds`; `domain` says why.
    domain : str
        Which parts of the image were cut off, or why it cannot be judged; empty if all of it is a photograph.
    thresholds : Thresholds
        For images of this kind.
    logit : float or None
        The median of the views' logits.
    probability : float or None
        Logistic function of the logit; None where a calibration decides.
    rate : float or None
        Share of photographs of this kind that score as high, (above + 1) / (photographs + 1); None without a
        calibration.
    rate_of : PhotographRate or None
        Numbers of photographs from which the rate is computed.
    region : (int, int, int, int) or None
        x, y, width, height of the part of the image that was scored, pixels.
    views : tuple of ScoredView
        Windows of the region that were scored.
    view : int or None
        Index of the view that is explained: the one with the greatest logit.
    parts : DetectorParts or None
        None if the detector is not fused.
    """

    verdict: Verdict
    domain: str
    thresholds: Thresholds
    logit: float | None = None
    probability: float | None = None
    rate: float | None = None
    rate_of: PhotographRate | None = None
    region: tuple[int, int, int, int] | None = None
    views: tuple[ScoredView, ...] = ()
    view: int | None = None
    parts: DetectorParts | None = None


@dataclass(frozen=True)
class LeftOut:
    """A view that the detector cannot give.

    Parameters
    ----------
    view : str
        Name of the view, as `NEEDS` has it.
    reason : str
        What the detector lacks for it.
    """

    view: str
    reason: str


@dataclass(frozen=True, repr=False)
class MapTests(Summarised):
    """Whether the maps of the explanation may be relied on.

    Parameters
    ----------
    deletion : Deletion or None
        None if no frequency speaks for the logit.
    randomisation : dict of str to Randomisation
        By map, for the part that adds most.
    badges : dict of str to Badge
        By map; "path" is what all maps rest on.
    """

    deletion: Deletion | None = None
    randomisation: dict[str, Randomisation] = field(default_factory=dict)
    badges: dict[str, Badge] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Changes(Summarised):
    """How the logit answers to changes of the explained view.

    Parameters
    ----------
    counterfactuals : tuple of Counterfactual
        Notches and band stops.
    flip : FlippingSet or None
        The fewest frequencies whose notching takes the logit out of the evidence.
    flip_sought : bool
        False unless the verdict is evidence.
    curves : tuple of ScoreCurve
        Logits under compression, blur, resizing and cropping.
    tiles : TileScores or None
        Logits, tile by tile.
    """

    counterfactuals: tuple[Counterfactual, ...] = ()
    flip: FlippingSet | None = None
    flip_sought: bool = False
    curves: tuple[ScoreCurve, ...] = ()
    tiles: TileScores | None = None


@dataclass(frozen=True, repr=False)
class Comparison(Summarised):
    """The image compared with photographs and generators, and what else could leave such traces.

    Parameters
    ----------
    standing : Standing or None
        The residual's spectrum among photographs'; None if the region is too small.
    nearest : Nearest or None
        The lattice compared with known generators'.
    causes : tuple of OtherCause
        Other causes that were tested.
    """

    standing: Standing | None = None
    nearest: Nearest | None = None
    causes: tuple[OtherCause, ...] = ()
