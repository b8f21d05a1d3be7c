"""What fingerprints of some sources' generators have in common, and which known ones sets are like: the results."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqforensics.fingerprints.fingerprint import Cluster, Fingerprint, Measure, Similarity
from freqforensics.fingerprints.grouping import Grouping
from freqforensics.fingerprints.origin import Origin
from freqforensics.fingerprints.stability import Influence, LearningCurve


@dataclass(frozen=True, eq=False)
class ImageSet:
    """One generator's images, as they are compared.

    Parameters
    ----------
    fingerprint : Fingerprint
        In few parts.
    curve : LearningCurve
    influence : Influence
        Of each image.
    paths : tuple of Path
        The images that `influence` speaks of.
    """

    fingerprint: Fingerprint
    curve: LearningCurve
    influence: Influence
    paths: tuple[Path, ...]

    @property
    def overbearing(self) -> tuple[Path, ...]:
        """Images that change the strongest peak's coherence by a fifth, or hold ten times their share of the power.

        The former only where there is a peak: what is strongest in noise hangs on single images.
        """
        found = self.influence.share > 10
        if self.curve.needed is not None:
            found = found | (np.abs(np.log(np.maximum(self.influence.coherence, 1e-9))) > np.log(1.2))
        return tuple(path for path, much in zip(self.paths, found, strict=True) if much)


@dataclass(frozen=True, eq=False)
class Comparison:
    """How alike the fingerprints of some generators are.

    Parameters
    ----------
    sets : tuple of ImageSet
    similarities : dict of str to Similarity
        By measure.
    clusters : dict of str to tuple of Cluster
        By measure; empty with fewer than three sets.
    groupings : dict of str to Grouping
        By measure; empty where no groups were given.
    shared : ndarray of int, shape (H, W)
        In how many sets each frequency is coherent, DC at the middle.
    notes : tuple of str
    failures : tuple of (str, str)
        Path and reason of every file that could not be read.
    """

    sets: tuple[ImageSet, ...]
    similarities: dict[Measure, Similarity]
    clusters: dict[Measure, tuple[Cluster, ...]]
    groupings: dict[Measure, Grouping]
    shared: NDArray[np.int64]
    notes: tuple[str, ...]
    failures: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give names, matrices, clusters, groups and learning curves as JSON values."""
        return {
            "sets": [
                {
                    "name": one.fingerprint.name,
                    "images": one.fingerprint.images,
                    "real": sum(part.images for part in one.fingerprint.real),
                    "learning": asdict(one.curve),
                    "overbearing": [str(path) for path in one.overbearing],
                }
                for one in self.sets
            ],
            "similarities": {
                name: {key: getattr(found, key).tolist() for key in ("values", "low", "high", "p_value")}
                for name, found in self.similarities.items()
            },
            "clusters": {name: [asdict(cluster) for cluster in found] for name, found in self.clusters.items()},
            "groupings": {name: found.to_json() for name, found in self.groupings.items()},
        }


@dataclass(frozen=True, eq=False)
class Origins:
    """Which known generators some sets are like.

    Parameters
    ----------
    origins : tuple of Origin
        One for each set asked about.
    known : tuple of str
    similarities : dict of str to Similarity
        By measure, of the sets asked about and the known ones, in this order.
    groupings : dict of str to Grouping
        By measure: are the sets asked about more like the known ones of their group? Empty where no groups were given.
    notes : tuple of str
    failures : tuple of (str, str)
        Path and reason of every file that could not be read.
    """

    origins: tuple[Origin, ...]
    known: tuple[str, ...]
    similarities: dict[Measure, Similarity]
    groupings: dict[Measure, Grouping]
    notes: tuple[str, ...]
    failures: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give everything but the intervals as JSON values."""
        count = len(self.origins)
        return {
            "origins": [one.to_json() for one in self.origins],
            "known": list(self.known),
            "similarities": {name: found.values[:count, count:].tolist() for name, found in self.similarities.items()},
            "groupings": {name: found.to_json() for name, found in self.groupings.items()},
        }
