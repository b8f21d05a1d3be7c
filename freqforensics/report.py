"""A finding as one page that needs nothing else, and as a folder of page, JSON and figures."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import cv2
import jinja2
from markupsafe import Markup, escape

from freqforensics import __version__
from freqforensics.figures.inspection import VIEWS, plot_curve
from freqforensics.figures.style import new_figure, style
from freqforensics.finding import Finding, finding_json
from freqforensics.provenance import DETECTOR_LIBRARIES, manifest, result_folder, write_json

TONES: Final = {"evidence of CNN generation": "for", "inconclusive": "between", "no evidence found": "against"}
_SIZES: Final = {"counterfactuals": (7.2, 3.1), "bands": (3.9, 2.7), "deletion": (3.9, 2.7), "image": (3.6, 3.6)}
_DPI: Final = 150

# What a view shows (for who cannot see it), what it means, and what it does not mean.
_TEXTS: Final[dict[str, tuple[str, str, str]]] = {
    "image": (
        "The image.",
        "this is what was read from the file.",
        "that a viewer shows it with the same colours or orientation.",
    ),
    "location": (
        "The image in grey, with blocks coloured by what they add to the logit.",
        "red blocks add to the score, blue ones take from it; all pixels sum to the gap.",
        "that something was edited there: a lattice is everywhere, and shows where the image is smooth.",
    ),
    "frequencies": (
        "A frequency plane, with each multiple of 1/32 coloured by what it adds to the logit.",
        "red frequencies add to the score, blue ones take from it; they sum to the gap.",
        "that the image is strong there: it is how the network weighs it.",
    ),
    "bands": (
        "Bars of what eight radial bands add to the logit.",
        "the same, summed over rings. Shapley values come from taking bands out, in all combinations.",
        "that a band alone would give that logit: bands act together.",
    ),
    "counterfactuals": (
        "The logit after each notch, beside those of random changes of the same energy.",
        "a red point far left of its grey bar: these frequencies, and not their energy, carry the score.",
        "that the image without them is what a camera would have made.",
    ),
    "deletion": (
        "Curves of the logit as frequencies are taken out in three orders.",
        "the red curve below the grey one: the map names frequencies that the score rests on.",
        "that no other set would do as much.",
    ),
    "randomisation": (
        "Spearman's coefficient of the maps with those of networks with random weights.",
        "near 0 at the right: the maps show what was learnt, not the network's build or the image's edges.",
        "that what was learnt is right.",
    ),
    "tiles": (
        "A grid of the logits of single tiles.",
        "a generated image's lattice is mostly in all tiles, a pasted one in some.",
        "proof of a splice: small tiles say little, smooth and dark ones less.",
    ),
    "standing": (
        "The residual's power by radial frequency, among photographs' percentiles.",
        "far outside the blue: sharper, smoother or noisier than nearly all photographs of the population.",
        "anything about generators: sharpening, denoising and scaling do that, too.",
    ),
    "nearest": (
        "Bars of the correlation of the image's lattice with those of known generators.",
        "named only if photographs of the population are hardly ever as alike.",
        "that this generator made it: others with the same upsamplers leave the same lattice.",
    ),
    "input": (
        "A frequency plane of the coherence of the luma residual's tiles.",
        "bright points are waves that have the same phase in all tiles: lattices.",
        "the spectrum: a strong texture that is not periodic stays dark.",
    ),
    "sensitivity": (
        "A frequency plane of how much a small wave could change the logit.",
        "where the network looks, for this image and for small changes.",
        "what the image has there.",
    ),
    "wavelets": (
        "What wavelets of three scales and directions add to the logit, by place.",
        "the same gap, by scale and place at once.",
        "that single coefficients are meaningful: look at sums.",
    ),
    "cosines": (
        "An 8 by 8 table of what each mode of the cosine transform adds.",
        "the same gap in the modes in which JPEG is coded; 0, 0 is the mean.",
        "that the image was compressed.",
    ),
    "cam": (
        "Grad-CAM of the last stage.",
        "the last stage's cells, which sum to the logit less the bias. For coherence the places are frequencies.",
        "a sharp place: each cell has seen most of the input.",
    ),
    "occlusion": (
        "The fall of the logit when windows are replaced by their median.",
        "a test by doing, which needs no gradient.",
        "a sum: windows act together.",
    ),
    "curve": (
        "The logit along one change of the image.",
        "how much of it the score survives; dashed: where it crosses the threshold.",
        "what had been done to the image before.",
    ),
}

_LIMITS: Final = (
    "Absence of evidence is not evidence of absence: a generator that leaves no lattice, or an image that was resized,"
    " blurred or strongly compressed, looks like a photograph to this detector.",
    "Evidence of CNN generation is not proof. Photographs whose pixels or colours were interpolated, by a camera, an"
    " editor or a scaler, can carry the same traces: see the other causes.",
    "All explanations are of the detector's decision, not of how the image was made.",
    "The thresholds hold for images like those they were measured on.",
)

_SCRIPT: Final = """
(function () {
  var box = document.querySelector("dialog");
  if (!box || !box.showModal) { return; }
  var shown = box.querySelector("img");
  document.querySelectorAll("figure img").forEach(function (img) {
    img.tabIndex = 0;
    function open() { shown.src = img.src; shown.alt = img.alt; box.showModal(); }
    img.addEventListener("click", open);
    img.addEventListener("keydown", function (event) { if (event.key === "Enter") { open(); } });
  });
  box.addEventListener("click", function () { box.close(); });
})();
"""


@dataclass(frozen=True)
class _View:
    """One figure of a page."""

    name: str
    png: bytes
    width: int
    height: int
    failed: str

    @property
    def data(self) -> str:
        return base64.b64encode(self.png).decode()

    @property
    def alt(self) -> str:
        return self._texts[0]

    @property
    def means(self) -> str:
        return self._texts[1]

    @property
    def not_means(self) -> str:
        return self._texts[2]

    @property
    def _texts(self) -> tuple[str, str, str]:
        return _TEXTS["curve" if self.name.startswith("curve-") else self.name]


@dataclass(frozen=True)
class _Section:
    title: str
    lead: str
    views: Sequence[_View]
    heads: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    wide: bool = False
    more_title: str = ""
    more_views: Sequence[_View] = ()
    more_heads: Sequence[str] = ()
    more_rows: Sequence[Sequence[str]] = ()

    @property
    def more(self) -> bool:
        return bool(self.more_views or self.more_rows)


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
    """
    return _page(finding, {view.name: view for view in _views(finding)}, command)


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
    with result_folder(out, overwrite=overwrite) as folder:
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
    views = {view.name: view for view in _views(finding)}
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
    ordered = sorted(entries, key=lambda entry: -entry[1].logit)
    thresholds = ordered[0][1].thresholds
    rows = [
        {
            "link": f"{quote(folder)}/index.html",
            "name": finding.image.name,
            "logit": f"{finding.logit:+.2f}",
            "verdict": finding.verdict,
            "tone": TONES[finding.verdict],
            "nearest": "" if finding.nearest is None else finding.nearest.name or "unknown",
            "data": _thumbnail(finding),
        }
        for folder, finding in ordered
    ]
    return (
        _templates()
        .get_template("index.html")
        .render(
            title=f"{len(rows)} images inspected",
            version=__version__,
            css=_css(),
            low=thresholds.low,
            high=thresholds.high,
            source=thresholds.source,
            rows=rows,
            failures=failures,
        )
    )


def _page(finding: Finding, views: dict[str, _View], command: str | None) -> str:
    templates = _templates()
    panel = templates.get_template("panel.html")

    def show(view: _View) -> Markup:
        return Markup(panel.render(view=view))  # its own values are escaped

    top, left, bottom, right = finding.image.part
    whole = (bottom - top, right - left) == (finding.image.height, finding.image.width)
    return templates.get_template("finding.html").render(
        f=finding,
        title=f"Why was {finding.image.name or 'this image'} scored as it was?",
        tone=TONES[finding.verdict],
        tone_line=_tone_line(finding),
        summary=_summary(finding),
        short=_short(finding),
        gauge=_gauge(finding),
        sections=_sections(finding, views),
        views=views,
        panel=show,
        limits=_LIMITS,
        part=""
        if whole
        else f"the middle, rows {top} to {bottom}, columns {left} to {right}: the rest was only scored",
        command=command,
        css=_css(),
        script=Markup(_SCRIPT),
    )


def _sections(finding: Finding, views: dict[str, _View]) -> list[_Section]:
    found = finding.attribution
    shown = {name: [views[name]] if name in views else [] for name in VIEWS}
    notches = [one for one in finding.counterfactuals if one.kind == "notch"]
    bands = [one for one in finding.counterfactuals if one.kind == "band"]
    against = {
        "incoherent": "the same image with random phases in each tile",
        "median": "its own 5×5 median",
        "natural": "its own phases with photographs' amplitudes",
        "grey": "a grey image",
        "black": "a black image",
    }.get(found.baseline, found.baseline)
    return [
        _Section(
            "Which frequencies?",
            f"Compared with {against} (logit {found.baseline_logit:+.2f}) the image has {found.gap:+.2f} logits more."
            f" Every view of this kind shares out that gap; {found.steps} steps, what is missing is"
            f" {found.delta:+.3f}.",
            [*shown["frequencies"], *shown["bands"], *shown["input"]],
            heads=("", "frequency (cycles per pixel)", "adds (logits)", "there, too"),
            rows=[
                (str(rank), f"({line.fx:g}, {line.fy:g})", f"{line.value:+.2f}", ", ".join(line.also) or "–")
                for rank, line in enumerate(found.lines[:6], 1)
            ],
        ),
        _Section(
            "Where in the image?",
            "The same gap, by place; and each tile scored by itself.",
            [*shown["location"], *shown["tiles"], *shown["occlusion"]],
        ),
        _Section(
            "What if they were not there?",
            _changed(finding),
            shown["counterfactuals"],
            wide=True,
            more_title="All changes, in numbers",
            more_heads=("change", "before", "after", "after, rounded", "energy (grey levels²)", "random", "z", "p"),
            more_rows=[
                (
                    one.what,
                    f"{one.before:+.2f}",
                    f"{one.after:+.2f}",
                    f"{one.after_rounded:+.2f}",
                    f"{one.energy:.3g}",
                    "–" if one.null_mean is None else f"{one.null_mean:+.2f} ± {one.null_sd:.2f}",
                    "–" if one.z is None else f"{one.z:+.1f}",
                    "–" if one.p_value is None else f"{one.p_value:.3f}",
                )
                for one in (*notches, *bands)
            ],
        ),
        _Section(
            "May these explanations be believed?",
            " ".join(
                f"The map of {name} "
                + ("passes its tests." if badge.passed else "does not: " + "; ".join(badge.reasons) + ".")
                for name, badge in finding.badges.items()
            ),
            [*shown["deletion"], *shown["randomisation"]],
        ),
        _Section(
            "How much does the score survive?",
            "The image is changed and scored again; the grey field is inconclusive.",
            [view for name, view in views.items() if name.startswith("curve-")],
        ),
        _Section(
            "Beside photographs and generators",
            _beside(finding),
            [*shown["standing"], *shown["nearest"]],
        ),
        _Section(
            "What else could cause it?",
            "Other things leave periodic traces. What could be tested was.",
            [],
            heads=("cause", "found", ""),
            rows=[
                (cause.name, "not tested" if cause.found is None else ("yes" if cause.found else "no"), cause.says)
                for cause in finding.causes
            ],
        ),
        _Section(
            "More views",
            "For those who want to look further.",
            [],
            more_title="Sensitivity, wavelets, cosine modes, Grad-CAM",
            more_views=[*shown["sensitivity"], *shown["wavelets"], *shown["cosines"], *shown["cam"]],
        ),
    ]


def _tone_line(finding: Finding) -> str:
    if finding.verdict == "no evidence found":
        return "Absence of evidence is not evidence of absence: this does not say that the image is a photograph."
    if finding.verdict == "inconclusive":
        return "The score lies where photographs and generated images both do. Nothing follows from it."
    return "Evidence, not proof: read the other causes below before you rely on it."


def _summary(finding: Finding) -> str:
    low, high = finding.thresholds.low, finding.thresholds.high
    place = {
        "evidence of CNN generation": f"above {high:+.2f}",
        "inconclusive": f"between {low:+.2f} and {high:+.2f}",
        "no evidence found": f"below {low:+.2f}",
    }[finding.verdict]
    return f"The detector gives the image a logit of {finding.logit:+.2f}, {place}."


def _short(finding: Finding) -> list[str]:
    found = finding.attribution
    lines = []
    badge = finding.badges.get("frequencies")
    if found.lines and badge is not None and badge.passed:
        first = found.lines[0]
        best = max(found.bands, key=lambda band: abs(band.value))
        high = f"{best.high:g}" if best.high < 1 else "0.71"
        lines.append(
            f"Of the {found.gap:+.2f} logits that its phases add, {first.value:+.2f} come from the frequency"
            f" ({first.fx:g}, {first.fy:g}), and {best.value:+.2f} from {best.low:g} to {high} cycles per pixel."
            if found.baseline == "incoherent"
            else f"Of the gap of {found.gap:+.2f} logits, {first.value:+.2f} come from the frequency"
            f" ({first.fx:g}, {first.fy:g}), and {best.value:+.2f} from {best.low:g} to {high} cycles per pixel."
        )
    elif badge is not None and not badge.passed:
        lines.append("The explanation by frequencies does not pass its tests: " + "; ".join(badge.reasons) + ".")
    lines.append(_changed(finding))
    flips = [curve for curve in finding.curves if curve.flip is not None and curve.name in ("jpeg", "blur", "resize")]
    if finding.flip_sought:
        named = ", ".join(f"{curve.axis} {curve.flip:.3g}" for curve in flips)
        lines.append(f"The verdict changes at: {named}." if flips else "The verdict survives JPEG, blur and resizing.")
    if finding.nearest is not None:
        lines.append(
            "Its lattice is like that of no generator known here."
            if finding.nearest.name is None
            else f"Its lattice is most like that of {finding.nearest.name} (p = {finding.nearest.p_value:.2g})."
        )
    other = [cause.name for cause in finding.causes if cause.found and cause.name != "lattice of tiles"]
    if other:
        lines.append(f"Found besides: {', '.join(other)}.")
    return lines


def _changed(finding: Finding) -> str:
    """What notching did to the score, in words."""
    notches = [one for one in finding.counterfactuals if one.kind == "notch" and one.p_value is not None]
    if not notches:
        return "Nothing was taken out."
    sign = 1 if finding.attribution.gap >= 0 else -1
    best = min(notches, key=lambda one: sign * one.change)
    outside = best.z is None or sign * best.z < -2
    if (sign > 0 and best.p_value is not None and best.p_value > 0.05) or not outside or sign * best.change >= 0:
        first = (
            "Taking lines out of the spectrum moves the score no more than random changes of the same energy: the"
            " peaks do not matter to this decision."
        )
    else:
        z = (
            ""
            if best.z is None
            else f", {abs(best.z):.0f} standard deviations beyond random changes of the same energy"
        )
        first = f"Without {best.what} the logit is {best.after:+.2f} instead of {best.before:+.2f}{z}."
    if not finding.flip_sought:
        return first
    if finding.flip is None:
        return f"{first} No set of up to 256 frequencies that was tried takes it out of the evidence: none found."
    count = len(finding.flip.lines)
    return (
        f"{first} Notching {'one frequency' if count == 1 else f'{count} frequencies'} takes it to"
        f" {finding.flip.after:+.2f}, out of the evidence."
    )


def _beside(finding: Finding) -> str:
    if finding.standing is None:
        return "There was no population to compare with."
    outside = finding.standing.outside
    first = (
        "The residual's spectrum lies among photographs'."
        if outside < 0.1
        else f"At {outside:.0%} of the frequencies the residual is stronger or weaker than in 98 % of photographs."
    )
    if finding.nearest is None:
        return first
    if finding.nearest.name is None:
        return f"{first} Its lattice is no more like a known generator's than photographs' are: unknown."
    return f"{first} Its lattice is most like that of {finding.nearest.name}."


def _views(finding: Finding) -> list[_View]:
    views = []
    for name, plot in VIEWS.items():
        if name in ("input", "occlusion") and name not in finding.maps:
            continue
        views.append(_drawn(finding, name, plot))
    views.extend(
        _drawn(finding, f"curve-{curve.name}", lambda f, ax, curve=curve: plot_curve(f, curve, ax=ax), (3.4, 2.5))
        for curve in finding.curves
    )
    return views


def _drawn(finding: Finding, name: str, plot: Callable[..., Any], size: tuple[float, float] | None = None) -> _View:
    width, height = size or _SIZES.get(name, (3.9, 3.3))
    with style():
        figure = new_figure()
        figure.set_size_inches(width, height)
        figure.set_layout_engine("constrained")
        plot(finding, ax=figure.add_subplot())
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": "freqforensics"})
    explained = {"location": "pixels", "frequencies": "frequencies", "bands": "frequencies"}.get(name)
    badge = None if explained is None else finding.badges.get(explained)
    failed = "" if badge is None or badge.passed else "; ".join(badge.reasons)
    return _View(name, stream.getvalue(), round(width * _DPI), round(height * _DPI), failed)


def _gauge(finding: Finding) -> Markup:
    """A scale of logits with the thresholds and the image's place, as SVG."""
    ends = max(8.0, abs(finding.logit) * 1.15)

    def x(logit: float) -> float:
        return 320 + 300 * max(-1.0, min(1.0, logit / ends))

    low, high, here = x(finding.thresholds.low), x(finding.thresholds.high), x(finding.logit)
    colours = {"for": "var(--for)", "between": "var(--between)", "against": "var(--against)"}
    tone = colours[TONES[finding.verdict]]
    anchor = "start" if here < 80 else "end" if here > 560 else "middle"
    return Markup(
        '<svg class="gauge" viewBox="0 0 640 74" role="img" aria-label="{label}">'
        '<rect x="20" y="34" width="{a}" height="8" fill="var(--against)" opacity=".35"/>'
        '<rect x="{low}" y="34" width="{b}" height="8" fill="var(--between)" opacity=".35"/>'
        '<rect x="{high}" y="34" width="{c}" height="8" fill="var(--for)" opacity=".35"/>'
        '<path d="M{here} 46 l-7 -16 h14 z" fill="{tone}"/>'
        '<text x="{here}" y="22" text-anchor="{anchor}" font-size="15" fill="var(--ink)">{logit}</text>'
        '<text x="20" y="64" font-size="12" fill="var(--soft)">no evidence found</text>'
        '<text x="{middle}" y="64" text-anchor="middle" font-size="12" fill="var(--soft)">inconclusive</text>'
        '<text x="620" y="64" text-anchor="end" font-size="12" fill="var(--soft)">evidence of CNN generation</text>'
        "</svg>"
    ).format(
        label=f"logit {finding.logit:+.2f} on a scale: {finding.verdict}",
        a=round(low - 20, 1), b=round(high - low, 1), c=round(620 - high, 1), low=round(low, 1), high=round(high, 1),
        here=round(here, 1), tone=tone, anchor=anchor, logit=f"{finding.logit:+.2f}", middle=round((low + high) / 2, 1),
    )  # fmt: skip


def _thumbnail(finding: Finding) -> str:
    image = finding.maps["part"]
    scale = 96 / min(image.shape[:2])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".png", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    return base64.b64encode(data.tobytes()).decode()


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("freqforensics", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _css() -> Markup:
    return Markup((files("freqforensics") / "templates" / "page.css").read_text(encoding="utf-8"))
