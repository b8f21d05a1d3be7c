"""Plain ways to tell real from fake images, to set a detector beside: it must beat them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from freqforensics.detector import ScoreTable
from freqforensics.detector.score_table import Score
from freqforensics.images import ImageReadError, decode_image, read_file
from freqforensics.perturbations.perturb import Crop
from freqforensics.runtime.parallel import map_reduce
from freqforensics.sources.records import ImageRecord
from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec, lattice_test, radial_profile
from freqforensics.training.batches import AugmentedImages, Simulated, draws_of
from freqforensics.training.recipe import TrainConfig
from freqforensics.training.train import index_configured
from freqforensics.training.training_set import pair_up

Uint8 = NDArray[np.uint8]

LATTICE: Final = "lattice-test"
PROFILE: Final = "radial-profile"
TILE: Final = 32
"""Side of the tiles that one image is cut into, pixels: a multiple of 16, so that a lattice has one phase in all."""


def lattice_logit(image: Uint8) -> float:
    """Score one image by the lattice test over its tiles.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        From 64 pixels: fewer than four tiles say nothing.

    Returns
    -------
    float
        -log10 of `lattice_test`'s p-value: 0 where nothing speaks for a lattice.

    Raises
    ------
    ValueError
        Fewer pixels.
    """
    height, width = image.shape[:2]
    if min(height, width) < 2 * TILE:
        raise ValueError(
            f"the lattice test needs an image of at least {2 * TILE}x{2 * TILE} pixels, got {width}x{height}"
        )
    accumulator = SpectrumAccumulator(SpectrumSpec(size=TILE))
    accumulator.update(
        image[top : top + TILE, left : left + TILE]
        for top in range(0, height - TILE + 1, TILE)
        for left in range(0, width - TILE + 1, TILE)
    )
    return -math.log10(max(lattice_test(accumulator.result()).p_value, 1e-300))


def profile_features(image: Uint8) -> NDArray[np.float64]:
    """Give the radial profile of an image's log power, in tiles (Durall et al., CVPR 2020).

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        From 32 pixels.

    Returns
    -------
    ndarray of float64, shape (TILE // 2,)
        Mean over Hann-windowed tiles of the log power of the grey image, ring by ring; DC left out, relative to the
        first ring, which is the image's contrast.
    """
    grey = image.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    window = np.hanning(TILE + 2)[1:-1]
    rows, columns = (range(0, side - TILE + 1, TILE // 2) for side in grey.shape)
    tiles = np.stack([grey[y : y + TILE, x : x + TILE] for y in rows for x in columns])
    tiles = (tiles - tiles.mean(axis=(1, 2), keepdims=True)) * window[:, None] * window
    power = np.log(np.abs(fft.fft2(tiles)) ** 2 + 1.0).mean(axis=0)
    values = radial_profile(np.fft.fftshift(power)).values
    return np.asarray(values[1:] - values[1], np.float64)


@dataclass(frozen=True, eq=False)
class ProfileClassifier:
    """Logistic regression on radial profiles, learnt from what a detector of the same configuration learns from.

    Parameters
    ----------
    model : Pipeline
        A pipeline of scikit-learn.
    images : int
        Learnt from.
    """

    model: Pipeline
    images: int

    def logit(self, image: Uint8) -> float:
        """Score an image."""
        return float(self.model.decision_function(profile_features(image)[None])[0])


def fit_profiles(config: TrainConfig, *, rounds: int = 2, progress: str | None = None) -> ProfileClassifier:
    """Fit the classifier to photographs and the fakes that a configuration makes of them.

    Parameters
    ----------
    config : TrainConfig
        With `simulate`; its sources, window, fakes and augmentation are used, crops are 64 pixels at least.
    rounds : int
        How many pairs are made of each photograph.
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    ProfileClassifier

    Raises
    ------
    ValueError
        The configuration simulates nothing; or as `index_training`.
    """
    if not config.simulate:
        raise ValueError("the configuration must simulate fakes")
    data = index_configured(config)
    draws = draws_of(pair_up(data.training))
    images = AugmentedImages(
        data.training,
        config.chain(),
        (config.seed, 0, 0),
        draws,
        simulate=Simulated(config.window(), config.faker()),
    )
    wanted = range(rounds * len(images))
    rows = map_reduce(
        list(wanted),
        lambda chunk: [(profile_features(image), fake) for image, fake in map(images.__getitem__, chunk)],
        lambda a, b: a + b,
        progress=progress,
    )
    features, fake = (np.array(column) for column in zip(*rows, strict=True))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1000))
    model.fit(features, fake)
    return ProfileClassifier(model, len(features))


def score_baseline(
    records: Sequence[ImageRecord],
    logit: Callable[[Uint8], float],
    *,
    name: str,
    crop: int | None = None,
    workers: int | None = None,
    progress: str | None = None,
) -> ScoreTable:
    """Score files by any function of an image.

    Parameters
    ----------
    records : sequence of ImageRecord
    logit : callable
        Image, uint8 (H, W, 3), to a number that is the greater the more likely it is fake.
    name : str
        Stands in place of the weights' hash.
    crop : int, optional
        Side of a central crop; what is smaller is taken whole. Default the whole image.
    workers : int, optional
    progress : str, optional

    Returns
    -------
    ScoreTable
        What cannot be read or scored is among its failures.
    """

    def score(chunk: Sequence[ImageRecord]) -> tuple[list[Score], list[tuple[str, str]]]:
        scores: list[Score] = []
        failures: list[tuple[str, str]] = []
        for record in chunk:
            try:
                image = decode_image(read_file(record.path), name=record.path, on_note=lambda _: None)
                value = logit(image if crop is None else Crop(min(crop, *image.shape[:2]))(image))
            except ImageReadError as error:
                failures.append((error.path, error.reason))
                continue
            except ValueError as error:
                failures.append((str(record.path), str(error)))
                continue
            scores.append(
                Score(
                    path=str(record.path),
                    sha256="",
                    label=record.label,
                    generator=record.generator,
                    category=record.category or "",
                    logit=value,
                    probability=float(expit(value)),
                    crop="none" if crop is None else f"center-{crop}",
                    weights=name,
                    warnings="",
                )
            )
        return scores, failures

    scores, failures = map_reduce(
        records, score, lambda a, b: (a[0] + b[0], a[1] + b[1]), workers=workers, progress=progress
    )
    return ScoreTable(tuple(scores), tuple(failures))
