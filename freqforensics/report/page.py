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
from markupsafe import Markup, escape

from freqforensics._version import __version__
from freqforensics.images import shown_path
from freqforensics.inspection.finding import Finding, finding_json
from freqforensics.report.views import View, draw_views
from freqforensics.report.words import (
    LIMITS,
    bound,
    caution,
    explained_words,
    in_short,
    page_sections,
    part_lines,
    scored_words,
    summary,
)
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.results import scratch_folder
from freqforensics.runtime.writing import write_json

TONES: Final = {"evidence": "for", "inconclusive": "between", "none": "against", "cannot-judge": "unknown"}
_SCRIPT: Final = """
(function () {
  var box = document.querySelector("dialog");
  if (!box || !box.showModal) { return; }
  var shown = box.querySelector("img");
  document.querySelectorAll("figure img").forEach(function (img) {
    img.tabIndex = 0;
    function open() { shown.src = img.src; shown.alt = img.alt; box.showModal(); }
    img.addEventListener("click", open);
    img.addEventListener("keydown", function (event) {
      if (event.key === "Enter") { event.preventDefault(); open(); }
    });
  });
  box.addEventListener("click", function () { box.close(); });
})();
"""


class Page:
    """A finding that Jupyter shows as its page, in a frame of its own."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding

    def _repr_html_(self) -> str:
        page = render_page(self.finding)
        return f'<iframe srcdoc="{escape(page)}" style="width:100%;height:900px;border:0" title="finding"></iframe>'


def render_page(finding: Finding, *, command: str | None = None) -> str:
    """Give the page as HTML: figures, style and script are inside, nothing is loaded.

    Parameters
    ----------
    finding : Finding
    command : str, optional
        To be shown.

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
    overwrite : bool
        As for `result_folder`.

    Raises
    ------
    ValueError
        As `result_folder`.
    """
    with scratch_folder(out, overwrite=overwrite) as folder:
        write_files(finding, folder, command=command)
        about = {"settings": finding.settings, "weights": finding.weights.name}
        inputs = {"image": finding.image.sha256, "weights": finding.weights.sha256}
        write_json(
            folder / "manifest.json",
            manifest(about, inputs=inputs, command=command, also=(*DETECTOR_LIBRARIES, "captum")),
        )


def write_files(finding: Finding, folder: Path, *, command: str | None = None) -> None:
    """Write page, values and figures into a folder that is there, or is made."""
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    views = draw_views(finding)
    for view in views.values():
        (folder / "figures" / f"{view.name}.png").write_bytes(view.png)
    (folder / "index.html").write_text(_page(finding, views, command), encoding="utf-8")
    (folder / "finding.json").write_text(finding_json(finding) + "\n", encoding="utf-8")


def render_index(entries: Sequence[tuple[str, Finding]], failures: Sequence[tuple[str, str]] = ()) -> str:
    """Give a page that lists findings by score.

    Parameters
    ----------
    entries : sequence of (str, Finding)
        Each with the folder of its page, relative to this one.
    failures : sequence of (str, str)
        Path and reason of what could not be inspected.

    Returns
    -------
    str
    """
    ordered = sorted(entries, key=lambda entry: -math.inf if entry[1].logit is None else entry[1].logit, reverse=True)
    bounds = {(finding.thresholds.low, finding.thresholds.high) for _, finding in ordered if finding.judged}
    thresholds = ordered[0][1].thresholds
    rows = [
        {
            "link": f"{quote(folder)}/index.html",
            "name": shown_path(finding.image.name),
            "logit": "" if finding.logit is None else f"{finding.logit:+.2f}",
            "rate": "" if finding.rate_of is None else f"{finding.rate_of.above:,} of {finding.rate_of.photographs:,}",
            "verdict": finding.in_words,
            "tone": TONES[finding.verdict],
            "nearest": "" if finding.nearest is None else finding.nearest.name or "unknown",
            "why": "" if finding.judged else finding.domain,
            "data": _thumbnail(finding),
        }
        for folder, finding in ordered
    ]
    return (
        templates()
        .get_template("index.html")
        .render(
            title=f"{len(rows)} images inspected",
            version=__version__,
            css=page_style(),
            inconclusive=f"Inconclusive from {bound(thresholds.low)} to {bound(thresholds.high)}; source:"
            f" {thresholds.source}."
            if len(bounds) == 1
            else "What is inconclusive depends on the kind of image: see its page."
            if bounds
            else "",
            rates=any(row["rate"] for row in rows),
            rows=rows,
            failures=[(shown_path(path), reason) for path, reason in failures],
        )
    )


def _page(finding: Finding, views: dict[str, View], command: str | None) -> str:
    jinja = templates()
    panel = jinja.get_template("panel.html")

    def show(view: View) -> Markup:
        return Markup(panel.render(view=view))  # its own values are escaped

    return jinja.get_template("finding.html").render(
        f=finding,
        name=shown_path(finding.image.name) if finding.image.name else "this image",
        tone=TONES[finding.verdict],
        tone_line=caution(finding),
        summary=summary(finding),
        short=in_short(finding) if finding.judged else [],
        parts=part_lines(finding),
        gauge=_gauge(finding, finding.logit) if finding.logit is not None else "",
        sections=page_sections(finding, views) if finding.judged else [],
        views=views,
        panel=show,
        limits=LIMITS,
        scored=scored_words(finding),
        explained=explained_words(finding),
        low=bound(finding.thresholds.low),
        high=bound(finding.thresholds.high),
        command=None if command is None else shown_path(command),
        css=page_style(),
        script=Markup(_SCRIPT),
    )


def _gauge(finding: Finding, logit: float) -> Markup:
    """A scale of logits with the thresholds and the image's place, as SVG."""
    # Parts of a fused detector share a scale on which few photographs lie above 1.
    ends = max(8.0 if finding.parts is None else 2.0, abs(logit) * 1.15)

    def x(value: float) -> float:
        return 230 + 215 * max(-1.0, min(1.0, value / ends))

    low, high, here = x(finding.thresholds.low), x(finding.thresholds.high), x(logit)
    colours = {"for": "var(--for)", "between": "var(--between)", "against": "var(--against)"}
    anchor = "start" if here < 60 else "end" if here > 400 else "middle"
    return Markup(
        '<svg class="gauge" viewBox="0 0 460 74" role="img" aria-label="{label}">'
        '<rect x="15" y="34" width="{a}" height="8" fill="var(--against)" opacity=".35"/>'
        '<rect x="{low}" y="34" width="{b}" height="8" fill="var(--between)" opacity=".35"/>'
        '<rect x="{high}" y="34" width="{c}" height="8" fill="var(--for)" opacity=".35"/>'
        '<path d="M{here} 46 l-7 -16 h14 z" fill="{tone}"/>'
        '<text x="{here}" y="22" text-anchor="{anchor}" font-size="17" fill="var(--ink)">{logit}</text>'
        '<text x="15" y="64" font-size="14" fill="var(--soft)">no evidence</text>'
        '<text x="{middle}" y="64" text-anchor="middle" font-size="14" fill="var(--soft)">inconclusive</text>'
        '<text x="445" y="64" text-anchor="end" font-size="14" fill="var(--soft)">evidence</text>'
        "</svg>"
    ).format(
        label=f"logit {logit:+.2f} on a scale: {finding.in_words}",
        a=round(low - 15, 1), b=round(high - low, 1), c=round(445 - high, 1), low=round(low, 1), high=round(high, 1),
        here=round(here, 1), tone=colours[TONES[finding.verdict]], anchor=anchor, logit=f"{logit:+.2f}",
        middle=round((low + high) / 2, 1),
    )  # fmt: skip


def _thumbnail(finding: Finding) -> str:
    image = finding.maps["image"]
    scale = 96 / min(image.shape[:2])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".png", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    return base64.b64encode(data.tobytes()).decode()


@cache
def templates() -> jinja2.Environment:
    """Give what renders the pages, escaping all that is put into them."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("freqforensics.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def page_style() -> Markup:
    """Give the style sheet that all pages have."""
    return Markup((files("freqforensics.report") / "templates" / "page.css").read_text(encoding="utf-8"))
