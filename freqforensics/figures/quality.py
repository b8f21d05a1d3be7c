"""Relation of fakeness to visual quality: forests, scatters, contact sheets, and the least fake of many images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from freqforensics.figures.style import label_colour, log_axis, series_looks, shown_figure, style
from freqforensics.quality import Association, FakenessByQuality
from freqforensics.quality.fakeness import PERCENTILES

_KINDS: Final[tuple[Literal["real", "fake"], ...]] = ("real", "fake")
_LEVEL: Final = 0.05
_DIAMOND: Final = 0.3
_FOREST_MARKS: Final[dict[str, dict[str, Any]]] = {
    "q ≤ 0.05": {"marker": "o", "color": "0.3"},
    "q > 0.05": {"marker": "o", "color": "0.3", "fillstyle": "none"},
    "fewer than 30 images": {"marker": "o", "color": "0.3", "alpha": 0.4, "fillstyle": "none"},
    "covariates held fixed": {"marker": "x", "color": "0.3"},
    "mean over generators": {"marker": "d", "color": "0.3"},
}
"""Marks that a forest may have; its legend names those that it has."""
_PAPER: Final = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.8}


def plot_forest(
    fakeness: FakenessByQuality, labels: Mapping[str, str] | None = None, *, fig: Figure | None = None
) -> Figure:
    """Draw every generator's rank correlation of logit and score, with the summary over generators.

    Parameters
    ----------
    fakeness : FakenessByQuality
        Logits, scores and their associations.
    labels : mapping of str to str, optional
        Names of scores, in place of their own.
    fig : Figure, optional
        An empty figure to draw on; its size is set. Default a new one.

    Returns
    -------
    Figure
        A panel for each score that some group of images has. Discs: Spearman's correlation with its 95 % interval;
        filled where q is at most 0.05; paler, fewer than 30 images. Crosses: with JPEG quality, size and category held
        fixed. Diamonds: the mean over generators and its interval.
    """
    tests = fakeness.associations.tests
    names = sorted({test.generator for test in tests})
    drawn = {test.score for test in tests if not math.isnan(test.rho)}
    scores = [score for score in fakeness.scores if score in drawn] or list(fakeness.scores)
    marks = dict.fromkeys(_FOREST_MARKS, False)
    with style():
        fig = fig or shown_figure()
        columns = min(3, len(scores))
        rows = -(-len(scores) // columns)
        fig.set_size_inches(1.1 + 2.15 * columns, rows * (0.75 + 0.24 * (len(names) + 1)) + 0.45)
        fig.set_layout_engine("constrained")
        axes = fig.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        for ax in axes.flat[len(scores) :]:
            ax.set_axis_off()
        for ax in axes.flat[max(0, len(scores) - columns) : len(scores)]:
            ax.tick_params(labelbottom=True)  # nothing stands below these
        for ax, score in zip(axes.flat, scores, strict=False):
            ax.axvline(0, color="0.6", linewidth=0.8)
            for test in tests:
                if test.score == score and not math.isnan(test.rho):
                    row = names.index(test.generator) + _offset(test.label)
                    colour, strength = label_colour(test.label), 0.4 if test.few else 1.0
                    ax.plot([test.low, test.high], [row, row], color=colour, linewidth=1.0, alpha=strength)
                    ax.plot(test.rho, row, "o", color=colour, markersize=4, alpha=strength, markeredgewidth=0.9,
                            fillstyle="full" if test.q_value <= _LEVEL else "none")  # fmt: skip
                    marks["q > 0.05"] |= test.q_value > _LEVEL
                    marks["q ≤ 0.05"] |= test.q_value <= _LEVEL
                    marks["fewer than 30 images"] |= test.few
                    if test.held and not math.isnan(test.partial_rho):
                        marks["covariates held fixed"] = True
                        ax.plot(test.partial_rho, row, "x", color=colour, markersize=3.5, alpha=strength)
            for summary in fakeness.associations.summaries:
                if summary.score == score and not math.isnan(summary.rho):
                    marks["mean over generators"] = True
                    row, reach = len(names) + _offset(summary.label), _DIAMOND / 2
                    ax.fill([summary.low, summary.rho, summary.high, summary.rho], [row, row - reach, row, row + reach],
                            color=label_colour(summary.label), linewidth=0)  # fmt: skip
            ax.set_title((labels or {}).get(score, score.replace("_", " ")))
            ax.set_xlim(-1.03, 1.03)
            ax.set_xticks([-1, -0.5, 0, 0.5, 1])
            ax.grid(axis="x", color="0.92", linewidth=0.5)
            ax.set_axisbelow(True)
            ax.axhline(len(names) - 0.5, color="0.8", linewidth=0.6)
            ax.set_yticks(range(len(names) + 1), [*names, "all"])
            ax.set_ylim(len(names) + 0.6, -0.6)
        kinds = [kind for kind in _KINDS if any(test.label == kind for test in tests)]
        handles = [Line2D([], [], color=label_colour(kind), linewidth=1.0, marker="", label=kind) for kind in kinds]
        handles += [
            Line2D([], [], linestyle="", markersize=4, label=text, **_FOREST_MARKS[text])
            for text in _FOREST_MARKS
            if marks[text]
        ]
        fig.legend(handles=handles, loc="outside upper center", ncols=min(2 * columns, len(handles)), frameon=False)
        fig.supxlabel("Spearman's correlation with the logit (greater: more likely fake)", fontsize=8)
    return fig


def scattered_generators(fakeness: FakenessByQuality, score: str) -> list[str]:
    """Names of the generators that `plot_scatter` has a panel for: some image of theirs has the score."""
    values = fakeness.values(score)
    names = sorted({test.generator for test in fakeness.associations.tests if test.score == score})
    return [name for name in names if _has_values(fakeness, values, name)]


def plot_scatter(
    fakeness: FakenessByQuality, score: str, label: str | None = None, *, fig: Figure | None = None
) -> Figure:
    """Draw logits against a score, a panel for each generator, with the trend of groups that are large enough.

    Parameters
    ----------
    fakeness : FakenessByQuality
        Logits, scores and their associations.
    score : str
        One of `FakenessByQuality.scores`.
    label : str, optional
        Name of the score, in place of its own.
    fig : Figure, optional
        An empty figure to draw on; its size is set. Default a new one.

    Returns
    -------
    Figure
        Line and band: mean logit along the score and its pointwise 95 % interval. The score's axis leaves out the
        outermost hundredth.

    Raises
    ------
    ValueError
        Another score, or one that no image has.
    """
    if score not in fakeness.scores:
        raise ValueError(f"score must be one of {', '.join(fakeness.scores)}; got {score!r}")
    values = fakeness.values(score)
    tests = {(test.generator, test.label): test for test in fakeness.associations.tests if test.score == score}
    names = scattered_generators(fakeness, score)
    if not names:
        raise ValueError(f"no image has the score {score}: there is nothing to draw")
    with style():
        fig = fig or shown_figure()
        columns = min(3, len(names))
        rows = -(-len(names) // columns)
        fig.set_size_inches(0.5 + 2.25 * columns, 0.4 + 1.9 * rows)
        fig.set_layout_engine("constrained")
        axes = fig.subplots(rows, columns, squeeze=False, sharey=True)
        for ax in axes.flat[len(names) :]:
            ax.set_axis_off()
        low, high = float(fakeness.logits.min()), float(fakeness.logits.max())
        axes.flat[0].set_ylim(low - 0.05 * (high - low), high + 0.3 * (high - low))  # room for words
        for ax, name in zip(axes.flat, names, strict=False):
            drawn: list[NDArray[np.float64]] = []
            texts = []
            for kind in _KINDS:
                members = fakeness.groups(kind).get(name, np.zeros(0, np.intp))
                members = members[np.isfinite(values[members])]
                if not len(members):
                    continue
                drawn.append(values[members])
                ax.plot(values[members], fakeness.logits[members], ".", color=label_colour(kind), markersize=2.5,
                        alpha=0.5, markeredgewidth=0)  # fmt: skip
                test = tests.get((name, kind))
                if test is not None and not math.isnan(test.rho):
                    texts.append((kind, _in_words(test)))
            for trend in fakeness.trends:
                if trend.score == score and trend.generator == name:
                    colour = label_colour(trend.label)
                    ax.fill_between(trend.x, trend.low, trend.high, color=colour, alpha=0.25, linewidth=0)
                    ax.plot(trend.x, trend.y, color=colour, linewidth=1.2)
            if math.isfinite(fakeness.threshold):
                ax.axhline(fakeness.threshold, color="0.5", linestyle="--", linewidth=0.7)
            left, right = np.quantile(np.concatenate(drawn), [0.01, 0.99])
            reach = 0.05 * (right - left) or 1.0
            ax.set_xlim(left - reach, right + reach)
            for line, (kind, text) in enumerate(texts):
                ax.text(0.03, 0.97 - 0.1 * line, text, transform=ax.transAxes, va="top", fontsize=6.5,
                        color=label_colour(kind), bbox=_PAPER)  # fmt: skip
            ax.set_title(name)
        fig.supxlabel(label or score.replace("_", " "), fontsize=8)
        fig.supylabel("logit (dashed: called fake above)", fontsize=8)
    return fig


def plot_percentiles(
    fakeness: FakenessByQuality, pictures: Mapping[Path, NDArray[np.uint8]], *, fig: Figure | None = None
) -> Figure:
    """Draw each generator's fakes at the 0, 25, 50, 75, 100th percentile of fakeness, as Wang et al. (2020) do.

    Parameters
    ----------
    fakeness : FakenessByQuality
        Logits, scores and their associations.
    pictures : mapping of Path to ndarray of uint8, (H, W, 3)
        Squares of the images that `FakenessByQuality.percentile_images` names.
    fig : Figure, optional
        An empty figure to draw on; its size is set. Default a new one.

    Returns
    -------
    Figure
        A row for each generator; below every image its logit.
    """
    chosen = fakeness.percentile_images()
    with style():
        fig = fig or shown_figure()
        fig.set_size_inches(1.0 + 1.05 * len(PERCENTILES), 0.35 + 1.22 * len(chosen))
        fig.set_layout_engine("constrained")
        axes = fig.subplots(len(chosen), len(PERCENTILES), squeeze=False)
        for row, (name, images) in enumerate(chosen.items()):
            for ax, (share, path, logit) in zip(axes[row], images, strict=True):
                ax.imshow(pictures[path], interpolation="antialiased")
                ax.set_xticks([])
                ax.set_yticks([])
                ax.set_xlabel(f"{logit:+.1f}".replace("-", "−"), labelpad=1.5, fontsize=7)
                if row == 0:
                    ax.set_title("least fake" if share == 0 else "most fake" if share == 100 else f"{share} %")
            axes[row, 0].set_ylabel(name)
    return fig


def plot_least(fakeness: FakenessByQuality, *, fig: Figure | None = None) -> Figure:
    """Draw how the logit of the least fake of k images falls with k, and how often it is not called fake.

    Parameters
    ----------
    fakeness : FakenessByQuality
        Logits, scores and their associations.
    fig : Figure, optional
        An empty figure to draw on; its size is set. Default a new one.

    Returns
    -------
    Figure
        Left, the expected logit; right, the probability that it is not above the threshold.
    """
    with style():
        fig = fig or shown_figure()
        fig.set_size_inches(6.6, 2.9)
        fig.set_layout_engine("constrained")
        left, right = fig.subplots(1, 2)
        looks = series_looks(len(fakeness.least))
        for (name, steps), (colour, mark) in zip(fakeness.least.items(), looks, strict=True):
            ks = [step.k for step in steps]
            look: dict[str, Any] = {"marker": mark, "markersize": 3.5, "linewidth": 1.1, "color": colour}
            left.plot(ks, [step.expected for step in steps], label=name, **look)
            right.plot(ks, [step.evades for step in steps], clip_on=False, **look)
        if math.isfinite(fakeness.threshold):
            left.axhline(fakeness.threshold, color="0.5", linestyle=":", linewidth=0.9)
        left.set_ylabel("expected logit (dotted: threshold)")
        right.set_ylabel("probability that it is not called fake")
        right.set_ylim(-0.02, 1.02)
        for ax in (left, right):
            log_axis(ax, "x")
            counts = sorted({step.k for steps in fakeness.least.values() for step in steps})
            ax.set_xticks(counts, [str(k) for k in counts])
            ax.minorticks_off()
            ax.set_xlabel("k, images to choose the least fake of")
            ax.grid(color="0.92", linewidth=0.5)
            ax.set_axisbelow(True)
        fig.legend(loc="outside right center", frameon=False)
    return fig


def _offset(label: str) -> float:
    """Real above fake, around the generator's row."""
    return -0.16 if label == "real" else 0.16


def _has_values(fakeness: FakenessByQuality, values: NDArray[np.float64], name: str) -> bool:
    return any(np.isfinite(values[fakeness.groups(kind).get(name, np.zeros(0, np.intp))]).any() for kind in _KINDS)


def _in_words(test: Association) -> str:
    few = ", few" if test.few else ""
    return f"{test.label}: ρ {test.rho:+.2f}, q {test.q_value:.2g} (n {test.images}{few})".replace("-", "−")
