"""What the commands that compare fingerprints share: the tiles, and groups of generators that may be more alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from freqforensics.runtime.tables import read_pairs

if TYPE_CHECKING:
    from freqforensics.fingerprints.grouping import Grouping
    from freqforensics.spectra import SpectrumSpec

TileSide = Annotated[int, typer.Option(metavar="N", help="Side of the tiles in pixels, a multiple of 16.", min=32)]
Groups = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Table (CSV) with columns generator and group, to test whether sets of one group are more similar.",
    ),
]
ByOperator = Annotated[bool, typer.Option("--by-operator", help="Group generators by their upsampling operator.")]
MEASURE_NAMES: Final = {"coherent": "coherent", "log_power": "log power", "peaks": "peaks", "lattice": "lattice"}
"""Measures in print, in their order."""


def tile_spec(side: int) -> SpectrumSpec:
    """Give the spectrum of tiles; ValueError unless fingerprints can be made of them."""
    from freqforensics.fingerprints.sets import check_tiles
    from freqforensics.spectra import SpectrumSpec

    spec = SpectrumSpec(size=side, crop="tiles")
    check_tiles(spec)
    return spec


def group_function(table: Path | None, by_operator: bool) -> Callable[[str], str | None] | None:
    """Give the group of a generator by its name, from a table or the registry of families; None without either."""
    if table is not None and by_operator:
        raise ValueError("--groups and --by-operator exclude each other: give one of them")
    if by_operator:
        from freqforensics.generators.registry import operator_of

        return operator_of
    return None if table is None else read_pairs(table, "a generator and its group").get


def print_groupings(groupings: Iterable[Grouping]) -> None:
    """Print a line for each measure."""
    for grouping in groupings:
        print(
            f"{MEASURE_NAMES[grouping.measure]}: similarity within groups {grouping.within:+.2f}, across "
            f"{grouping.across:+.2f} (p {grouping.p_value:.4f}); nearest is of the same group for {grouping.right} of "
            f"{len(grouping.nearest)}"
        )
