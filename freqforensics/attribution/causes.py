"""What else than a generator leaves periodic traces in an image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from freqforensics.attribution.bases import fourier_map
from freqforensics.attribution.outcomes import OtherCause
from freqforensics.attribution.path import PathGradient
from freqforensics.images import JpegTables
from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec, estimate_upsampling
from freqforensics.spectra.resampling import TraceAccumulator

Uint8 = NDArray[np.uint8]


def other_causes(
    part: Uint8, jpeg: JpegTables | None, path: PathGradient | None, *, gap: float | None = None, file: bool = True
) -> tuple[OtherCause, ...]:
    """Look for JPEG's grid, resampling, colour interpolation, and for a lattice without any detector.

    Parameters
    ----------
    part : ndarray of uint8, (H, W, 3)
    jpeg : JpegTables or None
        Tables of the file, if it is a JPEG.
    path : PathGradient or None
        Averaged gradient of the same part; None of a detector without a gradient.
    file : bool
        The image comes from a file, which `jpeg` is of.

    Returns
    -------
    tuple of OtherCause
    """
    causes = []
    side = 128
    squares = [
        np.ascontiguousarray(part[row : row + side, column : column + side])
        for row in range(0, part.shape[0] - side + 1, side)
        for column in range(0, part.shape[1] - side + 1, side)
    ]
    report = None
    if len(squares) >= 2:
        accumulator, trace = SpectrumAccumulator(SpectrumSpec(size=32)), TraceAccumulator(size=side)
        accumulator.update(
            part[row : row + 32, column : column + 32]
            for row in range(0, part.shape[0] - 31, 32)
            for column in range(0, part.shape[1] - 31, 32)
        )
        for square in squares:
            trace.add(square)
        report = estimate_upsampling(accumulator.result(), trace=trace.result())
    grid, resampled = (None, None) if report is None else report.alternatives
    if jpeg is not None:
        tables = "libjpeg's tables" if jpeg.standard else "tables of its own, nearest to that quality"
        says = (
            f"The file is a JPEG of quality {jpeg.quality} ({tables}, {jpeg.subsampling}). Blocks of 8 pixels leave"
            " lines at multiples of 1/8, of little coherence; below a quality of about 80 they also hide others."
        )
        causes.append(OtherCause("JPEG", True, says))
    elif grid is not None:
        says = ("The file is not a JPEG, " if file else "There is no file to look at, ") + (
            "but its pixels bend every 8 pixels as those of one do: it was one before."
            if grid.found
            else "and no grid of 8 pixels was found."
        )
        causes.append(OtherCause("JPEG", grid.found, says))
    else:
        causes.append(OtherCause("JPEG", None, "No JPEG file; the image is too small to look for an earlier one."))
    if resampled is None:
        causes.append(OtherCause("resampling", None, "The image is too small to look for resampling."))
    elif resampled.found:
        says = (
            f"The second difference is periodic at {resampled.frequency:.3f} cycles per pixel, {resampled.evidence:.1f}"
            " times its surroundings: the image seems to have been resized, which moves and adds lines."
        )
        causes.append(OtherCause("resampling", True, says))
    else:
        causes.append(OtherCause("resampling", False, "No period of interpolation was found in the second difference."))
    causes.append(_colour(path, gap))
    if report is not None:
        says = f"The lattice test over the image's own tiles, which knows no detector: {report.verdict}."
        causes.append(OtherCause("lattice of tiles", report.factor is not None, says))
    says = (
        "Not tested. Cloth, screens, halftones and other regular textures have lines, too; they seldom fall on simple"
        " fractions, and lie where the texture is: compare the tiles."
    )
    causes.append(OtherCause("moiré and texture", None, says))
    return tuple(causes)


def _colour(path: PathGradient | None, gap: float | None) -> OtherCause:
    """Say whether lines at Nyquist come from the colour differences alone."""
    name = "colour interpolation"
    if path is None or path.planes != ("Y", "Cr", "Cb"):
        return OtherCause(name, None, "Not tested: only the baseline incoherent tells luma from colour differences.")
    values = []
    for index in range(3):
        only = replace(
            path,
            difference=path.difference[:, index : index + 1],
            gradient=path.gradient[:, index : index + 1],
        )
        plane = fourier_map(only)
        values.append(float(plane[0, 0] + plane[0, plane.shape[1] // 2] + plane[plane.shape[0] // 2, 0]))
    colour, luma = values[1] + values[2], values[0]
    interpolated = abs(colour) > 0.25 * max(abs(path.gap if gap is None else gap), 0.2) and abs(colour) > 2 * abs(luma)
    says = (
        f"At (1/2, 0), (0, 1/2) and (1/2, 1/2) the colour differences add {colour:+.2f} logits, luma {luma:+.2f}."
        + (
            " Cameras' demosaicking and chroma interpolation leave lines in the colour differences there."
            if interpolated
            else " Demosaicking and chroma interpolation would leave them in the colour differences."
        )
    )
    return OtherCause(name, interpolated, says)
