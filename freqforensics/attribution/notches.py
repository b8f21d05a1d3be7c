"""Lines of a spectrum, taken down to their surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from freqforensics.spectra import half_plane_weights, notch_mask

Line = tuple[float, float]
"""fx, fy in cycles per pixel."""
Shape = tuple[int, int]
Spectra = NDArray[np.complex64]

_TILE: Final = 32
_AROUND: Final = 7
"""Bins to each side whose median amplitude takes the place of a line's."""


def lattice_lines(denominator: int) -> tuple[Line, ...]:
    """Give the frequencies (a/q, b/q) but for DC, each mirror pair once.

    Parameters
    ----------
    denominator : int
        q, from 2.

    Examples
    --------
    >>> lattice_lines(2)
    ((0.5, 0.0), (0.0, 0.5), (0.5, 0.5))
    """
    lines = []
    for row in range(denominator):
        for column in range(denominator):
            mirror = (-row % denominator, -column % denominator)
            if (row, column) != (0, 0) and (row, column) <= mirror:
                lines.append((_folded(column / denominator), _folded(row / denominator)))
    return tuple(lines)


def line_name(line: Line) -> str:
    """Give a frequency as fractions, where they are simple.

    >>> line_name((0.5, -0.25)), line_name((0.0, 0.21875)), line_name((0.1234, 0.0))
    ('(1/2, -1/4)', '(0, 7/32)', '(0.1234, 0)')
    """
    fractions = [Fraction(f).limit_denominator(64) for f in line]
    exact = [str(near) if abs(near - f) < 1e-9 else f"{f:g}" for near, f in zip(fractions, line, strict=True)]
    return f"({', '.join(exact)})"


def ranked_lines(plane: NDArray[np.float64], *, sign: float = 1.0) -> tuple[Line, ...]:
    """Order frequencies by their attribution.

    Parameters
    ----------
    plane : ndarray of float64, shape (q, q)
        A Fourier map of tiles of side q, DC in the middle.
    sign : float
        Sign of the values that come first. Those of the other sign, and those of 0, are left out.

    Returns
    -------
    tuple of (fx, fy)
        Cycles per pixel, each mirror pair once.
    """
    values = {line: sign * value for line, value in line_values(plane).items()}
    return tuple(sorted((line for line in values if values[line] > 0), key=lambda line: -values[line]))


def line_values(plane: NDArray[np.float64]) -> dict[Line, float]:
    """Give what each frequency of a Fourier map and its mirror image add together, DC left out; as `ranked_lines`."""
    side = plane.shape[0]
    return {line: sum(float(plane[place]) for place in plane_bins(line, side)) for line in lattice_lines(side)}


def plane_bins(line: Line, side: int) -> tuple[tuple[int, int], ...]:
    """Give the places of a frequency and of its mirror image in a plane of (side, side), DC in the middle.

    >>> plane_bins((0.25, 0.0), 8), plane_bins((0.5, 0.5), 8)
    (((4, 2), (4, 6)), ((0, 0),))
    """
    row, column = (round(f * side) for f in (line[1], line[0]))
    half = side // 2
    return tuple(sorted({((sign * row + half) % side, (sign * column + half) % side) for sign in (1, -1)}))


def line_bin(line: Line, side: int) -> tuple[int, int] | None:
    """Give numbers that a frequency and its mirror image share; None if it is no multiple of 1 / side.

    >>> line_bin((0.25, 0.5), 8) == line_bin((-0.25, -0.5), 8), line_bin((0.3, 0.0), 8)
    (True, None)
    """
    row, column = (side * f for f in (line[1], line[0]))
    if abs(row - round(row)) > 1e-6 or abs(column - round(column)) > 1e-6:
        return None
    here = round(row) % side, round(column) % side
    return min(here, (-here[0] % side, -here[1] % side))


def notched(image: NDArray[Any], lines: Sequence[Line], *, reach: int = 1) -> NDArray[np.float32]:
    """Notch lines: set their amplitude to that of their surroundings and keep their phases.

    Parameters
    ----------
    image : ndarray, (H, W, 3)
        Grey levels.
    lines : sequence of (fx, fy)
        Cycles per pixel.
    reach : int
        Number of bins around each line that are notched, too, as for `notch_mask`.

    Returns
    -------
    ndarray of float32, (H, W, 3)
        Not rounded, not clipped. The amplitude is the median of the 15 x 15 bins around that are in no notch.

    Examples
    --------
    A wave of 1/4 cycles per pixel is taken out of the noise around it.

    >>> noise = np.random.default_rng(0).normal(128, 5, (64, 64, 3))
    >>> image = noise + 30 * np.cos(np.pi / 2 * np.arange(64))[:, None]
    >>> float(image.std().round(1)), float(notched(image, [(0.25, 0.0)]).std().round(1))
    (21.8, 5.0)
    """
    spectra, shape = spectra_of(image), (image.shape[0], image.shape[1])
    return image_of(spectra + notch_change(spectra, lines, shape, reach=reach), shape)


def notch_change(spectra: Spectra, lines: Sequence[Line], shape: Shape, *, reach: int = 1) -> Spectra:
    """What notching adds to the spectra of an image, (3, H, W // 2 + 1); parameters as for `notched`."""
    mask = notch_mask(shape, lines, reach=reach)
    rows, columns = np.nonzero(mask)
    change = np.zeros_like(spectra)
    change[:, rows, columns] = _changes(spectra, mask, rows, columns, shape)
    return change


class NotchedLine(NamedTuple):
    """What one notch changes, over both mirror images and all colours.

    Parameters
    ----------
    energy : float
        Squared amplitude of the change.
    removed : float
        Power that it takes out of the image; negative where a line is below its surroundings, and is raised.
    """

    energy: float
    removed: float


class LoneNotches:
    """What notching each multiple of 1/32 by itself changes in an image; for several `notch` of one image.

    Parameters
    ----------
    spectra : ndarray of complex64, (3, H, W // 2 + 1)
    shape : (int, int)
        Height and width of the image, pixels.
    reach : int
        As for `notch_mask`.
    """

    def __init__(self, spectra: Spectra, shape: Shape, *, reach: int = 1) -> None:
        self.reach = reach
        self.lines = lattice_lines(_TILE)
        self.bins, self.changes, self.notches = [], [], []
        for line in self.lines:
            bins, change, notch = _lone_notch(spectra, line, shape, reach)
            self.bins.append(bins)
            self.changes.append(change)
            self.notches.append(notch)

    def beside(self, mask: NDArray[np.bool_], spectra: Spectra) -> tuple[list[Line], Spectra, list[NotchedLine]]:
        """Give the lines none of whose bins is in a mask, (H, W // 2 + 1), and the changes of all of them.

        Where the bins of two lines overlap, the change is that of the later one.
        """
        others, whole, notches = [], np.zeros_like(spectra), []
        for line, (rows, columns), change, notch in zip(self.lines, self.bins, self.changes, self.notches, strict=True):
            if not mask[rows, columns].any():
                others.append(line)
                whole[:, rows, columns] = change
                notches.append(notch)
        return others, whole, notches


def lone_notch(spectra: Spectra, line: Line, shape: Shape, *, reach: int = 1) -> NotchedLine:
    """Give what notching one line by itself changes; parameters as for `notched`."""
    return _lone_notch(spectra, line, shape, reach)[2]


def _lone_notch(
    spectra: Spectra, line: Line, shape: Shape, reach: int
) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], Spectra, NotchedLine]:
    weights = half_plane_weights(shape)
    mask = notch_mask(shape, [line], reach=reach)
    rows, columns = np.nonzero(mask)
    before, change = spectra[:, rows, columns], _changes(spectra, mask, rows, columns, shape)
    removed = np.abs(before) ** 2 - np.abs(before + change) ** 2
    notch = NotchedLine(
        float((np.abs(change) ** 2 * weights[columns]).sum()), float((removed * weights[columns]).sum())
    )
    return (rows, columns), change, notch


def dense_reach(shape: Shape) -> int:
    """Give the reach for many multiples of 1/32: 1, but 0 below 128 pixels, where no bin would be left between them."""
    return int(min(shape) >= 128)


def _changes(
    spectra: Spectra, mask: NDArray[np.bool_], rows: NDArray[np.intp], columns: NDArray[np.intp], shape: Shape
) -> Spectra:
    """What is added at each bin of a mask, (3, number of bins)."""
    height, width = shape
    if not len(rows):
        return np.zeros((len(spectra), 0), np.complex64)
    offsets = np.arange(-_AROUND, _AROUND + 1)
    near_rows, near_columns = np.broadcast_arrays(
        rows[:, None, None] + offsets[:, None], np.mod(columns[:, None, None] + offsets[None, :], width)
    )
    # The other half of the plane is the mirror image of this one.
    mirrored = near_columns > width // 2
    near_rows = np.where(mirrored, -near_rows, near_rows) % height
    near_columns = np.where(mirrored, width - near_columns, near_columns)
    taken = mask[near_rows, near_columns] | ((near_rows == 0) & (near_columns == 0))
    around = np.where(taken, np.inf, np.abs(spectra[:, near_rows, near_columns])).reshape(len(spectra), len(rows), -1)
    amplitude = np.abs(spectra[:, rows, columns])
    free = (~taken).reshape(len(rows), -1).sum(axis=1)
    # The median of those that are free, which come first; where nothing around is free, a line stays as it is.
    around.sort(axis=2)
    middle = np.stack([np.maximum(free - 1, 0) // 2, free // 2])[None]
    lower, upper = (np.take_along_axis(around, middle[:, k, :, None], axis=2)[..., 0] for k in (0, 1))
    level = np.where(free > 0, (lower + upper) / 2, amplitude)
    factor = np.where(amplitude > 0, level / np.where(amplitude > 0, amplitude, 1), 1)
    return np.asarray(spectra[:, rows, columns] * (factor - 1), np.complex64)


def spectra_of(image: NDArray[Any]) -> Spectra:
    """Half planes of an image's colours, (3, H, W // 2 + 1)."""
    return np.asarray(fft.rfft2(np.asarray(image, np.float32).transpose(2, 0, 1)), np.complex64)


def image_of(spectra: Spectra, shape: Shape) -> NDArray[np.float32]:
    """The image, float32 (H, W, 3), not rounded."""
    return np.ascontiguousarray(fft.irfft2(spectra, s=shape).transpose(1, 2, 0), np.float32)


def rounded(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Round to grey levels 0 .. 255."""
    levels: NDArray[np.uint8] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return levels


def _folded(frequency: float) -> float:
    return frequency - 1 if frequency > 0.5 else frequency
