"""What fingerprints of some generators have in common, and which known ones sets are like: the results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freqforensics.fingerprints.fingerprint import Cluster, Similarity
from freqforensics.fingerprints.grouping import Grouping
from freqforensics.fingerprints.measures import Measure
from freqforensics.fingerprints.origin import Origin
from freqforensics.fingerprints.sets import ImageSet
from freqforensics.runtime.showing import Drawn, Summarised

MEASURES: Final[tuple[Measure, ...]] = ("coherent", "log_power", "peaks", "lattice")


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Drawn):
    """How alike the fingerprints of some generators are.

    Parameters
    ----------
    sets : tuple of ImageSet
        The sets that are compared.
    similarities : dict of str to Similarity
        By measure.
    clusters : dict of str to tuple of Cluster
        By measure; empty with fewer than three sets.
    groupings : dict of str to Grouping
        By measure; empty where no groups were given.
    shared : ndarray of int, shape (H, W)
        In how many sets each frequency is coherent, DC at the middle.
    """

    sets: tuple[ImageSet, ...]
    similarities: dict[Measure, Similarity]
    clusters: dict[Measure, tuple[Cluster, ...]]
    groupings: dict[Measure, Grouping]
    shared: NDArray[np.int64]

    def to_json(self) -> dict[str, Any]:
        """Give names, matrices, clusters, groups and learning curves as JSON values."""
        return {
            "sets": [
                {
                    "name": image_set.fingerprint.name,
                    "images": image_set.fingerprint.images,
                    "real": sum(part.images for part in image_set.fingerprint.real),
                    "learning": asdict(image_set.curve),
                    "overbearing": [str(path) for path in image_set.overbearing],
                }
                for image_set in self.sets
            ],
            "similarities": {
                measure: {key: getattr(matrix, key).tolist() for key in ("values", "low", "high", "p_value")}
                for measure, matrix in self.similarities.items()
            },
            "clusters": {measure: [asdict(cluster) for cluster in tree] for measure, tree in self.clusters.items()},
            "groupings": {measure: grouping.to_json() for measure, grouping in self.groupings.items()},
        }


@dataclass(frozen=True, eq=False, repr=False)
class Origins(Summarised):
    """Which known generators some sets are like.

    Parameters
    ----------
    origins : tuple of Origin
        One for each set asked about.
    known : tuple of str
        Names of the known generators.
    similarities : dict of str to Similarity
        By measure, of the sets asked about and the known ones, in this order.
    groupings : dict of str to Grouping
        By measure: are the sets asked about more like the known ones of their group? Empty where no groups were given.
    """

    origins: tuple[Origin, ...]
    known: tuple[str, ...]
    similarities: dict[Measure, Similarity]
    groupings: dict[Measure, Grouping]

    def to_json(self) -> dict[str, Any]:
        """Give everything but the intervals as JSON values."""
        count = len(self.origins)
        return {
            "origins": [origin.to_json() for origin in self.origins],
            "known": list(self.known),
            "similarities": {
                measure: matrix.values[:count, count:].tolist() for measure, matrix in self.similarities.items()
            },
            "groupings": {measure: grouping.to_json() for measure, grouping in self.groupings.items()},
        }


PAIRS: Final = ("first", "second", "similarity", "low", "high", "p_value")
"""Columns of a table of similarities."""


def pair_rows(matrix: Similarity, pairs: Iterable[tuple[int, int]]) -> list[tuple[str, ...]]:
    """Give the rows of a table of similarities for pairs of sets, by their places."""
    return [
        (
            matrix.names[first],
            matrix.names[second],
            *(f"{getattr(matrix, key)[first, second]:.4f}" for key in ("values", "low", "high", "p_value")),
        )
        for first, second in pairs
    ]
