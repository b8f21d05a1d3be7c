"""Which views a finding has, and when each can be drawn; without matplotlib."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from freqforensics.inspection.finding import Finding

VIEWS_IN_ORDER: Final = (
    *("image", "location", "frequencies", "bands", "counterfactuals", "deletion", "randomisation", "tiles"),
    *("standing", "nearest", "input", "sensitivity", "wavelets", "cosines", "cam", "occlusion"),
)
CURVE: Final = "curve-"
_MAP_OF: Final = {
    "input": "input",
    "location": "pixels",
    "occlusion": "occlusion",
    "sensitivity": "sensitivity",
    "cosines": "cosines",
    "cam": "cam",
    "wavelets": "wavelet smooth",
}
"""By view: the map without which it is not drawn."""
_EXPLAINED_BY: Final = {
    "location": "pixels",
    "frequencies": "frequencies",
    "bands": "frequencies",
    "wavelets": "path",
    "cosines": "path",
}
"""By view: the map whose badge it has."""


class Picture(NamedTuple):
    """A figure as it is drawn.

    Parameters
    ----------
    png : bytes
    width, height : int
        Pixels.
    """

    png: bytes
    width: int
    height: int


@dataclass(frozen=True)
class View:
    """One figure of a page.

    Parameters
    ----------
    name : str
        Name of its file, without the suffix.
    png : bytes
    width, height : int
        Pixels.
    failed : str
        Why the figure is not to be relied on; empty if it is.
    """

    name: str
    png: bytes
    width: int
    height: int
    failed: str


def view_names(finding: Finding) -> tuple[str, ...]:
    """Name the views of a complete finding, in the order of the page."""
    if not finding.judged:
        return ("image",)
    without = {name for name, needed in _MAP_OF.items() if needed not in finding.maps}
    if any(left.view == "tiles" for left in finding.left_out):
        without.add("tiles")
    if not finding.tests.randomisation:
        without.add("randomisation")
    curves = (CURVE + curve.name for curve in finding.changes.curves)
    return (*(name for name in VIEWS_IN_ORDER if name not in without), *curves)


def ready_views(finding: Finding) -> tuple[str, ...]:
    """Name the views that can be drawn of a finding as far as it is known: what they show will not change."""
    changed, tested = bool(finding.changes.curves or finding.changes.tiles), bool(finding.tests.badges)
    ready = {
        "frequencies": finding.explanation is not None and "frequencies" in finding.maps,
        "bands": finding.explanation is not None,
        "location": "view" in finding.maps,
        "counterfactuals": bool(finding.changes.counterfactuals),
        "tiles": changed,
        "deletion": tested,
        "randomisation": tested,
        "standing": bool(finding.comparison.causes),
        "nearest": bool(finding.comparison.causes),
    }
    return tuple(name for name in view_names(finding) if ready.get(name, True))


def as_view(finding: Finding, name: str, picture: Picture) -> View:
    """Make a picture a view of the page, with what speaks against relying on it."""
    badge = finding.tests.badges.get(_EXPLAINED_BY.get(name, ""))
    return View(name, *picture, failed="" if badge is None or badge.passed else "; ".join(badge.reasons))
