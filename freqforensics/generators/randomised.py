"""Fakes drawn at random from photographs, while a detector learns: domain randomisation over upsamplers.

The same photograph never gives the same fake twice. What a fake has besides upsampling, its lost detail above all, is
taken from it as far as it can be: the pair of photo and fake is aligned.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from freqforensics.generators.polyphase import random_polyphase
from freqforensics.generators.registry import SHELF
from freqforensics.perturbations import (
    JPEG,
    Chain,
    ChromaSubsampling,
    Crop,
    OneOf,
    Perturbation,
    Resize,
    Sharpen,
    Sometimes,
)
from freqforensics.spectra import match_radial_power

if TYPE_CHECKING:
    from freqforensics.generators.miniature import Miniature

FakeKind = Literal["miniature", "polyphase"]
Alignment = Literal["radial", "mixup"]
Uint8 = NDArray[np.uint8]

PERIODS: Final = (2, 4, 8)
STRENGTHS: Final = (0.02, 0.3)
"""Range of the strength of kernels that keep the mean; drawn on a logarithmic scale."""
UNEVEN_STRENGTHS: Final = (0.0005, 0.02)
"""Range of the strength of other kernels, which make flat parts uneven by up to this times their brightness."""
GREATEST_MIXUP: Final = 0.7
STEP: Final = 16
"""Sides of what is passed through a miniature are multiples of it."""

HISTORY: Final = Chain(
    (
        Sometimes(
            OneOf(tuple(Resize((0.4, 1.0), kind) for kind in ("area", "antialiased", "bicubic", "lanczos"))), 0.8
        ),
        Sometimes(Resize((1.0, 1.6), "bicubic"), 0.1),
        Sometimes(Sharpen((0.2, 1.5)), 0.15),
        Sometimes(
            OneOf(
                (
                    ChromaSubsampling("nearest"),
                    ChromaSubsampling("bilinear"),
                    ChromaSubsampling("integer-up"),
                    ChromaSubsampling("integer-down"),
                )
            ),
            0.4,
        ),
        Sometimes(JPEG((60, 98), codec="either"), 0.3),
    )
)
"""Augmentation of photographs: resampling, sharpening, subsampling of colours, compression, or none of them. Without
integer subsampling a detector that sees coherence calls every image of Kodak's Photo CD fake."""


@dataclass(frozen=True)
class Faker:
    """Makes random fakes of photographs, to learn from.

    Parameters
    ----------
    kinds : tuple of {"miniature", "polyphase"}
        One is drawn for each fake: a miniature out of those on the `shelf`, or `random_polyphase` with random period,
        strength and kernel.
    alignment : tuple of {"radial", "mixup"}
        "radial": `match_radial_power` of the fake to its photo. "mixup": r photo + (1 - r) fake, r uniform in
        0 .. `GREATEST_MIXUP` (Chen et al., NeurIPS 2025).
    shelf : str, optional
        Folder of fitted miniatures; default those that ship. Every ``.safetensors`` in it or below is one.
    difficulty : float
        0 .. 1; 1 is as described above. With a lower difficulty filters are stronger, less of the photo is mixed in,
        and only this share of the fakes gets its photo's power. A detector that begins with the hardest learns nothing.

    Raises
    ------
    ValueError
        An unknown kind or alignment, no kind, or a difficulty out of range.
    """

    kinds: tuple[FakeKind, ...] = ("miniature", "polyphase")
    alignment: tuple[Alignment, ...] = ("radial", "mixup")
    shelf: str | None = None
    difficulty: float = 1.0

    def __post_init__(self) -> None:
        for name, choices in (("kinds", get_args(FakeKind)), ("alignment", get_args(Alignment))):
            unknown = [value for value in getattr(self, name) if value not in choices]
            if unknown:
                raise ValueError(f"{name} must be of {', '.join(choices)}; got {unknown[0]!r}")
        if not self.kinds:
            raise ValueError("kinds must not be empty")
        if not 0 <= self.difficulty <= 1:
            raise ValueError(f"difficulty must lie between 0 and 1, got {self.difficulty}")

    def __call__(self, photo: Uint8, rng: np.random.Generator) -> Uint8:
        """Make a fake of a photo.

        Parameters
        ----------
        photo : ndarray of uint8, (H, W, 3)
            Photograph from 64 pixels.
        rng : numpy.random.Generator
            Random generator of the fake.

        Returns
        -------
        ndarray of uint8, shape of `photo`
        """
        fake: NDArray[np.float32]
        if self.kinds[int(rng.integers(len(self.kinds)))] == "polyphase":
            fake = _filtered(photo, rng, self.difficulty)
        else:
            shelf = miniatures_on(self.shelf)
            fake = shelf[int(rng.integers(len(shelf)))].regenerate([photo])[0].astype(np.float32)
        if "radial" in self.alignment and rng.random() < self.difficulty:
            fake = match_radial_power(fake, photo)
        if "mixup" in self.alignment:
            share = np.float32(rng.uniform(0.0, GREATEST_MIXUP * self.difficulty))
            fake = share * photo + (1 - share) * fake
        return np.asarray(np.clip(np.rint(fake), 0, 255), np.uint8)


@dataclass(frozen=True)
class Window(Perturbation):
    """A random square of an augmented photograph.

    Parameters
    ----------
    size : int
        Side of the square; smaller photos are enlarged.
    """

    size: int

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Cut a window."""
        photograph = HISTORY(image, rng)
        shorter = min(photograph.shape[:2])
        if shorter < self.size:
            # A photograph that the augmentation made too small is used as it was.
            photograph = (
                image
                if min(image.shape[:2]) >= self.size
                else Resize(self.size / shorter + 0.01, "bicubic")(photograph)
            )
        return np.ascontiguousarray(Crop(self.size, "random")(photograph, rng))


def miniature_files(shelf: str | Path | None) -> list[Path]:
    """List the fitted miniatures of a folder, by default the one that ships.

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    folder = SHELF if shelf is None else Path(shelf)
    paths = sorted(folder.rglob("*.safetensors"))
    if not paths:
        raise FileNotFoundError(f"no fitted miniature in {folder}: freqforensics fit-generator makes them")
    return paths


@lru_cache(maxsize=4)
def miniatures_on(shelf: str | None) -> tuple[Miniature, ...]:
    """Load every miniature of a folder, in the order of their paths.

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    paths = miniature_files(shelf)
    from freqforensics.generators.storage import load_miniature

    return tuple(load_miniature(path).model for path in paths)


def _filtered(photo: Uint8, rng: np.random.Generator, difficulty: float) -> NDArray[np.float32]:
    even = bool(rng.random() < 0.6)
    weakest, strongest = np.log(STRENGTHS if even else UNEVEN_STRENGTHS)
    weakest = strongest + difficulty * (weakest - strongest)
    return random_polyphase(
        photo.astype(np.float32),
        rng,
        period=int(rng.choice(PERIODS)),
        strength=float(np.exp(rng.uniform(weakest, strongest))),
        kernel=int(rng.choice((3, 5))),
        preserve_mean=even,
        per_colour=bool(rng.random() < 0.5),
    )
