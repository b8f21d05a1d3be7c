"""The numbers of Wang et al. 2020, to stand beside one's own; never to be tested against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

W20_GENERATORS: Final = (
    "progan",
    "stylegan",
    "biggan",
    "cyclegan",
    "stargan",
    "gaugan",
    "crn",
    "imle",
    "seeingdark",
    "san",
    "deepfake",
)
"""The eleven test sets of the mAP, by ForenSynths' folders; StyleGAN2 and whichfaceisreal are not among them."""

_ALSO: Final = {"sitd": "seeingdark"}

PUBLISHED_AP: Final[dict[str, dict[str, float]]] = {
    "blur+jpeg-0.5": dict(
        zip(W20_GENERATORS, (100.0, 98.5, 88.2, 96.8, 95.4, 98.1, 98.9, 99.5, 92.7, 63.9, 66.3), strict=True)
    ),
    "blur+jpeg-0.1": dict(
        zip(W20_GENERATORS, (100.0, 99.6, 84.5, 93.5, 98.2, 89.5, 98.2, 98.4, 97.2, 70.5, 89.0), strict=True)
    ),
}
"""AP in percent, 20 classes, central crops of 224; the rows that agree with the authors' own page."""


def mean_ap(ap: Mapping[str, float]) -> float | None:
    """Average AP over the eleven generators.

    Parameters
    ----------
    ap : mapping of str to float
        By generator; ``sitd`` counts as ``seeingdark``, others than the eleven are left out.

    Returns
    -------
    float or None
        None where one of the eleven is missing: a mean over fewer is another number.

    Examples
    --------
    A mean over some of the generators is not the published number.

    >>> print(mean_ap({"biggan": 0.9}))
    None
    """
    named = {_ALSO.get(name, name): value for name, value in ap.items()}
    if not set(W20_GENERATORS) <= set(named):
        return None
    return sum(named[name] for name in W20_GENERATORS) / len(W20_GENERATORS)
