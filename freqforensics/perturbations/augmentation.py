"""Perturbations put together: the augmentation of Wang et al. 2020, and what happens to images on their way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freqforensics.perturbations.compression import JPEG, WebP
from freqforensics.perturbations.perturb import (
    Blur,
    Chain,
    Crop,
    Flip,
    OneOf,
    Perturbation,
    Resize,
    ResizeShorter,
    Sometimes,
    Variant,
)

Uint8 = NDArray[np.uint8]

_RATES: Final = {
    "no-aug": (0.0, 0.0),
    "blur": (0.5, 0.0),
    "jpeg": (0.0, 0.5),
    "blur+jpeg-0.5": (0.5, 0.5),
    "blur+jpeg-0.1": (0.1, 0.1),
}


RECIPES: Final = (*_RATES, "laundering")
"""Names of all augmentations."""

LAUNDERING: Final = Chain(
    (
        Sometimes(Resize((0.7, 1.3), "bicubic"), 0.1),
        Sometimes(Blur((0.2, 1.2)), 0.1),
        Sometimes(OneOf((JPEG((50, 98), codec="either"), WebP((60, 98)))), 0.3),
    )
)
"""Mild resizing, blur and compression; most images stay as they are. The augmentation of Wang et al. 2020 is stronger:
its blur of up to three pixels leaves no trace to learn from."""


def _check_recipe(recipe: str, choices: tuple[str, ...]) -> None:
    if recipe not in choices:
        raise ValueError(f"recipe must be one of {', '.join(choices)}; got {recipe!r}")


def augmentation(recipe: str, *, variant: Variant = "sound") -> Chain:
    """Give one of the augmentations of Wang et al. 2020, blur, then JPEG by an independent coin; or `LAUNDERING`.

    Parameters
    ----------
    recipe : str
        One of `W20_RECIPES`, or "laundering".
    variant : {"sound", "as_published"}
        Arithmetic of the blur, see `Blur`. Sigma runs from 0 to 3 and quality from 30 to 100 with either.

    Raises
    ------
    ValueError
        No such recipe or variant.
    """
    return _augmentation(recipe, Blur((0.0, 3.0), variant=variant), JPEG((30, 100), codec="either"))


def _augmentation(recipe: str, blur: Blur, jpeg: JPEG) -> Chain:
    """Toss the coins of a recipe over a blur and a JPEG."""
    _check_recipe(recipe, RECIPES)
    if recipe == "laundering":
        return LAUNDERING
    p_blur, p_jpeg = _RATES[recipe]
    return Chain((Sometimes(blur, p_blur), Sometimes(jpeg, p_jpeg)))


W20_RECIPES: Final[dict[str, Chain]] = {recipe: augmentation(recipe, variant="as_published") for recipe in _RATES}
"""Their augmentations as published, by name."""

W20_VALIDATION: Final = Chain((ResizeShorter(256), Crop(224)))
"""Resize and crop of the published validation, without the coins of `w20_validation`."""
W20_TEST: Final = Chain((Crop(224),))


def w20_training(recipe: str) -> Chain:
    """Give the published training transform, up to the conversion to a tensor.

    Parameters
    ----------
    recipe : str
        One of `W20_RECIPES`.

    Returns
    -------
    Chain
        Shorter side to 256, augmentation, random crop of 224, flip at a rate of one half.

    Raises
    ------
    ValueError
        No such recipe.
    """
    return _w20(recipe, augmentation(recipe, variant="as_published"), Crop(224, "random"), Sometimes(Flip(), 0.5))


def _w20(recipe: str, augmented: Chain, *cropped: Perturbation) -> Chain:
    """Resize as published, augment, crop; ValueError for an augmentation that is not among theirs."""
    _check_recipe(recipe, tuple(W20_RECIPES))
    return Chain((ResizeShorter(256), *augmented.steps, *cropped))


def validation_augmentation(recipe: str) -> Chain:
    """Give the published augmentation of validation images, between resize and crop.

    The coins of `augmentation` are tossed, but what they decide on is fixed (`get_val_opt` of the authors' code): a
    blur of sigma 1.5 in uint8, the middle of 0 .. 3, and a JPEG of quality 65, the middle of 30 .. 100, by Pillow.

    Parameters
    ----------
    recipe : str
        One of `W20_RECIPES`, or "laundering", which the authors do not have and which stays as it is.

    Returns
    -------
    Chain
        Blur, then JPEG, each at its rate.

    Raises
    ------
    ValueError
        No such recipe.
    """
    return _augmentation(recipe, Blur(1.5, variant="as_published"), JPEG(65, codec="pillow"))


def w20_validation(recipe: str) -> Chain:
    """Give the published validation transform, up to the conversion to a tensor.

    Parameters
    ----------
    recipe : str
        One of `W20_RECIPES`.

    Returns
    -------
    Chain
        Shorter side to 256, `validation_augmentation`, central crop of 224.

    Raises
    ------
    ValueError
        No such recipe.

    Examples
    --------
    >>> w20_validation("no-aug")(np.zeros((300, 400, 3), np.uint8), np.random.default_rng(0)).shape
    (224, 224, 3)
    """
    return _w20(recipe, validation_augmentation(recipe), Crop(224))


def double_jpeg(first: int, second: int, *, shift: int = 0) -> Chain:
    """Compress as JPEG twice, the second time `shift` pixels off the first grid.

    Parameters
    ----------
    first, second : int
        Qualities.
    shift : int
        Rows and columns cut off at the top and the left in between.

    Examples
    --------
    >>> double_jpeg(90, 70, shift=3)(np.zeros((64, 64, 3), np.uint8)).shape
    (61, 61, 3)
    """
    cut = (_CutOrigin(shift),) if shift else ()
    return Chain((JPEG(first), *cut, JPEG(second)))


def social(scale: float | tuple[float, float] = (0.5, 1.0), quality: int | tuple[int, int] = (70, 90)) -> Chain:
    """Downscale and compress as JPEG, as social networks do with uploads.

    Parameters
    ----------
    scale : float or (float, float)
        Output side over input side; a pair is a range from which a value is drawn uniformly.
    quality : int or (int, int)
        JPEG quality, 1 .. 100; a pair is a range from which an integer is drawn uniformly.
    """
    return Chain((Resize(scale, "antialiased"), JPEG(quality)))


@dataclass(frozen=True)
class _CutOrigin(Perturbation):
    pixels: int

    def __post_init__(self) -> None:
        if self.pixels < 0:
            raise ValueError(f"shift must not be negative, got {self.pixels}")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        if min(image.shape[:2]) <= self.pixels:
            raise ValueError(f"an image of shape {image.shape} has no pixel left after {self.pixels} are cut")
        return image[self.pixels :, self.pixels :]
