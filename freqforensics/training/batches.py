"""Batches of a training: images as one epoch sees them, and what the network is fed with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from freqforensics.detector.lanes import one_thread_each
from freqforensics.detector.resnet import InputKind, prepare_input
from freqforensics.generators.randomised import Faker, Window
from freqforensics.images import read_image
from freqforensics.perturbations.perturb import Perturbation
from freqforensics.sources.records import ImageRecord
from freqforensics.spectra import Band

Uint8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Simulated:
    """How a pair is made of a photograph.

    Parameters
    ----------
    window : Window
    faker : Faker
    """

    window: Window
    faker: Faker

    def __call__(self, photo: Uint8, key: Sequence[int], *, fake: bool) -> Uint8:
        """Give the real or the fake one; of one key, both show the same window."""
        cut = self.window(photo, np.random.default_rng([*key, 1]))
        return self.faker(cut, np.random.default_rng([*key, 2])) if fake else cut


class AugmentedImages(Dataset[tuple[Uint8, bool]]):
    """Images as one epoch sees them: what is drawn depends on seed, epoch and index alone.

    Parameters
    ----------
    records : sequence of ImageRecord
    chain : Perturbation
    key : tuple of int
        Seed, side of the split, epoch.
    draws : sequence of int, optional
        Images of one number are treated alike; default each on its own.
    simulate : Simulated, optional
        Records are photographs; the fakes among them are made.
    """

    def __init__(
        self,
        records: Sequence[ImageRecord],
        chain: Perturbation,
        key: tuple[int, ...],
        draws: Sequence[int] | None = None,
        *,
        simulate: Simulated | None = None,
    ) -> None:
        self.simulate = simulate
        self.records, self.chain, self.key = records, chain, key
        self.draws = range(len(records)) if draws is None else draws

    def __len__(self) -> int:
        """Count the images."""
        return len(self.records)

    def __getitem__(self, index: int) -> tuple[Uint8, bool]:
        """Give an image and whether it is fake; from the number of images on, the same ones drawn anew."""
        again, index = divmod(index, len(self.records))
        record = self.records[index]
        image = read_image(record.path, on_note=lambda _: None)
        fake, key = record.label == "fake", (*self.key, again, self.draws[index])
        if self.simulate is not None:
            with one_thread_each():  # what a miniature gives depends on the number of threads, in its last digits
                image = self.simulate(image, key, fake=fake)
        return self.chain(image, np.random.default_rng(key)), fake


@dataclass(frozen=True)
class Collate:
    """Images to what the network is fed with, and truths: float tensors (N, 3, H, W) and (N,).

    They are of one size, but for "coherence", which is.
    """

    input: InputKind
    band: Band | None

    def __call__(self, batch: Sequence[tuple[Uint8, bool]]) -> tuple[Tensor, Tensor]:
        """Stack a batch."""
        images, fake = zip(*batch, strict=True)
        if self.input == "coherence":
            prepared = torch.cat([prepare_input([image], self.input, band=self.band) for image in images])
        else:
            prepared = prepare_input(images, self.input, band=self.band)
        return prepared.contiguous(memory_format=torch.channels_last), torch.tensor(fake, dtype=torch.float32)


def work_alone(worker: int) -> None:
    """Give a process that prepares batches one thread: more would take the network's."""
    import cv2

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"


def draws_of(groups: Sequence[Sequence[int]]) -> list[int]:
    """Give for each image the number of its group: what `AugmentedImages` treats alike."""
    return [number for _, number in sorted((index, n) for n, group in enumerate(groups) for index in group)]
