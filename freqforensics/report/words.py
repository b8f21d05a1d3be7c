"""What a page says: each view's meaning and its limits, and the finding in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from freqforensics.attribution.notches import line_name
from freqforensics.figures.inspect import VIEWS
from freqforensics.inspection.finding import Attributed, Finding, PhotographRate
from freqforensics.report.views import View

LIMITS: Final = (
    "Absence of evidence is not evidence of absence: a generator that leaves no lattice, or an image that was resized,"
    " blurred or strongly compressed, looks like a photograph to this detector.",
    "Evidence of CNN generation is not proof. Photographs whose pixels or colours were interpolated, by a camera, an"
    " editor or a scaler, can carry the same traces: see the other causes.",
    "All explanations are of the detector's decision, not of how the image was made.",
    "The thresholds and the share of photographs hold for images like those they were measured on.",
)
PARTS: Final = {
    "local": "traces of decoders in small neighbourhoods",
    "coherence": "periodic traces of upsampling",
}
"""What the parts of the detector that ships look for."""

UNIFORM: Final = "There is nothing to look at: what was examined of the image is uniform."


@dataclass(frozen=True)
class Section:
    """A part of a page: title, sentences, table, figures; and what is folded away."""

    title: str
    lead: str
    views: Sequence[View]
    heads: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    layout: str = ""
    more_title: str = ""
    more_views: Sequence[View] = ()
    more_heads: Sequence[str] = ()
    more_rows: Sequence[Sequence[str]] = ()

    @property
    def more(self) -> bool:
        """Whether something is folded away."""
        return bool(self.more_views or self.more_rows)


def page_sections(finding: Finding, views: dict[str, View]) -> list[Section]:
    """Give the parts of a finding's page, in order."""
    found = finding.explained
    shown = {name: [views[name]] if name in views else [] for name in VIEWS}
    notches = [one for one in finding.counterfactuals if one.kind == "notch"]
    bands = [one for one in finding.counterfactuals if one.kind == "band"]
    against = {
        "incoherent": "the same view with random phases in each tile",
        "smooth": "a view without a residual",
        "median": "its own 5×5 median",
        "natural": "its own phases with photographs' amplitudes",
        "grey": "a grey image",
        "black": "a black image",
    }.get(found.baseline, found.baseline)
    return [
        Section(
            "Which frequencies?",
            f"Compared with {against} (logit {found.baseline_logit:+.2f}) {_logit(finding)} differs by"
            f" {found.gap:+.2f}. Every view of this kind shares out that gap; {found.steps} steps, what is missing is"
            f" {found.delta:+.3f}.",
            [*shown["frequencies"], *shown["bands"], *shown["input"]],
            heads=("", "frequency (cycles per pixel)", "adds (logits)", "there, too"),
            rows=[
                (str(rank), line_name((line.fx, line.fy)), f"{line.value:+.2f}", ", ".join(line.also) or "–")
                for rank, line in enumerate(found.lines[:6], 1)
            ],
        ),
        Section(
            "Where in the image?",
            "The same gap, by place in the explained view; and each tile of the view scored by itself.",
            [*shown["location"], *shown["tiles"], *shown["occlusion"]],
        ),
        Section(
            "What if they were not there?",
            _changed(finding),
            shown["counterfactuals"],
            layout="wide",
            more_title="All changes, in numbers",
            more_heads=(
                "change",
                "before",
                "after",
                "after, rounded",
                "energy (grey levels²)",
                "other lines",
                "z",
                "p, two-sided",
            ),
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
        Section(
            "May these explanations be believed?",
            " ".join(
                f"The map of {name} "
                + ("passes its tests." if badge.passed else "does not pass: " + "; ".join(badge.reasons) + ".")
                for name, badge in finding.badges.items()
            )
            + _properties(found),
            [*shown["deletion"], *shown["randomisation"]],
        ),
        Section(
            "How much does the score survive?",
            "The explained view is changed and scored again; the grey field is inconclusive.",
            [view for name, view in views.items() if name.startswith("curve-")],
            layout="four",
        ),
        Section(
            "Beside photographs and generators",
            _beside(finding),
            [*shown["standing"], *shown["nearest"]],
        ),
        Section(
            "What else could cause it?",
            "Other things leave periodic traces. What could be tested was.",
            [],
            heads=("cause", "found", ""),
            rows=[
                (cause.name, "not tested" if cause.found is None else ("yes" if cause.found else "no"), cause.says)
                for cause in finding.causes
            ],
        ),
        Section(
            "More views",
            "For those who want to look further.",
            [],
            more_title="Sensitivity, wavelets, cosine modes, Grad-CAM",
            more_views=[*shown["sensitivity"], *shown["wavelets"], *shown["cosines"], *shown["cam"]],
        ),
    ]


def caution(finding: Finding) -> str:
    """Say what must not be concluded."""
    return {
        "none": "Absence of evidence is not evidence of absence: this does not say that the image is a photograph.",
        "inconclusive": "The score lies where photographs and generated images both do. Nothing follows from it.",
        "evidence": "Evidence, not proof: read the other causes below before you rely on it.",
        "cannot-judge": "That an image cannot be judged says nothing about where it came from.",
    }[finding.verdict]


def rate_words(rate: PhotographRate) -> str:
    """Say how many photographs score as high: "1 of 340 photographs of this kind scores as high"."""
    kind = "of all kinds" if rate.kind == "any" else f"of this kind ({rate.kind})"
    count = "None" if rate.above == 0 else f"{rate.above:,}"
    verb = "scores" if rate.above <= 1 else "score"
    words = f"{count} of {rate.photographs:,} photographs {kind} {verb} as high"
    if rate.above > 1 and rate.photographs >= 10 * rate.above:
        words += f", 1 of {round(rate.photographs / rate.above):,}"
    return f"{words}."


def summary(finding: Finding) -> str:
    """Say how many photographs score as high, what the score is, and where it lies."""
    if finding.logit is None:
        return "No part of the image was scored, so there is no score to explain."
    count = len(finding.views)
    score = f"The logit is {finding.logit:+.2f}" + (f", the median of {count} views" if count > 1 else "")
    low, high = bound(finding.thresholds.low), bound(finding.thresholds.high)
    if finding.rate_of is not None:
        return f"{rate_words(finding.rate_of)} {score}; inconclusive is from {low} to {high}."
    place = {
        "evidence": f"above {high}",
        "inconclusive": f"between {low} and {high}",
        "none": f"below {low}",
    }[finding.verdict]
    return f"{score}, {place}. How many photographs score as high was not measured with these weights."


def bound(threshold: float) -> str:
    """Give a threshold, which may be one that no logit reaches."""
    return f"{threshold:+.2f}" if math.isfinite(threshold) else "any logit"


def part_lines(finding: Finding) -> list[str]:
    """Give a line for each part of a fused detector."""
    if finding.parts is None:
        return []
    lines = []
    for name, logit in finding.parts.logits.items():
        what = f" ({PARTS[name]})" if name in PARTS else ""
        note = ". It adds most, and is explained below" if name == finding.parts.strongest else ""
        lines.append(f"Part {name}{what}: {logit:+.2f}{note}.")
    return lines


def scored_words(finding: Finding) -> str:
    """Say which part of the image was scored."""
    if finding.region is None:
        return ""
    x, y, width, height = finding.region
    if (width, height) == (finding.image.width, finding.image.height):
        words = "the whole image"
    else:
        words = f"x {x}, y {y}, {width} × {height} pixels (dashed frame)"
    words += f": {finding.domain}" if finding.domain else ""
    _, _, across, down = finding.views[0].box
    count = len(finding.views)
    return f"{words}. {'One view' if count == 1 else f'{count} views'} of {across} × {down} pixels" + (
        ", logits " + ", ".join(f"{view.logit:+.2f}" for view in finding.views) if count > 1 else ""
    )


def explained_words(finding: Finding) -> str:
    """Say which view is explained; empty if it is the region itself."""
    if finding.view is None or finding.views[finding.view].box == finding.region:
        return ""
    x, y, _, _ = finding.views[finding.view].box
    which = "the view that was scored" if len(finding.views) == 1 else "the view whose logit is the median"
    return f"{which}, at x {x}, y {y} (solid frame)"


def in_short(finding: Finding) -> list[str]:
    """Give the finding in a few sentences."""
    if finding.standing is not None and finding.standing.flat and not finding.explained.lines:
        return [UNIFORM]
    found = finding.explained
    lines = []
    badge = finding.badges.get("frequencies")
    if found.lines and badge is not None and badge.passed:
        first = found.lines[0]
        best = max(found.bands, key=lambda band: abs(band.value))
        high = f"{best.high:g}" if best.high < 1 else "0.71"
        lines.append(
            f"Of the {found.gap:+.2f} logits that its phases add, {first.value:+.2f} come from the frequency"
            f" {line_name((first.fx, first.fy))}, and {best.value:+.2f} from {best.low:g} to {high} cycles per pixel."
            if found.baseline == "incoherent"
            else f"Of the gap of {found.gap:+.2f} logits, {first.value:+.2f} come from the frequency"
            f" {line_name((first.fx, first.fy))}, and {best.value:+.2f} from {best.low:g} to {high} cycles per pixel."
        )
    elif badge is not None and not badge.passed:
        lines.append("The explanation by frequencies does not pass its tests: " + "; ".join(badge.reasons) + ".")
    lines.append(_changed(finding))
    flips = [curve for curve in finding.curves if curve.flip is not None and curve.name in ("jpeg", "blur", "resize")]
    if finding.flip_sought:
        named = ", ".join(f"{curve.axis} {curve.flip:.{0 if curve.name == 'jpeg' else 2}f}" for curve in flips)
        tried = ", ".join(
            f"{curve.axis} {curve.values[-1]:g}"
            for curve in finding.curves
            if curve.name in ("jpeg", "blur", "resize") and len(curve.values) > 1
        )
        lines.append(
            f"The verdict changes at: {named}." if flips else f"The verdict survives all that was tried: {tried}."
        )
    if finding.nearest is not None:
        lines.append(
            _unnamed(finding)
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
    sign = 1 if finding.explained.gap >= 0 else -1
    telling = [
        one
        for one in notches
        if (one.p_value or 0) <= 0.05 and sign * one.change < min(0.0, sign * (one.null_mean or 0.0))
    ]
    first = (
        "Taking lines out of the spectrum moves the score no further than taking out other lines of the same energy:"
        " the peaks do not matter to this decision."
    )
    if any((one.p_value or 0) <= 0.05 for one in notches):
        first = (
            "Taking lines out of the spectrum moves the score less than taking out other lines of the same energy, or"
            " the other way: the peaks do not carry this decision."
        )
    if telling:
        best = min(telling, key=lambda one: sign * one.change)
        z = "" if best.z is None else f", {abs(best.z):.0f} of their standard deviations from what those do"
        others = round((best.p_value or 1) * (1 + best.nulls)) - 1
        energy = "the same energy" if (best.null_energy or math.inf) >= 0.75 * best.energy else "less energy"
        first = (
            f"Without {best.what} {_logit(finding)} is {best.after:+.2f} instead of {best.before:+.2f}; of {best.nulls}"
            f" sets of other lines of the same radii and {energy} {others or 'none'}"
            f" {'lies' if others < 2 else 'lie'} as far from the mean of all (p = {best.p_value:.2g}{z})."
        )
    elif finding.flip is not None:
        first = "No set of lines looked at moves the score more than other lines of the same energy."
    if not finding.flip_sought:
        return first
    if finding.flip is None:
        return f"{first} No set of up to 256 frequencies that was tried takes the score out of the evidence."
    count = len(finding.flip.lines)
    return (
        f"{first} Notching {'one frequency' if count == 1 else f'{count} frequencies'} takes the score to"
        f" {finding.flip.after:+.2f}, out of the evidence."
    )


def _properties(found: Attributed) -> str:
    """How many frequencies carry the map, and how far it moves under JPEG; empty if that was not measured."""
    if not found.complexity:
        return ""
    many = "One frequency makes" if found.complexity == 1 else f"{found.complexity} frequencies of 513 make"
    words = f" {many} up 90 % of the absolute attribution."
    if found.stability is not None:
        words += f" Saved as JPEG of quality 95, the map of frequencies moves by {found.stability:.0%} of its norm."
    return words


def _logit(finding: Finding) -> str:
    return "the logit" if finding.parts is None else f"the logit of the part {finding.parts.strongest}"


def _unnamed(finding: Finding) -> str:
    """Why no generator is named."""
    if finding.nearest is None or not finding.nearest.likeness:
        return "No generators are known here to compare its lattice with."
    if finding.verdict != "evidence":
        return "No generator is named, because the verdict is not evidence."
    if not finding.nearest.decidable:
        return f"With {finding.nearest.images} photographs to compare with, no generator's lattice can be named."
    if finding.nearest.alike:
        return "No generator is named, because the image's own tiles have no significant lattice."
    return "Its lattice is no more like a known generator's than photographs' are: unknown."


def _beside(finding: Finding) -> str:
    if finding.standing is None:
        return "There was no population to compare with."
    if finding.standing.flat:
        return "The middle, which is compared with photographs, is uniform." if finding.explained.lines else UNIFORM
    outside = finding.standing.outside
    first = (
        "The residual's spectrum lies among photographs'."
        if outside < 0.1
        else f"At {outside:.0%} of the frequencies the residual is stronger or weaker than in 98 % of photographs."
    )
    if finding.nearest is None:
        return first
    if finding.nearest.name is None:
        return f"{first} {_unnamed(finding)}"
    return f"{first} Its lattice is most like that of {finding.nearest.name}."
