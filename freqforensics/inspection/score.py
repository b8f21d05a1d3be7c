"""One image scored as `score_files` does it: its region, its views, the verdict, and the view to explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from freqforensics.detector.calibrated import CalibratedDetector
from freqforensics.detector.fusion import FusedDetector
from freqforensics.detector.lanes import side_by_side
from freqforensics.detector.resnet import Detector, evaluating
from freqforensics.inspection.parts import DetectorParts, ImageScore, PhotographRate, ScoredView
from freqforensics.inspection.read import OpenedImage, open_image
from freqforensics.perturbations.canvases import Region
from freqforensics.regions.looking import look_at
from freqforensics.regions.views import cut, median_view
from freqforensics.runtime.showing import Summarised

Uint8 = NDArray[np.uint8]


@dataclass(frozen=True, eq=False, repr=False)
class JudgedImage(Summarised):
    """An image with its scores and the verdict.

    Parameters
    ----------
    image : OpenedImage
        Pixels, facts about the file, and region.
    score : ImageScore
        Logits of the views, their median, and the verdict.
    """

    image: OpenedImage
    score: ImageScore

    @property
    def judged(self) -> bool:
        """Whether there is a photographic region, which was scored."""
        return self.score.view is not None

    @property
    def box(self) -> Region:
        """The view with the greatest logit: x, y, width, height in pixels; ValueError if there is none."""
        if self.score.view is None:
            raise ValueError(f"the image cannot be judged: {self.score.domain}")
        return self.score.views[self.score.view].box

    @property
    def view(self) -> Uint8:
        """Pixels of that view."""
        return np.ascontiguousarray(cut(self.image.pixels, self.box))

    @property
    def region(self) -> Uint8:
        """Pixels of the region that was scored."""
        return cut(self.image.pixels, self.score.region or (0, 0, 0, 0))


def judge_image(
    image: Any,
    detector: CalibratedDetector,
    *,
    region: Region | None = None,
    scorer: Detector | None = None,
    salvage: bool = False,
) -> JudgedImage:
    """Find an image's photographic region, score its views, and give the verdict.

    Parameters
    ----------
    image : str, Path, ndarray, torch.Tensor or PIL.Image.Image
        A file, or anything that `as_image` takes.
    detector : CalibratedDetector
        Detector with its calibration.
    region : (int, int, int, int), optional
        x, y, width, height of the part to judge, pixels; default what `find_region` finds.
    scorer : Detector, optional
        A faster copy of the detector (`folded`) to score with.
    salvage : bool
        As in `read_image`.

    Returns
    -------
    JudgedImage
        The image with its region, scores and verdict.

    Raises
    ------
    ImageReadError, FileNotFoundError
        The file cannot be read.
    ValueError
        An array that is no image; a region outside the image or with a side under 64 pixels; weights that give a logit
        that is not finite.
    """
    opened = open_image(image, salvage=salvage)
    look = look_at(opened.pixels, opened.about.format, opened.jpeg, region=region)
    if look.kind is None:
        return JudgedImage(opened, ImageScore("cannot-judge", look.domain.reason, detector.thresholds))
    logits, parts = _logits(look.views(opened.pixels), scorer if scorer is not None else detector.detector)
    if not np.isfinite(logits).all():
        where = f"{opened.about.name}: " if opened.about.name else ""
        raise ValueError(f"{where}the weights {detector.weights.name} give a logit that is not finite ({logits})")
    logit = float(logits[median_view(logits)])
    strongest = int(np.argmax(logits))
    verdict, rate = detector.judge(logit, look.kind)
    score = ImageScore(
        verdict=verdict,
        domain=look.domain.reason,
        thresholds=detector.thresholds_of(look.kind),
        logit=logit,
        probability=float(expit(logit)) if rate is None else None,
        rate=None if rate is None else rate.rate,
        rate_of=None if rate is None else PhotographRate(rate.above, rate.photographs, str(rate.kind)),
        region=look.domain.region,
        views=tuple(ScoredView(box, float(value)) for box, value in zip(look.boxes, logits, strict=True)),
        view=strongest,
        parts=_parts({name: float(values[strongest]) for name, values in parts.items()}),
    )
    return JudgedImage(opened, score)


def _logits(views: list[Uint8], detector: Detector) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Logits of the views, and those of each part of a fused detector."""
    with evaluating(detector):  # once for all threads
        if not isinstance(detector, FusedDetector):
            return np.concatenate(side_by_side(lambda view: detector.logits([view]), views)).astype(np.float64), {}
        of_views = side_by_side(lambda view: detector.part_logits([view]), views)
    parts = {name: np.array([float(logits[name][0]) for logits in of_views]) for name in of_views[0]}
    return np.sum(list(parts.values()), axis=0), parts


def _parts(logits: dict[str, float]) -> DetectorParts | None:
    return DetectorParts(logits, max(logits, key=lambda name: logits[name])) if logits else None
