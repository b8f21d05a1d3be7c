"""What a training is: the recipe of Wang et al. 2020 and its variants."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, get_args

from freqforensics.detector.resnet import InputKind
from freqforensics.detector.training_set import Imbalance
from freqforensics.images.perturb import (
    Chain,
    Crop,
    Flip,
    Perturbation,
    ResizeShorter,
    Sometimes,
    Variant,
    augmentation,
)
from freqforensics.spectra import Band


@dataclass(frozen=True)
class TrainConfig:
    """How a detector is trained; all that the result depends on besides the images, the libraries and the machine.

    Parameters
    ----------
    sources, validation : tuple of str
        As for `index_training`, as are `held_out`, `classes` and `imbalance`.
    recipe : str
        Augmentation, one of `W20_RECIPES`.
    variant : {"sound", "as_published"}
        "as_published" blurs in uint8, augments validation images at random too, and lets the first epoch after each
        drop of the learning rate overwrite the best weights. "sound" does neither.
    resize : int, optional
        Shorter side images are resized to first, which moves and blurs every trace; Wang et al.: 256.
    crop : int
        Side of the squares learnt from, pixels.
    pairs : bool
        Learn from real and fake images of one file name together, in one batch and cropped alike: what they have in
        common then cancels in the gradient. For miniatures, where the fake is its photograph but for the decoder.
    input : {"rgb", "residual"}
    band : Band, optional
        As for `prepare_input`.
    init : str
        "imagenet", "scratch", or a file for `load_detector`.
    batch : int
        Images of all processes together.
    passes : int
        How often an epoch goes through the images. `EarlyStop` counts epochs: those of a small set are too short for
        it. Wang et al.: one pass through 720,119.
    learning_rate : float
        Of Adam, betas 0.9 and 0.999; see `EarlyStop`.
    epochs : int, optional
        At most so many; default until `EarlyStop` ends it.
    precision : str
        Fabric's word.
    seed : int

    Raises
    ------
    ValueError
        A parameter out of range.
    """

    sources: tuple[str, ...]
    validation: tuple[str, ...] = ()
    held_out: float = 0.1
    classes: int | tuple[str, ...] | None = None
    imbalance: Imbalance = "error"
    recipe: str = "no-aug"
    variant: Variant = "sound"
    resize: int | None = None
    crop: int = 224
    pairs: bool = False
    input: InputKind = "rgb"
    band: Band | None = None
    init: str = "imagenet"
    batch: int = 64
    passes: int = 1
    learning_rate: float = 1e-4
    epochs: int | None = None
    precision: str = "32-true"
    seed: int = 0

    def __post_init__(self) -> None:
        augmentation(self.recipe, variant=self.variant)
        for name, choices in (("input", get_args(InputKind)), ("imbalance", get_args(Imbalance))):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}; got {getattr(self, name)!r}")
        if not self.sources:
            raise ValueError("sources must not be empty")
        for name, lowest in (("batch", 2), ("passes", 1), ("crop", 32), ("resize", 32), ("epochs", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < lowest:
                raise ValueError(f"{name} must be at least {lowest}, got {value}")
        if self.resize is not None and self.resize < self.crop:
            raise ValueError(f"resize ({self.resize}) must not be below crop ({self.crop})")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate}")

    @classmethod
    def w20(cls, *sources: str, recipe: str = "blur+jpeg-0.5", **others: Any) -> TrainConfig:
        """Give the recipe of Wang et al. 2020, quirks and all: ImageNet start, 256 to 224 pixels, batches of 64."""
        return cls(**{"sources": sources, "recipe": recipe, "variant": "as_published", "resize": 256, **others})

    def chain(self) -> Chain:
        """What is done to an image to learn from."""
        return Chain((*self._resized(), *self._augmented(), Crop(self.crop, "random"), Sometimes(Flip(), 0.5)))

    def validation_chain(self) -> Chain:
        """What is done to an image to validate on."""
        published = self.variant == "as_published"
        return Chain((*self._resized(), *(self._augmented() if published else ()), Crop(self.crop)))

    def to_json(self) -> dict[str, Any]:
        """The parameters as JSON values."""
        shown: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return shown

    def _resized(self) -> tuple[Perturbation, ...]:
        return () if self.resize is None else (ResizeShorter(self.resize),)

    def _augmented(self) -> tuple[Perturbation, ...]:
        return augmentation(self.recipe, variant=self.variant).steps
