"""Radial and angular profiles of a spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from freqforensics.runtime.showing import Summarised
from freqforensics.runtime.tables import TableWriter, read_table
from freqforensics.runtime.writing import replacing

Estimator = Literal["mean", "sum"]
Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Profile(Summarised):
    """A spectrum summed up along rings or sectors.

    Parameters
    ----------
    axis : {"radius", "angle"}
        Quantity that is binned.
    values : ndarray, shape (bins,)
        NaN where the estimator is "mean" and the bin holds no point.
    edges : ndarray, shape (bins + 1,)
        Cycles per pixel for radii, degrees for angles. A bin includes its lower edge.
    counts : ndarray of int, shape (bins,)
        Points in each bin.
    estimator : {"mean", "sum"}
        Whether `values` are means or sums over the points of a bin.

    Examples
    --------
    The ring of the diagonal frequencies holds more bins than the ring around DC.

    >>> profile = radial_profile(np.ones((64, 64)), bins=4)
    >>> profile.values.tolist(), profile.counts.tolist()
    ([1.0, 1.0, 1.0, 1.0, 1.0], [45, 392, 808, 1204, 1258])
    """

    axis: Literal["radius", "angle"]
    values: Float
    edges: Float
    counts: NDArray[np.int64]
    estimator: Estimator

    @property
    def centres(self) -> Float:
        """Middle of each bin; the first of a radial profile, which is DC alone, is 0."""
        centres = (self.edges[:-1] + self.edges[1:]) / 2
        if self.axis == "radius" and self.edges[0] == 0:
            centres[0] = 0.0
        return centres

    def save(self, path: str | Path) -> None:
        """Write a CSV table: lower edge, upper edge, centre, count, value; the first line names the estimator.

        Parameters
        ----------
        path : str or Path
            File to write; an existing one is replaced.
        """
        rows = zip(self.edges[:-1], self.edges[1:], self.centres, self.counts, self.values, strict=True)
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
            writer = TableWriter(file)
            writer.row((f"# {self.axis} {self.estimator}",))
            writer.row(("lower", "upper", "centre", "count", "value"))
            for lower, upper, centre, count, value in rows:
                writer.row((float(lower), float(upper), float(centre), int(count), float(value)))

    @classmethod
    def load(cls, path: str | Path) -> Profile:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            The file is not one of these.
        """
        try:
            rows = read_table(path)
            _, axis, estimator = rows[0][0].split()
            table = np.array(rows[2:], np.float64)
            if axis not in ("radius", "angle") or estimator not in get_args(Estimator):
                raise ValueError(f"unknown profile {axis} {estimator}")
            edges = np.append(table[:, 0], table[-1, 1])
        except (ValueError, IndexError) as error:
            raise ValueError(f"{path} is not a saved profile: {error}") from error
        return cls(axis, table[:, 4], edges, table[:, 3].astype(np.int64), estimator)  # type: ignore[arg-type]


def radial_profile(
    plane: NDArray[Any],
    *,
    estimator: Estimator = "mean",
    bins: int | None = None,
    max_frequency: float = 0.5,
) -> Profile:
    """Sum up a full spectrum over rings of equal frequency.

    Parameters
    ----------
    plane : ndarray, shape (H, W)
        DC at (H//2, W//2), as `MeanSpectrum.full` gives it. Sides may differ: rings are circles in cycles per pixel,
        ellipses in bins.
    estimator : {"mean", "sum"}
        Per ring; "sum" grows with the ring's size.
    bins : int, optional
        Rings beyond DC; default half the shorter side. Ring k is centred at k max_frequency / bins; DC has the first
        ring to itself where the rings are not wider than a bin of the spectrum.
    max_frequency : float
        Centre of the last ring, cycles per pixel. 0.5 is Nyquist along the axes; up to sqrt(1/2) reaches into the
        corners, with ever emptier rings.

    Returns
    -------
    Profile
        With bins + 1 values.

    Raises
    ------
    ValueError
        Not two dimensions, an unknown estimator, or a number out of range.

    Examples
    --------
    >>> profile = radial_profile(np.ones((6, 8)), estimator="sum")
    >>> profile.counts[0], float(profile.values[0])
    (np.int64(1), 1.0)
    """
    _check(plane, estimator)
    height, width = plane.shape
    bins = min(height, width) // 2 if bins is None else bins
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    if not 0 < max_frequency <= 0.5**0.5:
        raise ValueError(f"max_frequency must lie in (0, {0.5**0.5:.4f}] cycles per pixel, got {max_frequency}")
    fy, fx = _axes(height, width)
    radius: Float = np.hypot(fy[:, None], fx)
    edges = np.maximum((np.arange(bins + 2) - 0.5) * (max_frequency / bins), 0.0)
    return _binned("radius", radius, plane, edges, estimator)


def angular_profile(
    plane: NDArray[Any],
    *,
    estimator: Estimator = "mean",
    bins: int = 36,
    min_frequency: float = 0.0,
    max_frequency: float = 0.5,
) -> Profile:
    """Sum up a full spectrum over sectors of equal direction.

    Parameters
    ----------
    plane : ndarray, shape (H, W)
        Full spectrum, DC at (H//2, W//2).
    estimator : {"mean", "sum"}
        Mean or sum over the points of a sector.
    bins : int
        Sectors over 180 degrees; opposite directions are the same for a real image. Sector k is centred at
        180 k / bins degrees. 0 degrees is along x (vertical stripes), 90 along y; angles grow from x towards
        increasing row numbers, clockwise as an image is shown.
    min_frequency, max_frequency : float
        Radii taken, cycles per pixel. DC, which has no direction, is always left out.

    Returns
    -------
    Profile
        Values of the sectors, over angles in degrees.

    Raises
    ------
    ValueError
        As `radial_profile`.

    Examples
    --------
    Vertical stripes have all their power in the direction of x, 0 degrees.

    >>> stripes = np.tile(np.cos(2 * np.pi * np.arange(16) / 4), (16, 1))
    >>> power = np.abs(np.fft.fftshift(np.fft.fft2(stripes))) ** 2
    >>> profile = angular_profile(power, estimator="sum", bins=4)
    >>> (profile.values / profile.values.sum()).round(3).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    _check(plane, estimator)
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    if not 0 <= min_frequency < max_frequency:
        raise ValueError(f"min_frequency {min_frequency} must lie in [0, max_frequency {max_frequency})")
    fy, fx = _axes(*plane.shape)
    radius = np.hypot(fy[:, None], fx)
    half = 90.0 / bins
    angle = (np.degrees(np.arctan2(fy[:, None], fx)) + half) % 180.0 - half
    edges = (np.arange(bins + 1) - 0.5) * (180.0 / bins)
    selected = (radius >= min_frequency) & (radius <= max_frequency) & (radius > 0)
    return _binned("angle", angle[selected], np.asarray(plane)[selected], edges, estimator)


def _check(plane: NDArray[Any], estimator: str) -> None:
    if plane.ndim != 2:
        raise ValueError(f"plane must have shape (H, W), got {plane.shape}")
    if estimator not in get_args(Estimator):
        raise ValueError(f"estimator must be one of {', '.join(get_args(Estimator))}; got {estimator!r}")


def _axes(height: int, width: int) -> tuple[Float, Float]:
    return np.fft.fftshift(np.fft.fftfreq(height)), np.fft.fftshift(np.fft.fftfreq(width))


def _binned(
    axis: Literal["radius", "angle"],
    coordinate: NDArray[Any],
    plane: NDArray[Any],
    edges: NDArray[Any],
    estimator: Estimator,
) -> Profile:
    # A frequency like 3/8 must not fall to either side of an edge by rounding.
    index = np.searchsorted(edges, np.round(coordinate.ravel(), 12), side="right") - 1
    inside = (index >= 0) & (index < len(edges) - 1)
    index, values = index[inside], np.asarray(plane, np.float64).ravel()[inside]
    counts = np.bincount(index, minlength=len(edges) - 1).astype(np.int64)
    result = np.asarray(np.bincount(index, weights=values, minlength=len(edges) - 1), np.float64)
    if estimator == "mean":
        with np.errstate(invalid="ignore"):
            result = result / counts
    return Profile(axis, result, np.asarray(edges, np.float64), counts, estimator)
