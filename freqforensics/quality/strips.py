"""Large images a strip at a time: as floating-point numbers a whole one takes many times its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from numpy.typing import NDArray

STRIP: Final = 1 << 19
"""Pixels of an image that are held as floating-point numbers at once."""
_LEAST: Final = 16  # lines of a strip, so that what is done at an image's border is done within one strip


def strips(lines: int, length: int) -> Iterator[tuple[int, int]]:
    """Cut an image into strips of about equal width, one if it is small.

    Parameters
    ----------
    lines : int
        Number of lines to cut between.
    length : int
        Number of pixels of a line.

    Yields
    ------
    int
        First line of a strip.
    int
        The line after its last.
    """
    count = max(1, min(-(-lines * length // STRIP), lines // _LEAST))
    for strip in range(count):
        yield strip * lines // count, (strip + 1) * lines // count


class Moments(NamedTuple):
    """Mean and variance of some values.

    Parameters
    ----------
    number : int
        Number of values.
    mean, variance : float
        Mean of the values, and of their squared differences from it.
    """

    number: int
    mean: float
    variance: float

    @classmethod
    def of(cls, values: NDArray[Any]) -> Moments:
        """Measure an array."""
        mean = values.mean()
        return cls(values.size, float(mean), float(values.var(mean=mean)))

    def merged(self, other: Moments) -> Moments:
        """Give the moments of the values of both (Chan, Golub and LeVeque, The American Statistician 37, 1983)."""
        number = self.number + other.number
        share, difference = other.number / number, other.mean - self.mean
        within = self.variance + (other.variance - self.variance) * share
        return Moments(number, self.mean + difference * share, within + difference**2 * share * (1 - share))


def pooled(moments: Iterable[Moments]) -> Moments:
    """Merge the moments of one part of the values after the other; those of a single part are its own.

    Parameters
    ----------
    moments : iterable of Moments
        Moments of the parts, at least one.
    """
    first, *others = moments
    for other in others:
        first = first.merged(other)
    return first
