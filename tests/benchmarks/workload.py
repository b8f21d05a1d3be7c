"""How much a benchmark run measures, and the images that it measures on: made here, the same in every run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Uint8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Scale:
    """Number of images, sides in pixels, and repetitions."""

    name: str
    rounds: int
    images: int
    costly_images: int
    huge_images: int
    share: int
    """Images that a slow way gets; its time is taken as linear in their number."""
    counts: tuple[int, ...]
    megapixels: tuple[float, ...]
    steps: tuple[int, ...]
    inspected_side: int


SCALES: Final = {
    "full": Scale(
        "full", 3, 1000, 200, 50, 40, (100, 1000, 10_000, 100_000), (0.1, 0.5, 2.0, 10.0, 50.0), (8, 16, 32, 64), 512
    ),
    "short": Scale("short", 3, 200, 60, 10, 20, (100, 1000, 10_000), (0.1, 0.5, 2.0, 10.0), (8, 16, 32), 512),
    "quick": Scale("quick", 1, 16, 4, 1, 2, (20, 60), (0.1, 0.5), (2, 4), 96),
}
SCALE: Final = SCALES[os.environ.get("BENCH", "full")]
MOST: Final = int(os.environ.get("BENCH_IMAGES", SCALE.counts[-1]))
"""Largest number of images of the curves."""
COUNTS: Final = tuple(count for count in SCALE.counts if count <= MOST)


def photo_like(seed: int, height: int, width: int) -> Uint8:
    """Draw a 1/f picture with sensor noise, RGB: it compresses like a photograph."""
    rng = np.random.default_rng(seed)
    side = min(2048, max(height, width))
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)
    amplitude = 1 / np.maximum(np.hypot(fy, fx), 1 / side)
    planes = [np.fft.irfft2(np.fft.rfft2(rng.normal(0, 1, (side, side))) * amplitude) for _ in range(3)]
    colours = planes[0][..., None] + 0.2 * np.stack(planes, axis=-1)
    picture = 128 + 45 * colours / colours.std() + rng.normal(0, 4, colours.shape)
    whole = np.clip(picture, 0, 255).astype(np.uint8)
    repeats = (-(-height // side), -(-width // side), 1)
    return np.ascontiguousarray(np.tile(whole, repeats)[:height, :width])


def write_images(folder: Path, count: int, shape: tuple[int, int], form: str, *, distinct: int = 20) -> Path:
    """Write images that all differ: a few pictures, rolled to other origins. JPEG has quality 90, 4:2:0."""
    folder.mkdir(parents=True)
    height, width = shape
    pictures = [cv2.cvtColor(photo_like(n, height, width), cv2.COLOR_RGB2BGR) for n in range(min(distinct, count))]
    options: dict[str, list[int]] = {"jpg": [cv2.IMWRITE_JPEG_QUALITY, 90], "png": []}
    for index in range(count):
        # 17 and 23 share no factor with the sides: no two rolls of one picture are alike.
        turn = index // len(pictures)
        rolled = np.roll(pictures[index % len(pictures)], (17 * turn % height, 23 * (turn // height) % width), (0, 1))
        encoded: Any = cv2.imencode(f".{form}", rolled, options[form])[1]
        (folder / f"{index:06d}.{form}").write_bytes(encoded.tobytes())
    return folder


def write_sides(root: Path, generators: int, count: int, shape: tuple[int, int], form: str) -> Path:
    """Write ``<generator>/{0_real,1_fake}``, each of `count` images of its own."""
    for number in range(generators):
        height, width = shape
        for side, label in enumerate(("0_real", "1_fake")):
            folder = root / f"generator{number}" / label
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = photo_like(10_000 * number + 1000 * side + index, height, width)
                encoded: Any = cv2.imencode(f".{form}", pixels[..., ::-1])[1]
                (folder / f"{index:04d}.{form}").write_bytes(encoded.tobytes())
    return root


def files(folder: Path) -> list[Path]:
    """List the images of a folder, deeper ones too."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
