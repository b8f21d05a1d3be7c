"""The page of one finding, section by section: plain words first, then figures, then numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final

from markupsafe import Markup

from freqforensics.attribution.notches import line_name
from freqforensics.detector.wrap import UNSEEN
from freqforensics.images import shown_path
from freqforensics.inspection.finding import Finding
from freqforensics.report.builder import Figure, Layout, Report, sayer, template_text, templates
from freqforensics.report.handover import Handover
from freqforensics.report.testimony import file_facts
from freqforensics.report.values import TONES, PageValues, page_values
from freqforensics.report.view_names import View

LEAST_SIDE: Final = 64
_FIGURES: Final = "Figures"
_NUMBERS: Final = "Numbers"
_MORE: Final = {
    "sensitivity": "sensitivity",
    "wavelets": "wavelets",
    "cosines": "cosine modes",
    "cam": "Grad-CAM",
}


def inspection_report(finding: Finding, views: Mapping[str, View], *, handover: Handover) -> Report:
    """Put the page of a finding together.

    Parameters
    ----------
    finding : Finding
    views : mapping of str to View
        Figures of `draw_views`.
    handover : Handover
        Who examined the image, when and by which command.

    Returns
    -------
    Report
    """
    name = shown_path(finding.image.name) if finding.image.name else "this picture"
    values = page_values(finding)
    report = Report(
        f"{name}: {finding.in_words}",
        kicker=f"freqforensics {finding.inspection.freqforensics}: inspection of one picture",
        header=first_screen(finding, values, views["image"], name),
        data=finding.to_json(),
        data_name="finding.json",
    )
    say = sayer("sentences.html")
    _testimony(report, finding)
    if finding.judged:
        _why(report, finding, values, say)
        for part in (_frequencies, _places, _changes, _survival, _comparison, _causes, _trust, _more):
            part(report, finding, values, views, say)
        _left_out(report, finding)
    _limits(report, finding)
    _glossary(report)
    _record(report, finding, values, name, handover, say)
    return report


def first_screen(finding: Finding, values: PageValues, picture: View, name: str) -> Markup:
    """Give the verdict, how sure it is, and what to do next, beside the picture."""
    page = templates().get_template("first_screen.html")
    return Markup(
        page.render(
            f=finding,
            v=values,
            g=None if finding.logit is None else gauge(finding, finding.logit),
            name=name,
            tone=TONES[finding.verdict],
            picture=_figure(picture),
        )
    )


def gauge(finding: Finding, logit: float) -> dict[str, Any]:
    """Places of the thresholds and the image on a scale of logits, in units of the drawing."""
    # Parts of a fused detector share a scale on which few photographs lie above 1.
    limits = (finding.score.thresholds.low, finding.score.thresholds.high)
    reach = max(abs(value) for value in (logit, *limits) if math.isfinite(value))
    end = max(8.0 if finding.score.parts is None else 2.0, 1.15 * reach)

    def x(value: float) -> float:
        return 230 + 215 * max(-1.0, min(1.0, value / end))

    low, high = limits
    here = x(logit)
    close = x(high) - x(low) < 60
    ticks = [
        (x(value), f"{value:+.2f}", anchor)
        for value, anchor in ((low, "end" if close else "middle"), (high, "start" if close else "middle"))
        if abs(value) < end
    ]
    return {
        "low": x(low),
        "high": x(high),
        "here": here,
        "anchor": "start" if here < 110 else "end" if here > 350 else "middle",
        "ticks": ticks,
    }


def _testimony(report: Report, finding: Finding) -> None:
    """What the file states, by whom, and where that contradicts the verdict."""
    testimony = finding.testimony
    if testimony is None:
        return
    report.add_section("What the file says of itself", ident="file")
    words = sayer("testimony.html")
    report.add_text(*(words("contradiction", sentence) for sentence in finding.contradictions))
    if testimony.statements:
        report.add_text(*(words("statement", statement) for statement in testimony.statements), listed=True)
    else:
        report.add_text(words("silent"))
    report.add_text(words("caution"))
    report.add_folded("All that was read in the file").add_facts(file_facts(testimony))


def _why(report: Report, finding: Finding, values: PageValues, say: Any) -> None:
    report.add_section("Why, in plain words", ident="why")
    nearest = finding.comparison.nearest
    if values.uniform:
        report.add_text(say("uniform"))
        return
    explained = finding.tests.badges.get("frequencies")
    report.add_text(
        say("unmoved", finding) if values.unmoved else "",
        say("why_frequencies", finding, values)
        if explained is not None and explained.passed and finding.explained.lines
        else "",
        say("why_trust", finding),
        "" if values.unmoved else say("why_notched", finding, values),
        say("crossings", values) if finding.changes.flip_sought else "",
        ""
        if nearest is None
        else say("unnamed", finding)
        if nearest.name is None
        else f"The traces are most like those of {nearest.name}.",
        f"Something else that leaves such traces was found, too: {', '.join(values.other_causes)}."
        if values.other_causes
        else "",
        listed=True,
    )


def _frequencies(report: Report, finding: Finding, values: PageValues, views: Mapping[str, View], say: Any) -> None:
    lines = finding.explained.lines
    report.add_section("Which patterns count?", ident="frequencies")
    report.add_text("Every picture is a sum of regular patterns. The figures show what each adds to the score.")
    if finding.explained.steps:
        _add_figures(report, views, ("frequencies", "bands", "input"))
    else:
        by_differences = replace(
            _figure(views["frequencies"]),
            means="the score less that without each frequency: red ones add to the score, blue ones take from it.",
            does_not_mean="parts of a sum: frequencies act together.",
        )
        report.add_folded(_FIGURES).add_figures([by_differences, *_figures(views, ("bands",))])
    report.add_folded(_NUMBERS).add_text(say("gap", finding))
    if lines:
        report.add_table(
            ("", "frequency (cycles per pixel)", "adds to the score", "also there"),
            (
                (number, line_name((line.fx, line.fy)), f"{line.value:+.2f}", ", ".join(line.also) or None)
                for number, line in enumerate(lines[:6], 1)
            ),
        )


def _places(report: Report, finding: Finding, values: PageValues, views: Mapping[str, View], say: Any) -> None:
    report.add_section("Where in the picture?", ident="places")
    report.add_text(
        "The same by place: what each block of the explained view adds, and each tile of the view scored by itself."
        if not finding.left_out
        else "The same by place, as far as this detector tells it.",
    )
    _add_figures(report, views, ("location", "tiles", "occlusion"))


def _changes(report: Report, finding: Finding, values: PageValues, views: Mapping[str, View], say: Any) -> None:
    report.add_section("What if these patterns were not there?", ident="changes")
    report.add_text(say("why_notched", finding, values))
    _add_figures(report, views, ("counterfactuals",), "wide")
    if values.changes:
        report.add_folded("All changes, in numbers").add_text(say("notched", finding, values)).add_table(
            (
                "change",
                "before",
                "after",
                "after, rounded",
                "energy (grey levels²)",
                "other lines",
                "z",
                "p, two-sided",
            ),
            (
                (
                    change.what,
                    f"{change.before:+.2f}",
                    f"{change.after:+.2f}",
                    f"{change.after_rounded:+.2f}",
                    f"{change.energy:.3g}",
                    None if change.null_mean is None else f"{change.null_mean:+.2f} ± {change.null_sd:.2f}",
                    None if change.z is None else f"{change.z:+.1f}",
                    None if change.p_value is None else f"{change.p_value:.3f}",
                )
                for change in values.changes
            ),
        )


def _survival(report: Report, finding: Finding, values: PageValues, views: Mapping[str, View], say: Any) -> None:
    report.add_section("How much does the score survive?", ident="survival")
    report.add_text(
        "The explained view is changed as messengers and web pages change pictures, and scored again.",
        say("crossings", values),
    )
    _add_figures(report, views, [name for name in views if name.startswith("curve-")], "four")


def _comparison(report: Report, finding: Finding, values: PageValues, views: Mapping[str, View], say: Any) -> None:
    report.add_section("Compared with photographs and generators", ident="comparison")
    report.add_text(say("beside", finding))
    _add_figures(report, views, ("standing", "nearest"))


def _causes(report: Report, finding: Finding, values: PageValues, views: Mapping[str, View], say: Any) -> None:
    report.add_section("What else could cause it?", ident="causes")
    report.add_text("Other things leave regular traces, too. Every cause that can be tested was tested.")
    verdicts = {None: "not tested", True: "yes", False: "no"}
    causes = finding.comparison.causes
    if causes:
        report.add_table(
            ("cause", "found", "what was seen"), ((cause.name, verdicts[cause.found], cause.says) for cause in causes)
        )


def _trust(report: Report, finding: Finding, values: PageValues, views: Mapping[str, View], say: Any) -> None:
    report.add_section("Can this explanation be trusted?", ident="trust")
    untested = finding.explained.steps and not finding.tests.randomisation
    report.add_text(
        "A map is believed only if it passes tests: what it names must move the score, and a network with random"
        " weights must draw another map. A figure that fails is drawn in grey, with the reason above it."
        if finding.tests.randomisation
        else "A map is believed only if it passes its test: what it names must move the score. A figure that fails is"
        " drawn in grey, with the reason above it.",
        "Other maps could not be tested with random weights." if untested else "",
        say("badges", finding),
    )
    _add_figures(report, views, ("deletion", "randomisation"))


def _more(report: Report, finding: Finding, values: PageValues, views: Mapping[str, View], say: Any) -> None:
    figures = _figures(views, _MORE)
    if not figures:
        return
    report.add_section("More views", ident="more")
    names = ", ".join(words for name, words in _MORE.items() if name in views)
    report.add_folded(f"{names[0].upper()}{names[1:]}")
    report.add_figures(figures)


def _left_out(report: Report, finding: Finding) -> None:
    if not finding.left_out:
        return
    report.add_section("Left out", ident="left-out")
    report.add_text("This detector cannot give every view. What is left out, and why:")
    reasons: dict[str, list[str]] = {}
    for left in finding.left_out:
        reasons.setdefault(left.reason, []).append(left.view)
    report.add_text(*(f"{', '.join(views)}: {reason}." for reason, views in reasons.items()), listed=True)


def _limits(report: Report, finding: Finding) -> None:
    report.add_section("What this page cannot say", ident="limits")
    report.add_text(
        "Absence of evidence is not evidence of absence: a generator that leaves no lattice, or a picture that was"
        " resized, blurred or strongly compressed, looks like a photograph to this detector.",
        "Traces of a generator are not proof of one. Photographs whose pixels or colours were interpolated, by a"
        " camera, an editor or a scaler, can carry the same traces.",
        "All explanations are of the detector's decision, not of how the picture was made.",
        "Error rates hold for pictures like those they were measured on.",
        listed=True,
    )


def _glossary(report: Report) -> None:
    report.add_section("Words used on this page", ident="words")
    report.add_folded("Glossary").add_facts(_terms())


def _record(report: Report, finding: Finding, values: PageValues, name: str, handover: Handover, say: Any) -> None:
    """What another examiner needs to repeat the inspection."""
    image, score, inspection = finding.image, finding.score, finding.inspection
    weights = inspection.weights
    report.add_section("Record", ident="record")
    report.add_facts(
        [
            ("Examiner", handover.examiner),
            ("Case", handover.case),
            ("Date", handover.date),
            ("File", name),
            ("SHA-256 of the file", image.sha256),
            ("Picture", f"{image.width} × {image.height} pixels, {image.format}"),
            *(("Note on the file", note) for note in image.notes),
            ("Verdict", finding.in_words + (f": {score.domain}" if not finding.judged else "")),
            *(
                [
                    ("Score", say("summary", score)),
                    ("Scored", say("scored", finding)),
                    ("Explained", say("explained", score)),
                    ("Parts of the detector", "" if score.parts is None else say("parts", score.parts)),
                    ("Limits of the verdict", say("limits", score.thresholds)),
                    ("Probability", "" if score.probability is None else say("probability", score.probability)),
                ]
                if finding.judged
                else []
            ),
            ("Error rates", "" if weights.error_rates is None else sayer("plain.html")("missed", weights.error_rates)),
            ("Detector", f"{weights.name or 'unnamed weights'}. {weights.notice}" if weights.notice else weights.name),
            (
                "SHA-256 of its name and preparation" if weights.notice == UNSEEN else "SHA-256 of its weights",
                weights.sha256,
            ),
            ("Tool", f"freqforensics {inspection.freqforensics}"),
            ("Settings", ", ".join(f"{key} {value}" for key, value in inspection.settings.items())),
            ("SHA-256 of the settings", inspection.settings_sha256),
            ("Command", handover.command and shown_path(handover.command)),
        ]
    )
    report.add_folded("Method").add_text(
        "The photographic part of the picture is found first; borders, text and interface are left out. Up to five"
        " views of 224 pixels, spread over that part, are scored at full resolution by two small networks: one looks"
        " for traces of decoders in small neighbourhoods, the other for waves that agree in phase all over the view."
        " The median of the views is the score."
        if score.parts is not None
        else "The photographic part of the picture is found first. Up to five views of 224 pixels, spread over that"
        " part, are scored at full resolution; the median of the views is the score.",
        "The score is compared with those of photographs saved in the same way. It counts as traces found if at most"
        " 1 in 100 of them, and at most 2 in 100 of those sent in any one way, score as high or up to 0.5 lower. It"
        " counts as too weak if at most 1 in 10 score as high."
        if score.rate_of is not None
        else "The score is compared with two fixed limits, for no photographs were scored with these weights.",
        "The view with the strongest traces is explained by differences of scores: exact Shapley values of bands"
        " between the view and its median, and each frequency taken out by itself; the map is tested by deletion."
        if finding.explanation is not None and not finding.explanation.steps
        else "The view with the strongest traces is explained by integrated gradients (Sundararajan et al. 2017) along"
        " a path from a baseline without the traces, in pixels and in frequencies; both maps are tested by deletion and"
        " by random weights (Adebayo et al. 2018).",
    )


def _figure(view: View) -> Figure:
    words = captions()["curve" if view.name.startswith("curve-") else view.name] if view.name != "image" else {}
    return Figure(
        view.png,
        words.get("alt", "The picture."),
        words.get("means", ""),
        words.get("does_not_mean", ""),
        width=view.width,
        height=view.height,
        failed=view.failed,
    )


def _figures(views: Mapping[str, View], names: Iterable[str]) -> list[Figure]:
    return [_figure(views[name]) for name in names if name in views]


def _add_figures(report: Report, views: Mapping[str, View], names: Iterable[str], layout: Layout = "") -> None:
    figures = _figures(views, names)
    if figures:
        report.add_folded(_FIGURES).add_figures(figures, layout=layout)


@cache
def captions() -> dict[str, dict[str, str]]:
    """Give what each view means and does not mean, and its description, by name."""
    texts: dict[str, dict[str, str]] = json.loads(template_text("views.json"))
    return texts


@cache
def _terms() -> dict[str, str]:
    texts: dict[str, str] = json.loads(template_text("terms.json"))
    return texts
