"""What each view of an inspection needs of a detector, and which views a detector cannot give."""

from __future__ import annotations

from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from freqforensics.attribution.layers import NoPlacesError, last_places
from freqforensics.attribution.maps import takes_apart
from freqforensics.detector.resnet import Detector
from freqforensics.detector.wrap import WrappedDetector
from freqforensics.inspection.parts import LeftOut

Uint8 = NDArray[np.uint8]
Need = Literal["gradient", "weights", "places", "sizes"]

NEEDS: Final[dict[str, tuple[Need, ...]]] = {
    "frequencies": (),
    "bands": (),
    "notches": (),
    "deletion": (),
    "occlusion": (),
    "sensitivity": (),
    "compression and blur": (),
    "pixels": ("gradient",),
    "wavelets": ("gradient",),
    "cosine modes": ("gradient",),
    "stability": ("gradient",),
    "random weights": ("gradient", "weights"),
    "Grad-CAM": ("gradient", "places"),
    "resizing and cropping": ("sizes",),
    "tiles": ("sizes",),
}
"""By view: a gradient of the logit by the pixels; weights that can be made random; a map of places behind the
convolutions; images of any size. Without a gradient frequencies, bands and sensitivity are measured by differences."""


def views_left_out(pixels: Uint8, detector: Detector, part: Detector) -> tuple[LeftOut, ...]:
    """Name the views that a detector cannot give of an image.

    Parameters
    ----------
    pixels : ndarray of uint8, (H, W, 3)
        The explained view.
    detector : Detector
    part : Detector
        The part that adds most; of a detector that is not fused, the detector.

    Returns
    -------
    tuple of LeftOut
    """
    needed = {need: _unmet(need, pixels, detector, part) for need in get_args(Need)}
    unmet = {need: reason for need, reason in needed.items() if reason}
    return tuple(
        LeftOut(name, next(unmet[need] for need in needs if need in unmet))
        for name, needs in NEEDS.items()
        if any(need in unmet for need in needs)
    )


def _unmet(need: str, pixels: Uint8, detector: Detector, part: Detector) -> str:
    """Say why a need is not met; empty if it is."""
    if need == "gradient":
        return detector.gradient_free
    if need == "weights":
        seen = not isinstance(part, WrappedDetector) or part.has_weights
        return "" if seen else "the detector is a function, whose weights cannot be seen"
    if need == "sizes":
        return detector.misfit((pixels.shape[0] // 2, pixels.shape[1] // 2))
    if detector.gradient_free or takes_apart(part):
        return ""
    try:
        last_places(pixels, part)
    except NoPlacesError as error:
        return str(error)
    return ""
