"""Batches for the everyday detector: photographs, and pairs of a photograph and its fake, laundered alike.

A fake differs from its photograph in nothing but the network that it went through. What both went through afterwards
speaks for neither; what only photographs show, as a camera's demosaicing and its JPEG do, is learnt from photographs
that have no fake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from freqforensics.detector.resnet import InputKind, prepare_input
from freqforensics.images import read_image
from freqforensics.perturbations import JPEG, Resize
from freqforensics.sources.records import ImageRecord
from freqforensics.sources.sources import index_sources
from freqforensics.spectra import match_radial_power
from freqforensics.training.everyday_sources import WeightedSource as WeightedSource
from freqforensics.training.laundering import DOWN, draw_laundering

Uint8 = NDArray[np.uint8]
_T = TypeVar("_T")

SIZES: Final = ((64, 30), (96, 13), (96, 13), (128, 8))
"""Side of the crops and pairs in a batch; one is drawn for each batch. About as many pixels in each."""
VIEW: Final = (224, 12)
"""The same for detectors of coherence, which see a whole view."""
CHROMA: Final = 0.4
"""For detectors of coherence: share of histories with subsampled colours, which leave lines at 1/2 in photographs."""
PHOTOGRAPHS: Final = 0.7
"""Photographs without a fake for each pair."""
REDUCED: Final = 600
"""Shorter side, pixels, from which a photograph may be made smaller, as is what a camera takes."""
_LARGEST: Final = 2400
_GRID: Final = 8


@dataclass(frozen=True, eq=False)
class EverydayImages:
    """What batches are drawn from.

    Parameters
    ----------
    photographs : tuple of (float, tuple of Path)
        Weight and files of every source.
    pairs : tuple of (float, tuple of tuple of (Path, Path))
        Weight of every source, and of each of its generators the files of photograph and fake.
    notes : tuple of str
        Files that were skipped, and why.
    """

    photographs: tuple[tuple[float, tuple[Path, ...]], ...]
    pairs: tuple[tuple[float, tuple[tuple[tuple[Path, Path], ...], ...]], ...]
    notes: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """Count files and pairs."""
        return {
            "photographs": sum(len(files) for _, files in self.photographs),
            "pairs": sum(len(pairs) for _, sets in self.pairs for pairs in sets),
            "networks": sum(len(sets) for _, sets in self.pairs),
        }


def index_everyday(photographs: Sequence[WeightedSource], pairs: Sequence[WeightedSource]) -> EverydayImages:
    """List photographs and pairs.

    Parameters
    ----------
    photographs : sequence of WeightedSource
        Folders or tables of photographs; images labelled fake are skipped.
    pairs : sequence of WeightedSource
        Folders of ``<network>/{0_real,1_fake}``, both sides of a pair of one name: `simulate` writes them.

    Returns
    -------
    EverydayImages

    Raises
    ------
    ValueError, FileNotFoundError
        No photograph, no pair in a source; as `index_sources`.
    """
    notes: list[str] = []
    real: list[tuple[float, tuple[Path, ...]]] = []
    for source in photographs:
        files = tuple(r.path for r in index_sources([source.path], on_note=notes.append) if r.label != "fake")
        if not files:
            raise ValueError(f"no photograph in {source.path}")
        real.append((source.weight, files))
    sets: list[tuple[float, tuple[tuple[tuple[Path, Path], ...], ...]]] = []
    for source in pairs:
        networks = _pairs(index_sources([source.path], on_note=notes.append))
        if not networks:
            raise ValueError(f"no pair of a photograph and its fake in {source.path}")
        sets.append((source.weight, networks))
    if not real or not sets:
        raise ValueError("photographs and pairs must not be empty")
    return EverydayImages(tuple(real), tuple(sets), tuple(notes))


def _pairs(records: Sequence[ImageRecord]) -> tuple[tuple[tuple[Path, Path], ...], ...]:
    sides: dict[Path, dict[str, dict[str, Path]]] = {}
    for record in records:
        network = sides.setdefault(record.path.parent.parent, {"real": {}, "fake": {}})
        network.setdefault(record.label, {})[record.path.stem] = record.path
    pairs = []
    for _, side in sorted(sides.items()):
        shared = sorted(side["real"].keys() & side["fake"].keys())
        if shared:
            pairs.append(tuple((side["real"][name], side["fake"][name]) for name in shared))
    return tuple(pairs)


class EverydayBatches(Dataset[tuple[Tensor, Tensor]]):
    """Batch number k of a training, drawn from seed and k alone: a training that is resumed sees the same ones.

    Parameters
    ----------
    images : EverydayImages
        What batches are drawn from.
    input : {"local", "coherence"}
        What the network is fed with.
    steps : int
        Number of batches of the whole training.
    first : int
        Number of the first batch that is given.
    seed : int
        Random seed of all batches.
    """

    def __init__(
        self,
        images: EverydayImages,
        input: InputKind,  # noqa: A002 - the field's word
        steps: int,
        *,
        first: int = 0,
        seed: int = 0,
    ) -> None:
        self.images, self.input, self.steps, self.first, self.seed = images, input, steps, first, seed
        self.chroma = CHROMA if input == "coherence" else 0.0

    def __len__(self) -> int:
        """Count the batches that are left."""
        return self.steps - self.first

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Give prepared images (N, 3, H, W), and 1.0 for the fake ones, (N,)."""
        rng = np.random.default_rng([self.seed, self.first + index])
        size, count = VIEW if self.input == "coherence" else SIZES[int(rng.integers(len(SIZES)))]
        crops: list[Uint8] = []
        fake: list[float] = []
        for _ in range(count):
            crops += self._pair(size, rng)
            fake += [0.0, 1.0]
        for _ in range(round(PHOTOGRAPHS * count)):
            crops.append(self._photograph(size, rng))
            fake.append(0.0)
        turned = [np.ascontiguousarray(self._turned(crop, rng)) for crop in crops]
        return prepare_input(turned, self.input), torch.tensor(fake)

    def _pair(self, size: int, rng: np.random.Generator) -> list[Uint8]:
        sets = _weighted(self.images.pairs, rng)
        pairs = sets[int(rng.integers(len(sets)))]
        real, fake = (_read(path) for path in pairs[int(rng.integers(len(pairs)))])
        if rng.random() < 0.1:
            fake = _rounded(match_radial_power(fake, real))
        if rng.random() < 0.18:  # mixup (Chen et al., NeurIPS 2025)
            part = np.float32(rng.uniform(0.0, 0.5))
            fake = _rounded(part * real + (1 - part) * fake.astype(np.float32))
        reach = min(round(2.2 * size), *real.shape[:2])
        top, left = _corner(real, reach, rng, grid=_GRID)
        chain, seed = draw_laundering(rng, chroma=self.chroma), int(rng.integers(2**31))
        sides = [
            chain(np.ascontiguousarray(side[top : top + reach, left : left + reach]), np.random.default_rng(seed))
            for side in (real, fake)
        ]
        if rng.random() < 0.12:  # one side alone is compressed, so that JPEG speaks for neither
            again = JPEG(int(rng.integers(75, 99)), "4:4:4" if rng.random() < 0.5 else "4:2:0")
            alone = int(rng.random() < 0.6)
            sides[alone] = again(sides[alone])
        return [_cut(side, size, np.random.default_rng(seed + 1)) for side in sides]

    def _photograph(self, size: int, rng: np.random.Generator) -> Uint8:
        files = _weighted(self.images.photographs, rng)
        image = _read(files[int(rng.integers(len(files)))])
        shorter = min(image.shape[:2])
        reach = round(2.2 * size)
        if shorter >= REDUCED and rng.random() < 0.5:
            scale = float(rng.uniform(0.25, 0.8))
            image = _square(image, min(shorter, round(reach / scale)), rng)
            image = Resize(scale, DOWN[int(rng.integers(len(DOWN)))])(image)
        else:
            image = _square(image, min(shorter, reach), rng)
        if rng.random() < 0.5:
            image = draw_laundering(rng, chroma=self.chroma)(image, rng)
        return _cut(image, size, rng)

    def _turned(self, crop: Uint8, rng: np.random.Generator) -> Uint8:
        """Flip, and of local residuals turn, too: coherence has its axes."""
        if self.input != "coherence" and rng.random() < 0.5:
            crop = np.asarray(np.rot90(crop, int(rng.integers(4))))
        return crop[:, ::-1] if rng.random() < 0.5 else crop


@lru_cache(maxsize=20_000)
def _read(path: Path) -> Uint8:
    """Read an image, of huge ones the upper left part; kept."""
    image = read_image(path, on_note=lambda _: None)
    return image if max(image.shape[:2]) <= _LARGEST else np.ascontiguousarray(image[:_LARGEST, :_LARGEST])


def _weighted(sources: Sequence[tuple[float, _T]], rng: np.random.Generator) -> _T:
    weights = np.array([weight for weight, _ in sources])
    return sources[int(rng.choice(len(sources), p=weights / weights.sum()))][1]


def _corner(image: Uint8, side: int, rng: np.random.Generator, *, grid: int = 1) -> tuple[int, int]:
    top, left = (int(rng.integers((length - side) // grid + 1)) * grid for length in image.shape[:2])
    return top, left


def _square(image: Uint8, side: int, rng: np.random.Generator) -> Uint8:
    """A square on the grid of JPEG's blocks."""
    top, left = _corner(image, side, rng, grid=_GRID)
    return np.ascontiguousarray(image[top : top + side, left : left + side])


def _cut(image: Uint8, size: int, rng: np.random.Generator) -> Uint8:
    """A square anywhere; what is smaller is continued by reflection."""
    below, right = (max(0, size - length) for length in image.shape[:2])
    if below or right:
        image = np.asarray(cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REFLECT), np.uint8)
    top, left = _corner(image, size, rng)
    return image[top : top + size, left : left + size]


def _rounded(image: NDArray[np.float32]) -> Uint8:
    return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)
