"""One image, read and scored as `score_files` does it: its region, its views, the verdict, and the view to explain."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from freqforensics.detector.calibrated import CalibratedDetector
from freqforensics.detector.fusion import FusedDetector
from freqforensics.detector.resnet import Detector
from freqforensics.detector.verdict import Rate, Thresholds, Verdict
from freqforensics.images import JpegTables, decode_image, read_file, read_header, read_jpeg_tables
from freqforensics.inspection.finding import InspectedImage
from freqforensics.perturbations.canvases import Region
from freqforensics.regions.domain import Domain
from freqforensics.regions.kinds import ImageKind
from freqforensics.regions.looking import look_at
from freqforensics.regions.views import cut, median_view

Uint8 = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class JudgedImage:
    """An image with its scores and the verdict.

    Parameters
    ----------
    pixels : ndarray of uint8, (H, W, 3)
    about : InspectedImage
    jpeg : JpegTables or None
        Of a JPEG file.
    domain : Domain
        The photographic region, or why there is none.
    verdict : Verdict
    rate : Rate or None
        None without a calibration, and of an image that cannot be judged.
    thresholds : Thresholds
        Of the image's kind.
    kind : ImageKind or None
        None of an image that cannot be judged, as the following are empty.
    boxes : tuple of (int, int, int, int)
        The views: x, y, width, height in pixels of the image.
    logits : ndarray of float64, (V,)
        Of each view.
    parts : mapping of str to ndarray of float64, (V,)
        The same for each part of a fused detector; empty of a single one.
    """

    pixels: Uint8
    about: InspectedImage
    jpeg: JpegTables | None
    domain: Domain
    verdict: Verdict
    rate: Rate | None
    thresholds: Thresholds
    kind: ImageKind | None = None
    boxes: tuple[Region, ...] = ()
    logits: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    parts: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def median(self) -> int:
        """Index of the view whose logit is the image's."""
        return median_view(self.logits)

    @property
    def logit(self) -> float:
        """The median of the views' logits."""
        return float(self.logits[self.median])

    @property
    def view(self) -> Uint8:
        """Pixels of the median view."""
        return np.ascontiguousarray(cut(self.pixels, self.boxes[self.median]))


def judge_image(
    image: Uint8 | str | Path,
    detector: CalibratedDetector,
    *,
    region: Region | None = None,
    scorer: Detector | None = None,
    salvage: bool = False,
) -> JudgedImage:
    """Find an image's photographic region, score its views, and give the verdict.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3), or path
    detector : CalibratedDetector
    region : (int, int, int, int), optional
        x, y, width, height of the part to judge; default what `find_region` finds.
    scorer : Detector, optional
        A faster copy of the detector (`folded`) to score with.
    salvage : bool
        As in `read_image`.

    Returns
    -------
    JudgedImage

    Raises
    ------
    ImageReadError, FileNotFoundError
        The file cannot be read.
    ValueError
        An array that is no image; a region outside the image or with a side under 64 pixels; weights that give a logit
        that is not finite.
    """
    pixels, about, jpeg = _opened(image, salvage)
    look = look_at(pixels, about.format, jpeg, region=region)
    if look.kind is None:
        return JudgedImage(pixels, about, jpeg, look.domain, "cannot-judge", None, detector.thresholds)
    views = look.views(pixels)
    network = scorer if scorer is not None else detector.detector
    parts: dict[str, NDArray[np.float64]] = {}
    if isinstance(network, FusedDetector):
        parts = {name: values.astype(np.float64) for name, values in network.part_logits(views).items()}
        logits = np.sum(list(parts.values()), axis=0)
    else:
        logits = network.logits(views).astype(np.float64)
    if not np.isfinite(logits).all():
        where = f"{about.name}: " if about.name else ""
        raise ValueError(f"{where}the weights {detector.weights.name} give a logit that is not finite ({logits})")
    verdict, rate = detector.judge(float(logits[median_view(logits)]), look.kind)
    return JudgedImage(
        pixels=pixels,
        about=about,
        jpeg=jpeg,
        domain=look.domain,
        verdict=verdict,
        rate=rate,
        thresholds=detector.thresholds_of(look.kind),
        kind=look.kind,
        boxes=look.boxes,
        logits=logits,
        parts=parts,
    )


def _opened(image: Uint8 | str | Path, salvage: bool) -> tuple[Uint8, InspectedImage, JpegTables | None]:
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"image must be uint8 (H, W, 3), got {image.dtype} {image.shape}")
        sha256 = hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()
        return image, InspectedImage("", sha256, image.shape[1], image.shape[0], "array", None, None, ()), None
    notes: list[str] = []
    data = read_file(image)
    pixels = decode_image(data, name=image, salvage=salvage, on_note=notes.append)
    jpeg = read_jpeg_tables(data)
    about = InspectedImage(
        name=Path(image).name,
        sha256=hashlib.sha256(data).hexdigest(),
        width=pixels.shape[1],
        height=pixels.shape[0],
        format=str(read_header(data).format),
        jpeg_quality=None if jpeg is None else jpeg.quality,
        jpeg_subsampling=None if jpeg is None else jpeg.subsampling,
        notes=tuple(notes),
    )
    return pixels, about, jpeg
