"""Other lines to take out: what a notch, and an order of frequencies, are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freqforensics.attribution.differentiable import TILE
from freqforensics.attribution.notches import Line, LoneNotches, Shape, Spectra, lattice_lines, line_bin, lone_notch
from freqforensics.spectra import notch_mask

_LEAST_RING: Final = 8
_RING: Final = 96
"""Lines, nearest in radius, from which a notched line's controls come."""
_SHORT: Final = 0.25
"""Share of the energy that a control may lack before lines are added."""
_POOL: Final = 39
"""Lines of a ring, nearest in energy: with the notched one there are forty, so that one line can reach p = 1/40."""


class RadiusRings:
    """Draws orders of frequencies that have the radii of a given order and are random otherwise.

    The frequencies are divided into rings one 1 / `side` wide, at least 8 in each, and every ring is put in random
    order. A random order and its controls are therefore exchangeable, and the rank of the former among them is
    uniform (Hemerik and Goeman, TEST 2018).

    Parameters
    ----------
    side : int
        The frequencies are multiples of 1 / side.

    Examples
    --------
    >>> rings = RadiusRings(8)
    >>> [round(8 * np.hypot(*line)) for line in rings.shuffled([(0.25, 0.25), (0.5, 0.0)], np.random.default_rng(0))]
    [3, 4]
    """

    def __init__(self, side: int = TILE) -> None:
        self.side = side
        self.lines = lattice_lines(side)
        radius = side * np.hypot(*np.array(self.lines).T)
        ring = np.rint(radius).astype(int)
        counts = np.bincount(ring)
        # The innermost and the outermost rings hold few lines: each is joined with its neighbour towards the middle.
        low, high = 1, len(counts) - 1
        while low < high and counts[: low + 1].sum() < _LEAST_RING:
            low += 1
        while low < high and counts[high:].sum() < _LEAST_RING:
            high -= 1
        ring = np.clip(ring, low, high)
        self.rings: tuple[NDArray[np.intp], ...] = tuple(np.flatnonzero(ring == value) for value in np.unique(ring))
        self._index = {line_bin(line, side): index for index, line in enumerate(self.lines)}

    def shuffled(self, order: Sequence[Line], rng: np.random.Generator) -> tuple[Line, ...]:
        """Draw a control of an order: each line stands for another of its ring, no line for two.

        Parameters
        ----------
        order : sequence of (fx, fy)
            Multiples of 1 / side, not DC.
        rng : Generator

        Returns
        -------
        tuple of (fx, fy)
            As many.

        Raises
        ------
        ValueError
            DC, or a frequency that is no multiple of 1 / side.
        """
        image = np.empty(len(self.lines), int)
        for ring in self.rings:
            image[ring] = rng.permutation(ring)
        try:
            return tuple(self.lines[image[self._index[line_bin(line, self.side)]]] for line in order)
        except KeyError:
            raise ValueError(f"order must hold frequencies other than 0, multiples of 1/{self.side}") from None


class MatchedLines:
    """Draws sets of lines to take out that have the radii and the energy of given ones.

    For each line another one is drawn: of the 96 multiples of 1/32 nearest in radius, one of the 39 nearest in energy,
    the squared amplitude that its notch changes. Where the set drawn has less than three quarters of the given one's
    energy, as it has if the latter stands far out, lines of the same radii that stand out, too, are added until it has
    as much, up to half of a ring for each given line.

    Parameters
    ----------
    spectra : ndarray of complex64, (3, H, W // 2 + 1)
    lines : sequence of (fx, fy)
        Cycles per pixel; not empty.
    shape : (int, int)
        Height and width of the image, pixels.
    reach : int
        Bins around the nearest one that a notch takes with it.
    lone : LoneNotches, optional
        Notches of the same spectra, if they are known; their reach is used.
    """

    def __init__(
        self, spectra: Spectra, lines: Sequence[Line], shape: Shape, *, reach: int = 1, lone: LoneNotches | None = None
    ) -> None:
        self.shape = shape
        lone = lone if lone is not None else LoneNotches(spectra, shape, reach=reach)
        self.reach = lone.reach
        self.others, self.changes, notches = lone.beside(notch_mask(shape, lines, reach=self.reach), spectra)
        others = self.others
        self.energies = np.array([notch.energy for notch in notches])
        self.stand_out = np.array([notch.removed > 0 for notch in notches], bool)
        own = {line: lone_notch(spectra, line, shape, reach=self.reach).energy for line in lines}
        self.energy = float(sum(own.values()))
        radii = np.hypot(*np.array(others).reshape(-1, 2).T)
        least = np.finfo(float).tiny
        logs = np.log(self.energies + least)
        self.rings, self.pools = [], []
        for line in lines:
            ring = np.argsort(np.abs(radii - np.hypot(*line)), kind="stable")[:_RING]
            distance = np.abs(logs[ring] - np.log(own[line] + least))
            self.rings.append(ring)
            self.pools.append(ring[np.argsort(distance, kind="stable")[:_POOL]])

    def draw(self, count: int, rng: np.random.Generator) -> list[tuple[Line, ...]]:
        """Draw sets of lines.

        Parameters
        ----------
        count : int
            Number of sets. Of a single line no control is drawn twice, so there are at most 39.
        rng : Generator

        Returns
        -------
        list of tuple of (fx, fy)
        """
        if not self.pools or not all(len(pool) for pool in self.pools):
            return []
        if len(self.pools) == 1:
            count = min(count, len(self.pools[0]))
        sets: list[tuple[Line, ...]] = []
        while len(sets) < count:
            # Each pool is gone through in an order of its own, without repetition, and then in another one.
            firsts = [rng.permutation(pool) for pool in self.pools]
            for number in range(min(map(len, firsts))):
                chosen = self._set([np.roll(first, -number) for first in firsts], rng)
                sets.append(tuple(self.others[index] for index in chosen))
        return sets[:count]

    def change(self, lines: Sequence[Line]) -> Spectra:
        """What taking out lines that were drawn adds to the spectra, (3, H, W // 2 + 1)."""
        return np.asarray(self.changes * notch_mask(self.shape, lines, reach=self.reach), np.complex64)

    def _set(self, firsts: list[NDArray[np.intp]], rng: np.random.Generator) -> list[int]:
        """The first of each pool that is not used yet, and what is missing."""
        chosen: list[int] = []
        used = np.zeros(len(self.others), bool)
        for first in firsts:
            free = first[~used[first]]
            if len(free):
                used[free[0]] = True
                chosen.append(int(free[0]))
        missing = self.energy - float(self.energies[chosen].sum())
        if missing <= _SHORT * self.energy:
            return chosen
        around = np.unique(np.concatenate(self.rings))
        most = len(firsts) * _RING // 2
        for index in rng.permutation(around[~used[around] & self.stand_out[around]]):
            if missing <= 0 or len(chosen) >= most:
                break
            if self.energies[index] < 2 * missing:
                chosen.append(int(index))
                missing -= float(self.energies[index])
        return chosen
