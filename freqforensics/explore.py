"""Explorers for notebooks: one call each, with widgets where ipywidgets is installed, and without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from freqforensics.attribution.counterfactual import notch
from freqforensics.attribution.differentiable import TILE
from freqforensics.attribution.notches import Line, lattice_lines, line_name, notched, rounded
from freqforensics.attribution.outcomes import Counterfactual
from freqforensics.detector.calibrated import CalibratedDetector, open_detector
from freqforensics.detector.inference import folded
from freqforensics.detector.weights import DEFAULT
from freqforensics.inspection.score import judge_image
from freqforensics.perturbations.canvases import Region
from freqforensics.sources.records import ImageRecord, by_generator, first_of_each
from freqforensics.sources.selection import Sources
from freqforensics.sources.sources import index_sources
from freqforensics.spectra import (
    MeanSpectrum,
    Residual,
    SpectralLine,
    SpectrumAccumulator,
    SpectrumSpec,
    Window,
    find_peaks,
    high_pass_residual,
    mean_spectrum,
)
from freqforensics.spectra.spec import channel_planes

if TYPE_CHECKING:
    from freqforensics.figures.plane import PlotKind

Uint8 = NDArray[np.uint8]
Images = NDArray[Any] | Sequence[NDArray[Any]] | Sequence[ImageRecord] | Sequence[str | Path] | str | Path
Group = tuple[str, str]

KERNELS: Final = (3, 5)
"""Offered by the widget; larger medians of luma take seconds."""
KINDS: Final = ("coherent", "power", "log_power", "coherence")
LEVEL: Final = 0.05
_ARRAYS: Final = "images"


def explore_spectrum(
    images_or_sources: Images,
    *,
    generator: str | None = None,
    residual: Residual = "median",
    kernel: int = 5,
    window: Window = "none",
    kind: PlotKind = "coherent",
    size: int = 128,
    limit: int | None = 100,
    widgets: bool = True,
) -> Any:
    """Look at averaged spectra, one generator after the other, real beside fake.

    Parameters
    ----------
    images_or_sources : array, sequence of arrays, of ImageRecord or of paths, or path
        Arrays as for `SpectrumAccumulator.update`; paths are sources, as for `index_sources`.
    generator : str, optional
        Default the first, in the order of names.
    residual, kernel, window
        High-pass filter, its size and the window, as for `SpectrumSpec`.
    kind : {"coherent", "power", "log_power", "coherence"}
        Quantity that is drawn, as for `plot_spectrum`.
    size : int
        Side of the central crops, pixels; smaller images are skipped.
    limit : int, optional
        Maximum number of images of each generator and label; the first are taken, which keeps the figure quick.
    widgets : bool
        Offer the choices as widgets. Without ipywidgets this makes no difference.

    Returns
    -------
    ipywidgets.VBox or Figure
        The former shows itself as the last line of a cell, and draws anew at every choice; its choices are
        ``.choices``, a dict of widgets by name.

    Raises
    ------
    ValueError
        No image, a generator that is not there, or a setting that does not exist.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
    groups = _grouped(images_or_sources, limit)
    names = sorted({name for name, _ in groups})
    chosen = names[0] if generator is None else generator
    if chosen not in names:
        raise ValueError(f"generator must be one of {', '.join(names)}; got {generator!r}")
    known: dict[tuple[Group, SpectrumSpec], MeanSpectrum] = {}

    def draw(generator: str, residual: Residual, kernel: int, window: Window, kind: PlotKind) -> Any:
        from freqforensics.figures.explore import plot_labels

        spec = SpectrumSpec(size=size, residual=residual, kernel=kernel, window=window)
        spectra = {}
        for (name, label), members in groups.items():
            if name == generator:
                key = ((name, label), spec)
                if key not in known:
                    known[key] = _average(members, spec)
                spectra[label] = known[key]
        return plot_labels(spectra, kind, title="" if generator == _ARRAYS else generator)

    settings: dict[str, Any] = {
        "generator": chosen,
        "residual": residual,
        "kernel": kernel,
        "window": window,
        "kind": kind,
    }
    if not widgets or (offered := _ipywidgets()) is None:
        return draw(**settings)
    options = {
        "generator": names,
        "residual": list(get_args(Residual)),
        "kernel": sorted({*KERNELS, kernel}),
        "window": list(get_args(Window)),
        "kind": list(KINDS),
    }
    choices = {
        name: offered.Dropdown(options=options[name], value=value, description=name) for name, value in settings.items()
    }
    return _live(offered, choices, draw)


@dataclass(frozen=True, eq=False)
class NotchedImage:
    """The view of an image that was scored, before and after some frequencies were notched.

    Parameters
    ----------
    original, image : ndarray of uint8, (H, W, 3)
        The view before and after; the latter rounded to grey levels.
    spectrum : MeanSpectrum
        Averages of the original: its tiles of 32 pixels take the place of images, luma, 5x5 median residual.
    peaks : tuple of SpectralLine
        The most significant frequencies of `spectrum`, significant or not.
    frequencies : tuple of (fx, fy)
        What was notched, cycles per pixel.
    change : Counterfactual
        What that does to the logit.
    threshold : float
        Logit above which an image of this kind is called evidence.
    box : (int, int, int, int)
        x, y, width, height of the view in the image, pixels.
    """

    original: Uint8
    image: Uint8
    spectrum: MeanSpectrum
    peaks: tuple[SpectralLine, ...]
    frequencies: tuple[Line, ...]
    change: Counterfactual
    threshold: float
    box: Region

    @property
    def logit_before(self) -> float:
        """Of the original."""
        return self.change.before

    @property
    def logit_after(self) -> float:
        """Of the notched image before it is rounded: many lattices are fainter than half a grey level."""
        return self.change.after

    @property
    def logit_rounded(self) -> float:
        """Of `image`."""
        return self.change.after_rounded

    def figure(self) -> Any:
        """Draw the spectrum with its significant peaks, the notched image, what was taken out, and the logits.

        Returns
        -------
        Figure
        """
        from freqforensics.figures.explore import plot_notched

        return plot_notched(
            self.original,
            self.image,
            self.spectrum,
            peaks=[(line.fx, line.fy) for line in self.peaks if line.p_corrected <= LEVEL],
            chosen=self.frequencies,
            change=self.change,
            threshold=self.threshold,
        )


def explore_notches(
    image: Uint8 | str | Path,
    *,
    detector: CalibratedDetector | str | Path = DEFAULT,
    region: Region | None = None,
    peaks: int = 12,
    frequencies: Sequence[Line] | None = None,
    widgets: bool = True,
) -> Any:
    """Take frequencies out of an image, and see what becomes of it and of its score.

    In a large image, this is done to the view whose logit is the image's, as in `inspect`.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3), or path
    detector : CalibratedDetector, str or Path
        Of `open_detector`, or what it opens.
    region : (int, int, int, int), optional
        x, y, width, height of the part to judge, pixels; default what `find_region` finds.
    peaks : int
        Maximum number of peaks to choose from.
    frequencies : sequence of (fx, fy), optional
        What is notched (at first), cycles per pixel; see `lattice_lines`. Default the strongest peak.
    widgets : bool
        Offer peaks and lattices to choose from. Without ipywidgets this makes no difference.

    Returns
    -------
    ipywidgets.VBox or NotchedImage
        The former shows itself as the last line of a cell; its choices are ``.choices``, its latest `NotchedImage` is
        ``.result``.

    Raises
    ------
    ValueError
        Something that is no image, or cannot be judged; `peaks` below 1.
    ImageReadError, FileNotFoundError
        The file cannot be read, or there is no such detector.
    """
    if peaks < 1:
        raise ValueError(f"peaks must be at least 1, got {peaks}")
    opened = detector if isinstance(detector, CalibratedDetector) else open_detector(detector)
    twin = folded(opened.detector)
    judged = judge_image(image, opened, region=region, scorer=twin)
    pixels, box = judged.view, judged.box
    spectrum = tile_spectrum(pixels)
    spectral_lines = find_peaks(spectrum, fdr=0.999, background="none")[:peaks]

    def take_out(lines: Sequence[Line]) -> NotchedImage:
        lines = tuple(lines)
        notched_pixels = rounded(notched(pixels, lines)) if lines else pixels
        change = notch(pixels, twin, lines, nulls=0)
        return NotchedImage(
            pixels, notched_pixels, spectrum, spectral_lines, lines, change, judged.score.thresholds.high, box
        )

    first = tuple(frequencies) if frequencies is not None else tuple((line.fx, line.fy) for line in spectral_lines[:1])
    if not widgets or (offered := _ipywidgets()) is None:
        return take_out(first)
    options: dict[str, tuple[Line, ...]] = {_shown(line): ((line.fx, line.fy),) for line in spectral_lines}
    options |= {f"the lattice of 1/{q} (all lines)": lattice_lines(q) for q in (2, 4, 8)}
    if frequencies is not None:
        options = {"as given": first, **options}
    select = offered.SelectMultiple(
        options=list(options),
        value=list(options)[:1],
        rows=min(16, len(options)),
        description="take out",
        layout={"width": "28em"},
    )

    def draw(lines: tuple[str, ...]) -> Any:
        taken = take_out(tuple(dict.fromkeys(line for name in lines for line in options[name])))
        panel.result = taken
        return taken.figure()

    panel = _live(offered, {"lines": select}, draw, at_once=False)
    panel.redraw()
    return panel


def tile_spectrum(image: Uint8, *, size: int = TILE) -> MeanSpectrum:
    """Average over the tiles of one image, as if each were an image: what the shipped detector sees of luma.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
    size : int
        Side of the tiles, cut from the upper left corner.

    Returns
    -------
    MeanSpectrum
        `images` counts tiles. Its p-values take them to be independent, which neighbours are not quite.
    """
    spec = SpectrumSpec(size=size, align=size)
    plane = high_pass_residual(channel_planes(image, spec.channel)[0], spec.residual, kernel=spec.kernel)
    height, width = (side // size * size for side in plane.shape)
    tiles = plane[:height, :width].reshape(height // size, size, width // size, size).swapaxes(1, 2)
    # The residual is the whole image's: taken tile by tile, it would see borders where there are none.
    accumulator = SpectrumAccumulator(SpectrumSpec(size=size, residual="none"))
    accumulator.update(tiles.reshape(-1, size, size))
    return accumulator.result()


def _grouped(images: Images, limit: int | None) -> dict[Group, list[Any]]:
    """Arrays or records by generator and label; arrays are one group."""
    if isinstance(images, (str, Path)):
        images = [images]
    if isinstance(images, np.ndarray) and images.ndim not in (3, 4):
        raise ValueError(f"images must have shape (N, H, W) or (N, H, W, 3), got {images.shape}")
    members = list(images)
    if not members:
        raise ValueError("there is no image to look at")
    if all(isinstance(member, np.ndarray) for member in members):
        return {(_ARRAYS, "unknown"): members[:limit]}
    if all(isinstance(member, ImageRecord) for member in members):
        records = members
    elif all(isinstance(member, (str, Path)) for member in members):
        records = index_sources(images if isinstance(images, Sources) else members)
    else:
        raise TypeError("images must be arrays, ImageRecords, or sources, all of one kind")
    return {key: list(group) for key, group in by_generator(first_of_each(records, limit)).items()}


def _average(members: list[Any], spec: SpectrumSpec) -> MeanSpectrum:
    if isinstance(members[0], np.ndarray):
        accumulator = SpectrumAccumulator(spec)
        accumulator.update(members)
        return accumulator.result()
    return mean_spectrum(members, spec=spec, on_error="skip")


def _shown(line: SpectralLine) -> str:
    """A peak, as the widget lists it."""
    mark = "" if line.p_corrected <= LEVEL else ", not significant"
    return f"{line_name((line.fx, line.fy))}  N R {line.nr:.1f}{mark}"


def _ipywidgets() -> Any:
    """The library, or None where it is not installed."""
    try:
        import ipywidgets
    except ImportError:
        return None
    return ipywidgets


def _live(offered: Any, choices: dict[str, Any], draw: Callable[..., Any], *, at_once: bool = True) -> Any:
    """Widgets above a figure that is drawn again when one of them changes; what cannot be drawn is said below."""
    from freqforensics.figures.explore import png_of

    picture, words = offered.Image(format="png"), offered.HTML()

    def redraw(_: object = None) -> None:
        try:
            picture.value = png_of(draw(**{name: choice.value for name, choice in choices.items()}))
            words.value = ""
        except ValueError as error:
            words.value = f"<i>{_escaped(str(error))}</i>"

    for choice in choices.values():
        choice.observe(redraw, names="value")
    box = offered.VBox([*choices.values(), words, picture])
    box.choices, box.redraw = choices, redraw
    if at_once:
        redraw()
    return box


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
