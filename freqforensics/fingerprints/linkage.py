"""Average linkage: from similarities of sets to clusters of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def average_linkage(similarities: NDArray[np.float64]) -> dict[frozenset[int], float]:
    """Give the clusters of average linkage by their members, with the height at which they formed.

    Parameters
    ----------
    similarities : ndarray of float64, shape (n, n)
        Symmetric; 1 is equal.

    Returns
    -------
    dict of frozenset of int to float
        Heights are 1 less the mean similarity. Sets that share nothing, at a height of 1, are not joined.
    """
    from scipy.cluster.hierarchy import linkage  # loads much
    from scipy.spatial.distance import squareform

    distance = 1 - similarities
    np.fill_diagonal(distance, 0)
    members = {index: frozenset([index]) for index in range(len(similarities))}
    heights = {}
    for step, (a, b, height, _) in enumerate(linkage(squareform(distance, checks=False), "average")):
        joined = members[int(a)] | members[int(b)]
        members[len(similarities) + step] = joined
        if height < 1 - 1e-9:
            heights[joined] = float(height)
    return heights
