"""Pages of studies: what a folder of results shows, in the order in which a reader asks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from freqforensics.evaluation.confounds import Audit
from freqforensics.fingerprints.comparison import Comparison
from freqforensics.images import shown_path
from freqforensics.quality.fakeness import FakenessByQuality
from freqforensics.report.builder import Figure, Report
from freqforensics.runtime.results import ResultFolder

_NAMED = 50
"""Most duplicates, and files that could not be read, that a page lists."""
_MEASURES = {
    "coherent": "Coherent spectra",
    "log_power": "Log power",
    "peaks": "Peaks",
    "lattice": "Lattices",
}


def read_pictures(folder: ResultFolder) -> dict[str, bytes]:
    """Read the PNG files of a folder that is being written, by name."""
    return {path.stem: path.read_bytes() for path in folder.path.glob("*.png")}


def audit_page(audit: Audit, notes: Sequence[str], pictures: Mapping[str, bytes]) -> Report:
    """Give the page of an audit.

    Parameters
    ----------
    audit : Audit
    notes : sequence of str
        What was left out.
    pictures : mapping of str to bytes
        PNG files of the study's figures, by name.

    Returns
    -------
    Report
    """
    serious = sorted(group.generator for group in audit.groups if any(c.verdict == "serious" for c in group.confounds))
    report = Report(
        "Do real and fake images differ in more than their maker?",
        lead=f"Serious differences: {', '.join(serious)}. A detector may learn these instead of traces of generators."
        if serious
        else "No serious difference was found between the sides.",
    )
    report.add_section("Differences").add_figure(
        pictures["audit"],
        alt="Effects of differences between real and fake files, by generator, and the AUC of a forest.",
        means="the closer to 1 a cell, the better this property of the files alone tells real from fake.",
        does_not_mean="that a detector uses it: train on a matched subset to find out.",
    )
    report.add_folded("All differences, in numbers").add_table(
        ("generator", "property", "effect (0 to 1)", "p-value", "verdict", "real side", "fake side"),
        (
            (group.generator, c.name, f"{c.effect:.2f}", f"{c.p_value:.2g}", c.verdict, c.real, c.fake)
            for group in audit.groups
            for c in group.confounds
        ),
    )
    report.add_section("Duplicates")
    if audit.duplicates:
        count = len(audit.duplicates)
        report.add_text(f"{count} pair{'' if count == 1 else 's'} of files show the same picture.")
        report.add_folded("Pairs" if count <= _NAMED else f"The first {_NAMED} pairs").add_table(
            ("first", "second", "kind", "across"),
            (
                (shown_path(pair.first), shown_path(pair.second), pair.kind, ", ".join(pair.across) or None)
                for pair in audit.duplicates[:_NAMED]
            ),
        )
    else:
        report.add_text("No two files show the same picture.")
    return _with_remarks(report, notes, audit.failures)


def comparison_page(
    comparison: Comparison, notes: Sequence[str], skipped: Sequence[tuple[str, str]], pictures: Mapping[str, bytes]
) -> Report:
    """Give the page of a comparison of generators.

    Parameters
    ----------
    comparison : Comparison
    notes : sequence of str
        What was skipped, and what may mislead.
    skipped : sequence of (str, str)
        Path and reason of files that could not be read.
    pictures : mapping of str to bytes
        PNG files of the study's figures, by name.

    Returns
    -------
    Report
    """
    names = [image_set.fingerprint.name for image_set in comparison.sets]
    report = Report("What do generators share?", lead=f"Fingerprints of {len(names)} sets: {', '.join(names)}.")
    report.add_section("How alike are they?").add_figure(
        pictures["similarity"],
        alt="Matrices of the similarity of fingerprints, by measure.",
        means="sets with similar fingerprints have similar regular traces.",
        does_not_mean="that one network made both: generators with the same upsampling leave similar traces.",
    )
    for measure, similarity in comparison.similarities.items():
        report.add_folded(f"{_MEASURES.get(measure, measure)}, in numbers").add_table(
            ("first", "second", "similarity", "95 % interval", "p-value"),
            (
                (
                    names[first],
                    names[second],
                    f"{similarity.values[second, first]:.2f}",
                    f"{similarity.low[second, first]:.2f} to {similarity.high[second, first]:.2f}",
                    f"{similarity.p_value[second, first]:.2g}",
                )
                for second in range(len(names))
                for first in range(second)
            ),
        )
    report.add_section("Which frequencies do they share?").add_figure(
        pictures["shared"],
        alt="A plane of frequencies with the number of sets that are coherent there.",
        means="bright frequencies are regular traces of many sets.",
        does_not_mean="strength: a frequency counts once for a set, however strong it is.",
    )
    report.add_section("How many images does it take?").add_figure(
        pictures["learning"],
        alt="Curves of the similarity of a set's halves against the number of images.",
        means="a curve that has levelled off: more images would hardly change the fingerprint.",
        does_not_mean="that the fingerprint tells this generator from others.",
    )
    return _with_remarks(report, notes, skipped)


def quality_page(
    fakeness: FakenessByQuality,
    labels: Mapping[str, str],
    notes: Sequence[str],
    skipped: Sequence[tuple[str, str]],
    pictures: Mapping[str, bytes],
) -> Report:
    """Give the page of fakeness by quality.

    Parameters
    ----------
    fakeness : FakenessByQuality
    labels : mapping of str to str
        Names of scores in words.
    notes : sequence of str
        What was skipped, and what may mislead.
    skipped : sequence of (str, str)
        Path and reason of files that could not be used.
    pictures : mapping of str to bytes
        PNG files of the study's figures, by name.

    Returns
    -------
    Report
    """
    report = Report(
        "Do better looking images look less fake?", lead=f"{len(fakeness.logits)} images with a score of the detector."
    )
    report.add_section("Fakeness and quality, generator by generator").add_figure(
        pictures["forest"],
        alt="Rank correlations of the detector's score with scores of quality, by generator, with intervals.",
        means="an interval on one side of zero: the detector's score goes with this property of the images.",
        does_not_mean="that the property causes the score.",
    )
    report.add_folded("All correlations, in numbers").add_table(
        ("score", "label", "generators", "images", "rho", "95 % interval", "p-value"),
        (
            (
                labels.get(summary.score, summary.score),
                summary.label,
                summary.generators,
                summary.images,
                f"{summary.rho:+.2f}",
                f"{summary.low:+.2f} to {summary.high:+.2f}",
                f"{summary.p_value:.2g}",
            )
            for summary in fakeness.associations.summaries
            if math.isfinite(summary.rho)
        ),
    )
    captions = {
        "percentiles": "Images at percentiles of the detector's score, by generator.",
        "least": "The least fake of several images, by generator.",
    }
    figures = [(name, alt) for name, alt in captions.items() if name in pictures]
    if figures:
        report.add_section("Images along the score")
        for name, alt in figures:
            report.add_figure(pictures[name], alt=alt, caption=alt)
    scatters = sorted(name for name in pictures if name.startswith("scatter-"))
    if scatters:
        report.add_section("Scores beside each other").add_folded("Scatter plots").add_figures(
            Figure(pictures[name], f"The detector's score against {labels.get(name[8:], name[8:])}.")
            for name in scatters
        )
    return _with_remarks(report, notes, skipped)


def _with_remarks(report: Report, notes: Sequence[str], skipped: Sequence[tuple[str, str]]) -> Report:
    if notes:
        report.add_section("Notes").add_text(*notes, listed=True)
    if skipped:
        report.add_section("Files that could not be read")
        report.add_text(
            f"{len(skipped)} files." if len(skipped) <= _NAMED else f"The first {_NAMED} of {len(skipped)}."
        )
        report.add_table(("file", "reason"), ((shown_path(path), reason) for path, reason in skipped[:_NAMED]))
    return report
