"""Bins of a half-plane by ring and by lattice: their averages, and how a permutation may exchange them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from freqforensics.spectra.bands import Band
from freqforensics.spectra.nulls import half_plane_weights, self_conjugate_bins

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Float = NDArray[np.float64]
Complex = NDArray[np.complex128]

CONTENT: Final = Band(1 / 16)
"""Frequencies that fingerprints are compared at: below lies content, which is aligned in many sets (faces)."""
_FINEST: Final = 16
_RINGS: Final = 64


@lru_cache(maxsize=8)
def bin_weights(shape: tuple[int, int]) -> Float:
    """Number of bins of the full plane that each bin of the half-plane represents; 0 below 1/16."""
    return _fixed(np.broadcast_to(half_plane_weights(shape), (shape[0], shape[1] // 2 + 1)) * CONTENT.mask(shape))


def _fixed(array: NDArray[Any]) -> NDArray[Any]:
    """Make an array that is kept read-only."""
    array.setflags(write=False)
    return array


def without_rings(values: NDArray[np.generic], shape: tuple[int, int]) -> Float:
    """Take the weighted mean of its ring off every bin of arrays (..., H, W // 2 + 1)."""
    place, averages = ring_of_bins(shape).ravel(), _ring_averages(shape)
    flat = np.asarray(values, np.float64).reshape(values.size // place.size, place.size)
    return (flat - (averages @ flat.T).T[:, place]).reshape(values.shape)


@lru_cache(maxsize=8)
def _ring_averages(shape: tuple[int, int]) -> csr_array:
    """Matrix (rings, bins) that takes the weighted mean of each ring."""
    from scipy.sparse import csr_array

    weights, place = bin_weights(shape).ravel(), ring_of_bins(shape).ravel()
    totals = np.maximum(np.bincount(place, weights), 1e-300)
    return csr_array((weights / totals[place], (place, np.arange(place.size))), shape=(len(totals), place.size))


@lru_cache(maxsize=8)
def on_lattice(shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Bins at multiples of 1/16, the mean excepted."""
    rows, columns = (np.arange(side) * _FINEST % side == 0 for side in shape)
    on = np.outer(rows, columns[: shape[1] // 2 + 1])
    on[0, 0] = False
    return _fixed(on)


def turns(values: NDArray[np.generic], shape: tuple[int, int]) -> Callable[[np.random.Generator], Complex]:
    """Prepare to turn phases at random, bin by bin, as transforms of real images have them.

    Conjugate bins turn against each other, and bins that are their own mirror image change their sign.

    Parameters
    ----------
    values : ndarray, shape (H, W // 2 + 1)
        Features of a set. Nothing is computed for those that are zero.
    shape : (int, int)
        H and W.

    Returns
    -------
    callable
        Draws from a generator, and gives the turned values.
    """
    values = np.asarray(values, np.complex128)
    turning = values != 0
    turning[:, [0, -1]] = True  # mirror images are of these columns
    own_mirrors = self_conjugate_bins(shape)

    def draw(rng: np.random.Generator) -> Complex:
        turned = np.zeros(values.shape, np.complex128)
        turned[turning] = np.exp(2j * np.pi * rng.random(values.shape)[turning])
        turned[own_mirrors] = np.sign(rng.random(values.shape)[own_mirrors] - 0.5)
        return values * _mirrored(turned, shape, conjugate=True)

    return draw


def _mirrored(values: NDArray[Any], shape: tuple[int, int], *, conjugate: bool = False) -> NDArray[Any]:
    """Mirror the first half of the columns that hold their own mirror image onto the second half."""
    symmetric = values.copy()
    for column in {0, shape[1] // 2} if shape[1] % 2 == 0 else {0}:
        first = symmetric[1 : (shape[0] + 1) // 2, column]
        symmetric[shape[0] - len(first) :, column] = (np.conj(first) if conjugate else first)[::-1]
    return symmetric


@lru_cache(maxsize=8)
def ring_of_bins(shape: tuple[int, int]) -> NDArray[np.int64]:
    """Give the ring of each bin, of 1/64 cycles per pixel, shape (H, W // 2 + 1)."""
    radius = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :])
    return _fixed(np.asarray(np.floor(radius * _RINGS), np.int64))


def exchanges(
    values: NDArray[np.generic], shape: tuple[int, int], *, lattice: bool = False
) -> Callable[[np.random.Generator], NDArray[np.generic]]:
    """Prepare to exchange bins with others of their ring at random, a bin and its mirror image together.

    Parameters
    ----------
    values : ndarray, shape (H, W // 2 + 1)
        Features of a set. Rings of zeros are left alone.
    shape : (int, int)
        H and W.
    lattice : bool
        Points of the lattice change places with each other only.

    Returns
    -------
    callable
        Draws from a generator, and gives the values exchanged.
    """
    groups, order = _groups(shape, lattice)
    flat = values.ravel()
    exchanged = np.isin(groups, groups[flat != 0])
    bins, places = np.flatnonzero(exchanged), order[exchanged[order]]

    def draw(rng: np.random.Generator) -> NDArray[np.generic]:
        # Sorted by group, and within each group by chance: the stable sort of small integers takes linear time.
        drawn = bins[np.argsort(rng.random(order.size)[bins])]
        permuted = np.zeros_like(flat)
        permuted[places] = flat[drawn[np.argsort(groups[drawn], kind="stable")]]
        return _mirrored(permuted.reshape(values.shape), shape)

    return draw


@lru_cache(maxsize=8)
def _groups(shape: tuple[int, int], lattice: bool) -> tuple[NDArray[np.int16], NDArray[np.intp]]:
    """Give the group of each bin, within which bins are exchanged, and the bins in the order of groups."""
    rings = ring_of_bins(shape)
    if lattice:
        rings = np.where(on_lattice(shape), rings, -1 - rings) + rings.max() + 1
    mirrors = np.zeros(rings.shape, bool)
    mirrors[shape[0] // 2 + 1 :, [0, -1] if shape[1] % 2 == 0 else [0]] = True
    self_conjugate = np.broadcast_to(self_conjugate_bins(shape), rings.shape)
    # Mirror images stay out of the draw, and bins that are their own among themselves: they count once, others twice.
    groups = np.where(mirrors, -1 - rings, 2 * rings + self_conjugate).ravel().astype(np.int16)
    return _fixed(groups), _fixed(np.argsort(groups, kind="stable"))
