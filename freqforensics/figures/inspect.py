"""The views of one finding. Colour scales are fixed, so that two images' pages can be laid side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize, SymLogNorm
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from freqforensics.attribution.outcomes import ScoreCurve
from freqforensics.figures.plane import draw_plane, frequency_axes
from freqforensics.figures.style import OKABE_ITO, new_axes, style
from freqforensics.inspection.finding import Finding
from freqforensics.spectra.population import PERCENTILES

BLOCK: Final = 16
"""Pixels a side over which a pixel map is summed to be seen."""
FOR, AGAINST = "#B2182B", "#2166AC"
_GREY: Final = "#777777"
_DIVERGING: Final = "RdBu_r"


def plot_image(finding: Finding, *, ax: Axes | None = None) -> Axes:
    """Draw the image with frames: dashed around what was scored if that is not all, solid around what is explained."""
    with style():
        ax = ax or new_axes((3.4, 3.4))
        image = finding.maps["image"]
        ax.imshow(image, interpolation="nearest" if max(image.shape) < 300 else "antialiased")
        ax.set_axis_off()
        info = finding.image
        scale = image.shape[1] / info.width
        whole = (0, 0, info.width, info.height)
        region = finding.score.region or whole
        if region != whole:
            _frame(ax, region, scale, (0, (4, 3)))
        if finding.score.view is not None and finding.score.views[finding.score.view].box != region:
            _frame(ax, finding.score.views[finding.score.view].box, scale, "solid")
    return ax


def plot_location(finding: Finding, *, ax: Axes | None = None) -> Axes:
    """Draw what each block of 16 pixels adds to the logit, over the image in grey."""
    with style():
        ax = ax or new_axes((3.9, 3.4))
        view = finding.maps["view"]
        pixels = finding.maps["pixels"]
        height, width = (side // BLOCK * BLOCK for side in pixels.shape)
        blocks = pixels[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).sum(axis=(1, 3))
        grey = view.mean(axis=2) / 255
        ax.imshow(0.35 + 0.65 * grey, cmap="gray", vmin=0, vmax=1, interpolation="antialiased")
        norm = SymLogNorm(0.02, vmin=-0.5, vmax=0.5, base=10)
        picture = ax.imshow(
            blocks,
            cmap=_DIVERGING,
            norm=norm,
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
            interpolation="nearest",
            alpha=np.clip(np.abs(blocks) / 0.05, 0, 0.85),
        )
        ax.set(xlim=(-0.5, view.shape[1] - 0.5), ylim=(view.shape[0] - 0.5, -0.5))
        ax.set_axis_off()
        ax.set_title("what each block of 16 pixels adds")
        _say_unmoved(ax, pixels)
        _bar(ax, picture, "score", (-0.5, -0.1, 0, 0.1, 0.5))
    return ax


def plot_frequencies(finding: Finding, *, ax: Axes | None = None) -> Axes:
    """Draw what each multiple of 1/32 adds to the logit."""
    with style():
        ax = ax or new_axes((3.9, 3.4))
        norm = SymLogNorm(0.02, vmin=-2, vmax=2, base=10)
        picture = draw_plane(ax, finding.maps["frequencies"], norm, _DIVERGING)
        _say_unmoved(ax, finding.maps["frequencies"])
        for rank, line in enumerate(finding.explained.lines[:5], 1):
            # Towards the middle, or it would lie on the frame.
            offset = (-7 * np.sign(line.fx) if line.fx else 7, 7 * np.sign(line.fy) if line.fy else 7)
            ax.annotate(
                str(rank), (line.fx, line.fy), offset, textcoords="offset points", fontsize=7, ha="center", va="center"
            )
        ax.set_title("what each frequency adds (1–5: the most)")
        _bar(ax, picture, "score", (-2, -0.5, -0.1, 0, 0.1, 0.5, 2))
    return ax


def plot_bands(finding: Finding, *, ax: Axes | None = None) -> Axes:
    """Draw what each radial band adds to the logit, and its Shapley value."""
    with style():
        ax = ax or new_axes((3.9, 2.6))
        explanation = finding.explained
        places = np.arange(len(explanation.bands))
        values = np.array([band.value for band in explanation.bands])
        beside = 0.19 if explanation.shapley else 0.0
        ax.bar(places - beside, values, 0.36, color=[FOR if v > 0 else AGAINST for v in values])
        if explanation.shapley:
            shapley = [band.value for band in explanation.shapley]
            ax.bar(
                places + beside, shapley, 0.36, color="none", edgecolor="#444444", linewidth=0.8, label="Shapley value"
            )
            path = Patch(color=FOR if explanation.gap > 0 else AGAINST, label="along the path")
            ax.legend(handles=[path, *ax.get_legend_handles_labels()[0]], frameon=False, loc="best")
        ax.axhline(0, color="black", linewidth=0.6)
        ends = [
            f"{round(band.low * 16)}–{round(band.high * 16)}" if band.high < 1 else "≥7" for band in explanation.bands
        ]
        ax.set_xticks(places, ends)
        ax.set(xlabel="radial frequency (sixteenths of a cycle per pixel)", ylabel="score")
        ax.set_title(f"bands: they sum to the gap of {explanation.gap:+.2f}")
        _say_unmoved(ax, np.array([band.value for band in (*explanation.bands, *explanation.shapley)]))
        _open_frame(ax)
    return ax


def plot_input(finding: Finding, *, ax: Axes | None = None) -> Axes:
    """Draw what the detector sees of luma: the coherence of tiles."""
    with style():
        ax = ax or new_axes((3.9, 3.4))
        picture = draw_plane(ax, finding.maps["input"][0], Normalize(-2, 4, clip=True), "viridis")
        ax.set_title("what the detector sees of luma")
        _bar(ax, picture, "log coherence, standardised (0 by chance)", (-2, 0, 2, 4))
    return ax


def plot_sensitivity(finding: Finding, *, ax: Axes | None = None) -> Axes:
    """Draw how much a wave of each frequency could change the logit."""
    with style():
        ax = ax or new_axes((3.9, 3.4))
        values = _pooled(finding.maps["sensitivity"], 65)
        picture = draw_plane(ax, values, LogNorm(1e-2, 100, clip=True), "viridis")
        ax.set_title("what a small wave could change")
        _say_unmoved(ax, values, colour="white")
        _bar(ax, picture, "score per grey level of amplitude", (1e-2, 1e-1, 1, 10, 100))
    return ax


def plot_counterfactuals(finding: Finding, *, ax: Axes | None = None) -> Axes:
    """Draw the logit after each notch, and what taking out other lines of the same energy did."""
    with style():
        notches = [change for change in finding.changes.counterfactuals if change.kind == "notch"]
        ax = ax or new_axes((6.4, 0.42 * len(notches) + 1.0))
        before = finding.explained.logit
        ax.axvline(before, color="black", linewidth=0.8)
        for row, change in enumerate(notches):
            if change.null_mean is not None and change.null_sd is not None:
                middle = change.before + change.null_mean
                spread = 2 * change.null_sd
                ax.plot([middle - spread, middle + spread], [row, row], color=_GREY, linewidth=5,
                        alpha=0.45, solid_capstyle="butt",
                        label="other lines, same radii (±2 sd)" if not row else None)  # fmt: skip
            ax.plot(change.after, row, "o", color=FOR, markersize=5, label="notched" if not row else None)
            ax.plot(change.after_rounded, row, "o", markerfacecolor="none", markeredgecolor=FOR, markersize=5,
                    label="notched, rounded to grey levels" if not row else None)  # fmt: skip
        ax.axvspan(*_inconclusive(finding, ax.get_xlim()), color="#EEEEEE", zorder=0)
        ax.set_yticks(range(len(notches)), [change.what for change in notches])
        ax.set_ylim(len(notches) - 0.5, -0.5)
        ax.set_xlabel("score of the view (black: as it is; grey field: inconclusive)")
        ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.0 + 0.42 / (0.42 * len(notches))), ncols=3)
        _open_frame(ax)
    return ax


def plot_deletion(finding: Finding, *, ax: Axes | None = None) -> Axes:
    """Draw how the logit goes as frequencies are taken out."""
    with style():
        ax = ax or new_axes((3.9, 2.6))
        deletion = finding.tests.deletion
        if deletion is None:
            ax.set_axis_off()
            ax.text(0.5, 0.5, "no frequency speaks for the score", ha="center", transform=ax.transAxes)
            return ax
        counts, random = deletion.counts, np.array(deletion.deleted_at_random)
        by_amplitude, by_attribution = deletion.deleted_by_amplitude, deletion.deleted
        if len(counts) == 1:  # lines from the view itself
            counts, before = (0, *counts), deletion.before
            random = np.insert(random, 0, before, axis=1)
            by_amplitude, by_attribution = (before, *by_amplitude), (before, *by_attribution)
        else:
            ax.set_xscale("log", base=2)
        ax.fill_between(counts, random.min(axis=0), random.max(axis=0), color=_GREY, alpha=0.3, linewidth=0)
        ax.plot(counts, random.mean(axis=0), color=_GREY, label="random order, same radii")
        ax.plot(counts, by_amplitude, ":", color="black", label="by amplitude, same energy")
        ax.plot(counts, by_attribution, "o-", color=FOR, markersize=3, label="by what they add")
        ax.set_xticks(counts, [str(count) for count in counts])
        ax.set(xlabel="frequencies taken out", ylabel="score")
        ax.set_title(f"gain over random order: {deletion.gain:+.2f} (p = {deletion.p_value:.2f})")
        ax.legend(frameon=False)
        _open_frame(ax)
    return ax


def plot_randomisation(finding: Finding, *, ax: Axes | None = None) -> Axes:
    """Draw how like the maps are to those of random weights."""
    with style():
        ax = ax or new_axes((3.9, 2.6))
        ax.axhspan(-0.3, 0.3, color="#EEEEEE", zorder=0)
        ax.axhline(0, color="black", linewidth=0.6)
        for (name, comparison), colour in zip(finding.tests.randomisation.items(), OKABE_ITO, strict=False):
            ax.plot(range(len(comparison.stages)), comparison.likeness, "o-", color=colour, markersize=3, label=name)
            ax.set_xticks(
                range(len(comparison.stages)),
                [f"…{stage}" if i else stage for i, stage in enumerate(comparison.stages)],
            )
        ax.set(ylim=(-1, 1), xlabel="weights made random, from the logit down to", ylabel="Spearman's coefficient")
        ax.set_title("likeness to maps of random weights")
        ax.legend(frameon=False)
        _open_frame(ax)
    return ax


def plot_curve(finding: Finding, curve: ScoreCurve, *, ax: Axes | None = None) -> Axes:
    """Draw one score curve."""
    with style():
        ax = ax or new_axes((3.0, 2.3))
        ax.plot(curve.values, curve.logits, "o-", color="#0072B2", markersize=3)
        ax.axhspan(*_inconclusive(finding, ax.get_ylim()), color="#EEEEEE", zorder=0)
        for place, _ in curve.crossings:
            ax.axvline(place, color=FOR, linewidth=0.8, linestyle="--")
        if curve.values[0] > curve.values[-1]:
            ax.invert_xaxis()
        ax.set(xlabel=curve.axis, ylabel="score")
        ax.set_title(_crossings_in_words(curve))
        _open_frame(ax)
    return ax


def plot_tiles(finding: Finding, *, ax: Axes | None = None) -> Axes:
    """Draw the logits of the tiles, each scored by itself."""
    with style():
        ax = ax or new_axes((3.9, 3.4))
        tiles = finding.changes.tiles
        if tiles is None:
            ax.set_axis_off()
            ax.text(0.5, 0.5, "the view has no two tiles", ha="center", transform=ax.transAxes)
            return ax
        values = np.array(tiles.logits)
        # Parts of a fused detector share a scale on which few photographs lie above 1.
        end = 6 if finding.score.parts is None else 2
        picture = ax.imshow(values, cmap=_DIVERGING, vmin=-end, vmax=end, interpolation="nearest")
        for row, column in np.ndindex(values.shape):
            value = values[row, column]
            ax.text(column, row, f"{value:+.1f}", ha="center", va="center", fontsize=6.5 if values.size < 40 else 5,
                    color="white" if abs(value) > 0.6 * end else "black")  # fmt: skip
        ax.set_axis_off()
        ax.set_title(f"tiles of {tiles.side} pixels; standard deviation {tiles.spread:.2f}")
        _bar(ax, picture, "score", (-end, -end / 2, 0, end / 2, end))
    return ax


def plot_standing(finding: Finding, *, ax: Axes | None = None) -> Axes:
    """Draw the residual's power by frequency among photographs' percentiles."""
    with style():
        ax = ax or new_axes((3.9, 2.6))
        standing = finding.comparison.standing
        if standing is None:
            ax.set_axis_off()
            return ax
        rows = np.array(standing.percentiles)
        for low, high, alpha in ((0, -1, 0.15), (1, -2, 0.2), (2, -3, 0.3)):
            ax.fill_between(standing.frequencies, rows[low], rows[high], color="#0072B2", alpha=alpha, linewidth=0,
                            label=f"photographs, {PERCENTILES[low]} to {PERCENTILES[high]} %")  # fmt: skip
        ax.plot(standing.frequencies, standing.levels, color=FOR, linewidth=1.2, label="this image")
        ax.set(xlabel="radial frequency (cycles per pixel)", ylabel="residual power (dB)", xlim=(0, 0.5))
        ax.set_title(f"outside 1 to 99 % at {standing.outside:.0%} of the frequencies")
        ax.legend(frameon=False, fontsize=6)
        _open_frame(ax)
    return ax


def plot_nearest(finding: Finding, *, ax: Axes | None = None) -> Axes:
    """Draw how like the lattice is to generators'."""
    with style():
        ax = ax or new_axes((3.9, 2.6))
        nearest = finding.comparison.nearest
        if nearest is None or not nearest.likeness:
            ax.set_axis_off()
            return ax
        names = [name for name, _ in nearest.likeness]
        values = [value for _, value in nearest.likeness]
        colours = [FOR if name == nearest.name else _GREY for name in names]
        ax.barh(range(len(names)), values, color=colours)
        ax.set_yticks(range(len(names)), names)
        ax.invert_yaxis()
        ax.axvline(0, color="black", linewidth=0.6)
        ax.set(xlabel="correlation of the lattices", xlim=(-0.3, 1))
        ax.set_title(
            f"{nearest.name or ('not named' if nearest.alike else 'unknown')}"
            f" (p = {nearest.p_value:.2g}, {nearest.images} photographs)",
            parse_math=False,
        )
        _open_frame(ax)
    return ax


def plot_cosines(finding: Finding, *, ax: Axes | None = None) -> Axes:
    """Draw what each mode of the 8x8 cosine transform adds."""
    with style():
        ax = ax or new_axes((3.4, 3.0))
        norm = SymLogNorm(0.02, vmin=-2, vmax=2, base=10)
        picture = ax.imshow(finding.maps["cosines"], cmap=_DIVERGING, norm=norm, interpolation="nearest")
        ax.set(xlabel="horizontal mode", ylabel="vertical mode")
        ax.set_title("8×8 cosine modes")
        _bar(ax, picture, "score", (-2, -0.1, 0, 0.1, 2))
    return ax


def plot_wavelets(finding: Finding, *, ax: Axes | None = None) -> Axes:
    """Draw what wavelets add: by subband, the sum; in each panel, the place."""
    with style():
        ax = ax or new_axes((3.9, 3.4))
        names = [name for name in finding.maps if name.startswith("wavelet ")]
        levels = max(int(name.split()[-1]) for name in names if name[-1].isdigit())
        mosaic = finding.maps["wavelet smooth"]
        for level in range(levels, 0, -1):
            across, down, both = (
                finding.maps[f"wavelet {kind} {level}"] for kind in ("horizontal", "vertical", "diagonal")
            )
            mosaic = np.block([[mosaic, down], [across, both]])
        norm = SymLogNorm(0.005, vmin=-0.2, vmax=0.2, base=10)
        picture = ax.imshow(_summed(mosaic, 64), cmap=_DIVERGING, norm=norm, interpolation="nearest",
                            extent=(0, 1, 1, 0), aspect=mosaic.shape[0] / mosaic.shape[1])  # fmt: skip
        end = 1.0
        for level in range(1, levels + 1):
            half = end / 2
            ax.plot([half, half], [0, end], color="black", linewidth=0.5)
            ax.plot([0, end], [half, half], color="black", linewidth=0.5)
            for kind, (x, y) in {"horizontal": (0.02, half), "vertical": (half, 0), "diagonal": (half, half)}.items():
                if level < 3:
                    total = finding.maps[f"wavelet {kind} {level}"].sum()
                    ax.text(x + 0.01, y + 0.015, f"{total:+.2f}", fontsize=6, va="top")
            end = half
        ax.set_axis_off()
        ax.set_title("wavelets: details of 1, 2, 4 pixels; with sums")
        _bar(ax, picture, "score", (-0.2, -0.02, 0, 0.02, 0.2))
    return ax


def plot_cam(finding: Finding, *, ax: Axes | None = None) -> Axes:
    """Draw the last stage's Grad-CAM; for a detector of coherence its places are frequencies."""
    with style():
        ax = ax or new_axes((3.9, 3.4))
        cam = finding.maps["cam"]
        norm = SymLogNorm(0.02, vmin=-4, vmax=4, base=10)
        if "input" in finding.maps:
            picture = ax.imshow(cam, cmap=_DIVERGING, norm=norm, interpolation="nearest", extent=(-0.5, 0.5, 0.5, -0.5))
            frequency_axes(ax)
        else:
            picture = ax.imshow(cam, cmap=_DIVERGING, norm=norm, interpolation="nearest")
            ax.set_axis_off()
        ax.set_title("Grad-CAM of the last stage")
        _say_unmoved(ax, cam)
        _bar(ax, picture, "score", (-4, -0.5, 0, 0.5, 4))
    return ax


def plot_occlusion(finding: Finding, *, ax: Axes | None = None) -> Axes:
    """Draw how the logit falls when a window is replaced by its median."""
    with style():
        ax = ax or new_axes((3.9, 3.4))
        values = finding.maps["occlusion"]
        norm = SymLogNorm(0.05, vmin=-2, vmax=2, base=10)
        picture = ax.imshow(values, cmap=_DIVERGING, norm=norm, interpolation="nearest")
        ax.set_axis_off()
        ax.set_title("fall of the score without each window's residual")
        _say_unmoved(ax, values)
        _bar(ax, picture, "score", (-2, -0.5, 0, 0.5, 2))
    return ax


VIEWS: Final[dict[str, Callable[..., Axes]]] = {
    "image": plot_image,
    "location": plot_location,
    "frequencies": plot_frequencies,
    "bands": plot_bands,
    "counterfactuals": plot_counterfactuals,
    "deletion": plot_deletion,
    "randomisation": plot_randomisation,
    "tiles": plot_tiles,
    "standing": plot_standing,
    "nearest": plot_nearest,
    "input": plot_input,
    "sensitivity": plot_sensitivity,
    "wavelets": plot_wavelets,
    "cosines": plot_cosines,
    "cam": plot_cam,
    "occlusion": plot_occlusion,
}
"""By name; each takes a finding and `ax`. `plot_curve` takes a curve, too."""


def _crossings_in_words(curve: ScoreCurve) -> str:
    """Such as "below +2.00 from 92, above again from 60"."""
    if not curve.crossings:
        return "keeps its side" if curve.flip is None else f"on the other side of {curve.threshold:+.2f} throughout"
    words = []
    for number, (place, rises) in enumerate(curve.crossings):
        limit = f" {curve.threshold:+.2f}" if not number else " again"
        words.append(f"{'above' if rises else 'below'}{limit} from {place:.3g}")
    return ", ".join(words[:3]) + (", ..." if len(words) > 3 else "")


def _frame(ax: Axes, box: tuple[int, int, int, int], scale: float, line: Any) -> None:
    x, y, width, height = (value * scale for value in box)
    for colour, thickness in (("white", 2.5), ("black", 1.0)):
        ax.add_patch(
            Rectangle(
                (x - 0.5, y - 0.5),
                width,
                height,
                fill=False,
                edgecolor=colour,
                linewidth=thickness,
                linestyle="solid" if colour == "white" else line,
            )
        )


def _inconclusive(finding: Finding, limits: tuple[float, float]) -> tuple[float, float]:
    """The thresholds; where one is infinite, the axis' end."""
    low, high = finding.score.thresholds.low, finding.score.thresholds.high
    ends = min(limits), max(limits)
    return low if np.isfinite(low) else ends[0], high if np.isfinite(high) else ends[1]


def _pooled(values: NDArray[Any], cells: int) -> NDArray[Any]:
    """The greatest value around each of an odd number of frequencies from -1/2 to 1/2."""
    height, width = values.shape
    rows, columns = (np.round(np.linspace(-0.5, 0.5, cells) * side).astype(int) for side in (height, width))
    reach = [int(np.ceil(side / (cells - 1) / 2)) for side in (height, width)]
    out = np.zeros((cells, cells), values.dtype)
    for down in range(-reach[0], reach[0] + 1):
        for right in range(-reach[1], reach[1] + 1):
            place = np.ix_((rows + down + height // 2) % height, (columns + right + width // 2) % width)
            out = np.maximum(out, values[place])
    return out


def _summed(values: NDArray[Any], cells: int) -> NDArray[Any]:
    """Sums over as many cells a side, as nearly equal as can be."""
    rows, columns = (np.linspace(0, side, min(cells, side) + 1).astype(int)[:-1] for side in values.shape)
    return np.asarray(np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1))


def _bar(ax: Axes, picture: Any, label: str, ticks: tuple[float, ...]) -> None:
    figure = ax.get_figure()
    if figure is not None:
        bar = figure.colorbar(picture, ax=ax, label=label, shrink=0.9, extend="both")
        bar.set_ticks(list(ticks), labels=[f"{tick:g}".replace("-", "−") for tick in ticks])
        bar.minorticks_off()


def _say_unmoved(ax: Axes, values: NDArray[Any], *, colour: str = "black") -> None:
    """Say so where not one value differs from zero."""
    if not np.any(values):
        ax.text(0.5, 0.6, "nothing changes the score", ha="center", color=colour, transform=ax.transAxes)


def _open_frame(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
