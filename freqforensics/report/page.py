"""A finding as one page that needs nothing else, and as a folder of page, JSON and figures."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final
from urllib.parse import quote

import cv2
import jinja2
import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from freqforensics._version import __version__
from freqforensics.attribution.notches import line_name
from freqforensics.images import shown_path
from freqforensics.inspection.finding import Finding, finding_json
from freqforensics.report.testimony import file_facts
from freqforensics.report.values import page_values
from freqforensics.report.views import View, draw_views
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.results import result_folder

TONES: Final = {"evidence": "for", "inconclusive": "between", "none": "against", "cannot-judge": "unknown"}
"""Colours of the style sheet, by verdict."""
_THUMBNAIL: Final = 96


class Page:
    """A finding as Jupyter shows it: its page, in a frame of its own.

    Parameters
    ----------
    finding : Finding
        With its maps.
    """

    def __init__(self, finding: Finding) -> None:
        self.finding = finding

    def _repr_html_(self) -> str:
        return embedded(render_page(self.finding), "finding")


def embedded(page: str, title: str) -> str:
    """Put a page into a frame of its own, to stand in another one, as in Jupyter."""
    return f'<iframe srcdoc="{escape(page)}" style="width:100%;height:900px;border:0" title="{title}"></iframe>'


def render_page(finding: Finding, *, command: str | None = None) -> str:
    """Give the page as HTML: figures, style and script are inside, nothing is loaded.

    Parameters
    ----------
    finding : Finding
    command : str, optional
        The command line, to be shown.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        The finding's maps were not kept.
    """
    return _page(finding, draw_views(finding), command)


def write_report(finding: Finding, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
    """Write ``index.html``, ``finding.json``, ``figures/*.png`` and ``manifest.json`` to a folder.

    Parameters
    ----------
    finding : Finding
    out : str or Path
    command : str, optional
        The command line, for the manifest.
    overwrite : bool
        Replace the results in `out`.

    Raises
    ------
    ValueError
        As `result_folder`.
    """
    about = manifest(
        {"settings": finding.inspection.settings, "weights": finding.inspection.weights.name},
        inputs={"image": finding.image.sha256, "weights": finding.inspection.weights.sha256},
        also=(*DETECTOR_LIBRARIES, "captum"),
    )
    with result_folder(out, about=about, command=command, overwrite=overwrite) as folder:
        write_files(finding, folder.path, command=command)


def write_files(finding: Finding, folder: Path, *, command: str | None = None) -> None:
    """Write page, values and figures into a folder that is there, or is made."""
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    views = draw_views(finding)
    for view in views.values():
        (folder / "figures" / f"{view.name}.png").write_bytes(view.png)
    (folder / "index.html").write_text(_page(finding, views, command), encoding="utf-8")
    (folder / "finding.json").write_text(finding_json(finding) + "\n", encoding="utf-8")


def render_index(entries: Sequence[tuple[str | None, Finding]], failures: Sequence[tuple[str, str]] = ()) -> str:
    """Give a page that lists findings by score.

    Parameters
    ----------
    entries : sequence of (str or None, Finding)
        Each with the folder of its page, relative to this one; None if it has no page. Of its maps only "thumbnail" or
        "image" is needed.
    failures : sequence of (str, str)
        Path and reason of what could not be inspected.

    Returns
    -------
    str
    """
    ordered = sorted(entries, key=lambda entry: -math.inf if entry[1].logit is None else entry[1].logit, reverse=True)
    findings = [finding for _, finding in ordered]
    thresholds = [finding.score.thresholds for finding in findings if finding.judged]
    rows = [_row(folder, finding) for folder, finding in ordered]
    return (
        templates()
        .get_template("index.html")
        .render(
            version=__version__,
            css=page_style(),
            thresholds=findings[0].score.thresholds,
            bounds={(bounds.low, bounds.high) for bounds in thresholds},
            rates=any(row["rate"] for row in rows),
            rows=rows,
            failures=[(shown_path(path), reason) for path, reason in failures],
        )
    )


def thumbnail(finding: Finding) -> NDArray[np.uint8]:
    """Give a small picture of the image, its shorter side 96 pixels."""
    if "thumbnail" in finding.maps:
        return finding.maps["thumbnail"]
    image = finding.maps["image"]
    scale = _THUMBNAIL / min(image.shape[:2])
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _row(folder: str | None, finding: Finding) -> dict[str, str | None]:
    rate, nearest = finding.score.rate_of, finding.comparison.nearest
    _, data = cv2.imencode(".png", cv2.cvtColor(thumbnail(finding), cv2.COLOR_RGB2BGR))
    return {
        "link": None if folder is None else f"{quote(folder)}/index.html",
        "name": shown_path(finding.image.name),
        "logit": "" if finding.logit is None else f"{finding.logit:+.2f}",
        "rate": "" if rate is None else f"{rate.above:,} of {rate.photographs:,}",
        "verdict": finding.in_words,
        "tone": TONES[finding.verdict],
        "nearest": "" if nearest is None else nearest.name or "unknown",
        "why": "" if finding.judged else finding.score.domain,
        "data": base64.b64encode(data.tobytes()).decode(),
    }


def _page(finding: Finding, views: dict[str, View], command: str | None) -> str:
    jinja = templates()

    def panel(view: View) -> Markup:
        template = jinja.get_template(f"views/{view.template}.html")
        return Markup(template.render(view=view))  # its own values are escaped

    return jinja.get_template("finding.html").render(
        f=finding,
        v=page_values(finding),
        facts=() if finding.testimony is None else file_facts(finding.testimony),
        g=None if finding.logit is None else _gauge(finding, finding.logit),
        name=shown_path(finding.image.name) if finding.image.name else "this image",
        tone=TONES[finding.verdict],
        views=views,
        panel=panel,
        command=None if command is None else shown_path(command),
        css=page_style(),
        script=Markup(_template_text("page.js")),
    )


def _gauge(finding: Finding, logit: float) -> dict[str, float | str]:
    """Places of the thresholds and the image on a scale of logits, in units of the drawing."""
    # Parts of a fused detector share a scale on which few photographs lie above 1.
    end = max(8.0 if finding.score.parts is None else 2.0, abs(logit) * 1.15)

    def x(value: float) -> float:
        return 230 + 215 * max(-1.0, min(1.0, value / end))

    here = x(logit)
    return {
        "low": x(finding.score.thresholds.low),
        "high": x(finding.score.thresholds.high),
        "here": here,
        "anchor": "start" if here < 60 else "end" if here > 400 else "middle",
    }


@cache
def templates() -> jinja2.Environment:
    """Give what renders the pages, escaping all that is put into them."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("freqforensics.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["fmt"] = format
    environment.filters["signed"] = lambda value: f"{value:+.2f}"
    environment.filters["line_name"] = lambda line: line_name((line.fx, line.fy))
    environment.tests["finite"] = math.isfinite
    environment.tests["startswith"] = str.startswith
    return environment


@cache
def page_style() -> Markup:
    """Give the style sheet that all pages have."""
    return Markup(_template_text("page.css"))


def _template_text(name: str) -> str:
    return (files("freqforensics.report") / "templates" / name).read_text(encoding="utf-8")
