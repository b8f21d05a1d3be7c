"""Parts of a recipe that an ablation varies, and their values; told without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from freqforensics.training.recipe import TrainConfig

Axis = Literal["recipe", "classes", "band"]

ALL: Final = "all"
BANDS: Final = (ALL, ":0.125", ":0.25", ":0.375", "0.125:", "0.25:", "0.375:")
CLASSES: Final = (1, 2, 4, 8, 16, 20)


def check_axis(config: TrainConfig, axis: str, values: Sequence[str] | None = None) -> None:
    """Check that an axis can be varied, and its values as far as they can be checked without the images.

    Parameters
    ----------
    config : TrainConfig
        Parameters that are not varied.
    axis : {"recipe", "classes", "band"}
        Part of the recipe to vary.
    values : sequence of str, optional
        Values to try, as for `run_ablation`.

    Raises
    ------
    ValueError
        No such axis or value, or a configuration that sets what is varied.
    """
    from freqforensics.spectra import Band

    if axis not in get_args(Axis):
        raise ValueError(f"axis must be one of {', '.join(get_args(Axis))}; got {axis!r}")
    if axis != "recipe" and getattr(config, axis) is not None:
        raise ValueError(f"{axis} must not be set where it is varied, got {getattr(config, axis)!r}")
    for value in values or ():
        if axis == "recipe":
            replace(config, recipe=value)
        elif axis == "band" and value != ALL:
            Band.parse(value)
        elif axis == "classes" and not (value.isdecimal() and int(value)):
            raise ValueError(f"values must be numbers of classes, at least 1, got {value}")
