"""The region, the kind and the views of an image, which are found before any logit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freqforensics.images import JpegTables
from freqforensics.perturbations import Region
from freqforensics.regions.domain import Domain, find_region
from freqforensics.regions.kinds import ImageKind, kind_of_image
from freqforensics.regions.views import cut, view_boxes

Uint8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Look:
    """Region and views of an image, and the kind of photographs it is compared with.

    Parameters
    ----------
    domain : Domain
        The photographic region, or why there is none.
    kind : ImageKind or None
        Kind of the image; None if it cannot be judged.
    boxes : tuple of (int, int, int, int)
        The views: x, y, width, height in pixels of the image. Empty if it cannot be judged.
    """

    domain: Domain
    kind: ImageKind | None = None
    boxes: tuple[Region, ...] = ()

    def views(self, image: Uint8) -> list[Uint8]:
        """Cut the views out of the image, (H, W, 3); they are copies, so that the image need not be kept."""
        return [np.ascontiguousarray(cut(image, box)).copy() for box in self.boxes]


def look_at(image: Uint8, format: str, jpeg: JpegTables | None, *, region: Region | None = None) -> Look:  # noqa: A002 - the field's word
    """Find what is scored of an image.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        RGB image.
    format, jpeg
        Format of the file and tables of a JPEG, as for `kind_of_image`.
    region : (int, int, int, int), optional
        x, y, width, height of the part to judge, pixels; default what `find_region` finds.

    Returns
    -------
    Look

    Raises
    ------
    ValueError
        The image or the region is refused by `find_region`.
    """
    domain = find_region(image, region=region)
    if domain.region is None:
        return Look(domain)
    kind = kind_of_image(format, jpeg, shorter=min(domain.region[2:]))
    return Look(domain, kind, view_boxes(domain.region))
