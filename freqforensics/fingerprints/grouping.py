"""Whether generators of one kind are more alike than others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqforensics.fingerprints.fingerprint import Similarity
from freqforensics.fingerprints.measures import Measure
from freqforensics.runtime.showing import Summarised


@dataclass(frozen=True, repr=False)
class Grouping(Summarised):
    """Similarity of sets within groups, compared with sets of different groups.

    Parameters
    ----------
    measure : {"coherent", "log_power", "peaks", "lattice"}
    within, across : float
        Mean similarity of pairs.
    p_value : float
        Probability of as great a difference where the groups are dealt out to the sets at random.
    sets : int
        Number of sets that have a group.
    nearest : tuple of (str, str, str, str)
        Set, its group, the set most like it and that one's group; sets alone in their group are left out, and those
        that are like no other.
    """

    measure: Measure
    within: float
    across: float
    p_value: float
    sets: int
    nearest: tuple[tuple[str, str, str, str], ...]

    @property
    def right(self) -> int:
        """Sets whose nearest is of their group."""
        return sum(group == other for _, group, _, other in self.nearest)

    def confusion(self) -> dict[str, dict[str, int]]:
        """Count, by group, the groups of the nearest sets."""
        counts: dict[str, dict[str, int]] = {}
        for _, group, _, other in self.nearest:
            row = counts.setdefault(group, {})
            row[other] = row.get(other, 0) + 1
        return {group: dict(sorted(row.items())) for group, row in sorted(counts.items())}

    def to_json(self) -> dict[str, Any]:
        """Give everything as JSON values."""
        return {**asdict(self), "right": self.right, "confusion": self.confusion()}


def group(
    similarity: Similarity,
    groups: Mapping[str, str],
    *,
    among: Collection[str] | None = None,
    permutations: int = 9999,
    seed: int = 0,
) -> Grouping:
    """Compare similarities within groups with similarities across groups.

    Parameters
    ----------
    similarity : Similarity
        Similarities of all pairs of sets.
    groups : mapping of str to str
        Group of each set, by its name; sets without one are left out.
    among : collection of str, optional
        Compare every other set with these only: miniatures with real generators, say. The groups are then dealt out
        among these.
    permutations : int
        Number of permutations for the p-value.
    seed : int
        Random seed.

    Returns
    -------
    Grouping
        Mean similarities within and across, with a p-value.

    Raises
    ------
    ValueError
        Fewer than two groups, or no two sets of one group to compare.
    """
    chosen = [index for index, name in enumerate(similarity.names) if name in groups]
    names = [similarity.names[index] for index in chosen]
    values = similarity.values[np.ix_(chosen, chosen)]
    labels = np.array([groups[name] for name in names])
    others = np.array([among is None or name in among for name in names], bool)
    # Pairs (row, column): each once, or every row that is not among the others with each that is.
    if among is None:
        rows, columns = np.triu_indices(len(names), 1)
    else:
        rows, columns = (grid.ravel() for grid in np.meshgrid(*map(np.flatnonzero, (~others, others)), indexing="ij"))
    kinds, coded = np.unique(labels, return_inverse=True)
    same = coded[rows] == coded[columns]
    if len(kinds) < 2 or same.all() or not same.any():
        raise ValueError("groups must be two or more, one of them of two sets or more that are compared")

    def means(same: NDArray[np.bool_]) -> tuple[float, float]:
        return float(values[rows, columns][same].mean()), float(values[rows, columns][~same].mean())

    within, across = means(same)
    rng = np.random.default_rng(seed)
    beyond = 0
    for _ in range(permutations):
        dealt = coded.copy()
        dealt[others] = rng.permutation(coded[others])
        inside, outside = means(dealt[rows] == dealt[columns])
        beyond += inside - outside >= within - across - 1e-12
    nearest = []
    for index, name in enumerate(names):
        eligible = others & (np.arange(len(names)) != index)
        if (among is not None and others[index]) or not (labels[eligible] == labels[index]).any():
            continue
        row = np.where(eligible, values[index], -np.inf)
        best = int(row.argmax())
        if row[best] > 0:
            nearest.append((name, str(labels[index]), names[best], str(labels[best])))
    return Grouping(similarity.measure, within, across, (1 + beyond) / (1 + permutations), len(names), tuple(nearest))


def groupings(
    similarities: Mapping[Measure, Similarity],
    group_of: Callable[[str], str | None],
    *,
    among: Sequence[str] | None = None,
) -> tuple[dict[Measure, Grouping], tuple[str, ...]]:
    """Compare within groups by several measures, as `group` does.

    Parameters
    ----------
    similarities : mapping of str to Similarity
        By measure, of the same sets.
    group_of : callable
        From a set's name, with or without what tells sources apart, to its group or None.
    among : sequence of str, optional
        Compare every other set with these only.

    Returns
    -------
    dict of str to Grouping
        By measure; empty where nothing can be compared.
    tuple of str
        Notes: sets without a group, and why nothing can be compared.
    """
    notes = []
    names = next(iter(similarities.values())).names
    groups = {name: kind for name in names if (kind := group_of(name) or group_of(name.rpartition("/")[2])) is not None}
    unknown = [name for name in names if name not in groups]
    if unknown:
        notes.append(f"no group is known of {', '.join(unknown)}")
    try:
        by_measure = {measure: group(matrix, groups, among=among) for measure, matrix in similarities.items()}
    except ValueError as error:
        return {}, (*notes, f"no comparison by groups: {error}")
    return by_measure, tuple(notes)
