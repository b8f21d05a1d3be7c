"""What a training is: the recipe of Wang et al. 2020 and its variants. Loads no torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

from freqforensics.detector.inputs import EarlyDown, InputKind
from freqforensics.generators.randomised import STEP, Alignment, FakeKind, Faker, Window
from freqforensics.perturbations.augmentation import augmentation, validation_augmentation
from freqforensics.perturbations.perturb import (
    Chain,
    Crop,
    Flip,
    OneOf,
    Perturbation,
    ResizeShorter,
    Sometimes,
    Variant,
)
from freqforensics.sources.records import Label
from freqforensics.sources.selection import Sources, SourcesLike, as_paths
from freqforensics.sources.sides import checked_labels
from freqforensics.spectra import Band

NAMED_INITS: Final = ("imagenet", "scratch", "identity")
"""Weights to begin a training with that are no file."""

SMALLEST_PHOTO: Final = 64
"""The least side of photographs that are simulated with, and of crops whose tiles' coherence says anything: four."""

PRECISIONS: Final = (
    "16-mixed", "16-true", "bf16-mixed", "bf16-true", "32-true", "64-true", "transformer-engine",
    "transformer-engine-float16", "16", "bf16", "32", "64",
)  # fmt: skip
"""Lightning Fabric's words."""

Decay = Literal["plateau", "cosine"]
Imbalance = Literal["error", "undersample", "allow"]
Preset = Literal["shipped", "w20", "w20-sound"]

_W20: Final[Mapping[str, Any]] = {"recipe": "blur+jpeg-0.5", "resize": 256}
PRESETS: Final[Mapping[Preset, Mapping[str, Any]]] = {
    "shipped": {
        "held_out": 0.15,
        "recipe": "laundering",
        "crop": 160,
        "simulate": ("miniature", "polyphase"),
        "ramp": 4,
        "ranking": 1.0,
        "input": "coherence",
        "early_down": 2,
        "init": "identity",
        "batch": 32,
        "passes": 2,
        "learning_rate": 1e-3,
        "decay": "cosine",
        "epochs": 12,
    },
    "w20": {**_W20, "variant": "as_published"},
    "w20-sound": {**_W20, "variant": "sound"},
}
"""Whole recipes by name: parameters of `TrainConfig` that differ from its defaults.

"shipped" made ``miniature-resnet50`` out of photographs alone. "w20" is that of Wang et al. 2020, quirks and all:
ImageNet's weights to begin with, 256 to 224 pixels, batches of 64. "w20-sound" leaves the quirks out.
"""


@dataclass(frozen=True)
class TrainConfig:
    """Configuration of a training: all that its result depends on but images, libraries and machine.

    Whole recipes have names, see `TrainConfig.preset`.

    Parameters
    ----------
    sources, validation : tuple of str
        Images to learn from and to validate on, as for `index_training`.
    held_out : float
        Share of the images to validate on where there are no others.
    classes : int or tuple of str, optional
        Categories to learn from: their names, or the first N by name.
    imbalance : {"error", "undersample", "allow"}
        What to do where real and fake differ in number by more than a tenth.
    recipe : str
        Augmentation, one of `RECIPES`.
    variant : {"sound", "as_published"}
        "as_published" blurs in uint8, tosses the augmentation's coins over validation images too (sigma 1.5 and
        quality 65, see `validation_augmentation`), and lets the first epoch after each drop of the learning rate
        overwrite the best weights. "sound" does none of this.
    resize : int, optional
        Shorter side that images are resized to first, pixels. This moves and blurs every trace. Wang et al. take 256.
    crop : int
        Side of the crops, pixels. For "coherence" input the largest side: 64, 96, ... are drawn.
    pairs : bool
        Learn from real and fake images of one file name together, in one batch and cropped alike: what they have in
        common then cancels in the gradient. For miniatures, where the fake is its photograph but for the decoder.
    simulate : tuple of {"miniature", "polyphase"}
        Learn from photographs alone, with random fakes of them that differ each time (`Faker`). Fake images of the
        sources are skipped, and `pairs` is implied.
    align : tuple of {"radial", "mixup"}
        How simulated fakes are aligned to their photographs.
    shelf : str, optional
        Folder of the miniatures for `simulate`; default those that ship.
    ramp : int
        Number of epochs over which simulated fakes and the augmentation reach their full difficulty.
    ranking : float
        Weight of a second loss, softplus(logit of the photo - logit of its fake): what the two have in common cancels.
        Simulated fakes only.
    input : {"rgb", "residual", "coherence"}
    band : Band, optional
        Frequencies that the network sees, as for `prepare_input`.
    early_down : {4, 2, 1}
        Early down-sampling of the stem, as for `make_detector`.
    init : str
        "imagenet", "scratch", "identity" (from scratch, every residual block beginning as the identity), or a file for
        `load_detector`.
    batch : int
        Images of all processes together.
    passes : int
        How often an epoch goes through the images. `EarlyStop` counts epochs: those of a small set are too short for
        it. Wang et al.: one pass through 720,119.
    learning_rate : float
        Learning rate of Adam, with betas 0.9 and 0.999.
    decay : {"plateau", "cosine"}
        How the rate falls: as `EarlyStop` has it, or along half a cosine to zero over `epochs`, after a twentieth of
        warming up; then `EarlyStop` only says which epoch is the best.
    epochs : int, optional
        At most N epochs; default until `EarlyStop` ends the training.
    precision : str
        Precision of the arithmetic, by its name in Lightning Fabric.
    seed : int
        Random seed of initial weights, order and augmentation.
    labels : mapping of str to {"real", "fake", "unknown"}
        What words mean in the sources, as for `Sources`; kept as a tuple of pairs.
    real : tuple of str
        Real images that generators without any share, as for `Sources`.

    Raises
    ------
    ValueError
        A parameter out of range.

    Examples
    --------
    >>> config = TrainConfig(sources=("progan",), recipe="blur+jpeg-0.1", input="residual", seed=1)
    >>> config.recipe, config.crop, config.learning_rate
    ('blur+jpeg-0.1', 224, 0.0001)
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
    simulate: tuple[FakeKind, ...] = ()
    align: tuple[Alignment, ...] = ("radial", "mixup")
    shelf: str | None = None
    ramp: int = 0
    ranking: float = 0.0
    input: InputKind = "rgb"
    band: Band | None = None
    early_down: EarlyDown = 4
    init: str = "imagenet"
    batch: int = 64
    passes: int = 1
    learning_rate: float = 1e-4
    decay: Decay = "plateau"
    epochs: int | None = None
    precision: str = "32-true"
    seed: int = 0
    labels: Mapping[str, Label] | tuple[tuple[str, Label], ...] = ()
    real: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(sorted(checked_labels(dict(self.labels)).items())))
        for name in ("sources", "validation", "real"):
            object.__setattr__(self, name, tuple(map(str, as_paths(getattr(self, name)))))
        augmentation(self.recipe, variant=self.variant)
        for name, choices in (
            ("input", get_args(InputKind)),
            ("imbalance", get_args(Imbalance)),
            ("early_down", get_args(EarlyDown)),
            ("decay", get_args(Decay)),
        ):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(map(str, choices))}; got {getattr(self, name)!r}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}; got {self.precision!r}")
        if not 0 < self.held_out < 1:
            raise ValueError(f"held_out must lie between 0 and 1, got {self.held_out}")
        if self.simulate:
            self.faker()
            if self.batch % 2:
                raise ValueError(f"batch must be even to hold pairs of photo and fake, got {self.batch}")
        elif self.ranking or self.ramp:
            raise ValueError("simulate must not be empty where ranking or ramp is set: they are for simulated fakes")
        if self.decay == "cosine" and self.epochs is None:
            raise ValueError("epochs must be set for decay 'cosine', which falls to zero over them")
        if not self.ranking >= 0:
            raise ValueError(f"ranking must not be negative, got {self.ranking}")
        if not self.sources:
            raise ValueError("sources must not be empty")
        for name, lowest in (
            ("batch", 2),
            ("passes", 1),
            ("crop", 32),
            ("resize", 32),
            ("epochs", 1),
            ("ramp", 0),
            ("seed", 0),
        ):
            value = getattr(self, name)
            if value is not None and value < lowest:
                raise ValueError(f"{name} must be at least {lowest}, got {value}")
        if self.resize is not None and self.resize < self.crop:
            raise ValueError(f"resize must be at least the crop, {self.crop}, got {self.resize}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate}")

    @classmethod
    def preset(cls, name: Preset, *, sources: SourcesLike, **options: Any) -> TrainConfig:
        """Give the configuration of a complete recipe.

        Parameters
        ----------
        name : {"shipped", "w20", "w20-sound"}
            Name of the recipe, one of `PRESETS`.
        sources : sequence of str or Path
            Images to learn from.
        options
            Parameters that override the recipe.

        Returns
        -------
        TrainConfig

        Raises
        ------
        ValueError
            There is no such recipe, or a parameter is out of range.

        Examples
        --------
        >>> config = TrainConfig.preset("w20", sources=["ForenSynths"], recipe="blur+jpeg-0.1")
        >>> config.recipe, config.resize, config.variant
        ('blur+jpeg-0.1', 256, 'as_published')
        """
        if name not in PRESETS:
            raise ValueError(f"preset must be one of {', '.join(PRESETS)}; got {name!r}")
        return cls(**{**PRESETS[name], "sources": tuple(map(str, as_paths(sources))), **options})

    def difficulty(self, epoch: int) -> float:
        """Difficulty of simulated fakes in an epoch, 0 .. 1.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        """
        return 1.0 if self.ramp == 0 else min(1.0, epoch / self.ramp)

    def faker(self, difficulty: float = 1.0) -> Faker:
        """Give the maker of random fakes, for `simulate`.

        Parameters
        ----------
        difficulty : float
            Difficulty of the fakes, 0 .. 1.
        """
        return Faker(self.simulate, self.align, self.shelf, difficulty)

    def window(self) -> Window:
        """Give the window that is cut from a photograph before a fake is made, with a margin for edges and crops."""
        return Window((self.crop + 2 * STEP) // STEP * STEP)

    def rate(self, part: float) -> float:
        """Learning rate of the cosine decay after a share of the steps.

        Parameters
        ----------
        part : float
            Share of the steps that are done, 0 .. 1.
        """
        warm = 0.05
        if part < warm:
            return self.learning_rate * (part + 0.001) / (warm + 0.001)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (part - warm) / (1 - warm)))

    def chain(self, difficulty: float = 1.0) -> Chain:
        """Give the transform of an image to learn from.

        Parameters
        ----------
        difficulty : float
            Probability of the augmentation, 0 .. 1.
        """
        augmented = self._augmented()
        if difficulty < 1:
            augmented = (Sometimes(Chain(augmented), difficulty),)
        return Chain((*self._resized(), *augmented, self._cut(), Sometimes(Flip(), 0.5)))

    def validation_chain(self) -> Chain:
        """Give the transform of an image to validate on."""
        augmented = validation_augmentation(self.recipe).steps if self.variant == "as_published" else ()
        return Chain((*self._resized(), *augmented, Crop(self.crop)))

    def to_json(self) -> dict[str, Any]:
        """The parameters as JSON values; without `labels` and `real` where there are none."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return {name: value for name, value in values.items() if value or name not in ("labels", "real")}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrainConfig:
        """Give the configuration from the values of `to_json`.

        Raises
        ------
        TypeError, ValueError
            The values are not those of a configuration.
        """
        known: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        if known.get("band") is not None:
            known["band"] = Band(**known["band"])
        return cls(**known)

    def chosen_sources(self) -> tuple[Sources, Sources]:
        """Give the sources to learn from and to validate on, with their labels."""
        sources = Sources(self.sources, labels=dict(self.labels), real=self.real)
        return sources, sources.alike(self.validation)

    def _cut(self) -> Perturbation:
        if self.input != "coherence" or self.crop < SMALLEST_PHOTO:
            return Crop(self.crop, "random")
        # The more tiles, the more coherent a lattice is: a detector must know images of many sizes.
        return OneOf(tuple(Crop(side, "random") for side in range(SMALLEST_PHOTO, self.crop + 1, SMALLEST_PHOTO // 2)))

    def _resized(self) -> tuple[Perturbation, ...]:
        return () if self.resize is None else (ResizeShorter(self.resize),)

    def _augmented(self) -> tuple[Perturbation, ...]:
        return augmentation(self.recipe, variant=self.variant).steps
