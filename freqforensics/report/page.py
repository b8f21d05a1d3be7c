"""A finding as one page that needs nothing else, and as a folder of page, JSON and figures."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import cv2
import numpy as np
from numpy.typing import NDArray

from freqforensics._version import __version__
from freqforensics.images import shown_path
from freqforensics.inspection.finding import Finding, finding_json
from freqforensics.report.builder import embedded, page_style, templates
from freqforensics.report.handover import Handover
from freqforensics.report.inspection_page import inspection_report
from freqforensics.report.values import TONES
from freqforensics.report.view_names import View
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.results import result_folder

_THUMBNAIL: Final = 160


class Page:
    """A finding as Jupyter shows it: its page in a frame.

    Parameters
    ----------
    finding : Finding
        Finding with its maps.
    """

    def __init__(self, finding: Finding) -> None:
        self.finding = finding

    def _repr_html_(self) -> str:
        return embedded(render_page(self.finding), "finding")


def render_page(finding: Finding, *, command: str | None = None, handover: Handover | None = None) -> str:
    """Give the page as HTML: figures, style and script are inside, nothing is loaded.

    Parameters
    ----------
    finding : Finding
        Finding that the page shows.
    command : str, optional
        The command line, to be shown.
    handover : Handover, optional
        Examiner, case and date, to be shown; in place of `command`.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    ValueError
        The finding's maps were not kept.
    """
    return _page(finding, _drawn(finding), handover or Handover(command=command))


def write_report(
    finding: Finding,
    out: str | Path,
    *,
    command: str | None = None,
    handover: Handover | None = None,
    overwrite: bool = False,
    views: Mapping[str, View] | None = None,
) -> None:
    """Write ``index.html``, ``finding.json``, ``figures/*.png`` and ``manifest.json`` to a folder.

    Parameters
    ----------
    finding : Finding
        Finding that the page shows.
    out : str or Path
        Folder to write.
    command : str, optional
        The command line, for the manifest.
    handover : Handover, optional
        Examiner, case and date, for the page.
    overwrite : bool
        Replace the results in `out`.
    views : mapping of str to View, optional
        The finding's figures, if they are drawn.

    Raises
    ------
    ValueError
        As `result_folder`.
    """
    about = manifest(
        {"settings": finding.inspection.settings, "weights": finding.inspection.weights.name},
        inputs={"image": finding.image.sha256, "weights": finding.inspection.weights.sha256},
        also=DETECTOR_LIBRARIES,
    )
    with result_folder(out, about=about, command=command, overwrite=overwrite) as folder:
        write_files(finding, folder.path, handover=handover or Handover(command=command), views=views)


def write_files(
    finding: Finding,
    folder: Path,
    *,
    handover: Handover | None = None,
    views: Mapping[str, View] | None = None,
) -> None:
    """Write page, values and figures into a folder, which is created if it does not exist.

    Parameters
    ----------
    finding : Finding
        Finding with its maps.
    folder : Path
        Folder for the files.
    handover : Handover, optional
        Examiner, case and other facts for the record.
    views : mapping of str to View, optional
        Figures that are drawn already. Default: they are drawn here.
    """
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    views = views if views is not None else _drawn(finding)
    for view in views.values():
        (folder / "figures" / f"{view.name}.png").write_bytes(view.png)
    (folder / "index.html").write_text(_page(finding, views, handover or Handover()), encoding="utf-8")
    (folder / "finding.json").write_text(finding_json(finding) + "\n", encoding="utf-8")


def render_index(
    entries: Sequence[tuple[str | None, Finding]],
    failures: Sequence[tuple[str, str]] = (),
    *,
    handover: Handover | None = None,
) -> str:
    """Give one page of several findings, sorted by score.

    Parameters
    ----------
    entries : sequence of (str or None, Finding)
        Each with the folder of its page, relative to this one; None if it has no page. Of its maps only "thumbnail" or
        "image" is needed.
    failures : sequence of (str, str)
        Path and reason of what could not be inspected.
    handover : Handover, optional
        Examiner, case, date and command, to be shown.

    Returns
    -------
    str
        HTML.
    """
    ordered = sorted(entries, key=lambda entry: -math.inf if entry[1].logit is None else entry[1].logit, reverse=True)
    findings = [finding for _, finding in ordered]
    first = findings[0]
    return (
        templates()
        .get_template("index.html")
        .render(
            version=__version__,
            css=page_style(),
            rows=[_row(folder, finding) for folder, finding in ordered],
            counts=[(verdict, sum(f.verdict == verdict for f in findings)) for verdict in TONES],
            weights=first.inspection.weights,
            failures=[(shown_path(path), reason) for path, reason in failures],
            handover=handover or Handover(),
            command=None if handover is None or handover.command is None else shown_path(handover.command),
        )
    )


def thumbnail(finding: Finding) -> NDArray[np.uint8]:
    """Give a small picture of the whole image, its longer side 160 pixels at most."""
    if "thumbnail" in finding.maps:
        return finding.maps["thumbnail"]
    image = finding.maps["image"]
    scale = min(1.0, _THUMBNAIL / max(image.shape[:2]))
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _row(folder: str | None, finding: Finding) -> dict[str, Any]:
    _, data = cv2.imencode(".png", cv2.cvtColor(thumbnail(finding), cv2.COLOR_RGB2BGR))
    return {
        "f": finding,
        "link": None if folder is None else f"{quote(folder)}/index.html",
        "name": shown_path(finding.image.name),
        "tone": TONES[finding.verdict],
        "data": base64.b64encode(data.tobytes()).decode(),
    }


def _drawn(finding: Finding) -> dict[str, View]:
    from freqforensics.report.views import draw_views  # loads matplotlib

    return draw_views(finding)


def _page(finding: Finding, views: Mapping[str, View], handover: Handover) -> str:
    return inspection_report(finding, views, handover=handover).render()
