"""What attributions say: plain values, which a process that only draws can load without torch."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from freqforensics.attribution.notches import Line
from freqforensics.runtime.showing import Summarised

MOST_LIKENESS: Final = 0.3
"""Spearman's coefficient above which a map of random weights is too much like that of the trained ones."""


@dataclass(frozen=True)
class BandValue:
    """Attribution of a band of frequencies.

    Parameters
    ----------
    low, high : float
        Cycles per pixel; `high` is 1 for the band that takes in the plane's corners.
    value : float
        Logits.
    """

    low: float
    high: float
    value: float


@dataclass(frozen=True)
class OtherCause:
    """Something else that leaves periodic traces.

    Parameters
    ----------
    name : str
    found : bool or None
        None if it could not be tested.
    says : str
        A sentence.
    """

    name: str
    found: bool | None
    says: str


@dataclass(frozen=True)
class Counterfactual:
    """A change of an image and its effect on the logit.

    Parameters
    ----------
    kind : {"notch", "band", "region"}
    what : str
        In words.
    before, after : float
        Logits, the latter of the changed image in floating point.
    after_rounded : float
        Logit of the changed image rounded to grey levels 0 .. 255.
    energy : float
        Mean squared change of a pixel, squared grey levels, over the three colours.
    nulls : int
        Number of controls: sets of other lines, of the same radii and together of the same energy, taken out.
    null_mean, null_sd : float or None
        Mean and standard deviation of the change of the logit by the controls.
    z, p_value : float or None
        How far the change stands out of the controls, in their standard deviations; and the share of the controls, the
        change itself counted in, that lie as far from the mean of all, either way.
    null_energy : float or None
        Mean over the controls of the mean squared change of a pixel, squared grey levels. Below `energy` where the
        lines stand out so far that no others have as much.
    """

    kind: Literal["notch", "band", "region"]
    what: str
    before: float
    after: float
    after_rounded: float
    energy: float
    nulls: int = 0
    null_mean: float | None = None
    null_sd: float | None = None
    z: float | None = None
    p_value: float | None = None
    null_energy: float | None = field(default=None, metadata={"optional": True})

    @property
    def change(self) -> float:
        """Logit after less logit before."""
        return self.after - self.before


@dataclass(frozen=True, repr=False)
class FlippingSet(Summarised):
    """The fewest frequencies, in the order given, whose notching takes the logit to a threshold.

    Parameters
    ----------
    lines : tuple of (fx, fy)
        Cycles per pixel.
    threshold, after : float
        Logits.
    """

    lines: tuple[Line, ...]
    threshold: float
    after: float


@dataclass(frozen=True)
class ScoreCurve:
    """Logits of one image along one change.

    Parameters
    ----------
    name : str
    axis : str
        What varies, with its unit.
    values : tuple of float
        From no change, or the least, on.
    logits : tuple of float
    flip : float or None
        Where the logit first crosses the threshold, linear between the values; the first value if it lies beyond the
        threshold there already, as seen from the unchanged image; None if it stays on its side.
    threshold : float
    """

    name: str
    axis: str
    values: tuple[float, ...]
    logits: tuple[float, ...]
    flip: float | None
    threshold: float

    @property
    def crossings(self) -> tuple[tuple[float, bool], ...]:
        """Every crossing of the threshold along the curve, as (value, whether the logit rises there).

        Linear between the values. The first is where `flip` lies, if the curve begins on the unchanged image's side.
        """
        crossings = []
        pairs = list(zip(self.values, self.logits, strict=True))
        for (x0, y0), (x1, y1) in itertools.pairwise(pairs):
            above = y0 > self.threshold
            if above != (y1 > self.threshold):
                crossings.append((x0 + (x1 - x0) * (self.threshold - y0) / (y1 - y0), not above))
        return tuple(crossings)


@dataclass(frozen=True)
class TileScores:
    """Logits of the tiles of one image.

    Parameters
    ----------
    side : int
        Side of a tile, pixels.
    logits : tuple of tuple of float
        Row by row from the top; tiles touch, and what does not fill one is left out.
    """

    side: int
    logits: tuple[tuple[float, ...], ...]

    @property
    def spread(self) -> float | None:
        """Standard deviation of the logits; None of a single tile."""
        flat = [logit for row in self.logits for logit in row]
        return float(np.std(flat, ddof=1)) if len(flat) > 1 else None


@dataclass(frozen=True, repr=False)
class Deletion(Summarised):
    """Curves of the logit as frequencies are deleted, and as they are inserted again.

    With a `sign` of -1 the frequencies are those that speak for a photograph, and falls are rises.

    Parameters
    ----------
    counts : tuple of int
        Numbers k of frequencies, each with its mirror image.
    before : float
        Logit of the image.
    without : float
        Logit with no frequency standing out of its surroundings: all are notched.
    deleted : tuple of float
        Logits with the first k of the order notched, k as in `counts`.
    deleted_by_amplitude : tuple of float
        With those notched that stand out most, as many as have the same energy together.
    deleted_at_random : tuple of tuple of float
        With as many others of the same radii notched, in random order; one tuple for each control.
    inserted : tuple of float
        Logits with all notched but the first k; empty if none were put back.
    inserted_at_random : tuple of tuple of float
        With all notched but as many others of the same radii, in the same random orders; empty likewise.
    sign : {1, -1}
        Sign of what is attributed to the frequencies.
    """

    counts: tuple[int, ...]
    before: float
    without: float
    deleted: tuple[float, ...]
    deleted_by_amplitude: tuple[float, ...]
    deleted_at_random: tuple[tuple[float, ...], ...]
    inserted: tuple[float, ...]
    inserted_at_random: tuple[tuple[float, ...], ...]
    sign: int = 1

    @property
    def gain(self) -> float:
        """Mean logits that deletion falls deeper than in random order, over the counts; positive is better."""
        return self.sign * float(np.mean(self.deleted_at_random) - np.mean(self.deleted))

    @property
    def insertion_gain(self) -> float | None:
        """Mean logits that insertion rises higher than in random order, over the counts; None if none were put back."""
        if not self.inserted:
            return None
        return self.sign * float(np.mean(self.inserted) - np.mean(self.inserted_at_random))

    @property
    def p_value(self) -> float:
        """Share of the random orders, this one counted in, whose mean logit falls as deep."""
        means = self.sign * np.mean(self.deleted_at_random, axis=1)
        return float((1 + (means <= self.sign * np.mean(self.deleted)).sum()) / (1 + len(means)))


@dataclass(frozen=True, repr=False)
class Randomisation(Summarised):
    """How like a map is to those of networks whose weights were made random, from the logit down.

    Parameters
    ----------
    stages : tuple of str
        The last one made random.
    likeness : tuple of float
        Spearman's coefficient of the signed maps.
    """

    stages: tuple[str, ...]
    likeness: tuple[float, ...]

    @property
    def destroyed(self) -> bool:
        """Whether the map of all-random weights is unlike that of the trained ones."""
        return abs(self.likeness[-1]) < MOST_LIKENESS


@dataclass(frozen=True, repr=False)
class Badge(Summarised):
    """Result of the tests that an explanation must pass to be believed.

    Parameters
    ----------
    passed : bool
        Whether the test was passed.
    reasons : tuple of str
        Reasons against it; empty if it passed.
    """

    passed: bool
    reasons: tuple[str, ...]
